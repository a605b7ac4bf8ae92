"""Paired comparisons of settings by a bootstrap over items.

Everything here works on one array `scores[items, settings]`: the same items at every setting, so that a difference
between two settings is a difference within items, and the spread between items cancels. Items are drawn with
replacement, whole rows at a time; what happens inside an item (repeats, prompt variants) stays together, which is
the clustered bootstrap.

Many settings are tried, and the best of many looks better than it is. Two things answer that:

* `Comparison.critical`: one critical value for *all pairs* of settings at once, the (1 − alpha) quantile over
  resamples of `max over pairs |d* − d| / se` (the single-step max-statistic: Westfall and Young 1993; Romano and Wolf
  2005). An interval `d ± critical · se` then holds for whichever pair the data made interesting, and where no setting
  differs, the chance that any pair is told apart is at most alpha.
* `held_out`: choose on one half of the items, measure on the other, both ways.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES = 4000
HELD_OUT_SPLITS = 10
HELD_OUT_RESAMPLES = 1000
# Numbers held at once while resampling: 4 M float64 are 32 MB, whatever the number of items.
BLOCK = 4_000_000
# Scores are means of a few numbers; what differs by less than this is rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Comparison:
    """All paired differences between settings; `difference[s, t]` is the mean of scores[:, s] − scores[:, t].

    `comparable[s, t]`: enough items differ between the two for an exact paired test to reach alpha at all (see
    `fewest_differing`). A bootstrap over fewer is blind to what it has not seen, so such pairs are never told apart,
    and their intervals reach `unseen` to either side: the difference that so many differing items would make.
    """

    means: Array
    difference: Array
    standard_error: Array
    comparable: NDArray[np.bool_]
    critical: float
    floor: float
    unseen: float = 0.0

    @property
    def t(self) -> Array:
        """`difference / standard_error` [settings, settings]; 0 where a pair is equal or not comparable."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = self.difference / self.standard_error
        return np.where(self.comparable & (np.abs(self.difference) > ROUNDING), ratio, 0.0)

    @property
    def better(self) -> NDArray[np.bool_]:
        """`better[s, t]`: s is ahead of t and told apart from it; exactly where `interval(s, t)` lies above 0."""
        return self.t > self.critical

    @property
    def blind(self) -> bool:
        """Whether there are too few items for any two settings to be told apart, whatever the scores."""
        return math.isinf(self.floor)

    def interval(self, setting: int, other: int) -> tuple[float, float]:
        """Interval of mean(setting) − mean(other). The intervals of all pairs hold together."""
        centre = float(self.difference[setting, other])
        half = self.critical * float(self.standard_error[setting, other])
        if not self.comparable[setting, other]:
            half = max(half, abs(centre), self.unseen)
        return centre - half, centre + half

    def minimum_detectable(self, power: float = 0.8) -> float:
        """The true difference at which any two of these settings are told apart with at least this probability.

        `(critical + z_power) · se` for the pair with the largest standard error, so that it holds for every pair, and
        not below `floor`, the difference that the fewest differing items make.
        """
        from scipy.special import ndtri

        return max(self.floor, (self.critical + float(ndtri(power))) * float(self.standard_error.max()))


@dataclass(frozen=True)
class HeldOut:
    """The advantage of what one half of the items chose, on the other half; `again`: share of halves that chose the
    setting which all items choose."""

    difference: float
    interval: tuple[float, float]
    again: float


