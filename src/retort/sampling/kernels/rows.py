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
from retort.sampling.kernels.arithmetic import LOWEST_EXPONENT, exponential, first_arrival, gumbel_of
from retort.sampling.noise import BLOCK_TOKENS

FEW = 32
"""So many candidates are sorted."""

CELLS = 256

PIECE = 512
"""Logits weighed at a time: their weights stay in the first-level cache."""

SHELLS = (32, 128, 512, 2048)
"""The nucleus is sought among the tokens that reach the 32nd largest block's maximum, then the 128th's and so on; a
wider one among all tokens."""

BOUND_SLACK = 1e-9
"""As in `draw`: what rounding in a logarithm could hide, and far more."""

KEY_SLACK = 2.0**-50
"""A threshold for logits is lowered by this share of the numbers it comes from: logits that are nearly equal may tie
once they are divided by a temperature."""


@njit
def draw_row(row, plan, seed, position, scratch, numbers):  # type: ignore[no-untyped-def]
    """Draw one row. Writes its five numbers; returns the token's id, -1 for a row that cannot be used."""
    values, weights, ids, _, maxima, arrivals, winners, _ = scratch
    numbers[:] = np.nan
    top, second, best = read_row(row, maxima)
    if not -np.inf < top < np.inf:
        return np.int64(-1)
    way, temperature = plan[0], plan[1]
    raw_sum = weigh_row(row, top, 1.0, weights)
    if way == GREEDY:
        log_raw = -math.log(raw_sum)
        numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] = log_raw, 0.0, log_raw, 0.0, top - second
        if second == -np.inf:
            numbers[2] = 0.0
        return best
    if way == PLAIN:
        hot_sum, moment = entropy_moment(row, top, temperature, weights)
        token, lead = race_of_row(row, top, temperature, maxima, arrivals, winners, seed, position)
        log_sum = math.log(hot_sum)
        numbers[2] = 0.0
        numbers[3] = log_sum - moment / hot_sum
    else:
        hot_sum = weigh_row(row, top, temperature, weights) if temperature != 1.0 else raw_sum
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
def read_row(row, maxima):  # type: ignore[no-untyped-def]
    """The blocks' largest logits to `maxima`; the row's largest (NaN where there is one), second largest and winner."""
    num_tokens = len(row)
    top = second = -np.inf
    best = np.int64(-1)
    for block in range((num_tokens + BLOCK_TOKENS - 1) // BLOCK_TOKENS):
        first, stop = block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, num_tokens)
        largest = -np.inf
        nan = False
        for token in range(first, stop):
            nan |= row[token] != row[token]
            largest = max(largest, row[token])
        if nan:
            return np.nan, np.nan, best
        maxima[block] = largest
        if largest > second:
            for token in range(first, stop):
                value = np.float64(row[token])
                if value > top:
                    top, second, best = value, top, np.int64(token)
                elif value > second:
                    second = value
    return top, second, best


@njit
def weigh_row(row, top, temperature, weights):  # type: ignore[no-untyped-def]
    """`Σ e^x` of a row, x = (z - top)/τ; `weights` is scratch."""
    total, scale = 0.0, 1.0 / temperature
    for first in range(0, len(row), PIECE):
        piece = row[first : min(first + PIECE, len(row))]
        # A loop of its own, with nothing added up in it: so it compiles to vector instructions.
        for place in range(len(piece)):
            weights[place] = exponential((np.float64(piece[place]) - top) * scale)
        total += sum_of(weights, len(piece))
    return total


@njit
def entropy_moment(row, top, temperature, weights):  # type: ignore[no-untyped-def]
    """`Σ e^x` and `Σ x·e^x` of a row, x = (z - top)/τ; `weights` is scratch."""
    total, moment, scale = 0.0, 0.0, 1.0 / temperature
    for first in range(0, len(row), PIECE):
        piece = row[first : min(first + PIECE, len(row))]
        for place in range(len(piece)):
            weights[place] = exponential((np.float64(piece[place]) - top) * scale)
        total += sum_of(weights, len(piece))
        for place in range(len(piece)):
            x = (np.float64(piece[place]) - top) * scale
            # A removed token counts for nothing, and 0·-inf would be NaN.
            weights[place] *= x if x > LOWEST_EXPONENT else LOWEST_EXPONENT
        moment += sum_of(weights, len(piece))
    return total, moment


@njit
def sum_of(numbers, count):  # type: ignore[no-untyped-def]
    """The sum of the first `count`, in eight sums side by side: each alone would wait for the one before it."""
    a = b = c = d = e = f = g = h = 0.0
    whole = count // 8 * 8
    for place in range(0, whole, 8):
        a += numbers[place]
        b += numbers[place + 1]
        c += numbers[place + 2]
        d += numbers[place + 3]
        e += numbers[place + 4]
        f += numbers[place + 5]
        g += numbers[place + 6]
        h += numbers[place + 7]
    for place in range(whole, count):
        a += numbers[place]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@njit
