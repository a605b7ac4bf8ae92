"""Counting answers: against slow loops over texts."""

from __future__ import annotations

import numpy as np
import pytest

from retort.tune.answers import AnswerCodes, agreement_share, distinct_share, item_scores
from retort.tune.scorers import make_scorer

WORDS = ["pear", "A pear.", "apple", "hammer", "fig", ""]
REFERENCES = ["pear", "apple", "fig"]


def encoded(answers: AnswerCodes, texts: np.ndarray) -> np.ndarray:
    return np.vectorize(answers.code, otypes=[np.int32])(texts)


@pytest.fixture
def texts() -> np.ndarray:
    """[prompts, samples, settings]"""
    return np.random.default_rng(3).choice(WORDS, size=(2, 5, 40))


def keys_of(texts: np.ndarray, prompt: int, setting: int) -> list[str]:
    return ["pear" if text == "A pear." else text for text in texts[prompt, :, setting]]


def test_share_of_right_answers(texts: np.ndarray) -> None:
    answers = AnswerCodes(make_scorer("references", [], ""))
    found = item_scores(encoded(answers, texts), REFERENCES, answers)
    for setting in range(texts.shape[2]):
        keys = keys_of(texts, 0, setting) + keys_of(texts, 1, setting)
        assert found[setting] == pytest.approx(sum(key in REFERENCES for key in keys) / 10)


def test_number_of_distinct_right_answers(texts: np.ndarray) -> None:
    answers = AnswerCodes(make_scorer("distinct_valid", [], ""))
    found = item_scores(encoded(answers, texts), REFERENCES, answers)
    for setting in range(texts.shape[2]):
        counts = [len(set(keys_of(texts, prompt, setting)) & set(REFERENCES)) for prompt in (0, 1)]
        assert found[setting] == pytest.approx(np.mean(counts))


def test_distinct_and_agreement(texts: np.ndarray) -> None:
    answers = AnswerCodes(make_scorer("references", [], ""))
    codes = encoded(answers, texts)
    agreements = agreement_share(codes)
    assert agreements is not None
    for setting in range(texts.shape[2]):
        lists = [keys_of(texts, prompt, setting) for prompt in (0, 1)]
        assert distinct_share(codes)[setting] == pytest.approx(
            np.mean([len(set(keys)) / 5 for keys in lists])
        )
        pairs = [[keys[i] == keys[j] for i in range(5) for j in range(i)] for keys in lists]
        assert agreements[setting] == pytest.approx(np.mean(pairs))


def test_one_sample_has_no_agreement() -> None:
    assert agreement_share(np.zeros((1, 1, 3), dtype=np.int32)) is None


def test_a_text_is_normalised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = make_scorer("references", [], "")
    answers = AnswerCodes(scorer)
    calls: list[str] = []
    monkeypatch.setattr(type(scorer), "key", lambda self, text: calls.append(text) or text)
    assert [answers.code("pear"), answers.code("fig"), answers.code("pear")] == [0, 1, 0]
    assert calls == ["pear", "fig"]
