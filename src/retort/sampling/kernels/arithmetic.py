"""The kernels' arithmetic on single numbers: e^x, the noise's own logarithm, Philox, the noise of a token.

What decides a token (`first_arrival`, `gumbel_of` and their parts) gives the bits of `noise.py`: the same float64
operations in the same order, none of them fused, because numba fuses nothing unless it is asked to (`exponential` is).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from retort.sampling.noise import (
    ATANH_TERMS,
    BLOCK_BITS,
    BLOCK_TOKENS,
    KEY_STEPS,
    KIND_BLOCK,
    KIND_TOKEN,
    LN_2,
    LOW_WORD,
    MULTIPLIERS,
    ONE_BITS,
    ONE_MINUS_HALF_GRAIN,
    ROUNDS,
    SQRT_HALF_BITS,
)

TERM_0, TERM_1, TERM_2, TERM_3, TERM_4, TERM_5, TERM_6 = ATANH_TERMS
PLACE_MASK = BLOCK_TOKENS - 1

LOG2_E = 1.0 / math.log(2.0)
LN_2_HIGH, LN_2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""ln 2 in two parts, the first with so few digits that whole multiples of it are exact."""

ROUND = 1.5 * 2**52
"""Adding this rounds to a whole number, which then stands in the lowest bits."""

LOWEST_EXPONENT = -708.0

# 2^f for |f| ≤ 1/2 in float32: 1 + f·(…), fitted at Chebyshev points; relative error 5e-9 before rounding.
POWER_TERMS = tuple(
    np.float32(term)
    for term in (
        0.6931472055770994,
        0.24022648462281196,
        0.05550329035153758,
        0.009618373251354003,
        0.0013399848290640642,
        0.00015370704815641773,
    )
)
POWER_1, POWER_2, POWER_3, POWER_4, POWER_5, POWER_6 = POWER_TERMS
ROUND_FLOAT32 = np.float32(1.5 * 2**23)
ONE_FLOAT32 = np.float32(1.0)
LOWEST_POWER = -87.0
"""float32 holds no e^x much below this; e^-87 is nothing in any sum here."""


@njit
def bits_of(number):  # type: ignore[no-untyped-def]
    """The bits of a float64, as int64."""
    return np.float64(number).view(np.int64)


@njit
def number_of(bits):  # type: ignore[no-untyped-def]
    """The float64 of these bits."""
    return np.int64(bits).view(np.float64)


@njit
def bits_of_float32(number):  # type: ignore[no-untyped-def]
    """The bits of a float32, as int32."""
    return np.float32(number).view(np.int32)


@njit
def float32_of(bits):  # type: ignore[no-untyped-def]
    """The float32 of these bits."""
    return np.int32(bits).view(np.float32)


@njit(fastmath={"contract"})
def exponential(x):  # type: ignore[no-untyped-def]
    """`e^x`, x ≤ 0; relative error below 1e-15. Below -708 it is e^-708, which is nothing in any sum here.

    Written out because a loop of these compiles to vector instructions, and one of the library's exp does not: four
    times as fast. Multiply and add are fused here, which halves the time again: no token is decided by these last bits.
    """
    x = x if x > LOWEST_EXPONENT else LOWEST_EXPONENT
    shifted = x * LOG2_E + ROUND
    whole = shifted - ROUND
    part = (x - whole * LN_2_HIGH) - whole * LN_2_LOW
    # The series of e^part, |part| ≤ ln(2)/2, to the power 13: what it leaves out is below 1e-17.
    series = part * (1.0 / 6227020800.0) + 1.0 / 479001600.0
    series = series * part + 1.0 / 39916800.0
    series = series * part + 1.0 / 3628800.0
    series = series * part + 1.0 / 362880.0
    series = series * part + 1.0 / 40320.0
    series = series * part + 1.0 / 5040.0
    series = series * part + 1.0 / 720.0
    series = series * part + 1.0 / 120.0
    series = series * part + 1.0 / 24.0
    series = series * part + 1.0 / 6.0
    series = series * part + 0.5
    series = series * part + 1.0
    series = series * part + 1.0
    return number_of(bits_of(series) + (bits_of(shifted) << 52))


