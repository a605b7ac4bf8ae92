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

Everything is numpy over all records at once, a number of each record at a time. So no index is used before it was
compared with the arrays there are: a record that is no record raises SourceError, whatever its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retort.errors import SourceError
from retort.sampling.noise import STREAM_FRACTION, STREAM_ORDER, STREAM_SHIFT, gumbel, uniform_at

Whole = NDArray[np.int64]

# Orders times shifts is how many different roundings there are: a hundred thousand for a vocabulary of 8,192.
NUM_ORDERS = 16
MEAN_BITS = 4  # the running mean of the gaps is kept in sixteenths
LONGEST = 57  # bits of a number: what is sure to be inside eight bytes from any bit of the first


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
    pairs = np.bincount(rows, minlength=num_rows)
    begins = np.cumsum(pairs) - pairs
    places = np.arange(len(rows)) - begins[rows]
    gaps = ranks - np.where(places > 0, np.roll(ranks, 1), -1) - 1
    # A number of each record at a time, since k depends on the gaps before it.
    orders, mean = np.zeros(len(rows), np.int64), np.zeros(num_rows, np.int64)
    for place in range(int(pairs.max(initial=0))):
        alive = np.flatnonzero(pairs > place)
        at = begins[alive] + place
        orders[at] = _order(mean[alive])
        mean[alive] = _next_mean(mean[alive], gaps[at])
    large = np.flatnonzero(counts > 1)
    large_rows = rows[large]
    first = np.r_[True, large_rows[1:] != large_rows[:-1]] if len(large) else np.zeros(0, np.bool_)
    behind = places[large] - np.where(first, -1, np.roll(places[large], 1))
    some = np.flatnonzero(pairs > 0)
    every = np.arange(num_rows)
    # (row, place in the record, number, k), in the order of rows and of places in them.
    parts: list[tuple[Whole, Whole, Whole, Whole | int]] = [
        (every, np.zeros_like(every), pairs + 1, 0),
        (rows, 1 + places, gaps + (1 << orders), orders),
        (some, 1 + pairs[some], np.bincount(large_rows, minlength=num_rows)[some] + 1, 0),
        (large_rows, 2 + pairs[large_rows] + 2 * places[large], behind, 0),
        (large_rows, 3 + pairs[large_rows] + 2 * places[large], counts[large] - 1, 0),
    ]
    row_of, place_of = np.concatenate([one[0] for one in parts]), np.concatenate([one[1] for one in parts])
    numbers = np.concatenate([one[2] for one in parts])
    low_bits = np.concatenate([np.broadcast_to(one[3], one[0].shape) for one in parts])
    order = np.lexsort((place_of, row_of))
    return _bits(row_of[order], numbers[order], low_bits[order], num_rows)


