"""Drawing a row, compiled: one pass for its largest logits, one for its sums, and then only the tokens that matter.

A row without a truncation is raced block by block. One with a truncation becomes a list of candidates: its largest
tokens are found by the maxima of blocks of 64, and everything else is done on that list. All in float64.

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
from retort.sampling.kernels.arithmetic import (
    LOG2_E,
    LOWEST_EXPONENT,
    LOWEST_POWER,
    exponential,
    first_arrival,
    gumbel_of,
    negated_log,
    quick_exponential,
)
from retort.sampling.noise import BLOCK_TOKENS

FEW = 32
"""So many candidates are sorted."""

CELLS = 256

SUM_ERROR = 1e-6
"""Relative error that the sums over a whole row may have; where it could move a cut, they are made again in float64."""

PIECE = 256
"""Logits whose weights are added in float32."""

WIDEST_TEMPERATURE = 1e30
"""Beyond this, and below its inverse, τ and the exponents do not fit in float32."""

FIRST_SHELL = 64
"""The nucleus is sought first among the tokens that reach the 64th largest block's maximum: it is mostly that small."""

CELL = 0.125
"""Width in nats of the cells in which a wider nucleus is sought; what one of them holds is weighed in vain."""

BOUND_SLACK = 1e-9
"""As in `draw`: what rounding in a logarithm could hide, and far more."""

KEY_SLACK = 2.0**-50
"""A threshold for logits is lowered by this share of the numbers it comes from: logits that are nearly equal may tie
once they are divided by a temperature."""


@njit
def draw_row(row, views, plan, seed, position, scratch, numbers):  # type: ignore[no-untyped-def]
    """Draw one row. Writes its five numbers; returns the token's id, -1 for a row that cannot be used."""
    values, weights, ids, _, maxima, arrivals, noises, winners, _ = scratch
    numbers[:] = np.nan
    top, second, best = read_row(row, views, maxima)
    if not -np.inf < top < np.inf:
        return np.int64(-1)
    way, temperature = plan[0], plan[1]
    raw_sum, moment = sums_of_row(row, row[best], 1.0)
    hot_sum = raw_sum
    if way == GREEDY:
        log_raw = -math.log(raw_sum)
        numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = log_raw, 0.0, log_raw, 0.0, top - second
        if second == -np.inf:
            numbers[2] = 0.0
        return best
    if temperature != 1.0:
        hot_sum, moment = sums_of_row(row, row[best], temperature)
    if way == PLAIN:
        token, lead = race_of_row(row, top, temperature, maxima, arrivals, noises, winners, seed, position)
        log_sum = math.log(hot_sum)
        numbers[2] = 0.0
        numbers[3] = log_sum - moment / hot_sum
    else:
        count, tempered, everything = list_candidates(row, plan, top, raw_sum, hot_sum, scratch)
        largest = 0.0 if tempered else top
        total, moment = weigh(values, weights, count, largest)
        token, lead = race_of_list(values, ids, count, len(row), arrivals, winners, seed, position)
        log_sum = math.log(total)
        numbers[2] = 0.0 if everything else min(0.0, log_sum - math.log(hot_sum))
        numbers[3] = log_sum - moment / total
    numbers[0] = (np.float64(row[token]) - top) - math.log(raw_sum)
    numbers[1] = (np.float64(row[token]) - top) / temperature - log_sum
    numbers[4] = temperature * lead
    return token


