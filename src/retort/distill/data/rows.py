"""Rows of token ids, as training and measuring read them, and the order in which a seed reads them.

In: documents as token ids (records.py). Out: `Rows`: what counts, what is seen, where each token is from; documents
are packed one after another with the end token behind each, or stand one in a row. A text is read once, from front to
back, 512 documents at a time; what stays in memory are its tokens, 4 bytes each until they are in rows of 8. Nothing
here depends on the arm: all arms of a seed read the same rows in the same order.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from retort.distill.data.corpus import Corpus, read_documents
from retort.distill.data.records import Record, Render, Rendered, Renderer, share_of
from retort.distill.losses.dense import IGNORE_INDEX
from retort.distill.recipe import Data, Recipe
from retort.errors import InputError


@dataclass(frozen=True)
class Rows:
    """Text in rows: `ids` and `labels` `[rows, length]`; labels equal ids, IGNORE_INDEX where nothing is learned.

    `sources` `[rows, length, 2]` says of every token which document of the text it is from, and its offset there: how a
    cache is asked for its target. `contents` holds the hash of each document's ids, the end token included.

    `lengths` `[rows]`, where each row is one document: how many of its tokens are not padding. `positions`
    `[rows, length]`, where documents of one row do not see each other: each token's place in its document (from the
    row's start for one that began in the row before). Both are None for rows in which everything is seen.

    `documents` were read; of those, `truncated` were longer than a row and `dropped` had nothing to be learned.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    sources: NDArray[np.int32] | None = None
    contents: dict[int, bytes] | None = None
    lengths: NDArray[np.int64] | None = None
    positions: NDArray[np.int32] | None = None
    documents: int = 0
    truncated: int = 0
    dropped: int = 0

    @property
    def num_targets(self) -> int:
        """How many positions are predicted: all unmasked ones but the first of each row."""
        return int(self.targets_of_rows.sum())

    @property
    def targets_of_rows(self) -> NDArray[np.int64]:
        """How many positions are predicted in each row, `[rows]`."""
        counts: NDArray[np.int64] = (self.labels[:, 1:] != IGNORE_INDEX).sum(1)
        return counts

    @property
    def tokens_of_rows(self) -> NDArray[np.int64]:
        """How many tokens a model reads in each row, `[rows]`; padding of documents in rows of their own is none."""
        return np.full(len(self.ids), self.ids.shape[1]) if self.lengths is None else self.lengths

    @property
    def digest(self) -> str:
        """SHA-256 of the contents; two texts that give the same rows are the same data."""
        digest = hashlib.sha256(str(self.ids.shape).encode())
        for one in (self.ids, self.labels):
            digest.update(np.ascontiguousarray(one, np.int64).data)
        for name, seen in (("lengths", self.lengths), ("positions", self.positions)):
            if seen is not None:
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(seen, np.int64).data)
        return digest.hexdigest()

    def summary(self) -> dict[str, int]:
        """How much there is: documents, rows, tokens read, positions that count, documents cut and left out."""
        return {
            "documents": self.documents,
            "rows": len(self.ids),
            "tokens": int(self.tokens_of_rows.sum()),
            "targets": self.num_targets,
            "truncated": self.truncated,
            "dropped": self.dropped,
        }

    def batch(self, rows: Any) -> dict[str, Tensor]:
        """What a model is given of `rows` (a slice or indices), and `labels`, and `sources` if there are any.

        `attention_mask` hides padding, and columns that are padding in all of these rows are left out. `position_ids`
        begin anew with every document, and from that alone transformers builds the mask that keeps documents apart;
        with an attention_mask beside them it would not.
        """
        width = self.ids.shape[1] if self.lengths is None else int(self.lengths[rows].max())
        arrays: dict[str, NDArray[Any]] = {"input_ids": self.ids, "labels": self.labels}
        if self.positions is not None:
            arrays["position_ids"] = self.positions
        if self.sources is not None:
            arrays["sources"] = self.sources
        found = {name: torch.from_numpy(one[rows, :width]) for name, one in arrays.items()}
        if self.positions is not None:
            found["position_ids"] = found["position_ids"].long()
        if self.lengths is not None:
            mask = np.arange(width) < self.lengths[rows, None]
            found["attention_mask"] = torch.from_numpy(mask.astype(np.int64))
        return found


DOCUMENTS_AT_ONCE = 512  # a batch for the tokenizer: enough to use its threads, little beyond a token limit

Keep = Callable[[Record], bool]


@dataclass(frozen=True)
class RowLayout:
    """How documents lie in rows of `length` tokens.

    `packing`: one after another and cut where a row is full; else one a row, cut to its length. `separate`: packed
    documents do not see each other. `whole_rows`: drop a rest that does not fill a row (training, where every row
    should weigh the same); otherwise it is padded and its padding masked (measuring, where every token counts).
    """

    length: int
    pad_id: int
    packing: bool = True
    separate: bool = False
    whole_rows: bool = True


