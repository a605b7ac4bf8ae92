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

from retort.tune.statistics import Array

BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
CANDIDATES = 1001
"""Values of a mean that a confidence sequence tries, evenly from one bound to the other."""

BLOCK = 4
"""Items that are asked together; after each such block the settings in the race are looked at."""

Ask = Callable[[Sequence[int], Sequence[int]], Array | None]
"""Numbers of items and of settings → their scores [items, settings]; None where the race has to stop."""


@dataclass(frozen=True)
class Raced:
    """What a race found. `scores` [items, settings]: NaN where an item was not asked, in the order in which items were;
    `order`: their numbers. `better[s, t]`: s is significantly better than t. `dropped`: when each setting left the race
    (items seen), or None. `cells`: how many scores there are."""

    scores: Array
    order: tuple[int, ...]
    better: np.ndarray
    dropped: tuple[int | None, ...]
    cells: int


def race_order(num_items: int, seed: int) -> list[int]:
    """The items in the order in which a race asks them."""
    return np.random.default_rng(seed).permutation(num_items).tolist()


def race(
    ask: Ask, num_items: int, num_settings: int, *, span: float = 1.0, seed: int = 0, alpha: float = 0.05
) -> Raced:
    """Ask items in random order, at the settings that are still in the race, until `ask` gives nothing more, all items
    are asked, or one setting is left. `span`: the range of scores."""
    order = race_order(num_items, seed)
    scores = np.full((num_items, num_settings), np.nan)
    capital = np.zeros((len(BETS), num_settings, num_settings))  # logarithms
    highest = np.zeros((num_settings, num_settings))
    threshold = math.log(max(num_settings * (num_settings - 1), 1) / alpha)
    dropped: list[int | None] = [None] * num_settings
    cells = seen = 0
    while seen < num_items:
        alive = [setting for setting in range(num_settings) if dropped[setting] is None]
        items = order[seen : seen + BLOCK]
        if len(alive) < 2 or (found := ask(items, alive)) is None:
            break
        cells += found.size
        # One bet after another: an item's stake is what the items before it left, so they cannot be added up first.
        for row in found:
            difference = (row[:, None] - row[None, :]) / span
            capital[np.ix_(range(len(BETS)), alive, alive)] += np.log1p(BETS[:, None, None] * difference)
            mixed = np.logaddexp.reduce(capital, axis=0) - math.log(len(BETS))
            np.maximum(highest, mixed, out=highest)
        scores[np.ix_(range(seen, seen + len(items)), alive)] = found
        seen += len(items)
        for setting in np.flatnonzero((highest >= threshold).any(axis=0)).tolist():
            if dropped[setting] is None:
                dropped[setting] = seen
    return Raced(scores[:seen], tuple(order[:seen]), highest >= threshold, tuple(dropped), cells)


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
