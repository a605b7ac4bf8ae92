"""The teacher of a capture: documents to token ids, windows of them to logits, logits to the positions of a shard.

A document's first token is predicted from the marker that stands between documents, if the teacher has one, and the
marker that ends a document is a position like any other. Documents longer than the teacher's context (or `--context`)
are read in windows, each of which sees one token of the window before.

A shard's positions are a function of its documents and the origin (`positions_of`): whoever has the teacher makes the
same ones, here or on another machine (ray_engine.py).

Legend: B windows, L longest window, V vocabulary.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from retort.distill.cache.codecs import Layout, find_codec
from retort.distill.cache.folder import COLUMNS, Origin, Shard
from retort.distill.cache.rounding import Places
from retort.distill.data.records import Record, Renderer, plain_text
from retort.distill.losses.dense import averaged_logits, match_vocabulary
from retort.distill.models import fingerprint
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source


@dataclass(frozen=True)
class Window:
    """Positions of a document from `offset` on, and the tokens `inputs` that the teacher reads, one for each."""

    document: int
    offset: int
    inputs: tuple[int, ...]

    @property
    def offsets(self) -> range:
        """The place of each position in the document."""
        return range(self.offset, self.offset + len(self.inputs))


@dataclass(frozen=True)
class Document:
    """A document's number in the data, its token ids, and their hash."""

    number: int
    ids: list[int]
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Job:
    """A shard to be computed, or (`known`) one that is there already."""

    file: str
    documents: list[Document]
    known: Shard | None


@dataclass(frozen=True)
class Card:
    """What a teacher is called, and what decides its numbers."""

    name: str
    revision: str
    tokenizer: str
    dtype: str
    vocab_size: int
    max_context: int | None
    teachers: int = 1


class KnownTeacher:
    """What `capture` needs of a model whose whole distribution is known. `start`: the marker in front of a document."""

    card: Card
    source: Any
    start: int | None

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        """Token ids of each document, its end marker included; `first` is the first one's number, for messages."""
        raise NotImplementedError

    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        """`[positions, V]` float32 logits of all windows, one after another, to be tempered by `temperature`.

        -inf where there is no token. One model's logits are the same at every temperature.
        """
        raise NotImplementedError

    def windows(self, document: int, ids: Sequence[int], context: int) -> list[Window]:
        """The windows that predict a document, of at most `context` inputs; without a marker not its first token."""
        # Read one token late: each input stands where the token behind it is predicted, and the last one is not read.
        readable = [*([] if self.start is None else [self.start]), *ids]
        first = 0 if self.start is not None else 1
        return [
            Window(document, first + begin, tuple(readable[begin : min(begin + context, len(readable) - 1)]))
            for begin in range(0, len(readable) - 1, context)
        ]

    def token_texts(self) -> list[str]:
        """How each token is shown, by id."""
        return [self.source.token_text(token) for token in range(self.card.vocab_size)]

    def computed(self, jobs: Iterator[Job], origin: Origin) -> Iterator[tuple[Job, pa.Table | None]]:
        """Every job in its order with its positions, None for one that is known: here, one after another."""
        for job in jobs:
            yield job, None if job.known else positions_of(self, origin, job.documents)


def open_teacher(name: str, dtype: str) -> KnownTeacher:
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
            f"{name} is a recording of most likely tokens, and a capture needs the model itself; give "
            f"a model that runs here, or the server (http://host:port/v1#name) with codec topk:K."
        )
    if isinstance(getattr(source, "model", None), torch.nn.Module):
        return NetworkTeacher(source, dtype)
    return SteppedTeacher(source)


def _weighted(part: str, name: str, dtype: str) -> tuple[KnownTeacher, float]:
    """One of several teachers and its weight: `2*MODEL`, or `MODEL`, which weighs 1."""
    weight, model = 1.0, part
    written, star, rest = part.partition("*")
    if star:
        with suppress(ValueError):  # else it is a name with a star in it
            weight, model = float(written), rest
    if not model.strip() or not 0 < weight < math.inf:
        raise InputError(
            f"teacher is {name!r}, and {part!r} in it is not a MODEL with a weight above 0; write A + B, or 2*A + 1*B."
        )
    return open_teacher(model.strip(), dtype), weight


