"""A whole tour on a small random model: every part, what is kept, what is found again; needs torch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.report.stories import make_distillation, make_tuning

from retort.errors import InputError
from retort.sources.load import load
from retort.tour import SMALL, Found, Plan, quick, run
from retort.tour.kept import read_tuning, tuning_key, write_tuning
from retort.tour.plan import next_commands, spoken
from retort.tour.run import mean_curve, spread
from retort.tune import load_task
from tiny_models import TEXT, save_tiny_model


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The quick plan on a tiny model, shortened further."""
    folder = tmp_path_factory.mktemp("tour")
    model = str(save_tiny_model(folder / "tiny"))
    (folder / "text.txt").write_text("\n\n".join(TEXT * 10))
    (folder / "recipe.yaml").write_text(
        f"teacher: {model}\n"
        "student: {config: {model_type: llama, hidden_size: 16, num_hidden_layers: 1, intermediate_size: 16,\n"
        "  num_attention_heads: 2, num_key_value_heads: 2}}\n"
        f"data: {{train: {folder}/text.txt, validation: {folder}/text.txt}}\n"
        "sequence_length: 8\nbatch_size: 4\n"
    )
    return replace(
        quick(SMALL),
        model=model,
        looks=((model, "the sky is"), (model, "a pear is")),
        path_temperatures=(0.0, 1.0, 2.0),
        tasks=(("exploit", 8, 2), ("explore", 6, 2)),
        tune_temperatures=(0.0, 1.0),
        recipe=str(folder / "recipe.yaml"),
        recipe_overrides=("seeds=2", "steps=3", "equal_time=false", "eval_every=1"),
    )


class Stopped(Exception):
    pass


def test_stopped_and_gone_on_and_run_again_and_made_anew(plan: Plan, tmp_path: Path) -> None:
    landed: list[Found] = []

    def stop_after_the_first_tuning(found: Found) -> None:
        landed.append(found)
        if found.step.title == "Tune":
            raise Stopped

    with pytest.raises(Stopped):
        run(plan, tmp_path, seed=3, on_found=stop_after_the_first_tuning)
    assert [found.step.title for found in landed] == ["Look", "Look", "Draw", "Path", "Tune"]
    assert not (tmp_path / "report.html").exists()

    said: list[tuple[float, float, str]] = []
    second = run(plan, tmp_path, seed=3, on_progress=lambda *report: said.append(report))
    assert [step.reused is not None for step in second.steps] == [
        False,
        False,
        False,
        False,
        True,
        False,
        False,
    ]
    assert (tmp_path / "report.html").is_file()
    assert all(passed <= total for passed, total, _ in said)
    assert said[-1][2].startswith("8/8 report")

    third = run(plan, tmp_path, seed=3)
    assert [step.reused is not None for step in third.steps] == [False, False, False, False, True, True, True]
    assert third.steps[-1].reused.startswith("4 of 4 students from an earlier run")
    assert third.findings == second.findings
    assert third.distillation.result.to_dict() == second.distillation.result.to_dict()
    for before, after in zip(second.tunings, third.tunings, strict=True):
        assert before.tuning.to_dict() == after.tuning.to_dict()

    other_seed = run(plan, tmp_path, seed=4)
    assert [step.reused is not None for step in other_seed.steps[4:]] == [False, False, True]

    (tmp_path / "mine.txt").write_text("not the tour's")
    fresh = run(plan, tmp_path, seed=3, fresh=True)
    assert all(step.reused is None for step in fresh.steps)
    assert (tmp_path / "mine.txt").is_file()


def test_what_does_not_fit_is_noticed_before_the_first_step(plan: Plan, tmp_path: Path) -> None:
    def nothing(found: Found) -> None:
        raise AssertionError("a step was run")

    with pytest.raises(InputError, match="stepz"):
        run(replace(plan, recipe_overrides=("stepz=1",)), tmp_path / "a", on_found=nothing)
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--out"):
        run(plan, tmp_path / "file", on_found=nothing)


def test_a_kept_tuning_comes_back_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "tune.json"
    tuning = replace(make_tuning(), item_ids=("a", "b"), item_scores=np.ones((2, 11)) / 3)
    write_tuning(file, tuning)
    back = read_tuning(file)
    assert back is not None
    assert back.to_dict() == tuning.to_dict()
    assert (back.settings, back.recommendation) == (tuning.settings, tuning.recommendation)
    assert back.item_ids == tuning.item_ids
    np.testing.assert_array_equal(back.item_scores, tuning.item_scores)
    broken = json.loads(file.read_text())
    del broken["recommendation"]["region"]
    file.write_text(json.dumps(broken))
    assert read_tuning(file) is None
    assert read_tuning(tmp_path / "none.json") is None


def test_the_key_changes_with_everything_that_decides(plan: Plan, tmp_path: Path) -> None:
    source, task = load(plan.model), load_task("exploit")
    part = replace(task, items=task.items[:4])
    keys = [
        tuning_key(part, source, (0.0, 1.0), 2, 0),
        tuning_key(part, source, (0.0, 1.5), 2, 0),
        tuning_key(part, source, (0.0, 1.0), 3, 0),
        tuning_key(part, source, (0.0, 1.0), 2, 1),
        tuning_key(replace(task, items=task.items[:5]), source, (0.0, 1.0), 2, 0),
        tuning_key(replace(part, max_tokens=3), source, (0.0, 1.0), 2, 0),
        tuning_key(part, load(str(save_tiny_model(tmp_path / "other", seed=1))), (0.0, 1.0), 2, 0),
    ]
    assert len(set(keys)) == len(keys)
    assert None not in keys
    assert keys[0] == tuning_key(part, source, (0.0, 1.0), 2, 0)


def test_items_are_spread_over_the_whole_list() -> None:
    items = load_task("exploit").items
    assert spread(items, None) == spread(items, 10**6) == items
    assert spread(items[:10], 3) == (items[0], items[3], items[6])


def test_the_mean_curve_is_of_the_steps_that_all_seeds_have() -> None:
    first, second = make_distillation((0.1, 0.1), time_gains=(0, 0)).arms["hard"]
    first = replace(first, curve=((1, 0.1, 4.0), (2, 0.2, 3.0)))
    second = replace(second, curve=((2, 0.2, 2.0), (3, 0.3, 1.0)))
    assert mean_curve((first, second)) == ((2, 2.5),)
    assert mean_curve(()) == ()


def test_temperatures_are_spoken_as_the_commands_take_them() -> None:
    assert spoken((0.5, 1.0, 2.0)) == "0.5,1,2"
    assert spoken(tuple(number / 20 for number in range(41))) == "0:2:41"
    assert spoken((0.0, 0.1, 0.2, 1.0)) == "0,0.1,0.2,1"


def test_the_next_commands_can_be_pasted_into_a_shell(plan: Plan) -> None:
    lines = next_commands(plan, 7, "my folder/retort")
    assert lines[0].startswith("MODEL=")
    assert all(line.startswith("'my folder/retort' ") for line in lines[1:])
    assert [line.split()[2] for line in lines[1:]] == ["look", "path", "tune", "distill", "tour"]
