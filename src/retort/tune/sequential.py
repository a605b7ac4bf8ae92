"""A sweep that spends where it matters: item by item, dropping settings that are significantly worse, looked at always.

Every answer of an API is paid. Items come in random order, and after every block of them the question is asked again:
which settings are still in the race? Tests that are valid once are wrong when one looks after every item and stops when
it suits; these are valid however often one looks. For each pair of settings an *e-process* bets against "t is at least
as good as s": `K_n = mean over λ of Π_{i≤n} (1 + λ d_i)`, d_i the difference in item i's score between s and t, in
[−1, 1]. Under that hypothesis K is a supermartingale, so that it ever reaches 1/α with probability α at most (Ville
1939); the mixture over bets λ is simple and needs no tuning (Waudby-Smith and Ramdas 2024, "Estimating means of
bounded random variables by betting"). All ordered pairs share one α, by a union bound. Intervals are confidence
sequences: every value that the same bets have not ruled out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retort.errors import InputError
from retort.tune.statistics import Array

BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
CANDIDATES = 1001
"""Values of a mean that a confidence sequence tries, evenly from one bound to the other."""

Ask = Callable[[Sequence[int], Sequence[int]], Array]
"""Numbers of items and of settings → their scores [items, settings]."""


@dataclass(frozen=True)
class Raced:
    """What a race found. `scores` [items, settings]: NaN where an item was not asked, in the order in which items were;
    `order`: their numbers. `better[s, t]`: s is significantly better than t. `dropped`: when each setting left the race
    (items seen), or None. `answers`: how many were drawn."""

    scores: Array
    order: tuple[int, ...]
    better: np.ndarray
    dropped: tuple[int | None, ...]
    answers: int
    known: bool


def race(
    ask: Ask,
    num_items: int,
    num_settings: int,
    answers_per_cell: int,
    most_answers: int,
    *,
    span: float = 1.0,
    block: int = 4,
    seed: int = 0,
    alpha: float = 0.05,
    on_block: Callable[[int, int], None] | None = None,
) -> Raced:
    """Ask items in random order, at the settings that are still in the race, until the answers are used up, the items
    are, or one setting is left. `span`: the range of scores; `block`: items asked together.

    Raises InputError where the answers do not suffice for one block.
    """
    if most_answers < block * num_settings * answers_per_cell:
        raise InputError(
            f"a budget of {most_answers:,} answers is too small: {block} items at {num_settings} settings take "
            f"{block * num_settings * answers_per_cell:,}; give more, or compare fewer settings"
        )
    order = np.random.default_rng(seed).permutation(num_items)
    scores = np.full((num_items, num_settings), np.nan)
    capital = np.zeros((len(BETS), num_settings, num_settings))  # logarithms
    highest = np.zeros((num_settings, num_settings))
    threshold = math.log(max(num_settings * (num_settings - 1), 1) / alpha)
    dropped: list[int | None] = [None] * num_settings
    answers = seen = 0
    while seen < num_items:
        alive = [setting for setting in range(num_settings) if dropped[setting] is None]
        items = order[seen : seen + block]
        cost = len(items) * len(alive) * answers_per_cell
        if len(alive) < 2 or answers + cost > most_answers:
            break
        found = ask(items.tolist(), alive)
        answers += cost
        for row in found:
            difference = (row[:, None] - row[None, :]) / span
            capital[np.ix_(range(len(BETS)), alive, alive)] += np.log1p(BETS[:, None, None] * difference)
            mixed = np.logaddexp.reduce(capital, axis=0) - math.log(len(BETS))
            np.maximum(highest, mixed, out=highest)
        scores[seen : seen + len(items), alive] = found
        seen += len(items)
        for setting in np.flatnonzero((highest >= threshold).any(axis=0)).tolist():
            if dropped[setting] is None:
                dropped[setting] = seen
        if on_block is not None:
            on_block(answers, most_answers)
    return Raced(
        scores[:seen],
        tuple(order[:seen].tolist()),
        highest >= threshold,
        tuple(dropped),
        answers,
        sum(one is None for one in dropped) < 2,
    )


def confidence_sequence(values: Array, bounds: tuple[float, float], alpha: float) -> tuple[float, float]:
    """Interval of the mean of `values` within `bounds`, valid at any time one may stop.

    For each candidate m, half of the money bets that the mean lies above m and half that it lies below; m is ruled out
    where the capital reaches 1/alpha.
    """
    low, high = bounds
    unit = (values - low) / (high - low)
    candidates = np.linspace(0.0, 1.0, CANDIDATES)
    # A bet of λ/m on "above" (λ/(1 − m) on "below") never loses more than the share λ of the capital.
    with np.errstate(divide="ignore", invalid="ignore"):
        above = unit[:, None] / candidates - 1.0
        below = (1.0 - unit[:, None]) / (1.0 - candidates) - 1.0
    capitals = []
    for side in (above, below):
        logs = [np.log1p(bet * np.nan_to_num(side, nan=0.0, posinf=1e12)).sum(axis=0) for bet in BETS]
        capitals.append(np.logaddexp.reduce(np.stack(logs), axis=0) - math.log(len(BETS)))
    total = np.logaddexp(*capitals) - math.log(2.0)
    kept = candidates[total < math.log(1.0 / alpha)]
    if not len(kept):
        kept = np.array([unit.mean()])
    step = 1.0 / (CANDIDATES - 1)
    ends = max(0.0, float(kept[0]) - step), min(1.0, float(kept[-1]) + step)
    return low + (high - low) * ends[0], low + (high - low) * ends[1]
