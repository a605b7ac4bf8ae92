"""Drawing many rows, compiled: one pass over each row, float64 for what decides, the same token as the general path.

A *plan* is a chain of temperature, top-k, top-p and min-p as numbers: τ, whether it is greedy, and its stages in order.
A row without a truncation is read once and raced; one with a truncation is read once, and the rest is done on the
list of its largest logits. Where the float32 sum of a row is too coarse to say where top-p cuts, the row is summed
again in float64.

The threads share the rows: each takes the next one. A row's result depends on nothing but the row, so it is bitwise the
same alone, in any batch, in any order, on any number of threads.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
from numba import njit

from retort.distribution.ranking import ROUNDING
from retort.sampling.kernels_cuts import cut, keep_at_least, keep_until, weigh
from retort.sampling.kernels_nucleus import NO_END, NUCLEUS_SLACK, first_nucleus, heat, lowered
from retort.sampling.kernels_race import race_of_list, race_of_row
from retort.sampling.kernels_rows import (
    BLOCK,
    CHUNK,
    KIND_FLOAT64,
    gather,
    key_of_largest_blocks,
    largest_float64,
    read_row,
    value_at,
)
from retort.sampling.vectors_memory import take_next

WAY_PLAIN, WAY_GREEDY, WAY_LISTED = 0.0, 1.0, 2.0
"""Ways to draw: no truncation; τ = 0; with truncations."""

TEMPERATURE, TOP_K, TOP_P, MIN_P = 1.0, 2.0, 3.0, 4.0
"""Stages of a plan."""

MAX_STAGES = 8
PLAN_WIDTH = 3 + 2 * MAX_STAGES
"""A plan's numbers: way, τ (1.0 if greedy), how many stages, then (stage, value) of each; min-p's value is ln p."""

RAW, PROCESSED, KEPT_MASS, ENTROPY, MARGIN = 0, 1, 2, 3, 4
"""Columns of the numbers that come with a token."""

FAULT_NONE, FAULT_NAN, FAULT_INFINITE, FAULT_EMPTY = 0, 1, 2, 3


MARGIN_FOR_MIN_P = 1e-5

HISTOGRAM_CELLS = 256
WAITING = 2 * BLOCK


@njit
def draw_row(row, plan, place_of_noise, scratch, numbers):  # type: ignore[no-untyped-def]
    """Draw one row. Writes `numbers` (RAW .. MARGIN); returns the token's id and the row's fault."""
    kind, address, num_tokens = row
    maxima, chunk = scratch[0], scratch[1]
    at = np.int64(maxima.ctypes.data)
    way, temperature = plan[0], plan[1]
    numbers[:] = np.nan
    shift = 0.0
    if kind == KIND_FLOAT64:
        shift, nan = largest_float64(address, num_tokens)
        if nan or not -np.inf < shift < np.inf:
            return np.int64(-1), fault_of(shift, nan)
    key_top, raw_sum, hot_sum, moment, nan = read_row(
        kind, address, num_tokens, shift, np.int64(chunk.ctypes.data), at, temperature, way == WAY_PLAIN
    )
    if nan or not -np.inf < key_top < np.inf:
        return np.int64(-1), fault_of(key_top, nan)
    num_blocks = (num_tokens + BLOCK - 1) // BLOCK
    maxima[num_blocks : (num_blocks + 15) // 16 * 16] = -np.inf
    top = shift if kind == KIND_FLOAT64 else np.float64(key_top)
    if way == WAY_PLAIN:
        standing = race_of_row(
            row, top, temperature, at, scratch[2], scratch[3], scratch[9], scratch[10], place_of_noise
        )
        token = standing[2]
        value = (value_at(kind, address, token) - top) / temperature
        log_sum = math.log(hot_sum)
        numbers[PROCESSED] = value - log_sum
        numbers[KEPT_MASS] = 0.0
        numbers[ENTROPY] = log_sum - moment / temperature / hot_sum
        numbers[MARGIN] = temperature * (standing[0] - standing[1])
    elif way == WAY_GREEDY:
        token = draw_greedy(row, shift, key_top, scratch, numbers)
    else:
        token = draw_listed(
            row, plan, shift, key_top, top, (raw_sum, hot_sum), place_of_noise, scratch, numbers
        )
    numbers[RAW] = (value_at(kind, address, token) - top) - math.log(raw_sum)
    return token, FAULT_NONE


@njit
def fault_of(top, nan):  # type: ignore[no-untyped-def]
    """What is wrong with a row whose largest logit is not finite, or that holds NaN."""
    return FAULT_NAN if nan else FAULT_INFINITE if top > 0 else FAULT_EMPTY


@njit
def largest_tokens(row, shift, key_top, wanted, exact, scratch):  # type: ignore[no-untyped-def]
    """List the `wanted` first tokens by (logit, lowest id), perhaps more; returns how many, and if they are all.

    `exact`: the order is that of the logits; else (at a temperature) logits that are nearly equal may tie.
    """
    kind, address, num_tokens = row
    maxima = np.int64(scratch[0].ctypes.data)
    num_blocks = (num_tokens + BLOCK - 1) // BLOCK
    key = key_of_largest_blocks(maxima, num_blocks, wanted, key_top, scratch[8])
    if key == key_top and (exact or kind != KIND_FLOAT64):
        # The largest logit is there often enough: its lowest ids win, and they come first.
        low, enough = key, wanted
    else:
        low, enough = lowered(key, key_top), NO_END
    count = gather(
        kind, address, num_tokens, shift, maxima, low, np.float32(np.inf), enough, scratch[4], scratch[5], 0
    )
    return count, low == -np.inf


@njit
def draw_greedy(row, shift, key_top, scratch, numbers):  # type: ignore[no-untyped-def]
    """The largest logit's lowest id; the margin is its lead over the second, in the logits as they came."""
    ids, values, weights = scratch[4], scratch[5], scratch[6]
    count, _ = largest_tokens(row, shift, key_top, 2, True, scratch)
    value, token, _, _ = cut(values, weights, ids, 0, count, False, 1.0, scratch[7], scratch[8])
    margin = np.inf
    if count > 1:
        second, _, _, _ = cut(values, weights, ids, 0, count, False, 2.0, scratch[7], scratch[8])
        margin = value - second
    numbers[PROCESSED] = 0.0
    numbers[KEPT_MASS] = 0.0
    numbers[ENTROPY] = 0.0
    numbers[MARGIN] = margin
    return token


