"""Other people's results: the same numbers as a live run, in any order, and clear words for what cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.tune.simulated import simulated_scores

from retort.errors import InputError
from retort.tune import Origin, conclude, find_goal, read_records, recommend

GRID = (0.0, 0.3, 0.7, 1.0)


def written(folder: Path, records: list) -> Path:
    file = folder / "records.jsonl"
    file.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")
    return file


def concluded(file: Path, goal: str = "exploit") -> dict:
    return conclude(read_records(file), find_goal(goal), Origin("records", "recorded")).to_dict()


@pytest.fixture
def scores() -> np.ndarray:
    return simulated_scores(np.random.default_rng(1), 60, np.array([0.2, 0.2, 0.0, -0.2]))


def records_of(scores: np.ndarray, repeats: int = 4) -> list[dict]:
    """Each share of right answers as that many right and wrong ones, shuffled."""
    records = [
        {
            "item": f"q{item}",
            "setting": {"temperature": GRID[setting]},
            "repeat": repeat,
            "score": int(repeat < right),
        }
        for item, row in enumerate(scores)
        for setting, right in enumerate(np.rint(row * repeats).astype(int))
        for repeat in range(repeats)
    ]
    np.random.default_rng(2).shuffle(records)
    return records


def test_scores_give_what_the_statistics_give(scores: np.ndarray, tmp_path: Path) -> None:
    found = concluded(written(tmp_path, records_of(scores)))
    assert [one["score"] for one in found["settings"]] == pytest.approx(scores.mean(axis=0))
    assert [one["temperature"] for one in found["settings"]] == list(GRID)
    assert found["recommendation"]["setting"] == recommend(GRID, scores, "exploit")[0].setting == 0.0
    assert found["recommendation"]["values"] == {"temperature": 0.0}
    assert found["recommendation"]["detectable"]
    assert {one["distinct"] for one in found["settings"]} == {None}
    assert found["forward_passes"] is None


def test_texts_give_agreement_and_variety(tmp_path: Path) -> None:
    texts = {0.0: ["Paris"] * 4, 1.0: ["Paris", "paris.", "Lyon", "Nice"]}
    records = [
        {"item": "q", "setting": {"temperature": t}, "repeat": r, "score": 1, "text": text}
        for t, answers in texts.items()
        for r, text in enumerate(answers)
    ]
    settings = concluded(written(tmp_path, records))["settings"]
    assert [one["agreement"] for one in settings] == pytest.approx([1.0, 1 / 6])
    assert [one["distinct"] for one in settings] == [0.25, 0.75]
    assert [one["identical"] for one in settings] == [1.0, 0.0]
    explore = concluded(written(tmp_path, records), "explore")
    assert [one["score"] for one in explore["settings"]] == [1.0, 3.0]


def test_other_numbers_are_an_axis_and_mixed_settings_are_not(scores: np.ndarray, tmp_path: Path) -> None:
    by_top_p = [
        {**record, "setting": {"temperature": 0.7, "top_p": record["setting"]["temperature"]}}
        for record in records_of(scores)
    ]
    found = concluded(written(tmp_path, by_top_p))
    assert (found["axis"], found["recommendation"]["setting"]) == ("top_p", 0.0)
    names = {
        0.0: {"engine": "a"},
        0.3: {"engine": "b"},
        0.7: {"engine": "c", "top_k": 5},
        1.0: {"engine": "d"},
    }
    mixed = [{**record, "setting": names[record["setting"]["temperature"]]} for record in records_of(scores)]
    found = concluded(written(tmp_path, mixed))
    chosen = found["recommendation"]
    assert found["axis"] is None
    assert chosen["setting"] in ({"engine": "a"}, {"engine": "b"}) and chosen["setting"] == chosen["best"]
    assert {one["engine"] for one in chosen["region"]} == {"a", "b"}
    assert chosen["reason"].startswith("Statistically tied: engine=")


def test_items_that_miss_a_setting_are_left_out_and_counted(scores: np.ndarray, tmp_path: Path) -> None:
    records = [
        record
        for record in records_of(scores)
        if not (record["item"] in ("q0", "q1") and record["setting"]["temperature"] == 0.7)
    ]
    found = concluded(written(tmp_path, records))
    assert (found["items"], found["items_left_out"]) == (58, 2)
    assert [one["score"] for one in found["settings"]] == pytest.approx(scores[2:].mean(axis=0))


GOOD = {"item": "a", "setting": {"temperature": 0}, "repeat": 0, "score": 1}


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "has no records"),
        ([GOOD, {"item": "a", "settings": {}, "score": 1}], "line 2: the field 'setting' is missing .did you mean"),
        ([GOOD, {**GOOD, "score": "yes"}], "line 2: score is 'yes'"),
        ([GOOD, {**GOOD, "score": float("nan")}], "line 2: score is nan"),
        ([GOOD, GOOD], "repeat 0 already, at records.jsonl line 1"),
        ([GOOD, {**GOOD, "repeat": 1}], "got 1 setting"),
        ([GOOD, {**GOOD, "setting": {"temperature": 1}, "text": "x"}], "1 of 2 records have a text"),
        ([{**GOOD, "item": None}], "line 1: item is None; it is a text or a whole number"),
        ([{**GOOD, "prompt": ["p"]}], "line 1: prompt is .'p'.; it is a text or a whole number"),
        ([{**GOOD, "repeat": {}}], "line 1: repeat is {}; it is a text or a whole number"),
        ([GOOD, {**GOOD, "setting": 1}], "line 2: setting is 1; it is an object"),
        ([GOOD, {**GOOD, "item": "b", "setting": {"temperature": 1}}], "no item has 1 answer"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_used(records: list, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        concluded(written(tmp_path, records))


def test_variety_without_texts_is_refused(tmp_path: Path) -> None:
    records = [GOOD, {**GOOD, "setting": {"temperature": 1}}]
    with pytest.raises(InputError, match="these records have only scores; add `text`"):
        concluded(written(tmp_path, records), "explore")