def race_of_row(row, top, temperature, maxima, arrivals, winners, seed, position):  # type: ignore[no-untyped-def]
    """Who wins among all tokens of a row, and its lead over the runner-up.

    A block's first arrival bounds the noise of all its tokens. So noise is made only for tokens that can still be first
    or second: those with `value + bound ≥ second best known score`.
    """
    num_blocks = (len(row) + BLOCK_TOKENS - 1) // BLOCK_TOKENS
    best = second = -np.inf
    for block in range(num_blocks):
        arrivals[block], winners[block] = first_arrival(block, position, seed)
        if winners[block] < len(row):
            value = np.float64(row[winners[block]])
            known = processed(value, top, temperature) - math.log(arrivals[block])
            if known > best:
                best, second = known, best
            elif known > second:
                second = known
    enough = second - BOUND_SLACK * max(1.0, min(abs(second), 1e300))
    best = second = -np.inf
    winner = np.int64(-1)
    for block in range(num_blocks):
        bound = BOUND_SLACK - math.log(arrivals[block])
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
    values, weights, ids, members, maxima, _, _, histogram = scratch
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
                value, token = cut(values, weights, ids, count, False, float(wanted), members, histogram)
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
                for wanted in (*SHELLS, len(row)):
                    low = lowered(maximum_number(maxima, len(row), wanted), top)
                    count, everything = gather(row, low, top, current, maxima, values, ids)
                    mass, _ = weigh(values, weights, count, largest)
                    if everything or mass >= setting * total:
                        break
                total = mass if everything else total
                before = count
            target = setting * total * (1.0 - SLACK)
            value, token = cut(values, weights, ids, count, True, target, members, histogram)
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
    return np.sort(maxima[:num_blocks])[num_blocks - wanted]


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
    """The first token (value, id), by falling value and rising id, at which the count or weight reaches `target`.

    The last one where none does. Found without sorting: tokens are counted, or weighed, in cells of value, and only the
    cell where the cut falls is looked at more closely. `members` and `histogram` are scratch.
    """
    low, high = np.inf, -np.inf
    for place in range(count):
        members[place] = place
        low, high = min(low, values[place]), max(high, values[place])
    number, before = count, 0.0
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
        before += weights[place] if by_weight else 1.0
        if before >= target:
            return values[place], ids[place]
    place = members[number - 1]
    return values[place], ids[place]


@njit
def sort(values, ids, members, number):  # type: ignore[no-untyped-def]
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


def scratch_size(num_tokens: int) -> int:
    """How many float64 `draw_rows` needs as scratch for rows of so many tokens."""
    tokens, blocks = num_tokens + PIECE, num_tokens // BLOCK_TOKENS + 1
    return 4 * tokens + 3 * blocks + CELLS


@njit
def carved(scratch, num_tokens):  # type: ignore[no-untyped-def]
    """The scratch: values, weights, ids, members, maxima, arrivals, winners, histogram."""
    tokens, blocks = num_tokens + PIECE, num_tokens // BLOCK_TOKENS + 1
    a, b, c, d = tokens, 2 * tokens, 3 * tokens, 4 * tokens
    e, f, g = d + blocks, d + 2 * blocks, d + 3 * blocks
    return (
        scratch[:a], scratch[a:b], scratch[b:c].view(np.int64), scratch[c:d].view(np.int64),
        scratch[d:e], scratch[e:f], scratch[f:g].view(np.int64), scratch[g : g + CELLS],
    )  # fmt: skip


def _entry(scalar: types.Type, sources: str):  # type: ignore[no-untyped-def]
    whole, real = types.int64[::1], types.float64[::1]
    logits_type = types.Array(scalar, 2, "C", readonly=True)
    signature = types.void(logits_type, whole, real, whole, whole, whole, types.float64[:, ::1], real)

    # numba's cache looks at this file alone; `sources` is a free variable, and so a part of the key.
    @njit(signature, nogil=True, cache=True)
    def draw_rows(logits, rows, plan, seeds, positions, ids, numbers, scratch):  # type: ignore[no-untyped-def]
        """Draw these rows of `logits`, each with its seed and position; writes `ids` `[n]` and `numbers` `[n, 5]`."""
        arrays = carved(scratch, logits.shape[1])
        for place in range(len(rows)):
            if len(sources) and 0 <= rows[place] < len(logits):
                ids[place] = draw_row(
                    logits[rows[place]], plan, seeds[place], positions[place], arrays, numbers[place]
                )

    return draw_rows


def draw_rows_of(dtype: str) -> Callable[..., None]:
    """The compiled entry for logits of this dtype, "float32" or "float64"; compiles it where no cache holds it."""
    entry: Callable[..., None] = _entry(getattr(types, dtype), compiled_sources())
    return entry