@njit
def read_row(row, views, maxima):  # type: ignore[no-untyped-def]
    """The blocks' largest logits to `maxima`; the row's largest (NaN where there is one), second largest and winner.

    `views`: the row's bits as whole numbers, memory for as many as there are blocks, the same memory as logits, the
    least such number, and the bits of infinity.
    """
    num_tokens, (bits, block_bits, block_logits, least, infinity) = len(row), views
    num_blocks = (num_tokens + BLOCK_TOKENS - 1) // BLOCK_TOKENS
    lowest, highest = np.int64(infinity), np.int64(least)
    for block in range(num_blocks):
        first, stop = block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, num_tokens)
        smallest, largest = extremes(bits[first:stop], least)
        lowest, highest = min(lowest, smallest), max(highest, largest)
        block_bits[block] = in_order(largest, least)
    # NaN lies beyond the infinities.
    if lowest < -infinity or highest > infinity:
        return np.nan, np.nan, np.int64(-1)
    for block in range(num_blocks):
        maxima[block] = block_logits[block]
    top = second = -np.inf
    best = np.int64(-1)
    for block in range(num_blocks):
        if maxima[block] > second:
            for token in range(block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, num_tokens)):
                value = np.float64(row[token])
                if value > top:
                    top, second, best = value, top, np.int64(token)
                elif value > second:
                    second = value
    return top, second, best


@njit
def extremes(bits, least):  # type: ignore[no-untyped-def]
    """The smallest and the largest of some logits' bits, `in_order`. Whole numbers: a loop of floats, in which NaN
    needs its own care, does not compile to vector instructions."""
    # numba counts in int64; of int32 twice as many are compared at once.
    kind = bits.dtype.type
    smallest = largest = kind(in_order(bits[0], least))
    for place in range(1, len(bits)):
        key = kind(in_order(bits[place], least))
        smallest = key if key < smallest else smallest
        largest = key if key > largest else largest
    return smallest, largest


@njit
def in_order(bits, least):  # type: ignore[no-untyped-def]
    """A whole number that rises with the float of these bits; the same turns it back (and -0 into 0)."""
    return bits if bits >= 0 else least - bits


@njit
def sums_of_row(row, top, temperature):  # type: ignore[no-untyped-def]
    """`Σ e^x` and `Σ x·e^x` of a row, x = (z - top)/τ, with a relative error below `SUM_ERROR`."""
    if 1.0 / WIDEST_TEMPERATURE < temperature < WIDEST_TEMPERATURE:
        return quick_sums(row, top, temperature)
    return exact_sums(row, top, temperature)


@njit
def quick_sums(row, top, temperature):  # type: ignore[no-untyped-def]
    """`sums_of_row` by exponentials in float32, added in float32 within a piece and in float64 between pieces."""
    scale = LOG2_E / temperature
    first, rest = np.float32(scale), np.float32(scale - np.float64(np.float32(scale)))
    lowest = np.float32(LOWEST_POWER * temperature)
    total = moment = 0.0
    for start in range(0, len(row), PIECE):
        piece, piece_moment = quick_sums_of_piece(row[start : start + PIECE], top, first, rest, lowest)
        total += piece
        moment += piece_moment
    return total, moment / temperature


@njit(fastmath={"reassoc", "contract"})
def quick_sums_of_piece(row, top, scale, scale_rest, lowest):  # type: ignore[no-untyped-def]
    """`Σ e^(x/τ)` and `Σ x·e^(x/τ)`, x = z - top. May be added in any order, and so many at once."""
    total = moment = np.float32(0.0)
    for place in range(len(row)):
        x = np.float32(row[place] - top)
        # A removed token counts for nothing, and 0·-inf would be NaN.
        x = x if x > lowest else lowest
        weight = quick_exponential(x, scale, scale_rest)
        total += weight
        moment += weight * x
    return total, moment


@njit(fastmath={"reassoc", "contract"})
def exact_sums(row, top, temperature):  # type: ignore[no-untyped-def]
    """`sums_of_row` in float64 throughout: for what the quick sums cannot decide."""
    total = moment = 0.0
    for place in range(len(row)):
        x = (np.float64(row[place]) - np.float64(top)) / temperature
        x = x if x > LOWEST_EXPONENT else LOWEST_EXPONENT
        weight = exponential(x)
        total += weight
        moment += weight * x
    return total, moment


