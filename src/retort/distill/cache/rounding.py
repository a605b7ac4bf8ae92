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

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from retort.distill.cache.packing import compiled
from retort.sampling.kernels.threads import share
from retort.sampling.noise import STREAM_FRACTION, STREAM_ORDER, STREAM_SHIFT, gumbel, uniform_at

# Orders times shifts is how many different roundings there are: a hundred thousand for a vocabulary of 8,192.
NUM_ORDERS = 16
ROWS_AT_ONCE = 64  # of one thread before it takes more


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


def temper(
    logits: NDArray[np.float32], temperature: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`[rows, vocab]` probabilities at tau of raw logits, and their `[rows]` entropies in nats."""
    from retort.distill.cache.tempering import temper_rows

    probs, entropy = np.empty_like(logits), np.empty(len(logits), np.float32)

    def one(rows: slice) -> None:
        temper_rows(logits[rows], temperature, probs[rows], entropy[rows])

    in_threads(one, len(logits), logits.shape[1])
    return probs, entropy


def temper_and_round(
    logits: NDArray[np.float32], temperature: float, draws: int, seed: int, places: Places
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    """`round_rows` of the probabilities at tau, which are never written down whole, and their entropies in nats."""
    from retort.distill.cache.tempering import temper_round_and_pack

    num_rows, vocab_size = logits.shape
    orders, _ = random_orders(seed, vocab_size)
    tables, shifts = _tables_and_shifts(places, vocab_size)
    fractions = uniform_at(places.seeds, places.offsets, STREAM_FRACTION)
    ends, entropy = np.empty(num_rows, np.int64), np.empty(num_rows, np.float32)
    parts: dict[int, NDArray[np.uint8]] = {}

    def one(rows: slice) -> None:
        given = (orders, tables[rows], shifts[rows], fractions[rows])
        size = (rows.stop - rows.start) * (8 * draws + 64)
        while True:
            out = np.empty(size, np.uint8)
            used = temper_round_and_pack(
                logits[rows], temperature, draws, *given, out, ends[rows], entropy[rows]
            )
            if used >= 0:
                parts[rows.start] = out[:used]
                return
            size *= 2

    in_threads(one, num_rows, vocab_size)
    behind = 0
    for start in sorted(parts):
        ends[start : start + ROWS_AT_ONCE] += behind
        behind += len(parts[start])
    return np.concatenate([parts[start] for start in sorted(parts)]), ends, entropy


def in_threads(one: Callable[[slice], None], num_rows: int, vocab_size: int) -> None:
    """`one` for every `ROWS_AT_ONCE` rows, in the threads that also draw; which thread takes which changes nothing."""
    waiting = SimpleQueue[slice]()
    for start in range(0, num_rows, ROWS_AT_ONCE):
        waiting.put(slice(start, min(start + ROWS_AT_ONCE, num_rows)))

    def work(_: object) -> None:
        while True:
            try:
                rows = waiting.get_nowait()
            except Empty:
                return
            one(rows)

    share(work, num_rows, vocab_size, 0)


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
