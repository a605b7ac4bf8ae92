"""Drawing a row, compiled: it is read once (`reading.py`), and then only the tokens that matter are looked at.

A row without a truncation is raced block by block (`race.py`). One with a truncation becomes a list of candidates: its
largest tokens are found by the maxima of blocks of 64, and everything else is done on that list. All that decides is
float64.

`plan` is a chain of temperature, top-k, top-p and min-p as numbers: way, τ, number of stages, then (stage, value) of
each. A row's result depends on nothing but the row, so it is bitwise the same alone and in any batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit, types

from retort.distribution.ranking import ROUNDING, SLACK
from retort.sampling.kernels import GREEDY, MIN_P, PLAIN, TEMPERATURE, TOP_K, compiled_sources
from retort.sampling.kernels.arithmetic import LOG2_E, LOWEST_POWER, compiled, exponential, quick_exponential
from retort.sampling.kernels.race import (
    BLOCKS_AT_ONCE,
    KEY_SLACK,
    LISTING,
    LOWEST,
    list_reaching,
    listing,
    processed,
    race_of_list,
    race_of_row,
)
from retort.sampling.kernels.reading import SUM_ERROR, WIDEST_TEMPERATURE, exact_sums, read_row
from retort.sampling.noise import BLOCK_TOKENS

FEW = 32
"""So many candidates are sorted."""

CELLS = 256

FIRST_SHELL = 64
"""The nucleus is sought first among the tokens that reach the 64th largest block's maximum: it is mostly that small."""

SAMPLED, SAMPLED_OF = 32, 512
"""A wider one is estimated from so many neighbouring tokens of so many."""

SPARE = (0.25, 0.75)
"""So much more than the estimate is taken, one attempt after the other; after them all tokens are listed."""

CLOSE_ENOUGH = 0.05
"""Nats to which the estimate is sought."""

MOST_HALVINGS = 40


@compiled
def draw_row(row, bits, plan, seed, position, scratch, numbers):  # type: ignore[no-untyped-def]
    """Draw one row. Writes its five numbers; returns the token's id, -1 for a row that cannot be used.

    `bits`: see `read_maxima`.
    """
    values, weights, maxima = scratch[0], scratch[1], scratch[4]
    numbers[:] = np.nan
    way, temperature = plan[0], plan[1]
    top, raw_sum, hot_sum, moment = read_row(row, bits, maxima, temperature)
    if not -np.inf < top < np.inf or moment != moment:
        return np.int64(-1)
    if way == GREEDY:
        token, second = largest_two(row, top, maxima)
        log_raw = -math.log(raw_sum)
        numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = log_raw, 0.0, log_raw, 0.0, top - second
        if second == -np.inf:
            numbers[2] = 0.0
        return token
    if way == PLAIN:
        token, lead = race_of_row(row, top, temperature, scratch, seed, position)
        log_sum = math.log(hot_sum)
        numbers[2] = 0.0
        numbers[3] = log_sum - moment / hot_sum
    else:
        count, tempered, everything = list_candidates(row, plan, top, raw_sum, hot_sum, scratch)
        total, moment = weigh(values, weights, count, 0.0 if tempered else top)
        token, lead = race_of_list(count, scratch, seed, position)
        log_sum = math.log(total)
        numbers[2] = 0.0 if everything else min(0.0, log_sum - math.log(hot_sum))
        numbers[3] = log_sum - moment / total
    numbers[0] = (np.float64(row[token]) - top) - math.log(raw_sum)
    numbers[1] = (np.float64(row[token]) - top) / temperature - log_sum
    numbers[4] = temperature * lead
    return token


@compiled
def largest_two(row, top, maxima):  # type: ignore[no-untyped-def]
    """The lowest id of the largest logit, and the second largest logit."""
    best, second = np.int64(-1), -np.inf
    for block in range(len(maxima)):
        if maxima[block] > second or (best < 0 and maxima[block] == top):
            for token in range(block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, len(row))):
                if best < 0 and row[token] == top:
                    best = np.int64(token)
                elif row[token] > second:
                    second = np.float64(row[token])
    return best, second