def _bits(rows: Whole, numbers: Whole, low_bits: Whole, num_rows: int) -> tuple[NDArray[np.uint8], Whole]:
    """Numbers as bits, the records of each row filled up to whole bytes."""
    lengths = 2 * _log2(numbers >> low_bits) + 1 + low_bits
    used = np.bincount(rows, lengths, minlength=num_rows).astype(np.int64)
    ends = np.cumsum((used + 7) // 8)
    row_begins = 8 * np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    all_before = np.cumsum(lengths) - lengths
    last = row_begins[rows] + all_before - (np.cumsum(used) - used)[rows] + lengths - 1
    bits = np.zeros(8 * int(ends[-1]) if num_rows else 0, np.uint8)
    # From the last bit of each number backwards, all numbers at once: as many passes as the longest has bits.
    for bit in range(int(lengths.max(initial=0))):
        there = np.flatnonzero(lengths > bit)
        bits[last[there] - bit] = (numbers[there] >> bit) & 1
    return np.packbits(bits), ends


def unpack(data: NDArray[np.uint8], ends: Whole, vocab_size: int) -> tuple[Whole, Whole]:
    """Ranks and counts `[rows, most]` of the records that end at `ends`; count 0 is filling.

    Raises SourceError for bytes that are no record over `vocab_size` tokens.
    """
    numbers = _Numbers(data, ends)
    every = np.arange(len(ends))
    pairs = numbers.read(every, 0) - 1
    _need((pairs <= vocab_size).all(), "it has more draws than there are tokens")
    ranks = np.zeros((len(ends), max(1, int(pairs.max(initial=1)))), np.int64)
    counts = np.zeros_like(ranks)
    rank, mean = np.full(len(ends), -1), np.zeros(len(ends), np.int64)
    # Each k follows from the gaps before it, so the records are walked side by side, a gap of each at a time: some 25
    # calls of numpy, 50 µs, whatever the number of records. Taking slices for index arrays changed nothing.
    for place in range(int(pairs.max(initial=0))):
        alive = np.flatnonzero(pairs > place)
        order = _order(mean[alive])
        gap = numbers.read(alive, order) - (1 << order)
        mean[alive] = _next_mean(mean[alive], gap)
        rank[alive] += gap + 1
        _need((rank[alive] < vocab_size).all(), f"a draw is of no token of {vocab_size:,}")
        ranks[alive, place], counts[alive, place] = rank[alive], 1
    large, at = np.zeros(len(ends), np.int64), np.full(len(ends), -1)
    some = np.flatnonzero(pairs > 0)
    large[some] = numbers.read(some, 0) - 1
    _need((large <= pairs).all(), "more draws are repeated than there are draws")
    for place in range(int(large.max(initial=0))):
        alive = np.flatnonzero(large > place)
        at[alive] += numbers.read(alive, 0)
        _need((at[alive] < pairs[alive]).all(), "a count is of no draw")
        counts[alive, at[alive]] = numbers.read(alive, 0) + 1
    numbers.need_ends()
    return ranks, counts


class _Numbers:
    """Reads the numbers of many records one after another: `bit` `[records]` is where each stands."""

    def __init__(self, data: NDArray[np.uint8], ends: Whole) -> None:
        begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]]) if len(ends) else ends
        _need((ends > begins).all() and (len(ends) == 0 or ends[-1] <= len(data)), "it is empty")
        self.bit, self.stop = 8 * begins, 8 * ends
        padded = np.concatenate([data, np.zeros(8, np.uint8)])
        eight = np.lib.stride_tricks.sliding_window_view(padded, 8)
        self._windows = np.ascontiguousarray(eight).view(">u8").ravel().astype(np.uint64)

    def read(self, rows: Whole, low_bits: Whole | int) -> Whole:
        """The next number of each of `rows`, whose last `low_bits` bits are as they are."""
        bit = self.bit[rows]
        _need((bit < self.stop[rows]).all(), "it ends in the middle of a number")
        window = self._windows[bit >> 3] << (bit & 7).astype(np.uint64)
        _need((window != 0).all(), "it holds a number that is too long")
        length = 2 * (63 - _log2(window)) + 1 + low_bits
        _need(
            (length <= LONGEST).all() and (bit + length <= self.stop[rows]).all(),
            "it ends in the middle of a number",
        )
        self.bit[rows] = bit + length
        return (window >> (64 - length).astype(np.uint64)).astype(np.int64)

    def need_ends(self) -> None:
        """Raise SourceError unless every record ended in its last byte, which is filled with zeros."""
        left = self.stop - self.bit
        _need((left < 8).all(), "bytes are left over")
        here = np.flatnonzero(left > 0)
        rest = self._windows[self.bit[here] >> 3] << (self.bit[here] & 7).astype(np.uint64)
        _need(
            ((rest >> (64 - left[here]).astype(np.uint64)) == 0).all(),
            "its last byte is not filled with zeros",
        )


def _need(holds: bool | np.bool_, otherwise: str) -> None:
    if not holds:
        raise SourceError(f"a record of draws is damaged: {otherwise}")


def _log2(numbers: NDArray[np.integer]) -> Whole:
    """The place of the highest bit of whole numbers above 0, from 0."""
    # Cut to the 53 bits that a float64 holds: rounding up could change the place.
    wide = numbers.astype(np.uint64)
    exact = np.where(wide >> np.uint64(53) > 0, wide & ~np.uint64(2**11 - 1), wide).astype(np.float64)
    return (np.frexp(exact)[1] - 1).astype(np.int64)


def _order(mean: Whole) -> Whole:
    """k by the running mean of the gaps."""
    return np.maximum(_log2((mean >> MEAN_BITS) + 1) - 1, 0)


def _next_mean(mean: Whole, gap: Whole) -> Whole:
    return (3 * mean + 2 * (gap << MEAN_BITS)) // 5


def _tables_and_shifts(places: Places, vocab_size: int) -> tuple[Whole, Whole]:
    coins = uniform_at(places.seeds, places.offsets, STREAM_SHIFT) * NUM_ORDERS
    tables = coins.astype(np.int64)
    shifts = ((coins - tables) * vocab_size).astype(np.int64)
    return tables, np.minimum(shifts, vocab_size - 1)