@njit
def draw_listed(row, plan, shift, key_top, top, sums, place_of_noise, scratch, numbers):  # type: ignore[no-untyped-def]
    """Draw from what the plan's truncations leave: a list of candidates, all in float64."""
    kind, address, num_tokens = row
    ids, values, weights = scratch[4], scratch[5], scratch[6]
    temperature = plan[1]
    tempered, listed, complete = False, False, False
    count = 0
    for stage in range(int(plan[2])):
        name, setting = plan[3 + 2 * stage], plan[4 + 2 * stage]
        largest = 0.0 if tempered else top
        if name == TEMPERATURE:
            tempered = temperature != 1.0
            if listed and tempered:
                count = heat(values, ids, 0, count, top, temperature)
            continue
        current = temperature if tempered else 1.0
        before = count
        if name == TOP_K:
            wanted = int(setting)
            if not listed:
                count, complete = largest_tokens(row, shift, key_top, wanted, not tempered, scratch)
                count = heat(values, ids, 0, count, top, current)
                before = count
            if count > wanted:
                value, token, _, _ = cut(
                    values, weights, ids, 0, count, False, setting, scratch[7], scratch[8]
                )
                count = keep_until(values, ids, 0, count, value, token)
        elif name == MIN_P:
            if not listed:
                low = (0.0 if kind == KIND_FLOAT64 else top) + setting * current - MARGIN_FOR_MIN_P
                count = gather(
                    kind, address, num_tokens, shift, np.int64(scratch[0].ctypes.data), lowered(low, key_top),
                    np.float32(np.inf), NO_END, ids, values, 0,
                )  # fmt: skip
                count = heat(values, ids, 0, count, top, current)
                before = count
            count = keep_at_least(values, ids, count, (largest + setting) - ROUNDING)
        elif listed:
            total, _ = weigh(values, weights, 0, count, largest)
            target = setting * total * NUCLEUS_SLACK
            value, token, _, _ = cut(values, weights, ids, 0, count, True, target, scratch[7], scratch[8])
            count = keep_until(values, ids, 0, count, value, token)
        else:
            total = sums[1] if tempered else sums[0]
            count, complete = first_nucleus(row, shift, key_top, top, current, setting, total, scratch)
            before = count
        complete = complete and count == before
        listed = True
    total, moment = weigh(values, weights, 0, count, 0.0 if tempered else top)
    best, second, token = race_of_list(
        values, ids, count, num_tokens, scratch[2], scratch[9], scratch[10], place_of_noise
    )
    value = (value_at(kind, address, token) - top) / temperature
    log_total = math.log(total)
    numbers[PROCESSED] = value - log_total
    numbers[KEPT_MASS] = 0.0 if complete else min(0.0, log_total - math.log(sums[1]))
    numbers[ENTROPY] = log_total - moment / total
    numbers[MARGIN] = temperature * (best - second)
    return token


