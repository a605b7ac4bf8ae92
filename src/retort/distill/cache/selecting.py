"""A row's most probable tokens, draws from what they leave, and its log-probabilities: compiled, a row at a time.

The row is tempered first (tempering.py), or given as probabilities. Blocks of it are then known by their largest
probability: the k-th largest of those is reached by k tokens at least, so only the few tokens that reach it are looked
at and sorted. Equal probabilities go by the lower id. What is left is drawn from by its cumulated probability, block by
block, summed in float64.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from retort.distill.cache.tempering import LANES, LOWEST, PIECE, temper_row
from retort.distill.cache.vectors import (
    LOG2_E,
    largest_lane,
    load_float32,
    mask_bits,
    maximum,
    multiply_add,
    power_of_two,
    select,
    splat_float32,
    store_float32,
    sum_of_lanes,
    trailing_zeros,
)

LONGEST_BLOCK = 64
ID_BITS, ID_MASK = 32, 2**32 - 1


@njit
def largest_tokens(weights, vocab, maxima, keys, wanted):  # type: ignore[no-untyped-def]
    """The `wanted` largest of `weights` at the end of `keys[:found]`, rising; returns found.

    A key is the probability's bits, which rise as it does, then the id upside down.
    """
    padded = len(weights)
    block = LONGEST_BLOCK
    while block > LANES and padded // block < 2 * wanted:
        block //= 2
    address = np.int64(weights.ctypes.data)
    bits = weights.view(np.int32)
    blocks = 0
    for start in range(0, padded, block):
        best = load_float32(address + 4 * start)
        for place in range(start + LANES, min(start + block, padded), LANES):
            best = maximum(best, load_float32(address + 4 * place))
        maxima[blocks] = largest_lane(best)
        blocks += 1
    lowest = np.float32(0.0)
    if blocks > wanted:
        ordered = np.sort(maxima[:blocks])
        lowest = ordered[blocks - wanted]
    found = 0
    limit = splat_float32(lowest)
    for number in range(blocks):
        if maxima[number] >= lowest:
            start = number * block
            for place in range(start, min(start + block, padded), LANES):
                waiting = mask_bits(load_float32(address + 4 * place) >= limit)
                while waiting:
                    token = place + trailing_zeros(waiting)
                    waiting &= waiting - 1
                    if token < vocab:
                        keys[found] = (np.int64(bits[token]) << ID_BITS) | (ID_MASK - token)
                        found += 1
    keys[:found].sort()
    return found


@njit
def draw_from_rest(weights, vocab, coin, drawn, sums):  # type: ignore[no-untyped-def]
    """Draws at equal distances from one random start, each with the distribution of `weights`; returns their sum."""
    padded, count = len(weights), len(drawn)
    address = np.int64(weights.ctypes.data)
    mass, blocks = 0.0, 0
    for start in range(0, padded, LONGEST_BLOCK):
        total = splat_float32(np.float32(0.0))
        for place in range(start, min(start + LONGEST_BLOCK, padded), LANES):
            total = total + load_float32(address + 4 * place)
        mass += np.float64(sum_of_lanes(total))
        sums[blocks] = mass
        blocks += 1
    number = 0
    for draw in range(count):
        point = (draw + coin) / count * mass
        while number < blocks - 1 and sums[number] <= point:
            number += 1
        below = sums[number - 1] if number > 0 else 0.0
        start, stop = number * LONGEST_BLOCK, min((number + 1) * LONGEST_BLOCK, vocab)
        chosen = 0
        for token in range(start, stop):
            if weights[token] > 0:
                # The last one if rounding leaves the block's sum below the point.
                chosen = token
                below += np.float64(weights[token])
                if below > point:
                    break
        drawn[draw] = chosen
    return mass


@njit(nogil=True, cache=True)
def keep_tokens(rows, temperature, tempered, coins, ids, probs, drawn, masses, entropy):  # type: ignore[no-untyped-def]
    """Of `[rows, vocab]` logits (`tempered` False: probabilities) the best tokens and draws from the others.

    Fills `ids` and `probs` `[rows, kept]` by falling probability, `drawn` `[rows, draws]` and the `masses` `[rows]`
    that they stand for, and, of logits, `entropy` `[rows]` in nats.
    """
    vocab, wanted = rows.shape[1], ids.shape[1]
    weights = np.zeros((vocab + LANES - 1) // LANES * LANES, np.float32)
    maxima, keys = np.empty(len(weights) // LANES, np.float32), np.empty(vocab, np.int64)
    sums = np.empty(len(weights) // LONGEST_BLOCK + 1, np.float64)
    for row in range(len(rows)):
        if tempered:
            entropy[row] = temper_row(rows[row], temperature, weights)
        else:
            weights[:vocab] = rows[row]
        found = largest_tokens(weights, vocab, maxima, keys, wanted)
        for place in range(wanted):
            token = ID_MASK - (keys[found - 1 - place] & ID_MASK)
            ids[row, place] = token
            probs[row, place] = weights[token]
        if drawn.shape[1] > 0:
            for place in range(wanted):
                weights[ids[row, place]] = 0.0
            masses[row] = draw_from_rest(weights, vocab, coins[row], drawn[row], sums)


@njit(nogil=True, cache=True)
def log_probs_and_entropy(rows, temperature, log_probs, entropy):  # type: ignore[no-untyped-def]
    """ln softmax(z) at tau = 1 of `[rows, vocab]` logits, and the entropy in nats at `temperature`."""
    vocab = rows.shape[1]
    weights = np.empty((vocab + LANES - 1) // LANES * LANES, np.float32)
    address, padded = np.int64(weights.ctypes.data), len(weights)
    for row in range(len(rows)):
        for place in range(vocab):
            weights[place] = rows[row, place]
        for place in range(vocab, padded):
            weights[place] = -np.inf
        best = splat_float32(np.float32(-np.inf))
        for place in range(0, padded, LANES):
            best = maximum(best, load_float32(address + 4 * place))
        top = np.float32(largest_lane(best))
        plain, scale = np.float32(LOG2_E), np.float32(LOG2_E / temperature)
        lowest, lowest_plain = np.float32(LOWEST * temperature), np.float32(LOWEST)
        total, moment, total_plain = 0.0, 0.0, 0.0
        for start in range(0, padded, PIECE):
            sums, moments = splat_float32(np.float32(0.0)), splat_float32(np.float32(0.0))
            sums_plain = splat_float32(np.float32(0.0))
            for place in range(start, min(start + PIECE, padded), LANES):
                below = load_float32(address + 4 * place) - top
                store_float32(address + 4 * place, below)
                held = maximum(below, lowest)
                weight = select(below > lowest, power_of_two(held, scale), np.float32(0.0))
                sums = sums + weight
                moments = multiply_add(weight, held, moments)
                held = maximum(below, lowest_plain)
                sums_plain = sums_plain + select(
                    below > lowest_plain, power_of_two(held, plain), np.float32(0.0)
                )
            total += np.float64(sum_of_lanes(sums))
            moment += np.float64(sum_of_lanes(moments))
            total_plain += np.float64(sum_of_lanes(sums_plain))
        entropy[row] = max(math.log(total) - moment / temperature / total, 0.0)
        share = np.float32(math.log(total_plain))
        for place in range(vocab):
            log_probs[row, place] = weights[place] - share
