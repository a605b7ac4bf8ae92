"""What can be known of a recipe before it runs: its schema, that it is valid, and how its two terms weigh."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
import yaml
from click.testing import CliRunner

from retort.cli.main import main
from retort.distill import Recipe
from retort.distill.check import check_recipe, explain
from retort.distill.recipe import recipe_schema
from retort.errors import InputError

Values = Callable[..., dict[str, Any]]

CLUSTER = {
    "teacher": "org/teacher-70b",
    "student": {
        "config": {
            "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
        }
    },
    "data": {"train": "/cluster/train.jsonl", "validation": "/cluster/held-out.jsonl"},
    "targets": "/cluster/targets", "sequence_length": 4096, "batch_size": 256, "micro_batch_size": 2,
    "steps": 50_000, "learning_rate": 3e-4, "temperature": 1.0, "dtype": "bfloat16", "seeds": [0],
}  # fmt: skip


def test_the_schema_knows_every_key_and_agrees_with_the_checks() -> None:
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(CLUSTER)
    assert validator.is_valid(Recipe.load("embedded:default").to_dict())
    for right in (
        {"temperature": {"first": 4, "last": 1}}, {"teacher": [{"model": "a", "weight": 2}, "b"]},
        {"on_policy": {"share": 1}, "targets": None},
    ):  # fmt: skip
        assert validator.is_valid(CLUSTER | right), right
        Recipe.from_dict(CLUSTER | right)
    for wrong in (
        {"temperature": {"first": 4}}, {"temperature": {"first": 4, "last": 1, "schedule": "constant"}},
        {"on_policy": {"share": 2}, "targets": None}, {"teacher": [{"weight": 2}]},
        {"teacher": [{"model": "a", "weight": -1}]},
        {"tempreature": 2}, {"temperature": 0}, {"alpha": 1.5}, {"steps": 0.5}, {"seeds": [1, 1]}, {"control": "yes"},
        {"schedule": "sine"}, {"student": {"config": {}}}, {"data": {"train": "a"}},
        {"data": CLUSTER["data"] | {"x": 1}}, {"data": CLUSTER["data"] | {"validation": 1.5}},
        {"data": CLUSTER["data"] | {"format": "chat"}}, {"data": CLUSTER["data"] | {"columns": {"question": "q"}}},
        {"data": CLUSTER["data"] | {"packing": "no"}},
    ):  # fmt: skip
        assert not validator.is_valid(CLUSTER | wrong), wrong
        with pytest.raises(InputError):
            Recipe.from_dict(CLUSTER | wrong)


def test_a_seven_billion_recipe_is_checked_without_weights(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(yaml.safe_dump(CLUSTER), encoding="utf-8")
    done = CliRunner().invoke(main, ["distill", str(file), "--check", "--json"])
    found = json.loads(done.stdout)
    assert done.exit_code == 0 and found["valid"]
    assert found["checked"]["tokens"] == 50_000 * 256 * 4096 and found["checked"]["arms"] == 3
    assert found["checked"]["not_here"] == ["/cluster/train.jsonl", "/cluster/held-out.jsonl"]
    assert (found["checked"]["kd_weight"], found["checked"]["ce_weight"]) == (0.7, pytest.approx(0.3))
    wrong = CLUSTER | {"student": {"config": {"model_type": "llama", "hidden_sise": 8}}}
    with pytest.raises(InputError, match="did you mean hidden_size"):
        check_recipe(Recipe.from_dict(wrong))


def test_the_first_records_of_texts_that_are_here_are_looked_at(tmp_path: Path) -> None:
    pairs, chats = tmp_path / "pairs.jsonl", tmp_path / "chats.jsonl"
    pairs.write_text('{"prompt": "a", "completion": "b"}\n' * 20)
    chats.write_text('{"messages": [{"role": "user", "content": "a"}]}\n{"text": "a"}\n')
    texts = {"train": str(pairs), "validation": str(chats), "test": "hf:owner/name"}
    data = texts | {"chat_template": "absent.jinja"}
    found = check_recipe(Recipe.from_dict(CLUSTER | {"data": data}))
    assert [(one.part, one.records, one.kinds) for one in found.texts] == [
        ("train", 16, ("prompt_completion",)), ("validation", 2, ("messages", "text")),
    ]  # fmt: skip
    assert found.not_here == ("hf:owner/name", "absent.jinja")
    with pytest.raises(InputError, match=r"chats\.jsonl has plain texts among its first 2 records"):
        check_recipe(Recipe.from_dict(CLUSTER | {"data": data | {"completions_only": True}}))
    with pytest.raises(
        InputError, match=r"pairs\.jsonl, line 1, has `prompt`, `completion`; allowed are `question`"
    ):
        check_recipe(Recipe.from_dict(CLUSTER | {"data": data | {"columns": {"prompt": "question"}}}))
    pairs.write_text("")
    with pytest.raises(InputError, match="contains no record"):
        check_recipe(Recipe.from_dict(CLUSTER | {"data": data}))


def test_a_model_that_does_not_exist_is_told_with_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def checked(override: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["distill", "embedded:default", "--check", override])
        return done.exit_code, " ".join(done.output.split())

    for key in ("teacher", "student"):
        code, said = checked(f"{key}=embedded:bse")
        assert code == 2 and "did you mean embedded:base?" in said
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "teacher").mkdir(parents=True)
    for name in ("./models/techer", "models/techer", str(tmp_path / "models" / "techer")):
        code, said = checked(f"teacher={name}")
        near = name.replace("techer", "teacher").removeprefix("./")
        assert code == 0 and f"Not on this machine: {name} (did you mean {near}?)" in said.replace(" ?", "?")
    for name in ("./models/teacher", "org/model", "gpt2"):
        assert "Not on this machine" not in checked(f"teacher={name}")[1]


def test_a_key_typed_as_an_option_is_answered_with_how_it_is_set() -> None:
    def said(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["distill", "embedded:default", *arguments])
        assert done.exit_code == 2
        return " ".join(done.output.split())

    assert "write steps=… behind RECIPE (optimiser steps)" in said("--steps", "100")
    assert "write batch_size=… behind RECIPE" in said("--batch-size=4")
    assert "write data.tokens=… behind RECIPE" in said("--data.tokens", "100")
    assert "write data.validation_tokens=… behind RECIPE" in said("--validation-tokens", "100")
    assert "--seed (did you mean seeds?). " in said("--seed", "3")
    assert "--json" in said("--jsn") and "RECIPE (" not in said("--jsn")


def test_a_text_in_the_recipes_place_is_answered_with_how_it_becomes_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("A pear is a fruit.\n\n" * 40)
    (tmp_path / "mine.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "mine.md").write_text("A pear is a fruit.\n")
    for name in ("mine.txt", "mine.jsonl", "mine.md"):
        with pytest.raises(InputError, match=f"^{name} is not a recipe.* data.train={name} data.valid"):
            Recipe.load(name)
    # What the message says to type is valid.
    check_recipe(
        Recipe.load("embedded:default", ["data.train=mine.txt", "data.validation=0.1", "data.test=null"])
    )


def test_the_clusters_recipe_of_the_docs_is_valid() -> None:
    file = Path(__file__).parents[2] / "docs" / "examples" / "cluster.yaml"
    checked = check_recipe(Recipe.load(file))
    # hard and soft for each seed, and both try both rates.
    assert (checked.arms, checked.tries) == (4, 4) and checked.tokens == 10_000 * 512 * 4096
    assert checked.not_here[-1] == "/models/teacher-70b" and len(checked.not_here) == 4
    from transformers import AutoModelForCausalLM

    from retort.distill.models import student_config

    config = student_config(checked.recipe["student"]["config"], NoTokenizer())
    with torch.device("meta"):
        student = AutoModelForCausalLM.from_config(config)
    assert 6.5e9 < sum(one.numel() for one in student.parameters()) < 8e9


class NoTokenizer:
    bos_token_id = eos_token_id = pad_token_id = None

    def __len__(self) -> int:
        return 128_256


def test_explain_shows_what_tau_squared_undoes(markov: Values) -> None:
    scales = explain(Recipe.from_dict(markov(temperature=3.0)))
    assert [one.temperature for one in scales] == [1, 2, 3, 4, 8]
    assert scales[0].soft == pytest.approx(scales[0].soft_with_tau_squared)
    plain, weighed = (
        scales[0].soft / scales[-1].soft,
        scales[0].soft_with_tau_squared / scales[-1].soft_with_tau_squared,
    )
    assert plain > 20 and 1 / 3 < weighed < 3
    assert len({one.hard for one in scales}) == 1 and scales[0].hard > 0


def test_a_moving_temperature_is_explained_at_both_ends(markov: Values, tmp_path: Path) -> None:
    values = markov(temperature={"first": 5, "last": 2, "schedule": "linear"})
    assert [one.temperature for one in explain(Recipe.from_dict(values))] == [1, 2, 4, 5, 8]
    file = tmp_path / "moving.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    found = json.loads(CliRunner().invoke(main, ["distill", str(file), "--check", "--json"]).stdout)[
        "checked"
    ]
    assert (found["kd_weight"], found["kd_weight_last"]) == (pytest.approx(0.7 * 25), pytest.approx(0.7 * 4))
    assert (
        "loss = (17.5 → 2.8) · forward_kl"
        in CliRunner().invoke(main, ["distill", str(file), "--check"]).stdout
    )


def test_print_schema_needs_no_recipe_and_nothing_else_does_without() -> None:
    done = CliRunner().invoke(main, ["distill", "--print-schema"])
    assert done.exit_code == 0 and json.loads(done.stdout)["additionalProperties"] is False
    assert CliRunner().invoke(main, ["distill", "--check"]).exit_code == 2
