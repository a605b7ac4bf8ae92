"""The recommendation: which setting of a flat region, against what, and the words."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tune.simulated import simulated_scores

from retort.tune.goals import GOALS
from retort.tune.recommend import Recommendation, choose, recommend
from retort.tune.statistics import Comparison

GRID = (0.0, 0.4, 0.7, 1.0, 1.5)


def comparison(means: list[float], told_apart_beyond: float) -> Comparison:
    """A comparison in which every difference larger than that is told apart."""
    values = np.array(means)
    difference = values[:, None] - values[None, :]
    size = (len(values), len(values))
    standard_error = np.full(size, told_apart_beyond / 2.0)
    return Comparison(values, difference, standard_error, np.ones(size, dtype=bool), 2.0, 0.0)


@pytest.mark.parametrize(
    ("means", "beyond", "setting", "reference", "region"),
    [
        # Nothing told apart: everything is the region, the lowest is taken, against temperature 1.
        ([0.50, 0.51, 0.52, 0.51, 0.50], 0.1, 0, 3, (0, 4)),
        # Falls with temperature: the lowest is best, and clearly ahead of 1.
        ([0.60, 0.60, 0.55, 0.40, 0.10], 0.1, 0, 3, (0, 2)),
        # Only the hottest is worse: 1 is as good as the lowest, so the comparison is with the hottest.
        ([0.60, 0.60, 0.59, 0.58, 0.10], 0.1, 0, 4, (0, 3)),
        # Rises and falls: the region is around the best, its lowest is taken.
        ([0.10, 0.30, 0.57, 0.60, 0.55], 0.1, 2, 0, (2, 4)),
        # The best at temperature 1 itself.
        ([0.10, 0.30, 0.40, 0.60, 0.45], 0.1, 3, 0, (3, 3)),
        # One point in the middle that looks as good does not stretch the region over what is worse.
        ([0.58, 0.30, 0.30, 0.60, 0.55], 0.1, 3, 1, (3, 4)),
        # 0.4 differs neither from the best nor from the worst: the next one that is clearly ahead is taken.
        ([0.50, 0.55, 0.61, 0.58, 0.50], 0.1, 2, 0, (1, 3)),
        # Ties go to the lower temperature.
        ([0.60, 0.60, 0.30, 0.30, 0.30], 0.1, 0, 3, (0, 1)),
    ],
)
def test_choice(
    means: list[float], beyond: float, setting: int, reference: int, region: tuple[int, int]
) -> None:
    assert choose(comparison(means, beyond), default=3) == (setting, reference, region)


@given(
    seed=st.integers(0, 10_000),
    effects=st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=6),
    num_items=st.integers(4, 60),
)
@settings(max_examples=25, deadline=None)
def test_the_parts_of_a_recommendation_agree(seed: int, effects: list[float], num_items: int) -> None:
    scores = simulated_scores(np.random.default_rng(seed), num_items, np.array(effects))
    temperatures = tuple(np.linspace(0.0, 1.5, len(effects)).tolist())
    found, intervals = recommend(temperatures, scores, "exploit", seed=seed, resamples=200)
    low, high = found.difference_ci
    assert found.detectable == (low > 0.0)
    assert low - 1e-12 <= found.difference <= high + 1e-12
    assert found.setting != found.reference
    assert found.region[0] <= found.setting <= found.region[1]
    assert found.region[0] <= found.best <= found.region[1]
    blind = found.minimum_detectable_difference is None
    assert found.detectable or found.setting == (found.best if blind else found.region[0])
    means = dict(zip(temperatures, scores.mean(axis=0).tolist(), strict=True))
    assert found.difference == pytest.approx(means[found.setting] - means[found.reference])
    assert means[found.best] == max(means.values())
    assert intervals.shape == (len(effects), 2)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["setting"] == found.setting


def test_a_null_task_says_so_and_what_could_have_been_seen() -> None:
    scores = simulated_scores(np.random.default_rng(0), 80, np.zeros(5))
    found, _ = recommend(GRID, scores, "exploit")
    assert not found.detectable
    assert (found.setting, found.region, found.reference) == (0.0, (0.0, 1.5), 1.0)
    assert found.minimum_detectable_difference is not None
    assert 0.03 < found.minimum_detectable_difference < 0.3
    assert "No detectable difference on 80 items: anything between 0 and 1.5 will do." in found.reason
    assert "Take 0, the lowest: it repeats itself most" in found.reason
    assert f"A true difference of {found.minimum_detectable_difference:.2g} between any two" in found.reason
    assert "temperature 1 (the model as it is)" in found.reason


def test_opposite_tasks_get_opposite_recommendations() -> None:
    rng = np.random.default_rng(0)
    falling, _ = recommend(GRID, simulated_scores(rng, 80, np.array([0.2, 0.2, 0.18, 0.0, -0.2])), "exploit")
    rising, _ = recommend(GRID, simulated_scores(rng, 80, np.array([-0.2, -0.1, 0.0, 0.2, 0.19])), "explore")
    assert falling.detectable and rising.detectable
    assert (falling.setting, falling.reference) == (0.0, 1.0)
    assert (rising.setting, rising.reference) == (1.0, 0.0)
    assert falling.held_out_difference == pytest.approx(0.2, abs=0.1)
    assert "Between 0 and 0.7 nothing can be told from the best (share of right answers" in falling.reason
    assert "Between 1 and 1.5 nothing can be told from the best (distinct valid answers" in rising.reason
    assert "most coherent" in rising.reason


def test_without_temperature_one_the_nearest_stands_for_it() -> None:
    scores = simulated_scores(np.random.default_rng(0), 50, np.zeros(3))
    found, _ = recommend((0.2, 0.8, 1.4), scores, "exploit")
    assert found.reference == 0.8


def test_same_seed_same_record_and_another_seed_the_same_finding() -> None:
    scores = simulated_scores(np.random.default_rng(0), 80, np.array([0.2, 0.2, 0.18, 0.0, -0.2]))
    first, again, other = (recommend(GRID, scores, "exploit", seed=seed)[0] for seed in (1, 1, 2))
    assert first == again
    assert first.difference_ci != other.difference_ci
    assert (first.setting, first.reference, first.detectable) == (
        other.setting,
        other.reference,
        other.detectable,
    )


def test_few_items_say_that_nothing_could_have_been_seen_and_take_the_best_seen() -> None:
    found, _ = recommend((0.0, 1.0), np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), "explore")
    assert not found.detectable
    assert (found.setting, found.region) == (1.0, (0.0, 1.0))
    assert found.minimum_detectable_difference is None
    assert found.held_out_difference is None
    assert found.reason.startswith(
        "3 items cannot tell 2 temperatures apart, whatever the scores: at least 6"
    )
    assert "which is no evidence yet" in found.reason


def test_a_setting_that_wins_on_every_item_is_found_though_nothing_varies() -> None:
    found, intervals = recommend((0.0, 1.0), np.tile([1.0, 0.0], (20, 1)), "exploit")
    assert found.detectable
    assert (found.setting, found.difference) == (0.0, 1.0)
    assert np.isfinite(intervals).all()
    assert found.minimum_detectable_difference is not None and math.isfinite(
        found.minimum_detectable_difference
    )


@pytest.mark.parametrize("goal", GOALS)
def test_reasons_are_sentences(goal: str) -> None:
    scores = simulated_scores(np.random.default_rng(3), 60, np.array([0.0, 0.0, 0.25, 0.0, -0.2]))
    found, _ = recommend(GRID, scores, goal)
    assert isinstance(found, Recommendation)
    assert found.reason.endswith(".")
    assert found.reason[0].isupper() or found.reason[0].isdigit()
    assert "nan" not in found.reason and "  " not in found.reason


def test_the_held_out_advantage_is_over_the_same_kind_of_reference_as_with_all_items() -> None:
    """80 items often tell 0 from hotter settings where 40 do not; these take 0, as the lowest. Held against
    temperature 1 that choice would look like a loss, though with all items 0 is what the choice is held against."""
    rng = np.random.default_rng(5)
    effects = np.array([-0.10, 0.0, 0.02, 0.04, 0.04])
    later = []
    for seed in range(12):
        found, _ = recommend(GRID, simulated_scores(rng, 80, effects), "pass@5", seed=seed, resamples=500)
        if found.detectable and found.reference == 0.0:
            later.append(found.held_out_difference)
    assert len(later) >= 4
    assert min(later) > 0.0
