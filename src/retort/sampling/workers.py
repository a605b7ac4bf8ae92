"""Threads that share the rows of a batch, and the scratch memory of each.

A pool of our own: numba's parallel loops may not be entered from two threads at once. Compiled code lets other threads
run, so Python threads are enough. The calling thread takes its part of the work; for one row nothing is handed over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from retort.errors import InputError

ELEMENTS_A_THREAD = 2**16
"""Handing work to a thread takes some 30 µs, in which this many logits are read."""

_local = threading.local()
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_num_threads: int | None = None


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
    global _num_threads, _pool
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"the number of threads must be a whole number of 1 or more, got {count!r}")
    with _lock:
        _num_threads, _pool = count, None


def share(work: Callable[[np.ndarray], object], num_rows: int, num_tokens: int, scratch_size: int) -> None:
    """Call `work(scratch)` in as many threads as the rows are worth; it returns when there is nothing left to do."""
    threads = min(num_threads(), num_rows, num_rows * num_tokens // ELEMENTS_A_THREAD)
    if threads < 2:
        work(_scratch(scratch_size))
        return
    helpers = [_executor().submit(lambda: work(_scratch(scratch_size))) for _ in range(threads - 1)]
    work(_scratch(scratch_size))
    for helper in helpers:
        helper.result()


def _scratch(size: int) -> np.ndarray:
    """This thread's scratch memory, float64, of at least `size`."""
    scratch = getattr(_local, "scratch", None)
    if scratch is None or len(scratch) < size:
        scratch = _local.scratch = np.empty(size)
    return scratch


def _executor() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(1, num_threads() - 1), thread_name_prefix="retort-sample")
        return _pool


def _forget_pool() -> None:
    """A forked process has the pool but none of its threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
