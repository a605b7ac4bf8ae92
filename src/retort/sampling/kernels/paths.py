"""Temperature paths, compiled: which tokens can win a row somewhere between two temperatures, and their noise.

What `path._candidates` finds in numpy for a row on which nothing depends on τ, with the same numbers. There every
branch makes the noise of the whole vocabulary (49,152 tokens: 5 ms) and reads it several times. Here a block's first
arrival bounds the noise of its 64 tokens, so that noise is made for the few tokens that can matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit, types

from retort.sampling.kernels import compiled_sources
from retort.sampling.kernels.arithmetic import compiled, first_arrival, gumbel_of, negated_log
from retort.sampling.kernels.reading import exact_sums, read_maxima
from retort.sampling.kernels.rows import carved, types_of
from retort.sampling.noise import BLOCK_TOKENS

SLACK = 1e-9
"""As in `path`: a line this little below the bound is still looked at."""

BOUND_SLACK = 1e-9
"""As in `draw`: what rounding in a logarithm could hide, and far more."""


@compiled
def winner_at(row, top, temperature, maxima, arrivals, noises, winners, seed, position):  # type: ignore[no-untyped-def]
    """The token with the largest `z + τ·g`, the lowest id of several, and its noise; z from the row's largest."""
    num_blocks = (len(row) + BLOCK_TOKENS - 1) // BLOCK_TOKENS
    # Each block's first arrival has the block's largest noise, and is known already: a good height to begin with.
    best = -np.inf
    for block in range(num_blocks):
        one = winners[block]
        if one < len(row):
            best = max(best, (np.float64(row[one]) - top) + temperature * noises[block])
    enough = best - BOUND_SLACK * max(1.0, abs(best))
    best, token, noise = -np.inf, np.int64(-1), 0.0
    for block in range(num_blocks):
        bound = temperature * (BOUND_SLACK + noises[block])
        if not (maxima[block] - top) + bound >= max(enough, best):
            continue
        for one in range(block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, len(row))):
            value = np.float64(row[one]) - top
            if value == -np.inf or not value + bound >= max(enough, best):
                continue
            own = gumbel_of(one, position, seed)
            if value + temperature * own > best:
                best, token, noise = value + temperature * own, np.int64(one), own
    return token, noise


@compiled
def candidates_of(  # type: ignore[no-untyped-def]
    row, top, low, high, maxima, arrivals, noises, winners, seed, position, ids, values, its_noise
):  # fmt: skip
    """Write all tokens that may win somewhere in [low, high], by rising id; how many, -1 where there is no room."""
    for block in range((len(row) + BLOCK_TOKENS - 1) // BLOCK_TOKENS):
        arrivals[block], winners[block] = first_arrival(block, position, seed)
        noises[block] = negated_log(arrivals[block])
    first, first_noise = winner_at(row, top, low, maxima, arrivals, noises, winners, seed, position)
    last, last_noise = first, first_noise
    if high > low:
        last, last_noise = winner_at(row, top, high, maxima, arrivals, noises, winners, seed, position)
    first_value, last_value = np.float64(row[first]) - top, np.float64(row[last]) - top
    if first == last:
        ids[0], values[0], its_noise[0] = first, first_value, first_noise
        return 1
    # The two winners' lines bound every other winner's from below; it must reach them where they cross.
    rises = last_noise - first_noise
    kink = min(max((first_value - last_value) / rises, low), high) if rises > 0 else low
    enough = max(first_value + kink * first_noise, last_value + kink * last_noise) - SLACK
    count = 0
    for block in range((len(row) + BLOCK_TOKENS - 1) // BLOCK_TOKENS):
        bound = kink * (BOUND_SLACK + noises[block])
        # The two are candidates whatever rounding says.
        has_winner = first // BLOCK_TOKENS == block or last // BLOCK_TOKENS == block
        if not has_winner and not (maxima[block] - top) + bound >= enough:
            continue
        for one in range(block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, len(row))):
            value = np.float64(row[one]) - top
            wins = one in (first, last)
            if not wins and (value == -np.inf or not value + bound >= enough):
                continue
            noise = gumbel_of(one, position, seed)
            if not wins and not value + kink * noise >= enough:
                continue
            if count == len(ids):
                return -1
            ids[count], values[count], its_noise[count] = one, value, noise
            count += 1
    return count


def _entry(dtype: str, sources: str):  # type: ignore[no-untyped-def]
    real, whole = types_of(dtype)
    integers, floats, table = types.int64[::1], types.float64[::1], types.float64[:, ::1]
    logits_type = types.Array(getattr(types, dtype), 2, "C", readonly=True)
    branches = (integers, integers, integers, floats, floats)
    found = (integers, types.int64[:, ::1], table, table, floats, floats)
    signature = types.void(logits_type, types.int64, types.int64, *branches, *found, floats)

    # numba's cache looks at this file alone; `sources` is a free variable, and so a part of the key.
    @njit(signature, nogil=True, cache=True)
    def races(  # type: ignore[no-untyped-def]
        logits, begin, stop, starts, seeds, positions, lows, highs,
        counts, ids, values, its_noise, tops, log_sums, scratch,
    ):  # fmt: skip
        """The candidates of the branches `starts[row] .. starts[row + 1]` of rows `begin .. stop`, and their sums."""
        _, _, _, winners, memory, arrivals, noises, _, _ = carved(scratch, logits.shape[1])
        maxima = memory.view(real)[: len(memory)]
        for number in range(begin, stop):
            row = logits[number]
            bits = row.view(whole), maxima.view(whole)
            top = np.float64(read_maxima(bits, maxima, 0, len(maxima), real(-np.inf)))
            tops[number] = top
            if not (len(sources) and -np.inf < top < np.inf):
                continue
            total, moment = exact_sums(row, top, 1.0)
            if moment != moment:
                tops[number] = np.nan
                continue
            log_sums[number] = math.log(total)
            for branch in range(starts[number], starts[number + 1]):
                counts[branch] = candidates_of(
                    row, top, lows[branch], highs[branch], maxima, arrivals, noises, winners, seeds[branch],
                    positions[branch], ids[branch], values[branch], its_noise[branch],
                )  # fmt: skip

    return races


def races_of(dtype: str) -> Callable[..., None]:
    """The compiled entry for logits of this dtype, "float32" or "float64"; compiles it where no cache holds it."""
    entry: Callable[..., None] = _entry(dtype, compiled_sources())
    return entry