@compiled
def list_candidates(row, plan, top, raw_sum, hot_sum, scratch):  # type: ignore[no-untyped-def]
    """List what the plan's truncations leave; returns how many, whether tempered, and whether they are all tokens."""
    values, weights, ids, members, maxima, _, _, histogram, _ = scratch
    temperature = plan[1]
    tempered, listed, everything = False, False, False
    count = 0
    for stage in range(int(plan[2])):
        name, setting = plan[3 + 2 * stage], plan[4 + 2 * stage]
        if name == TEMPERATURE:
            tempered = temperature != 1.0
            if listed and tempered:
                count = heat(values, ids, count, top, temperature)
            continue
        largest, current = (0.0, temperature) if tempered else (top, 1.0)
        before = count
        if name == TOP_K:
            wanted = int(min(setting, float(len(row))))
            if not listed:
                low, enough = reached_by(maxima, wanted, top), len(row)
                if low == top and row.itemsize == 4:
                    # So many are the largest that the first of them are the answer. (In float64, others nearly are.)
                    enough = wanted
                count, everything = gather(row, low, top, current, enough, scratch)
                before = count
            if count > wanted:
                value, token, _, _ = cut(
                    values, weights, ids, count, False, float(wanted), members, histogram
                )
                count = keep_until(values, ids, count, value, token)
        elif name == MIN_P:
            if not listed:
                # The threshold is compared again below, as `min_p` writes it; here it only has to be low enough.
                low = top + setting * current - 2.0 * ROUNDING * max(1.0, current)
                count, everything = gather(row, low, top, current, len(row), scratch)
                before = count
            count = keep_at_least(values, ids, count, (largest + setting) - ROUNDING)
        else:
            total, error = (hot_sum if tempered else raw_sum), SUM_ERROR
            if not listed:
                count, everything = list_mass(row, setting, total, top, current, scratch)
                before = count
            if listed or everything:
                error = 0.0
                total, _ = weigh(values, weights, count, largest)
            target = setting * total * (1.0 - SLACK)
            value, token, reached, last = cut(values, weights, ids, count, True, target, members, histogram)
            # Where the sum's error could move the cut, the sum is made again.
            if (
                error > 0.0
                and not reached - last < target * (1.0 - error) < target * (1.0 + error) <= reached
            ):
                total, _ = exact_sums(row, top, current)
                target = setting * total * (1.0 - SLACK)
                value, token, _, _ = cut(values, weights, ids, count, True, target, members, histogram)
            count = keep_until(values, ids, count, value, token)
        everything = everything and count == before
        listed = True
    return count, tempered, everything


@compiled
def list_mass(row, share, total, top, temperature, scratch):  # type: ignore[no-untyped-def]
    """List a row's largest tokens until they weigh a share of the total, and few more; their weights to the scratch.

    Returns how many, and whether they are all that were not removed.
    """
    values, weights, _, members, maxima, _, _, _, _ = scratch
    enough = share * total * (1.0 + SUM_ERROR)
    low = reached_by(maxima, FIRST_SHELL, top)
    attempt = 0
    while True:
        count, everything = gather(row, low, top, temperature, len(row), scratch)
        mass, _ = weigh(values, weights, count, top if temperature == 1.0 else 0.0)
        if everything or mass >= enough:
            return count, everything
        # Of the tokens below so much is missing, and a little more is taken, since the share is an estimate.
        missing = (enough - mass) / (total - mass)
        if attempt < len(SPARE) and missing < 1.0:
            missing += SPARE[attempt] * min(missing, 1.0 - missing)
            low = estimated_logit(
                row, low, missing, top, temperature, weights.view(np.float32), members.view(np.float32)
            )
        else:
            low = -np.inf
        attempt += 1


@compiled
def estimated_logit(row, high, share, top, temperature, sample, weights):  # type: ignore[no-untyped-def]
    """A logit so low that, of the mass of all tokens below `high`, about this share lies above it.

    `sample` and `weights` are scratch, float32.
    """
    if not 1.0 / WIDEST_TEMPERATURE < temperature < WIDEST_TEMPERATURE:
        return -np.inf
    scale = LOG2_E / temperature
    first, rest = np.float32(scale), np.float32(scale - np.float64(np.float32(scale)))
    lowest = np.float32(LOWEST_POWER * temperature)
    count = 0
    for start in range(0, len(row), SAMPLED_OF):
        piece = row[start : start + SAMPLED]
        for place in range(len(piece)):
            x = np.float32(piece[place] - top)
            x = lowest if x < lowest else x
            sample[count + place] = x
            weights[count + place] = quick_exponential(x, first, rest)
        count += len(piece)
    sample = sample[:count]
    above, below = np.float32(high - top), lowest
    listed = mass_above(sample, weights, above)
    wanted = listed + share * (mass_above(sample, weights, below) - listed)
    while above - below > CLOSE_ENOUGH * temperature:
        middle = np.float32(0.5) * (above + below)
        if mass_above(sample, weights, middle) < wanted:
            above = middle
        else:
            below = middle
    return top + below


@njit(error_model="numpy", fastmath={"reassoc"})
def mass_above(sample, weights, least):  # type: ignore[no-untyped-def]
    """The sum of the weights of those that are `least` or more."""
    total = np.float32(0.0)
    for place in range(len(sample)):
        total += weights[place] if sample[place] >= least else np.float32(0.0)
    return total


