"""The search of a learning rate: equal for all arms, chosen on the validation text; and the rule of what is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retort.distill import DistillResult, Recipe, run
from retort.distill.arm import best_step
from retort.distill.experiment import search, tries
from retort.distill.results import Try
from retort.errors import InputError

Markov = Callable[..., dict[str, Any]]
RATES = [1e-4, 1e-2, 5.0]


def test_the_best_sound_try_is_taken_and_edges_are_told() -> None:
    losses = {0.1: 3.0, 0.2: 2.0, 0.3: 2.0, 0.4: math.nan}
    found = search("soft", list(losses), 7, 50, lambda rate: Try(rate, losses[rate], 1.0))
    assert (found.chosen, found.at_edge, found.seed, found.steps) == (0.2, False, 7, 50)
    assert [one.val_nll for one in found.tried][:3] == [3.0, 2.0, 2.0]
    assert search("soft", [0.1, 0.4], 7, 50, lambda rate: Try(rate, losses[rate], 1.0)).at_edge
    with pytest.raises(InputError, match=r"arm hard diverged at every learning rate of 0.4, 0.5"):
        search("hard", [0.4, 0.5], 0, 50, lambda rate: Try(rate, math.inf, 1.0))


@pytest.fixture(scope="module")
def searched(markov: Markov) -> DistillResult:
    values = markov(steps=10, learning_rate=RATES, equal_time=True)
    texts = values["data"] | {"test": values["data"]["validation"], "test_tokens": 200}
    return run(Recipe.from_dict(values | {"data": texts}))


def test_every_arm_tries_the_same_and_takes_its_own_best(searched: DistillResult) -> None:
    assert searched.searches is not None
    assert list(searched.searches) == list(searched.arms) == ["hard", "soft", "hard_equal_time"]
    for name, found in searched.searches.items():
        results = searched.arms[name]
        assert [one.learning_rate for one in found.tried] == RATES and found.seed == 0
        assert found.chosen == min(found.tried, key=lambda one: one.val_nll).learning_rate == 1e-2
        assert {one.learning_rate for one in results} == {1e-2} and not found.at_edge
        # The best try is the first seed's training, which is not run twice.
        assert results[0].val_nll == found.tried[1].val_nll and found.steps == results[0].steps
        assert results[0].test_nll != results[0].val_nll
    assert searched.searches["hard"].steps == searched.searches["soft"].steps == 10


def test_searched_arms_are_those_of_the_rate_given(markov: Markov, searched: DistillResult) -> None:
    given = run(Recipe.from_dict(markov(steps=10, learning_rate=1e-2)))
    for name in ("hard", "soft"):
        assert [one.val_nll for one in given.arms[name]] == [one.val_nll for one in searched.arms[name]]
    assert given.searches is None and given.arms["hard"][0].learning_rate == 1e-2


def test_short_tries_never_see_the_test_text_and_are_found_again(markov: Markov, tmp_path: Path) -> None:
    values = markov(steps=8, search_steps=4, learning_rate=RATES[:2], seeds=1, equal_time=True)
    values["data"] = values["data"] | {"test": values["data"]["validation"]}
    recipe = Recipe.from_dict(values | {"output": str(tmp_path / "out"), "save": str(tmp_path / "students")})
    found = run(recipe)
    assert found.searches is not None and {one.steps for one in found.searches.values()} == {4}
    # Of equal length on the same labels, the tries of both controls are the same trainings.
    assert found.searches["hard_equal_time"] == found.searches["hard"] and tries(recipe) == 4
    stored = [
        json.loads(file.read_text())["result"] for file in (tmp_path / "out" / "arms").glob("*-seed*.json")
    ]
    assert sorted(one["steps"] for one in stored if one["arm"] != "hard_equal_time") == [4, 4, 4, 4, 8, 8]
    assert all(
        (one["test_nll"] is None) == (one["steps"] == 4) for one in stored if one["arm"] != "hard_equal_time"
    )
    assert all((one["saved"] is None) == (one["test_nll"] is None) for one in stored)
    seen: list[str] = []
    assert run(recipe, lambda done, total, detail: seen.append(detail)) == found and seen == []


def test_progress_says_what_is_tried(markov: Markov) -> None:
    reports: list[tuple[float, float, str]] = []
    points: list[tuple[str, int]] = []
    recipe = Recipe.from_dict(markov(steps=6, learning_rate=RATES[:2], seeds=1, control=False, eval_every=3))
    run(
        recipe, lambda *report: reports.append(report), lambda arm, seed, step, *_: points.append((arm, step))
    )
    assert "soft, seed 0, learning rate 0.01, step 6 of 6" in reports[-1][2]
    assert reports[-1][0] == pytest.approx(reports[-1][1])
    assert points == [("soft", 3), ("soft", 6)]  # the curve of the one that was taken


def test_the_best_step_is_the_earliest_lowest_one() -> None:
    curve = [(10, 1.0, 3.0), (20, 2.0, 2.0), (30, 3.0, 2.0)]
    assert (
        best_step(curve, 40, 2.5) == 20 and best_step(curve, 40, 1.9) == 40 and best_step([], 40, 1.9) == 40
    )


def test_a_measurement_that_is_no_number_is_the_worst_and_hides_no_other() -> None:
    nan = float("nan")
    assert best_step([(10, 1.0, nan), (20, 2.0, 2.0), (30, 3.0, 3.0)], 40, 2.5) == 20
    assert best_step([(10, 1.0, nan)], 40, 2.5) == 40 and best_step([(10, 1.0, 2.0)], 40, nan) == 10


def test_keeping_the_best_keeps_the_weights_of_the_best_measurement(markov: Markov, tmp_path: Path) -> None:
    """Little text seen often: the loss on other text falls and rises again."""
    changes = {"steps": 40, "eval_every": 10, "learning_rate": 0.03, "seeds": 1, "control": False}
    last = run(Recipe.from_dict(markov(**changes, alpha=0.1))).arms["soft"][0]
    values = markov(**changes, alpha=0.1, keep="best", save=str(tmp_path))
    best = run(Recipe.from_dict(values)).arms["soft"][0]
    assert [nll for _, _, nll in best.curve] == [nll for _, _, nll in last.curve]
    assert best.kept_step == min(best.curve, key=lambda point: point[2])[0] < 40 == last.kept_step
    assert best.val_nll == min(nll for _, _, nll in best.curve) < last.val_nll
    again = run(
        Recipe.from_dict(markov(student=best.saved, steps=1, learning_rate=1e-9, seeds=1, control=False))
    )
    assert again.arms["soft"][0].val_nll == pytest.approx(best.val_nll, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": [0.1]}, "a list is a search and holds two or more"),
        ({"learning_rate": [0.1, 0.1]}, "two or more different rates"),
        ({"learning_rate": [0.1, -1]}, r"learning_rate.1. is -1; allowed is a number in \(0, 10\]"),
        ({"search_steps": 5}, "a search needs a list of learning rates"),
        ({"keep": "best"}, "eval_every is not given"),
        ({"keep": "lats"}, "did you mean last"),
        ({"report_to": 3}, "report_to is 3; it must be a list"),
    ],
)
def test_refuses(markov: Markov, change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe.from_dict(markov(**change))
