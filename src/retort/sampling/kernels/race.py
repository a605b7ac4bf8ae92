"""Who wins a row or a list, compiled: noise is made only for tokens that can still be first or second.

Noise is the dearest number of a draw (two times Philox, three logarithms), and a block's first arrival bounds that of
its 64 tokens. So every block gets a cheap bound, blocks and tokens that cannot reach the second best score are passed
over, and the noise of the others is made for many of them at a time, in a loop of vector instructions.
"""

from __future__ import annotations

import numpy as np

from retort.sampling.kernels.arithmetic import arrival_bound, compiled, gumbel_of, inlined, number_of
from retort.sampling.kernels.reading import largest_bits
from retort.sampling.noise import BLOCK_BITS, BLOCK_TOKENS

HEIGHTS = (1.5, 4.0, np.inf)
"""Blocks whose height is at most so many nats below the highest are looked at first, then the next, then the others."""

LOWEST = -1.7976931348623157e308
"""Above -inf alone: removed tokens have no height."""

AT_ONCE = 64
"""Tokens whose noise is made together: enough for a loop of vector instructions."""

BLOCKS_AT_ONCE = 256
"""Blocks whose tokens are listed together."""

GROUPS = BLOCK_TOKENS // 8
"""Groups of 8 tokens of a block: as many marks as one number of 64 bits holds."""

LISTING = (2 + GROUPS) * BLOCKS_AT_ONCE + GROUPS
"""Numbers of 64 bits that `listing` gives out."""

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
    values, weights, ids, _, maxima, bounds, heights, _, _ = scratch
    for block in range(len(maxima)):
        bounds[block] = arrival_bound(block, position, seed)
        heights[block] = processed(np.float64(maxima[block]), top, temperature) + bounds[block]
    # The most promising blocks first: then few tokens of the others need to be looked at.
    highest, upper = number_of(largest_bits(heights.view(np.int64))), np.inf
    standing = -np.inf, -np.inf, np.int64(-1)
    blocks, least, _, _ = listing(scratch)
    for fall in HEIGHTS:
        lower = max(highest - fall, LOWEST)
        # Not block by block, which would be one wrong guess of the processor after the other; not all at once, since
        # the second best score rises on the way.
        for start in range(0, len(maxima), BLOCKS_AT_ONCE):
            least_height, listed = max(lower, standing[1]), 0
            for block in range(start, min(start + BLOCKS_AT_ONCE, len(maxima))):
                blocks[listed] = block
                listed += upper > heights[block] >= least_height
            for index in range(listed):
                needed = (standing[1] - bounds[blocks[index]]) * temperature
                needed = needed if temperature == 1.0 else top + needed
                # A little lower, so that rounding loses no token.
                least[index] = needed - (abs(needed) + abs(top) + 64.0 * temperature) * KEY_SLACK
            count = list_reaching(row, listed, scratch, 0)
            for place in range(count):
                values[place] = processed(np.float64(row[ids[place]]), top, temperature)
            standing = race(values, ids, count, position, seed, weights, standing)
        upper = lower
    return standing[2], standing[0] - standing[1]


@compiled
def listing(scratch):  # type: ignore[no-untyped-def]
    """Memory for `list_reaching`: blocks, the logit that each block's tokens must reach, groups of 8 tokens; marks."""
    maxima, memory = scratch[4], scratch[8]
    n, m = BLOCKS_AT_ONCE, (2 + GROUPS) * BLOCKS_AT_ONCE
    return memory[:n], memory[n : 2 * n].view(maxima.dtype), memory[2 * n : m], memory[m:].view(np.uint8)


@compiled
def list_reaching(row, num_blocks, scratch, found):  # type: ignore[no-untyped-def]
    """Append to the ids the tokens of `listing`'s blocks that reach what their block's must; returns how many ids.

    One or two of a block's 64 tokens do, and nobody foresees which: a branch for each costs several times what is done
    here for all. So 64 are compared by vector instructions, and only the groups of 8 that have one are looked into;
    what is written always counts only where it stays.
    """
    ids = scratch[2]
    blocks, least, groups, marks = listing(scratch)
    any_of_8 = marks.view(np.int64)
    num_groups = 0
    for index in range(num_blocks):
        first = blocks[index] * BLOCK_TOKENS
        mark_reaching(row[first : first + BLOCK_TOKENS], least[index], marks)
        for group in range(GROUPS):
            groups[num_groups] = index * GROUPS + group
            num_groups += any_of_8[group] != 0
    for place in range(num_groups):
        index = groups[place] // GROUPS
        first = blocks[index] * BLOCK_TOKENS + groups[place] % GROUPS * 8
        for token in range(first, min(first + 8, len(row))):
            ids[found] = token
            found += row[token] >= least[index]
    return found


@compiled
def mark_reaching(piece, least, marks):  # type: ignore[no-untyped-def]
    """1 for each logit of a block that reaches `least`, 0 for the others, and where the row's last block is short."""
    for place in range(len(piece)):
        marks[place] = piece[place] >= least
    for place in range(len(piece), len(marks)):
        marks[place] = 0


@compiled
def race_of_list(count, scratch, seed, position):  # type: ignore[no-untyped-def]
    """Who wins among a list of candidates, which is used up, and its lead over the runner-up; as `race_of_row`."""
    values, weights, ids, members, maxima, bounds, _, _, _ = scratch
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
