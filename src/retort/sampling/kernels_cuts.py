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
from retort.sampling.vectors import largest_lane, maximum, splat_float64, sum_of_lanes
from retort.sampling.vectors_memory import load_float64, store_float64

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
def cut(values, weights, ids, first, count, by_weight, target, members, histogram):  # type: ignore[no-untyped-def]
    """Where the running count (or weight) of a list, from `first` on, in order, reaches `target`.

    Returns the first token at which it does (value, id; the last where none does), the running sum before it, and with
    it. `members` and `histogram` are scratch.
    """
    low, high = span_of(values, first, count)
    if low == high and is_rising(ids, first, count):
        # All equal, in order of id already: no need to look at them one by one.
        each = weights[first] if by_weight else 1.0
        number = min(max(math.ceil(target / each), 1), count - first)
        while number > 1 and (number - 1) * each >= target:
            number -= 1
        while number < count - first and number * each < target:
            number += 1
        return values[first], ids[first + number - 1], (number - 1) * each, number * each
    number = count - first
    for index in range(number):
        members[index] = first + index
    before = 0.0
    cells = len(histogram)
    while number > FEW and low < high:
        scale = (cells - 1) / (high - low)
        if not scale < 1e300:
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
        top, bottom = -np.inf, np.inf
        for index in range(number):
            place = members[index]
            value = values[place]
            if int((high - value) * scale) == chosen:
                members[kept] = place
                top, bottom = max(top, value), min(bottom, value)
                kept += 1
        if kept == 0:
            # Rounding in the sums of the cells: the target lies a hair beyond the last token.
            break
        before = running
        if kept == number:
            break
        number, low, high = kept, bottom, top
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
def span_of(values, first, count):  # type: ignore[no-untyped-def]
    """The smallest and the largest of a list from `first` on."""
    lows, highs = splat_float64(-np.inf), splat_float64(-np.inf)
    source = np.int64(values.ctypes.data)
    whole = first + (count - first) // 8 * 8
    for place in range(first, whole, 8):
        value = load_float64(source + 8 * place)
        lows, highs = maximum(value * -1.0, lows), maximum(value, highs)
    low, high = -largest_lane(lows), largest_lane(highs)
    for place in range(whole, count):
        low, high = min(low, values[place]), max(high, values[place])
    return low, high


@njit
def is_rising(ids, first, count):  # type: ignore[no-untyped-def]
    """True if the ids of a list rise from `first` on."""
    rising = True
    for place in range(first + 1, count):
        rising &= ids[place] > ids[place - 1]
    return rising


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
def keep_until(values, ids, first, count, last_value, last_id):  # type: ignore[no-untyped-def]
    """Remove what comes after (last_value, last_id) from a list, in place, `first` on; returns how many are left."""
    kept = first
    for place in range(first, count):
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