@compiled
def reached_by(maxima, wanted, top):  # type: ignore[no-untyped-def]
    """A logit that `wanted` of the blocks' maxima reach, and mostly few more; -inf where there are fewer.

    Found by halving, since to count how many reach a number is a loop of vector instructions, and to sort is none.
    """
    real = maxima.dtype.type
    low = high = real(top)
    if num_reaching(maxima, high) >= wanted:
        return top
    # The smallest of a sixteenth is mostly small enough, and the smallest of floats takes its time.
    for step in (16, 1):
        for block in range(0, len(maxima), step):
            low = maxima[block] if -np.inf < maxima[block] < low else low
        if num_reaching(maxima, low) >= wanted:
            break
    if num_reaching(maxima, low) < wanted:
        return -np.inf
    for _ in range(MOST_HALVINGS):
        middle = real(0.5 * (np.float64(low) + np.float64(high)))
        if not low < middle < high:
            break
        count = num_reaching(maxima, middle)
        if count < wanted:
            high = middle
            continue
        low = middle
        if count < wanted + wanted // 8:
            break
    return np.float64(low)


@compiled
def num_reaching(numbers, least):  # type: ignore[no-untyped-def]
    """How many numbers are `least` or more."""
    count = 0
    for place in range(len(numbers)):
        count += numbers[place] >= least
    return count


@compiled
def gather(row, threshold, top, temperature, enough, scratch):  # type: ignore[no-untyped-def]
    """List the tokens whose logits reach a threshold by rising id, at a temperature, without what that makes -inf.

    `enough`: the first so many will do. Returns how many there are, and whether they are all that were not removed.
    """
    values, _, ids, _, maxima, _, _, _, _ = scratch
    # A little lower, so that no rounding at a temperature can lose a token.
    low = threshold - (abs(threshold) + abs(top)) * KEY_SLACK if threshold > -np.inf else threshold
    low = maxima.dtype.type(low)
    blocks, least, _, _ = listing(scratch)
    least[:] = low
    found = 0
    for start in range(0, len(maxima), BLOCKS_AT_ONCE):
        listed = 0
        for block in range(start, min(start + BLOCKS_AT_ONCE, len(maxima))):
            blocks[listed] = block
            listed += maxima[block] >= low
        found = list_reaching(row, listed, scratch, found)
        if found >= enough:
            break
    found = min(found, enough)
    for place in range(found):
        values[place] = row[ids[place]]
    return heat(values, ids, found, top, temperature), threshold == -np.inf


@compiled
def heat(values, ids, count, top, temperature):  # type: ignore[no-untyped-def]
    """Put a list of logits at a temperature, in place, without what that makes -inf; returns its length."""
    for place in range(count):
        values[place] = processed(values[place], top, temperature)
    return keep_at_least(values, ids, count, LOWEST)


@compiled
def weigh(values, weights, count, largest):  # type: ignore[no-untyped-def]
    """`weights = exp(values - largest)` of a list. Returns their sum, and `Σ w·(value - largest)`."""
    for place in range(count):
        weights[place] = exponential(values[place] - largest)
    total = moment = 0.0
    for first in range(0, count, BLOCK_TOKENS):
        block_total = block_moment = 0.0
        for place in range(first, min(first + BLOCK_TOKENS, count)):
            block_total += weights[place]
            block_moment += weights[place] * (values[place] - largest)
        total += block_total
        moment += block_moment
    return total, moment


@compiled
def cut(values, weights, ids, count, by_weight, target, members, histogram):  # type: ignore[no-untyped-def]
    """The first token, by falling value and rising id, at which the count or weight reaches `target`; else the last.

    Returns its value and id, what is reached with it, and how much of that is its own. Found without sorting: tokens
    are counted, or weighed, in cells of value, and only the cell where the cut falls is looked at more closely.
    `members` and `histogram` are scratch.
    """
    low, high = np.inf, -np.inf
    for place in range(count):
        members[place] = place
        low, high = min(low, values[place]), max(high, values[place])
    number, before = count, 0.0
    # Each round keeps one cell of 256, so a row of 128,000 is down to a handful in two or three.
    while number > FEW and low < high:
        scale = (CELLS - 1) / (high - low)
        if not scale < 1e300:
            break
        histogram[:] = 0.0
        for index in range(number):
            place = members[index]
            histogram[int((high - values[place]) * scale)] += weights[place] if by_weight else 1.0
        chosen, running = CELLS - 1, before
        for cell in range(CELLS):
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
    if low < high:
        sort(values, ids, members, number)
    # Equal values stand by rising id already, and so need no sorting, however many they are.
    for index in range(number):
        place = members[index]
        own = weights[place] if by_weight else 1.0
        before += own
        if before >= target:
            break
    return values[place], ids[place], before, own