@njit
def race_of_row(row, top, temperature, maxima, arrivals, noises, winners, seed, position):  # type: ignore[no-untyped-def]
    """Who wins among all tokens of a row, and its lead over the runner-up.

    A block's first arrival bounds the noise of all its tokens. So noise is made only for tokens that can still be first
    or second: those with `value + bound ≥ second best known score`.
    """
    num_blocks = (len(row) + BLOCK_TOKENS - 1) // BLOCK_TOKENS
    for block in range(num_blocks):
        arrivals[block], winners[block] = first_arrival(block, position, seed)
        noises[block] = negated_log(arrivals[block])
    # First pass: one score of each block is known for the price of its arrival. The second best of them is a bound.
    best = second = -np.inf
    for block in range(num_blocks):
        if winners[block] < len(row):  # the winner's place may lie beyond the vocabulary's end
            known = processed(np.float64(row[winners[block]]), top, temperature) + noises[block]
            if known > best:
                best, second = known, best
            elif known > second:
                second = known
    enough = second - BOUND_SLACK * max(1.0, min(abs(second), 1e300))
    # Second pass: everything from scratch, those scores too, so that equal scores go to the lowest id.
    best = second = -np.inf
    winner = np.int64(-1)
    for block in range(num_blocks):
        bound = BOUND_SLACK + noises[block]
        if not processed(maxima[block], top, temperature) + bound >= max(enough, second):
            continue
        for token in range(block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, len(row))):
            value = processed(np.float64(row[token]), top, temperature)
            if value == -np.inf or not value + bound >= max(enough, second):
                continue
            score = value + gumbel_of(token, arrivals[block], winners[block], position, seed)
            if score > best:
                best, second, winner = score, best, np.int64(token)
            elif score > second:
                second = score
    return winner, best - second


