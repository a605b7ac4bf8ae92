"""The shards of a capture: documents are cut into shards and windows, read by a teacher, and written in order.

The order of work is fixed: documents go into shards by their number of tokens, a shard's windows into batches by
their length, and a shard is the unit that is there or not. So a run that was killed, and goes on with `resume`, makes
the same batches, and with them the same bits, as a run that was not. (Another number of threads or another machine
may round a logit differently; what is promised is the same bytes on the same set-up.)

What computes a shard is an engine: this process (`LocalEngine`), or the workers of ray_engine.py. A shard's positions
are a function of its documents and the origin: whoever has the teacher makes the same ones, here or on another
machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retort.distill.cache.codecs import Codec, Layout, Packed, find_codec
from retort.distill.cache.folder import MANIFEST, Manifest, Origin, Shard, begin, keep_shard, remove_partial
from retort.distill.cache.rounding import Places
from retort.distill.cache.shards import Positions
from retort.distill.cache.teacher import Reader, Teacher, Window
from retort.distill.data.corpus import Corpus, read_documents
from retort.distill.data.rows import DOCUMENTS_AT_ONCE, content_hash
from retort.errors import InputError, SourceError

# Called after every shard with (tokens so far, documents so far, documents in all).
OnShard = Callable[[int, int, int], None]


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


class Engine(Protocol):
    """What computes shards: its teacher's tokenizer and name, and the positions of jobs."""

    @property
    def teacher(self) -> Reader:
        """Name and tokenizer of what computes."""

    def computed(self, jobs: Iterator[Job], origin: Origin) -> Iterator[tuple[Job, Positions | None]]:
        """Every job in its order with its positions, None for one that is known."""


@dataclass(frozen=True)
class LocalEngine:
    """This process, one shard after another."""

    teacher: Teacher

    def computed(self, jobs: Iterator[Job], origin: Origin) -> Iterator[tuple[Job, Positions | None]]:
        """As each job comes."""
        for job in jobs:
            yield job, None if job.known else positions_of(self.teacher, origin, job.documents)


def write(
    folder: Path, engine: Engine, codec: Codec, origin: Origin, corpus: Corpus, on_shard: OnShard | None
) -> Manifest:
    """Every shard of the capture that is not there yet, in order, and the manifest after each."""
    manifest = begin(folder, origin, engine.teacher.token_texts)
    origin = replace(origin, format=manifest.origin.format)
    remove_partial(folder)
    finished = {shard.file: shard for shard in manifest.shards}
    num_documents = 0 if on_shard is None else sum(1 for _ in read_documents(corpus))
    shards: list[Shard] = []
    for job, positions in engine.computed(_jobs(folder, engine.teacher, origin, corpus, finished), origin):
        made = job.known
        if positions is not None:
            first = job.documents[0].number
            width = codec.width(origin.vocabulary)
            made = keep_shard(folder, job.file, first, len(job.documents), positions, width)
            before = finished.get(job.file, made)
            if before != made:
                raise SourceError(
                    f"{job.file} was missing and has been captured again, but its SHA-256 is {made.sha256} and"
                    f" {MANIFEST} says {before.sha256}; the cache was written on another machine or with "
                    f"another number of threads. Capture into a new folder."
                )
        assert made is not None, "an engine computes what is not known"
        shards.append(made)
        manifest = Manifest(origin, tuple(shards), complete=False)
        if job.file not in finished:
            manifest.write(folder)
        if on_shard is not None:
            on_shard(manifest.tokens, manifest.documents, num_documents)
    if not shards:
        raise InputError(f"data {origin.data} contains no document; give text.")
    manifest = Manifest(origin, tuple(shards), complete=True)
    manifest.write(folder)
    return manifest


def _jobs(
    folder: Path, reader: Reader, origin: Origin, corpus: Corpus, finished: Mapping[str, Shard]
) -> Iterator[Job]:
    for number, documents in enumerate(_shards_of(reader, origin, corpus)):
        file = f"shard-{number:05d}.parquet"
        yield Job(file, documents, finished.get(file) if (folder / file).is_file() else None)


def _shards_of(reader: Reader, origin: Origin, corpus: Corpus) -> Iterator[list[Document]]:
    """The documents of each shard: as many as it takes to reach `shard_tokens`."""
    batch: list[Document] = []
    tokens = 0
    for document in _documents(reader, corpus):
        batch.append(document)
        tokens += len(document.ids)
        if tokens >= origin.shard_tokens:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def _documents(reader: Reader, corpus: Corpus) -> Iterator[Document]:
    texts, number = read_documents(corpus), 0
    while True:
        some = [text for _, text in zip(range(DOCUMENTS_AT_ONCE), texts, strict=False)]
        if not some:
            return
        for ids in reader.encode(some, number):
            if len(ids) > 1:
                yield Document(number, ids, content_hash(ids))
            number += 1


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
        packed, entropy = codec.encode(teacher.logits(chosen, origin.temperature), layout, places)
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
