"""Who wins: `argmax (value + g)` over a list of candidates or a whole row, and by how much, with little noise made.

A block's first arrival T bounds the noise of all its tokens: g ≤ -ln T. So noise is computed only for tokens that can
still be first or second: those with `value + bound ≥ second best score so far`. Rounding cannot hide one: float64
addition never falls where a term rises, values are exactly those of the general path, and bounds lie above the noise.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from retort.sampling.kernels_arithmetic import arrival_bound, gumbel_of
from retort.sampling.kernels_rows import BLOCK, KIND_FLOAT64, value_at, widened
from retort.sampling.vectors import (
    counting,
    halves,
    lane,
    largest_lane,
    mask_bits,
    maximum,
    splat_float64,
    trailing_zeros,
)
from retort.sampling.vectors_memory import load_float64, load_int64, load_widened, store_float64

LANES = 8

ALL_AT_ONCE = 128
"""A list of so few candidates is scored whole: less work than the arrivals of all blocks."""

FIRST_BLOCKS = 3
"""Blocks with the highest bounds are opened before the others, so that most others need not be."""

KEY_ROUNDING = 1.0 - 2.0**-23
"""A float64 logit's key times this is never below `logit - max`."""


@njit
def processed(value, top, temperature):  # type: ignore[no-untyped-def]
    """What a temperature makes of logits: `(z - max z)/τ`, and the logits themselves at τ = 1, as `tempered` does."""
    if temperature == 1.0:
        return value
    return (value - top) / temperature


@njit
def score_eight(values, ids, first, count, place_of_noise, standing):  # type: ignore[no-untyped-def]
    """The standing (best score, second, winner's id) after up to eight tokens of a list, from `first` on.

    The lists must be eight longer than `count`. `place_of_noise` is (position, low key, high key).
    """
    position, low_key, high_key = place_of_noise
    best, second, winner = standing
    number = min(LANES, count - first)
    for place in range(first + number, first + LANES):
        values[place], ids[place] = -np.inf, 0
    noise = gumbel_of(load_int64(np.int64(ids.ctypes.data) + 8 * first), position, low_key, high_key)
    scores = load_float64(np.int64(values.ctypes.data) + 8 * first) + noise
    rising = mask_bits(scores >= second)
    while rising:
        place = trailing_zeros(rising)
        rising &= rising - 1
        if place >= number:
            break
        score, token = lane(scores, place), ids[first + place]
        if score > best or (score == best and token < winner):
            best, second, winner = score, best, token
        elif score > second:
            second = score
    return best, second, winner


