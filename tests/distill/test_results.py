"""Differences, intervals and verdicts, on numbers made up for the purpose."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from scipy import stats

from retort.blocks import markdown
from retort.distill.measure import nll_and_entropy
from retort.distill.results import (
    ArmResult,
    always_valid_quantile,
    conclude,
    gain_by,
    judge,
    paired_difference,
    places_in,
    token_frequency,
)
from retort.distill.time_left import TimeLeft


def arm(name: str, seed: int, val_nll: float, test_nll: float | None = None) -> ArmResult:
    return ArmResult(name, seed, val_nll, test_nll, 1.0, 0.1, 100, 10, 0.0, 1.0, ((10, 1.0, val_nll),))


def verdict_of(*differences: float) -> str:
    hard = [arm("hard", seed, 5 + difference) for seed, difference in enumerate(differences)]
    soft = [arm("soft", seed, 5.0) for seed in range(len(differences))]
    return judge(paired_difference(hard, soft, "validation"), "the control")[0]


def test_interval_is_that_of_the_paired_t_test() -> None:
    hard, soft = [4.9, 5.0, 5.3, 5.1], [4.7, 4.9, 4.9, 5.05]
    difference = paired_difference(
        [arm("hard", seed, value) for seed, value in enumerate(hard)],
        [arm("soft", seed, value) for seed, value in reversed(list(enumerate(soft)))],
        "validation",
        planned=True,
    )
    assert difference is not None
    expected = stats.ttest_rel(hard, soft).confidence_interval(0.95)
    assert difference.ci == pytest.approx((expected.low, expected.high))
    assert difference.mean == pytest.approx(np.mean(hard) - np.mean(soft))
    assert difference.per_seed == pytest.approx([0.2, 0.1, 0.4, 0.05]) and difference.seeds == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ((0.30, 0.31, 0.29), "helps"),
        ((-0.30, -0.31, -0.29), "does not help"),
        ((0.001, -0.001, 0.0), "does not help"),  # any gain worth having is excluded
        ((0.3, -0.3, 0.1), "cannot tell"),
        ((0.5,), "cannot tell"),
        ((-0.5,), "cannot tell"),
        ((0.2, 0.2), "cannot tell"),  # two seeds have no interval that holds however often one looks
        ((0.30, 0.34, 0.26), "helps"),
        ((0.30, 0.38, 0.22), "cannot tell"),  # planned, it would: t = 6.5, above 4.3 and below 10.3
    ],
)
def test_verdicts(differences: tuple[float, ...], verdict: str) -> None:
    assert verdict_of(*differences) == verdict


def test_the_always_valid_quantile_by_hand() -> None:
    """n = 3, c = 0.05: r = 0.05 / 3.05, and ((1 + x) / (1 + r x))^1.5 · √r = 20 at x = t² / 2."""
    share, t = 0.05 / 3.05, always_valid_quantile(3)
    x = t**2 / 2
    assert ((1 + x) / (1 + share * x)) ** 1.5 * share**0.5 == pytest.approx(20)
    assert t == pytest.approx(10.33, abs=0.01) and always_valid_quantile(5) == pytest.approx(5.66, abs=0.01)
    assert always_valid_quantile(2) == always_valid_quantile(1) == np.inf
    assert all(always_valid_quantile(n) > stats.t.ppf(0.975, n - 1) for n in range(3, 60))


def test_helps_is_said_of_nothing_in_less_than_one_of_forty_however_often_one_looks() -> None:
    """4,000 distillations without any effect, looked at after each of 3 to 20 seeds: P(helps) at most 0.025.

    Its standard error is 0.0025, and the true share about 0.012. A planned t interval looked at so says it in 0.10.
    """
    differences = np.random.default_rng(0).standard_normal((4000, 20))
    always, planned = np.zeros(4000, bool), np.zeros(4000, bool)
    for seeds in range(2, 21):
        mean, error = differences[:, :seeds].mean(1), differences[:, :seeds].std(1, ddof=1) / seeds**0.5
        always |= mean > always_valid_quantile(seeds) * error
        planned |= mean > stats.t.ppf(0.975, seeds - 1) * error
    assert always.mean() < 0.02 and 0.07 < planned.mean() < 0.15


def test_numbers_that_are_not_finite_reach_no_verdict() -> None:
    hard = [arm("hard", seed, 5.0) for seed in range(3)]
    soft = [arm("soft", seed, float("nan") if seed == 1 else 4.0) for seed in range(3)]
    found = conclude({}, {}, {"hard": hard, "soft": soft})
    assert found.difference is None and found.verdict == "cannot tell"
    assert "soft, seed 1" in found.verdict_reason and "diverged" in found.verdict_reason
    facts = {"frequency": np.arange(4.0)}
    assert gain_by(facts, {0: np.ones(4)}, {0: np.full(4, np.nan)}) == {}


def test_equal_time_says_what_it_counts() -> None:
    arms = {name: [arm(name, seed, 5.0) for seed in range(3)] for name in ("hard", "soft", "hard_equal_time")}
    counted = conclude({}, {}, arms, captured=True, capture_seconds=90.0)
    assert "includes the capture, 90 s" in counted.verdict_equal_time_reason
    assert "not known" in conclude({}, {}, arms, captured=True).verdict_equal_time_reason
    assert "capture" not in conclude({}, {}, arms).verdict_equal_time_reason


def test_conclusion_uses_the_test_part_where_there_is_one() -> None:
    hard = [arm("hard", seed, 5.0, 5.0 + seed / 1000) for seed in range(3)]
    soft = [arm("soft", seed, 4.0 + seed / 1000, 6.0) for seed in range(3)]
    result = conclude({}, {}, {"hard": hard, "soft": soft})
    assert result.difference is not None and result.difference.mean == pytest.approx(0.999)
    assert result.difference_test is not None and result.difference_test.mean == pytest.approx(-0.999)
    assert result.verdict == "does not help" and "test text" in result.verdict_reason
    assert result.verdict_equal_time == "no control" and result.difference_equal_time is None


def test_losses_beside_each_other_have_the_same_decimals() -> None:
    text = markdown(conclude({}, {}, {"soft": [arm("soft", 0, 6.33, 6.2871)]}).blocks())
    assert re.search(r"6\.3300 +\| +6\.2871", text)


def test_sentences_have_true_minus_signs_and_a_hot_result_says_what_was_measured() -> None:
    arms = {name: [arm(name, seed, 4.0 + seed / 1000) for seed in range(3)] for name in ("hard", "soft")}
    arms["soft"] = [arm("soft", seed, 5.0) for seed in range(3)]
    found = conclude({"temperature": 3.0}, {}, arms)
    text = markdown(found.blocks())
    assert "−0.99" in found.verdict_reason and re.search(r"(?<!\w)-\d", text) is None
    assert "were at τ = 3. " in text and "Try temperature=1 too" in text
    for temperature in (1.0, {"first": 4.0, "last": 1.0}):
        assert "Try temperature" not in markdown(conclude({"temperature": temperature}, {}, arms).blocks())


def test_progress_estimates_from_what_was_measured() -> None:
    now = 0.0
    reports: list[tuple[float, float, str]] = []
    planned = [("hard", 10), ("soft", 10), ("hard_equal_time", 10)]
    progress = TimeLeft(lambda *report: reports.append(report), planned, clock=lambda: now)
    for name, seconds in (("hard", 1.0), ("soft", 3.0), ("hard_equal_time", 3.0)):
        progress.begin(name, name)
        for step in range(1, 11):
            now += seconds
            progress.step(step, 10, None)
    assert len(reports) == 28  # silent until three steps are measured
    assert reports[0][:2] == (3.0, 3 + 7 + 2 * 25)  # a soft step is guessed at 2.5 hard ones
    assert reports[10][:2] == (19.0, 70.0)  # and from its third step on it is known
    assert reports[-1][:2] == (70.0, 70.0)


def test_four_tokens_by_hand() -> None:
    facts = {
        "teacher_entropy": np.array([0.1, 2.0, 0.2, 3.0]),
        "label_probability": np.array([0.9, 0.1, 0.8, 0.05]),
        "frequency": np.array([7.0, 7.0, 7.0, 7.0]),
    }
    hard = {0: np.array([1.0, 5.0, 1.0, 6.0]), 1: np.array([1.0, 5.0, 2.0, 6.0]), 9: np.zeros(4)}
    soft = {1: np.array([1.0, 4.0, 2.0, 4.0]), 0: np.array([1.0, 4.0, 1.0, 4.0])}
    found = gain_by(facts, hard, soft, bins=2, planned=True)
    sure, unsure = found["teacher_entropy"]
    assert (sure.low, sure.high, unsure.low, unsure.high) == (0.1, 0.2, 2.0, 3.0)
    assert (sure.hard_nll, sure.soft_nll, sure.difference, sure.part) == (1.25, 1.25, 0.0, 0.0)
    assert (unsure.hard_nll, unsure.soft_nll, unsure.difference, unsure.part) == (5.5, 4.0, 1.5, 0.75)
    assert unsure.ci == (1.5, 1.5) and (unsure.tokens, unsure.share) == (2, 0.5)
    # The same tokens, likely ones last; and a question to which all tokens have one answer.
    assert [one.difference for one in found["label_probability"]] == [1.5, 0.0]
    (everything,) = found["frequency"]
    assert everything.tokens == 4 and everything.part == 0.75


def test_one_seed_has_no_interval_and_none_has_no_bins() -> None:
    facts = dict.fromkeys(("teacher_entropy", "label_probability", "frequency"), np.arange(4.0))
    assert gain_by(facts, {0: np.ones(4)}, {1: np.ones(4)}) == {}
    assert gain_by(facts, {0: np.ones(4)}, {0: np.ones(4)}, bins=2)["frequency"][0].ci is None


def test_bins_are_of_about_equal_size_and_equal_values_stay_together() -> None:
    generator = np.random.default_rng(0)
    assert np.bincount(places_in(generator.normal(size=1000), 5)).tolist() == pytest.approx([200] * 5, abs=2)
    counts = generator.poisson(2.0, size=1000).astype(float)
    places = places_in(counts, 5)
    for value in np.unique(counts):
        assert len(np.unique(places[counts == value])) == 1
    assert (np.diff(places[np.argsort(counts, kind="stable")]) >= 0).all()


def test_frequency_counts_what_training_counts() -> None:
    ids = np.array([[1, 1, 2], [1, 3, 3]])
    counted = np.array([[True, True, True], [False, True, True]])
    assert token_frequency(ids, counted, np.array([1, 2, 3, 0, 5])).tolist() == [2, 1, 2, 0, 0]


def test_entropy_of_logits_with_excluded_tokens() -> None:
    logits = torch.tensor([[0.0, 0.0, -torch.inf, -torch.inf], [np.log(3.0), 0.0, -torch.inf, -torch.inf]])
    found = nll_and_entropy(logits.float(), torch.tensor([1, 0]))
    expected = [[np.log(2), np.log(2)], [-np.log(0.75), -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))
