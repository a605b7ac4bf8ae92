"""The commands on a small random model in an ordinary folder, as a user's own model would be; needs torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tiny_models import TEXT, save_tiny_model

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def test_look_sample_and_path_agree_on_a_real_model(run_json, model) -> None:
    looked = run_json("look", model, "the sky is", "--temperature", "1", "--top", "1")
    greedy = run_json(
        "sample", model, "the sky is", "--samples", "1", "--temperature", "0", "--max-tokens", "4"
    )
    first = greedy["samples"][0]["tokens"][0]
    assert first["id"] == looked["rows"][0]["top"][0]["id"]
    assert first["logprob_raw"] == pytest.approx(looked["rows"][0]["top"][0]["logprob"], abs=1e-5)
    path = run_json("path", model, "the sky is", "--temperature", "0,1,2", "--max-tokens", "4")
    assert path["leaves"][0]["ids"] == greedy["samples"][0]["ids"]


@pytest.fixture(scope="module")
def recipe(model, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "text.txt").write_text("\n\n".join(TEXT * 10))
    file = folder / "recipe.yaml"
    file.write_text(
        f"teacher: {model}\n"
        "student: {config: {model_type: llama, hidden_size: 16, num_hidden_layers: 1, intermediate_size: 16,\n"
        "  num_attention_heads: 2, num_key_value_heads: 2}}\n"
        f"data: {{train: {folder}/text.txt, validation: {folder}/text.txt}}\n"
        "sequence_length: 8\nbatch_size: 4\nsteps: 3\nseeds: 2\n"
    )
    return str(file)


def test_sample_with_a_draft_gives_the_same_texts_and_says_what_it_saved(run, run_json, model) -> None:
    plain = run_json("sample", model, "the sky", "--samples", "2", "--max-tokens", "8")
    drafted = run_json("sample", model, "the sky", "--samples", "2", "--max-tokens", "8", "--draft", model)
    assert [text["ids"] for text in drafted["samples"]] == [text["ids"] for text in plain["samples"]]
    counts = drafted["draft"]
    assert counts["accepted"] == counts["judged"] == counts["drafted"] > 0
    assert (counts["acceptance"], counts["model"], counts["method"]) == (1.0, model, "coupled")
    assert counts["tokens_per_pass"] == pytest.approx(1 + counts["accepted"] / counts["target_passes"])
    shown = run(
        "sample", model, "the sky", "--max-tokens", "8", "--draft", model, "--draft-method", "residual"
    )
    assert "judged tokens were accepted (100.00%)" in shown.stdout
    streamed = run("sample", model, "the sky", "--draft", model, "--stream")
    assert streamed.exit_code == 2
    assert len(streamed.stderr.splitlines()) == 1


def test_distill_reports_both_arms_and_a_verdict(run_json, recipe) -> None:
    document = run_json("distill", recipe, "steps=2")
    assert {"arms", "difference", "verdict", "recipe"} <= set(document)
    assert document["recipe"]["steps"] == 2
    for arm in ("hard", "soft"):
        assert [result["seed"] for result in document["arms"][arm]] == [0, 1]
        assert all({"val_nll", "seconds", "tokens"} <= set(result) for result in document["arms"][arm])
    assert set(document["difference"]) >= {"mean", "ci", "per_seed"}
    assert document["verdict"] in ("helps", "does not help", "cannot tell")


def test_distill_prints_students_differences_and_verdicts(run, recipe) -> None:
    shown = run("distill", recipe, "seeds=1", "equal_time=false").stdout
    for said in ("hard labels", "soft targets", "Verdict, same steps: cannot tell", "above 0, distilling"):
        assert said in shown


def test_a_recipe_mistake_is_one_line(run, recipe) -> None:
    result = run("distill", recipe, "step=2")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "steps" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["look", "MODEL", "the sky " * 100], "64"),
        (["look", "EMPTY", "x"], "empty"),
    ],
)
def test_no_library_adds_lines_to_a_mistake(model, tmp_path, arguments: list[str], said: str) -> None:
    """In a process of its own, since libraries write to stderr past what a test runner catches."""
    (tmp_path / "empty").mkdir()
    names = {"MODEL": model, "EMPTY": str(tmp_path / "empty")}
    done = subprocess.run(
        [sys.executable, "-m", "retort", *[names.get(word, word) for word in arguments]],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr


VERBS = {
    "look": ("{model}", "{text}"),
    "trace": ("{model}", "{text}", "--text", " x"),
    "sample": ("{model}", "{text}", "--max-tokens", "1", "--samples", "1"),
    "path": ("{model}", "{text}", "--max-tokens", "1"),
    "explain": ("{model}", "{text}", "--settings", "top_k=3"),
    "compare": ("{model}", "{model}", "{text}"),
    "similar": ("{model}", "cat", "dog"),
    "determinism": ("{model}", "{file}", "--max-tokens", "1"),
    "tune": ("{task}", "--model", "{model}", "--samples", "1", "--temperature", "0,1"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_with_a_prompt_writes_it_with_the_template_and_shows_it(
    run, verb: str, tmp_path: Path
) -> None:
    from retort.sources.embedded import MODELS_FOLDER

    if not (MODELS_FOLDER / "instruct").is_dir():
        pytest.skip("needs the embedded models")
    text, file, task = "another word for roll", tmp_path / "prompts.txt", tmp_path / "task.jsonl"
    file.write_text(f"{text}\n", encoding="utf-8")
    task.write_text(f'{{"prompt": "{text}", "reference": "x"}}\n', encoding="utf-8")
    values = {"model": "embedded:instruct", "text": text, "file": str(file), "task": str(task)}
    arguments = [one.format(**values) for one in VERBS[verb]]
    asked = "a cat is a kind of" if verb == "similar" else text
    with_template = run(verb, *arguments, "--chat", "--show-prompt")
    assert with_template.exit_code == 0, with_template.stderr
    assert f"<|end|>Question: {asked}\nAnswer:\n" in with_template.stderr
    plain = run(verb, *arguments, "--no-chat", "--show-prompt")
    assert plain.exit_code == 0, plain.stderr
    assert f"tokens: {asked}\n" in plain.stderr and "Question" not in plain.stderr
    assert "What the model sees" not in run(verb, *arguments, "--chat").stderr
