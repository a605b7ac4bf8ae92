"""`retort capture`: a teacher reads documents once, and what a student needs of it is kept in shards.

The order of work is fixed: documents go into shards by their number of tokens, a shard's windows into batches by
their length, and a shard is the unit that is there or not. So a run that was killed, and goes on with `resume`, makes
the same batches, and with them the same bits, as a run that was not. (Another number of threads or another machine
may round a logit differently; what is promised is the same bytes on the same set-up.)

What computes a shard is an engine: this process, or the workers of ray_engine.py. Cutting documents into shards,
writing them and the manifest is done here for both, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from retort.distill.cache.codecs import Codec, find_codec
from retort.distill.cache.files import PARTIAL, checksum, only_writer, remove_partial
from retort.distill.cache.manifest import FORMAT, MANIFEST, Manifest, Origin, Shard
from retort.distill.cache.records import Document, positions_of
from retort.distill.cache.shards import Positions, write_shard, write_tokens
from retort.distill.cache.teacher import Reader, Teacher, open_teacher
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
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
) -> Manifest:
    """Write the cache of `teacher` over the documents of `data` into the folder `out`, and return its manifest.

    A teacher on a server (`http://…`) tells its top K alone: see server_capture.py, which `tokenizer` is for.
    `engine` "ray" spreads the shards over `workers` processes of a Ray cluster (ray_engine.py); the files are those
    of "local".

    With `resume` the finished shards in `out` are kept. Raises InputError where `out` holds a cache already (and
    `resume` is not set), or one of another origin, with both values; SourceError where a shard in `out` is
    damaged, or a file cannot be written.
    """
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature is {temperature}; it must be a number above 0, for instance 3.0.")
    chosen, folder = find_codec(codec), Path(out)
    if workers is not None and engine != "ray":
        raise InputError(f"workers is {workers}, but the engine is {engine}; workers are for --engine ray.")
    _refuse_full_folder(folder, resume)
    if teacher.startswith(SERVERS):
        if engine != "local":
            raise InputError(
                f"engine is {engine}, but {teacher} computes on its server, which is asked from here; leave --engine"
                " out."
            )
        from retort.distill.cache.server_capture import capture_from_server

        return capture_from_server(
            teacher, data, folder, chosen, temperature, seed, resume, tokenizer, shard_tokens, on_shard
        )
    if tokenizer is not None:
        raise InputError(
            f"tokenizer is {tokenizer}, but {teacher} runs here and has its own; leave --tokenizer out."
        )
    with _engine(engine, teacher, dtype, workers) as opened:
        reader = opened.teacher
        origin = Origin(
            format=FORMAT,
            teacher=reader.name,
            teacher_revision=reader.revision,
            tokenizer=reader.tokenizer,
            vocabulary=reader.vocab_size,
            temperature=float(temperature),
            codec=chosen.text,
            seed=seed,
            dtype=reader.dtype,
            data=data,
            data_sha256=data_checksum(data),
            context=min(context or LONGEST_CONTEXT, reader.max_context or LONGEST_CONTEXT),
            batch_tokens=batch_tokens,
            shard_tokens=shard_tokens,
        )
        folder.mkdir(parents=True, exist_ok=True)
        with only_writer(folder):
            return _write(folder, opened, chosen, origin, on_shard)


def _engine(
    name: Literal["local", "ray"], teacher: str, dtype: str, workers: int | None
) -> AbstractContextManager[Engine]:
    if name == "local":
        return nullcontext(LocalEngine(open_teacher(teacher, dtype)))
    from retort.distill.cache.ray_engine import ray_workers

    return ray_workers(teacher, dtype, workers)


def _write(folder: Path, engine: Engine, codec: Codec, origin: Origin, on_shard: OnShard | None) -> Manifest:
    manifest = begin(folder, origin, engine.teacher.token_texts)
    origin = replace(origin, format=manifest.origin.format)
    remove_partial(folder)
    finished = {shard.file: shard for shard in manifest.shards}
    num_documents = 0 if on_shard is None else sum(1 for _ in read_documents(origin.data))
    shards: list[Shard] = []
    for job, positions in engine.computed(_jobs(folder, engine.teacher, origin, finished), origin):
        made = job.known
        if positions is not None:
            write_shard(folder / job.file, positions, codec.width(origin.vocabulary))
            made = Shard(
                file=job.file,
                first_document=job.documents[0].number,
                documents=len(job.documents),
                tokens=len(positions.document),
                bytes=(folder / job.file).stat().st_size,
                sha256=checksum(folder / job.file),
            )
            before = finished.get(job.file, made)
            if before != made:
                raise SourceError(
                    f"{job.file} was missing and has been captured again, but its SHA-256 is {made.sha256} and"
                    f" {MANIFEST} says {before.sha256}; this machine or its number of threads is not the one that"
                    " wrote the cache. Capture into a new folder."
                )
        assert made is not None, "an engine computes what is not known"
        shards.append(made)
        manifest = Manifest(origin, tuple(shards), complete=False)
        if job.file not in finished:
            manifest.write(folder)
        if on_shard is not None:
            on_shard(manifest.tokens, manifest.documents, num_documents)
    if not shards:
        raise InputError(f"data {origin.data} holds no document; give text.")
    manifest = Manifest(origin, tuple(shards), complete=True)
    manifest.write(folder)
    return manifest


def _jobs(folder: Path, reader: Reader, origin: Origin, finished: Mapping[str, Shard]) -> Iterator[Job]:
    for number, documents in enumerate(_shards_of(reader, origin)):
        file = f"shard-{number:05d}.parquet"
        yield Job(file, documents, finished.get(file) if (folder / file).is_file() else None)


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
    same = origin
    if manifest.complete:
        # Nothing is left to compute, so it does not matter that this version would round otherwise.
        same = replace(origin, format=manifest.origin.format)
    differences = manifest.origin.differences(same)
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


def _shards_of(reader: Reader, origin: Origin) -> Iterator[list[Document]]:
    """The documents of each shard: as many as it takes to reach `shard_tokens`."""
    batch: list[Document] = []
    tokens = 0
    for document in _documents(reader, origin):
        batch.append(document)
        tokens += len(document.ids)
        if tokens >= origin.shard_tokens:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def _documents(reader: Reader, origin: Origin) -> Iterator[Document]:
    texts, number = read_documents(origin.data), 0
    while True:
        some = [text for _, text in zip(range(DOCUMENTS_AT_ONCE), texts, strict=False)]
        if not some:
            return
        for ids in reader.encode(some, number):
            if len(ids) > 1:
                yield Document(number, ids, content_hash(ids))
            number += 1
