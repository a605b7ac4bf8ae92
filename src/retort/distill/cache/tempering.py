"""A row of logits to probabilities at tau and their entropy, compiled; and the same with the rounding in one pass.

    x = (z - max z) / tau,  S = sum e^x,  p = e^x / S,  H = ln S - sum e^x x / S   (nats)

A row is read from memory once: what follows finds it in the processor's own cache, and the probabilities never leave
that. float32 on sixteen lanes, summed in float64 from piece to piece; a row's result depends on nothing but the row.
Everything compiled depends on `vectors.py`, so this file is imported only when something is captured.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from retort.distill.cache.packing import _round_and_pack
from retort.distill.cache.vectors import (
    LOG2_E,
    largest_lane,
    load_float32,
    maximum,
    multiply_add,
    power_of_two,
    select,
    splat_float32,
    store_float32,
    sum_of_lanes,
)

LANES, PIECE = 16, 1024
LOWEST = -80.0
"""e^-80 and less is 0: what has no logit at all (-inf) must have no probability, and nothing else is that small."""

round_and_pack = njit(nogil=True)(_round_and_pack)


@njit
def temper_row(row, temperature, weights):  # type: ignore[no-untyped-def]
    """Probabilities of `row` `[vocab]` into `weights` `[vocab, filled up to whole vectors]`; returns the entropy."""
    vocab, padded = len(row), len(weights)
    address = np.int64(weights.ctypes.data)
    nothing = splat_float32(np.float32(-np.inf))
    for place in range(vocab):
        weights[place] = row[place]
    for place in range(vocab, padded):
        weights[place] = -np.inf
    best = nothing
    for place in range(0, padded, LANES):
        best = maximum(best, load_float32(address + 4 * place))
    top = np.float32(largest_lane(best))
    scale = np.float32(LOG2_E / temperature)
    lowest = np.float32(LOWEST * temperature)
    total, moment = 0.0, 0.0
    for start in range(0, padded, PIECE):
        sums, moments = splat_float32(np.float32(0.0)), splat_float32(np.float32(0.0))
        for place in range(start, min(start + PIECE, padded), LANES):
            below = load_float32(address + 4 * place) - top
            held = maximum(below, lowest)
            weight = select(below > lowest, power_of_two(held, scale), np.float32(0.0))
            store_float32(address + 4 * place, weight)
            sums = sums + weight
            moments = multiply_add(weight, held, moments)
        total += np.float64(sum_of_lanes(sums))
        moment += np.float64(sum_of_lanes(moments))
    share = np.float32(1.0 / total)
    for place in range(0, padded, LANES):
        store_float32(address + 4 * place, load_float32(address + 4 * place) * share)
    return max(math.log(total) - moment / temperature / total, 0.0)


@njit(nogil=True, cache=True)
def temper_rows(logits, temperature, probs, entropy):  # type: ignore[no-untyped-def]
    """Probabilities of `[rows, vocab]` logits into `probs`, entropies in nats into `entropy` `[rows]`."""
    vocab = logits.shape[1]
    weights = np.empty((vocab + LANES - 1) // LANES * LANES, np.float32)
    for row in range(len(logits)):
        entropy[row] = temper_row(logits[row], temperature, weights)
        probs[row] = weights[:vocab]


@njit(nogil=True, cache=True)
def temper_round_and_pack(logits, temperature, draws, orders, tables, shifts, fractions, out, ends, entropy):  # type: ignore[no-untyped-def]
    """`temper_rows`, each row rounded and packed while it is at hand; as `round_and_pack`, the bytes used or -1."""
    vocab = logits.shape[1]
    weights = np.empty((vocab + LANES - 1) // LANES * LANES, np.float32)
    probs = weights[:vocab].reshape(1, vocab)
    used = 0
    for row in range(len(logits)):
        entropy[row] = temper_row(logits[row], temperature, weights)
        one = slice(row, row + 1)
        found = round_and_pack(
            probs, draws, orders, tables[one], shifts[one], fractions[one], out[used:], ends[one]
        )
        if found < 0:
            return -1
        used += found
        ends[row] = used
    return used
