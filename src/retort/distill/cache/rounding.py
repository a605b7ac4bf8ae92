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

packing.py writes the pairs (rank, count) of a position as bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import SourceError
from retort.sampling.kernels import compile_note
from retort.sampling.noise import STREAM_FRACTION, STREAM_ORDER, STREAM_SHIFT, gumbel, uniform_at

Whole = NDArray[np.int64]

# Orders times shifts is how many different roundings there are: a hundred thousand for a vocabulary of 8,192.
NUM_ORDERS = 16


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
        # Few tokens come in: a comparison in float32 that lets through too many at most, the exact one for those. Too
        # many, because it leaves v out and because 1e-6 is above what two roundings in float32 can take away.
        np.multiply(probs[row], np.float32(draws * vocab * 1.000001), out=scaled)
        np.greater_equal(scaled, orders[tables[row], shifts[row] : shifts[row] + vocab], out=hits)
        tokens.append(np.flatnonzero(hits))
    rows = np.repeat(np.arange(num_rows), [len(one) for one in tokens])
    found = np.concatenate(tokens)
    ranks = orders[tables[rows], shifts[rows] + found].astype(np.float64)
    # With u = 1 - (rank + v) / vocab, n p + u is 1 + above / vocab: its whole part is the count, above 0 if `above` is.
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
    # The writer found the rank of token t in slot t + shift; around the end, as its orders stand there twice over.
    ids = (slots[tables[:, None], ranks].astype(np.int64) - shifts[:, None]) % vocab_size
    return np.where(counts > 0, ids, 0), counts


def pack(rows: Whole, ranks: Whole, counts: Whole, num_rows: int) -> tuple[NDArray[np.uint8], Whole]:
    """The records of pairs that are sorted by row and rank: their bytes, and where each of `num_rows` ends."""
    bits, ends = _compiled().write_records(rows, ranks, counts, num_rows)
    return np.packbits(bits), ends


def unpack(data: NDArray[np.uint8], ends: Whole, vocab_size: int) -> tuple[Whole, Whole]:
    """Ranks and counts `[rows, most]` of the records that end at `ends`; count 0 is filling.

    Raises SourceError for bytes that are no record over `vocab_size` tokens.
    """
    stops = 8 * np.minimum(ends, len(data))
    try:
        pairs, *flat = _compiled().read_records(np.unpackbits(data), stops, vocab_size)
    except ValueError as error:
        raise SourceError(f"a record of draws is damaged: {error}") from None
    there = np.arange(max(1, pairs.max(initial=0))) < pairs[:, None]
    ranks, counts = np.zeros((2, *there.shape), np.int64)
    ranks[there], counts[there] = flat
    return ranks, counts


@cache
def _compiled() -> Any:
    """packing.py, imported once and not before a record is wanted: `compile_note` lets one thread import numba."""
    with compile_note("the packing of soft targets"):
        from retort.distill.cache import packing

        return packing


def _tables_and_shifts(places: Places, vocab_size: int) -> tuple[Whole, Whole]:
    # One coin for both: its whole part is the order, and what is left of it is uniform again, for the shift.
    coins = uniform_at(places.seeds, places.offsets, STREAM_SHIFT) * NUM_ORDERS
    tables = coins.astype(np.int64)
    shifts = ((coins - tables) * vocab_size).astype(np.int64)
    return tables, np.minimum(shifts, vocab_size - 1)  # a fraction just below 1 may round up