def scratch_size(num_tokens: int) -> int:
    """How many float64 `draw_rows` needs as scratch for rows of so many tokens."""
    blocks = (num_tokens + BLOCK - 1) // BLOCK + 16
    return blocks // 2 + 1 + CHUNK // 2 + 2 * blocks + 4 * (num_tokens + 16) + HISTOGRAM_CELLS + 2 * WAITING


@njit
def _carved(scratch, num_tokens):  # type: ignore[no-untyped-def]
    """The scratch: maxima, chunk, heights, bounds, ids, values, weights, members, histogram, waiting values and ids."""
    blocks = (num_tokens + BLOCK - 1) // BLOCK + 16
    half, tokens = blocks // 2 + 1, num_tokens + 16
    a = half
    b = a + CHUNK // 2
    c = b + blocks
    d = c + blocks
    e = d + tokens
    f = e + tokens
    g = f + tokens
    h = g + tokens
    i = h + HISTOGRAM_CELLS
    j = i + WAITING
    return (
        scratch[:a].view(np.float32), scratch[a:b].view(np.float32), scratch[b:c], scratch[c:d],
        scratch[d:e].view(np.int64), scratch[e:f], scratch[f:g], scratch[g:h].view(np.int64),
        scratch[h:i], scratch[i:j], scratch[j : j + WAITING].view(np.int64),
    )  # fmt: skip


def _sources() -> str:
    """A hash of everything that is compiled into `draw_rows`: numba's cache looks at this file alone."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for file in sorted(
        (*here.glob("kernels*.py"), *here.glob("vectors*.py"), here / "noise.py", here / "philox.py")
    ):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _entry(sources: str):  # type: ignore[no-untyped-def]
    # `sources` is a free variable of the function, and with that part of the key under which numba caches it.
    @njit(
        "void(int64, int64, int64, int64, int64[:, ::1], float64[:, ::1], int64[:, ::1], float64[:, ::1], "
        "int64[::1], float64[::1])",
        nogil=True,
        cache=True,
    )
    def draw_rows(base, stride, num_tokens, kind, jobs, plans, drawn, numbers, turn, scratch):  # type: ignore[no-untyped-def]
        """Draw the rows of `jobs` (row, plan, seed, position) until none is left; threads share `turn`.

        `base` and `stride`: address of row 0 and bytes between rows. Writes token ids and faults to `drawn` `[2, n]`
        and RAW .. MARGIN to `numbers` `[5, n]`.
        """
        arrays = _carved(scratch, num_tokens)
        while len(sources):
            job = take_next(np.int64(turn.ctypes.data))
            if job >= len(jobs):
                break
            row, plan, seed, position = jobs[job]
            place_of_noise = (position, seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF)
            drawn[0, job], drawn[1, job] = draw_row(
                (kind, base + row * stride, num_tokens), plans[plan], place_of_noise, arrays, numbers[:, job]
            )

    return draw_rows


draw_rows = _entry(_sources())
