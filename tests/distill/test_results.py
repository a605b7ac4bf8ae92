"""Differences, intervals and verdicts, on numbers made up for the purpose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from retort.distill.progress import Progress
from retort.distill.results import ArmResult, conclude, judge, paired_difference


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
        ((0.2, 0.2), "helps"),
    ],
)
def test_verdicts(differences: tuple[float, ...], verdict: str) -> None:
    assert verdict_of(*differences) == verdict


def test_conclusion_uses_the_test_part_where_there_is_one() -> None:
    hard = [arm("hard", seed, 5.0, 5.0 + seed / 1000) for seed in range(3)]
    soft = [arm("soft", seed, 4.0 + seed / 1000, 6.0) for seed in range(3)]
    result = conclude({}, {}, {"hard": hard, "soft": soft})
    assert result.difference is not None and result.difference.mean == pytest.approx(0.999)
    assert result.difference_test is not None and result.difference_test.mean == pytest.approx(-0.999)
    assert result.verdict == "does not help" and "test text" in result.verdict_reason
    assert result.verdict_equal_time == "no control" and result.difference_equal_time is None


def test_progress_estimates_from_what_was_measured() -> None:
    now = 0.0
    reports: list[tuple[float, float, str]] = []
    progress = Progress(lambda *report: reports.append(report), clock=lambda: now)
    progress.plan([("hard", 10), ("soft", 10), ("hard_equal_time", 10)])
    for name, seconds in (("hard", 1.0), ("soft", 3.0), ("hard_equal_time", 3.0)):
        progress.begin(name)
        for step in range(1, 11):
            now += seconds
            progress.step(name, 0, step, 10, 0, None)
    assert len(reports) == 28  # silent until three steps are measured
    assert reports[0][:2] == (3.0, 3 + 7 + 2 * 25)  # a soft step is guessed at 2.5 hard ones
    assert reports[10][:2] == (19.0, 70.0)  # and from its third step on it is known
    assert reports[-1][:2] == (70.0, 70.0)
