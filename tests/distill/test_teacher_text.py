"""Training on what the teacher wrote: line n is its answer to prompt n, whatever was killed in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import retort.distill.teacher_text as module
from distill.markov import WORDS, transitions
from retort.distill import Recipe, run
from retort.distill.experiment import prepare
from retort.distill.objective import row_seed
from retort.distill.recipe import corpus_of
from retort.distill.teacher_text import teacher_text
from retort.errors import InputError
from retort.sampling import SamplingParams
from retort.sampling.generate import generate
from retort.sources.load import load

Values = Callable[..., dict[str, Any]]


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    file = tmp_path / "prompts.txt"
    words = [" ".join(WORDS[(n * step) % 15] for step in range(1, 2 + n % 4)) for n in range(30)]
    file.write_text("\n\n".join(words), encoding="utf-8")
    return str(file)


def recipe_of(markov: Values, prompts: str, output: Path, teacher: Any = None, **settings: Any) -> Recipe:
    values = markov(steps=2, seeds=1, output=str(output), batch_size=2, sequence_length=16)
    train = {"from_teacher": prompts, "max_tokens": 12, "temperature": 1.0, "seed": 3, **settings}
    values = values | {"data": values["data"] | {"train": train}}
    return Recipe.from_dict(values if teacher is None else values | {"teacher": teacher})


def lines_of(recipe: Recipe) -> list[dict[str, str]]:
    file = teacher_text(recipe)
    assert file is not None
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_each_line_is_the_teachers_answer_and_both_arms_train_on_it(
    markov: Values, prompts: str, tmp_path: Path
) -> None:
    recipe = recipe_of(markov, prompts, tmp_path / "out")
    result = run(recipe)
    lines, source = lines_of(recipe), load(recipe.teachers[0])
    assert [one["prompt"] for one in lines] == Path(prompts).read_text(encoding="utf-8").split("\n\n")
    for number, one in enumerate(lines):
        params = SamplingParams(temperature=1.0, max_tokens=12, seed=row_seed(3, 0, number))
        (alone,) = generate(source, [one["prompt"]], params)
        assert one["completion"].split() == alone.text.split()
        assert one["completion"] == "" or one["completion"].startswith(" "), "words must not grow together"
    setting, _ = prepare(recipe)
    seen = source.decode(setting.texts.train.ids.reshape(-1)).split()
    written = " ".join(one["prompt"] + one["completion"] for one in lines).split()
    assert seen == written[: len(seen)] and len(seen) > 32
    assert result.arms["hard"][0].tokens == result.arms["soft"][0].tokens
    assert Recipe.from_dict(result.recipe).data == recipe.data
    assert not list((tmp_path / "out" / "teacher-text").glob(".*"))


def test_trap_a_killed_writing_goes_on_to_the_same_bytes(
    markov: Values, prompts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 4)
    whole = teacher_text(recipe_of(markov, prompts, tmp_path / "whole"))
    assert whole is not None
    said, batches = module._said, []

    def killed(batch: Any, first: int, *others: Any) -> Any:
        batches.append(first)
        if len(batches) == 4:
            raise KeyboardInterrupt
        return said(batch, first, *others)

    monkeypatch.setattr(module, "_said", killed)

    def ended_twice(name: str) -> Path:
        batches.clear()
        recipe = recipe_of(markov, prompts, tmp_path / name)
        with pytest.raises(KeyboardInterrupt):
            teacher_text(recipe)
        (partial,) = (tmp_path / name / "teacher-text").glob(".*.partial")
        # What a kill in the middle of a write leaves: one line more, and half of another.
        with partial.open("ab") as file:
            file.write(b'{"prompt": "w1", "completion": "rounded otherwise"}\n{"prom')
        again = teacher_text(recipe)
        assert again is not None and again.name == whole.name
        return again

    assert ended_twice("right").read_bytes() == whole.read_bytes()
    assert batches == [0, 4, 8, 12, 12, 16, 20, 24, 28], "what was written is not written again"

    def all_there(partial: Path) -> tuple[int, int]:
        return (12, partial.stat().st_size) if partial.is_file() else (0, 0)

    monkeypatch.setattr(
        module, "_whole_batches", all_there
    )  # the wrong version goes on behind whatever is there
    assert ended_twice("wrong").read_bytes() != whole.read_bytes()


def test_what_is_written_follows_the_teacher_and_the_weights(markov: Values, tmp_path: Path) -> None:
    """600 answers of one word: a chi-square against the mixture of both teachers' rows, error rate 1e-3."""
    from scipy.stats import chisquare

    file = tmp_path / "same.txt"
    file.write_text("\n\n".join(["w2"] * 600), encoding="utf-8")
    names = [markov(name)["teacher"] for name in ("true", "useless")]
    pair = [{"model": names[0], "weight": 3}, {"model": names[1], "weight": 1}]
    lines = lines_of(recipe_of(markov, str(file), tmp_path, pair, max_tokens=1))
    counts = np.zeros(16)
    for one in lines:
        word = one["completion"].strip()
        counts[WORDS.index(word) if word else 15] += 1
    rows = [transitions(seed)[2] for seed in (0, 99)]
    mixture = 0.75 * rows[0] + 0.25 * rows[1]
    common = mixture > 0.02
    found = [*counts[common], counts[~common].sum()]

    def fits(law: Any) -> float:
        expected = np.array([*law[common], law[~common].sum()])
        return float(chisquare(found, 600 * expected / expected.sum()).pvalue)

    assert fits(mixture) > 1e-3 and fits((rows[0] + rows[1]) / 2) < 1e-3


def test_the_beginnings_of_texts_and_other_settings_are_other_files(
    markov: Values, prompts: str, tmp_path: Path
) -> None:
    recipe = recipe_of(markov, prompts, tmp_path, prompt_tokens=1)
    assert all(len(one["prompt"].split()) == 1 for one in lines_of(recipe))
    files = {
        teacher_text(recipe_of(markov, prompts, tmp_path, **changes))
        for changes in ({}, {"prompt_tokens": 1}, {"seed": 4}, {"temperature": 0}, {"max_tokens": 11})
    }
    assert len(files) == 5
    greedy = [lines_of(recipe_of(markov, prompts, tmp_path, temperature=0, seed=seed)) for seed in (0, 1)]
    assert greedy[0] == greedy[1]


def test_refuses(markov: Values, prompts: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a folder; give output"):
        Recipe.from_dict(recipe_of(markov, prompts, tmp_path).to_dict(), ["output=null"])
    with pytest.raises(InputError, match=r"has no data.train.max_tokens, which is required"):
        values = markov(output="o")
        Recipe.from_dict(values | {"data": values["data"] | {"train": {"from_teacher": prompts}}})
    chat = tmp_path / "chat.jsonl"
    chat.write_text('{"messages": [{"role": "user", "content": "w1"}]}\n', encoding="utf-8")
    with pytest.raises(InputError, match="document 0, is a conversation; prompts are texts"):
        teacher_text(recipe_of(markov, str(chat), tmp_path))
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(recipe_of(markov, prompts, tmp_path).to_dict()), encoding="utf-8")
    with pytest.raises(InputError, match="trains on what its teacher writes; give the file"):
        corpus_of(str(file))
