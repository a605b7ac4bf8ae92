"""The race: its error rate however often one looks, and confidence sequences.

Allowed misses are binomial quantiles at 1 in 1,000; the seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import binom
from tests.tune.simulated import simulated_scores

from retort.tune.goals import find_goal
from retort.tune.recommend import recommend_raced
from retort.tune.sequential import confidence_sequence, race, watched
from retort.tune.settings import temperature_axis


def raced(scores: np.ndarray, most: int = 10**9, seed: int = 0):
    """A race that may ask so many cells."""
    asked = 0

    def ask(items: Sequence[int], settings: Sequence[int]) -> np.ndarray | None:
        nonlocal asked
        asked += len(items) * len(settings)
        return scores[np.ix_(items, settings)] if asked <= most else None

    return race(ask, *scores.shape, seed=seed)


def test_no_setting_is_dropped_wrongly_however_often_one_looks() -> None:
    """150 null tasks of 100 items × 6 settings, looked at after every 4 items: any setting dropped in 5 % at most."""
    rng = np.random.default_rng(1)
    wrong = sum(bool(raced(simulated_scores(rng, 100, np.zeros(6)), seed=n).better.any()) for n in range(150))
    assert wrong <= binom.ppf(0.999, 150, 0.05)


def test_looking_at_every_block_with_a_t_test_would_be_wrong_far_too_often() -> None:
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(150):
        paired = np.diff(simulated_scores(rng, 100, np.zeros(2)), axis=1)[:, 0]
        looks = range(12, 101, 4)
        wrong += any(abs(paired[:n].mean()) > 1.98 * paired[:n].std(ddof=1) / np.sqrt(n) for n in looks)
    assert wrong > 20


def test_a_setting_that_is_much_worse_leaves_early_and_the_rest_is_not_paid_for() -> None:
    effects = np.array([0.0, 0.0, -0.45])
    found = raced(simulated_scores(np.random.default_rng(2), 200, effects))
    asked = (~np.isnan(found.scores)).sum(axis=0)
    assert asked[0] == asked[1] == 200 and asked[2] < 100
    assert found.cells < 0.85 * 600
    assert np.isnan(found.scores[-1, 2]) and not np.isnan(found.scores[-1, :2]).any()


def test_a_race_stops_where_no_more_can_be_asked() -> None:
    scores = simulated_scores(np.random.default_rng(3), 50, np.zeros(4))
    found = raced(scores, 100)
    assert found.cells == 96 and len(found.order) == 24
    assert found.scores.tolist() == scores[list(found.order)].tolist()
    assert raced(scores, 10).order == ()


def test_a_race_is_the_same_when_its_scores_are_read_again() -> None:
    found = raced(simulated_scores(np.random.default_rng(2), 200, np.array([0.0, 0.0, -0.45])))
    again = watched(found.scores)
    assert again.highest.tolist() == found.highest.tolist() and again.better.tolist() == found.better.tolist()


def test_scores_that_a_race_did_not_look_at_are_bet_on_as_safely() -> None:
    """150 races that drop settings early; of other scores, which do not differ, 5 % at most are called different."""
    rng = np.random.default_rng(6)
    wrong = 0
    for seed in range(150):
        found = raced(simulated_scores(rng, 60, np.array([0.0, -0.3, -0.4])), seed=seed)
        others = simulated_scores(rng, 60, np.zeros(3))[list(found.order)]
        others[np.isnan(found.scores)] = np.nan
        wrong += bool(watched(others).better.any())
    assert wrong <= binom.ppf(0.999, 150, 0.05)


def test_confidence_sequences_cover_at_a_time_chosen_by_looking() -> None:
    """300 sequences of 60 binary values, stopped where the mean is furthest from the truth of 0.9."""
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(300):
        values = (rng.random(60) < 0.9).astype(float)
        means = np.cumsum(values) / np.arange(1, 61)
        stop = 10 + int(np.argmax(np.abs(means[9:] - 0.9) * np.sqrt(np.arange(10, 61))))
        low, high = confidence_sequence(values[:stop], (0.0, 1.0), 0.05)
        missed += not low <= 0.9 <= high
    assert missed <= binom.ppf(0.999, 300, 0.05)


def test_a_confidence_sequence_mirrors_and_scales() -> None:
    values = np.array([1.0] * 15 + [0.0] * 5)
    low, high = confidence_sequence(values, (0.0, 1.0), 0.05)
    assert 0.3 < low < 0.75 < high < 1.0
    assert confidence_sequence(1 - values, (0.0, 1.0), 0.05) == pytest.approx((1 - high, 1 - low), abs=2e-3)
    assert confidence_sequence(2 * values - 1, (-1.0, 1.0), 0.05) == pytest.approx(
        (2 * low - 1, 2 * high - 1), abs=4e-3
    )


def test_a_planned_comparison_is_told_from_all_pairs() -> None:
    goal = find_goal("exploit")
    scores = simulated_scores(np.random.default_rng(2), 200, np.array([0.0, 0.0, -0.45]))
    axis = temperature_axis([0.0, 0.5, 1.0])
    shared, _ = recommend_raced(axis, watched(scores), goal, (0.0, 1.0))
    planned, _ = recommend_raced(axis, watched(scores), goal, (0.0, 1.0), {"temperature": 1.0})
    assert shared.setting == planned.setting == 0.0
    assert "(error rate 5% for all pairs together, 200 items)" in shared.reason
    assert "planned" not in shared.reason
    assert "(error rate 5%, 200 items). This comparison was planned" in planned.reason
    assert planned.difference_ci[0] > shared.difference_ci[0]
