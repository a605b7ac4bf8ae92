"""The truncations on a list of candidates: where top-k, top-p and min-p cut, in float64, ties to the lowest id.

All three keep the first n tokens by falling value, ties by rising id; so a cut is its last kept token (value, id). It
is found without sorting: tokens are counted, or weighed, in cells of value, and only the cell where the cut falls is
looked at more closely.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from retort.sampling.kernels_arithmetic import exponential
from retort.sampling.vectors import load_float64, splat_float64, store_float64, sum_of_lanes

FEW = 32
"""So many candidates are sorted."""


@njit
def weigh(values, weights, first, count, largest):  # type: ignore[no-untyped-def]
    """`weights = exp(values - largest)` of a list from `first` on. Returns their sum, and `Σ w·(value - largest)`."""
    total, moment = splat_float64(0.0), splat_float64(0.0)
    source, target = np.int64(values.ctypes.data), np.int64(weights.ctypes.data)
    whole = first + (count - first) // 8 * 8
    for place in range(first, whole, 8):
        x = load_float64(source + 8 * place) - largest
        weight = exponential(x)
        store_float64(target + 8 * place, weight)
        total = total + weight
        moment = moment + weight * x
    sum_rest = moment_rest = 0.0
    for place in range(whole, count):
        x = values[place] - largest
        weights[place] = math.exp(x)
        sum_rest += weights[place]
        moment_rest += weights[place] * x
    return sum_of_lanes(total) + sum_rest, sum_of_lanes(moment) + moment_rest


@njit
def cut(values, weights, ids, count, by_weight, target, members, histogram):  # type: ignore[no-untyped-def]
    """The first token, in order, at which the running count (or weight) reaches `target`.

    Returns (value, id, the running sum before it, and with it); the last token where the target is never reached.
    `members` and `histogram` are scratch.
    """
    number = count
    for place in range(count):
        members[place] = place
    before = 0.0
    cells = len(histogram)
    while True:
        low, high = np.inf, -np.inf
        rising = True
        for index in range(number):
            value = values[members[index]]
            low, high = min(low, value), max(high, value)
            rising &= index == 0 or ids[members[index]] > ids[members[index - 1]]
        scale = (cells - 1) / (high - low) if high > low else 0.0
        if number <= FEW or low == high or not scale < 1e300:
            break
        histogram[:] = 0.0
        for index in range(number):
            place = members[index]
            histogram[int((high - values[place]) * scale)] += weights[place] if by_weight else 1.0
        chosen, running = cells - 1, before
        for cell in range(cells):
            if running + histogram[cell] >= target:
                chosen = cell
                break
            running += histogram[cell]
        kept = 0
        for index in range(number):
            place = members[index]
            if int((high - values[place]) * scale) == chosen:
                members[kept] = place
                kept += 1
        if kept == 0:
            # Rounding in the sums of the cells: the target lies a hair beyond the last token.
            break
        before = running
        if kept == number:
            break
        number = kept
    if low < high or not rising:
        _sort(values, ids, members, number)
    running = before
    for index in range(number):
        place = members[index]
        before = running
        running += weights[place] if by_weight else 1.0
        if running >= target:
            return values[place], ids[place], before, running
    place = members[number - 1]
    return values[place], ids[place], before, running


@njit
def _sort(values, ids, members, number):  # type: ignore[no-untyped-def]
    """`members` by falling value, then rising id; shell sort."""
    gap = 1
    while gap < number // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for index in range(gap, number):
            place = members[index]
            value, token = values[place], ids[place]
            hole = index
            while hole >= gap:
                other = members[hole - gap]
                if values[other] > value or (values[other] == value and ids[other] < token):
                    break
                members[hole] = other
                hole -= gap
            members[hole] = place
        gap //= 3


@njit
def keep_until(values, ids, count, last_value, last_id):  # type: ignore[no-untyped-def]
    """Remove what comes after (last_value, last_id) from a list, in place; returns how many are left."""
    kept = 0
    for place in range(count):
        value, token = values[place], ids[place]
        values[kept], ids[kept] = value, token
        kept += value > last_value or (value == last_value and token <= last_id)
    return kept


@njit
def keep_at_least(values, ids, count, threshold):  # type: ignore[no-untyped-def]
    """Remove values below `threshold` from a list, in place; returns how many are left."""
    kept = 0
    for place in range(count):
        value, token = values[place], ids[place]
        values[kept], ids[kept] = value, token
        kept += value >= threshold
    return kept