@compiled
def sort(values, ids, members, number):  # type: ignore[no-untyped-def]
    """`members` by falling value, then rising id; shell sort."""
    # At most FEW of them, or many that are nearly equal: an n² of 32, and no memory beside it.
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


@compiled
def keep_until(values, ids, count, last_value, last_id):  # type: ignore[no-untyped-def]
    """Remove what comes after (last_value, last_id) from a list, in place; returns how many are left."""
    kept = 0
    # Written always and counted only where it stays: a branch that goes either way costs more than a store.
    for place in range(count):
        value, token = values[place], ids[place]
        values[kept], ids[kept] = value, token
        kept += value > last_value or (value == last_value and token <= last_id)
    return kept


@compiled
def keep_at_least(values, ids, count, threshold):  # type: ignore[no-untyped-def]
    """Remove values below `threshold` from a list, in place; returns how many are left."""
    kept = 0
    for place in range(count):
        value, token = values[place], ids[place]
        values[kept], ids[kept] = value, token
        kept += value >= threshold
    return kept


def scratch_size(num_tokens: int) -> int:
    """How many float64 `draw_rows` needs as scratch for rows of so many tokens."""
    return 4 * num_tokens + 3 * (num_tokens // BLOCK_TOKENS + 1) + CELLS + LISTING


@compiled
def carved(scratch, num_tokens):  # type: ignore[no-untyped-def]
    """The scratch: values, weights, ids, members; memory for maxima, bounds, heights; histogram; `listing`."""
    n, blocks = num_tokens, (num_tokens + BLOCK_TOKENS - 1) // BLOCK_TOKENS
    a, b, c, d = 4 * n, 4 * n + blocks, 4 * n + 2 * blocks, 4 * n + 3 * blocks
    return (
        scratch[:n], scratch[n : 2 * n], scratch[2 * n : 3 * n].view(np.int64), scratch[3 * n : a].view(np.int64),
        scratch[a:b], scratch[b:c], scratch[c:d], scratch[d : d + CELLS],
        scratch[d + CELLS : d + CELLS + LISTING].view(np.int64),
    )  # fmt: skip


def types_of(dtype: str):  # type: ignore[no-untyped-def]
    """The type of these floats, and of the whole numbers that hold their bits."""
    return (np.float32, np.int32) if dtype == "float32" else (np.float64, np.int64)


@njit(
    types.void(types.Array(types.uint16, 2, "C", readonly=True), types.int64[::1], types.uint32[:, ::1]),
    nogil=True,
    cache=True,
)
def widen(halves, rows, whole):  # type: ignore[no-untyped-def]
    """Make float32 of rows of bfloat16, both as bits: a loop of vector instructions."""
    for place in range(len(rows)):
        source, target = halves[rows[place]], whole[place]
        for token in range(len(target)):
            target[token] = np.uint32(source[token]) << np.uint32(16)


def _entry(dtype: str, sources: str):  # type: ignore[no-untyped-def]
    real, whole = types_of(dtype)
    integers, numbers_type = types.int64[::1], types.float64[::1]
    logits_type = types.Array(getattr(types, dtype), 2, "C", readonly=True)
    signature = types.void(
        logits_type, integers, numbers_type, integers, integers, integers, types.float64[:, ::1], numbers_type
    )

    # numba's cache looks at this file alone; `sources` is a free variable, and so a part of the key.
    @njit(signature, nogil=True, cache=True)
    def draw_rows(logits, rows, plan, seeds, positions, ids, numbers, scratch):  # type: ignore[no-untyped-def]
        """Draw these rows of `logits`, each with its seed and position; writes `ids` `[n]` and `numbers` `[n, 5]`."""
        values, weights, tokens, members, memory, bounds, heights, histogram, lists = carved(
            scratch, logits.shape[1]
        )
        maxima = memory.view(real)[: len(memory)]
        arrays = values, weights, tokens, members, maxima, bounds, heights, histogram, lists
        for place in range(len(rows)):
            if len(sources) and 0 <= rows[place] < len(logits):
                row = logits[rows[place]]
                bits = row.view(whole), maxima.view(whole)
                ids[place] = draw_row(row, bits, plan, seeds[place], positions[place], arrays, numbers[place])

    return draw_rows


def draw_rows_of(dtype: str) -> Callable[..., None]:
    """The compiled entry for logits of this dtype, "float32" or "float64"; compiles it where no cache holds it."""
    entry: Callable[..., None] = _entry(dtype, compiled_sources())
    return entry
