"""Documents to rows: packed one after another with the end token behind each, or one document a row.

Nothing here depends on the arm: both arms of a seed read the same rows in the same order. A text is read once, from
front to back, 512 documents at a time; what stays in memory are its tokens, 4 bytes each until they are in rows of 8.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from retort.distill.data.corpus import Corpus, read_documents
from retort.distill.data.records import Record, plain_text
from retort.distill.data.rendering import Render, Rendered
from retort.distill.data.rows import Rows, pack
from retort.distill.losses import IGNORE_INDEX
from retort.errors import InputError

DOCUMENTS_AT_ONCE = 512  # a batch for the tokenizer: enough to use its threads, little beyond a token limit

Encode = Callable[[list[str]], list[list[int]]]
Keep = Callable[[Record], bool]


@dataclass(frozen=True)
class Layout:
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
        if learned is not None and self.learned is None:
            self.learned = bytearray(b"\x01" * len(self.ids))
        if self.learned is not None:
            self.learned.extend(b"\x01" * len(ids) if learned is None else learned)
        self.ids.extend(ids)
        self.numbers.append(number)
        self.lengths.append(len(ids))

    def masks(self, end: int) -> NDArray[np.bool_] | None:
        return None if self.learned is None else np.frombuffer(self.learned, np.bool_)[:end]


def content_hash(ids: Sequence[int]) -> bytes:
    """16 bytes that stand for a document's token ids: equal texts under one tokenizer have equal ones."""
    return hashlib.blake2b(np.asarray(ids, np.int64).tobytes(), digest_size=16).digest()


def load_rows(
    data: str | Corpus,
    encode: Encode,
    end_id: int,
    length: int,
    *,
    tokens: int | None,
    whole_rows: bool,
    with_sources: bool = False,
) -> Rows:
    """The plain text `data` as packed rows of `length` tokens, from its first `tokens` tokens (None: all).

    `encode` gives the ids of documents without the end token. Raises InputError for a text that fills no row.
    """

    def render(records: Sequence[Record], numbers: Sequence[int]) -> list[Rendered]:
        texts = [plain_text(record, number) for number, record in zip(numbers, records, strict=True)]
        return [Rendered([*ids, end_id]) for ids in encode(texts)]

    layout = Layout(length, end_id, whole_rows=whole_rows)
    return rows_of(data, render, layout, tokens=tokens, with_sources=with_sources)


def rows_of(
    data: str | Corpus,
    render: Render,
    layout: Layout,
    *,
    tokens: int | None = None,
    with_sources: bool = False,
    keep: Keep | None = None,
) -> Rows:
    """The documents of `data` in rows, from the first `tokens` tokens of those that are kept (None: all).

    Documents are numbered as they stand in the data, whether they are kept or not. Raises InputError for data in which
    nothing is to be learned, or that fills no row.
    """
    corpus = Corpus.of(data)
    stream = _read(corpus, render, layout, tokens, with_sources, keep)
    try:
        rows = _packed(stream, layout, tokens) if layout.packing else _padded(stream, layout, tokens)
        if not rows.num_targets:
            raise InputError(f"none of its {len(stream.ids):,} tokens is to be learned; give completions.")
    except InputError as error:
        raise InputError(f"text {corpus.path}: {error}") from None
    return replace(
        rows,
        sources=_sources(stream, rows, layout) if with_sources else None,
        contents=stream.contents if with_sources else None,
        documents=stream.documents,
        truncated=stream.truncated,
        dropped=stream.dropped,
    )


def numbered(corpus: Corpus, keep: Keep | None = None) -> Iterator[list[tuple[int, Record]]]:
    """The records that are kept, with their numbers in the data, as many at once as a tokenizer is given."""
    found = ((number, one) for number, one in enumerate(read_documents(corpus)) if keep is None or keep(one))
    while batch := list(islice(found, DOCUMENTS_AT_ONCE)):
        yield batch


