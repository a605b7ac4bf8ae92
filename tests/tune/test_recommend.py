"""The recommendation: which setting of a flat region, against what, and the words."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from tests.tune.simulated import simulated_scores

from retort.errors import InputError
from retort.tune.goals import GOALS
from retort.tune.recommend import Recommendation, choose, recommend
from retort.tune.settings import Axis

GRID = (0.0, 0.4, 0.7, 1.0, 1.5)


@pytest.mark.parametrize(
    ("means", "beyond", "setting", "region"),
    [
        # No difference: everything is the region, the lowest is taken.
        ([0.50, 0.51, 0.52, 0.51, 0.50], 0.1, 0, (0, 4)),
        # Falls with temperature: the lowest is best.
        ([0.60, 0.60, 0.55, 0.40, 0.10], 0.1, 0, (0, 2)),
        # Only the hottest is worse.
        ([0.60, 0.60, 0.59, 0.58, 0.10], 0.1, 0, (0, 3)),
        # Rises and falls: the region is around the best, its lowest is taken.
        ([0.10, 0.30, 0.57, 0.60, 0.55], 0.1, 2, (2, 4)),
        # The best at temperature 1 itself.
        ([0.10, 0.30, 0.40, 0.60, 0.45], 0.1, 3, (3, 3)),
        # One point in the middle that looks as good does not stretch the region over what is worse.
        ([0.58, 0.30, 0.30, 0.60, 0.55], 0.1, 3, (3, 4)),
        # 0.4 differs neither from the best nor from the worst: the next one that is clearly ahead is taken.
        ([0.50, 0.55, 0.61, 0.58, 0.50], 0.1, 2, (1, 3)),
        # Ties go to the lower temperature.
        ([0.60, 0.60, 0.30, 0.30, 0.30], 0.1, 0, (0, 1)),
    ],
)
def test_choice(means: list[float], beyond: float, setting: int, region: tuple[int, int]) -> None:
    values = np.array(means)
    better = values[:, None] - values[None, :] > beyond
    assert choose(values, better) == (setting, region)


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
    if found.setting is None:
        return
    assert found.reference == min(temperatures, key=lambda one: abs(one - 1.0))
    if found.setting != found.reference:
        assert found.detectable == (low > 0.0)
    assert low - 1e-12 <= found.difference <= high + 1e-12
    assert found.region[0] <= found.setting <= found.region[1]
    assert found.region[0] <= found.best <= found.region[1]
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
    assert found.tied == GRID
    assert found.minimum_detectable_difference is not None
    assert 0.03 < found.minimum_detectable_difference < 0.3
    assert found.reason.startswith(
        "All temperatures 0 to 1.5 are statistically tied; we suggest 0, the most reproducible of them. Against "
        "temperature 1 (the default) the difference is "
    )
    assert "which is not significant" in found.reason
    assert "would have been found with 80% probability." in found.reason


def test_opposite_tasks_get_opposite_recommendations() -> None:
    rng = np.random.default_rng(0)
    falling, _ = recommend(GRID, simulated_scores(rng, 80, np.array([0.2, 0.2, 0.18, 0.0, -0.2])), "exploit")
    rising, _ = recommend(GRID, simulated_scores(rng, 80, np.array([-0.2, -0.1, 0.0, 0.2, 0.19])), "explore")
    assert falling.detectable and rising.detectable
    assert (falling.setting, falling.reference) == (0.0, 1.0)
    # Never against the worst of the sweep: the default is what the default is compared with.
    assert (rising.setting, rising.reference, rising.difference_ci) == (1.0, 1.0, (0.0, 0.0))
    assert falling.held_out_difference == pytest.approx(0.2, abs=0.1)
    assert (
        "Temperatures 0 to 0.7 are statistically tied; we suggest 0, the most reproducible" in falling.reason
    )
    assert "It beats temperature 1 (the default) by" in falling.reason
    assert "Temperatures 1 to 1.5 are statistically tied; we suggest 1, the most coherent" in rising.reason
    assert "That is temperature 1 (the default) already." in rising.reason


def test_a_planned_comparison_has_the_interval_of_that_one_pair() -> None:
    scores = simulated_scores(np.random.default_rng(0), 80, np.array([0.1, 0.1, 0.08, 0.0, -0.1]))
    found, _ = recommend(GRID, scores, "exploit", against={"temperature": 1})
    expected = ttest_1samp(scores[:, 0] - scores[:, 3], 0.0).confidence_interval()
    assert found.planned and found.reference == 1.0 and found.setting == 0.0
    assert found.difference_ci == pytest.approx((expected.low, expected.high))
    everything = found.differences[0].interval_all
    assert everything[0] < found.difference_ci[0] and everything[1] > found.difference_ci[1]
    assert "your current 1" in found.reason
    assert "This comparison was planned" in found.reason
    with pytest.raises(
        InputError, match=r"temperature=0.9 is no setting of those compared; name one of: .*0.4"
    ):
        recommend(GRID, scores, "exploit", against={"temperature": 0.9})


def test_zero_everywhere_is_not_answered_by_a_recommendation() -> None:
    found, intervals = recommend(GRID, np.zeros((40, 5)), "exploit")
    assert found.setting is None and found.values == {} and not found.detectable
    assert found.reason.startswith(
        "Every score at every setting is 0 on 40 items, so there is nothing to recommend."
    )
    assert intervals[0] == pytest.approx((0.0, 1 - 0.025 ** (1 / 40)))


def test_two_peaks_are_said() -> None:
    effects = np.array([0.2, -0.1, -0.18, 0.2, -0.2])
    found, _ = recommend(GRID, simulated_scores(np.random.default_rng(0), 80, effects), "exploit")
    assert found.region == (0.0, 0.0) and found.tied == (0.0, 1.0)
    assert "1 is tied too, beyond a worse setting: there may be two peaks" in found.reason


def test_the_price_of_the_lowest_is_said() -> None:
    effects = np.array([0.0, 0.02, 0.04, 0.06, 0.08])
    found, _ = recommend(GRID, simulated_scores(np.random.default_rng(1), 20, effects), "exploit")
    assert found.setting == 0.0 and found.best != 0.0
    assert found.lead_of_best > 0.0 and found.lead_of_best_ci[1] > found.lead_of_best
    assert "which this choice may cost" in found.reason


def test_a_temperature_that_is_a_word_is_near_to_nothing() -> None:
    words = tuple({"temperature": word, "top_p": 0.9} for word in ("low", "high"))
    scores = simulated_scores(np.random.default_rng(0), 80, np.array([-0.2, 0.2]))
    found, _ = recommend(Axis(None, words, words), scores, "exploit")
    assert found.reference == words[0] and "(the first setting)" in found.reason


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
    assert found.reason.startswith("3 items cannot show a difference between 2 temperatures")
    assert "at least 6 are needed" in found.reason
    assert "which is not evidence yet" in found.reason


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


def test_the_held_out_advantage_is_unbiased_where_nothing_differs() -> None:
    """150 null tasks of 20 items: the mean advantage over temperature 1 is within 4 standard errors of 0, where the
    advantage that the choosing items show themselves is not."""
    rng = np.random.default_rng(5)
    later, seen = [], []
    for seed in range(150):
        scores = simulated_scores(rng, 20, np.zeros(5), samples=1)
        found, _ = recommend(GRID, scores, "pass@5", seed=seed, resamples=200)
        later.append(found.held_out_difference)
        seen.append(scores.mean(axis=0).max() - scores[:, 3].mean())
    error = np.std(later) / math.sqrt(len(later))
    assert abs(np.mean(later)) < 4 * error
    assert np.mean(seen) > 4 * error