@dataclass
class _Stream:
    """The documents read so far, end to end: ids, and where anything is masked, what is learned."""

    ids: array[int] = field(default_factory=lambda: array("i"))
    learned: bytearray | None = None
    numbers: array[int] = field(default_factory=lambda: array("i"))
    lengths: array[int] = field(default_factory=lambda: array("i"))
    contents: dict[int, bytes] = field(default_factory=dict)
    documents: int = 0
    truncated: int = 0
    dropped: int = 0

    def add(self, number: int, document: Rendered, longest: int | None) -> None:
        """One document more, cut to `longest` tokens and left out if then nothing of it is learned (None: neither)."""
        self.documents += 1
        ids, learned = document.ids, document.learned
        if longest is not None:
            self.truncated += len(ids) > longest
            ids, learned = ids[:longest], None if learned is None else learned[:longest]
            # The first token is predicted by nothing.
            if len(ids) < 2 or (learned is not None and not any(learned[1:])):
                self.dropped += 1
                return
        # The first document with a mask: all tokens before it are learned.
        if learned is not None and self.learned is None:
            self.learned = bytearray(b"\x01" * len(self.ids))
        if self.learned is not None:
            self.learned.extend(b"\x01" * len(ids) if learned is None else learned)
        self.ids.extend(ids)
        self.numbers.append(number)
        self.lengths.append(len(ids))


def content_hash(ids: Sequence[int]) -> bytes:
    """16 bytes that stand for a document's token ids: equal texts under one tokenizer have equal ones."""
    return hashlib.blake2b(np.asarray(ids, np.int64).tobytes(), digest_size=16).digest()


def rows_of(
    corpus: Corpus,
    render: Render,
    layout: RowLayout,
    *,
    tokens: int | None = None,
    with_sources: bool = False,
    keep: Keep | None = None,
) -> Rows:
    """The documents of `corpus` in rows, from the first `tokens` tokens of those that are kept (None: all).

    Documents are numbered as they stand in the data, whether they are kept or not. Raises InputError for data in which
    nothing is to be learned, or that fills no row.
    """
    stream = _read(corpus, render, layout, tokens, with_sources, keep)
    try:
        rows = _laid(stream, layout, tokens, with_sources)
        if not rows.num_targets:
            raise InputError(f"none of its {len(stream.ids):,} tokens counts for the loss; give completions.")
    except InputError as error:
        raise InputError(f"text {corpus.path}: {error}") from None
    return rows


def numbered(corpus: Corpus, keep: Keep | None = None) -> Iterator[list[tuple[int, Record]]]:
    """The records that are kept, with their numbers in the data, as many at once as a tokenizer is given."""
    found = ((number, one) for number, one in enumerate(read_documents(corpus)) if keep is None or keep(one))
    while batch := list(islice(found, DOCUMENTS_AT_ONCE)):
        yield batch


def _read(
    corpus: Corpus,
    render: Render,
    layout: RowLayout,
    tokens: int | None,
    with_contents: bool,
    keep: Keep | None,
) -> _Stream:
    stream = _Stream()
    for batch in numbered(corpus, keep):
        rendered = render([record for _, record in batch], [number for number, _ in batch])
        for (number, _), document in zip(batch, rendered, strict=True):
            # The hash is that of the whole document: a cache was captured before anything was cut to a row.
            if with_contents:
                stream.contents[number] = content_hash(document.ids)
            stream.add(number, document, None if layout.packing else layout.length)
        if tokens is not None and len(stream.ids) >= tokens:
            break
    return stream


def _laid(stream: _Stream, layout: RowLayout, tokens: int | None, with_sources: bool) -> Rows:
    """The first `tokens` tokens of the stream in rows.

    Read row by row, the places that are `real` (no padding) hold the stream in its order, whatever the layout: so every
    array of the rows is the same filling of those places.
    """
    sizes = np.frombuffer(stream.lengths, np.int32).astype(np.int64)
    begins = np.cumsum(sizes) - sizes
    ids = np.frombuffer(stream.ids, np.int32)[:tokens]
    if layout.packing:
        lengths, real = None, _packed_places(len(ids), layout)
    else:
        lengths = np.clip(len(ids) - begins, 0, sizes)
        # Cut off by `tokens`; documents that came so short were not added. So none but the last go, and what is left is
        # still the beginning of the stream.
        lengths = lengths[lengths > 1]
        if not len(lengths):
            raise InputError("it contains no document of two tokens or more; give more text.")
        real = np.arange(int(lengths.max())) < lengths[:, None]
    used = int(real.sum())

    def filled(values: NDArray[Any], padding: int, kind: type[np.integer]) -> NDArray[Any]:
        found = np.full(real.shape, padding, kind)
        found[real] = values[:used]
        return found

    found = labels = filled(ids, layout.pad_id, np.int64)
    if stream.learned is not None:
        learned = np.frombuffer(stream.learned, np.bool_)[:used]
        labels = filled(np.where(learned, ids[:used], IGNORE_INDEX), IGNORE_INDEX, np.int64)
    elif used < real.size:  # else not a copy: of a large text it would be half of the memory
        labels = filled(ids, IGNORE_INDEX, np.int64)
    sources = positions = None
    if with_sources or layout.separate:
        places = np.arange(int(sizes.sum()), dtype=np.int32) - np.repeat(begins, sizes).astype(np.int32)
    if with_sources:
        numbers = np.repeat(np.frombuffer(stream.numbers, np.int32), sizes)
        sources = np.stack([filled(one, -1, np.int32) for one in (numbers, places)], axis=-1)
    if layout.separate:
        # Padding is at place 0: every token of it is a document of its own.
        positions = np.minimum(filled(places, 0, np.int32), np.arange(layout.length, dtype=np.int32))
        # Nothing in a row says what its first token will be, nor a document's end what the next one begins with.
        labels = np.where(positions == 0, IGNORE_INDEX, labels)
    return Rows(
        found, labels, sources, stream.contents if with_sources else None, lengths, positions,
        stream.documents, stream.truncated, stream.dropped,
    )  # fmt: skip


