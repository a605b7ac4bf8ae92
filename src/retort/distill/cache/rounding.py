"""Unbiased draws from a distribution that need few bytes: `n p` rounded at random, token by token, and packed.

For n draws, token i gets the count `c_i = floor(n p_i + u_i)` with u_i uniform on (0, 1), so E[c_i] = n p_i exactly
and `c / n` is an unbiased sparse stand-in for p. Its variance is f(1 - f)/n² with f the fraction of n p_i: never
more than the p_i(1 - p_i)/n of n independent draws (Anshumann et al. 2025), and at most 1/(4 n²).

A draw costs the bits that say which token it was, unless reader and writer know more. Here both know the u of
every token: it is `1 - (rank + v) / vocab`, rank the token's place in one of a few random orders of the vocabulary,
shifted by an amount of the position's own, and v uniform. A token comes in where rank + v < n p_i · vocab, so under
a flat p nearly all draws are among the first n ranks and the gaps between ranks are small numbers: what is paid
for is how far p is from flat, and not n times the entropy of p, which at tau = 3 is nearly all of log(vocab).
Shift, order and v are coins of (document, offset), so a record does not depend on what was captured before it.

A record is a list of whole numbers, each in Elias' gamma code (1975): as many zeros as it has bits after its first,
then the number, most significant bit first; the last byte is filled with zeros.

1. how many pairs (rank, count), plus one
2. for each pair, by rank, the gap to the rank before it, minus one: `(gap >> k) + 1`, then the k bits that were shifted
   out. k follows the gaps: one less than the number of bits of their running mean, since ranks are dense at the
   beginning and thin out (order-k exponential Golomb, Teuhola 1978)
3. how many counts are above 1, plus one; for each how many pairs it is behind the last such one, and count - 1

Packing and unpacking are loops over bits, compiled. No index is used before it was compared with the arrays there are:
a record that is no record raises SourceError, whatever its bytes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from retort.errors import SourceError
from retort.sampling.kernels import compile_note
from retort.sampling.noise import STREAM_FRACTION, STREAM_ORDER, STREAM_SHIFT, gumbel, uniform_at

Whole = NDArray[np.int64]

# Orders times shifts is how many different roundings there are: a hundred thousand for a vocabulary of 8,192.
NUM_ORDERS = 16
MEAN_BITS = 4  # the running mean of the gaps is kept in sixteenths
LONGEST = 57  # bits of a number


@dataclass(frozen=True)
class Places:
    """Which position each row of a block is: the document's own seed `[rows]`, and the offset in it `[rows]`."""

    seeds: NDArray[np.uint64]
    offsets: Whole


