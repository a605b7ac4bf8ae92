"""Reading a row of logits: block maxima and sums of exponentials in one pass, and then the few tokens that matter.

A row is read in chunks that stay in the first-level cache: once for its blocks' maxima, once more for the exponentials,
relative to the largest logit so far. So the pass over memory is one, at the pace of the exponentials.

Keys: what the passes compare, float32. For float32, bfloat16 and float16 logits a key is the logit itself; for float64
it is `logit - max`, rounded. Keys never fall where logits rise, and exact values come from `value_at`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from retort.sampling.kernels_arithmetic import LOG2_E, exponential, power_of_two
from retort.sampling.vectors import (
    bits_to_float32,
    counting,
    either_nan,
    float32_of_bits,
    float32_to_bits,
    halves,
    join,
    largest_lane,
    mask_bits,
    maximum,
    multiply_add,
    select,
    shift_left,
    splat_float32,
    splat_float64,
    sum_of_lanes,
    trailing_zeros,
)
from retort.sampling.vectors_memory import (
    load_float32,
    load_float64,
    load_int32,
    load_number,
    load_uint16,
    prefetch,
    store_float32,
    store_float64,
    store_int64,
    store_number,
)

KIND_FLOAT32, KIND_BFLOAT16, KIND_FLOAT16, KIND_FLOAT64 = 0, 1, 2, 3
ITEM_BYTES = (4, 2, 2, 8)

BLOCK = 64
"""Logits of a block of the passes: the noise's blocks, so that a block's maximum and its first arrival meet."""

CHUNK = 4096
"""Logits of a chunk: 16 KB of float32, a third of a first-level cache."""

NEGLIGIBLE = -36.0
"""Blocks whose largest weight is below e^-36 of the row's are left out of its sums: 2^18 of them are below 1e-10."""

ALL_SIXTEEN = 2**16 - 1
UPPER_HALF = -(2**16)
LOWEST_FLOAT32 = -3.4028234663852886e38

LOWEST_POWER = -86.0
"""Exponents below this are raised to it: e^-86 is nothing in any sum here, and float32 still holds it."""


@njit
def widened(kind, address, place, shift):  # type: ignore[no-untyped-def]
    """The keys of the sixteen logits from `place` on; `shift` is what float64 logits are taken from."""
    if kind == KIND_FLOAT32:
        return load_float32(address + 4 * place)
    if kind == KIND_BFLOAT16:
        return bits_to_float32(shift_left(load_uint16(address + 2 * place), 16))
    if kind == KIND_FLOAT16:
        half = load_uint16(address + 2 * place)
        size = shift_left(half & 0x7FFF, 13)
        # 2^112 moves a half float's exponent to a float's, subnormal ones included; infinity and NaN are set by hand.
        finite = float32_to_bits(bits_to_float32(size) * np.float32(2.0**112))
        bits = select((half & 0x7C00) == 0x7C00, size | 0x7F800000, finite)
        return bits_to_float32(bits | shift_left(half & 0x8000, 16))
    first, last = load_float64(address + 8 * place), load_float64(address + 8 * place + 64)
    return join(first - shift, last - shift)


@njit
def value_at(kind, address, place):  # type: ignore[no-untyped-def]
    """One logit, exactly, as float64."""
    if kind == KIND_FLOAT32:
        return np.float64(load_number(np.float32(0), address + 4 * place))
    if kind == KIND_FLOAT64:
        return load_number(np.float64(0), address + 8 * place)
    half = np.int64(load_number(np.uint16(0), address + 2 * place))
    if kind == KIND_BFLOAT16:
        return np.float64(float32_of_bits(half << 16))
    size = (half & 0x7FFF) << 13
    if half & 0x7C00 == 0x7C00:
        number = float32_of_bits(size | 0x7F800000)
    else:
        number = float32_of_bits(size) * np.float32(2.0**112)
    return np.float64(-number if half & 0x8000 else number)


@njit
def key_at(kind, address, place, shift):  # type: ignore[no-untyped-def]
    """The key of one logit."""
    value = value_at(kind, address, place)
    return np.float32(value - shift if kind == KIND_FLOAT64 else value)


