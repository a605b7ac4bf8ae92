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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]
Drawn = TypeVar("Drawn")

ERROR_RATE = 0.05
RESAMPLES = 4000
HELD_OUT_SPLITS = 10
HELD_OUT_RESAMPLES = 1000
# Numbers held at once while resampling: 1 M float64 are 8 MB, whatever the number of items, and stay in a cache.
BLOCK = 1_000_000
# Scores are means of a few numbers; what differs by less than this is rounding.
ROUNDING = 1e-12
# A t interval needs about this many times skewness² items (Cochran 1977, section 2.15, has 25 for a rougher promise);
# with fewer the interval is widened. Chosen with benchmarks/coverage.py.
ITEMS_PER_SQUARED_SKEWNESS = 50
# Of a smaller skewness scipy takes the normal quantile: the gamma's shape is beyond 10¹⁰ there.
NEARLY_NORMAL = 1.6e-5
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
    from scipy.special import betaincinv

    num_items = len(unit)
    ends = np.asarray(
        _endpoint_quantile(unit.sum(axis=0), (unit**2).sum(axis=0), (unit**3).sum(axis=0), num_items, tail)
    )
    # All right or all wrong: the same quantile is exactly a Beta's, the interval of Clopper and Pearson.
    binary = ((unit < ROUNDING) | (unit > 1.0 - ROUNDING)).all(axis=0)
    right = np.round(unit.sum(axis=0))
    exact = np.where(right > 0, betaincinv(np.maximum(right, 1), num_items - right + 1, tail), 0.0)
    return np.where(binary, exact, ends)


