"""Who wins a row or a list, compiled: noise is made only for tokens that can still be first or second.

Noise is the dearest number of a draw (two times Philox, three logarithms), and a block's first arrival bounds that of
its 64 tokens. So every block gets a cheap bound, blocks and tokens that cannot reach the second best score are passed
over, and the noise of the others is made for 64 of them at a time, in a loop of vector instructions.
"""

from __future__ import annotations

import numpy as np

from retort.sampling.kernels.arithmetic import arrival_bound, compiled, gumbel_of, inlined, number_of
from retort.sampling.kernels.reading import largest_bits
from retort.sampling.noise import BLOCK_BITS, BLOCK_TOKENS

FIRST_HEIGHTS = 1.5
"""Blocks whose height is at most so many nats below the highest are looked at before the others."""

LOWEST = -1.7976931348623157e308
"""Above -inf alone: removed tokens have no height."""

AT_ONCE = 64
"""Tokens whose noise is made together: enough for a loop of vector instructions."""

KEY_SLACK = 2.0**-50
"""A threshold for logits is lowered by this share of the numbers it comes from: logits that are nearly equal may tie
once they are divided by a temperature."""


@compiled
def race_of_row(row, top, temperature, scratch, seed, position):  # type: ignore[no-untyped-def]
    """Who wins among all tokens of a row, and its lead over the runner-up.

    A block's first arrival bounds the noise of all its tokens. So noise is made only for tokens that can still be first
    or second: those with `value + bound ≥ second best score so far`. Rounding cannot hide one: addition never falls
    where a term rises.
    """
    _, _, ids, _, maxima, bounds, heights, _ = scratch
    for block in range(len(maxima)):
        bounds[block] = arrival_bound(block, position, seed)
        heights[block] = processed(np.float64(maxima[block]), top, temperature) + bounds[block]
    # The most promising blocks first: then few tokens of the others need to be looked at.
    lower, upper = number_of(largest_bits(heights.view(np.int64))) - FIRST_HEIGHTS, np.inf
    standing = -np.inf, -np.inf, np.int64(-1)
    for _ in range(2):
        waiting = 0
        for block in range(len(maxima)):
            if upper > heights[block] >= max(lower, standing[1]):
                needed = (standing[1] - bounds[block]) * temperature
                needed = needed if temperature == 1.0 else top + needed
                # A little lower, so that rounding loses no token.
                needed -= (abs(needed) + abs(top) + 64.0 * temperature) * KEY_SLACK
                waiting = append_block(row, block, maxima.dtype.type(needed), ids, waiting)
                if waiting >= AT_ONCE:
                    standing = race_of_ids(row, top, temperature, scratch, waiting, seed, position, standing)
                    waiting = 0
        standing = race_of_ids(row, top, temperature, scratch, waiting, seed, position, standing)
        lower, upper = LOWEST, lower
    return standing[2], standing[0] - standing[1]


@compiled
def race_of_ids(row, top, temperature, scratch, count, seed, position, standing):  # type: ignore[no-untyped-def]
    """As `race`, of the first `count` of the scratch's ids."""
    values, weights, ids = scratch[:3]
    for place in range(count):
        values[place] = processed(np.float64(row[ids[place]]), top, temperature)
    return race(values, ids, count, position, seed, weights, standing)


@compiled
def append_block(row, block, least, ids, count):  # type: ignore[no-untyped-def]
    """Append the tokens of a block whose logits are `least` or more to a list of ids; returns its new length."""
    for token in range(block * BLOCK_TOKENS, min((block + 1) * BLOCK_TOKENS, len(row))):
        # Written always and counted only where it stays: a branch that goes either way costs more than a store.
        ids[count] = token
        count += row[token] >= least
    return count


@compiled
def race_of_list(count, scratch, seed, position):  # type: ignore[no-untyped-def]
    """Who wins among a list of candidates, which is used up, and its lead over the runner-up; as `race_of_row`."""
    values, weights, ids, members, maxima, bounds, _, _ = scratch
    heights, scores = weights, members.view(np.float64)
    if count > len(maxima):
        for block in range(len(maxima)):
            bounds[block] = arrival_bound(block, position, seed)
        for place in range(count):
            heights[place] = values[place] + bounds[ids[place] >> BLOCK_BITS]
    else:
        for place in range(count):
            heights[place] = values[place] + arrival_bound(ids[place] >> BLOCK_BITS, position, seed)
    standing = -np.inf, -np.inf, np.int64(-1)
    waiting = 0
    for place in range(count):
        if heights[place] >= standing[1]:
            values[waiting], ids[waiting] = values[place], ids[place]
            waiting += 1
        if waiting == AT_ONCE or place == count - 1:
            standing = race(values, ids, waiting, position, seed, scores, standing)
            waiting = 0
    return standing[2], standing[0] - standing[1]


@compiled
def race(values, ids, count, position, seed, scores, standing):  # type: ignore[no-untyped-def]
    """The standing (best score, second best, winner's id) after a list of tokens. Of equal scores the lower id wins."""
    for place in range(count):
        scores[place] = values[place] + gumbel_of(ids[place], position, seed)
    best, second, winner = standing
    for place in range(count):
        if scores[place] > best or (scores[place] == best and ids[place] < winner):
            best, second, winner = scores[place], best, ids[place]
        elif scores[place] > second:
            second = scores[place]
    return best, second, winner


@inlined
def processed(value, top, temperature):  # type: ignore[no-untyped-def]
    """What a temperature makes of a logit: `(z - max z)/τ`, and the logit itself at τ = 1, as `tempered` does."""
    return value if temperature == 1.0 else (value - top) / temperature
