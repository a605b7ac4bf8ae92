"""Paired statistics: against slow loops, and by simulation.

The simulations state their size and what they allow. Each bound is set so that correct code fails about once in a
thousand runs of new seeds; the seeds are fixed, so the tests are deterministic.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest, ttest_1samp
from tests.tune.simulated import simulated_scores

from retort.tune import statistics
from retort.tune.statistics import (
    bounded_interval,
    compare,
    held_out,
    mean_intervals,
    planned,
    resampled_means,
)

ALPHA = 0.05
ODDS_OF_FALSE_ALARM = 1e-3


def compared(scores: np.ndarray, seed: int = 0, resamples: int = 500):
    return compare(scores, ALPHA, np.random.default_rng(seed), resamples)


def test_differences_and_statistics_by_hand() -> None:
    scores = np.random.default_rng(0).random((30, 4))
    found = compared(scores)
    for s in range(4):
        for t in range(4):
            paired = scores[:, s] - scores[:, t]
            assert found.difference[s, t] == pytest.approx(paired.mean(), abs=1e-15)
            expected = 0.0 if s == t else paired.sum() / math.sqrt((paired**2).sum())
            assert found.statistic[s, t] == pytest.approx(expected)


def test_right_or_wrong_scores_have_the_interval_of_clopper_and_pearson() -> None:
    for right in (0, 1, 13, 19, 20):
        scores = (np.arange(20) < right).astype(float)[:, None]
        exact = binomtest(right, 20).proportion_ci(method="exact")
        assert bounded_interval(scores, (0.0, 1.0))[0] == pytest.approx((exact.low, exact.high), abs=1e-12)
        doubled = bounded_interval(2 * scores - 1, (-1.0, 1.0))[0]
        assert doubled == pytest.approx((2 * exact.low - 1, 2 * exact.high - 1), abs=1e-12)


def test_the_bounded_interval_is_the_bayesian_bootstrap_with_the_bound_added() -> None:
    """Against 200,000 Dirichlet draws; the Pearson III stands for the whole distribution within 0.01."""
    rng = np.random.default_rng(2)
    for num_items, power in ((10, 1), (20, 3), (60, 0.3)):
        scores = rng.random(num_items) ** power
        weights = rng.standard_exponential((200_000, num_items + 1))
        weights /= weights.sum(axis=1, keepdims=True)
        low = np.quantile(weights @ np.append(scores, 0.0), 0.025)
        high = np.quantile(weights @ np.append(scores, 1.0), 0.975)
        assert bounded_interval(scores[:, None], (0.0, 1.0))[0] == pytest.approx((low, high), abs=0.01)


def test_equal_scores_leave_room_for_what_was_not_seen() -> None:
    low, high = bounded_interval(np.full((20, 1), 0.5), (0.0, 1.0))[0]
    # One more item at the bound, with a weight that is Beta(1, 20): its 97.5 % quantile is 1 − 0.025^(1/20).
    unseen = 1 - 0.025 ** (1 / 20)
    assert (low, high) == pytest.approx((0.5 - 0.5 * unseen, 0.5 + 0.5 * unseen), abs=0.01)


@pytest.mark.parametrize("chance", [0.5, 0.9, 0.95, 0.98, 0.99])
def test_intervals_of_means_cover_for_few_and_extreme_outcomes(chance: float) -> None:
    """2,000 samples each of 10 to 100 items with one or four answers: covered in 95 % at least.

    Allowed: the 0.1 % quantile of Binomial(2000, 0.95), 1,868.
    """
    rng = np.random.default_rng(14)
    for num_items in (10, 20, 40, 100):
        for answers in (1, 4):
            scores = (rng.random((answers, num_items, 2000)) < chance).mean(axis=0)
            low, high = bounded_interval(scores, (0.0, 1.0)).T
            covered = int(((low <= chance) & (chance <= high)).sum())
            assert covered >= binom.ppf(ODDS_OF_FALSE_ALARM, 2000, 0.95)


def test_a_planned_comparison_of_many_differences_is_the_paired_t_interval() -> None:
    differences = np.random.default_rng(3).normal(0.1, 0.5, size=100)
    expected = ttest_1samp(differences, 0.0).confidence_interval()
    assert planned(differences, 3.0) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("worse", "shared"), [(0.0, 0.6), (0.02, 1.0), (0.1, 1.0), (0.3, 0.6)])
def test_planned_comparisons_cover_for_few_and_extreme_outcomes(worse: float, shared: float) -> None:
    """600 comparisons each of 10 to 100 items, 98 % right at one setting. Allowed: the 0.1 % quantile of 95 %, 552."""
    rng = np.random.default_rng(17)
    for num_items in (10, 20, 40, 100):
        covered = 0
        for _ in range(600):
            own = rng.random((num_items, 2))
            draws = np.where(rng.random((num_items, 2)) < shared, rng.random((num_items, 1)), own)
            right = (draws < np.array([0.98, 0.98 - worse])).astype(float)
            covered += _holds(planned(right[:, 0] - right[:, 1], 1.0), worse)
        assert covered >= binom.ppf(ODDS_OF_FALSE_ALARM, 600, 0.95)


def test_a_pair_that_differs_alike_on_every_item_has_an_interval() -> None:
    """The mirror image of "no item differed": 20 of 20 for one setting is no proof that it always wins."""
    low, high = planned(np.ones(20), 1.0)
    assert low == pytest.approx(2 * 0.025 ** (1 / 20) - 1, abs=0.02) and high == 1.0
    low, high = planned(np.zeros(20), 1.0)
    assert (low, high) == pytest.approx((-(1 - 0.025 ** (1 / 20)), 1 - 0.025 ** (1 / 20)), abs=0.01)


def test_resampled_means_have_the_mean_and_spread_of_the_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((25, 3))
    monkeypatch.setattr(statistics, "BLOCK", 25 * 7)  # many small blocks, the last one not full
    means = resampled_means(values, 20_000, np.random.default_rng(1))
    expected = values.std(axis=0) / 5
    # The standard error of a standard deviation over 20,000 draws is 0.5 %.
    np.testing.assert_allclose(means.std(axis=0), expected, rtol=0.02)
    np.testing.assert_allclose(
        means.mean(axis=0), values.mean(axis=0), atol=4 * expected.max() / math.sqrt(20_000)
    )
    # Rows are drawn whole: what is constant within an item stays constant.
    twice = np.column_stack([values[:, 0], values[:, 0] + 1.0])
    drawn = resampled_means(twice, 100, np.random.default_rng(2))
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], 1.0)


def test_same_seed_same_result() -> None:
    scores = np.random.default_rng(0).random((30, 4))
    assert compared(scores, 5).critical == compared(scores, 5).critical
    assert compared(scores, 5).critical != compared(scores, 6).critical


def test_two_settings_have_the_normal_critical_value() -> None:
    scores = np.random.default_rng(1).normal(size=(40, 2))
    assert compared(scores, resamples=20_000).critical == pytest.approx(1.96, rel=0.03)


def test_more_settings_need_a_larger_critical_value_and_copies_of_a_setting_none() -> None:
    scores = np.random.default_rng(1).normal(size=(60, 12))
    few, many = compared(scores[:, :2]).critical, compared(scores).critical
    copies = compared(np.repeat(scores[:, :2], 6, axis=1)).critical
    assert many > few * 1.3
    assert copies == pytest.approx(few, rel=0.1)


def test_equal_settings_are_never_called_different() -> None:
    column = np.random.default_rng(0).random((50, 1))
    found = compared(np.repeat(column, 3, axis=1))
    assert not found.better.any()
    # That none of 50 items differs is no proof that none ever will: up to 9 % may, at 5 % over three pairs.
    low, high = found.interval(0, 2)
    assert low == -high
    assert 1 - 0.025 ** (1 / 50) < high < 0.12


def test_few_differing_items_are_not_enough_however_large_the_difference() -> None:
    """Five that differ alike do so by chance in 2/32 of the cases, six in 2/64."""
    for differing in (5, 6):
        scores = np.zeros((200, 2))
        scores[:differing, 1] = np.linspace(0.9, 1.0, differing)
        found = compared(scores, resamples=4000)
        low, high = found.interval(1, 0)
        assert (low > 0.0) == found.better[1, 0] == (differing == 6)
        assert low <= found.difference[1, 0] <= high


def test_intervals_agree_with_what_is_significant() -> None:
    scores = simulated_scores(np.random.default_rng(4), 60, np.array([0.0, 0.1, 0.2, 0.05]))
    found = compared(scores)
    assert found.better.any()
    assert not found.better.all()
    for s in range(4):
        for t in range(4):
            low, high = found.interval(s, t)
            assert found.better[s, t] == (low > 0.0)
            assert found.interval(t, s) == pytest.approx((-high, -low))


def test_no_setting_is_called_different_where_none_is() -> None:
    """400 null tasks of 40 items × 6 settings: any pair called different in at most alpha of them.

    Allowed: the 99.9 % quantile of Binomial(400, 0.05), 35.
    """
    rng = np.random.default_rng(11)
    tasks = 400
    wrong = sum(
        bool(compared(simulated_scores(rng, 40, np.zeros(6)), seed).better.any()) for seed in range(tasks)
    )
    assert wrong <= binom.ppf(1 - ODDS_OF_FALSE_ALARM, tasks, ALPHA)
    # A test that never finds anything would pass the line above; the rate is not far below the stated one either.
    assert wrong >= binom.ppf(ODDS_OF_FALSE_ALARM, tasks, ALPHA / 3)


@pytest.mark.parametrize("num_items", [20, 30, 60])
def test_the_family_wise_error_holds_for_21_settings_with_one_answer(num_items: int) -> None:
    """300 null tasks each: 0.107, 0.101 and 0.078 of them had a difference with bootstrapped standard errors.

    Allowed: the 99.9 % quantile of Binomial(300, 0.05), 28.
    """
    rng = np.random.default_rng(18)
    scores = (simulated_scores(rng, num_items, np.zeros(21), samples=1) for _ in range(300))
    wrong = sum(bool(compared(one, seed, 300).better.any()) for seed, one in enumerate(scores))
    assert wrong <= binom.ppf(1 - ODDS_OF_FALSE_ALARM, 300, ALPHA)


def test_without_the_correction_the_null_would_be_rejected_far_too_often() -> None:
    """The same tasks, judged pair by pair: what the correction is for."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(100):
        found = compared(simulated_scores(rng, 40, np.zeros(6)), resamples=50)
        wrong += bool((found.statistic > 1.96).any())
    assert wrong > 20


