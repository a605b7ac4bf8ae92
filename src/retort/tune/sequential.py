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
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from retort.tune.statistics import ERROR_RATE, Array

BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
CANDIDATES = 1001
"""Values of a mean that a confidence sequence tries, evenly from one bound to the other."""

BLOCK = 4
"""Items that are asked together; after each such block the settings in the race are looked at."""

Ask = Callable[[Sequence[int], Sequence[int]], Array | None]
"""Numbers of items and of settings → their scores [items, settings]; None where the race has to stop."""


@dataclass(frozen=True)
class Raced:
    """What can be said of scores that may stop at any time; the same questions as of `statistics.Comparison`.

    `scores` [items, settings], in the order in which items came, whose numbers are `order`: NaN where an item was not
    asked. `highest[s, t]`: the logarithm of the most that the bets on "s is better than t" ever held. `span`: the
    range of a score.
    """

    scores: Array
    order: tuple[int, ...]
    highest: Array
    span: float

    alpha: ClassVar[float] = ERROR_RATE
    blind: ClassVar[bool] = False
    fewest: ClassVar[int] = 0

    @property
    def pairs(self) -> int:
        """How many comparisons of two settings share one error rate."""
        num_settings = self.scores.shape[1]
        return max(num_settings * (num_settings - 1) // 2, 1)

    @property
    def cells(self) -> int:
        return int(np.count_nonzero(~np.isnan(self.scores)))

    @property
    def better(self) -> NDArray[np.bool_]:
        """`better[s, t]`: s is significantly better than t."""
        return _is_better(self.highest)

    @cached_property
    def means(self) -> Array:
        """Each setting's mean score, of the items that it was asked."""
        return np.asarray(np.nanmean(self.scores, axis=0))

    @cached_property
    def difference(self) -> Array:
        """`difference[s, t]`: the mean of score s minus score t, of the items that both were asked."""
        return np.asarray(np.nanmean(self.scores[:, :, None] - self.scores[:, None, :], axis=0))

    def interval(self, setting: int, other: int) -> tuple[float, float]:
        """Confidence sequence of mean(setting) − mean(other). Those of all pairs hold together."""
        return self._sequence(setting, other, self.alpha / self.pairs)

    def interval_alone(self, setting: int, other: int) -> tuple[float, float]:
        """As `interval`, where this is the one comparison that was planned."""
        return self._sequence(setting, other, self.alpha)

    def _sequence(self, setting: int, other: int, alpha: float) -> tuple[float, float]:
        paired = self.scores[:, setting] - self.scores[:, other]
        return confidence_sequence(paired[~np.isnan(paired)], (-self.span, self.span), alpha)


def _is_better(highest: Array) -> NDArray[np.bool_]:
    num_settings = len(highest)
    # The union bound over ordered pairs: both directions of a pair are bets of their own.
    return highest >= math.log(max(num_settings * (num_settings - 1), 1) / ERROR_RATE)


def race_order(num_items: int, seed: int) -> list[int]:
    """The items in the order in which a race asks them."""
    return np.random.default_rng(seed).permutation(num_items).tolist()


def race(ask: Ask, num_items: int, num_settings: int, *, span: float = 1.0, seed: int = 0) -> Raced:
    """Ask items in random order, at the settings that are still in the race, until `ask` gives nothing more, all items
    are asked, or one of several settings is left. `span`: the range of scores."""
    order = race_order(num_items, seed)
    scores = np.full((num_items, num_settings), np.nan)
    bets, seen = _Bets(num_settings, span), 0
    while seen < num_items:
        # By the most that a bet ever held: Ville's inequality is of the maximum, so a finding is never taken back.
        alive = np.flatnonzero(~_is_better(bets.highest).any(axis=0)).tolist()
        items = order[seen : seen + BLOCK]
        if len(alive) < min(2, num_settings) or (found := ask(items, alive)) is None:
            break
        scores[np.ix_(range(seen, seen + len(items)), alive)] = found
        bets.add(scores[seen : seen + len(items)])
        seen += len(items)
    return Raced(scores[:seen], tuple(order[:seen]), bets.highest, span)


def watched(scores: Array, *, span: float = 1.0) -> Raced:
    """The same of other scores [items, columns] that came with a race's: votes, prompts. They had no part in what was
    asked, so that the bets on them are as valid where it stopped."""
    bets = _Bets(scores.shape[1], span)
    bets.add(scores)
    return Raced(scores, tuple(range(len(scores))), bets.highest, span)


class _Bets:
    """The money of the bets on every ordered pair of settings, as logarithms."""

    def __init__(self, num_settings: int, span: float) -> None:
        self._capital = np.zeros((len(BETS), num_settings, num_settings))
        self._span = span
        self.highest = np.zeros((num_settings, num_settings))

    def add(self, scores: Array) -> None:
        """Bet on some more items. One after another: a stake is what the items before it left."""
        for row in scores:
            # Where one of the two was not asked, nothing is staked.
            difference = np.nan_to_num(row[:, None] - row[None, :]) / self._span
            self._capital += np.log1p(BETS[:, None, None] * difference)
            mixed = np.logaddexp.reduce(self._capital, axis=0) - math.log(len(BETS))
            np.maximum(self.highest, mixed, out=self.highest)


def confidence_sequence(values: Array, bounds: tuple[float, float], alpha: float) -> tuple[float, float]:
    """Interval of the mean of `values` within `bounds`, valid at any time one may stop.

    For each candidate m, half of the money bets that the mean lies above m and half that it lies below; m is ruled out
    where the capital reaches 1/alpha.
    """
    low, high = bounds
    unit = (values - low) / (high - low)
    # At the candidates 0 and 1 a side divides by 0: 0/0 stakes nothing, and a value above 0 rules the mean 0 out.
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
    if not len(kept):  # the whole sequence lies between two candidates
        kept = np.array([unit.mean()])
    # A step outwards: the sequence ends somewhere between the last candidate that is kept and the next.
    step = 1.0 / (CANDIDATES - 1)
    ends = max(0.0, float(kept[0]) - step), min(1.0, float(kept[-1]) + step)
    return low + (high - low) * ends[0], low + (high - low) * ends[1]
