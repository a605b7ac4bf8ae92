"""The noise of `noise.py` in torch operations, on any device that has int64 and float64: the same bits.

Integers are int64, whose products wrap as unsigned ones do; a shift to the right is followed by a mask. Every float64
operation is one torch call, so that nothing is fused and each result is rounded by itself, as the definition asks.

Shapes: all arguments of one call have one shape, or broadcast to it.
"""

from __future__ import annotations

import torch

from retort.sampling.noise import (
    ATANH_TERMS,
    BLOCK_BITS,
    BLOCK_TOKENS,
    KIND_BLOCK,
    KIND_TOKEN,
    LN_2,
    SQRT_HALF_BITS,
    STREAM_SAMPLING,
)
from retort.sampling.philox import (
    KEY_STEPS,
    LOW_WORD,
    MULTIPLIERS,
    ONE_BITS,
    ONE_LESS_HALF_GRAIN,
    ROUNDS,
)

Words = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def block_arrivals(
    key: tuple[torch.Tensor, torch.Tensor], positions: torch.Tensor, blocks: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first arrival in each block (float64), and the id of its token. `key`: low and high word of the seed."""
    words = philox4x32((blocks, positions, STREAM_SAMPLING, KIND_BLOCK), key)
    first = negated_log(_unit_numbers(words[0], words[1])) / BLOCK_TOKENS
    return first, (blocks << BLOCK_BITS) + (words[2] & (BLOCK_TOKENS - 1))


def later_arrivals(
    key: tuple[torch.Tensor, torch.Tensor], positions: torch.Tensor, pairs: torch.Tensor
) -> torch.Tensor:
    """`[..., 2]` how much later than its block's first arrival each token of a pair (ids 2·pair, 2·pair + 1) comes."""
    words = philox4x32((pairs, positions, STREAM_SAMPLING, KIND_TOKEN), key)
    low = torch.stack((words[0], words[2]), dim=-1)
    high = torch.stack((words[1], words[3]), dim=-1)
    return negated_log(_unit_numbers(low, high))


def philox4x32(
    counter: tuple[torch.Tensor, torch.Tensor, int, int], key: tuple[torch.Tensor, torch.Tensor]
) -> Words:
    """The four words of Philox4x32-10 (int64 tensors of 32-bit words); see `philox.philox4x32`."""
    number, position, stream, kind = counter
    shape = torch.broadcast_shapes(number.shape, position.shape, key[0].shape)
    c0, c1 = number.expand(shape), position.expand(shape)
    c2, c3 = torch.full_like(c0, stream), torch.full_like(c0, kind)
    for round_number in range(ROUNDS):
        key_0, key_1 = (
            (word + round_number * step) & LOW_WORD for word, step in zip(key, KEY_STEPS, strict=True)
        )
        product_0, product_1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c2 = (
            ((product_1 >> 32) & LOW_WORD) ^ c1 ^ key_0,
            ((product_0 >> 32) & LOW_WORD) ^ c3 ^ key_1,
        )
        c1, c3 = product_1 & LOW_WORD, product_0 & LOW_WORD
    return c0, c1, c2, c3


def negated_log(values: torch.Tensor) -> torch.Tensor:
    """`-ln values` of positive normal float64 values, by the operations of `noise.negated_log` in their order."""
    bits = values.view(torch.int64) - SQRT_HALF_BITS
    exponent_bits = bits >> 52
    mantissa = (values.view(torch.int64) - (exponent_bits << 52)).view(torch.float64)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = square * ATANH_TERMS[0]
    for term in ATANH_TERMS[1:]:
        series = series + term
        series = series * square
    series = series + 2.0
    series = series * ratio
    exponent = exponent_bits.to(torch.float64) * -LN_2
    return exponent - series


def _unit_numbers(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """`u = (k + 1/2)·2^-52`, float64, k the upper 52 of the 64 bits (high, low)."""
    bits = (low >> 12) | (high << 20) | ONE_BITS
    return bits.view(torch.float64) - ONE_LESS_HALF_GRAIN
