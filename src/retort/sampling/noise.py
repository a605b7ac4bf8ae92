"""Gumbel noise of (seed, position, token id): stateless, so a draw does not depend on its batch, order or thread.

The noise is a race that can be watched from its winners down. Every token arrives at a time T ~ Exp(1); g = -ln T is
Gumbel, and argmax(z/τ + g), the first arrival in proportion to exp(z/τ), is a draw from softmax(z/τ). Tokens stand in
blocks of 64. A block's first arrival is Exp(64), and each of its tokens is it with the same chance; by memorylessness
the others arrive an Exp(1) later, each on its own. So the T of all tokens are independent Exp(1), exactly; and who only
wants the winner needs 2,000 block arrivals for 128,000 tokens and little more: a block whose arrival cannot win even
with its largest logit need not be opened.

Everything that another implementation (compiled, or on a device) needs to give the same bits:

1. *Generator.* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011); key: the 64-bit seed, `(seed mod 2^32, seed div 2^32)`.
2. *Counters* `(number, position, stream, kind)`. `stream`: the use, by the table below. Kinds:
   0, blocks: number = block = token id div 64; words (x0, x1) give E, `x2 mod 64` is the place of the block's winner.
   1, tokens: number = token id div 2; the even token takes words (x0, x1), the odd one (x2, x3).
   2, coins: number = 0; words (x0, x1). One uniform number for a whole row.
3. *Uniform.* From its words (low, high): `k = (high·2^32 + low) div 2^12`, 52 of 64 bits, and `u = (k + 1/2)·2^-52`.
4. *Arrivals.* `E = -ln u`. A block's winner arrives at `T = E_block/64`, every other token at
   `T = E_block/64 + E_token`. The winner's place may lie beyond the vocabulary's end; then no token arrives at that
   time, which is right: an id's noise does not depend on how many tokens there are.
5. *Gumbel.* `g = -ln T`. Both ln are `negated_log` below: a fixed sequence of IEEE float64 operations, each rounded on
   its own (no fused multiply-add). A library's logarithm differs in the last bit from one processor to the next, and
   with it a draw could.

A token of probability p wins when it arrives about p times as early as others do. Arrivals near 0 are those of block
winners, whose grain there is 2^-52/64: an event of probability 2^-40 has it to one part in 2^17.

Sources: Gumbel 1954; Yellott 1977 (the race); Maddison, Tarlow, Minka 2014, "A* sampling" (noise from the top down).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from retort.errors import InputError
from retort.sampling.philox import LOW_WORD, philox4x32, unit_numbers
from retort.transforms.truncation import COIN_STREAM

BLOCK_BITS = 6
BLOCK_TOKENS = 2**BLOCK_BITS
"""Tokens that share a first arrival."""

# The counter's third word, by use: one seed's numbers for one use are independent of those for any other. All that are
# taken stand here; a new use takes a new number, and a number is never used again, since kept texts and captures hang
# on it.
STREAM_SAMPLING = 0  # what chooses tokens
STREAM_XTC = COIN_STREAM  # 1: whether xtc acts
STREAM_ACCEPT = 16  # whether a draft token is accepted
STREAM_RESIDUAL = 17  # which token the residual gives instead
STREAM_ORDER, STREAM_SHIFT, STREAM_FRACTION = 64, 65, 66  # how a capture rounds its rows
STREAM_TAIL = 67  # which token of the tail a capture draws
STREAM_ON_POLICY = 68  # whether a training step learns from the student's own samples
STREAM_TEACHER = 69  # which of several teachers answers a prompt

KIND_BLOCK, KIND_TOKEN, KIND_COIN = 0, 1, 2

MAX_SEED = 2**64 - 1
MAX_POSITION = 2**32 - 1
MAX_TOKEN_ID = 2**32 - 1
MAX_STREAM = 2**32 - 1

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


def gumbel(
    seed: int, position: int, tokens: int | Sequence[int] | np.ndarray, stream: int = STREAM_SAMPLING
) -> np.ndarray:
    """`[vocab]` Gumbel noise of each token, float64, for one seed and position.

    `g = -ln T`, T as at the head of this file; argmax over i of `z_i/τ + g_i` is then a draw from softmax(z/τ).
    `tokens`: how many (ids 0 .. tokens-1), or the ids wanted; an id's noise is the same either way.
    Raises InputError for a seed, position or stream out of range. Source: Gumbel 1954.
    """
    if not isinstance(tokens, (int, np.integer)):
        return gumbel_at(seed, position, tokens, stream)
    noise = _row_arrivals(
        int(whole_numbers(seed, MAX_SEED, "seed")),
        int(whole_numbers(position, MAX_POSITION, "position")),
        int(whole_numbers(stream, MAX_STREAM, "stream")),
        int(tokens),
    )
    _negate_logs(noise)
    return noise


def gumbel_at(seeds: Any, positions: Any, ids: Any, stream: int = STREAM_SAMPLING) -> np.ndarray:
    """Gumbel noise of each (seed, position, token id), float64; numbers or arrays, broadcast against each other.

    The same bits as `gumbel`, for many rows at once or for a few tokens of each.
    """
    seeds = whole_numbers(seeds, MAX_SEED, "seed")
    positions = whole_numbers(positions, MAX_POSITION, "position")
    ids = whole_numbers(ids, MAX_TOKEN_ID, "token id")
    stream = int(whole_numbers(stream, MAX_STREAM, "stream"))
    shape = np.broadcast_shapes(seeds.shape, positions.shape, ids.shape)
    seeds, positions, ids = (np.broadcast_to(part, shape).reshape(-1) for part in (seeds, positions, ids))
    noise = np.empty(len(ids))
    for start in range(0, len(ids), LANES):
        here = slice(start, start + LANES)
        place = ids[here] & np.uint64(BLOCK_TOKENS - 1)
        block = _words(seeds[here], positions[here], ids[here] >> np.uint64(BLOCK_BITS), stream, KIND_BLOCK)
        winner = (block[2] & np.uint64(BLOCK_TOKENS - 1)) == place
        arrival = noise[here]
        unit_numbers(block[0], block[1], arrival)
        negated_log(arrival)
        arrival /= BLOCK_TOKENS
        pair = _words(seeds[here], positions[here], ids[here] >> np.uint64(1), stream, KIND_TOKEN)
        odd = (ids[here] & np.uint64(1)).astype(bool)
        later = np.empty_like(arrival)
        unit_numbers(np.where(odd, pair[2], pair[0]), np.where(odd, pair[3], pair[1]), later)
        negated_log(later)
        later[winner] = 0.0
        arrival += later
    _negate_logs(noise)
    return noise.reshape(shape)


def uniform_at(seeds: Any, positions: Any, stream: int) -> np.ndarray:
    """Uniform noise `u` in (0, 1), float64, of each (seed, position): the coin of a row, none of a token.

    Seeds and positions are numbers or arrays, broadcast against each other. Each use takes a `stream` of its own; its
    coins are independent of those of other streams and of all Gumbel noise. Errors as for `gumbel`.
    """
    seeds = whole_numbers(seeds, MAX_SEED, "seed")
    positions = whole_numbers(positions, MAX_POSITION, "position")
    stream = int(whole_numbers(stream, MAX_STREAM, "stream"))
    shape = np.broadcast_shapes(seeds.shape, positions.shape)
    seeds, positions = (np.broadcast_to(part, shape).reshape(-1) for part in (seeds, positions))
    words = _words(seeds, positions, np.zeros_like(positions), stream, KIND_COIN)
    coins = np.empty(len(seeds))
    unit_numbers(words[0], words[1], coins)
    return coins.reshape(shape)


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


def negated_log(values: np.ndarray) -> None:
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


def _row_arrivals(seed: int, position: int, stream: int, num_tokens: int) -> np.ndarray:
    """`[vocab]` T of the tokens 0 .. vocab-1."""
    num_pairs = (num_tokens + 1) // 2
    num_blocks = (num_tokens + BLOCK_TOKENS - 1) // BLOCK_TOKENS
    # Pairs and blocks go through the generator together: on a short row a numpy call costs more than what it does.
    exponentials = np.empty((num_pairs + num_blocks, 2))
    places = np.empty(num_pairs + num_blocks, dtype=np.uint64)
    numbers = np.concatenate((np.arange(num_pairs), np.arange(num_blocks)))
    for start in range(0, len(numbers), LANES):
        here = slice(start, start + LANES)
        lows, highs = np.empty((2, 2, len(numbers[here])), dtype=np.uint64)
        lows[0], highs[0], lows[1], highs[1] = numbers[here], position, stream, KIND_TOKEN
        highs[1, max(0, num_pairs - start) :] = KIND_BLOCK
        philox4x32([lows[0], highs[0], lows[1], highs[1]], (seed & LOW_WORD, seed >> 32))
        places[here] = lows[1]
        made = np.empty(lows.size)
        unit_numbers(lows.reshape(-1), highs.reshape(-1), made)
        negated_log(made)
        exponentials[here] = made.reshape(2, -1).T
    arrivals = exponentials[:num_pairs].reshape(-1)[:num_tokens]
    winners = numbers[num_pairs:] * BLOCK_TOKENS + (places[num_pairs:] % BLOCK_TOKENS).astype(np.int64)
    arrivals[winners[winners < num_tokens]] = 0.0
    arrivals += np.repeat(exponentials[num_pairs:, 0] / BLOCK_TOKENS, BLOCK_TOKENS)[:num_tokens]
    return arrivals


def _words(
    seeds: np.ndarray, positions: np.ndarray, numbers: np.ndarray, stream: int, kind: int
) -> list[np.ndarray]:
    """The four words of Philox at counters (numbers, positions, stream, kind), arrays of one length."""
    counter = [numbers.copy(), positions.copy(), np.full_like(numbers, stream), np.full_like(numbers, kind)]
    philox4x32(counter, (seeds & np.uint64(LOW_WORD), seeds >> np.uint64(32)))
    return counter


def _negate_logs(noise: np.ndarray) -> None:
    """`-ln` of a `[n]` array in place, a cacheful at a time."""
    for start in range(0, len(noise), LANES):
        negated_log(noise[start : start + LANES])


def _is_whole(number: object) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)