def fewest_differing(alpha: float, num_settings: int) -> int:
    """How many items must differ between two settings before a sign test, corrected for the number of pairs, can reach
    alpha: 2^(1−k) <= alpha / pairs. 6 for two settings, 13 for sixteen (alpha 0.05)."""
    pairs = max(num_settings * (num_settings - 1) // 2, 1)
    return math.ceil(1 + math.log2(pairs / alpha))


def resampled_means(values: Array, resamples: int, rng: np.random.Generator) -> Array:
    """Means of `values` [items, columns] over `resamples` draws of the items with replacement: [resamples, columns]."""
    num_items = len(values)
    block = max(1, min(resamples, BLOCK // num_items))
    means = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(num_items, size=(rows, num_items))
        drawn += np.arange(rows)[:, None] * num_items
        counts = np.bincount(drawn.ravel(), minlength=rows * num_items).reshape(rows, num_items)
        means[start : start + rows] = counts.astype(np.float64) @ values / num_items
    return means


def mean_intervals(resampled: Array, num_items: int, alpha: float) -> Array:
    """Interval of each column's mean, one at a time: [columns, 2].

    The expanded percentile interval (Hesterberg 2015, section 5.3): quantiles at Φ(∓ √(n/(n−1)) · t_{n−1}) instead of
    alpha/2, because a plain percentile interval is too narrow for few items.
    """
    if num_items < 2:
        return np.repeat(resampled[:1], 2, axis=0).T
    from scipy.special import ndtr, stdtrit

    stretch = math.sqrt(num_items / (num_items - 1))
    tail = float(ndtr(stretch * stdtrit(num_items - 1, alpha / 2)))
    return np.quantile(resampled, [tail, 1 - tail], axis=0).T


def compare(scores: Array, resampled: Array, alpha: float) -> Comparison:
    """Every pair of settings compared; `resampled` are `resampled_means` of these scores."""
    num_items, num_settings = scores.shape
    means = scores.mean(axis=0)
    difference = means[:, None] - means[None, :]
    variance = np.zeros((num_settings, num_settings))
    differing = np.zeros((num_settings, num_settings), dtype=np.int64)
    size = np.zeros((num_settings, num_settings))
    for setting in range(num_settings):
        paired = scores[:, [setting]] - scores
        differing[setting] = np.count_nonzero(np.abs(paired) > ROUNDING, axis=0)
        size[setting] = np.abs(paired).sum(axis=0)
        if num_items > 1:
            variance[setting] = paired.var(axis=0, ddof=1)
    standard_error = np.sqrt(np.where(variance > ROUNDING**2, variance, 0.0) / num_items)
    fewest = fewest_differing(alpha, num_settings)
    comparable = differing >= fewest
    critical = _critical_value(resampled - means, standard_error, comparable, num_items, alpha)
    # Where nothing differs at all, one unit of score (a right answer, one more distinct answer) stands for the size.
    typical = float(size.sum() / differing.sum()) if differing.any() else 1.0
    unseen = min(fewest / num_items, 1.0) * typical
    floor = unseen if num_items >= fewest else math.inf
    return Comparison(means, difference, standard_error, comparable, critical, floor, unseen)


def _critical_value(
    deviations: Array, standard_error: Array, comparable: NDArray[np.bool_], num_items: int, alpha: float
) -> float:
    """The (1 − alpha) quantile of the largest standardised deviation over all pairs, carried from the normal to the t
    scale, since a bootstrap with fixed standard errors knows nothing of their own uncertainty."""
    from scipy.special import ndtr, ndtri, stdtrit

    usable = comparable & (standard_error > 0.0)
    largest = np.zeros(len(deviations))
    for setting in np.flatnonzero(usable.any(axis=1)):
        others = np.flatnonzero(usable[setting, : setting + 1])
        if others.size:
            gaps = np.abs(deviations[:, [setting]] - deviations[:, others]) / standard_error[setting, others]
            np.maximum(largest, gaps.max(axis=1), out=largest)
    normal = float(np.quantile(largest, 1 - alpha)) if usable.any() else float(ndtri(1 - alpha / 2))
    if num_items < 2:
        return normal
    return float(-stdtrit(num_items - 1, ndtr(-normal * math.sqrt(num_items / (num_items - 1)))))


def held_out(
    scores: Array,
    choose: Callable[[Comparison], tuple[int, int]],
    chosen: int,
    alpha: float,
    rng: np.random.Generator,
) -> HeldOut | None:
    """The advantage of `choose(comparison) -> (setting, other)`, chosen on one half and measured on the other.

    Both ways, over several random splits, averaged. The two directions' choices come from each other's evaluation
    items, so the estimates are correlated by an unknown amount; the interval averages the end points of the halves'
    intervals, which is right for full correlation and wide for less. None with fewer than 4 items.
    """
    num_items = len(scores)
    if num_items < 4:
        return None
    differences, intervals, choices = [], [], []
    for _ in range(HELD_OUT_SPLITS):
        order = rng.permutation(num_items)
        halves = [scores[order[: num_items // 2]], scores[order[num_items // 2 :]]]
        means = [resampled_means(half, HELD_OUT_RESAMPLES, rng) for half in halves]
        for chooser, judge in ((0, 1), (1, 0)):
            setting, other = choose(compare(halves[chooser], means[chooser], alpha))
            choices.append(setting)
            differences.append(float((halves[judge][:, setting] - halves[judge][:, other]).mean()))
            resampled = means[judge][:, [setting]] - means[judge][:, [other]]
            intervals.append(mean_intervals(resampled, len(halves[judge]), alpha)[0])
    low, high = np.mean(intervals, axis=0)
    return HeldOut(
        float(np.mean(differences)), (float(low), float(high)), choices.count(chosen) / len(choices)
    )