@njit
def race_of_list(values, ids, count, num_tokens, heights, waiting_values, waiting_ids, place_of_noise):  # type: ignore[no-untyped-def]
    """The standing of a list of candidates; `heights` and `waiting_…` are scratch."""
    standing = (-np.inf, -np.inf, np.int64(-1))
    if count <= ALL_AT_ONCE:
        for first in range(0, count, LANES):
            standing = score_eight(values, ids, first, count, place_of_noise, standing)
        return standing
    position, low_key, high_key = place_of_noise
    target = np.int64(heights.ctypes.data)
    for block in range(0, (num_tokens + BLOCK - 1) // BLOCK, LANES):
        store_float64(target + 8 * block, arrival_bound(counting() + block, position, low_key, high_key))
    waiting = 0
    for place in range(count):
        value, token = values[place], ids[place]
        if value + heights[token // BLOCK] >= standing[1]:
            waiting_values[waiting], waiting_ids[waiting] = value, token
            waiting += 1
            if waiting == LANES:
                standing = score_eight(waiting_values, waiting_ids, 0, LANES, place_of_noise, standing)
                waiting = 0
    if waiting:
        standing = score_eight(waiting_values, waiting_ids, 0, waiting, place_of_noise, standing)
    return standing


@njit
def race_of_row(row, top, temperature, maxima, heights, bounds, waiting_values, waiting_ids, place_of_noise):  # type: ignore[no-untyped-def]
    """The standing of all tokens of a row.

    `row` is (kind, address, number of tokens), `top` its largest logit, `maxima` its blocks' largest keys; the rest is
    scratch.
    """
    kind, _, num_tokens = row
    position, low_key, high_key = place_of_noise
    num_blocks = (num_tokens + BLOCK - 1) // BLOCK
    height, bound = np.int64(heights.ctypes.data), np.int64(bounds.ctypes.data)
    for block in range(0, num_blocks, LANES):
        keys = load_widened(maxima + 4 * block)
        if kind == KIND_FLOAT64:
            # Keys are relative to the largest logit already.
            keys = keys * KEY_ROUNDING + top
        value = processed(keys, top, temperature)
        arrival = arrival_bound(counting() + block, position, low_key, high_key)
        store_float64(bound + 8 * block, arrival)
        store_float64(height + 8 * block, value + arrival)
    standing = (-np.inf, -np.inf, np.int64(-1))
    waiting = 0
    for _ in range(FIRST_BLOCKS):
        block = _highest(height, num_blocks)
        if heights[block] == -np.inf:
            break
        waiting = _open(
            row, block, top, temperature, bounds[block], standing[1], waiting_values, waiting_ids, 0
        )
        for first in range(0, waiting, LANES):
            standing = score_eight(waiting_values, waiting_ids, first, waiting, place_of_noise, standing)
        heights[block] = -np.inf
    waiting = 0
    for group in range(0, num_blocks, LANES):
        open_blocks = mask_bits(load_float64(height + 8 * group) >= standing[1])
        while open_blocks:
            block = group + trailing_zeros(open_blocks)
            open_blocks &= open_blocks - 1
            if heights[block] == -np.inf or heights[block] < standing[1]:
                continue
            waiting = _open(
                row, block, top, temperature, bounds[block], standing[1], waiting_values, waiting_ids, waiting
            )
            if waiting >= LANES:
                scored = waiting // LANES * LANES
                for first in range(0, scored, LANES):
                    standing = score_eight(
                        waiting_values, waiting_ids, first, scored, place_of_noise, standing
                    )
                for place in range(scored, waiting):
                    waiting_values[place - scored] = waiting_values[place]
                    waiting_ids[place - scored] = waiting_ids[place]
                waiting -= scored
    if waiting:
        standing = score_eight(waiting_values, waiting_ids, 0, waiting, place_of_noise, standing)
    return standing


@njit
def _highest(heights, count):  # type: ignore[no-untyped-def]
    """The place of the largest of `count` heights, padded to eights with -inf."""
    tops = splat_float64(-np.inf)
    for place in range(0, count, LANES):
        tops = maximum(load_float64(heights + 8 * place), tops)
    top = largest_lane(tops)
    for place in range(0, count, LANES):
        here = mask_bits(load_float64(heights + 8 * place) >= splat_float64(top))
        if here:
            return place + trailing_zeros(here)
    return 0


@njit
def _open(row, block, top, temperature, bound, needed, values, ids, count):  # type: ignore[no-untyped-def]
    """Append the tokens of a block that may reach the score `needed` to a list; returns its new length."""
    kind, address, num_tokens = row
    first = block * BLOCK
    if first + BLOCK > num_tokens or kind == KIND_FLOAT64:
        for token in range(first, min(first + BLOCK, num_tokens)):
            value = processed(value_at(kind, address, token), top, temperature)
            if value > -np.inf and value + bound >= needed:
                values[count], ids[count] = value, token
                count += 1
        return count
    for place in range(first, first + BLOCK, 2 * LANES):
        low, high = halves(widened(kind, address, place, 0.0))
        low, high = processed(low, top, temperature), processed(high, top, temperature)
        found = mask_bits(low + bound >= needed) | mask_bits(high + bound >= needed) << LANES
        while found:
            token = place + trailing_zeros(found)
            found &= found - 1
            value = processed(value_at(kind, address, token), top, temperature)
            if value > -np.inf:
                values[count], ids[count] = value, token
                count += 1
    return count
