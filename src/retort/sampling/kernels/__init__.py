"""Compiled drawing of long rows: what goes in, what comes out, and which rows are taken.

`refusal(logits, chain)` says why rows cannot be drawn here, or None; `draw_rows` draws them. `rows.py` is the work,
with `reading.py` and `race.py`, `arithmetic.py` its numbers, `threads.py` who does it. The choice depends on a row's
chain, dtype and vocabulary alone, never on its batch, so that a row's numbers are bitwise the same in every batch.
Nothing is compiled before it is needed.

Why compiled: with SmolLM2 (49,152 tokens, temperature and top-p, one thread) the model takes 90 ms per token at one
sequence and the draw in numpy 4 ms; at eight 192 and 48 ms. Compiled the draw takes 0.1 ms or less per row. The same
kernels on LLVM vectors (454 lines more) take 0.5 to 0.8 of that: no part of a token's time, so they are gone.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from retort.chain import Chain
from retort.distribution.arrays import as_floats, namespace, to_numpy
from retort.numerals import duration
from retort.sampling.kernels.threads import ELEMENTS_A_THREAD, num_threads, share

MIN_VOCABULARY = 4096
"""Rows shorter than this are drawn in numpy: loading the kernels takes half a second, once."""

COPIED_AT_ONCE = 2**20
"""Logits copied at a time where they are float16, or the tokens of a row do not lie side by side."""

PLAIN, GREEDY, LISTED = 0.0, 1.0, 2.0
"""Ways to draw: no truncation; τ = 0; with truncations."""

TEMPERATURE, TOP_K, TOP_P, MIN_P = 1.0, 2.0, 3.0, 4.0
STAGES: dict[str, tuple[float, tuple[Any, ...]]] = {
    "temperature": (TEMPERATURE, ()),
    "top_k": (TOP_K, ("lowest",)),
    "top_p": (TOP_P, ("lowest", 1)),
    "min_p": (MIN_P, (1,)),
}
"""Name of a stage → its number in a plan, and the values that its other settings must have."""

LARGEST_K = 2.0**53
"""A top_k of this and more keeps every token."""


@dataclass(frozen=True)
class Drawn:
    """`ids` `[n]`, -1 for rows that cannot be used; `numbers` `[5, n]` as in `draw.COLUMNS`."""

    ids: np.ndarray
    numbers: np.ndarray


def refusal(logits: Any, chain: Chain) -> str | None:
    """Why rows of these logits `[n, vocab]` are not drawn here with this chain; None if they are."""
    if logits.shape[-1] < MIN_VOCABULARY:
        return f"rows of fewer than {MIN_VOCABULARY} tokens are not worth it"
    if isinstance(logits, np.ndarray):
        # A view of another byte order has the same name, so the type itself is asked.
        known = logits.dtype in (np.dtype("float32"), np.dtype("float64"), np.dtype("float16"))
    elif logits.device.type != "cpu":
        return "the rows are not in the processor's memory"
    else:
        known = str(logits.dtype).removeprefix("torch.") in ("float32", "float64", "float16", "bfloat16")
    return plan_of(chain)[1] if known else f"the kernels do not read {logits.dtype}"


@lru_cache(maxsize=1024)
def plan_of(chain: Chain) -> tuple[np.ndarray, str | None]:
    """The chain as the kernels' numbers (see `rows.py`), and why they cannot draw it, if so."""
    numbers = np.zeros(3 + 2 * len(chain))
    for place, stage in enumerate(chain):
        code, others = STAGES.get(stage.name, (None, None))
        if code is None or tuple(stage.values[1:]) != others:
            return numbers, f"the kernels do not know the stage {stage}"
        value = float(min(stage.value, LARGEST_K))
        if stage.name == "min_p":
            value = float(np.log(np.float64(stage.value)))
        numbers[3 + 2 * place : 5 + 2 * place] = code, value
    temperature, first = chain.temperature, next(iter(chain), None)
    if temperature == 0.0 and first is not None and first.name != "temperature":
        # The margin is that of the logits that enter τ = 0.
        return numbers, "something is removed before a temperature of 0"
    truncated = any(stage.name != "temperature" for stage in chain)
    way = GREEDY if temperature == 0.0 else LISTED if truncated else PLAIN
    numbers[:3] = way, temperature or 1.0, len(chain)
    return numbers, None


