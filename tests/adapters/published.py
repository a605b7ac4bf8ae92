"""The interfaces of vLLM 0.33.0 and SGLang 0.5.23 as facts, and small engines that drive them as published.

What is written here was read from the released packages; the files are named at each class. Only what an adapter meets
is described: names, arguments, and the order of calls.
"""

from __future__ import annotations

import random
import sys
import types
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import numpy as np
import pytest
import torch

import retort


@dataclass
class VllmParams:
    """vllm/sampling_params.py, SamplingParams: the fields that matter here."""

    extra_args: dict[str, Any] | None = None
    temperature: float = 1.0
    seed: int | None = None


class MoveDirectionality(Enum):
    """vllm/v1/sample/logits_processor/interface.py."""

    UNIDIRECTIONAL = auto()
    SWAP = auto()


@dataclass(frozen=True)
class BatchUpdate:
    """vllm/v1/sample/logits_processor/interface.py: removed, then added, then moved; output ids by reference."""

    batch_size: int
    removed: Sequence[int] = ()
    added: Sequence[tuple[int, VllmParams, list[int] | None, list[int]]] = ()
    moved: Sequence[tuple[int, int, MoveDirectionality]] = ()


class V1LogitsProcessor(ABC):
    """vllm/v1/sample/logits_processor/interface.py, LogitsProcessor."""

    @classmethod
    def validate_params(cls, sampling_params: VllmParams) -> None:
        return None

    @abstractmethod
    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None: ...
    @abstractmethod
    def apply(self, logits: torch.Tensor) -> torch.Tensor: ...
    @abstractmethod
    def is_argmax_invariant(self) -> bool: ...
    @abstractmethod
    def update_state(self, batch_update: BatchUpdate | None) -> None: ...


class V2LogitsProcessor(ABC):
    """vllm/v1/worker/gpu/sample/logits_processor/interface.py, LogitsProcessor."""

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        return None

    @classmethod
    def validate_params(cls, sampling_params: VllmParams) -> None:
        return None

    def add_request(self, req_idx: int, sampling_params: VllmParams) -> bool:
        return True

    def apply_staged_writes(self) -> None:
        return None

    @abstractmethod
    def apply(self, logits: torch.Tensor, ctx: V2Context) -> torch.Tensor: ...


@dataclass(frozen=True)
class V2Context:
    """vllm/v1/worker/gpu/sample/logits_processor/interface.py, LogitsContext."""

    expanded_idx_mapping: torch.Tensor
    idx_mapping: torch.Tensor
    idx_mapping_np: np.ndarray
    expanded_local_pos: torch.Tensor
    input_ids: torch.Tensor
    pos: torch.Tensor
    seq_lens_upper_bound_np: np.ndarray


@dataclass
class Buffer:
    """vllm/v1/worker/gpu/buffer_utils.py: the tensor on the device, and for some buffers its copy on the host."""

    gpu: torch.Tensor
    np: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.np = self.gpu.numpy()


@dataclass
class V2RequestState:
    """vllm/v1/worker/gpu/sample/logits_processor/interface.py, LogitsProcRequestState."""

    all_token_ids: Buffer
    prompt_len: Buffer
    total_len: Buffer


class CustomLogitProcessor(ABC):
    """sglang/srt/sampling/custom_logit_processor.py; made without arguments, again whenever a batch is built."""

    @abstractmethod
    def __call__(
        self, logits: torch.Tensor, custom_param_list: list[dict[str, Any]] | None = None
    ) -> torch.Tensor: ...


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`vllm` and `sglang` as importable modules that hold the classes above."""
    for path, name, value in (
        ("vllm.v1.sample.logits_processor.interface", "LogitsProcessor", V1LogitsProcessor),
        ("vllm.v1.worker.gpu.sample.logits_processor.interface", "LogitsProcessor", V2LogitsProcessor),
        ("sglang.srt.sampling.custom_logit_processor", "CustomLogitProcessor", CustomLogitProcessor),
    ):
        parts = path.split(".")
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            if module not in sys.modules:
                monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
        setattr(sys.modules[path], name, value)
    yield
    for adapter in (
        retort.adapters.vllm,
        retort.adapters.sglang,
    ):  # classes made from the modules that go now
        for name in ("ChainLogitsProcessor", "ChainLogitsProcessorV2", "ChainLogitProcessor"):
            vars(adapter).pop(name, None)


@dataclass
class Request:
    """A request in a fake engine: `logits(step)` are its own whatever row it is in."""

    number: int
    params: VllmParams
    prompt: list[int]
    output: list[int] = field(default_factory=list)

    def logits(self, vocab: int, extra: Sequence[int] = ()) -> torch.Tensor:
        seed = hash((self.number, *self.prompt, *self.output, *extra)) & 0x7FFFFFFF
        return torch.randn(vocab, generator=torch.Generator().manual_seed(seed)) * 3


class V1Engine:
    """A persistent batch as vLLM keeps it: freed rows are refilled, the last row fills a hole, rows get swapped."""

    def __init__(self, processor: V1LogitsProcessor, seed: int) -> None:
        self.processor = processor
        self.rows: list[Request] = []
        self._random = random.Random(seed)

    def step(self, arriving: list[Request], vocab: int) -> list[tuple[Request, torch.Tensor, torch.Tensor]]:
        """Change the batch, then (request, its logits, its processed logits) of every row; each takes the largest."""
        update = self._change(arriving)
        self.processor.update_state(update)
        raw = torch.stack([request.logits(vocab) for request in self.rows])
        processed = self.processor.apply(raw.clone())
        seen = [(request, *pair) for request, *pair in zip(self.rows, raw, processed, strict=True)]
        return seen

    def _change(self, arriving: list[Request]) -> BatchUpdate | None:
        leaving = [row for row in range(len(self.rows)) if self._random.random() < 0.2]
        holes = sorted(leaving)
        added = []
        for request in arriving:
            row = holes.pop(0) if holes else len(self.rows)
            self.rows[row : row + 1] = [request]
            added.append((row, request.params, request.prompt, request.output))
        moved: list[tuple[int, int, MoveDirectionality]] = []
        removed = sorted(holes, reverse=True)  # the refilled rows are not reported as removed
        live = [row for row in range(len(self.rows)) if row not in holes]
        while holes and live and holes[0] < live[-1]:
            last, hole = live.pop(), holes.pop(0)
            self.rows[hole] = self.rows[last]
            moved.append((last, hole, MoveDirectionality.UNIDIRECTIONAL))
            live = sorted([*live, hole])
        self.rows = [self.rows[row] for row in live]
        if len(self.rows) > 1 and self._random.random() < 0.5:
            first, second = self._random.sample(range(len(self.rows)), 2)
            self.rows[first], self.rows[second] = self.rows[second], self.rows[first]
            moved.append((first, second, MoveDirectionality.SWAP))
        return BatchUpdate(len(self.rows), removed, added, moved) if removed or added or moved else None
