"""Gumbel noise of (seed, position, token id): stateless, so a draw does not depend on its batch, order or thread.

Everything that another implementation (compiled, or on a device) needs to give the same bits:

1. *Generator.* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3").
2. *Key.* The 64-bit seed: `key = (seed mod 2^32, seed div 2^32)`.
3. *Counter.* `(token_id div 2, position, stream, 0)`; `stream` is 0 for the noise of sampling. One counter serves two
   neighbouring tokens: the even one takes words (x0, x1) of the output, the odd one (x2, x3).
4. *Uniform.* From its words (low, high) a token takes the upper 52 of 64 bits, `k = (high·2^32 + low) div 2^12`, and
   `u = (k + 1/2)·2^-52`. u and 1 - u are both exact in float64, neither is ever 0, and `|P(u ≤ x) - x| ≤ 2^-53`.
5. *Gumbel.* `g = -ln(-ln u)`. Here ln is `_negated_log` below: a fixed sequence of IEEE float64 operations, each
   rounded on its own (no fused multiply-add). A library's logarithm differs in the last bit from one processor to
   the next, and with it a draw could.

A token of probability p wins the race when its exponential `-ln u` is the smallest in proportion; that of a rare token
must come close to 0, where u is close to 1 and the grain 2^-52 decides how small a probability can be told apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from retort.errors import InputError

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW_WORD = 0xFFFFFFFF

STREAM_SAMPLING = 0
"""The counter's third word for the noise that chooses tokens; other uses of a seed take another number."""

MAX_SEED = 2**64 - 1
MAX_POSITION = 2**32 - 1
MAX_TOKEN_ID = 2**32 - 1

LANES = 8192
"""Counters worked on at a time: enough to hide the cost of a numpy call, few enough for a second-level cache."""

# -ln x = -(e·ln 2) - 2·atanh(s), x = 2^e·m, m in [sqrt 1/2, sqrt 2), s = (m - 1)/(m + 1), and
# 2·atanh(s) = 2s + s·w·P(w) with w = s². P is the Chebyshev fit of degree 6 on the w that occur: error < 1e-17.
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
LN_2 = 0.6931471805599453
ATANH_TERMS = (
    0.14616449685043406,
    0.15331721600556042,
    0.18182889125261723,
    0.2222221113479508,
    0.28571428625975487,
    0.39999999999899505,
    0.666666666666667,
)
ONE_BITS = 0x3FF0000000000000
ONE_LESS_HALF_GRAIN = 1.0 - 2.0**-53


def gumbel(seed: int, position: int, tokens: int | Sequence[int] | np.ndarray) -> np.ndarray:
    """`[vocab]` Gumbel noise of each token, float64, for one seed and position.

    `g = -ln(-ln u)`, u from `uniforms`; argmax over i of `z_i/τ + g_i` is then a draw from softmax(z/τ) (Gumbel 1954).
    `tokens`: how many (ids 0 .. tokens-1), or the ids wanted; an id's noise is the same either way. The layout of
    counters and the map to Gumbel are at the head of this file. Raises InputError for a seed or position out of range.
    """
    return _to_gumbel(uniforms(seed, position, tokens))


def uniforms(seed: int, position: int, tokens: int | Sequence[int] | np.ndarray) -> np.ndarray:
    """`[vocab]` uniform noise `u = (k + 1/2)·2^-52` in (0, 1), float64; arguments and errors as for `gumbel`."""
    if isinstance(tokens, (int, np.integer)):
        return _row_uniforms(
            int(whole_numbers(seed, MAX_SEED, "seed")),
            int(whole_numbers(position, MAX_POSITION, "position")),
            int(tokens),
        )
    return uniforms_at(seed, position, tokens)


def gumbel_at(seeds: Any, positions: Any, ids: Any) -> np.ndarray:
    """Gumbel noise of each (seed, position, token id), float64; numbers or arrays, broadcast against each other.

    The same bits as `gumbel`, for many rows at once or for a few tokens of each.
    """
    return _to_gumbel(uniforms_at(seeds, positions, ids))


def uniforms_at(seeds: Any, positions: Any, ids: Any) -> np.ndarray:
    """Uniform noise of each (seed, position, token id), as `gumbel_at`; one counter each, where a row needs half."""
    seeds = whole_numbers(seeds, MAX_SEED, "seed")
    positions = whole_numbers(positions, MAX_POSITION, "position")
    ids = whole_numbers(ids, MAX_TOKEN_ID, "token id")
    shape = np.broadcast_shapes(seeds.shape, positions.shape, ids.shape)
    seeds, positions, ids = (np.broadcast_to(part, shape).reshape(-1) for part in (seeds, positions, ids))
    bits = np.empty(len(ids), dtype=np.uint64)
    for start in range(0, len(ids), LANES):
        here = slice(start, start + LANES)
        block = ids[here] >> np.uint64(1)
        counter = [block, positions[here].copy(), np.full_like(block, STREAM_SAMPLING), np.zeros_like(block)]
        philox4x32(counter, (seeds[here] & np.uint64(LOW_WORD), seeds[here] >> np.uint64(32)))
        odd = (ids[here] & np.uint64(1)).astype(bool)
        _to_unit_bits(
            np.where(odd, counter[2], counter[0]), np.where(odd, counter[3], counter[1]), bits[here]
        )
    unit = bits.view(np.float64)
    unit -= ONE_LESS_HALF_GRAIN
    return unit.reshape(shape)


