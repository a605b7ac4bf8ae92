"""The kernels' arithmetic on single numbers: e^x, the noise's own logarithm, Philox, the noise of a token.

What decides a token (`first_arrival`, `gumbel_of` and their parts) gives the bits of `noise.py`: the same float64
operations in the same order, none of them fused, because numba fuses nothing unless it is asked to (`exponential` is).

All of it is plain code without branches, so that LLVM makes vector instructions of the loops around it. Two things
would prevent that, silently, at a price of four to eight times: a call that is left in the loop, and Python's error
for a division by 0, which is a branch. Hence the two decorators below.
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

compiled = njit(error_model="numpy")
"""A division by 0 gives inf or NaN."""
inlined = njit(error_model="numpy", forceinline=True)
"""For what stands in loops."""
fused = njit(error_model="numpy", forceinline=True, fastmath={"contract"})
"""Multiply and add may be rounded once: twice as fast, and for sums only, since the last bits depend on the machine."""

TERM_0, TERM_1, TERM_2, TERM_3, TERM_4, TERM_5, TERM_6 = ATANH_TERMS
PLACE_MASK = BLOCK_TOKENS - 1

MANTISSA_BITS = 2**52 - 1
LOG2_E = 1.0 / math.log(2.0)
FLOAT32_LOG2_E = np.float32(LOG2_E)
LN_2_HIGH, LN_2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""ln 2 in two parts, the first with so few digits that whole multiples of it are exact."""

ROUND = 1.5 * 2**52
"""Adding this rounds to a whole number, which then stands in the lowest bits."""

LOWEST_EXPONENT = -708.0

# 2^f for |f| ≤ 1/2 in float32: 1 + f·(…), fitted at Chebyshev points; relative error 1e-7, 2e-8 on average.
POWER_1, POWER_2, POWER_3, POWER_4, POWER_5 = (
    np.float32(term)
    for term in (
        0.6931469775914951,
        0.24022242080363437,
        0.055507337542472814,
        0.009671512869546909,
        0.0013264723893040582,
    )
)
ROUND_FLOAT32 = np.float32(1.5 * 2**23)
ONE_FLOAT32, NEARLY_ONE = np.float32(1.0), np.float32(1.0 + 2.0**-21)
LOWEST_POWER = -87.0
"""float32 holds no e^x much below this; e^-87 is nothing in any sum here."""


@inlined
def bits_of(number):  # type: ignore[no-untyped-def]
    """The bits of a float64, as int64."""
    return np.float64(number).view(np.int64)


@inlined
def number_of(bits):  # type: ignore[no-untyped-def]
    """The float64 of these bits."""
    return np.int64(bits).view(np.float64)


@inlined
def bits_of_float32(number):  # type: ignore[no-untyped-def]
    """The bits of a float32, as int32."""
    return np.float32(number).view(np.int32)


@inlined
def float32_of(bits):  # type: ignore[no-untyped-def]
    """The float32 of these bits."""
    return np.int32(bits).view(np.float32)


@fused
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


@fused
def power_of_two(whole, part):  # type: ignore[no-untyped-def]
    """`2^(whole + part)` in float32; the whole number stands in the lowest bits of `whole`, |part| ≤ 1/2."""
    series = part * POWER_5 + POWER_4
    series = series * part + POWER_3
    series = series * part + POWER_2
    series = series * part + POWER_1
    series = series * part + ONE_FLOAT32
    return float32_of(bits_of_float32(series) + (bits_of_float32(whole) << np.int32(23)))


@fused
def quick_exponential(x, scale, scale_rest):  # type: ignore[no-untyped-def]
    """`e^(x·τ⁻¹)` in float32, `scale + scale_rest = log2(e)/τ` in two parts; x/τ must be within -87 and 0.

    For sums, eight times as fast as `exponential`. The second part of the scale matters: without it every term would
    be off by the same share of its x, and so the sum would be; what is left is each term's own rounding, 6e-8.
    """
    # The scale as it is would do. But a product that is used twice is not fused with what is added to it.
    shifted = x * (scale * NEARLY_ONE) + ROUND_FLOAT32
    return power_of_two(shifted, (x * scale - (shifted - ROUND_FLOAT32)) + x * scale_rest)


