"""Recipes: defaults, overrides, and one clear sentence for everything that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retort.distill.recipe import EMBEDDED_RECIPES, Recipe, recipe_schema
from retort.errors import InputError, SourceError

MINIMAL = {"teacher": "big", "student": "small", "data": {"train": "a.txt", "validation": "b.txt"}}


def test_defaults_and_plain_values() -> None:
    recipe = Recipe.from_dict(MINIMAL)
    assert (recipe.temperature, recipe.alpha, recipe.seeds) == (3.0, 0.7, (0, 1, 2, 3, 4))
    assert recipe.teachers == ("big",) and recipe.shares == (1.0,)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.to_dict()["teacher"] == "big" and recipe.to_dict()["data"]["test"] is None


def test_weighted_teachers_and_moving_temperatures_are_read_back() -> None:
    pair = [{"model": "big", "weight": 3}, "other"]
    moving = {"first": 4, "last": 1, "schedule": "cosine"}
    recipe = Recipe.from_dict(MINIMAL | {"teacher": pair, "temperature": moving})
    assert recipe.teachers == ("big", "other") and recipe.shares == (0.75, 0.25)
    assert recipe.to_dict()["teacher"] == [
        {"model": "big", "weight": 3.0},
        {"model": "other", "weight": 1.0},
    ]
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe != Recipe.from_dict(MINIMAL | {"teacher": ["big", "other"], "temperature": moving})
    assert Recipe.from_dict(MINIMAL | {"teacher": ["big", "other"]}).to_dict()["teacher"] == ["big", "other"]
    assert Recipe.from_dict(recipe.to_dict(), ["temperature.last=2"]).to_dict()["temperature"] == {
        "first": 4.0,
        "last": 2.0,
        "schedule": "cosine",
    }


def test_overrides_reach_inside_and_leave_the_given_values_alone() -> None:
    values: dict[str, Any] = {**MINIMAL, "student": {"config": {"model_type": "llama", "hidden_size": 96}}}
    overrides = [
        "student.config.hidden_size=64",
        "data.tokens=1000",
        "learning-rate=1e-3",
        "seeds=[3, 5]",
        "alpha=1",
    ]
    recipe = Recipe.from_dict(values, overrides)
    assert recipe.to_dict()["student"] == {"config": {"model_type": "llama", "hidden_size": 64}}
    # YAML 1.1 reads 1e-3 as text.
    assert (recipe.data.tokens, recipe.learning_rate, recipe.seeds, recipe.alpha) == (
        1000,
        0.001,
        (3, 5),
        1.0,
    )
    assert values["student"]["config"]["hidden_size"] == 96


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("temprature=2", "no key temprature .did you mean temperature"),
        ("data.trian=x", "no key data.trian .did you mean train"),
        ("alpha=1.5", r"alpha is 1.5; allowed is a number in \[0, 1\]"),
        ("alpha=0", "nothing would be distilled"),
        ("temperature=0", r"temperature is 0; allowed is a number in \(0"),
        ("temperature=.nan", "temperature is nan"),
        ("warmup=1", r"warmup is 1; allowed is a number in \[0, 1\)"),
        ("steps=2.5", "steps is 2.5; allowed is a whole number of 1 or more"),
        ("steps=true", "steps is True"),
        ("schedule=cosin", "did you mean cosine"),
        ("dtype=float16", "allowed are float32, bfloat16"),
        ("seeds=0", "seeds is 0"),
        ("seeds=[1, 1]", "duplicate seed"),
        ("seeds=[1, 4294967296]", "a seed may be 4,294,967,295 at most"),
        ("control=maybe", "allowed are true and false"),
        ("micro_batch_size=5", "the first must divide the second"),
        ("student={config: {hidden_size: 8}}", "model_type"),
        ("on_policy={share: 0}", r"on_policy.share is 0; allowed is a number in \(0, 1\]"),
        ("on_policy={lambda: 0.5}", "no key on_policy.lambda.*keys are share, prompt_tokens, temperature"),
        (
            "on_policy={prompt_tokens: 128}",
            "prompt_tokens is 128 and sequence_length 128; rows must be longer",
        ),
        ("on_policy=0.5", "on_policy is 0.5; it must be keys and values"),
        ("teacher=[]", "a list of models to average"),
        ("teacher=[{model: big, wieght: 2}]", "no key teacher.0..wieght .did you mean weight"),
        ("teacher=[{model: big, weight: 0}]", r"teacher.0..weight is 0; allowed is a number in \(0"),
        ("teacher=[{weight: 2}]", r"has no teacher.0..model, which is required"),
        ("temperature={first: 4}", r"has no temperature.last, which is required"),
        ("temperature={first: 4, last: 0}", r"temperature.last is 0; allowed is a number in \(0"),
        (
            "temperature={first: 4, last: 1, schedule: cosin}",
            "temperature.schedule is 'cosin' .did you mean cosine",
        ),
        ("data=5", "data is 5; it must be keys and values"),
        ("steps", "write it as steps=200"),
        ("steps.more=1", "steps is 500 and has no keys|steps is"),
        ("steps=[1", "not valid YAML"),
    ],
)
def test_refuses(override: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe.from_dict(MINIMAL, [override])


def test_missing_keys_are_named() -> None:
    with pytest.raises(InputError, match="has no teacher, which is required"):
        Recipe.from_dict({key: value for key, value in MINIMAL.items() if key != "teacher"})
    with pytest.raises(InputError, match=r"has no data\.validation, which is required"):
        Recipe.from_dict({**MINIMAL, "data": {"train": "a.txt"}})


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("teacher: big\nstudent: small\ndata: {train: a.txt, validation: b.txt}\n")
    assert Recipe.load(file, ["steps=7"]).steps == 7
    file.write_text("teacher: [big\n")
    with pytest.raises(InputError, match="not valid YAML"):
        Recipe.load(file)
    file.write_text("- teacher\n")
    with pytest.raises(InputError, match="keys and values"):
        Recipe.load(file)
    with pytest.raises(SourceError, match="cannot be read"):
        Recipe.load(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match=r"embedded:defalt.*did you mean default"):
        Recipe.load("embedded:defalt")


@pytest.mark.parametrize("file", sorted(EMBEDDED_RECIPES.glob("*.yaml")), ids=lambda file: file.stem)
def test_embedded_recipes_are_valid(file: Path) -> None:
    recipe = Recipe.load(f"embedded:{file.stem}")
    assert recipe.control and recipe.equal_time and recipe.data.test == "embedded:test"


def test_there_are_embedded_recipes() -> None:
    assert {file.stem for file in EMBEDDED_RECIPES.glob("*.yaml")} >= {"default", "evidence"}


def test_the_kinds_of_records_are_those_that_are_read() -> None:
    from retort.distill.data.records import FORMATS

    kinds = recipe_schema()["$defs"]["Data"]["properties"]["format"]["anyOf"][0]["enum"]
    assert kinds == list(FORMATS)


def test_an_arm_of_equal_time_is_not_asked_for_without_controls() -> None:
    with pytest.raises(InputError, match="equal_time is true and control false"):
        Recipe.from_dict(MINIMAL | {"control": False, "equal_time": True})
    assert not Recipe.from_dict(MINIMAL | {"control": False}).control


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"columns": {"promt": "q"}},
            r"data\.columns has the key 'promt' \(did you mean prompt\?\); allowed are text",
        ),
        ({"columns": ["q"]}, r"data\.columns is \['q'\]; it must be keys and values"),
        ({"format": "message"}, r"data\.format is 'message' \(did you mean messages\?\); allowed are text"),
    ],
)
def test_how_records_look_is_checked(change: dict[str, Any], words: str) -> None:
    data = {"train": "a", "validation": "b"}
    with pytest.raises(InputError, match=words):
        Recipe.from_dict({"teacher": "t", "student": "s", "data": data | change})
