"""Counts of drawn tokens as a few bytes a position, and back: compiled loops over bits.

A position's draws are pairs (rank, count), rank the token's place in that position's random order of the
vocabulary (rounding.py), written in the order of their ranks. Every number is in Elias' gamma code (1975): as many
zeros as it has bits after its first, then the number, most significant bit first.

1. how many pairs, plus one
2. for each pair the gap to the rank before it, less one: `(gap >> k) + 1`, then the k bits that were shifted out.
   k follows the gaps: it is one less than the number of bits of their running mean, since ranks are dense at the
   beginning and thin out (order-k exponential Golomb, Teuhola 1978)
3. how many counts are above 1, plus one; for each how many pairs it lies behind the last such one, and count - 1

and the last byte is filled with zeros. The functions are plain Python until `compiled` hands them to numba, so that
importing this file costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from retort.errors import MissingExtraError

MEAN_BITS = 4  # the running mean of the gaps is kept in sixteenths
COUNT_BITS = 24
STRIP = 32  # tokens: two vectors, so that little is looked at one by one where one of them may come in


@lru_cache(maxsize=1)
def compiled() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """`round_and_pack`, `count_pairs` and `unpack` as machine code; the first call on a machine takes seconds."""
    try:
        import numba
    except ImportError:
        raise MissingExtraError("numba", "models", "The codec `sampled`") from None
    compile_it = numba.njit(cache=True, nogil=True)
    return compile_it(_round_and_pack), compile_it(_count_pairs), compile_it(_unpack)


def _round_and_pack(probs, draws, orders, tables, shifts, fractions, out, ends):  # type: ignore[no-untyped-def]
    """Round `draws * probs` `[rows, vocab]` to whole numbers and pack them into `out`; `ends` `[rows]` says where.

    Returns the number of bytes used, or -1 where `out` is too short.
    """
    num_rows, vocab = probs.shape
    # Pairs with ranks r_1 < r_2 < … need probabilities of (r_j / vocab) / draws at least, and those sum to 1.
    room = min(vocab, int(np.sqrt(2.0 * draws * vocab)) + draws + 2)
    pairs = np.empty(room, np.int64)
    fields, low_bits = np.empty(3 * room + 2, np.int64), np.empty(3 * room + 2, np.int64)
    used = 0
    for row in range(num_rows):
        order = orders[tables[row]]
        shift, fraction = shifts[row], fractions[row]
        found = 0
        # Few tokens come in, so strips are passed over whole: a comparison in float32 that lets through too much at
        # most (vectors, no branch), and the exact one for what is left.
        generous = np.float32(draws * vocab * 1.000001)
        for strip in range(0, vocab, STRIP):
            end = min(strip + STRIP, vocab)
            hits = np.int32(0)
            for token in range(strip, end):
                hits += np.int32(probs[row, token] * generous >= np.float32(order[token + shift]))
            if hits == 0:
                continue
            for token in range(strip, end):
                expected = draws * np.float64(probs[row, token]) * vocab
                rank = order[token + shift]
                # floor(expected / vocab + u) > 0 with u = 1 - (rank + fraction) / vocab, uniform on (0, 1).
                if expected > rank + fraction:
                    count = np.int64(np.floor((expected - rank - fraction) / vocab)) + 1
                    pairs[found] = (np.int64(rank) << COUNT_BITS) | count
                    found += 1
        pairs[:found].sort()

        fields[0], low_bits[0], written = found + 1, 0, 1
        before, mean = np.int64(-1), np.int64(0)
        for place in range(found):
            rank = pairs[place] >> COUNT_BITS
            gap, k = rank - before - 1, 0
            while (mean >> MEAN_BITS) + 1 >= np.int64(4) << k:
                k += 1
            fields[written], low_bits[written] = gap + (np.int64(1) << k), k
            written += 1
            before, mean = rank, (3 * mean + 2 * (gap << MEAN_BITS)) // 5
        place_of_number, last, above = written, -1, 0
        written += 1
        for place in range(found):
            count = pairs[place] & ((1 << COUNT_BITS) - 1)
            if count > 1:
                fields[written], low_bits[written] = place - last, 0
                fields[written + 1], low_bits[written + 1] = count - 1, 0
                written += 2
                last = place
                above += 1
        fields[place_of_number], low_bits[place_of_number] = above + 1, 0
        if found == 0:
            written = 1

        if used + 8 * written > len(out):
            return -1
        pending, width = np.uint64(0), 0
        for place in range(written):
            value, k = fields[place], low_bits[place]
            length = 0
            while (value >> k) >> (length + 1) > 0:
                length += 1
            length = 2 * length + 1 + k
            pending = (pending << np.uint64(length)) | np.uint64(value)
            width += length
            while width >= 8:
                width -= 8
                out[used] = (pending >> np.uint64(width)) & np.uint64(255)
                used += 1
        if width > 0:
            out[used] = (pending << np.uint64(8 - width)) & np.uint64(255)
            used += 1
        ends[row] = used
    return used


def _count_pairs(data, starts, out):  # type: ignore[no-untyped-def]
    """How many pairs each record has, written into `out`."""
    for row in range(len(starts)):
        bit = starts[row] * 8
        zeros = 0
        while (data[bit >> 3] >> (7 - (bit & 7))) & 1 == 0:
            zeros += 1
            bit += 1
        value = 0
        for _ in range(zeros + 1):
            value = (value << 1) | ((data[bit >> 3] >> (7 - (bit & 7))) & 1)
            bit += 1
        out[row] = value - 1


def _unpack(data, starts, places, tables, shifts, ids, counts):  # type: ignore[no-untyped-def]
    """Fill `ids` and `counts` `[rows, most]` (0 beyond a row's own pairs) from the records that begin at `starts`.

    `places` `[orders, vocab]` says which slot has a rank: the inverse of the orders.
    """
    vocab = places.shape[1]
    for row in range(len(starts)):
        bit = starts[row] * 8
        found, above, field = 0, 0, 0
        rank, mean, last = -1, 0, -1
        # Fields 1 … found are gaps, then comes the number of large counts, then two fields for each of them.
        while field < 1 or (found > 0 and field < found + 2 + 2 * above):
            k = 0
            if 1 <= field <= found:
                while (mean >> MEAN_BITS) + 1 >= np.int64(4) << k:
                    k += 1
            zeros = 0
            while (data[bit >> 3] >> (7 - (bit & 7))) & 1 == 0:
                zeros += 1
                bit += 1
            value = 0
            for _ in range(zeros + 1 + k):
                value = (value << 1) | ((data[bit >> 3] >> (7 - (bit & 7))) & 1)
                bit += 1
            if field == 0:
                found = value - 1
            elif field <= found:
                gap = value - (1 << k)
                rank += gap + 1
                mean = (3 * mean + 2 * (gap << MEAN_BITS)) // 5
                token = places[tables[row], rank] - shifts[row]
                ids[row, field - 1] = token if token >= 0 else token + vocab
                counts[row, field - 1] = 1
            elif field == found + 1:
                above = value - 1
            elif (field - found) & 1 == 0:
                last += value
            else:
                counts[row, last] = value + 1
            field += 1