def tokenizer_hash(tokenizer: Any) -> str:
    """SHA-256 of a Hugging Face tokenizer's vocabulary, tokens and ids."""
    vocabulary = json.dumps(sorted(tokenizer.get_vocab().items()), ensure_ascii=False)
    return hashlib.sha256(vocabulary.encode()).hexdigest()


class NetworkTeacher(KnownTeacher):
    """A transformers model: one forward pass for a batch of windows, padded on the right."""

    def __init__(self, source: Any, dtype: str) -> None:
        self.source, self._tokenizer = source, source.tokenizer
        self._model = source.model.to(getattr(torch, dtype)).eval().requires_grad_(False)
        num_tokens = len(self._tokenizer)
        self.card = Card(
            name=source.name,
            revision=fingerprint(self._model),
            tokenizer=tokenizer_hash(self._tokenizer),
            dtype=dtype,
            vocab_size=num_tokens,
            max_context=source.max_context,
        )
        self._end, start = self._tokenizer.eos_token_id, self._tokenizer.bos_token_id
        self.start = self._end if start is None else start
        # Padding of a table to a round size is nobody's token; the tokenizer's own holes are neither.
        self._unused = torch.from_numpy(np.asarray(source.unused[:num_tokens]))

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        render = Renderer(self._tokenizer, self._end)
        return [one.ids for one in render(documents, range(first, first + len(documents)))]

    @torch.no_grad()
    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        lengths = torch.tensor([len(window.inputs) for window in windows])
        longest = int(lengths.max())
        # Padded on the right: a causal model never looks there, so any token will do.
        ids = torch.zeros((len(windows), longest), dtype=torch.long)
        for row, window in enumerate(windows):
            ids[row, : len(window.inputs)] = torch.tensor(window.inputs)
        device = next(self._model.parameters()).device
        logits_BLV = self._model(input_ids=ids.to(device), use_cache=False).logits
        if bool((lengths == longest).all()):  # a view; taking rows out would copy them
            rows = logits_BLV.flatten(0, 1)
        else:
            rows = logits_BLV[torch.arange(longest)[None, :] < lengths[:, None]]
        rows = match_vocabulary(rows.float(), self.card.vocab_size).cpu()
        return rows.masked_fill(self._unused, float("-inf")) if bool(self._unused.any()) else rows


class MixedTeacher(KnownTeacher):
    """Several teachers with one vocabulary as one: the weighted mean of their probabilities at tau, as in training."""

    def __init__(self, members: Sequence[tuple[KnownTeacher, float]]) -> None:
        self._teachers = [teacher for teacher, _ in members]
        total = sum(weight for _, weight in members)
        self._shares = [weight / total for _, weight in members]
        self.source, self.start = self._teachers[0].source, self._teachers[0].start
        cards = [teacher.card for teacher in self._teachers]
        for other in cards[1:]:
            if (other.tokenizer, other.vocab_size) != (cards[0].tokenizer, cards[0].vocab_size):
                raise InputError(
                    f"teachers {cards[0].name!r} and {other.name!r} have different vocabularies"
                    f" (SHA-256 {cards[0].tokenizer} and {other.tokenizer}); their probabilities can be averaged only"
                    " over the same tokens."
                )
        uneven = len({weight for _, weight in members}) > 1
        told = " ".join(
            f"{share:.12g} {one.revision}" for share, one in zip(self._shares, cards, strict=True)
        )
        self.card = replace(
            cards[0],
            name=" + ".join(
                f"{weight:g}*{one.card.name}" if uneven else one.card.name for one, weight in members
            ),
            revision=hashlib.sha256(told.encode()).hexdigest(),
            max_context=min((one.max_context for one in cards if one.max_context is not None), default=None),
            teachers=len(members),
        )

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        return self._teachers[0].encode(documents, first)

    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        return averaged_logits([one.logits(windows) for one in self._teachers], self._shares, temperature)


