"""Paired statistics: against slow loops, and by simulation.

The simulations state their size and what they allow. Each bound is set so that correct code fails about once in a
thousand runs of new seeds; the seeds are fixed, so the tests are deterministic.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom
from tests.tune.simulated import simulated_scores

from retort.tune import statistics
from retort.tune.statistics import (
    compare,
    fewest_differing,
    held_out,
    mean_intervals,
    resampled_means,
)

ALPHA = 0.05
ODDS_OF_FALSE_ALARM = 1e-3


def compared(scores: np.ndarray, seed: int = 0, resamples: int = 500):
    return compare(scores, resampled_means(scores, resamples, np.random.default_rng(seed)), ALPHA)


def test_differences_and_standard_errors_are_those_of_a_paired_t_test() -> None:
    scores = np.random.default_rng(0).random((30, 4))
    found = compared(scores)
    for s in range(4):
        for t in range(4):
            paired = scores[:, s] - scores[:, t]
            assert found.difference[s, t] == pytest.approx(paired.mean(), abs=1e-15)
            assert found.standard_error[s, t] == pytest.approx(paired.std(ddof=1) / math.sqrt(30))


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


def test_two_settings_have_the_critical_value_of_a_t_test() -> None:
    scores = np.random.default_rng(1).normal(size=(40, 2))
    # t_39 at 97.5 % is 2.023; 20,000 resamples of 40 normal items leave a few percent.
    assert compared(scores, resamples=20_000).critical == pytest.approx(2.023, rel=0.06)


def test_more_settings_need_a_larger_critical_value_and_copies_of_a_setting_none() -> None:
    scores = np.random.default_rng(1).normal(size=(60, 12))
    few, many = compared(scores[:, :2]).critical, compared(scores).critical
    copies = compared(np.repeat(scores[:, :2], 6, axis=1)).critical
    assert many > few * 1.3
    assert copies == pytest.approx(few, rel=0.1)


def test_equal_settings_are_never_told_apart() -> None:
    column = np.random.default_rng(0).random((50, 1))
    found = compared(np.repeat(column, 3, axis=1))
    assert not found.better.any()
    # 7 differing items of 50 would have been seen; that none does is no proof that none ever will.
    assert found.interval(0, 2) == pytest.approx((-7 / 50, 7 / 50))


def test_few_differing_items_are_not_enough_however_large_the_difference() -> None:
    assert fewest_differing(0.05, 2) == 6
    assert fewest_differing(0.05, 16) == 13
    for differing in (5, 6):
        scores = np.zeros((200, 2))
        scores[:differing, 1] = np.linspace(0.9, 1.0, differing)
        found = compared(scores)
        low, high = found.interval(1, 0)
        assert (low > 0.0) == found.better[1, 0] == (differing == 6)
        assert low <= found.difference[1, 0] <= high


def test_intervals_agree_with_what_is_told_apart() -> None:
    scores = simulated_scores(np.random.default_rng(4), 60, np.array([0.0, 0.1, 0.2, 0.05]))
    found = compared(scores)
    assert found.better.any()
    assert not found.better.all()
    for s in range(4):
        for t in range(4):
            low, high = found.interval(s, t)
            assert found.better[s, t] == (low > 0.0)
            assert found.interval(t, s) == pytest.approx((-high, -low))


def test_no_setting_is_told_apart_where_none_differs() -> None:
    """400 null tasks of 40 items × 6 settings: any pair told apart in at most alpha of them.

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


def test_without_the_correction_the_null_would_be_rejected_far_too_often() -> None:
    """The same tasks, judged pair by pair: what the correction is for."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(100):
        found = compared(simulated_scores(rng, 40, np.zeros(6)), resamples=50)
        wrong += bool((found.t > 2.02).any())
    assert wrong > 20


def test_a_difference_of_the_stated_size_is_found_with_the_stated_power() -> None:
    """300 tasks of 60 items × 5 settings, one of them worse by the minimum detectable difference of an earlier,
    null task of the same kind; told apart from one given other setting.

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
def test_intervals_of_means_cover(num_items: int) -> None:
    """1,000 samples of items with a true mean of 1/2: covered in 95 %, give or take 2.5 % (3.6 standard errors)."""
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
        found = held_out(
            scores, lambda half: (int(half.means.argmax()), 0), best, ALPHA, np.random.default_rng(seed)
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
    assert held_out(scores, lambda half: (0, 1), 0, ALPHA, np.random.default_rng(0)) is None
    assert compared(scores).minimum_detectable() == math.inf


def test_one_item_gives_intervals_without_width() -> None:
    scores = np.array([[0.25, 0.75]])
    means = resampled_means(scores, 10, np.random.default_rng(0))
    np.testing.assert_array_equal(mean_intervals(means, 1, ALPHA), [[0.25, 0.25], [0.75, 0.75]])
    assert not compared(scores).better.any()


def _holds(interval, truth: float) -> bool:
    low, high = interval
    return bool(low <= truth <= high)