def _read(
    corpus: Corpus, render: Render, layout: Layout, tokens: int | None, with_contents: bool, keep: Keep | None
) -> _Stream:
    stream = _Stream()
    for batch in numbered(corpus, keep):
        rendered = render([record for _, record in batch], [number for number, _ in batch])
        for (number, _), document in zip(batch, rendered, strict=True):
            if with_contents:
                stream.contents[number] = content_hash(document.ids)
            stream.add(number, document, None if layout.packing else layout.length)
        if tokens is not None and len(stream.ids) >= tokens:
            break
    return stream


def _packed(stream: _Stream, layout: Layout, tokens: int | None) -> Rows:
    ids = np.frombuffer(stream.ids, np.int32)[:tokens]
    rows = pack(
        ids, layout.length, pad_id=layout.pad_id, whole_rows=layout.whole_rows, learned=stream.masks(len(ids))
    )
    if not layout.separate:
        return rows
    size = rows.ids.size
    offsets = _offsets(stream.lengths, size)
    places = np.tile(np.arange(layout.length, dtype=np.int32), len(rows.ids))
    used = min(len(ids), size)
    offsets[used:] = 0  # every token of padding is a document of its own
    positions = np.minimum(offsets, places).reshape(rows.ids.shape)
    # Nothing in a row says what its first token will be, nor a document's end what the next one begins with.
    labels = np.where(positions == 0, IGNORE_INDEX, rows.labels)
    return replace(rows, labels=labels, positions=positions)


def _padded(stream: _Stream, layout: Layout, tokens: int | None) -> Rows:
    lengths = np.frombuffer(stream.lengths, np.int32).astype(np.int64)
    if tokens is not None:
        begins = np.cumsum(lengths) - lengths
        lengths = np.clip(tokens - begins, 0, lengths)
        lengths = lengths[lengths > 1]
    if not len(lengths):
        raise InputError("it holds no document of two tokens or more; give more text.")
    real = np.arange(int(lengths.max())) < lengths[:, None]
    ids = np.full(real.shape, layout.pad_id, np.int64)
    ids[real] = np.frombuffer(stream.ids, np.int32)[: int(lengths.sum())]
    labels = np.where(real, ids, IGNORE_INDEX)
    learned = stream.masks(int(lengths.sum()))
    if learned is not None:
        labels[real] = np.where(learned, labels[real], IGNORE_INDEX)
    return Rows(ids, labels, lengths=lengths)


def _offsets(lengths: array[int], size: int) -> NDArray[np.int32]:
    """`[size]` of each token its place in its document, for documents laid end to end; 0 behind the last one."""
    sizes = np.frombuffer(lengths, np.int32).astype(np.int64)
    begins = np.cumsum(sizes) - sizes
    found = np.zeros(size, np.int32)
    used = min(size, int(sizes.sum()))
    found[:used] = (np.arange(int(sizes.sum())) - np.repeat(begins, sizes))[:used]
    return found


def _sources(stream: _Stream, rows: Rows, layout: Layout) -> NDArray[np.int32]:
    """`[rows, length, 2]` (document, offset) of every token; -1 where there is padding."""
    found = np.full((*rows.ids.shape, 2), -1, np.int32)
    numbers = np.repeat(np.frombuffer(stream.numbers, np.int32), np.frombuffer(stream.lengths, np.int32))
    if layout.packing:
        flat = found.reshape(-1, 2)
        used = min(len(flat), len(numbers))
        flat[:used, 0], flat[:used, 1] = numbers[:used], _offsets(stream.lengths, used)
        return found
    assert rows.lengths is not None
    places = np.arange(rows.ids.shape[1], dtype=np.int32)
    real = places < rows.lengths[:, None]
    found[real, 0] = numbers[: int(real.sum())]
    found[real, 1] = np.broadcast_to(places, real.shape)[real]
    return found