def _packed_places(num_tokens: int, layout: RowLayout) -> NDArray[np.bool_]:
    """`[rows, length]`: which places hold a token, all but those behind the last one where that row is padded."""
    full, rest = divmod(num_tokens, layout.length)
    rows = full + (not layout.whole_rows and rest > 1)  # a row of one token predicts nothing
    if rows == 0:
        raise InputError(
            f"{num_tokens} tokens do not fill one row of sequence_length {layout.length}; give more text or shorter"
            " rows."
        )
    real = np.ones(rows * layout.length, np.bool_)
    real[num_tokens:] = False
    return real.reshape(rows, layout.length)


class OrderedRows(Dataset[dict[str, torch.Tensor]]):
    """The rows in the order in which training reads them, each pass in another order drawn from the seed.

    One item for every row that the whole run needs. The trainer reads it from front to back, so the order
    depends on the seed alone, a resumed run skips exactly what was read, and a longer run starts with the same
    rows as a shorter one.
    """

    def __init__(self, rows: Rows, num_rows: int, seed: int) -> None:
        self.rows = rows
        self.order = reading_order(len(rows.ids), num_rows, seed)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        """The rows of a micro-batch, as torch's loader asks for them: only as wide as the longest of them."""
        batch = self.rows.batch(self.order[indices])
        return [{name: one[place] for name, one in batch.items()} for place in range(len(indices))]

    @property
    def tokens(self) -> int:
        """How many tokens are read in all, every pass counted."""
        return int(self.rows.tokens_of_rows[self.order].sum())

    @property
    def targets(self) -> int:
        """How many of them are predicted and count in the loss."""
        return int(self.rows.targets_of_rows[self.order].sum())


def reading_order(available: int, num_rows: int, seed: int) -> NDArray[np.int64]:
    """Indices `[num_rows]` into `available` rows: random passes one after another, every row once a pass."""
    generator = np.random.default_rng(seed)
    passes = [generator.permutation(available) for _ in range(-(-num_rows // available))]
    return np.concatenate(passes)[:num_rows]


@dataclass(frozen=True)
class Texts:
    """The rows to train on, those for the curves, and those for the final numbers (None: no such text)."""

    train: Rows
    validation: Rows
    test: Rows | None

    def summary(self) -> dict[str, dict[str, int]]:
        """Of each text its documents, rows, tokens and targets, and how many documents were cut short or left out."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: rows.summary() for name, rows in named.items() if rows is not None}


def load_texts(recipe: Recipe, tokenizer: Any, end_id: int, written: Path | None = None) -> Texts:
    """The texts of `recipe` in rows; `end_id` ends a document and fills what is left of a row.

    `written`: the file to train on where `data.train` is one that the teacher wrote.

    Training text knows of each token where it is from if targets are taken from a cache. Raises InputError for texts
    that cannot be read, or that fill no row.
    """
    data = recipe.data
    render, shape = Renderer(tokenizer, end_id, data.completions_only), data.shape()
    parts = shares(data)

    def rows(part: str, tokens: int | None) -> Rows:
        train, given = part == "train", getattr(data, part)
        path = data.train if isinstance(given, float) else given
        low, high = parts.get(part, (0.0, 1.0))
        return rows_of(
            Corpus(path, shape) if isinstance(path, str) else Corpus(str(written)),
            render,
            RowLayout(
                recipe.sequence_length, end_id, data.packing, data.separate_documents, whole_rows=train
            ),
            tokens=tokens,
            with_sources=train and recipe.targets is not None,
            keep=(lambda record: low <= share_of(record) < high) if part in parts else None,
        )

    return Texts(
        train=rows("train", data.tokens),
        validation=rows("validation", data.validation_tokens),
        test=None if data.test is None else rows("test", data.test_tokens),
    )


def shares(data: Data) -> dict[str, tuple[float, float]]:
    """Which part of [0, 1) each text takes of the training text: held-out ones from 0, one behind the other.

    A text of its own is not in it; nor is the training text where nothing is taken from it.
    """
    found: dict[str, tuple[float, float]] = {}
    end = 0.0
    for part in ("validation", "test"):
        share = getattr(data, part)
        if isinstance(share, float):
            found[part] = (end, end + share)
            end += share
    return found | {"train": (end, 1.0)} if found else {}
