"""`--engine ray`: shards spread over the workers of a Ray cluster; this process cuts, writes and keeps the manifest.

A shard's positions are a function of its documents and the origin (teacher.py), so it does not matter which worker
computes them, when, or how often: a worker that dies is started again, and its shards with it. The documents travel to
the workers and the positions back, so workers need the teacher and no disk in common.

Ray's actors, and not Ray Data: shards are cut at a running count of tokens and written in their order, from a stream
that is never whole in memory. Ray Data wants its rows from a data source that it can split, and splits and merges its
blocks by their size; the cut would be made outside it all the same, and one shard be made to be one block.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa

from retort.distill.cache.folder import Origin
from retort.distill.cache.teacher import Card, Document, Job, KnownTeacher, open_teacher, positions_of
from retort.distill.data.records import Record
from retort.errors import InputError, MissingExtraError, RetortError, SourceError

RETRIES = 3
SHARDS_A_WORKER = 2  # one that it computes, and one that waits there: between two it need not ask
AHEAD = 4  # shards a worker that may be under way or done before the first of them is written

READING = "reading"  # the thread of a worker that encodes documents while another computes

Item = TypeVar("Item")
Ref = TypeVar("Ref")


@contextmanager
def ray_workers(teacher: str, dtype: str, workers: int | None) -> Iterator[RayEngine]:
    """The engine, on the cluster that RAY_ADDRESS names or else a new one here; its workers end with the block.

    Each worker computes with as many threads as this process would (OMP_NUM_THREADS), and Ray counts them as CPUs:
    that is what makes its bits those of the local engine. `workers`: at most as many as fit, which is the default.
    Raises MissingExtraError without ray, SourceError without a cluster, InputError where it has no room for them.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtraError("ray", "ray", "Spreading a capture over workers") from None
    import torch

    threads = torch.get_num_threads()
    ours = not ray.is_initialized()
    if ours:
        try:
            ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
        except ConnectionError as error:
            raise SourceError(
                f"no Ray cluster can be reached (RAY_ADDRESS is {os.environ.get('RAY_ADDRESS', 'not set')}):"
                f" {str(error).splitlines()[0]}. Start one with `ray start --head`, or unset RAY_ADDRESS for one here."
            ) from None
    engine = None
    try:
        cpus = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
        count = _number_of_workers(cpus, threads, workers)
        worker = ray.remote(
            num_cpus=threads,
            max_restarts=RETRIES,
            max_task_retries=RETRIES,
            concurrency_groups={READING: 1},
            runtime_env={"env_vars": {"OMP_NUM_THREADS": str(threads)}},
        )(_Worker)
        engine = RayEngine(ray, partial(worker.remote, teacher, dtype, threads, os.getcwd()), count)
        yield engine
    finally:
        if engine is not None:
            engine.stop()
        if ours:
            ray.shutdown()


def _number_of_workers(cpus: Sequence[float], threads: int, asked: int | None) -> int:
    room = sum(int(one // threads) for one in cpus)
    if room == 0 or (asked or 0) > room:
        raise InputError(
            f"workers is {asked or 1}, each with as many threads as this process ({threads}), but the cluster's"
            f" machines have {', '.join(f'{one:g}' for one in cpus)} CPUs, which is room for {room}; ask"
            " for fewer workers, or set OMP_NUM_THREADS to fewer threads."
        )
    return asked or room


class RayEngine:
    """The workers: the first is started at once, others when there is a shard for them."""

    def __init__(self, ray: Any, start: Callable[[], Any], count: int) -> None:
        self._ray, self._start, self._count = ray, start, count
        self._workers = [start()]
        self.card: Card = self._ask("card")

    def encode(self, documents: Sequence[Record], first: int = 0) -> list[list[int]]:
        """Token ids of each document, its end marker included: this process needs no weights."""
        found: list[list[int]] = self._ask("encode", documents, first)
        return found

    def token_texts(self) -> list[str]:
        found: list[str] = self._ask("token_texts")
        return found

    def computed(self, jobs: Iterator[Job], origin: Origin) -> Iterator[tuple[Job, pa.Table | None]]:
        """Every job in its order with its positions, None for one that is known."""
        # Each worker's number as often as it may hold shards, all of them once before one comes again.
        free = deque(list(range(self._count)) * SHARDS_A_WORKER)
        busy: dict[Any, int] = {}

        def begin(job: Job) -> Any:
            if job.known:
                return None
            if not free:
                done, _ = self._ray.wait(list(busy), num_returns=1)
                free.append(busy.pop(done[0]))
            number = free.popleft()
            while number >= len(self._workers):
                self._workers.append(self._start())
            ref = self._workers[number].positions.remote(job.documents, origin)
            busy[ref] = number
            return ref

        def is_done(ref: Any) -> bool:
            return ref is None or bool(self._ray.wait([ref], timeout=0)[0])

        for job, ref in in_order(jobs, begin, is_done, AHEAD * self._count):
            positions = None if ref is None else self._get(ref, job.file)
            if ref in busy:
                free.append(busy.pop(ref))
            yield job, positions

    def stop(self) -> None:
        for worker in self._workers:
            self._ray.kill(worker)

    def _ask(self, name: str, *arguments: object) -> Any:
        """What the first worker tells of its teacher, in the thread that does not compute."""
        told = self._workers[0].told.options(concurrency_group=READING)
        return self._get(told.remote(name, *arguments), "the text")

    def _get(self, ref: Any, what: str) -> Any:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            # What a worker says to the user is what it would have said here, without the way it came.
            if isinstance(error.cause, RetortError):
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            raise SourceError(
                f"the worker that computed {what} died {RETRIES + 1} times ({type(error).__name__}); every shard that"
                " was finished is kept. See Ray's log for the reason (often memory: give fewer workers), then run the"
                " same command with --resume."
            ) from None


def in_order(
    jobs: Iterator[Item], begin: Callable[[Item], Ref], is_done: Callable[[Ref], bool], ahead: int
) -> Iterator[tuple[Item, Ref]]:
    """Each job with what `begin` gave for it, in order, once it is done; or when `ahead` have been begun behind it."""
    waiting: deque[tuple[Item, Ref]] = deque()
    for job in jobs:
        waiting.append((job, begin(job)))
        while waiting and (len(waiting) >= ahead or is_done(waiting[0][1])):
            yield waiting.popleft()
    yield from waiting


class _Worker:
    """One process with the teacher: computes the shards that it is given."""

    def __init__(self, teacher: str, dtype: str, threads: int, folder: str) -> None:
        self._asked, self._threads = (teacher, dtype), threads
        self._opened: KnownTeacher | None = None
        self._opening = threading.Lock()
        if os.path.isdir(folder):
            os.chdir(folder)  # a relative path means what it means to the user

    def _teacher(self) -> KnownTeacher:
        # Not at the start: an error there would reach the user as a worker's death, without its sentence.
        with self._opening:
            if self._opened is None:
                self._opened = open_teacher(*self._asked)
            return self._opened

    def told(self, name: str, *arguments: object) -> Any:
        """What the teacher's attribute or method of that name gives."""
        found = getattr(self._teacher(), name)
        return found(*arguments) if callable(found) else found

    def positions(self, documents: list[Document], origin: Origin) -> pa.Table:
        """The positions of a shard. Raises SourceError where this machine has other weights under the name."""
        import torch

        from retort.sampling import set_num_threads

        # A thread's own setting in OpenMP, so it is made where the work is done.
        torch.set_num_threads(self._threads)
        set_num_threads(self._threads)
        teacher = self._teacher()
        card = teacher.card
        if card.revision != origin.teacher_revision:
            raise SourceError(
                f"{card.name} is revision {card.revision} on {platform.node()}, and this capture's is"
                f" {origin.teacher_revision}; give every machine the same files."
            )
        return positions_of(teacher, origin, documents)
