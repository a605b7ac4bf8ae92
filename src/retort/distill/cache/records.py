"""The records of a shard: its documents go through the teacher in batches, and come out as columns.

Nothing here hangs on other shards, on time or on the process: whoever has the teacher, the documents and the origin
makes the same positions, here or on another machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retort.distill.cache.codecs import Layout, Packed, find_codec
from retort.distill.cache.manifest import Origin
from retort.distill.cache.rounding import Places
from retort.distill.cache.shards import Positions
from retort.distill.cache.teacher import Teacher, Window


@dataclass(frozen=True)
class Document:
    """A document's number in the data, its token ids, and their hash."""

    number: int
    ids: list[int]
    content: bytes = field(repr=False)


def document_seed(seed: int, number: int, content: bytes) -> int:
    """The seed of a document's coins: two documents of equal text are two records, with draws of their own."""
    key = seed.to_bytes(8, "little") + number.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(key + content, digest_size=8).digest(), "little")


def positions_of(teacher: Teacher, origin: Origin, documents: list[Document]) -> Positions:
    """All positions of a shard, in the order of documents and offsets: a function of its arguments alone."""
    codec = find_codec(origin.codec)
    by_number = {document.number: document for document in documents}
    windows = [
        window
        for document in documents
        for window in teacher.windows(document.number, document.ids, origin.context)
    ]
    layout = Layout(origin.vocabulary, origin.temperature, origin.seed)
    kept: dict[int, tuple[list[bytes], NDArray[np.float16]]] = {}
    for batch in batches(windows, origin.batch_tokens):
        chosen = [windows[place] for place in batch]
        places = _places(origin, by_number, chosen)
        packed, entropy = codec.encode_logits(teacher.logits(chosen), layout, places)
        begin = np.concatenate([np.zeros(1, np.int64), packed.ends])
        row = 0
        for place, window in zip(batch, chosen, strict=True):
            rows = slice(row, row + len(window.inputs))
            edges = begin[row : row + len(window.inputs) + 1]
            records = packed.data[edges[0] : edges[-1]]
            kept[place] = ([records.tobytes(), np.diff(edges).tobytes()], entropy[rows])
            row += len(window.inputs)
    lengths = np.concatenate([np.frombuffer(kept[place][0][1], np.int64) for place in range(len(windows))])
    numbers = np.concatenate([np.full(len(one.inputs), one.document, np.int64) for one in windows])
    offsets = np.concatenate(
        [np.arange(one.offset, one.offset + len(one.inputs), dtype=np.int32) for one in windows]
    )
    content = {number: np.frombuffer(one.content, np.uint8) for number, one in by_number.items()}
    return Positions(
        document=numbers,
        content=np.concatenate([np.tile(content[one.document], (len(one.inputs), 1)) for one in windows]),
        offset=offsets,
        token=np.concatenate(
            [
                np.asarray(
                    by_number[one.document].ids[one.offset : one.offset + len(one.inputs)], dtype=np.int32
                )
                for one in windows
            ]
        ),
        entropy=np.concatenate([kept[place][1] for place in range(len(windows))]),
        target=Packed(
            np.frombuffer(b"".join(kept[place][0][0] for place in range(len(windows))), np.uint8),
            np.cumsum(lengths),
        ),
    )


def batches(windows: list[Window], batch_tokens: int) -> Iterator[list[int]]:
    """Which windows go through the teacher together: equal lengths, so that little is padded."""
    order = sorted(range(len(windows)), key=lambda place: len(windows[place].inputs))
    batch: list[int] = []
    for place in order:
        if batch and (len(batch) + 1) * len(windows[place].inputs) > batch_tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _places(origin: Origin, documents: dict[int, Document], windows: list[Window]) -> Places:
    seeds = [
        np.full(
            len(one.inputs),
            document_seed(origin.seed, one.document, documents[one.document].content),
            np.uint64,
        )
        for one in windows
    ]
    offsets = [np.arange(one.offset, one.offset + len(one.inputs), dtype=np.int64) for one in windows]
    return Places(np.concatenate(seeds), np.concatenate(offsets))