@lru_cache(maxsize=2)
def random_orders(seed: int, vocab_size: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """`[orders, 2 vocab]` ranks by slot, twice over so that a shift is a slice; `[orders, vocab]` slots by rank.

    Ranks are float32, exact up to 2**24 tokens, since they are compared with probabilities.
    """
    slots = np.stack(
        [
            np.argsort(gumbel(seed, order, vocab_size, STREAM_ORDER), kind="stable").astype(np.int32)
            for order in range(NUM_ORDERS)
        ]
    )
    ranks = np.empty(slots.shape, np.float32)
    np.put_along_axis(ranks, slots, np.arange(vocab_size, dtype=np.float32)[None, :], axis=1)
    return np.concatenate([ranks, ranks], axis=1), slots


def round_rows(
    probs: NDArray[np.float32], draws: int, seed: int, places: Places
) -> tuple[NDArray[np.uint8], Whole]:
    """Packed counts of `[rows, vocab]` probabilities: the bytes of all records, and where each of them ends."""
    num_rows, vocab = probs.shape
    orders, _ = random_orders(seed, vocab)
    tables, shifts = _tables_and_shifts(places, vocab)
    fractions = uniform_at(places.seeds, places.offsets, STREAM_FRACTION)
    tokens: list[NDArray[np.intp]] = []
    scaled, hits = np.empty(vocab, np.float32), np.empty(vocab, np.bool_)
    # A row at a time: [rows, vocab] of float32 ranks would be as much memory again as the probabilities.
    for row in range(num_rows):
        # Few tokens come in: a comparison in float32 that lets through too many at most, the exact one for those.
        np.multiply(probs[row], np.float32(draws * vocab * 1.000001), out=scaled)
        np.greater_equal(scaled, orders[tables[row], shifts[row] : shifts[row] + vocab], out=hits)
        tokens.append(np.flatnonzero(hits))
    rows = np.repeat(np.arange(num_rows), [len(one) for one in tokens])
    found = np.concatenate(tokens)
    ranks = orders[tables[rows], shifts[rows] + found].astype(np.float64)
    # floor(expected / vocab + u) > 0 with u = 1 - (rank + fraction) / vocab, uniform on (0, 1).
    above = draws * probs[rows, found].astype(np.float64) * vocab - ranks - fractions[rows]
    inside = above > 0
    rows, ranks, counts = rows[inside], ranks[inside].astype(np.int64), np.floor(above[inside] / vocab) + 1
    by_rank = np.lexsort((ranks, rows))
    return pack(rows[by_rank], ranks[by_rank], counts[by_rank].astype(np.int64), num_rows)


def unrounded(
    data: NDArray[np.uint8], ends: Whole, seed: int, vocab_size: int, places: Places
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and counts, both `[rows, most]` with count 0 as filling, of the records that end at `ends`."""
    ranks, counts = unpack(data, ends, vocab_size)
    _, slots = random_orders(seed, vocab_size)
    tables, shifts = _tables_and_shifts(places, vocab_size)
    ids = (slots[tables[:, None], ranks].astype(np.int64) - shifts[:, None]) % vocab_size
    return np.where(counts > 0, ids, 0), counts


def pack(rows: Whole, ranks: Whole, counts: Whole, num_rows: int) -> tuple[NDArray[np.uint8], Whole]:
    """The records of pairs that are sorted by row and rank: their bytes, and where each of `num_rows` ends."""
    with _note(_pack):
        bits, ends = _pack(rows, ranks, counts, num_rows)
    return np.packbits(bits), ends


def unpack(data: NDArray[np.uint8], ends: Whole, vocab_size: int) -> tuple[Whole, Whole]:
    """Ranks and counts `[rows, most]` of the records that end at `ends`; count 0 is filling.

    Raises SourceError for bytes that are no record over `vocab_size` tokens.
    """
    try:
        with _note(_unpack):
            pairs, *flat = _unpack(np.unpackbits(data), 8 * np.minimum(ends, len(data)), vocab_size)
    except ValueError as error:
        raise SourceError(f"a record of draws is damaged: {error}") from None
    there = np.arange(max(1, pairs.max(initial=0))) < pairs[:, None]
    ranks, counts = np.zeros((2, *there.shape), np.int64)
    ranks[there], counts[there] = flat
    return ranks, counts


def _note(compiled: Any) -> AbstractContextManager[None]:
    """Says so where the first call compiles the function, which takes seconds."""
    return nullcontext() if compiled.signatures else compile_note("the packing of soft targets")


@njit(cache=True)
def _pack(rows: Whole, ranks: Whole, counts: Whole, num_rows: int) -> tuple[NDArray[np.uint8], Whole]:
    bits = np.zeros(LONGEST * (3 * len(rows) + 2 * num_rows), np.uint8)
    ends = np.zeros(num_rows, np.int64)
    at = first = behind = 0
    for row in range(num_rows):
        while behind < len(rows) and rows[behind] == row:
            behind += 1
        at = _put(bits, at, behind - first + 1, 0)
        rank, mean, repeated = -1, 0, 0
        for pair in range(first, behind):
            gap, order = ranks[pair] - rank - 1, _order(mean)
            at = _put(bits, at, gap + (1 << order), order)
            rank, mean = ranks[pair], _next_mean(mean, gap)
            repeated += counts[pair] > 1
        if behind > first:
            at = _put(bits, at, repeated + 1, 0)
        last = first - 1
        for pair in range(first, behind):
            if counts[pair] > 1:
                at = _put(bits, _put(bits, at, pair - last, 0), counts[pair] - 1, 0)
                last = pair
        ends[row] = (at + 7) // 8
        first, at = behind, 8 * ends[row]
    return bits[:at], ends


@njit(cache=True)
def _unpack(bits: NDArray[np.uint8], stops: Whole, vocab_size: int) -> tuple[Whole, Whole, Whole]:
    """How many pairs each record has, and the ranks and counts of all."""
    pairs = np.zeros(len(stops), np.int64)
    # Every pair takes a bit at least.
    ranks, counts = np.zeros(len(bits), np.int64), np.ones(len(bits), np.int64)
    at = first = 0
    for row in range(len(stops)):
        stop = stops[row]
        number, at = _get(bits, at, stop, 0)
        pairs[row], behind = number - 1, first + number - 1
        if pairs[row] > vocab_size:
            raise ValueError("it has more draws than there are tokens")
        rank, mean = -1, 0
        for pair in range(first, behind):
            order = _order(mean)
            number, at = _get(bits, at, stop, order)
            gap = number - (1 << order)
            rank, mean = rank + gap + 1, _next_mean(mean, gap)
            if rank >= vocab_size:
                raise ValueError("a draw is of no token")
            ranks[pair] = rank
        repeated, pair = 1, first - 1
        if behind > first:
            repeated, at = _get(bits, at, stop, 0)
        for _ in range(repeated - 1):
            step, at = _get(bits, at, stop, 0)
            pair += step
            if pair >= behind:
                raise ValueError("a count is of no draw")
            number, at = _get(bits, at, stop, 0)
            counts[pair] = number + 1
        if stop - at > 7 or bits[at:stop].any():
            raise ValueError("bytes are left over, or its last byte is not filled with zeros")
        at, first = stop, behind
    return pairs, ranks[:first], counts[:first]


@njit(cache=True)
def _put(bits: NDArray[np.uint8], at: int, number: int, low_bits: int) -> int:
    """Write a number at bit `at`, its last `low_bits` bits as they are; the bit behind it."""
    zeros = _log2(number >> low_bits)
    end = at + 2 * zeros + 1 + low_bits
    for place in range(zeros + 1 + low_bits):
        bits[end - 1 - place] = (number >> place) & 1
    return end


@njit(cache=True)
def _get(bits: NDArray[np.uint8], at: int, stop: int, low_bits: int) -> tuple[int, int]:
    """The number at bit `at` of a record that stops at `stop`, and the bit behind it."""
    zeros = 0
    while at + zeros < stop and not bits[at + zeros]:
        zeros += 1
    end = at + 2 * zeros + 1 + low_bits
    if end > stop:
        raise ValueError("it ends in the middle of a number")
    if end - at > LONGEST:
        raise ValueError("it holds a number that is too long")
    number = 0
    for place in range(at + zeros, end):
        number = 2 * number + bits[place]
    return number, end


@njit(cache=True)
def _log2(number: int) -> int:
    """The place of the highest bit of a whole number above 0, from 0."""
    place = 0
    while number > 1:
        number >>= 1
        place += 1
    return place


@njit(cache=True)
def _order(mean: int) -> int:
    """k by the running mean of the gaps."""
    return max(_log2((mean >> MEAN_BITS) + 1) - 1, 0)


@njit(cache=True)
def _next_mean(mean: int, gap: int) -> int:
    return (3 * mean + 2 * (gap << MEAN_BITS)) // 5


def _tables_and_shifts(places: Places, vocab_size: int) -> tuple[Whole, Whole]:
    coins = uniform_at(places.seeds, places.offsets, STREAM_SHIFT) * NUM_ORDERS
    tables = coins.astype(np.int64)
    shifts = ((coins - tables) * vocab_size).astype(np.int64)
    return tables, np.minimum(shifts, vocab_size - 1)