@fused
def rough_exponential(x):  # type: ignore[no-untyped-def]
    """`e^x` in float32 as `quick_exponential` makes it, without the second part, which is 1e-8 of x here."""
    shifted = x * (FLOAT32_LOG2_E * NEARLY_ONE) + ROUND_FLOAT32
    return power_of_two(shifted, x * FLOAT32_LOG2_E - (shifted - ROUND_FLOAT32))


@inlined
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


@inlined
def philox(number, position, kind, seed):  # type: ignore[no-untyped-def]
    """The four words of `noise.philox4x32` in the stream of sampling, int64."""
    c0, c1, c2, c3 = np.int64(number), np.int64(position), np.int64(0), np.int64(kind)
    key_0, key_1 = seed & LOW_WORD, (seed >> 32) & LOW_WORD
    # Products of 32-bit words fit in 64 bits; int64 wraps as uint64 does. What stands above a word's 32 bits is taken
    # away where it would count: before a product, and at the end.
    for _ in range(ROUNDS):
        first, second = (c0 & LOW_WORD) * MULTIPLIERS[0], (c2 & LOW_WORD) * MULTIPLIERS[1]
        c0 = (second >> 32) ^ c1 ^ key_0
        c2 = (first >> 32) ^ c3 ^ key_1
        c1, c3 = second, first
        key_0, key_1 = (key_0 + KEY_STEPS[0]) & LOW_WORD, (key_1 + KEY_STEPS[1]) & LOW_WORD
    return c0 & LOW_WORD, c1 & LOW_WORD, c2 & LOW_WORD, c3 & LOW_WORD


@inlined
def unit_number(low, high):  # type: ignore[no-untyped-def]
    """`noise.unit_numbers`."""
    return number_of((low >> 12) | (high << 20) | ONE_BITS) - ONE_MINUS_HALF_GRAIN


@inlined
def arrival_bound(block, position, seed):  # type: ignore[no-untyped-def]
    """An upper bound of a block's noise, `-ln T` of its first arrival: at most 0.5 above it for early arrivals.

    `T = -ln(u)/64 ≥ (1 - u)/64`. Of 1 - u the upper 32 bits are taken, rounded down; and for m in [1, 2] the logarithm
    `log2 m ≥ (m - 1)·(1 + 0.2786·(2 - m))`. A fifth of the work of the noise itself.
    """
    _, x1, _, _ = philox(block, position, KIND_BLOCK, seed)
    rest = np.float64(x1 ^ LOW_WORD)
    # 1 - u is never below 2^-53, which is 2^-21 in units of 2^-32.
    rest = rest if rest > 2.0**-21 else np.float64(2.0**-21)
    exponent = np.float64((bits_of(rest) >> 52) - 1023)
    mantissa = number_of((bits_of(rest) & MANTISSA_BITS) | ONE_BITS)
    log2 = exponent + (mantissa - 1.0) * (1.5572 - mantissa * 0.2786)
    # The logarithm that makes the noise may fail to fall by a last bit as T rises; 1e-6 is far more than that.
    return ((32.0 + BLOCK_BITS) * LN_2 + 1e-6) - log2 * LN_2


@inlined
def first_arrival(block, position, seed):  # type: ignore[no-untyped-def]
    """When the first token of a block arrives, and its id."""
    x0, x1, x2, _ = philox(block, position, KIND_BLOCK, seed)
    return negated_log(unit_number(x0, x1)) / BLOCK_TOKENS, (block << BLOCK_BITS) + (x2 & PLACE_MASK)


@inlined
def gumbel_of(token, position, seed):  # type: ignore[no-untyped-def]
    """The noise of a token."""
    first, winner = first_arrival(token >> BLOCK_BITS, position, seed)
    x0, x1, x2, x3 = philox(token >> 1, position, KIND_TOKEN, seed)
    odd = token & 1
    later = negated_log(unit_number(x2 if odd else x0, x3 if odd else x1))
    return negated_log(first + (0.0 if token == winner else later))
