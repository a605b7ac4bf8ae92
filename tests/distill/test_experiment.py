"""Whole distillations on a language whose true distribution is known; and finished, killed and changed runs."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.markov import SMALL_STUDENT, transitions
from retort.distill import DistillResult, Recipe, run
from retort.distill.arm import last_checkpoint
from retort.distill.best_weights import best_step
from retort.distill.experiment import search, tried_arms
from retort.distill.results import Try
from retort.errors import CapabilityError, InputError

Markov = Callable[..., dict[str, Any]]


def small(markov: Markov, **changes: Any) -> Recipe:
    return Recipe.from_dict(markov(**{"steps": 6, "seeds": 1, "control": False, **changes}))


@pytest.fixture(scope="module")
def helped(markov: Markov) -> DistillResult:
    return run(Recipe.from_dict(markov(equal_time=True, eval_every=30, planned=True)))


def test_a_teacher_that_knows_helps(helped: DistillResult) -> None:
    assert helped.verdict == "helps"
    assert helped.difference is not None and helped.difference.ci is not None
    assert helped.difference.mean > 0.05 and helped.difference.ci[0] > 0
    hard, soft = helped.arms["hard"], helped.arms["soft"]
    assert helped.difference.per_seed == tuple(a.val_nll - b.val_nll for a, b in zip(hard, soft, strict=True))


def test_the_teacher_is_the_source(helped: DistillResult) -> None:
    """Its held-out nats a token are the chain's entropy rate, within sampling error; no student goes below it."""
    table = transitions(0)
    values, vectors = np.linalg.eig(table.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    rate = float((stationary / stationary.sum()) @ -(table * np.log(table)).sum(axis=1))
    assert helped.teacher["val_nll"] == pytest.approx(rate, abs=0.1)
    assert all(one.val_nll > helped.teacher["val_nll"] for arm in helped.arms.values() for one in arm)


def test_arms_differ_in_what_they_must(helped: DistillResult) -> None:
    hard, soft, longer = (helped.arms[name][1] for name in ("hard", "soft", "hard_equal_time"))
    assert (hard.seed, soft.seed, longer.seed) == (1, 1, 1)
    assert (hard.steps, hard.tokens) == (soft.steps, soft.tokens) == (60, 60 * 8 * 32)
    assert longer.steps == round(60 * soft.seconds_per_step / hard.seconds_per_step)
    assert (hard.kd_weight, hard.ce_weight) == (0, 1)
    assert (soft.kd_weight, soft.ce_weight) == (pytest.approx(6.3), pytest.approx(0.3))
    assert [step for step, _, _ in soft.curve] == [30, 60]
    assert 0 < soft.curve[0][1] < soft.curve[1][1] == soft.seconds
    assert soft.curve[-1][2] == soft.val_nll


def test_gain_is_told_by_bins_that_add_up(helped: DistillResult) -> None:
    assert helped.gain_by is not None and helped.gain_by_part == "validation"
    assert list(helped.gain_by) == ["teacher_entropy", "label_probability", "frequency"]
    tokens = sum(one.tokens for one in helped.gain_by["teacher_entropy"])
    for bins in helped.gain_by.values():
        assert len(bins) > 1 and sum(one.tokens for one in bins) == tokens
        assert sum(one.part for one in bins) == pytest.approx(helped.difference.mean, abs=1e-5)  # type: ignore[union-attr]
    # The teacher is the chain: a token's probability under it is in the table, and its entropy that of a row.
    table = transitions(0)
    entropies = -(table * np.log(table)).sum(axis=1)
    by_entropy = helped.gain_by["teacher_entropy"]
    assert by_entropy[0].low >= entropies.min() - 1e-3 and by_entropy[-1].high <= entropies.max() + 1e-3
    assert helped.gain_by["label_probability"][-1].high == pytest.approx(table.max(), abs=1e-3)
    assert max(one.high for one in helped.gain_by["frequency"]) < 700


def test_result_is_json(helped: DistillResult) -> None:
    read = json.loads(json.dumps(helped.to_dict()))
    assert read["arms"]["soft"][0]["val_nll"] == helped.arms["soft"][0].val_nll
    assert Recipe.from_dict(read["recipe"]) == Recipe.from_dict(helped.recipe)


def test_a_useless_teacher_does_not_help(markov: Markov) -> None:
    result = run(Recipe.from_dict(markov(teacher="useless", planned=True)))
    assert result.verdict == "does not help"
    assert result.difference is not None and result.difference.mean < 0


def test_same_recipe_same_numbers_and_hard_labels_ignore_the_teacher(markov: Markov) -> None:
    first, again, other = (
        run(small(markov, control=True, **change))
        for change in ({}, {}, {"teacher": "useless", "temperature": 1})
    )
    numbers = [
        {name: arm[0].val_nll for name, arm in result.arms.items()} for result in (first, again, other)
    ]
    assert numbers[0] == numbers[1]
    assert numbers[0]["hard"] == numbers[2]["hard"] and numbers[0]["soft"] != numbers[2]["soft"]


def test_without_control_the_verdict_says_so(markov: Markov) -> None:
    result = run(small(markov))
    assert set(result.arms) == {"soft"} and result.difference is None
    assert result.verdict == "no control" and "no control" in result.verdict_reason


def test_ensemble_and_bfloat16_and_test_part(markov: Markov) -> None:
    values = markov()
    result = run(
        small(
            markov,
            teacher="true",
            dtype="bfloat16",
            data={**values["data"], "test": values["data"]["validation"]},
        )
    )
    one = result.arms["soft"][0]
    assert one.test_nll == one.val_nll
    pair = {
        **values,
        "teacher": [values["teacher"], values["teacher"]],
        "steps": 6,
        "seeds": 1,
        "control": False,
    }
    doubled = run(Recipe.from_dict(pair))
    single = run(small(markov))
    assert doubled.arms["soft"][0].val_nll == pytest.approx(single.arms["soft"][0].val_nll, abs=1e-4)


def test_finished_arms_are_not_trained_again(markov: Markov, tmp_path: Path) -> None:
    recipe = small(markov, output=str(tmp_path / "out"), save=str(tmp_path / "students"), control=True)
    first = run(recipe)
    calls: list[str] = []
    assert run(recipe, lambda done, total, detail: calls.append(detail)) == first
    assert calls == [] and first.gain_by is not None
    for file in (tmp_path / "out" / "arms").glob("soft*.npy"):
        file.write_bytes(b"damaged")  # costs the bins, not the training
    without = run(recipe, lambda done, total, detail: calls.append(detail))
    assert calls == [] and without.gain_by is None and without.arms == first.arms
    changed = small(markov, output=str(tmp_path / "out"), control=True, temperature=2.0)
    run(changed, lambda done, total, detail: calls.append(detail))
    assert calls and all(call.startswith("soft") for call in calls)
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_saved_student_loads_and_is_the_one_measured(markov: Markov, tmp_path: Path) -> None:
    recipe = small(markov, save=str(tmp_path / "students"))
    saved = run(recipe).arms["soft"][0].saved
    assert saved is not None
    from retort.distill.models import fingerprint, open_model

    card = json.loads((Path(saved) / "distill.json").read_text())
    assert Recipe.from_dict(card["recipe"]) == recipe
    # Starting from it and training on: another student, from the same weights in every seed.
    resumed = run(small(markov, student=saved, steps=1, learning_rate=1e-9)).arms["soft"][0]
    assert resumed.val_nll == pytest.approx(run(recipe).arms["soft"][0].val_nll, abs=1e-4)
    assert fingerprint(open_model(saved).model) == fingerprint(open_model(saved).model)


def test_a_killed_arm_resumes_to_the_same_result(markov: Markov, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(done: float, total: float, detail: str) -> None:
        if "step 5 " in detail:
            raise Killed

    recipe = small(markov, steps=8, checkpoint_every=2, eval_every=2, output=str(tmp_path))
    expected = run(small(markov, steps=8, eval_every=2)).arms["soft"][0]
    with pytest.raises(Killed):
        run(recipe, kill)
    assert list(tmp_path.glob("checkpoints/*/checkpoint-4"))
    seen: list[str] = []
    result = run(recipe, lambda done, total, detail: seen.append(detail)).arms["soft"][0]
    assert not any("step 4 " in detail for detail in seen), "began again instead of resuming"
    assert result.val_nll == expected.val_nll
    assert [(step, nll) for step, _, nll in result.curve] == [(step, nll) for step, _, nll in expected.curve]
    assert not (tmp_path / "checkpoints").exists()


def test_a_half_written_checkpoint_is_not_one(tmp_path: Path) -> None:
    """Trainer writes its state last: cut short, or not there yet, the checkpoint before it is the last one."""
    assert last_checkpoint(tmp_path / "none") is None
    for step, state in ((5, '{"global_step": 5}'), (10, '{"global_st'), (15, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-5")
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint-5"]
    (tmp_path / "checkpoint-5" / "trainer_state.json").unlink()
    assert last_checkpoint(tmp_path) is None


def test_progress_counts_down(markov: Markov) -> None:
    reports: list[tuple[float, float, str]] = []
    run(small(markov, seeds=2), lambda *report: reports.append(report))
    assert reports[-1][0] == pytest.approx(reports[-1][1])
    assert "soft, seed 1, step 6 of 6" in reports[-1][2]
    assert all(done <= total for done, total, _ in reports)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"sequence_length": 65}, InputError, "takes 64 tokens at most"),
        (
            {"student": {"config": {"model_type": "llama", "hiden_size": 8}}},
            InputError,
            "did you mean hidden_size",
        ),
        ({"student": {"config": {"model_type": "lama"}}}, InputError, "model_type is 'lama'"),
        ({"student": {"config": SMALL_STUDENT["config"] | {"vocab_size": 4}}}, InputError, "has 4 token ids"),
        (
            {"student": {"config": SMALL_STUDENT["config"] | {"hidden_size": 9}}},
            InputError,
            "not valid for llama",
        ),
        ({"student": "embedded:english"}, CapabilityError, "not a transformers model"),
    ],
)
def test_refuses(markov: Markov, change: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run(small(markov, **change))


def test_trap_a_student_that_reads_other_tokens_is_refused(markov: Markov, tmp_path: Path) -> None:
    """As many ids, but two words changed places: trained on, every text would be another one for it."""
    student = shutil.copytree(markov()["teacher"], tmp_path / "student")
    assert run(small(markov, student=str(student), steps=1)).arms["soft"], "the same tokens are taken"
    file = student / "tokenizer.json"
    changed = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = changed["model"]["vocab"]
    vocabulary["w3"], vocabulary["w4"] = vocabulary["w4"], vocabulary["w3"]
    file.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(InputError, match="id 3 is 'w3' for the teacher and 'w4' for the student"):
        run(small(markov, student=str(student), steps=1))


# The search of a learning rate: equal for all arms, chosen on the validation text; and the rule of what is kept.

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
    assert found.searches["hard_equal_time"] == found.searches["hard"] and len(tried_arms(recipe)) == 4
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
        best_step([*curve, (40, 4.0, 2.5)]) == 20
        and best_step([*curve, (40, 4.0, 1.9)]) == 40
        and best_step([(40, 4.0, 1.9)]) == 40
    )


def test_a_measurement_that_is_no_number_is_the_worst_and_hides_no_other() -> None:
    nan = float("nan")
    assert best_step([(10, 1.0, nan), (20, 2.0, 2.0), (30, 3.0, 3.0), (40, 4.0, 2.5)]) == 20
    assert (
        best_step([(10, 1.0, nan), (40, 4.0, 2.5)]) == 40
        and best_step([(10, 1.0, 2.0), (40, 4.0, nan)]) == 10
    )


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
def test_search_refuses(markov: Markov, change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe.from_dict(markov(**change))
