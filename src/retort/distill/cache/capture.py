"""`retort capture`: a teacher reads documents once, and what a student needs of it is kept in shards.

The order of work is fixed: documents go into shards by their number of tokens, a shard's windows into batches by
their length, and a shard is the unit that is there or not. So a run that was killed, and goes on with `resume`, makes
the same batches, and with them the same bits, as a run that was not. (Another number of threads or another machine
may round a logit differently; what is promised is the same bytes on the same set-up.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.distill.cache.codecs import Codec, Layout, Packed, find_codec
from retort.distill.cache.files import PARTIAL, checksum, only_writer, remove_partial
from retort.distill.cache.manifest import FORMAT, MANIFEST, Manifest, Origin, Shard
from retort.distill.cache.rounding import Places
from retort.distill.cache.shards import Positions, write_shard, write_tokens
from retort.distill.cache.teacher import Teacher, Window, open_teacher
from retort.distill.data import DOCUMENTS_AT_ONCE, content_hash, data_checksum, read_documents
from retort.errors import InputError, SourceError

SERVERS = ("http://", "https://")
TOKENS = "tokens.parquet"
SHARD_TOKENS = 2**16
BATCH_TOKENS = 2048
LONGEST_CONTEXT = 1024  # of a window, unless asked otherwise: batches of long rows need memory

# Called after every shard with (tokens so far, documents so far, documents in all).
OnShard = Callable[[int, int, int], None]


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


def capture(
    teacher: str,
    data: str,
    out: str | Path,
    *,
    temperature: float = 3.0,
    codec: str = "sampled:50",
    seed: int = 0,
    resume: bool = False,
    dtype: str = "float32",
    context: int | None = None,
    tokenizer: str | None = None,
    shard_tokens: int = SHARD_TOKENS,
    batch_tokens: int = BATCH_TOKENS,
    on_shard: OnShard | None = None,
) -> Manifest:
    """Write the cache of `teacher` over the documents of `data` into the folder `out`, and return its manifest.

    A teacher on a server (`http://…`) tells its top K alone: see server_capture.py, which `tokenizer` is for.

    With `resume` the finished shards in `out` are kept. Raises InputError where `out` holds a cache already (and
    `resume` is not set), or one of another origin, with both values; SourceError where a shard in `out` is
    damaged, or a file cannot be written.
    """
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature is {temperature}; it must be a number above 0, for instance 3.0.")
    chosen, folder = find_codec(codec), Path(out)
    _refuse_full_folder(folder, resume)
    if teacher.startswith(SERVERS):
        from retort.distill.cache.server_capture import capture_from_server

        return capture_from_server(
            teacher, data, folder, chosen, temperature, seed, resume, tokenizer, shard_tokens, on_shard
        )
    if tokenizer is not None:
        raise InputError(
            f"tokenizer is {tokenizer}, but {teacher} runs here and has its own; leave --tokenizer out."
        )
    opened = open_teacher(teacher, dtype)
    origin = Origin(
        format=FORMAT,
        teacher=opened.name,
        teacher_revision=opened.revision,
        tokenizer=opened.tokenizer,
        vocabulary=opened.vocab_size,
        temperature=float(temperature),
        codec=chosen.text,
        seed=seed,
        dtype=opened.dtype,
        data=data,
        data_sha256=data_checksum(data),
        context=min(context or LONGEST_CONTEXT, opened.max_context or LONGEST_CONTEXT),
        batch_tokens=batch_tokens,
        shard_tokens=shard_tokens,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder):
        return _write(folder, opened, chosen, origin, on_shard)


def _write(
    folder: Path, teacher: Teacher, codec: Codec, origin: Origin, on_shard: OnShard | None
) -> Manifest:
    manifest = begin(folder, origin, teacher.token_texts)
    remove_partial(folder)
    finished = {shard.file: shard for shard in manifest.shards}
    num_documents = 0 if on_shard is None else sum(1 for _ in read_documents(origin.data))
    shards: list[Shard] = []
    for number, documents in enumerate(_shards_of(teacher, origin)):
        name = f"shard-{number:05d}.parquet"
        known = finished.get(name)
        if known is None or not (folder / name).is_file():
            positions = _positions(teacher, codec, origin, documents)
            write_shard(folder / name, positions, codec.width(origin.vocabulary))
            made = Shard(
                file=name,
                first_document=documents[0].number,
                documents=len(documents),
                tokens=len(positions.document),
                bytes=(folder / name).stat().st_size,
                sha256=checksum(folder / name),
            )
            if known is not None and known != made:
                raise SourceError(
                    f"{name} was missing and has been captured again, but its SHA-256 is {made.sha256} and"
                    f" {MANIFEST} says {known.sha256}; this machine or its number of threads is not the one that"
                    " wrote the cache. Capture into a new folder."
                )
            known = made
        shards.append(known)
        manifest = Manifest(origin, tuple(shards), complete=False)
        if name not in finished:
            manifest.write(folder)
        if on_shard is not None:
            on_shard(manifest.tokens, manifest.documents, num_documents)
    if not shards:
        raise InputError(f"data {origin.data} holds no document; give text.")
    manifest = Manifest(origin, tuple(shards), complete=True)
    manifest.write(folder)
    return manifest


def _refuse_full_folder(folder: Path, resume: bool) -> None:
    """Before the teacher is loaded: a wrong folder should not cost minutes."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the cache.")
    there = [] if not folder.is_dir() else sorted(one.name for one in folder.iterdir())
    if not resume and there:
        hint = "pass --resume to go on with it" if MANIFEST in there else "empty it"
        raise InputError(f"{folder} is not empty ({', '.join(there[:3])}); {hint}, or take another folder.")
    strange = [name for name in there if not name.endswith((".parquet", PARTIAL)) and name != MANIFEST]
    if strange:
        raise InputError(f"{folder} holds {strange[0]}, which is no part of a cache; take another folder.")


