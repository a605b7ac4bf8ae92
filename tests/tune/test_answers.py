"""Counting answers: columns and goals against slow loops over texts."""

from __future__ import annotations

import numpy as np
import pytest

from retort.distribution.samples import pass_at_k
from retort.tune.goals import find_goal
from retort.tune.item import Marker
from retort.tune.samples import Samples, over_prompts
from retort.tune.score import make_scorer
from retort.tune.settings import temperature_axis
from retort.tune.task import Item

WORDS = ["pear", "A pear.", "apple", "hammer", "fig", ""]
REFERENCES = ["pear", "apple", "fig"]


@pytest.fixture
def texts() -> np.ndarray:
    """[prompts, samples, settings]"""
    return np.random.default_rng(3).choice(WORDS, size=(2, 5, 40))


def keys_of(texts: np.ndarray, prompt: int, setting: int) -> list[str]:
    return ["pear" if text == "A pear." else text for text in texts[prompt, :, setting]]


def samples_of(texts: np.ndarray) -> Samples:
    """One item's `[prompts, samples, settings]` texts as columns, in a random order."""
    marker = Marker(make_scorer("references", [], ""), [Item("only", {}, tuple(REFERENCES))])
    marked = [marker.mark(0, text) for text in texts.ravel()]
    codes = np.unique([answer for answer, _ in marked], return_inverse=True)[1]
    prompt, _, setting = np.indices(texts.shape).reshape(3, -1)
    order = np.random.default_rng(0).permutation(texts.size)
    return Samples(
        temperature_axis(np.arange(texts.shape[2]).tolist()),
        ("only",),
        setting=setting[order],
        item=np.zeros(texts.size, dtype=np.int64),
        prompt=prompt[order],
        answer=codes[order],
        score=np.array([score for _, score in marked])[order],
    )


def test_share_of_right_answers(texts: np.ndarray) -> None:
    found = find_goal("exploit").item_scores(samples_of(texts))[0]
    for setting in range(texts.shape[2]):
        keys = keys_of(texts, 0, setting) + keys_of(texts, 1, setting)
        assert found[setting] == pytest.approx(sum(key in REFERENCES for key in keys) / 10)


def test_number_of_distinct_right_answers(texts: np.ndarray) -> None:
    found = find_goal("explore").item_scores(samples_of(texts))[0]
    for setting in range(texts.shape[2]):
        counts = [len(set(keys_of(texts, prompt, setting)) & set(REFERENCES)) for prompt in (0, 1)]
        assert found[setting] == pytest.approx(np.mean(counts))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_chance_that_one_of_k_is_right(texts: np.ndarray, k: int) -> None:
    found = find_goal(f"pass@{k}").item_scores(samples_of(texts))[0]
    for setting in range(texts.shape[2]):
        right = [sum(key in REFERENCES for key in keys_of(texts, prompt, setting)) for prompt in (0, 1)]
        assert found[setting] == pytest.approx(np.mean([pass_at_k(5, count, k) for count in right]))


def test_pass_at_more_than_there_are_answers_is_not_known(texts: np.ndarray) -> None:
    assert np.isnan(find_goal("pass@6").item_scores(samples_of(texts))).all()


def test_distinct_and_agreement(texts: np.ndarray) -> None:
    samples = samples_of(texts)
    agreements = find_goal("reproduce").item_scores(samples)[0]
    distinct = over_prompts(samples.distinct() / samples.cell_sizes)[0]
    for setting in range(texts.shape[2]):
        lists = [keys_of(texts, prompt, setting) for prompt in (0, 1)]
        assert distinct[setting] == pytest.approx(np.mean([len(set(keys)) / 5 for keys in lists]))
        pairs = [[keys[i] == keys[j] for i in range(5) for j in range(i)] for keys in lists]
        assert agreements[setting] == pytest.approx(np.mean(pairs))


def test_one_sample_has_no_agreement(texts: np.ndarray) -> None:
    assert np.isnan(samples_of(texts[:, :1]).agreement()).all()


def test_a_text_is_normalised_once_and_judged_once_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = make_scorer("references", [], "")
    normalised: list[str] = []
    judged: list[str] = []
    monkeypatch.setattr(type(scorer), "key", lambda self, text: normalised.append(text) or text)
    judge = type(scorer).judge
    monkeypatch.setattr(
        type(scorer),
        "judge",
        lambda self, given, checks: lambda key: judged.append(key) or judge(self, given)(key),
    )
    marker = Marker(scorer, [Item("a", {}, ("pear",)), Item("b", {}, ("fig",))])
    found = [marker.mark(item, text) for item, text in [(0, "pear"), (0, "fig"), (0, "pear"), (1, "pear")]]
    assert found == [("pear", 1.0), ("fig", 0.0), ("pear", 1.0), ("pear", 0.0)]
    assert normalised == ["pear", "fig"]
    assert judged == ["pear", "fig", "pear"]