@njit
def largest_float64(address, num_tokens):  # type: ignore[no-untyped-def]
    """The largest of a row of float64, and whether it holds NaN."""
    top, nan = -np.inf, False
    for place in range(num_tokens):
        value = load_number(np.float64(0), address + 8 * place)
        nan |= value != value
        top = max(top, value)
    return top, nan


@njit
def measure_chunk(kind, address, first, stop, shift, chunk, maxima):  # type: ignore[no-untyped-def]
    """Block maxima of logits first .. stop-1 to `maxima`. Returns where their keys lie, the largest, and NaN or not.

    The keys lie in the row itself where they are whole blocks of float32, else in `chunk`, filled up with -inf.
    """
    whole = (stop - first) // BLOCK * BLOCK
    base = address + 4 * first if kind == KIND_FLOAT32 and first + whole == stop else chunk
    nothing = splat_float32(np.float32(-np.inf))
    nan = either_nan(nothing, nothing)
    top = np.float32(-np.inf)
    for place in range(0, whole, BLOCK):
        if kind == KIND_BFLOAT16:
            # Two by two, the lower and the upper halves of words: within a block no order is needed here.
            words, more_words = (
                load_int32(address + 2 * (first + place)),
                load_int32(address + 2 * (first + place) + 64),
            )
            x0, x1 = bits_to_float32(shift_left(words, 16)), bits_to_float32(words & UPPER_HALF)
            x2, x3 = bits_to_float32(shift_left(more_words, 16)), bits_to_float32(more_words & UPPER_HALF)
        else:
            x0 = widened(kind, address, first + place, shift)
            x1 = widened(kind, address, first + place + 16, shift)
            x2 = widened(kind, address, first + place + 32, shift)
            x3 = widened(kind, address, first + place + 48, shift)
        if base == chunk:
            store_float32(chunk + 4 * place, x0)
            store_float32(chunk + 4 * place + 64, x1)
            store_float32(chunk + 4 * place + 128, x2)
            store_float32(chunk + 4 * place + 192, x3)
        nan = nan | either_nan(x0, x1) | either_nan(x2, x3)
        largest = largest_lane(maximum(maximum(x0, x1), maximum(x2, x3)))
        store_number(maxima + 4 * ((first + place) // BLOCK), largest)
        top = max(top, largest)
    found_nan = mask_bits(nan) != 0
    if first + whole < stop:
        largest = np.float32(-np.inf)
        for place in range(whole, whole + BLOCK):
            key = np.float32(-np.inf)
            if first + place < stop:
                key = key_at(kind, address, first + place, shift)
            found_nan |= key != key
            largest = max(largest, key)
            store_number(chunk + 4 * place, key)
        store_number(maxima + 4 * ((first + whole) // BLOCK), largest)
        top = max(top, largest)
    return base, top, found_nan


def _summing(tempered: bool, weighted: bool):  # type: ignore[no-untyped-def]
    """The loop that sums a chunk: `Σ e^x`, if `tempered` `Σ e^(x/τ)`, if `weighted` `Σ x·e^(x/τ)`; x = key - top."""

    @njit
    def sums(base, size, maxima, ahead, item_bytes, top, temperature):  # type: ignore[no-untyped-def]
        raw, hot, moment = splat_float64(0.0), splat_float64(0.0), splat_float64(0.0)
        tops = splat_float32(top)
        scale = np.float32(LOG2_E / temperature)
        lowest = np.float32(LOWEST_POWER * temperature)
        negligible = np.float32(NEGLIGIBLE * max(1.0, temperature))
        for place in range(0, size, BLOCK):
            # The next chunk, which arrives while this one is summed: a block has as many lines as a logit has bytes.
            for line in range(item_bytes):
                prefetch(ahead + item_bytes * place + 64 * line)
            if load_number(np.float32(0), maxima + 4 * (place // BLOCK)) - top < negligible:
                continue
            zero = splat_float32(np.float32(0.0))
            raw_block, hot_block, moment_block = zero, zero, zero
            for part in range(4):
                x = load_float32(base + 4 * place + 64 * part) - tops
                cut = maximum(x, np.float32(LOWEST_POWER))
                weight = power_of_two(cut, np.float32(LOG2_E))
                raw_block = raw_block + weight
                if tempered:
                    cut = maximum(x, lowest)
                    weight = power_of_two(cut, scale)
                    hot_block = hot_block + weight
                if weighted:
                    moment_block = multiply_add(weight, cut, moment_block)
            low, high = halves(raw_block)
            raw = raw + (low + high)
            if tempered:
                low, high = halves(hot_block)
                hot = hot + (low + high)
            if weighted:
                low, high = halves(moment_block)
                moment = moment + (low + high)
        return sum_of_lanes(raw), sum_of_lanes(hot), sum_of_lanes(moment)

    return sums


_sum_raw, _sum_weighted = _summing(False, False), _summing(False, True)
_sum_tempered, _sum_both = _summing(True, False), _summing(True, True)


@njit
def read_row(kind, address, num_tokens, shift, chunk, maxima, temperature, weighted):  # type: ignore[no-untyped-def]
    """One pass: block maxima to `maxima`. Returns top, `Σ e^x`, `Σ e^(x/τ)`, `Σ x·e^(x/τ)` (x = key - top), if NaN.

    The third is 0 unless `weighted`. float32 inside a block, float64 between blocks; relative error of the sums below
    `kernels_nucleus.SUM_ERROR`. `temperature` > 0.
    """
    top = np.float32(-np.inf)
    raw = hot = moment = 0.0
    nan = False
    tempered = temperature != 1.0
    for first in range(0, num_tokens, CHUNK):
        stop = min(first + CHUNK, num_tokens)
        base, largest, found = measure_chunk(kind, address, first, stop, shift, chunk, maxima)
        nan |= found
        if largest > top:
            if top > -np.inf:
                fall = np.float64(top) - np.float64(largest)
                moment = (moment + fall * hot) * math.exp(fall / temperature)
                hot *= math.exp(fall / temperature)
                raw *= math.exp(fall)
            top = largest
        if not (-np.inf < top < np.inf) or nan:
            continue
        size = (stop - first + BLOCK - 1) // BLOCK * BLOCK
        item_bytes = _item_bytes(kind)
        ahead = address + item_bytes * stop
        here = maxima + 4 * (first // BLOCK)
        if tempered and weighted:
            sums = _sum_both(base, size, here, ahead, item_bytes, top, temperature)
        elif tempered:
            sums = _sum_tempered(base, size, here, ahead, item_bytes, top, temperature)
        elif weighted:
            sums = _sum_weighted(base, size, here, ahead, item_bytes, top, temperature)
        else:
            sums = _sum_raw(base, size, here, ahead, item_bytes, top, temperature)
        raw += sums[0]
        hot += sums[1] if tempered else sums[0]
        moment += sums[2]
    return top, raw, hot, moment, nan


@njit
def _item_bytes(kind):  # type: ignore[no-untyped-def]
    return ITEM_BYTES[kind]


@njit
def sum_float64(kind, address, num_tokens, top, temperature):  # type: ignore[no-untyped-def]
    """`Σ e^((z - top)/τ)` of a row in float64 throughout, for where the float32 sum cannot decide."""
    total = splat_float64(0.0)
    for place in range(0, num_tokens // 16 * 16, 16):
        if kind == KIND_FLOAT64:
            low, high = load_float64(address + 8 * place), load_float64(address + 8 * place + 64)
        else:
            low, high = halves(widened(kind, address, place, 0.0))
        total = total + exponential((low - top) / temperature) + exponential((high - top) / temperature)
    rest = 0.0
    for place in range(num_tokens // 16 * 16, num_tokens):
        rest += math.exp((value_at(kind, address, place) - top) / temperature)
    return sum_of_lanes(total) + rest


@njit
def gather(kind, address, num_tokens, shift, maxima, low, high, enough, ids, values, count):  # type: ignore[no-untyped-def]
    """Append the tokens with low ≤ key < high to `ids` and (exactly) `values`, by rising id; returns their new number.

    Removed tokens (-inf) are left out. Stops early at `enough` tokens.
    """
    num_blocks = (num_tokens + BLOCK - 1) // BLOCK
    values_at, ids_at = np.int64(values.ctypes.data), np.int64(ids.ctypes.data)
    lows = splat_float32(low)
    highs = splat_float32(high)
    for group in range(0, num_blocks, 16):
        waiting = mask_bits(load_float32(maxima + 4 * group) >= lows)
        while waiting:
            first = (group + trailing_zeros(waiting)) * BLOCK
            waiting &= waiting - 1
            if first + BLOCK > num_tokens:
                for place in range(first, num_tokens):
                    key = key_at(kind, address, place, shift)
                    if low <= key < high:
                        ids[count], values[count] = place, value_at(kind, address, place)
                        count += values[count] > -np.inf
                continue
            for place in range(first, first + BLOCK, 16):
                keys = widened(kind, address, place, shift)
                found = mask_bits(keys >= lows) & mask_bits(highs > keys)
                if found == ALL_SIXTEEN and low > -np.inf and kind != KIND_FLOAT64:
                    # Flat rows: all of them, without looking at each.
                    first_half, last_half = halves(keys)
                    store_float64(values_at + 8 * count, first_half)
                    store_float64(values_at + 8 * count + 64, last_half)
                    store_int64(ids_at + 8 * count, counting() + place)
                    store_int64(ids_at + 8 * count + 64, counting() + (place + 8))
                    count += 16
                    continue
                while found:
                    token = place + trailing_zeros(found)
                    found &= found - 1
                    ids[count], values[count] = token, value_at(kind, address, token)
                    count += values[count] > -np.inf
            if count >= enough:
                return count
    return count


@njit
def key_of_largest_blocks(maxima, num_blocks, wanted, top, histogram):  # type: ignore[no-untyped-def]
    """A key that at least `wanted` blocks' maxima reach, and not many more; -inf if there are not so many.

    `maxima` is filled up with -inf to sixteens.
    """
    removed, tops = splat_float32(np.float32(-np.inf)), splat_float32(top)
    falls = splat_float32(np.float32(0.0))
    for group in range(0, num_blocks, 16):
        largest = load_float32(maxima + 4 * group)
        falls = maximum(select(largest > removed, tops - largest, np.float32(0.0)), falls)
    span = np.float64(largest_lane(falls))
    if span == 0.0:
        equal = 0
        for block in range(num_blocks):
            equal += load_number(np.float32(0), maxima + 4 * block) == top
        return top if equal >= wanted else np.float32(-np.inf)
    if span == np.inf:
        # Beyond what float32 can tell: everything is looked at.
        return np.float32(-np.inf)
    cells = len(histogram)
    # Mostly the upper half holds enough of them, and few blocks.
    for share in (0.5, 1.0):
        histogram[:] = 0.0
        scale = (cells - 1) / (span * share)
        floor = splat_float32(np.float32(np.float64(top) - span * share * 0.999999))
        if share == 1.0:
            floor = splat_float32(np.float32(LOWEST_FLOAT32))
        reached = 0.0
        for group in range(0, num_blocks, 16):
            waiting = mask_bits(load_float32(maxima + 4 * group) >= floor)
            while waiting:
                largest_here = load_number(np.float32(0), maxima + 4 * (group + trailing_zeros(waiting)))
                waiting &= waiting - 1
                cell = int((np.float64(top) - np.float64(largest_here)) * scale)
                histogram[min(cell, cells - 1)] += 1.0
                reached += 1.0
        if reached < wanted:
            continue
        reached = 0.0
        for cell in range(cells):
            reached += histogram[cell]
            if reached >= wanted:
                # Lower edge of the cell, and a little below: rounding must not lose a block that stands on it.
                return np.float32(np.float64(top) - (cell + 1.0001) / scale)
    return np.float32(-np.inf)