def test_a_difference_of_the_stated_size_is_found_with_the_stated_power() -> None:
    """300 tasks of 60 items × 5 settings, one of them worse by the minimum detectable difference of an earlier,
    null task of the same kind; found against one given other setting.

    Allowed: the 0.1 % quantile of Binomial(300, 0.8), 218."""
    rng = np.random.default_rng(12)
    null = [compared(simulated_scores(rng, 60, np.zeros(5)), seed, 1000) for seed in range(20)]
    effect = float(np.mean([found.minimum_detectable(0.8) for found in null]))
    effects = np.array([0.0, 0.0, 0.0, 0.0, -effect])
    tasks = 300
    found = sum(
        bool(compared(simulated_scores(rng, 60, effects), seed).better[0, 4]) for seed in range(tasks)
    )
    assert found >= binom.ppf(ODDS_OF_FALSE_ALARM, tasks, 0.8)


@pytest.mark.parametrize(
    ("num_items", "num_settings", "chance"), [(20, 2, 0.98), (40, 11, 0.9), (30, 21, 0.95)]
)
def test_the_stated_power_holds_where_few_items_differ(
    num_items: int, num_settings: int, chance: float
) -> None:
    """200 tasks of one answer on common noise: with standard errors of the null, 0.50 to 0.57 were found.

    Allowed: the 0.1 % quantile of Binomial(200, 0.8), 142.
    """
    rng = np.random.default_rng(19)

    def task(worse: float) -> np.ndarray:
        own = rng.random((num_items, num_settings))
        draws = np.where(rng.random(own.shape) < 0.6, rng.random((num_items, 1)), own)
        return (draws < chance - worse * (np.arange(num_settings) == num_settings - 1)).astype(float)

    effect = float(np.median([compared(task(0.0), seed).minimum_detectable() for seed in range(15)]))
    found = sum(bool(compared(task(effect), seed).better[0, -1]) for seed in range(200))
    assert found >= binom.ppf(ODDS_OF_FALSE_ALARM, 200, 0.8)


