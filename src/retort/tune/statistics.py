"""Intervals and tests for settings that were tried on the same items. Arrays in, numbers out: no model, no text.

Everything here works on one array `scores[items, settings]`. A difference between two settings is a difference within
items, so the spread between items cancels; repeats and prompt variants of an item are averaged before (an item is the
unit that is sampled). What each part promises, and by which method:

* `bounded_interval`: a mean of scores that lie within known bounds, at 95% also for ten items and for 20 right of 20.
  Clopper and Pearson (1934) for scores that are all right or all wrong; for others the same idea by Gaffke (2005; Phan,
  Thomas, Learned-Miller 2021, "Towards practical mean bounds for small samples"): the Bayesian bootstrap of the scores
  with one more observation at the bound, which is what has not been seen yet.
* `planned`: one pair of settings, chosen before looking: the paired t interval, widened as above where it would rest on
  too few items that differ.
* `compare`: all pairs at once. One critical value from random sign flips of whole items: under "no difference" an
  item's difference is as likely to be +d as −d, whatever its size, so the flips are an exact test for every pair, and
  flipping all pairs of an item together keeps their dependence (Westfall and Young 1993; Romano and Wolf 2005). The
  chance that any pair is called different where none is, is at most `alpha`.
* `held_out`: choose on one half of the items, measure on the other, both ways.

`benchmarks/coverage.py` measures all of these promises.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ERROR_RATE = 0.05
RESAMPLES = 4000
HELD_OUT_SPLITS = 10
HELD_OUT_RESAMPLES = 1000
# Numbers held at once while resampling: 4 M float64 are 32 MB, whatever the number of items.
BLOCK = 4_000_000
# Scores are means of a few numbers; what differs by less than this is rounding.
ROUNDING = 1e-12
# A t interval needs about this many times skewness² items (Cochran 1977, section 2.15, has 25 for a rougher promise);
# with fewer the interval is widened. Chosen with benchmarks/coverage.py.
ITEMS_PER_SQUARED_SKEWNESS = 50
# Sums of scores that take few values have longer tails than the normal numbers that stand for them: at the error rate
# itself the intervals of all pairs held 94.3% in the worst of 720 cases (benchmarks/coverage.py). What is significant
# comes from the flips, which are exact, and uses all of it.
SHARE_FOR_INTERVALS = 0.8


def bounded_interval(values: Array, bounds: tuple[float, float], alpha: float = ERROR_RATE) -> Array:
    """`[columns, 2]` interval of each column's mean, for `values` `[items, columns]` that lie within `bounds`."""
    low, high = bounds
    width = max(high - low, ROUNDING)
    unit = (values - low) / width
    ends = np.stack([_lower_end(unit, alpha / 2), 1.0 - _lower_end(1.0 - unit, alpha / 2)], axis=-1)
    return np.asarray(low + width * np.clip(ends, 0.0, 1.0))


def _lower_end(unit: Array, tail: float) -> Array:
    """Lower end, one column at a time, of the mean of numbers between 0 and 1."""
    from scipy.stats import beta

    num_items = len(unit)
    ends = np.asarray(
        _endpoint_quantile(unit.sum(axis=0), (unit**2).sum(axis=0), (unit**3).sum(axis=0), num_items, tail)
    )
    # All right or all wrong: the same quantile is exactly a Beta's, the interval of Clopper and Pearson.
    binary = ((unit < ROUNDING) | (unit > 1.0 - ROUNDING)).all(axis=0)
    right = np.round(unit.sum(axis=0))
    exact = np.where(right > 0, beta.ppf(tail, np.maximum(right, 1), num_items - right + 1), 0.0)
    return np.where(binary, exact, ends)


