"""`retort capture`: a teacher reads documents once, and what a student needs of it is kept in shards.

In: a MODEL, a text, a codec and τ. Out: a folder (folder.py) and its manifest. Who computes is decided here: this
process (teacher.py), Ray's workers (ray_engine.py), or a server that tells its top K (server_capture.py).

The order of work is fixed: documents go into shards by their number of tokens, a shard's windows into batches by
their length, and a shard is the unit that is there or not. So a run that was killed, and goes on with `resume`, makes
the same batches, and with them the same bits, as a run that was not. (Another number of threads or another machine
may round a logit differently; what is promised is the same bytes on the same set-up.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import pyarrow as pa

from retort.distill.cache.captured import Captured
from retort.distill.cache.codecs import find_codec
from retort.distill.cache.folder import (
    FORMAT,
    OnShard,
    Origin,
    Shard,
    in_shards,
    refuse_full_folder,
    shard_file,
    write_cache,
)
from retort.distill.cache.teacher import Card, Document, Job, KnownTeacher, open_teacher
from retort.distill.data.corpus import Corpus, data_checksum
from retort.distill.data.rows import content_hash, numbered
from retort.distill.recipe import corpus_of
from retort.errors import InputError

if TYPE_CHECKING:
    from retort.distill.cache.ray_engine import RayEngine

Engine: TypeAlias = "KnownTeacher | RayEngine"

SERVERS = ("http://", "https://")
SHARD_TOKENS = 2**16  # what a kill can cost, and what a reader loads for one position
BATCH_TOKENS = 2048  # through the teacher at once; part of the origin, since rows round with their batch
LONGEST_CONTEXT = 1024  # of a window, unless asked otherwise: batches of long rows need memory


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
) -> Captured:
    """Write the cache of `teacher` over the documents of `data` into the folder `out`, and say what it holds.

    A teacher on a server (`http://…`) tells its top K alone: see server_capture.py, which `tokenizer` is for.
    `engine` "ray" spreads the shards over `workers` processes of a Ray cluster (ray_engine.py); the files are those
    of "local".

    With `resume` the finished shards in `out` are kept. Raises InputError where `out` holds a cache already (and
    `resume` is not set), or one of another origin, with both values; SourceError where a shard in `out` is
    damaged, or a file cannot be written.
    """
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature is {temperature}; it must be a number above 0, for instance 3.0.")
    chosen, folder, corpus = find_codec(codec), Path(out), corpus_of(data)
    if workers is not None and engine != "ray":
        raise InputError(f"workers is {workers}, but the engine is {engine}; workers are for --engine ray.")
    refuse_full_folder(folder, resume)
    if teacher.startswith(SERVERS):
        if engine != "local":
            raise InputError(
                f"engine is {engine}, but {teacher} computes on its server, which is asked from here; leave --engine"
                " out."
            )
        if context is not None:
            raise InputError(
                f"context is {context:,}, but {teacher} is sent whole documents; leave --context out."
            )
        from retort.distill.cache.server_capture import capture_from_server

        kept = capture_from_server(
            teacher, data, corpus, folder, chosen, temperature, seed, tokenizer, shard_tokens, on_shard
        )
        return Captured.of(kept, out)
    if tokenizer is not None:
        raise InputError(
            f"tokenizer is {tokenizer}, but {teacher} runs here and has its own; leave --tokenizer out."
        )
    with _engine(engine, teacher, dtype, workers) as opened:
        card = opened.card
        origin = Origin(
            format=FORMAT,
            teacher=card.name,
            teacher_revision=card.revision,
            tokenizer=card.tokenizer,
            vocabulary=card.vocab_size,
            temperature=float(temperature),
            codec=chosen.text,
            seed=seed,
            dtype=card.dtype,
            data=data,
            data_sha256=data_checksum(corpus),
            context=_longest_window(context, card),
            batch_tokens=batch_tokens,
            shard_tokens=shard_tokens,
            teachers=card.teachers,
        )
        shards = partial(_shards, folder, opened, origin, corpus)
        return Captured.of(write_cache(folder, origin, corpus, opened.token_texts, shards, on_shard), out)


def _longest_window(asked: int | None, card: Card) -> int:
    """As asked, or the teacher's own context up to LONGEST_CONTEXT. Raises InputError for more than it can read."""
    if asked is None:
        return min(LONGEST_CONTEXT, card.max_context or LONGEST_CONTEXT)
    if card.max_context is not None and asked > card.max_context:
        raise InputError(
            f"context is {asked:,}, but {card.name} reads at most {card.max_context:,} tokens; ask for fewer, or leave"
            " --context out."
        )
    return asked


def _engine(
    name: Literal["local", "ray"], teacher: str, dtype: str, workers: int | None
) -> AbstractContextManager[Engine]:
    """What computes shards: this process's own teacher, or the workers of a Ray cluster."""
    if name == "local":
        return nullcontext(open_teacher(teacher, dtype))
    from retort.distill.cache.ray_engine import ray_workers

    return ray_workers(teacher, dtype, workers)


def _shards(
    folder: Path, engine: Engine, origin: Origin, corpus: Corpus, finished: Sequence[Shard]
) -> Iterator[Shard | tuple[int, pa.Table]]:
    """Each shard in its order, computed where it is not there.

    Documents are read and cut again on a resume, too: which of them a shard holds follows from those before it.
    """
    # Looked for and not believed: a damaged shard is repaired by deleting its file (shard_bytes says so).
    there = {one.file: one for one in finished if (folder / one.file).is_file()}
    cut = in_shards(_documents(engine, corpus), lambda one: len(one.ids), origin.shard_tokens)
    files = map(shard_file, count())
    jobs = (Job(file, some, there.get(file)) for file, some in zip(files, cut, strict=False))
    for job, positions in engine.computed(jobs, origin):
        yield job.known or (len(job.documents), positions)


def _documents(engine: Engine, corpus: Corpus) -> Iterator[Document]:
    for batch in numbered(corpus):
        first = batch[0][0]
        for number, ids in enumerate(engine.encode([one for _, one in batch], first), start=first):
            if len(ids) > 1:
                yield Document(number, ids, content_hash(ids))