def philox4x32(counter: Sequence[np.ndarray], key: Sequence[Any], rounds: int = ROUNDS) -> None:
    """Turn `counter`, four uint64 arrays of 32-bit words, into Philox output in place; `key` is two words or arrays.

    One round: `(c0, c1, c2, c3) → (hi(M1·c2) ^ c1 ^ k0, lo(M1·c2), hi(M0·c0) ^ c3 ^ k1, lo(M0·c0))`; the key grows by
    the Weyl constants between rounds. Source: Salmon et al. 2011, section 4.3.
    """
    c0, c1, c2, c3 = counter
    product_0, product_1 = np.empty_like(c0), np.empty_like(c0)
    for number in range(rounds):
        key_0, key_1 = ((word + number * step) & LOW_WORD for word, step in zip(key, KEY_STEPS, strict=True))
        np.multiply(c0, MULTIPLIERS[0], out=product_0)
        np.multiply(c2, MULTIPLIERS[1], out=product_1)
        for word, other, key_word, product in ((c0, c1, key_0, product_1), (c2, c3, key_1, product_0)):
            np.right_shift(product, 32, out=word)
            np.bitwise_xor(word, other, out=word)
            np.bitwise_xor(word, key_word, out=word)
            np.bitwise_and(product, LOW_WORD, out=other)


class NoiseCache:
    """Noise rows of one vocabulary by (seed, position), kept up to a number of bytes, oldest use dropped first.

    Rows that share a seed (the same seed over many prompts, or many temperatures) then pay for their noise once.
    The rows are read-only.
    """

    def __init__(self, num_tokens: int, max_bytes: int = 128 * 2**20) -> None:
        self.num_tokens = num_tokens
        self.max_rows = max(1, max_bytes // (8 * num_tokens))
        self._rows: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()

    def row(self, seed: int, position: int) -> np.ndarray:
        """`[vocab]` Gumbel noise, float64, as `gumbel` gives it."""
        place = (seed, position)
        noise = self._rows.get(place)
        if noise is None:
            noise = gumbel(seed, position, self.num_tokens)
            noise.flags.writeable = False
            self._rows[place] = noise
            if len(self._rows) > self.max_rows:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(place)
        return noise


def _row_uniforms(seed: int, position: int, num_tokens: int) -> np.ndarray:
    num_blocks = (num_tokens + 1) // 2
    noise = np.empty(2 * num_blocks, dtype=np.uint64)
    words = np.empty((4, min(LANES, num_blocks)), dtype=np.uint64)
    key = (seed & LOW_WORD, seed >> 32)
    for start in range(0, num_blocks, LANES):
        stop = min(start + LANES, num_blocks)
        counter = words[:, : stop - start]
        counter[0] = np.arange(start, stop, dtype=np.uint64)
        counter[1], counter[2], counter[3] = position, STREAM_SAMPLING, 0
        philox4x32(list(counter), key)
        pair = noise[2 * start : 2 * stop]
        _to_unit_bits(counter[0], counter[1], pair[0::2])
        _to_unit_bits(counter[2], counter[3], pair[1::2])
    unit = noise.view(np.float64)
    unit -= ONE_LESS_HALF_GRAIN
    return unit[:num_tokens]


def _to_unit_bits(low: np.ndarray, high: np.ndarray, out: np.ndarray) -> None:
    """Write the bits of the float64 `1 + k·2^-52`, k the upper 52 of the 64 bits (high, low); both are overwritten."""
    np.right_shift(low, 12, out=low)
    np.left_shift(high, 20, out=high)
    np.bitwise_or(low, high, out=low)
    np.bitwise_or(low, ONE_BITS, out=out)


def _to_gumbel(uniform: np.ndarray) -> np.ndarray:
    """`-ln(-ln u)` in place."""
    flat = uniform.reshape(-1)
    for start in range(0, flat.size, 2 * LANES):
        part = flat[start : start + 2 * LANES]
        _negated_log(part)
        _negated_log(part)
    return uniform


def _negated_log(values: np.ndarray) -> None:
    """Replace positive normal float64 values by `-ln values`, in the fixed order of operations this file promises."""
    exponent_bits = values.view(np.int64) - SQRT_HALF_BITS
    np.right_shift(exponent_bits, 52, out=exponent_bits)
    exponent = exponent_bits.astype(np.float64)
    np.left_shift(exponent_bits, 52, out=exponent_bits)
    mantissa_bits = exponent_bits
    np.subtract(values.view(np.int64), exponent_bits, out=mantissa_bits)
    mantissa = mantissa_bits.view(np.float64)
    ratio = mantissa - 1.0
    mantissa += 1.0
    ratio /= mantissa
    square = np.multiply(ratio, ratio, out=mantissa)
    series = values
    np.multiply(square, ATANH_TERMS[0], out=series)
    for term in ATANH_TERMS[1:]:
        series += term
        series *= square
    series += 2.0
    series *= ratio
    exponent *= -LN_2
    np.subtract(exponent, series, out=values)


def whole_numbers(value: Any, largest: int, name: str) -> np.ndarray:
    """`value`, a whole number or numbers of 0 .. largest, as uint64; raises InputError."""
    numbers = np.asarray(value)
    if numbers.size == 0:
        return numbers.astype(np.uint64)
    # A list that mixes small numbers with some above 2^63 becomes an array of objects, or of floats that lost digits.
    if numbers.dtype.kind not in "iu":
        numbers = np.asarray(value, dtype=object)
    wrong = (
        [number for number in numbers.reshape(-1) if not _is_whole(number)] if numbers.dtype == object else []
    )
    if not wrong and (numbers.min() < 0 or numbers.max() > largest):
        wrong = [number for number in numbers.reshape(-1) if not 0 <= number <= largest]
    if wrong:
        raise InputError(f"{name} must be a whole number from 0 to {largest}, got {wrong[0]!r}")
    return numbers.astype(np.uint64)


def _is_whole(number: object) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)
