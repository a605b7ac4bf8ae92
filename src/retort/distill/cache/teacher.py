"""The teacher of a capture: documents to token ids, and windows of them to log-probabilities.

A document's first token is predicted from the marker that stands between documents, if the teacher has one, and the
marker that ends a document is a position like any other. Documents longer than the teacher's context (or `--context`)
are read in windows, each of which sees one token of the window before.

Legend: B windows, L longest window, V vocabulary.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from retort.distill.data.records import Record, plain_text
from retort.distill.data.rendering import Renderer
from retort.distill.losses.mixture import averaged_logits, match_vocabulary
from retort.distill.models import fingerprint
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source


@dataclass(frozen=True)
class Window:
    """Positions of a document from `offset` on, and the tokens `inputs` that the teacher reads, one for each."""

    document: int
    offset: int
    inputs: tuple[int, ...]


class Reader(Protocol):
    """What a teacher is called, and its tokenizer."""

    name: str
    revision: str
    tokenizer: str
    dtype: str
    vocab_size: int
    max_context: int | None
    teachers: int

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        """Token ids of each document, its end marker included; `first` is the first one's number, for messages."""

    def token_texts(self) -> list[str]:
        """How each token is shown, by id."""


class Teacher(Reader, Protocol):
    """What `capture` needs of a model whose whole distribution is known."""

    def windows(self, document: int, ids: Sequence[int], context: int) -> list[Window]:
        """The windows that predict a document, in order."""

    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        """`[positions, V]` float32 logits of all windows, one after another, to be tempered by `temperature`.

        -inf where there is no token. One model's logits are the same at every temperature.
        """


def open_teacher(name: str, dtype: str) -> Teacher:
    """The teacher behind a MODEL string, or several averaged: `A + B`, with weights `2*A + 1*B`.

    Raises CapabilityError for one that tells only its best tokens, InputError for several that do not fit together.
    """
    from retort.sources.load import load

    parts = [part.strip() for part in name.split(" + ")]
    if len(parts) > 1:
        return MixedTeacher([_weighted(part, name, dtype) for part in parts])

    source = load(name)
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"{name} is a recording of most probable tokens, and a capture needs the model itself; give "
            f"a model that runs here, or the server (http://host:port/v1#name) with codec topk:K."
        )
    if isinstance(getattr(source, "model", None), torch.nn.Module):
        return NetworkTeacher(source, dtype)
    return SteppedTeacher(source)


def _weighted(part: str, name: str, dtype: str) -> tuple[Teacher, float]:
    """One of several teachers and its weight: `2*MODEL`, or `MODEL`, which weighs 1."""
    written, star, model = part.partition("*")
    try:
        weight = float(written) if star else 1.0
    except ValueError:
        weight, model = 1.0, part  # a name with a star in it
    model = model if star else part
    if not model.strip() or not 0 < weight < math.inf:
        raise InputError(
            f"teacher is {name!r}, and {part!r} in it is not a MODEL with a weight above 0; write A + B, or 2*A + 1*B."
        )
    return open_teacher(model.strip(), dtype), weight


def _split(document: int, ids: Sequence[int], marker: int | None, context: int) -> list[Window]:
    """Windows of at most `context` inputs; without a marker in front the first token is not predicted."""
    readable = [*([] if marker is None else [marker]), *ids]
    first = 0 if marker is not None else 1
    return [
        Window(document, first + begin, tuple(readable[begin : min(begin + context, len(readable) - 1)]))
        for begin in range(0, len(readable) - 1, context)
    ]


def tokenizer_hash(tokenizer: Any) -> str:
    """SHA-256 of a Hugging Face tokenizer's vocabulary, tokens and ids."""
    vocabulary = json.dumps(sorted(tokenizer.get_vocab().items()), ensure_ascii=False)
    return hashlib.sha256(vocabulary.encode()).hexdigest()