def test_all_intervals_of_differences_hold_together() -> None:
    """200 tasks of 50 items × 5 settings with true effects: no pair's interval misses, in 95 % of the tasks.

    Allowed misses: the 99.9 % quantile of Binomial(200, 0.05), 21.
    """
    rng = np.random.default_rng(13)
    effects = np.array([0.0, 0.05, 0.1, -0.1, 0.02])
    missed = 0
    for seed in range(200):
        found = compared(simulated_scores(rng, 50, effects), seed)
        truths = [(s, t, effects[s] - effects[t]) for s in range(5) for t in range(s)]
        missed += any(not _holds(found.interval(s, t), truth) for s, t, truth in truths)
    assert missed <= binom.ppf(1 - ODDS_OF_FALSE_ALARM, 200, ALPHA)


def test_intervals_hold_where_few_items_differ() -> None:
    """200 tasks of 40 items, one setting wrong on 1 item in 40 and else the same: often no item at all differs, and an
    interval from 0 to 0 would miss the truth in a third of them. Allowed misses: 21, as above."""
    rng = np.random.default_rng(16)
    missed = nothing_seen = 0
    for seed in range(200):
        scores = np.ones((40, 3))
        scores[:, 2] = rng.random(40) >= 1 / 40
        nothing_seen += bool(scores.all())
        missed += not _holds(compared(scores, seed, 200).interval(0, 2), 1 / 40)
    assert nothing_seen > 40
    assert missed <= binom.ppf(1 - ODDS_OF_FALSE_ALARM, 200, ALPHA)