def begin(
    folder: Path,
    origin: Origin,
    token_texts: Callable[[], list[str]],
    server: Mapping[str, Any] | None = None,
) -> Manifest:
    """The manifest to go on from, after checking that it is of this capture and that its shards are sound."""
    if not (folder / MANIFEST).is_file():
        if not (folder / TOKENS).is_file():
            write_tokens(folder / TOKENS, token_texts())
        manifest = Manifest(origin, (), complete=False, server=server)
        manifest.write(folder)
        return manifest
    manifest = Manifest.read(folder)
    differences = manifest.origin.differences(origin)
    if differences:
        raise InputError(
            f"{folder} cannot be resumed: it was captured otherwise than asked now (there / now):"
            f" {'; '.join(differences)}. Use the same settings, or another folder."
        )
    for shard in manifest.shards:
        check_shard(folder, shard)
    return manifest


def check_shard(folder: Path, shard: Shard, *, may_be_missing: bool = True) -> None:
    """Raise SourceError unless the shard's file has the size and the SHA-256 of the manifest."""
    file = folder / shard.file
    if not file.is_file():
        if may_be_missing:
            return
        raise SourceError(f"{shard.file} is missing from {folder}; capture it again with --resume.")
    size = file.stat().st_size
    found = checksum(file) if size == shard.bytes else None
    if found != shard.sha256:
        difference = (
            f"is {size:,} bytes long and {MANIFEST} says {shard.bytes:,}"
            if found is None
            else f"has SHA-256 {found} and {MANIFEST} says {shard.sha256}"
        )
        raise SourceError(
            f"{file} {difference}: it is damaged. Nothing else was touched; restore it from a copy, or delete this one"
            " file and run the capture with --resume."
        )


def _shards_of(teacher: Teacher, origin: Origin) -> Iterator[list[Document]]:
    """The documents of each shard: as many as it takes to reach `shard_tokens`."""
    batch: list[Document] = []
    tokens = 0
    for document in _documents(teacher, origin):
        batch.append(document)
        tokens += len(document.ids)
        if tokens >= origin.shard_tokens:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def _documents(teacher: Teacher, origin: Origin) -> Iterator[Document]:
    texts, number = read_documents(origin.data), 0
    while True:
        some = [text for _, text in zip(range(DOCUMENTS_AT_ONCE), texts, strict=False)]
        if not some:
            return
        for ids in teacher.encode(some, number):
            if len(ids) > 1:
                yield Document(number, ids, content_hash(ids))
            number += 1


def _positions(teacher: Teacher, codec: Codec, origin: Origin, documents: list[Document]) -> Positions:
    """All positions of a shard, in the order of documents and offsets."""
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
