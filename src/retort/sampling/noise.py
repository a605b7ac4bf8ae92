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

Integers are int64 here, whose products wrap as unsigned ones do, so that numpy arrays and torch tensors on any device
go through the same lines and get the same bits. `kernels/arithmetic.py` has them once more, compiled; tests compare the
two bit by bit.

Sources: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"; Gumbel 1954; Yellott 1977 (the
race); Maddison, Tarlow, Minka 2014, "A* sampling" (noise from the top down).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, namespace
from retort.errors import InputError
from retort.transforms.truncation import COIN_STREAM

BLOCK_BITS = 6
BLOCK_TOKENS = 2**BLOCK_BITS
"""Tokens that share a first arrival."""

# The counter's third word, by use: one seed's numbers for one use are independent of those for any other. All that are
# taken stand here; a new use takes a new number, and a number is never used again, because kept texts and captures
# depend on it.
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

BLOCKS_AT_A_TIME = 128
"""Blocks whose noise is made together: enough to hide the cost of a numpy call, few enough for a second-level cache."""

# Philox4x32-10.
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW_WORD = 0xFFFFFFFF

ONE_BITS = 0x3FF0000000000000
ONE_MINUS_HALF_GRAIN = 1.0 - 2.0**-53

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
    seeds, positions = as_words(seed, position)
    stream = int(whole_numbers(stream, MAX_STREAM, "stream"))
    num_blocks = -(-int(tokens) // BLOCK_TOKENS)
    noise = np.empty((num_blocks, BLOCK_TOKENS))
    # In pieces: the temporaries of 128,000 tokens at once would go through main memory a dozen times.
    for start in range(0, num_blocks, BLOCKS_AT_A_TIME):
        blocks = np.arange(start, min(start + BLOCKS_AT_A_TIME, num_blocks))
        first, winners = first_arrivals(seeds, positions, blocks, stream)
        noise[blocks] = block_noise(seeds, positions, blocks, first, winners, stream)
    return noise.reshape(-1)[: int(tokens)]


def gumbel_at(seeds: Any, positions: Any, ids: Any, stream: int = STREAM_SAMPLING) -> np.ndarray:
    """Gumbel noise of each (seed, position, token id), float64; numbers or arrays, broadcast against each other.

    The same bits as `gumbel`, for many rows at once or for a few tokens of each.
    """
    seeds, positions = as_words(seeds, positions)
    ids = whole_numbers(ids, MAX_TOKEN_ID, "token id").view(np.int64)
    stream = int(whole_numbers(stream, MAX_STREAM, "stream"))
    shape = np.broadcast_shapes(seeds.shape, positions.shape, ids.shape)
    seeds, positions, ids = (np.broadcast_to(part, shape).reshape(-1) for part in (seeds, positions, ids))
    noise = np.empty(len(ids))
    size = BLOCKS_AT_A_TIME * BLOCK_TOKENS
    for start in range(0, len(ids), size):
        here = slice(start, start + size)
        first, winners = first_arrivals(seeds[here], positions[here], ids[here] >> BLOCK_BITS, stream)
        later = _later_arrivals(seeds[here], positions[here], ids[here] >> 1, stream)
        own = np.where(ids[here] & 1, later[:, 1], later[:, 0])
        own[winners == ids[here]] = 0.0
        noise[here] = negated_log(first + own)
    return noise.reshape(shape)


def uniform_at(seeds: Any, positions: Any, stream: int) -> np.ndarray:
    """Uniform noise `u` in (0, 1), float64, of each (seed, position): the coin of a row, none of a token.

    Seeds and positions are numbers or arrays, broadcast against each other. Each use takes a `stream` of its own; its
    coins are independent of those of other streams and of all Gumbel noise. Errors as for `gumbel`.
    """
    seeds, positions = as_words(seeds, positions)
    stream = int(whole_numbers(stream, MAX_STREAM, "stream"))
    seeds, positions = np.broadcast_arrays(seeds, positions)
    shape = seeds.shape
    seeds, positions = seeds.reshape(-1), positions.reshape(-1)
    words = philox4x32((np.zeros_like(positions), positions, stream, KIND_COIN), seeds)
    return unit_numbers(words[0], words[1]).reshape(shape)


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


def first_arrivals(
    seeds: Array, positions: Array, blocks: Array, stream: int = STREAM_SAMPLING
) -> tuple[Array, Array]:
    """The first arrival in each block, float64, and the id of its token (perhaps beyond the vocabulary's end).

    int64 arrays, numpy or torch, that broadcast to one shape; seeds are the bits of the unsigned ones.
    """
    words = philox4x32((blocks, positions, stream, KIND_BLOCK), seeds)
    first = negated_log(unit_numbers(words[0], words[1])) / BLOCK_TOKENS
    return first, (blocks << BLOCK_BITS) + (words[2] & (BLOCK_TOKENS - 1))


def block_noise(
    seeds: Array,
    positions: Array,
    blocks: Array,
    first: Array,
    winners: Array,
    stream: int = STREAM_SAMPLING,
) -> Array:
    """`[..., 64]` Gumbel noise of all tokens of blocks `[...]`, given what `first_arrivals` says of these blocks."""
    xp = namespace(blocks)
    within = xp.arange(BLOCK_TOKENS, device=blocks.device)
    pairs = blocks[..., None] * (BLOCK_TOKENS // 2) + within[: BLOCK_TOKENS // 2]
    later = _later_arrivals(seeds[..., None], positions[..., None], pairs, stream)
    later = xp.reshape(later, (*blocks.shape, BLOCK_TOKENS))
    won = blocks[..., None] * BLOCK_TOKENS + within == winners[..., None]
    return negated_log(first[..., None] + xp.where(won, xp.zeros_like(later), later))


def _later_arrivals(seeds: Array, positions: Array, pairs: Array, stream: int) -> Array:
    """`[..., 2]` how much later than its block's first arrival each token of a pair (ids 2·pair, 2·pair + 1) comes."""
    words = philox4x32((pairs, positions, stream, KIND_TOKEN), seeds)
    stack = namespace(pairs).stack
    return negated_log(
        unit_numbers(stack((words[0], words[2]), axis=-1), stack((words[1], words[3]), axis=-1))
    )


def philox4x32(
    counter: tuple[Array, Array, int, int], seeds: Array, rounds: int = ROUNDS
) -> tuple[Array, Array, Array, Array]:
    """The four words of Philox4x32-10, int64 arrays of 32-bit words; `seeds` are int64, low word and high word the key.

    One round: `(c0, c1, c2, c3) → (hi(M1·c2) ^ c1 ^ k0, lo(M1·c2), hi(M0·c0) ^ c3 ^ k1, lo(M0·c0))`; the key grows by
    the Weyl constants between rounds. Source: Salmon et al. 2011, section 4.3.
    """
    # Adding zeros of the other shapes broadcasts, for numpy and torch alike.
    c0 = counter[0] + counter[1] * 0 + seeds * 0
    c1, c2, c3 = counter[1] + c0 * 0, c0 * 0 + counter[2], c0 * 0 + counter[3]
    key = seeds & LOW_WORD, (seeds >> 32) & LOW_WORD
    # The key grows by a constant each round, so that no two rounds are the same permutation.
    for number in range(rounds):
        key_0, key_1 = ((word + number * step) & LOW_WORD for word, step in zip(key, KEY_STEPS, strict=True))
        product_0, product_1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0 = ((product_1 >> 32) & LOW_WORD) ^ c1 ^ key_0
        c2 = ((product_0 >> 32) & LOW_WORD) ^ c3 ^ key_1
        c1, c3 = product_1 & LOW_WORD, product_0 & LOW_WORD
    return c0, c1, c2, c3


def unit_numbers(low: Array, high: Array) -> Array:
    """`u = (k + 1/2)·2^-52`, float64, k the upper 52 of the 64 bits (high, low).

    u and 1 - u are both exact in float64, neither is ever 0, and `|P(u ≤ x) - x| ≤ 2^-53`.
    """
    bits = (low >> 12) | (high << 20) | ONE_BITS
    return bits.view(namespace(bits).float64) - ONE_MINUS_HALF_GRAIN


def negated_log(values: Array) -> Array:
    """`-ln values` of positive normal float64 values, in the fixed order of operations that this file promises."""
    xp = namespace(values)
    bits = values.view(xp.int64)
    exponent = (bits - SQRT_HALF_BITS) >> 52
    mantissa = (bits - (exponent << 52)).view(xp.float64)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    # In place from here on, on what this function made itself: a third of the time goes into new arrays otherwise.
    series = square * ATANH_TERMS[0]
    for term in ATANH_TERMS[1:]:
        series += term
        series *= square
    series += 2.0
    series *= ratio
    return xp.astype(exponent, xp.float64) * -LN_2 - series


def as_words(seeds: Any, positions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Seeds and positions, checked, as the int64 arrays that the generator works on. Raises InputError."""
    return (
        whole_numbers(seeds, MAX_SEED, "seed").view(np.int64),
        whole_numbers(positions, MAX_POSITION, "position").view(np.int64),
    )


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
