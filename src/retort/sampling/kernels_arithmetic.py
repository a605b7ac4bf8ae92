"""Arithmetic of the kernels on vectors: exponentials, the noise's own logarithm, Philox, the noise of eight tokens.

What decides a token (`gumbel_of`, and its parts) gives the bits of `noise.py`: the same float64 operations in the same
order, none of them fused. The exponentials are for sums.
"""

from __future__ import annotations

import math

from numba import njit

from retort.sampling.noise import (
    ATANH_TERMS,
    BLOCK_BITS,
    BLOCK_TOKENS,
    KIND_BLOCK,
    KIND_TOKEN,
    LN_2,
    SQRT_HALF_BITS,
)
from retort.sampling.philox import KEY_STEPS, LOW_WORD, MULTIPLIERS, ONE_BITS, ONE_LESS_HALF_GRAIN, ROUNDS
from retort.sampling.vectors import (
    bits_to_float32,
    bits_to_float64,
    float32_to_bits,
    float64_to_bits,
    int64_to_float64,
    maximum,
    multiply_add,
    select,
    shift_left,
    shift_right,
    shift_right_signed,
    splat_float64,
    splat_int64,
)

# 2^f for |f| ≤ 1/2: 1 + f·(…), the weighted least-squares fit at Chebyshev points of degree 5; relative error 1.1e-7.
POWER_TERMS = (
    0.0013218672247603536,
    0.009671698324382305,
    0.05550893023610115,
    0.24022237956523895,
    0.6931468844413757,
)
ROUND_FLOAT32, ROUND_FLOAT64 = 1.5 * 2**23, 1.5 * 2**52
"""Adding this rounds to a whole number, which then stands in the lowest bits."""

