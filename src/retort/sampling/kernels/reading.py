"""Reading a row, compiled: each block's largest logit, the row's, and its sums of exponentials, in one pass.

This is two thirds of a draw of 128,256 tokens: two exponentials per token, 13 vector operations each.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from retort.sampling.kernels.arithmetic import (
    FLOAT32_LOG2_E,
    LOG2_E,
    LOWEST_EXPONENT,
    LOWEST_POWER,
    compiled,
    exponential,
    quick_exponential,
    rough_exponential,
)
from retort.sampling.noise import BLOCK_TOKENS

SUM_ERROR = 1e-6
"""Relative error that the sums over a whole row may have; where it could move a cut, they are made again in float64."""

PIECE = 256
"""Logits whose weights are added in float32. Of equal weights all pieces round the same way, so the error of a row is a
piece's: with 512 it came to 9e-7, with 256 it is 4e-7, for 2 to 5% of a draw's time."""

RAW, RAW_REST, LOWEST_RAW = (
    FLOAT32_LOG2_E,
    np.float32(LOG2_E - np.float64(FLOAT32_LOG2_E)),
    np.float32(LOWEST_POWER),
)

NARROW, WIDE = 0.4, 2.5
"""Between these, what is nothing at τ is nothing at 1 and the other way round: e^(-87·0.4), times all tokens."""

WIDEST_TEMPERATURE = 1e30
"""Beyond this, and below its inverse, τ and the exponents do not fit in float32."""


@compiled
def read_row(row, bits, maxima, temperature):  # type: ignore[no-untyped-def]
    """One pass: the row's largest logit, `Σ e^x` at τ = 1, and `Σ e^x` and `Σ x·e^x` at τ; x = (z - top)/τ.

    The relative error of the sums is below `SUM_ERROR`; the last is NaN where a logit is. Each block's largest logit
    goes to `maxima`; `bits`: see `read_maxima`.
    """
    scale = LOG2_E / temperature
    first, rest = np.float32(scale), np.float32(scale - np.float64(np.float32(scale)))
    lowest = np.float32(LOWEST_POWER * temperature)
    top = maxima.dtype.type(-np.inf)
    raw = total = moment = 0.0
    # Piece by piece, so that the next one comes from memory while this one is summed.
    for start in range(0, len(row), PIECE):
        piece = row[start : start + PIECE]
        first_block = start // BLOCK_TOKENS
        last_block = (start + len(piece) + BLOCK_TOKENS - 1) // BLOCK_TOKENS
        highest = read_maxima(bits, maxima, first_block, last_block, top)
        if highest > top:
            # Until now all was relative to a lower one. Multiplied by 0 even if it is nothing: NaN must stay NaN.
            fall = np.float64(top) - np.float64(highest) if top > -np.inf else -np.inf
            factor = math.exp(fall / temperature)
            moment = (moment + fall * total) * factor if factor > 0.0 else moment * 0.0
            raw, total = raw * math.exp(fall), total * factor
            top = highest
        # Removed tokens alone are nothing, whatever they are relative to.
        zero = top if top > -np.inf else maxima.dtype.type(0.0)
        if temperature == 1.0:
            more, more_moment = sums_of_piece(piece, zero, first, rest, lowest)
            more_raw = more
        elif NARROW < temperature < WIDE:
            more_raw, more, more_moment = both_sums_of_piece(
                piece, zero, first, rest, max(lowest, LOWEST_RAW)
            )
        else:
            more_raw, _ = sums_of_piece(piece, zero, RAW, RAW_REST, LOWEST_RAW)
            more, more_moment = sums_of_piece(piece, zero, first, rest, lowest)
        raw += more_raw
        total += more
        moment += more_moment
    if not 1.0 / WIDEST_TEMPERATURE < temperature < WIDEST_TEMPERATURE:
        total, moment = exact_sums(row, top, temperature)
        return np.float64(top), raw, total, moment
    return np.float64(top), raw, total, moment / temperature


@compiled
def read_maxima(bits, maxima, first_block, last_block, top):  # type: ignore[no-untyped-def]
    """Each of some blocks' largest logit to `maxima`; the largest of them and `top`. NaN may be passed over.

    `bits`: the row's and the maxima's, as whole numbers.
    """
    of_row, of_maxima = bits
    for block in range(first_block, last_block):
        first = block * BLOCK_TOKENS
        of_maxima[block] = largest_bits(of_row[first : first + BLOCK_TOKENS])
        top = maxima[block] if maxima[block] > top else top
    return top


@compiled
def largest_bits(bits):  # type: ignore[no-untyped-def]
    """The bits of the largest of some floats. As whole numbers, since a loop over floats, in which NaN needs its own
    care, does not become vector instructions."""
    # numba counts in int64; of int32 twice as many are compared at once.
    kind, rest = bits.dtype.type, np.iinfo(bits.dtype).max
    # Floats below 0 fall as their bits rise; the same step turns the key back.
    largest = kind(bits[0] ^ ((bits[0] >> 63) & rest))
    # From 0 on, although that one is known: 64 numbers are whole vectors, 63 are not.
    for place in range(len(bits)):
        key = kind(bits[place] ^ ((bits[place] >> 63) & rest))
        largest = key if key > largest else largest
    return kind(largest ^ ((largest >> 63) & rest))


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def sums_of_piece(row, top, scale, scale_rest, lowest):  # type: ignore[no-untyped-def]
    """`Σ e^(x/τ)` and `Σ x·e^(x/τ)`, x = z - top. May be added in any order, and so many at once."""
    total = moment = np.float32(0.0)
    for place in range(len(row)):
        x = np.float32(row[place] - top)
        # A removed token counts for nothing, and 0·-inf would be NaN. Written so that NaN stays NaN.
        x = lowest if x < lowest else x
        weight = quick_exponential(x, scale, scale_rest)
        total += weight
        moment += weight * x
    return total, moment


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def both_sums_of_piece(row, top, scale, scale_rest, lowest):  # type: ignore[no-untyped-def]
    """`Σ e^x` and what `sums_of_piece` gives, in four fifths of the time of two loops."""
    raw = total = moment = np.float32(0.0)
    for place in range(len(row)):
        x = np.float32(row[place] - top)
        x = lowest if x < lowest else x
        raw += rough_exponential(x)
        weight = quick_exponential(x, scale, scale_rest)
        total += weight
        moment += weight * x
    return raw, total, moment


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def exact_sums(row, top, temperature):  # type: ignore[no-untyped-def]
    """`Σ e^x` and `Σ x·e^x` of a row, x = (z - top)/τ, in float64 throughout: for what quick sums cannot decide."""
    total = moment = 0.0
    for place in range(len(row)):
        x = (np.float64(row[place]) - np.float64(top)) / temperature
        x = LOWEST_EXPONENT if x < LOWEST_EXPONENT else x
        weight = exponential(x)
        total += weight
        moment += weight * x
    return total, moment
