"""Draws as bits: the loops that write and read the records of rounding.py, compiled.

A record is a list of whole numbers, each in Elias' gamma code (1975): as many zeros as it has bits after its first,
then the number, most significant bit first; the last byte is filled with zeros.

1. how many pairs (rank, count), plus one
2. for each pair, by rank, the gap to the rank before it, minus one: `(gap >> k) + 1`, then the k bits that were shifted
   out. k follows the gaps: one less than the number of bits of their running mean, since ranks are dense at the
   beginning and thin out (order-k exponential Golomb, Teuhola 1978)
3. how many counts are above 1, plus one; for each how many pairs it is behind the last such one, and count - 1

No index is used before it was compared with the arrays there are: bytes that are no record raise ValueError, whatever
they are. Whoever imports this file compiles it, for seconds where no cache of numba's holds it; rounding.py does so
once, under the lock of the kernels. Numba's cache looks at this one file, so all that is compiled stands in it.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

Whole = NDArray[np.int64]

MEAN_BITS = 4  # the running mean of the gaps is kept in sixteenths
# Bits of a number. A rank among 2**20 tokens (the largest vocabulary) takes 41; and what damaged bytes say still fits
# int64 after everything that is done with it before it is compared.
LONGEST = 57

# Helpers come first: a function with a signature is compiled where it stands.


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
    """Three fifths of it stay. In whole numbers, so that every machine that reads has the k of the one that wrote."""
    return (3 * mean + 2 * (gap << MEAN_BITS)) // 5


@njit(cache=True)
def _put(bits: NDArray[np.uint8], at: int, number: int, low_bits: int) -> int:
    """Write a number at bit `at`, its last `low_bits` bits as they are; the bit behind it."""
    zeros = _log2(number >> low_bits)
    end = at + 2 * zeros + 1 + low_bits
    # The number with its low bits is one number: the caller has added the 1 of gamma code above them.
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


NUMBA_BITS, NUMBA_WHOLE = types.uint8[::1], types.int64[::1]


@njit(types.Tuple((NUMBA_BITS, NUMBA_WHOLE))(NUMBA_WHOLE, NUMBA_WHOLE, NUMBA_WHOLE, types.int64), cache=True)
def write_records(rows: Whole, ranks: Whole, counts: Whole, num_rows: int) -> tuple[NDArray[np.uint8], Whole]:
    """The bits, one a byte, of the records of pairs sorted by row and rank; and the byte at which each record ends."""
    # As long as it can get: two numbers a record and three a pair.
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
        # Nearly all counts are 1: only the others are written, each with its distance from the one before.
        last = first - 1
        for pair in range(first, behind):
            if counts[pair] > 1:
                at = _put(bits, _put(bits, at, pair - last, 0), counts[pair] - 1, 0)
                last = pair
        ends[row] = (at + 7) // 8
        first, at = behind, 8 * ends[row]
    return bits[:at], ends


@njit(types.Tuple((NUMBA_WHOLE,) * 3)(NUMBA_BITS, NUMBA_WHOLE, types.int64), cache=True)
def read_records(bits: NDArray[np.uint8], stops: Whole, vocab_size: int) -> tuple[Whole, Whole, Whole]:
    """How many pairs each record has, and the ranks and counts of all; `stops`: the bit at which each record ends."""
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
        # Stricter than reading needs: equal draws have one record only, so that what was read can be written again.
        if stop - at > 7 or bits[at:stop].any():
            raise ValueError("bytes are left over, or its last byte is not filled with zeros")
        at, first = stop, behind
    return pairs, ranks[:first], counts[:first]