LOG2_E = 1.0 / math.log(2.0)
LN_2_HIGH, LN_2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""ln 2 in two parts, the first with so few digits that whole multiples of it are exact."""

LOWEST_EXPONENT_FLOAT64 = -708.0
SEVENTH, SIXTH, FIFTH, FOURTH = ATANH_TERMS[3], ATANH_TERMS[4], ATANH_TERMS[5], ATANH_TERMS[6]
ARRIVAL_SCALE = 1.0 / BLOCK_TOKENS
PLACE_MASK = BLOCK_TOKENS - 1


@njit
def power_of_two(x, scale):  # type: ignore[no-untyped-def]
    """`2^(x·scale)` on sixteen float32 lanes; the product must be within ±126."""
    shifted = multiply_add(x, scale, ROUND_FLOAT32)
    whole = shifted - ROUND_FLOAT32
    part = multiply_add(x, scale, whole * -1.0)
    series = multiply_add(part, POWER_TERMS[0], POWER_TERMS[1])
    series = multiply_add(series, part, POWER_TERMS[2])
    series = multiply_add(series, part, POWER_TERMS[3])
    series = multiply_add(series, part, POWER_TERMS[4])
    series = multiply_add(series, part, 1.0)
    return bits_to_float32(float32_to_bits(series) + shift_left(float32_to_bits(shifted), 23))


@njit
def exponential(x):  # type: ignore[no-untyped-def]
    """`e^x` on eight float64 lanes, x ≤ 0; relative error below 4e-16. Below -708 it is e^-708."""
    x = maximum(x, LOWEST_EXPONENT_FLOAT64)
    shifted = multiply_add(x, LOG2_E, ROUND_FLOAT64)
    whole = shifted - ROUND_FLOAT64
    part = multiply_add(whole, -LN_2_LOW, multiply_add(whole, -LN_2_HIGH, x))
    series = multiply_add(part, 1.0 / 6227020800.0, 1.0 / 479001600.0)
    series = multiply_add(series, part, 1.0 / 39916800.0)
    series = multiply_add(series, part, 1.0 / 3628800.0)
    series = multiply_add(series, part, 1.0 / 362880.0)
    series = multiply_add(series, part, 1.0 / 40320.0)
    series = multiply_add(series, part, 1.0 / 5040.0)
    series = multiply_add(series, part, 1.0 / 720.0)
    series = multiply_add(series, part, 1.0 / 120.0)
    series = multiply_add(series, part, 1.0 / 24.0)
    series = multiply_add(series, part, 1.0 / 6.0)
    series = multiply_add(series, part, 0.5)
    series = multiply_add(series, part, 1.0)
    series = multiply_add(series, part, 1.0)
    return bits_to_float64(float64_to_bits(series) + shift_left(float64_to_bits(shifted), 52))


@njit
def negated_log(values):  # type: ignore[no-untyped-def]
    """`-ln values` on eight float64 lanes: `noise.negated_log`, operation by operation."""
    bits = float64_to_bits(values)
    whole = shift_right_signed(bits - SQRT_HALF_BITS, 52)
    exponent = int64_to_float64(whole)
    mantissa = bits_to_float64(bits - shift_left(whole, 52))
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = square * ATANH_TERMS[0]
    series = (series + ATANH_TERMS[1]) * square
    series = (series + ATANH_TERMS[2]) * square
    series = (series + SEVENTH) * square
    series = (series + SIXTH) * square
    series = (series + FIFTH) * square
    series = (series + FOURTH) * square
    series = (series + 2.0) * ratio
    return exponent * -LN_2 - series


@njit
def philox(number, position, stream, kind, low_key, high_key):  # type: ignore[no-untyped-def]
    """The four words of Philox4x32-10 on eight lanes; the upper halves of the lanes mean nothing."""
    c0, c1 = number, splat_int64(position)
    c2, c3 = splat_int64(stream), splat_int64(kind)
    for turn in range(ROUNDS):
        key_0 = (low_key + turn * KEY_STEPS[0]) & LOW_WORD
        key_1 = (high_key + turn * KEY_STEPS[1]) & LOW_WORD
        first, second = (c0 & LOW_WORD) * MULTIPLIERS[0], (c2 & LOW_WORD) * MULTIPLIERS[1]
        c0 = shift_right(second, 32) ^ c1 ^ key_0
        c2 = shift_right(first, 32) ^ c3 ^ key_1
        c1, c3 = second, first
    return c0, c1, c2, c3


@njit
def unit_number(low, high):  # type: ignore[no-untyped-def]
    """`philox.unit_numbers` on eight lanes."""
    bits = shift_right(low & LOW_WORD, 12) | shift_left(high & LOW_WORD, 20) | ONE_BITS
    return bits_to_float64(bits) - ONE_LESS_HALF_GRAIN


@njit
def gumbel_of(ids, position, low_key, high_key):  # type: ignore[no-untyped-def]
    """The noise of eight token ids, stream 0, as `noise.gumbel_at` gives it."""
    x0, x1, x2, _ = philox(shift_right(ids, BLOCK_BITS), position, 0, KIND_BLOCK, low_key, high_key)
    arrival = negated_log(unit_number(x0, x1)) * ARRIVAL_SCALE
    first = (x2 & PLACE_MASK) == (ids & PLACE_MASK)
    x0, x1, x2, x3 = philox(shift_right(ids, 1), position, 0, KIND_TOKEN, low_key, high_key)
    odd = (ids & 1) == 1
    later = negated_log(unit_number(select(odd, x2, x0), select(odd, x3, x1)))
    return negated_log(arrival + select(first, 0.0, later))


@njit
def arrival_bound(blocks, position, low_key, high_key):  # type: ignore[no-untyped-def]
    """Upper bounds of `-ln T` of eight blocks' first arrivals, at most 0.5 above it for arrivals that come early.

    `T = -ln(u)/64 ≥ (1 - u)/64`, of 1 - u the upper 32 bits are taken, rounded down; and for m in [1, 2] the logarithm
    `log2 m ≥ (m - 1)·(1 + 0.2786·(2 - m))`.
    """
    _, x1, _, _ = philox(blocks, position, 0, KIND_BLOCK, low_key, high_key)
    # 1 - u is never below 2^-53, which is 2^-21 in units of 2^-32.
    rest = maximum(int64_to_float64((x1 ^ LOW_WORD) & LOW_WORD), 2.0**-21)
    bits = float64_to_bits(rest)
    exponent = int64_to_float64(shift_right(bits, 52) - 1023)
    mantissa = bits_to_float64((bits & 0xFFFFFFFFFFFFF) | ONE_BITS)
    log2 = exponent + (mantissa - 1.0) * (splat_float64(1.5572) - mantissa * 0.2786)
    # The logarithm that makes the noise may fail to fall by a last bit as T rises; 1e-6 is far more than that.
    return splat_float64((32.0 + BLOCK_BITS) * LN_2 + 1e-6) - log2 * LN_2
