"""`retort capture`: a teacher reads documents once, and what a student needs of it is kept in shards.

In: a MODEL, a text, a codec and τ. Out: a folder (folder.py) and its manifest. Who computes is decided here: this
process or Ray's workers (writer.py), or a server that tells its top K (server_capture.py).
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

from retort.distill.cache.captured import Captured
from retort.distill.cache.codecs import find_codec
from retort.distill.cache.folder import FORMAT, Origin, add_seconds, only_writer, refuse_full_folder
from retort.distill.cache.teacher import open_teacher
from retort.distill.cache.writer import Engine, LocalEngine, OnShard, write
from retort.distill.data.corpus import data_checksum
from retort.distill.recipe import corpus_of
from retort.errors import InputError

SERVERS = ("http://", "https://")
SHARD_TOKENS = 2**16
BATCH_TOKENS = 2048
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
            data_sha256=data_checksum(corpus),
            context=min(context or LONGEST_CONTEXT, reader.max_context or LONGEST_CONTEXT),
            batch_tokens=batch_tokens,
            shard_tokens=shard_tokens,
            teachers=reader.teachers,
        )
        folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        with only_writer(folder):
            manifest = write(folder, opened, chosen, origin, corpus, on_shard)
            add_seconds(folder, time.perf_counter() - began)
            return Captured.of(manifest, out)


def _engine(
    name: Literal["local", "ray"], teacher: str, dtype: str, workers: int | None
) -> AbstractContextManager[Engine]:
    if name == "local":
        return nullcontext(LocalEngine(open_teacher(teacher, dtype)))
    from retort.distill.cache.ray_engine import ray_workers

    return ray_workers(teacher, dtype, workers)