def draw_rows(logits: Any, chain: Chain, rows: np.ndarray, seeds: np.ndarray, positions: np.ndarray) -> Drawn:
    """Draw these rows of `[n, vocab]`, each with its seed and position (uint64), on as many threads as are worth it."""
    plan, refused = plan_of(chain)
    assert refused is None
    ids, numbers = np.empty(len(rows), dtype=np.int64), np.empty((len(rows), 5))
    seeds, positions = seeds.view(np.int64), positions.view(np.int64)
    for start, piece, where in _in_memory(logits, rows):
        done = slice(start, start + len(where))
        _draw_piece(piece, plan, where, seeds[done], positions[done], ids[done], numbers[done])
    return Drawn(ids, np.ascontiguousarray(numbers.T))


def _draw_piece(piece: np.ndarray, plan: np.ndarray, *of_rows: np.ndarray) -> None:
    """Draw rows of an array in memory; `of_rows` are the rows, seeds, positions, and where ids and numbers go."""
    is_half = piece.dtype == np.uint16
    entry, scratch_size, widen = _entry(np.dtype(np.float32) if is_half else piece.dtype)
    num_rows, num_tokens = len(of_rows[0]), piece.shape[1]
    # A call costs what a tenth of a long row does. So several rows a call, but some calls for each thread.
    size = max(1, ELEMENTS_A_THREAD // num_tokens, 0 if is_half else num_rows // (4 * num_threads()))
    # Threads take turns at one iterator, so none waits for a slow row of another.
    turns = iter(range(0, num_rows, size))

    def work(scratch: np.ndarray) -> None:
        # bfloat16 is the upper half of float32: each thread makes its own rows whole, which are in its cache then.
        whole = (
            scratch[needed:].view(np.float32)[: size * num_tokens].reshape(size, num_tokens)
            if is_half
            else piece
        )
        for first in turns:
            rows, *others = (one[first : first + size] for one in of_rows)
            if is_half:
                widen(piece, rows, whole.view(np.uint32))
                rows = np.arange(len(rows))
            entry(whole, rows, plan, *others, scratch)

    needed = scratch_size(num_tokens)
    share(work, num_rows, num_tokens, needed + (size * num_tokens + 1) // 2 if is_half else needed)


MOST_CANDIDATES = 512
"""Tokens of one branch of a path that are written down; where more can win, the branch is split in numpy."""


@dataclass(frozen=True)
class Races:
    """Of each row its largest logit (not finite: a row that cannot be used) and `ln Σ e^(z - largest)`, `[n]`.

    Of each branch (a row, noise, and temperatures from low to high) how many tokens can win there, -1 where they are
    too many; by rising id, their logits from the row's largest, and their noise: `[branches, MOST_CANDIDATES]`.
    """

    tops: np.ndarray
    log_sums: np.ndarray
    counts: np.ndarray
    ids: np.ndarray
    values: np.ndarray
    noises: np.ndarray


def races(
    logits: np.ndarray, rows: Sequence[int], seeds: Sequence[int], positions: Sequence[int],
    lows: Sequence[float], highs: Sequence[float],
) -> Races:  # fmt: skip
    """Who can win on the branches, whose `rows` rise; see `paths.py`. On as many threads as are worth it."""
    piece = np.ascontiguousarray(logits)
    entry, scratch_size = _races_entry(piece.dtype.name)
    count, width = len(rows), MOST_CANDIDATES
    found = Races(
        np.full(len(piece), np.nan), np.empty(len(piece)), np.zeros(count, np.int64),
        np.empty((count, width), np.int64), np.empty((count, width)), np.empty((count, width)),
    )  # fmt: skip
    starts = np.searchsorted(np.array(rows), np.arange(len(piece) + 1))
    noise = np.array(seeds, np.uint64).view(np.int64), np.array(positions, np.int64)
    ends = np.array(lows, np.float64), np.array(highs, np.float64)
    turns = iter(range(len(piece)))

    def work(scratch: np.ndarray) -> None:
        for row in turns:
            entry(
                piece, row, row + 1, starts, *noise, *ends, found.counts, found.ids, found.values, found.noises,
                found.tops, found.log_sums, scratch,
            )  # fmt: skip

    share(work, len(piece), piece.shape[1], scratch_size(piece.shape[1]))
    return found


@cache
def _races_entry(dtype: str) -> tuple[Callable[..., None], Callable[[int], int]]:
    """As `_entry`, for paths."""
    with compile_note("the paths"):
        from retort.sampling.kernels.paths import races_of
        from retort.sampling.kernels.rows import scratch_size

        return races_of(dtype), scratch_size


@cache
def _entry(dtype: np.dtype[Any]) -> tuple[Callable[..., None], Callable[[int], int], Callable[..., None]]:
    """The compiled function for logits of this dtype, how much scratch memory it wants, and what widens bfloat16."""
    with compile_note("the sampler"):
        from retort.sampling.kernels import rows

        return rows.draw_rows_of(dtype.name), rows.scratch_size, rows.widen


def prepare() -> None:
    """Compile what models' logits (float32) need, where no cache holds it: half a minute."""
    _entry(np.dtype(np.float32))
    _races_entry("float32")


def _in_memory(logits: Any, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Pieces of the work: (how many rows came before, an array, which of its rows).

    The array is float32, float64, or the bits of bfloat16 as uint16.
    """
    array = logits if isinstance(logits, np.ndarray) else None
    if array is None and str(logits.dtype) in ("torch.float32", "torch.float64"):
        array = logits.numpy()
    elif array is None and str(logits.dtype) == "torch.bfloat16":
        # numpy has no bfloat16.
        array = logits.view(namespace(logits).int16).numpy().view(np.uint16)
    if array is not None and array.dtype != np.float16 and array.flags.c_contiguous:
        yield 0, array, rows.astype(np.int64, copy=False)
        return
    size = max(1, COPIED_AT_ONCE // logits.shape[1])
    for start in range(0, len(rows), size):
        piece = np.ascontiguousarray(to_numpy(as_floats(logits[rows[start : start + size].tolist()])))
        yield start, piece, np.arange(len(piece))


def compiled_sources() -> str:
    """A hash of everything that is compiled into a kernel. numba's own cache looks at the one file of its entry."""
    from retort.distribution import ranking
    from retort.sampling import noise

    here = Path(__file__).parent
    digest = hashlib.sha256()
    for file in (*sorted(here.glob("*.py")), Path(noise.__file__), Path(ranking.__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


TELL = True
"""Whether `compile_note` writes; tests turn it off."""


_COMPILING = RLock()


@contextmanager
def compile_note(what: str) -> Iterator[None]:
    """Lines on stderr where numba compiles something in here that it does not find in its cache."""
    # One thread at a time, importing included: numba, imported by two threads at once, can leave LLVM's lock held for
    # good. And it tells every listener of the process, so the second thread that wants a kernel waits for the first's.
    with _COMPILING:
        from numba.core import event

        class Note(event.Listener):
            began: float | None = None

            def on_start(self, _: object) -> None:
                if self.began is None:
                    self.began = time.monotonic()
                    _tell(f"compiling {what} for this machine, once; seconds to a minute …")

            def on_end(self, _: object) -> None: ...

        note = Note()
        with event.install_listener("numba:compile", note):
            yield
    if note.began is not None:
        _tell(f"compiled {what} in {duration(time.monotonic() - note.began)}")


def _tell(line: str) -> None:
    if TELL:
        sys.stderr.write(f"retort: {line}\n")