@njit
def race_of_list(values, ids, count, num_tokens, arrivals, winners, seed, position):  # type: ignore[no-untyped-def]
    """Who wins among a list of candidates, and its lead over the runner-up."""
    whole = count > num_tokens // BLOCK_TOKENS
    if whole:
        for block in range((num_tokens + BLOCK_TOKENS - 1) // BLOCK_TOKENS):
            arrivals[block], winners[block] = first_arrival(block, position, seed)
    best = second = -np.inf
    winner = np.int64(-1)
    for place in range(count):
        token = ids[place]
        block = token // BLOCK_TOKENS
        if whole:
            first, first_id = arrivals[block], winners[block]
        else:
            first, first_id = first_arrival(block, position, seed)
        if values[place] - math.log(first) + BOUND_SLACK * max(1.0, abs(values[place])) < second:
            continue
        score = values[place] + gumbel_of(token, first, first_id, position, seed)
        if score > best or (score == best and token < winner):
            best, second, winner = score, best, token
        elif score > second:
            second = score
    return winner, best - second


@njit
def processed(value, top, temperature):  # type: ignore[no-untyped-def]
    """What a temperature makes of a logit: `(z - max z)/τ`, and the logit itself at τ = 1, as `tempered` does."""
    return value if temperature == 1.0 else (value - top) / temperature


@njit
def list_candidates(row, plan, top, raw_sum, hot_sum, scratch):  # type: ignore[no-untyped-def]
    """List what the plan's truncations leave; returns how many, whether tempered, and whether they are all tokens."""
    values, weights, ids, members, maxima, _, _, _, histogram = scratch
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
                low = lowered(maximum_number(maxima, len(row), wanted), top)
                count, everything = gather(row, low, top, current, maxima, values, ids)
                before = count
            if count > wanted:
                value, token, _, _ = cut(
                    values, weights, ids, count, False, float(wanted), members, histogram
                )
                count = keep_until(values, ids, count, value, token)
        elif name == MIN_P:
            if not listed:
                # The threshold is compared again below, as `min_p` writes it; here it only has to be low enough.
                low = lowered(top + setting * current - 2.0 * ROUNDING * max(1.0, current), top)
                count, everything = gather(row, low, top, current, maxima, values, ids)
                before = count
            count = keep_at_least(values, ids, count, (largest + setting) - ROUNDING)
        else:
            if listed:
                total, _ = weigh(values, weights, count, largest)
            else:
                total = hot_sum if tempered else raw_sum
                enough = setting * total * (1.0 + SUM_ERROR)
                for attempt in range(3):
                    if attempt == 0:
                        low = maximum_number(maxima, len(row), FIRST_SHELL)
                    elif attempt == 1:
                        low = logit_of_mass(row, enough, top, current, values, weights, histogram)
                    else:
                        low = -np.inf
                    count, everything = gather(row, lowered(low, top), top, current, maxima, values, ids)
                    mass, _ = weigh(values, weights, count, largest)
                    if everything or mass >= enough:
                        break
                total = mass if everything else total
                before = count
            target = setting * total * (1.0 - SLACK)
            value, token, reached, last = cut(values, weights, ids, count, True, target, members, histogram)
            summed = not (listed or everything)
            if (
                summed
                and not reached - last < target * (1.0 - SUM_ERROR) < target * (1.0 + SUM_ERROR) <= reached
            ):
                total, _ = exact_sums(row, top, current)
                target = setting * total * (1.0 - SLACK)
                value, token, _, _ = cut(values, weights, ids, count, True, target, members, histogram)
            count = keep_until(values, ids, count, value, token)
        everything = everything and count == before
        listed = True
    return count, tempered, everything


@njit
def maximum_number(maxima, num_tokens, wanted):  # type: ignore[no-untyped-def]
    """The `wanted`-th largest of the blocks' maxima, which at least so many tokens reach; -inf if there are fewer."""
    num_blocks = (num_tokens + BLOCK_TOKENS - 1) // BLOCK_TOKENS
    if wanted > num_blocks:
        return -np.inf
    return np.partition(maxima[:num_blocks], num_blocks - wanted)[num_blocks - wanted]


@njit
def logit_of_mass(row, wanted, top, temperature, places, weights, histogram):  # type: ignore[no-untyped-def]
    """A logit so low that what reaches it weighs `wanted`, and little lower; -inf where no cell is so low.

    `places` and `weights` are scratch.
    """
    if not 1.0 / WIDEST_TEMPERATURE < temperature < WIDEST_TEMPERATURE:
        return -np.inf
    scale = LOG2_E / temperature
    first, rest = np.float32(scale), np.float32(scale - np.float64(np.float32(scale)))
    lowest = np.float32(LOWEST_POWER * temperature)
    cells = np.float32(-1.0 / (CELL * temperature))
    histogram[:] = 0.0
    for start in range(0, len(row), PIECE):
        piece = row[start : start + PIECE]
        # Weights first, in a loop of vector instructions; to add them up where they belong is none.
        for place in range(len(piece)):
            x = np.float32(piece[place] - top)
            x = x if x > lowest else lowest
            weights[place] = quick_exponential(x, first, rest)
            places[place] = x * cells
        for place in range(len(piece)):
            histogram[min(int(places[place]), CELLS - 1)] += weights[place]
    reached = 0.0
    for cell in range(CELLS - 1):
        reached += histogram[cell]
        if reached >= wanted:
            # A little lower than the edge of the cell: so no token that stands on it is lost by rounding.
            return top - (cell + 1.001) * CELL * temperature
    return -np.inf


@njit
def lowered(key, top):  # type: ignore[no-untyped-def]
    """`key` and a little less, so that no rounding at a temperature can lose a token."""
    return key - (abs(key) + abs(top)) * KEY_SLACK if key > -np.inf else key


@njit
def gather(row, low, top, temperature, maxima, values, ids):  # type: ignore[no-untyped-def]
    """List the tokens with logits of `low` or more by rising id, at a temperature, without what that makes -inf.

    Returns how many there are, and whether they are all that were not removed.
    """
    count = 0
    for block in range((len(row) + BLOCK_TOKENS - 1) // BLOCK_TOKENS):
        if not maxima[block] >= low:
            continue
        for token in range(block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, len(row))):
            if row[token] >= low:
                values[count] = processed(np.float64(row[token]), top, temperature)
                ids[count] = token
                count += values[count] > -np.inf
    return count, low == -np.inf


@njit
def heat(values, ids, count, top, temperature):  # type: ignore[no-untyped-def]
    """Put a list of logits at a temperature, in place, without what that makes -inf; returns its length."""
    for place in range(count):
        values[place] = processed(values[place], top, temperature)
    return keep_at_least(values, ids, count, -1.7976931348623157e308)


@njit
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


@njit
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


@njit
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


@njit
def keep_until(values, ids, count, last_value, last_id):  # type: ignore[no-untyped-def]
    """Remove what comes after (last_value, last_id) from a list, in place; returns how many are left."""
    kept = 0
    # Written always and counted only where it stays: a branch that goes either way costs more than a store.
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


def scratch_size(num_tokens: int) -> int:
    """How many float64 `draw_rows` needs as scratch for rows of so many tokens."""
    tokens, blocks = num_tokens, num_tokens // BLOCK_TOKENS + 1
    return 4 * tokens + 4 * blocks + CELLS


@njit
def carved(scratch, num_tokens):  # type: ignore[no-untyped-def]
    """The scratch: values, weights, ids, members, maxima, arrivals, noises, winners, histogram."""
    tokens, blocks = num_tokens, num_tokens // BLOCK_TOKENS + 1
    a, b, c, d = tokens, 2 * tokens, 3 * tokens, 4 * tokens
    e, f, g, h = d + blocks, d + 2 * blocks, d + 3 * blocks, d + 4 * blocks
    return (
        scratch[:a], scratch[a:b], scratch[b:c].view(np.int64), scratch[c:d].view(np.int64),
        scratch[d:e], scratch[e:f], scratch[f:g], scratch[g:h].view(np.int64), scratch[h : h + CELLS],
    )  # fmt: skip


def _entry(dtype: str, sources: str):  # type: ignore[no-untyped-def]
    real = np.dtype(dtype).type
    whole = np.int32 if real is np.float32 else np.int64
    least, infinity = whole(np.iinfo(whole).min), real(np.inf).view(whole)
    integers, numbers_type = types.int64[::1], types.float64[::1]
    logits_type = types.Array(getattr(types, dtype), 2, "C", readonly=True)
    signature = types.void(
        logits_type, integers, numbers_type, integers, integers, integers, types.float64[:, ::1], numbers_type
    )

    # numba's cache looks at this file alone; `sources` is a free variable, and so a part of the key.
    @njit(signature, nogil=True, cache=True)
    def draw_rows(logits, rows, plan, seeds, positions, ids, numbers, scratch):  # type: ignore[no-untyped-def]
        """Draw these rows of `logits`, each with its seed and position; writes `ids` `[n]` and `numbers` `[n, 5]`."""
        arrays = carved(scratch, logits.shape[1])
        # The blocks' noises are made after their maxima are known, so that memory serves for these first.
        block_bits = arrays[6].view(whole)
        block_logits = block_bits.view(real)
        for place in range(len(rows)):
            if len(sources) and 0 <= rows[place] < len(logits):
                row = logits[rows[place]]
                views = row.view(whole), block_bits, block_logits, least, infinity
                ids[place] = draw_row(
                    row, views, plan, seeds[place], positions[place], arrays, numbers[place]
                )

    return draw_rows


def draw_rows_of(dtype: str) -> Callable[..., None]:
    """The compiled entry for logits of this dtype, "float32" or "float64"; compiles it where no cache holds it."""
    entry: Callable[..., None] = _entry(dtype, compiled_sources())
    return entry
