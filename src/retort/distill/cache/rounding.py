"""Unbiased draws from a distribution that need few bytes: `n p` rounded at random, token by token.

For n draws, token i gets the count `c_i = floor(n p_i + u_i)` with u_i uniform on (0, 1), so E[c_i] = n p_i exactly
and `c / n` is an unbiased sparse stand-in for p. Its variance is f(1 - f)/n² with f the fraction of n p_i: never
more than the p_i(1 - p_i)/n of n independent draws (Anshumann et al. 2025), and at most 1/(4 n²).

A draw costs the bits that say which token it was, unless reader and writer know more. Here both know the u of
every token: it is `1 - (rank + v) / vocab`, rank the token's place in one of a few random orders of the vocabulary,
shifted by an amount of the position's own, and v uniform. A token comes in where rank + v < n p_i · vocab, so under
a flat p nearly all draws are among the first n ranks and the gaps between ranks are small numbers: what is paid
for is how far p is from flat, and not n times the entropy of p, which at tau = 3 is nearly all of log(vocab).

Shift, order and v are coins of (document, offset), so a record does not hang on what was captured before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retort.distill.cache.packing import compiled
from retort.sampling.noise import gumbel, uniform_at

STREAM_ORDER, STREAM_SHIFT, STREAM_FRACTION = 64, 65, 66
"""The streams of `retort.sampling.noise` that captures use; no other use of a seed may take them."""

# Orders times shifts is how many different roundings there are: a hundred thousand for a vocabulary of 8,192.
NUM_ORDERS = 16


@dataclass(frozen=True)
class Places:
    """Which position each row of a block is: the document's own seed `[rows]`, and the offset in it `[rows]`."""

    seeds: NDArray[np.uint64]
    offsets: NDArray[np.int64]


@lru_cache(maxsize=2)
def random_orders(seed: int, vocab_size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """`[orders, 2 vocab]` ranks by slot, twice over so that a shift is a slice; `[orders, vocab]` slots by rank."""
    slots = np.stack(
        [
            np.argsort(gumbel(seed, order, vocab_size, STREAM_ORDER), kind="stable").astype(np.int32)
            for order in range(NUM_ORDERS)
        ]
    )
    ranks = np.empty_like(slots)
    np.put_along_axis(ranks, slots, np.arange(vocab_size, dtype=np.int32)[None, :], axis=1)
    return np.concatenate([ranks, ranks], axis=1), slots


def round_rows(
    probs: NDArray[np.float32], draws: int, seed: int, places: Places
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Packed counts of `[rows, vocab]` probabilities: the bytes of all records, and where each of them ends."""
    round_and_pack, _, _ = compiled()
    num_rows, vocab_size = probs.shape
    orders, _ = random_orders(seed, vocab_size)
    tables, shifts = _tables_and_shifts(places, vocab_size)
    fractions = uniform_at(places.seeds, places.offsets, STREAM_FRACTION)
    ends = np.empty(num_rows, np.int64)
    size = num_rows * (8 * draws + 64)
    while True:
        out = np.empty(size, np.uint8)
        used = int(round_and_pack(probs, draws, orders, tables, shifts, fractions, out, ends))
        if used >= 0:
            return out[:used], ends
        size *= 2


def unpack_rows(
    data: NDArray[np.uint8], starts: NDArray[np.int64], seed: int, vocab_size: int, places: Places
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Token ids and counts, both `[rows, most]` with count 0 as filling, of the records that begin at `starts`."""
    _, count_pairs, unpack = compiled()
    _, slots = random_orders(seed, vocab_size)
    tables, shifts = _tables_and_shifts(places, vocab_size)
    numbers = np.zeros(len(starts), np.int64)
    count_pairs(data, starts, numbers)
    shape = (len(starts), int(numbers.max(initial=1)))
    ids, counts = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    unpack(data, starts, slots, tables, shifts, ids, counts)
    return ids, counts


def _tables_and_shifts(places: Places, vocab_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    coins = uniform_at(places.seeds, places.offsets, STREAM_SHIFT) * NUM_ORDERS
    tables = coins.astype(np.int64)
    shifts = ((coins - tables) * vocab_size).astype(np.int64)
    return tables, np.minimum(shifts, vocab_size - 1)
