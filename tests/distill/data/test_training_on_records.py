"""Whole distillations on prompts with completions and on conversations, with a teacher that runs and from a cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from distill.data.chat_tokenizer import PLAIN
from retort.cli.main import main
from retort.distill import Recipe, run
from retort.errors import InputError
from tiny_models import save_tiny_model

SUMS = [(f"{n} and {m} is", f" {n + m}") for n in range(5) for m in range(5)]
LAYOUTS: list[dict[str, Any]] = [{}, {"packing": False}, {"separate_documents": True}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher, sums as pairs and as conversations, and a chat template."""
    where = tmp_path_factory.mktemp("records")
    save_tiny_model(where / "teacher")
    pairs = [{"question": prompt, "answer": completion} for prompt, completion in SUMS]
    chats = [
        {"messages": [{"role": "user", "content": a}, {"role": "assistant", "content": b}]} for a, b in SUMS
    ]
    for name, records in (("pairs", pairs), ("chats", chats)):
        (where / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    (where / "chat.jinja").write_text(PLAIN)
    return where


def values(folder: Path, data: str, **changes: Any) -> dict[str, Any]:
    text = str(folder / f"{data}.jsonl")
    how = (
        {"columns": {"prompt": "question", "completion": "answer"}}
        if data == "pairs"
        else {"chat_template": str(folder / "chat.jinja")}
    )
    return {
        "teacher": str(folder / "teacher"),
        "student": {"config": {
            "model_type": "llama", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 2,
        }},
        "data": {"train": text, "validation": text, "completions_only": True, **how, **changes},
        "sequence_length": 60, "batch_size": 4, "micro_batch_size": 2, "steps": 3, "seeds": 1, "equal_time": False,
        "temperature": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize("data", ["pairs", "chats"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_arms_learn_the_same_completions(folder: Path, data: str, layout: dict[str, Any]) -> None:
    found = run(Recipe.from_dict(values(folder, data, **layout)))
    hard, soft = found.arms["hard"][0], found.arms["soft"][0]
    assert (hard.tokens, hard.targets) == (soft.tokens, soft.targets)
    told = found.data["validation"]
    assert told["documents"] == 25 and told["truncated"] == told["dropped"] == 0
    assert soft.targets is not None and soft.targets < soft.tokens
    if not layout.get("packing", True):
        from retort.sources.load import load

        tokenizer: Any = getattr(load(str(folder / "teacher")), "tokenizer")  # noqa: B009
        end = "" if data == "pairs" else "</assistant>"
        length = [len(tokenizer(b + end, add_special_tokens=False)["input_ids"]) for _, b in SUMS]
        # The end token is learned too; a conversation ends as the template says.
        assert told["targets"] == sum(length) + (25 if data == "pairs" else 0)
        assert told["rows"] == 25 and told["tokens"] < 25 * 60
    else:
        assert told["tokens"] == told["rows"] * 60


@pytest.mark.parametrize("data", ["pairs", "chats"])
def test_a_capture_of_the_recipe_holds_what_its_training_asks_for(
    folder: Path, data: str, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(values(folder, data)))
    cache = tmp_path / "cache"
    done = CliRunner().invoke(
        main,
        [
            "capture",
            str(folder / "teacher"),
            str(recipe),
            "--out",
            str(cache),
            "--temperature",
            "1",
            "--json",
        ],
    )
    assert done.exit_code == 0, done.stderr
    for layout in LAYOUTS:
        asked = values(folder, data, **layout) | {"control": False, "targets": str(cache)}
        plain = values(folder, data, **layout) | {"control": False}
        ours, theirs = (run(Recipe.from_dict(one)).arms["soft"][0] for one in (asked, plain))
        assert ours.targets == theirs.targets
        # Not equal: a captured document stands behind the marker between documents.
        assert ours.val_nll == pytest.approx(theirs.val_nll, rel=0.02)
    other = values(folder, data) | {"targets": str(cache), "control": False}
    if data == "pairs":
        other["data"]["columns"] = {"prompt": "answer", "completion": "question"}
        with pytest.raises(InputError, match=r"is not the text captured|has no position"):
            run(Recipe.from_dict(other))


def test_the_screen_counts_what_was_learned_and_what_was_cut(folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    changes = {"control": False, "sequence_length": 7}
    recipe.write_text(yaml.safe_dump(values(folder, "pairs", packing=False) | changes))
    done = CliRunner().invoke(main, ["distill", str(recipe)])
    assert done.exit_code == 0, done.stderr
    assert "learned" in done.stdout
    assert "Of the 25 documents of the train text, 25 were cut to the length of a row" in done.stdout


def test_what_does_not_go_together_is_said_before_anything_is_read(folder: Path) -> None:
    with pytest.raises(InputError, match="with one document per row there is nothing to separate"):
        Recipe.from_dict(values(folder, "pairs", packing=False, separate_documents=True))
    for layout in LAYOUTS[1:]:
        with pytest.raises(InputError, match="on_policy needs rows of packed text"):
            Recipe.from_dict(
                values(folder, "pairs", **layout) | {"on_policy": {"share": 0.5, "prompt_tokens": 4}}
            )