class SteppedTeacher(KnownTeacher):
    """Any other source that knows its whole distribution: asked token by token, all windows of a batch at once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        texts = json.dumps([source.token_text(one) for one in range(source.vocab_size)], ensure_ascii=False)
        start = source.encode("")[:1]
        self.start = start[0] if start else None
        # Of a source without weights to hash: what it says first stands for all it says.
        answer = source.start([start or [0]]).logits
        self.card = Card(
            name=source.name,
            revision=hashlib.sha256(np.ascontiguousarray(answer).tobytes()).hexdigest(),
            tokenizer=hashlib.sha256(texts.encode()).hexdigest(),
            dtype="float64",
            vocab_size=source.vocab_size,
            max_context=source.max_context,
        )

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        # A source may have several ends of a text, and puts its start marker in front: a document needs one end and,
        # since `windows` adds it, no start.
        end = sorted(self.source.end_ids)[:1]
        texts = [plain_text(one, number) for number, one in enumerate(documents, start=first)]
        bare = [self.source.encode(text) for text in texts]
        return [
            [*(ids[1:] if self.start is not None and ids[:1] == [self.start] else ids), *end] for ids in bare
        ]

    def logits(self, windows: Sequence[Window], temperature: float = 1.0) -> Tensor:
        found: list[list[Any]] = [[] for _ in windows]
        alive = list(range(len(windows)))
        decoder = self.source.start([windows[row].inputs[:1] for row in alive])
        # One token of every window at a time; a window leaves the batch where it ends.
        for step in range(1, max(len(window.inputs) for window in windows) + 1):
            for place, row in enumerate(alive):
                found[row].append(decoder.logits[place].astype(np.float32))
            going_on = [place for place, row in enumerate(alive) if len(windows[row].inputs) > step]
            alive = [alive[place] for place in going_on]
            if alive:
                decoder.advance(going_on, [windows[row].inputs[step] for row in alive])
        return torch.from_numpy(np.concatenate([np.stack(rows) for rows in found]))


def document_seed(seed: int, number: int, content: bytes) -> int:
    """The seed of a document's coins: two documents of equal text are two records, with draws of their own."""
    key = seed.to_bytes(8, "little") + number.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(key + content, digest_size=8).digest(), "little")


def positions_of(teacher: KnownTeacher, origin: Origin, documents: Sequence[Document]) -> pa.Table:
    """All positions of a shard, in the order of documents and offsets: a function of its arguments alone."""
    codec = find_codec(origin.codec)
    layout = Layout(origin.vocabulary, origin.temperature, origin.seed)
    by_number = {one.number: one for one in documents}
    seeds = {one.number: document_seed(origin.seed, one.number, one.content) for one in documents}
    windows = [window for one in documents for window in teacher.windows(one.number, one.ids, origin.context)]
    parts = []
    # Rows round with the batch that they are in, so which windows go together is a function of the shard alone: then a
    # resumed capture, or another worker, makes the same bits.
    for batch in batches(windows, origin.batch_tokens):
        rows = [(one.document, offset) for one in batch for offset in one.offsets]
        numbers, offsets = (np.asarray(column, np.int64) for column in zip(*rows, strict=True))
        where = Places(np.asarray([seeds[number] for number, _ in rows], np.uint64), offsets)
        target, entropy = codec.encode(teacher.logits(batch, origin.temperature), layout, where)
        columns = {
            "document": numbers,
            "content": [by_number[number].content for number, _ in rows],
            "offset": offsets,
            "token": [by_number[number].ids[offset] for number, offset in rows],
            "entropy": entropy,
        }
        parts.append(
            pa.table(
                {name: pa.array(columns[name], kind) for name, kind in COLUMNS.items()} | {"target": target}
            )
        )
    positions = pa.concat_tables(parts)
    # Batches go by length; in the shard it is the order of the text again.
    order = np.lexsort((positions["offset"].to_numpy(), positions["document"].to_numpy()))
    return positions.take(order).combine_chunks()


def batches(windows: Sequence[Window], batch_tokens: int) -> Iterator[list[Window]]:
    """Which windows go through the teacher together: equal lengths, so that little is padded."""
    batch: list[Window] = []
    # Sorting keeps the order of equal lengths, so the same windows make the same batches everywhere.
    for window in sorted(windows, key=lambda one: len(one.inputs)):
        # The newest is the longest: to its length all of them would be padded.
        if batch and (len(batch) + 1) * len(window.inputs) > batch_tokens:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch
