"""Threads that share the rows of a batch, and the scratch memory of each.

A pool of our own: numba's parallel loops may not be entered from two threads at once. Compiled code lets other threads
run, so Python threads are enough. The calling thread takes its part of the work; for one row nothing is handed over.
Work goes over a plain queue, which wakes a thread twice as fast as an executor with its futures does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

import numpy as np

from retort.errors import InputError

ELEMENTS_A_THREAD = 2**16
"""Handing work to a thread takes some 30 µs, in which this many logits are read."""

Work = Callable[[np.ndarray], object]

_local = threading.local()
_lock = threading.Lock()
_helpers: _Helpers | None = None
_num_threads: int | None = None


class _Helpers:
    """Threads that wait for work, as daemons: they hold nothing that must be put in order at the end."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.tasks: SimpleQueue[tuple[Work, int, SimpleQueue[BaseException | None]] | None] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._serve, name=f"retort-sample-{number}", daemon=True).start()

    def _serve(self) -> None:
        while (task := self.tasks.get()) is not None:
            work, scratch_size, done = task
            problem: BaseException | None = None
            try:
                work(_scratch(scratch_size))
            except BaseException as raised:
                problem = raised
            done.put(problem)
            # What was drawn must not live on in a thread that waits.
            del task, work, done, problem

    def stop(self) -> None:
        """Let the threads end when they have done what they were given."""
        for _ in range(self.count):
            self.tasks.put(None)


def num_threads() -> int:
    """How many threads draw a batch: what `set_num_threads` says, else OMP_NUM_THREADS, else the process's cores."""
    global _num_threads
    if _num_threads is None:
        named = os.environ.get("OMP_NUM_THREADS", "")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        _num_threads = max(1, int(named)) if named.isdigit() else cores
    return _num_threads


def set_num_threads(count: int) -> None:
    """Draw batches with so many threads; results do not depend on it. Raises InputError for less than 1."""
    global _num_threads, _helpers
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"the number of threads must be a whole number of 1 or more, got {count!r}")
    with _lock:
        if _helpers is not None:
            _helpers.stop()
        _num_threads, _helpers = count, None


def share(work: Work, num_rows: int, num_tokens: int, scratch_size: int) -> None:
    """Call `work(scratch)` in as many threads as the rows are worth; it returns when there is nothing left to do."""
    threads = min(num_threads(), num_rows, num_rows * num_tokens // ELEMENTS_A_THREAD)
    if threads < 2:
        work(_scratch(scratch_size))
        return
    done: SimpleQueue[BaseException | None] = SimpleQueue()
    with _lock:
        tasks = _waiting_helpers().tasks
        for _ in range(threads - 1):
            tasks.put((work, scratch_size, done))
    try:
        work(_scratch(scratch_size))
    finally:
        problems = [done.get() for _ in range(threads - 1)]
    for problem in problems:
        if problem is not None:
            raise problem


def _scratch(size: int) -> np.ndarray:
    """This thread's scratch memory, float64, of at least `size`."""
    scratch = getattr(_local, "scratch", None)
    if scratch is None or len(scratch) < size:
        scratch = _local.scratch = np.empty(size)
    return scratch


def _waiting_helpers() -> _Helpers:
    global _helpers
    if _helpers is None:
        _helpers = _Helpers(max(1, num_threads() - 1))
    return _helpers


def _forget_helpers() -> None:
    """A forked process has the object but none of its threads."""
    global _helpers, _lock
    _helpers, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)
