"""The nucleus of a whole row: its largest tokens, listed in shells until they weigh enough, and cut.

`row` is (kind, address, number of tokens); `scratch` the arrays of `kernels._carved`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from retort.distribution.ranking import SLACK
from retort.sampling.kernels_cuts import cut, keep_at_least, keep_until, span_of, weigh
from retort.sampling.kernels_race import processed
from retort.sampling.kernels_rows import BLOCK, gather, key_of_largest_blocks, sum_float64
from retort.sampling.vectors_memory import load_float64, store_float64

NUCLEUS_SLACK = 1.0 - SLACK

SUM_ERROR = 2e-6
"""Relative error of a row's float32 sums, at most.

A weight e^y errs by the fit (1.1e-7), the roundings of its series (1.2e-7), those of y and of log2(e)/τ (1.2e-7·|y|);
over the row, |y| is on average at most the entropy, 12.5 nats for 2^18 tokens; adding four weights costs 1.8e-7 more.
"""

FIRST_SHELL, BLOCK_SHELLS, MOST_SHELLS = 32, 3, 16
SHELL_SPARE, NARROWEST_SHELL, WIDEST_SHELL = 1.2, 0.05, 1.0
"""The nucleus is sought among the tokens that reach the 32nd largest block's maximum, then the 128th's and 512th's; a
wider one goes on down, each time so many nats as would hold what is missing, and a fifth more, if they held as much as
those before; and at last among all."""

KEY_SLACK = 2.0**-21
"""A threshold for keys is lowered by this share of the numbers it comes from: more than all rounding."""

NO_END = 2**62
LOWEST_FINITE = -1.7976931348623157e308


@njit
def lowered(key, top):  # type: ignore[no-untyped-def]
    """`key` and a little less, so that no rounding of keys, nor of values at a temperature, can lose a token."""
    return np.float32(key - (abs(np.float64(key)) + abs(np.float64(top))) * KEY_SLACK)


@njit
def heat(values, ids, first, count, top, temperature):  # type: ignore[no-untyped-def]
    """Put the list from `first` on at a temperature, without what that makes -inf; returns its length."""
    if temperature == 1.0:
        return count
    source = np.int64(values.ctypes.data)
    whole = first + (count - first) // 8 * 8
    for place in range(first, whole, 8):
        store_float64(source + 8 * place, processed(load_float64(source + 8 * place), top, temperature))
    for place in range(whole, count):
        values[place] = processed(values[place], top, temperature)
    low, _ = span_of(values, first, count)
    if low == -np.inf:
        return keep_at_least(values, ids, count, LOWEST_FINITE)
    return count


@njit
def first_nucleus(row, shift, key_top, top, temperature, share, total, scratch):  # type: ignore[no-untyped-def]
    """List the nucleus of a whole row, whose weight is `total` as float32 sums tell it.

    Returns how many tokens, and whether they are all there are.
    """
    kind, address, num_tokens = row
    ids, values, weights, members, histogram = scratch[4], scratch[5], scratch[6], scratch[7], scratch[8]
    sure, sure_mass, count, mass, everything = nucleus_list(
        row, shift, key_top, top, temperature, share * total, scratch
    )
    error = SUM_ERROR
    if everything:
        total, error = mass, 0.0
    for _ in range(2):
        target = share * total * NUCLEUS_SLACK - sure_mass
        value, token, short, reached = cut(
            values, weights, ids, sure, count, True, target, members, histogram
        )
        doubt = error * (target + sure_mass)
        if error == 0.0 or (short < target - doubt and reached >= target + doubt):
            break
        total, error = sum_float64(kind, address, num_tokens, top, temperature), 0.0
    kept = keep_until(values, ids, sure, count, value, token)
    return kept, everything and kept == count


@njit
def nucleus_list(row, shift, key_top, top, temperature, target, scratch):  # type: ignore[no-untyped-def]
    """List the largest tokens until they weigh clearly more than `target`; values at `temperature`.

    Returns how many of them are surely in the nucleus, their weight, how many there are, their weight, and whether they
    are all there are. Weights are relative to the top.
    """
    kind, address, num_tokens = row
    maxima, ids, values, weights = np.int64(scratch[0].ctypes.data), scratch[4], scratch[5], scratch[6]
    num_blocks = (num_tokens + BLOCK - 1) // BLOCK
    largest = 0.0 if temperature != 1.0 else top
    enough = target * (1.0 + 2.0 * SUM_ERROR)
    high = low = np.float32(np.inf)
    count, mass, last_mass, last_nats = 0, 0.0, 0.0, 0.0
    for shell in range(MOST_SHELLS):
        if shell < BLOCK_SHELLS:
            low = lowered(
                key_of_largest_blocks(maxima, num_blocks, FIRST_SHELL << 2 * shell, key_top, scratch[8]),
                key_top,
            )
        elif shell < MOST_SHELLS - 1 and last_nats > 0.0 and last_mass > 0.0:
            nats = SHELL_SPARE * (target - mass) * last_nats / last_mass
            low = np.float32(high - min(max(nats, NARROWEST_SHELL), WIDEST_SHELL) * temperature)
        else:
            low = np.float32(-np.inf)
        if not low < high:
            continue
        start = count
        count = gather(kind, address, num_tokens, shift, maxima, low, high, NO_END, ids, values, start)
        count = heat(values, ids, start, count, top, temperature)
        more, _ = weigh(values, weights, start, count, largest)
        if low == -np.inf or mass + more >= enough:
            # What was listed before may be taken for kept if it weighs less than the target, and ties with nothing new.
            if mass >= target * (1.0 - 2.0 * SUM_ERROR) or (start > 0 and ties_across(values, start, count)):
                start, mass_before = 0, 0.0
            else:
                mass_before = mass
            return start, mass_before, count, mass + more, low == -np.inf
        mass += more
        last_mass, last_nats = more, (np.float64(min(high, key_top)) - np.float64(low)) / temperature
        high = low
    return 0, 0.0, count, mass, True


@njit
def ties_across(values, start, count):  # type: ignore[no-untyped-def]
    """True if a value from `start` on is as large as one before it."""
    lowest, _ = span_of(values, 0, start)
    _, highest = span_of(values, start, count)
    return highest >= lowest
