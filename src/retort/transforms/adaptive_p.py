"""adaptive_p: prefers tokens whose probability is near a target, and moves the target to make the average come out.

What it remembers belongs to the text: a decaying sum of the chosen tokens' probabilities and of their weights. A stage
reads it from the row's state, and `next_average` gives the one after a token.
"""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, namespace, widened
from retort.distribution.ranking import flat_rows
from retort.distribution.softmax import is_per_row, per_row
from retort.distribution.weights import Weights
from retort.transforms.context import Context
from retort.transforms.parameters import Parameter
from retort.transforms.transform import Transform, usable

WIDTH = 0.3
"""Distances between probabilities are counted in this unit."""

PEAK = 5.0
SHARPNESS = 10.0

TARGET = Parameter(
    "target",
    "a number from 0 to 1 (None or -1: off)",
    low=0.0,
    high=1.0,
    off_values=(-1.0,),
    setting="adaptive_target",
)
DECAY = Parameter(
    "decay", "a number from 0 to 0.99", low=0.0, high=0.99, default=0.9, setting="adaptive_decay"
)


def adaptive_p(logits: Array, target: Any, decay: Any = 0.9, *, context: Context | None = None) -> Array:
    """New logits that are highest for the tokens whose probability is nearest to the row's adapted target.

    `z'_i = 5 - 10·d²/(1 + d)`, `d = |p_i - a| / 0.3`, p the probabilities that come in; removed tokens stay removed and
    none is removed. `a = clip(2·target - average, 0, 1)`, `average = Σ_j decay^j p_{t-j} / Σ_j decay^j` over the tokens
    chosen so far, as if an endless text at the target had come before. The order of the logits is lost, so it belongs
    at the end of a chain, after a truncation: without one, thousands of tokens of probability near 0 tie.
    Shapes `[..., vocab]`; target and decay numbers or `[...]`. None and -1 as target are off. Inside: float64; without
    gradient. Raises InputError for unusable rows or settings out of range. Source: MrJackSpade and ddh0 2025, as in
    llama.cpp (pull request 17927), with its constants.
    """
    TARGET.check(target)
    DECAY.check(decay)
    logits = usable(logits)
    if target is None or (not is_per_row(target) and target < 0.0):
        return logits
    xp = namespace(logits)
    rows_NV = flat_rows(logits)
    weights = Weights.of(rows_NV)
    target_N1 = xp.reshape(per_row(target, logits), (-1, 1))
    distance_NV = xp.abs(weights.weights_NV / weights.total_N1 - _adapted(logits, target_N1, context)) / WIDTH
    shaped_NV = PEAK - SHARPNESS * distance_NV * distance_NV / (1.0 + distance_NV)
    shaped_NV = xp.where(rows_NV > -math.inf, shaped_NV, xp.full_like(shaped_NV, -math.inf))
    shaped_NV = xp.where(target_N1 < 0.0, xp.astype(rows_NV, xp.float64), shaped_NV)
    return xp.reshape(xp.astype(shaped_NV, widened(logits).dtype), logits.shape)


def next_average(
    state: tuple[float, ...] | None, probability: float, target: float, decay: float
) -> tuple[float, float]:
    """`(Σ decay^j p_{t-j}, Σ decay^j)` after a token of this probability; None: an endless past at the target."""
    total, weight = state if state else (target / (1.0 - decay), 1.0 / (1.0 - decay))
    return probability + decay * total, 1.0 + decay * weight


def _adapted(logits: Array, target_N1: Array, context: Context | None) -> Array:
    """`[N, 1]` the probability aimed at now: as far beyond the target as the average lies before it."""
    xp = namespace(logits)
    average_N1 = target_N1 + 0.0
    context = context or Context()
    context.check(target_N1.shape[0], "adaptive_p", frozenset({"state"}))
    for row in range(target_N1.shape[0]):
        state = context.state(row, "adaptive_p")
        if state is not None:
            average_N1[row, 0] = state[0] / state[1]
    return xp.clip(2.0 * target_N1 - average_N1, min=0.0, max=1.0)


def _update(
    target: float, decay: float, *, state: tuple[float, ...] | None, entering: float, leaving: float
) -> tuple[float, ...]:
    """The state after a token with this log-probability (nats) before the stage."""
    return next_average(state, math.exp(entering), target, decay)


ROWS = (
    Transform(
        "adaptive_p",
        adaptive_p,
        "prefer tokens whose probability is near this target, and steer the average to it",
        (TARGET, DECAY),
        nested=False,
        truncates=False,
        once=True,
        needs=frozenset({"state"}),
        update=_update,
    ),
)