@pytest.mark.parametrize("num_items", [10, 60])
def test_bootstrap_intervals_cover(num_items: int) -> None:
    """The bootstrap, which ratios have: 1,000 samples of items with a true mean of 1/2 are covered in 95 %, give or
    take 2.5 % (3.6 standard errors)."""
    rng = np.random.default_rng(14)
    scores = simulated_scores(rng, num_items * 1000, np.zeros(1)).reshape(1000, num_items, 1)
    covered = [
        _holds(mean_intervals(resampled_means(one, 800, rng), num_items, ALPHA)[0], 0.5) for one in scores
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_the_winners_advantage_shrinks_to_the_truth_on_held_out_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """100 null tasks; the best of 8 settings against the first. Seen on the items that chose it, it leads; on the
    others, by nothing: the mean is within 4 standard errors of 0."""
    monkeypatch.setattr(statistics, "HELD_OUT_SPLITS", 2)
    monkeypatch.setattr(statistics, "HELD_OUT_RESAMPLES", 100)
    rng = np.random.default_rng(15)
    seen, later, covered = [], [], 0
    for seed in range(100):
        scores = simulated_scores(rng, 40, np.zeros(8))
        best = int(scores.mean(axis=0).argmax())
        seen.append(scores[:, best].mean() - scores[:, 0].mean())
        (found,) = held_out(
            [scores], lambda half: int(half.means.argmax()), 0, [best], ALPHA, [np.random.default_rng(seed)]
        )
        assert found is not None
        later.append(found.difference)
        covered += _holds(found.interval, 0.0)
    error = np.std(later) / 10
    assert abs(np.mean(later)) < 4 * error
    assert np.mean(seen) > 8 * error
    assert covered >= binom.ppf(ODDS_OF_FALSE_ALARM, 100, 0.95)


def test_too_few_items_to_hold_any_out() -> None:
    scores = np.random.default_rng(0).random((3, 2))
    assert held_out([scores], lambda half: 0, 1, [0], ALPHA, [np.random.default_rng(0)]) == [None]
    assert compared(scores).minimum_detectable() == math.inf


def test_one_item_gives_intervals_without_width() -> None:
    scores = np.array([[0.25, 0.75]])
    means = resampled_means(scores, 10, np.random.default_rng(0))
    np.testing.assert_array_equal(mean_intervals(means, 1, ALPHA), [[0.25, 0.25], [0.75, 0.75]])
    assert not compared(scores).better.any()


def _holds(interval, truth: float) -> bool:
    low, high = interval
    return bool(low <= truth <= high)