@njit(fastmath={"contract"})
def quick_exponential(x, scale, scale_rest):  # type: ignore[no-untyped-def]
    """`e^(x·τ⁻¹)` in float32, `scale + scale_rest = log2(e)/τ` in two parts; x/τ must be within -87 and 0.

    For sums, eight times as fast as `exponential`. The second part of the scale matters: without it every term would
    be off by the same share of its x, and so the sum would be; what is left is each term's own rounding, 6e-8.
    """
    shifted = x * scale + ROUND_FLOAT32
    whole = shifted - ROUND_FLOAT32
    part = (x * scale - whole) + x * scale_rest
    series = part * POWER_6 + POWER_5
    series = series * part + POWER_4
    series = series * part + POWER_3
    series = series * part + POWER_2
    series = series * part + POWER_1
    series = series * part + ONE_FLOAT32
    return float32_of(bits_of_float32(series) + (bits_of_float32(shifted) << np.int32(23)))


@njit
def negated_log(value):  # type: ignore[no-untyped-def]
    """`noise.negated_log`, operation by operation."""
    bits = bits_of(value)
    exponent = (bits - SQRT_HALF_BITS) >> 52
    mantissa = number_of(bits - (exponent << 52))
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = square * TERM_0
    series = (series + TERM_1) * square
    series = (series + TERM_2) * square
    series = (series + TERM_3) * square
    series = (series + TERM_4) * square
    series = (series + TERM_5) * square
    series = (series + TERM_6) * square
    series = (series + 2.0) * ratio
    return np.float64(exponent) * -LN_2 - series


@njit
def philox(number, position, kind, seed):  # type: ignore[no-untyped-def]
    """The four words of `noise.philox4x32` in the stream of sampling, int64."""
    c0, c1, c2, c3 = np.int64(number), np.int64(position), np.int64(0), np.int64(kind)
    key_0, key_1 = seed & LOW_WORD, (seed >> 32) & LOW_WORD
    # Products of 32-bit words fit in 64 bits; int64 wraps as uint64 does, and the masks take the sign bits away.
    for _ in range(ROUNDS):
        first, second = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0 = ((second >> 32) & LOW_WORD) ^ c1 ^ key_0
        c2 = ((first >> 32) & LOW_WORD) ^ c3 ^ key_1
        c1, c3 = second & LOW_WORD, first & LOW_WORD
        key_0, key_1 = (key_0 + KEY_STEPS[0]) & LOW_WORD, (key_1 + KEY_STEPS[1]) & LOW_WORD
    return c0, c1, c2, c3


@njit
def unit_number(low, high):  # type: ignore[no-untyped-def]
    """`noise.unit_numbers`."""
    return number_of((low >> 12) | (high << 20) | ONE_BITS) - ONE_MINUS_HALF_GRAIN


@njit
def first_arrival(block, position, seed):  # type: ignore[no-untyped-def]
    """When the first token of a block arrives, and its id."""
    x0, x1, x2, _ = philox(block, position, KIND_BLOCK, seed)
    return negated_log(unit_number(x0, x1)) / BLOCK_TOKENS, (block << BLOCK_BITS) + (x2 & PLACE_MASK)


@njit
def gumbel_of(token, first, winner, position, seed):  # type: ignore[no-untyped-def]
    """The noise of a token, given what `first_arrival` says of its block."""
    if token == winner:
        return negated_log(first)
    x0, x1, x2, x3 = philox(token >> 1, position, KIND_TOKEN, seed)
    later = negated_log(unit_number(x2, x3) if token & 1 else unit_number(x0, x1))
    return negated_log(first + later)