def _endpoint_quantile(first: Array, second: Array, third: Array, num_items: int, tail: float) -> Array:
    """The `tail` quantile of `Σ D_i x_i` over `num_items` numbers x (given by their sums of powers) and one more at 0.

    D is uniform on the simplex. Its first three moments are known exactly; a Pearson III distribution with these
    (exact where all x are equal) stands for the whole.
    """
    points = num_items + 1
    mean = first / points
    variance = np.maximum(second / points - mean**2, 0.0)
    cube = third / points - 3.0 * mean * second / points + 2.0 * mean**3
    spread = np.sqrt(variance / (points + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = np.where(
            variance > ROUNDING, 2.0 * cube * math.sqrt(points + 1) / ((points + 2) * variance**1.5), 0.0
        )
    # No x have a skewness of 2 (one that is not 0, among many, comes nearest): what is clipped is rounding.
    return np.asarray(mean + spread * _pearson3_quantile(tail, np.clip(skew, -2.0, 2.0)))


def _pearson3_quantile(tail: float, skew: Array) -> Array:
    """The `tail` quantile of Pearson III distributions of mean 0 and variance 1: a gamma's, moved and scaled.

    As `scipy.stats.pearson3.ppf`; the import of scipy.stats alone takes longer than a whole recommendation.
    """
    from scipy.special import gammaincinv, ndtri

    is_normal = np.abs(skew) < NEARLY_NORMAL
    root = 2.0 / np.where(is_normal, 1.0, skew)
    shape = root**2
    gamma = gammaincinv(shape, np.where(skew < 0.0, 1.0 - tail, tail))
    return np.where(is_normal, ndtri(tail), gamma / root - shape / root)


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
        (exact,) = sign_tests([pair], alpha, [np.random.default_rng(0)], RESAMPLES)
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
    if not wide.any():  # as a rule, and the quantiles below are slow
        return np.asarray(np.maximum(low, -reach)), np.asarray(np.minimum(high, reach))
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
class SignTest:
    """Which settings are significantly better than which, by random sign flips of whole items.

    `scores`: what was compared, [items, settings]. `statistic[s, t]`: `Σ d / √(Σ d²)` over the items; 0 where a pair is
    equal. `critical`: what the largest of them exceeds with probability alpha where no setting differs.
    """

    scores: Array
    statistic: Array
    critical: float
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


@dataclass(frozen=True)
class Comparison(SignTest):
    """All paired differences between settings; `difference[s, t]` is the mean of scores[:, s] − scores[:, t].

    `low`, `high`: ends of the intervals, which hold for all pairs together. `reach`: the largest difference between two
    settings seen on any item (their scores' range, where none is seen). `squares`: the mean of d² of every pair.
    `unit`: by how much two settings differ on an item where they do.
    """

    difference: Array
    low: Array
    high: Array
    reach: float
    squares: Array
    unit: float

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
        from scipy.special import bdtrc, betainc, ndtri

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
        differing = np.arange(self.fewest, num_items + 1)  # how many items may, for any finding
        needed = np.floor((differing + critical * np.sqrt(differing)) / 2.0 + ROUNDING).astype(np.int64)

        def if_one_size(delta: float) -> float:
            share = min(delta / unit + 2.0 * wrong, 1.0)
            # How many items differ is binomial (its probabilities are differences of its tails), and of these how many
            # do so the right way.
            at_least = np.append(betainc(differing, num_items - differing + 1, share), 0.0)
            found = np.where(needed < differing, bdtrc(needed, differing, max(1.0 - wrong / share, 0.0)), 0.0)
            return float((at_least[:-1] - at_least[1:]) @ found) - power

        if if_normal(self.reach) < 0.0:
            return math.inf
        least = _root(if_normal, 1e-12 * self.reach, self.reach)
        if if_one_size(least) >= 0.0 or if_one_size(self.reach) < 0.0:
            return least
        return _root(if_one_size, least, self.reach)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where the function, below 0 at `low` and not at `high`, crosses 0 (Ridders 1979). Without scipy.optimize, whose
    import takes longer than this."""
    at_low, at_high, last = function(low), function(high), high
    while True:  # twice as many digits each time, and at least half the way
        middle = (low + high) / 2.0
        at_middle = function(middle)
        if at_middle == 0.0:
            return middle
        guess = middle - (middle - low) * at_middle / math.sqrt(at_middle**2 - at_low * at_high)
        at_guess = function(guess)
        if at_guess == 0.0 or abs(guess - last) <= 1e-13 * high:
            return guess
        last = guess
        for place, value in ((middle, at_middle), (guess, at_guess)):
            if value < 0.0 and place > low:
                low, at_low = place, value
            elif value >= 0.0 and place < high:
                high, at_high = place, value


def compare(
    scores: Array, alpha: float, rng: Generator, resamples: int = RESAMPLES, span: float = 1.0
) -> Comparison:
    """Every pair of settings compared, at one error rate for all of them. `span`: the width of the scores' bounds."""
    return compare_each([scores], alpha, [rng], resamples, [span])[0]


# Most of the time of a comparison goes into its random numbers. Tables of the same items (scores, votes) that are
# compared with one seed have the same ones, so several tables go through the functions below together.


def compare_each(
    tables: Sequence[Array], alpha: float, rngs: Sequence[Generator], resamples: int, spans: Sequence[float]
) -> list[Comparison]:
    """As `compare` of each table with its generator and its span; all have the same number of items."""
    paired = [_paired(scores) for scores in tables]
    # Signs test "no difference". The intervals ask about other differences too, of which signs say nothing where few
    # items differ; under normal numbers every pair's statistic is normal.
    largest = _largest(
        tables, [one[0][1] for one in paired], rngs, resamples, [np.sign, lambda normal: normal]
    )
    each = zip(tables, paired, largest, spans, strict=True)
    return [_compared(scores, *its, alpha, most, span) for scores, its, most, span in each]


def sign_tests(
    tables: Sequence[Array], alpha: float, rngs: Sequence[Generator], resamples: int
) -> list[SignTest]:
    """As `compare_each`, but only which settings are better than which."""
    sums = [_two_sums(scores) for scores in tables]
    largest = _largest(tables, [one[1] for one in sums], rngs, resamples, [np.sign])
    each = zip(tables, sums, largest, strict=True)
    return [_tested(scores, its, alpha, most) for scores, its, most in each]


def _compared(
    scores: Array,
    sums: Array,
    largest_seen: float,
    unit: float,
    alpha: float,
    largest: Array | None,
    span: float,
) -> Comparison:
    """The comparison of a table, from what `_paired` and `_largest` say of it."""
    from scipy.special import ndtri

    num_items = len(scores)
    first, second, *_ = sums
    reach = largest_seen or span
    test = _tested(scores, sums, alpha, largest)
    tail = _tail(scores, alpha)
    normal = float(-ndtri(tail))
    if largest is not None:
        quantile = np.quantile(largest[1], 1 - SHARE_FOR_INTERVALS * alpha, method="higher")
        normal = float(max(quantile, -ndtri(SHARE_FOR_INTERVALS * alpha / 2)))
    # The same test of every other difference than 0, solved for it: |Σ(d − δ)| = normal·√Σ(d − δ)².
    spread = np.sqrt(np.maximum(second / num_items - (first / num_items) ** 2, 0.0))
    half = (
        normal * spread / math.sqrt(num_items - normal**2)
        if num_items > normal**2
        else np.full_like(spread, np.inf)
    )
    low, high = _widened(sums, num_items, np.asarray(half), reach, normal, tail)
    # The flips are exact for "no difference" where the widening is only safe, so it never takes back their finding.
    low = np.where(test.better, np.maximum(low, ROUNDING), np.minimum(low, 0.0))
    high = np.where(test.better.T, np.minimum(high, -ROUNDING), np.maximum(high, 0.0))
    return Comparison(
        scores,
        test.statistic,
        test.critical,
        alpha,
        difference=first / num_items,
        low=low,
        high=high,
        reach=reach,
        squares=second / num_items,
        unit=unit or span,
    )


def _paired(scores: Array) -> tuple[Array, float, float]:
    """Of the differences between any two settings: `[4, s, t]` the sums over items of their first four powers, the
    largest of them, and the mean size of those that are not 0 (both 0 where none is)."""
    num_settings = scores.shape[1]
    sums = np.zeros((4, num_settings, num_settings))
    largest = size = 0.0
    differing = 0
    for setting in range(num_settings - 1):
        paired = scores[:, [setting]] - scores[:, setting + 1 :]
        paired[np.abs(paired) <= ROUNDING] = 0.0
        sizes = np.abs(paired)
        largest = max(largest, float(sizes.max()))
        size += float(sizes.sum())
        differing += int(np.count_nonzero(paired))
        squares = paired**2
        powers = (paired, squares, squares * paired, squares**2)
        sums[:, setting, setting + 1 :] = [each.sum(axis=0) for each in powers]
    # The other way round a difference has the other sign, and so have its odd powers.
    mirrored = sums.transpose(0, 2, 1) * np.array([-1.0, 1.0, -1.0, 1.0])[:, None, None]
    return sums + mirrored, largest, size / max(differing, 1)


def _two_sums(scores: Array) -> Array:
    """The first two sums of `_paired`: all that a test needs, which is made of every half of every split."""
    rows = np.ascontiguousarray(scores.T)
    num_settings = len(rows)
    first, second = np.zeros((2, num_settings, num_settings))
    for setting in range(num_settings - 1):
        paired = rows[setting] - rows[setting + 1 :]
        paired *= np.abs(paired) > ROUNDING
        first[setting, setting + 1 :] = paired.sum(axis=1)
        second[setting, setting + 1 :] = np.einsum("sn,sn->s", paired, paired)
    return np.stack([first - first.T, second + second.T])


def _tail(scores: Array, alpha: float) -> float:
    """What may lie beyond either end of one pair's own interval (Bonferroni)."""
    num_settings = scores.shape[1]
    return alpha / 2 / max(num_settings * (num_settings - 1) // 2, 1)


def _tested(scores: Array, sums: Array, alpha: float, largest: Array | None) -> SignTest:
    """The test whose flips have these largest statistics, the signs first; None where no two settings differ."""
    from scipy.special import ndtri

    first, second, *_ = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(second > 0.0, first / np.sqrt(second), 0.0)
    if largest is None:
        return SignTest(scores, statistic, float(-ndtri(_tail(scores, alpha))), alpha)
    # A little above: equal statistics are common, and "exceeds" must mean more than rounding.
    critical = float(np.quantile(largest[0], 1 - alpha, method="higher") + 1e-9)
    return SignTest(scores, statistic, critical, alpha)


def _largest(
    tables: Sequence[Array],
    squares: Sequence[Array],
    rngs: Sequence[Generator],
    resamples: int,
    weighings: Sequence[Callable[[Array], Array]],
) -> list[Array | None]:
    """Of each table `[weighings, resamples]` the largest `|Σ w d| / √Σd²` of all pairs, for random weights w of whole
    items: what each weighing makes of the same normal numbers. None, and nothing drawn, where no two settings differ.
    """
    num_items = len(tables[0])
    differing = [number for number, its in enumerate(squares) if (its > 0.0).any()]
    # Every setting's weighted sum first, by one product of matrices; pairs are differences of these. What is common to
    # all settings of an item cancels there, and without it the sums stay small.
    centred = [scores.T - scores.mean(axis=1) for scores in tables]
    weighted = [np.empty((len(weighings), len(one), resamples)) for one in centred]
    block = max(1, min(resamples, BLOCK // num_items))
    for start in range(0, resamples, block):
        end = min(start + block, resamples)

        def weights(rng: Generator, rows: int = end - start) -> list[Array]:
            # Normal numbers also where only signs count: what is drawn after them (halves) depends on what was drawn.
            normal = rng.standard_normal(size=(rows, num_items))
            return [weighing(normal) for weighing in weighings]

        for number, its in zip(differing, _drawn([rngs[one] for one in differing], weights), strict=True):
            for kind, weight in enumerate(its):
                weighted[number][kind, :, start:end] = centred[number] @ weight.T
    found: list[Array | None] = [None] * len(tables)
    for number in differing:
        found[number] = _largest_of_pairs(weighted[number], squares[number])
    return found


def _drawn(rngs: Sequence[Generator], draw: Callable[[Generator], Drawn]) -> list[Drawn]:
    """What each generator draws next; by generators at the same place it is drawn once.

    Their places differ from where a half has no difference in one table, for which nothing is drawn.
    """
    made: list[tuple[Any, Drawn, Any]] = []
    found = []
    for rng in rngs:
        here = rng.bit_generator.state
        same = next((one for one in made if one[0] == here), None)
        if same is None:
            same = here, draw(rng), rng.bit_generator.state
            made.append(same)
        rng.bit_generator.state = same[2]
        found.append(same[1])
    return found


def _largest_of_pairs(weighted: Array, squares: Array) -> Array:
    """`[weighings, resamples]` the largest statistic of all pairs, from every setting's weighted sums `[weighings,
    settings, resamples]`."""
    largest = np.zeros((len(weighted), weighted.shape[-1]))
    upper = np.triu(squares > 0.0, 1)
    for setting in np.flatnonzero(upper.any(axis=1)):
        others = np.flatnonzero(upper[setting])
        roots = np.sqrt(squares[setting, others])[:, None]
        for kind, sums in enumerate(weighted):
            sizes = np.abs(sums[others] - sums[setting]) / roots
            np.maximum(largest[kind], sizes.max(axis=0), out=largest[kind])
    return largest


@dataclass(frozen=True)
class HeldOut:
    """The advantage over `reference` of what one half of the items chose, on the other half; `again`: share of halves
    that chose the setting which all items choose."""

    difference: float
    interval: tuple[float, float]
    again: float


def held_out(
    tables: Sequence[Array],
    choose: Callable[[SignTest], int],
    reference: int,
    chosen: Sequence[int],
    alpha: float,
    rngs: Sequence[Generator],
) -> list[HeldOut | None]:
    """Of each table the advantage of `choose(test)` over the fixed `reference`, chosen on one half of the items and
    measured on the other. `chosen`: what is chosen with all items, by table; the tables have the same items.

    Both ways, over several random splits, averaged: what the rule earns on new items when it sees half as many. The two
    directions' choices come from each other's evaluation items, so the estimates are correlated by an unknown amount;
    the interval averages the end points of the halves' intervals, which is right for full correlation and wide for
    less. None with fewer than 4 items.
    """
    num_items = len(tables[0])
    if num_items < 4:
        return [None] * len(tables)
    # By all items: a half may not have seen how far a difference can go.
    reaches = [float(np.abs(scores - scores[:, [reference]]).max()) or 1.0 for scores in tables]
    found: list[list[tuple[int, float, tuple[float, float]]]] = [[] for _ in tables]
    for _ in range(HELD_OUT_SPLITS):
        orders = _drawn(rngs, lambda rng: rng.permutation(num_items))
        halves = [
            (scores[order[: num_items // 2]], scores[order[num_items // 2 :]])
            for scores, order in zip(tables, orders, strict=True)
        ]
        for chooser, judge in ((0, 1), (1, 0)):
            tests = sign_tests([half[chooser] for half in halves], alpha, rngs, HELD_OUT_RESAMPLES)
            for number, test in enumerate(tests):
                setting, its = choose(test), halves[number][judge]
                paired = its[:, setting] - its[:, reference]
                ends = (0.0, 0.0) if setting == reference else planned(paired, reaches[number], alpha)
                found[number].append((setting, float(paired.mean()), ends))
    return [_averaged(each, wanted) for each, wanted in zip(found, chosen, strict=True)]


def _averaged(found: Sequence[tuple[int, float, tuple[float, float]]], chosen: int) -> HeldOut:
    """From every half's choice, its advantage and that one's interval."""
    choices, differences, intervals = zip(*found, strict=True)
    low, high = np.mean(intervals, axis=0)
    again = choices.count(chosen) / len(choices)
    return HeldOut(float(np.mean(differences)), (float(low), float(high)), again)


def resampled_means(values: Array, resamples: int, rng: Generator) -> Array:
    """Means of `values` [items, columns] over `resamples` draws of the items with replacement: [resamples, columns]."""
    num_items = len(values)
    block = max(1, min(resamples, BLOCK // num_items))
    means = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(num_items, size=(rows, num_items))
        # How often each item was drawn, of all rows in one count: a product of matrices then sums every column at once.
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