def _endpoint_quantile(first: Array, second: Array, third: Array, num_items: int, tail: float) -> Array:
    """The `tail` quantile of `Σ D_i x_i` over `num_items` numbers x (given by their sums of powers) and one more at 0.

    D is uniform on the simplex. Its first three moments are known exactly; a Pearson III distribution with these
    (exact where all x are equal) stands for the whole.
    """
    from scipy.stats import pearson3

    points = num_items + 1
    mean = first / points
    variance = np.maximum(second / points - mean**2, 0.0)
    cube = third / points - 3.0 * mean * second / points + 2.0 * mean**3
    spread = np.sqrt(variance / (points + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = np.where(
            variance > ROUNDING, 2.0 * cube * math.sqrt(points + 1) / ((points + 2) * variance**1.5), 0.0
        )
    return np.asarray(mean + spread * pearson3.ppf(tail, np.clip(skew, -2.0, 2.0)))


def planned(differences: Array, reach: float, alpha: float = ERROR_RATE) -> tuple[float, float]:
    """Interval of the mean of paired differences, for one comparison that was planned before looking.

    `reach`: the largest difference that an item can show. The paired t interval (`scipy.stats.ttest_1samp`), and wider
    where the differences are too few or too lopsided for it.
    """
    from scipy.special import ndtri, stdtrit

    num_items = len(differences)
    if num_items < 2:
        return -reach, reach
    t = float(-stdtrit(num_items - 1, alpha / 2))
    half = t * float(differences.std(ddof=1)) / math.sqrt(num_items)
    sums = np.array([(differences**power).sum() for power in (1, 2, 3, 4)])
    ends = _widened(sums, num_items, np.asarray(half), reach, float(-ndtri(alpha / 2)), alpha / 2)
    low, high = float(ends[0]), float(ends[1])
    if low <= 0.0 <= high and half < abs(differences.mean()):
        # Widened over 0: whether there is a difference at all is then for the exact test to say.
        pair = np.stack([differences, np.zeros(num_items)], axis=1)
        exact = compare(pair, alpha, np.random.default_rng(0))
        if exact.better[0, 1]:
            low = ROUNDING
        elif exact.better[1, 0]:
            high = -ROUNDING
    return low, high


def _widened(
    sums: Array, num_items: int, half: Array, reach: float, critical: float, tail: float
) -> tuple[Array, Array]:
    """Intervals `mean ± half` of differences given by the sums of their first four powers, widened where these are no
    guide: where the differences are lopsided, or fewer than critical² items differ.

    A t interval is blind to what it has not seen: one item of twenty that would have differed, or, where all differ
    alike, one that would not. There an observation at either end of what is possible (`±reach`) is added, as in
    `bounded_interval`, with probability `tail` beyond either end. Of many pairs, that is each pair's part (Bonferroni):
    how pairs of few differing items go together is not known.
    """
    first, second, third, fourth = sums
    mean = first / num_items
    variance = np.maximum(second / num_items - mean**2, 0.0)
    cube = third / num_items - 3.0 * mean * second / num_items + 2.0 * mean**3
    with np.errstate(divide="ignore", invalid="ignore"):
        squared_skew = np.where(variance > ROUNDING**2, cube**2 / variance**3, np.inf)
        differing = np.where(second > 0.0, second**2 / fourth, 0.0)  # their number, if all differ as much
    wide = (num_items < ITEMS_PER_SQUARED_SKEWNESS * squared_skew) | (differing < critical**2)
    low, high = mean - half, mean + half
    ends = []
    for sign in (1.0, -1.0):
        # Differences as shares of what is possible, from 0 (−reach) to 1 (+reach); the other end is the mirror image.
        a, b, c = sign * first / reach, second / reach**2, sign * third / reach**3
        shares = ((a + num_items) / 2, (b + 2 * a + num_items) / 4, (c + 3 * b + 3 * a + num_items) / 8)
        ends.append(
            sign * reach * (2.0 * np.clip(_endpoint_quantile(*shares, num_items, tail), 0.0, 1.0) - 1.0)
        )
    return (
        np.asarray(np.maximum(np.where(wide, np.minimum(low, ends[0]), low), -reach)),
        np.asarray(np.minimum(np.where(wide, np.maximum(high, ends[1]), high), reach)),
    )


@dataclass(frozen=True)
class Comparison:
    """All paired differences between settings; `difference[s, t]` is the mean of scores[:, s] − scores[:, t].

    `scores`: what was compared, [items, settings]. `statistic[s, t]`: `Σ d / √(Σ d²)` over the items; 0 where a pair is
    equal. `critical`: what the largest of them exceeds with probability alpha where no setting differs. `low`, `high`:
    ends of the intervals, which hold for all pairs together. `reach`: the largest difference between two settings seen
    on any item (their scores' range, where none is seen). `squares`: the mean of d² of every pair. `unit`: by how much
    two settings differ on an item where they do.
    """

    scores: Array
    difference: Array
    statistic: Array
    critical: float
    low: Array
    high: Array
    reach: float
    squares: Array
    unit: float
    alpha: float

    @cached_property
    def means(self) -> Array:
        return np.asarray(self.scores.mean(axis=0))

    @property
    def better(self) -> NDArray[np.bool_]:
        """`better[s, t]`: s is significantly better than t; exactly where `interval(s, t)` lies above 0."""
        return self.statistic > self.critical

    @property
    def fewest(self) -> int:
        """How many items must differ, all the same way and by as much, for a significant difference: `√k > critical`;
        and never so few that all of them agree by chance: `2^(1−k) > alpha`."""
        return max(math.floor(self.critical**2 + ROUNDING) + 1, math.ceil(1 + math.log2(1 / self.alpha)))

    @property
    def blind(self) -> bool:
        """Whether there are too few items for any two settings to be significantly different, whatever the scores."""
        return self.fewest > len(self.scores)

    def interval(self, setting: int, other: int) -> tuple[float, float]:
        """Interval of mean(setting) − mean(other). The intervals of all pairs hold together."""
        return float(self.low[setting, other]), float(self.high[setting, other])

    def interval_alone(self, setting: int, other: int) -> tuple[float, float]:
        """As `interval`, where this is the one comparison that was planned."""
        return planned(self.scores[:, setting] - self.scores[:, other], self.reach, self.alpha)

    def minimum_detectable(self, power: float = 0.8) -> float:
        """The true difference that is found between any two of these settings with at least this probability; inf where
        none up to `reach` is.

        Two things must come together: enough items that differ at all (a binomial quantile: each does with the
        probability that the difference needs), and a mean that stands out from its standard error *under that
        difference*, which adds its own variance. The setting that differs most from the others stands for all. Two ways
        to count, and the larger answer: `d` is normal, which knows its variance; and `d` is ±`unit` or 0, exact for few
        items.
        """
        from scipy.optimize import brentq
        from scipy.special import bdtrc, ndtri
        from scipy.stats import binom

        if self.blind:
            return math.inf
        num_items, num_settings = self.scores.shape
        critical, unit, z = self.critical, self.unit, float(ndtri(power))
        square = float(self.squares.sum(axis=1).max() / max(num_settings - 1, 1))  # without a difference

        def if_normal(delta: float) -> float:
            total = square + delta * max(unit, delta)
            inside = max(total - delta**2, 0.0) / total
            return math.sqrt(num_items) * delta / math.sqrt(total) - critical - z * math.sqrt(inside)

        # Half an item differs the wrong way even where none was seen to: one such item can cost the finding.
        wrong = max(square / (2.0 * unit**2), 0.5 / num_items)
        differing = np.arange(self.fewest, num_items + 1)
        needed = np.floor((differing + critical * np.sqrt(differing)) / 2.0 + ROUNDING).astype(np.int64)

        def if_one_size(delta: float) -> float:
            share = min(delta / unit + 2.0 * wrong, 1.0)
            # Given how many items differ, those that do so the right way are binomial.
            found = np.where(needed < differing, bdtrc(needed, differing, max(1.0 - wrong / share, 0.0)), 0.0)
            return float(binom.pmf(differing, num_items, share) @ found) - power

        if if_normal(self.reach) < 0.0:
            return math.inf
        least = float(brentq(if_normal, 1e-12 * self.reach, self.reach))
        if if_one_size(least) >= 0.0 or if_one_size(self.reach) < 0.0:
            return least
        return float(brentq(if_one_size, least, self.reach))


def compare(
    scores: Array, alpha: float, rng: np.random.Generator, resamples: int = RESAMPLES, span: float = 1.0
) -> Comparison:
    """Every pair of settings compared, at one error rate for all of them. `span`: the width of the scores' bounds."""
    num_items, num_settings = scores.shape
    sums = np.zeros((4, num_settings, num_settings))
    largest = size = 0.0
    differing = 0
    for setting in range(num_settings):
        paired = scores[:, [setting]] - scores
        paired[np.abs(paired) <= ROUNDING] = 0.0
        largest = max(largest, float(np.abs(paired).max()))
        size += float(np.abs(paired).sum())
        differing += int(np.count_nonzero(paired))
        squares = paired**2
        sums[:, setting] = [each.sum(axis=0) for each in (paired, squares, squares * paired, squares**2)]
    first, second, *_ = sums
    reach = largest or span
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(second > 0.0, first / np.sqrt(second), 0.0)
    tail = (
        alpha / 2 / max(num_settings * (num_settings - 1) // 2, 1)
    )  # beyond either end of one pair's own interval
    critical, normal = _critical(scores, second, alpha, tail, rng, resamples)
    # The same test of every other difference than 0, solved for it: |Σ(d − δ)| = normal·√Σ(d − δ)².
    spread = np.sqrt(np.maximum(second / num_items - (first / num_items) ** 2, 0.0))
    half = (
        normal * spread / math.sqrt(num_items - normal**2)
        if num_items > normal**2
        else np.full_like(spread, np.inf)
    )
    low, high = _widened(sums, num_items, np.asarray(half), reach, normal, tail)
    # The flips are exact for "no difference" where the widening is only safe, so it never takes back their finding.
    better = statistic > critical
    low = np.where(better, np.maximum(low, ROUNDING), np.minimum(low, 0.0))
    high = np.where(better.T, np.minimum(high, -ROUNDING), np.maximum(high, 0.0))
    return Comparison(
        scores,
        first / num_items,
        statistic,
        critical,
        low,
        high,
        reach,
        second / num_items,
        size / differing if differing else span,
        alpha,
    )


def _critical(
    scores: Array, squares: Array, alpha: float, tail: float, rng: np.random.Generator, resamples: int
) -> tuple[float, float]:
    """What the largest `|Σ w d| / √Σd²` of all pairs exceeds with probability alpha, for random weights w of whole
    items: for signs, which test "no difference" exactly; and, a little higher, for normal numbers, under which every
    pair's statistic is normal.

    Where few items differ, signs give small values that say nothing of other differences than 0; the intervals need
    the normal ones. Where none does, both are what leaves `tail` beyond either end.
    """
    from scipy.special import ndtri

    num_items, num_settings = scores.shape
    upper = np.triu(squares > 0.0, 1)
    if not upper.any():
        alone = float(-ndtri(tail))
        return alone, alone
    # What is common to all settings of an item cancels in every difference; without it the sums stay small.
    centred = scores - scores.mean(axis=1, keepdims=True)
    largest = np.zeros((2, resamples))
    block = max(1, min(resamples, BLOCK // max(num_items, num_settings)))
    for start in range(0, resamples, block):
        end = min(start + block, resamples)
        weights = rng.standard_normal(size=(end - start, num_items))
        for kind, weighted in enumerate((np.sign(weights) @ centred, weights @ centred)):
            for setting in np.flatnonzero(upper.any(axis=1)):
                others = np.flatnonzero(upper[setting])
                sizes = np.abs(weighted[:, [setting]] - weighted[:, others]) / np.sqrt(
                    squares[setting, others]
                )
                np.maximum(largest[kind, start:end], sizes.max(axis=1), out=largest[kind, start:end])
    # A little above: equal statistics are common, and "exceeds" must mean more than rounding.
    signs = np.quantile(largest[0], 1 - alpha, method="higher") + 1e-9
    normal = np.quantile(largest[1], 1 - SHARE_FOR_INTERVALS * alpha, method="higher")
    return float(signs), float(max(normal, -ndtri(SHARE_FOR_INTERVALS * alpha / 2)))


@dataclass(frozen=True)
class HeldOut:
    """The advantage over `reference` of what one half of the items chose, on the other half; `again`: share of halves
    that chose the setting which all items choose."""

    difference: float
    interval: tuple[float, float]
    again: float


def held_out(
    scores: Array,
    choose: Callable[[Comparison], int],
    reference: int,
    chosen: int,
    alpha: float,
    rng: np.random.Generator,
) -> HeldOut | None:
    """The advantage of `choose(comparison)` over the fixed `reference`, chosen on one half and measured on the other.

    Both ways, over several random splits, averaged: what the rule earns on new items when it sees half as many. The two
    directions' choices come from each other's evaluation items, so the estimates are correlated by an unknown amount;
    the interval averages the end points of the halves' intervals, which is right for full correlation and wide for
    less. None with fewer than 4 items.
    """
    num_items = len(scores)
    if num_items < 4:
        return None
    differences, intervals, choices = [], [], []
    for _ in range(HELD_OUT_SPLITS):
        order = rng.permutation(num_items)
        halves = [scores[order[: num_items // 2]], scores[order[num_items // 2 :]]]
        for chooser, judge in ((0, 1), (1, 0)):
            setting = choose(compare(halves[chooser], alpha, rng, HELD_OUT_RESAMPLES))
            paired = halves[judge][:, setting] - halves[judge][:, reference]
            choices.append(setting)
            differences.append(float(paired.mean()))
            reach = float(np.abs(scores - scores[:, [reference]]).max())
            intervals.append((0.0, 0.0) if setting == reference else planned(paired, reach or 1.0, alpha))
    low, high = np.mean(intervals, axis=0)
    return HeldOut(
        float(np.mean(differences)), (float(low), float(high)), choices.count(chosen) / len(choices)
    )


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
    """Interval of each column of resampled values, one at a time: [columns, 2]. For ratios and other functions of
    means, which have no bounds; means themselves have `bounded_interval`.

    The expanded percentile interval (Hesterberg 2015, section 5.3): quantiles at Φ(∓ √(n/(n−1)) · t_{n−1}) instead of
    alpha/2, because a plain percentile interval is too narrow for few items.
    """
    if num_items < 2:
        return np.repeat(resampled[:1], 2, axis=0).T
    from scipy.special import ndtr, stdtrit

    stretch = math.sqrt(num_items / (num_items - 1))
    tail = float(ndtr(stretch * stdtrit(num_items - 1, alpha / 2)))
    return np.quantile(resampled, [tail, 1 - tail], axis=0).T