class NetworkTeacher:
    """A transformers model: one forward pass for a batch of windows, padded on the right."""

    teachers = 1

    def __init__(self, source: Any, dtype: str) -> None:
        self.name, self.dtype = source.name, dtype
        self._source = source
        self._model = source.model.to(getattr(torch, dtype)).eval().requires_grad_(False)
        self._tokenizer = source.tokenizer
        self.revision = fingerprint(self._model)
        self.tokenizer = tokenizer_hash(self._tokenizer)
        self.vocab_size = len(self._tokenizer)
        self.max_context = source.max_context
        self._end = self._tokenizer.eos_token_id
        start = self._tokenizer.bos_token_id
        self._start = self._end if start is None else start
        # Padding of a table to a round size is nobody's token; the tokenizer's own holes are neither.
        self._unused = torch.from_numpy(np.asarray(source.unused[: self.vocab_size]))

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        render = Renderer(self._tokenizer, self._end)
        return [one.ids for one in render(documents, range(first, first + len(documents)))]

    def windows(self, document: int, ids: Sequence[int], context: int) -> list[Window]:
        return _split(document, ids, self._start, context)

    @torch.no_grad()
    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        longest = max(len(window.inputs) for window in windows)
        # Padded on the right: a causal model never looks there, so any token will do.
        ids = torch.zeros((len(windows), longest), dtype=torch.long)
        for row, window in enumerate(windows):
            ids[row, : len(window.inputs)] = torch.tensor(window.inputs)
        device = next(self._model.parameters()).device
        logits_BLV = self._model(input_ids=ids.to(device), use_cache=False).logits
        lengths = torch.tensor([len(window.inputs) for window in windows])
        full = bool((lengths == longest).all())
        rows = (
            logits_BLV.flatten(0, 1)
            if full
            else logits_BLV[torch.arange(longest)[None, :] < lengths[:, None]]
        )
        rows = match_vocabulary(rows.float(), self.vocab_size).cpu()
        return rows.masked_fill(self._unused, float("-inf")) if bool(self._unused.any()) else rows

    def token_texts(self) -> list[str]:
        return [self._source.token_text(token) for token in range(self.vocab_size)]


class MixedTeacher:
    """Several teachers with one vocabulary as one: the weighted mean of their probabilities at tau, as in training."""

    def __init__(self, members: Sequence[tuple[Teacher, float]]) -> None:
        self._teachers = [teacher for teacher, _ in members]
        self.teachers = len(members)
        total = sum(weight for _, weight in members)
        self._shares = [weight / total for _, weight in members]
        first = self._teachers[0]
        for other in self._teachers[1:]:
            if (other.tokenizer, other.vocab_size) != (first.tokenizer, first.vocab_size):
                raise InputError(
                    f"teachers {first.name!r} and {other.name!r} have different vocabularies"
                    f" (SHA-256 {first.tokenizer} and {other.tokenizer}); their probabilities can be averaged only over"
                    " the same tokens."
                )
        self.name = " + ".join(
            f"{weight:g}*{teacher.name}" if len({w for _, w in members}) > 1 else teacher.name
            for teacher, weight in members
        )
        self.tokenizer, self.dtype, self.vocab_size = first.tokenizer, first.dtype, first.vocab_size
        told = " ".join(
            f"{share:.12g} {one.revision}" for share, one in zip(self._shares, self._teachers, strict=True)
        )
        self.revision = hashlib.sha256(told.encode()).hexdigest()
        self.max_context = min(
            (one.max_context for one in self._teachers if one.max_context is not None), default=None
        )

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        return self._teachers[0].encode(documents, first)

    def windows(self, document: int, ids: Sequence[int], context: int) -> list[Window]:
        return self._teachers[0].windows(document, ids, context)

    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        return averaged_logits([one.logits(windows) for one in self._teachers], self._shares, temperature)

    def token_texts(self) -> list[str]:
        return self._teachers[0].token_texts()


class SteppedTeacher:
    """Any other source that knows its whole distribution: asked token by token, all windows of a batch at once."""

    dtype = "float64"
    teachers = 1

    def __init__(self, source: Source) -> None:
        self.name, self.vocab_size, self.max_context = source.name, source.vocab_size, source.max_context
        self._source = source
        texts = json.dumps(self.token_texts(), ensure_ascii=False)
        self.tokenizer = hashlib.sha256(texts.encode()).hexdigest()
        self._start = source.encode("")[:1]
        answer = source.start([self._start or [0]]).logits
        self.revision = hashlib.sha256(np.ascontiguousarray(answer).tobytes()).hexdigest()

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        end = sorted(self._source.end_ids)[:1]
        texts = [plain_text(one, number) for number, one in enumerate(documents, start=first)]
        bare = [self._source.encode(text) for text in texts]
        skipped = len(self._start)
        return [[*(ids[skipped:] if ids[:skipped] == self._start else ids), *end] for ids in bare]

    def windows(self, document: int, ids: Sequence[int], context: int) -> list[Window]:
        return _split(document, ids, self._start[0] if self._start else None, context)

    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        found: list[list[Any]] = [[] for _ in windows]
        alive = list(range(len(windows)))
        decoder = self._source.start([windows[row].inputs[:1] for row in alive])
        for step in range(1, max(len(window.inputs) for window in windows) + 1):
            for place, row in enumerate(alive):
                found[row].append(decoder.logits[place].astype(np.float32))
            going_on = [place for place, row in enumerate(alive) if len(windows[row].inputs) > step]
            alive = [alive[place] for place in going_on]
            if alive:
                decoder.advance(going_on, [windows[row].inputs[step] for row in alive])
        return torch.from_numpy(np.concatenate([np.stack(rows) for rows in found]))

    def token_texts(self) -> list[str]:
        return [self._source.token_text(token) for token in range(self.vocab_size)]
