"""Other people's results: JSON lines of scores, read as samples; the same statistics then need no model.

One line is one answer: `{"item": "q1", "setting": {"temperature": 0.3}, "repeat": 0, "score": 1, "text": "Paris"}`.
`text` is optional (without it there is no agreement, no distinct), `prompt` names a prompt variant, `repeat` numbers
the answers to one item at one setting.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from retort.errors import InputError, did_you_mean
from retort.files import read_jsonl
from retort.tune.samples import Samples
from retort.tune.score import normalise
from retort.tune.settings import axis_of, key

NEEDED = ("item", "setting", "score")
KNOWN = (*NEEDED, "repeat", "text", "prompt")


def read_records(path: Path) -> Samples:
    """The samples in a JSONL file of records.

    Raises SourceError where it cannot be read, InputError (with the line) where a record cannot be used: a missing
    field, a score that is no finite number, the same item, setting, prompt and repeat twice.
    """
    settings: dict[str, int] = {}
    values: list[dict[str, Any]] = []
    items: dict[str, int] = {}
    prompts: dict[str, int] = {}
    codes: dict[str, int] = {}
    columns: dict[str, list[Any]] = {name: [] for name in ("setting", "item", "prompt", "answer", "score")}
    seen: dict[tuple[int, int, int, Any], str] = {}
    with_text = 0
    for place, record in _records(path):
        setting = settings.setdefault(key(record["setting"]), len(settings))
        if setting == len(values):
            values.append(record["setting"])
        item = items.setdefault(str(record["item"]), len(items))
        prompt = prompts.setdefault(str(record.get("prompt", "")), len(prompts))
        if "repeat" in record:
            entry = (setting, item, prompt, str(record["repeat"]))
            if entry in seen:
                raise InputError(
                    f"{place}: item {record['item']!r} at this setting has repeat {record['repeat']!r} already, at "
                    f"{seen[entry]}; every answer has one record"
                )
            seen[entry] = place
        if "text" in record:
            with_text += 1
            columns["answer"].append(codes.setdefault(normalise(record["text"]), len(codes)))
        for name, value in (
            ("setting", setting),
            ("item", item),
            ("prompt", prompt),
            ("score", record["score"]),
        ):
            columns[name].append(value)
    num_records = len(columns["score"])
    if not num_records:
        raise InputError(f"{path.name} has no records; give one JSON object a line")
    if with_text not in (0, num_records):
        raise InputError(
            f"{path.name}: {with_text} of {num_records} records have a text; give it in all of them, or in none"
        )
    axis = axis_of(values)
    place_of = {key(one): number for number, one in enumerate(axis.settings)}
    order = np.array([place_of[key(one)] for one in values], dtype=np.int64)
    return Samples(
        axis,
        tuple(items),
        setting=order[np.array(columns["setting"], dtype=np.int64)],
        item=np.array(columns["item"], dtype=np.int64),
        prompt=np.array(columns["prompt"], dtype=np.int64),
        answer=np.array(columns["answer"], dtype=np.int64) if with_text else None,
        score=np.array(columns["score"], dtype=np.float64),
        texts=tuple(codes) if with_text else None,
    )


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record with where it stands, checked."""
    for number, record in read_jsonl(path, path.name):
        place = f"{path.name} line {number}"
        yield place, _checked(record, place)


def _checked(record: Any, place: str) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InputError(f"{place}: a record is an object with {', '.join(NEEDED)}, and this is {record!r}")
    for name in NEEDED:
        if name not in record:
            raise InputError(
                f"{place}: the field {name!r} is missing{_near(name, record)}; a record has {', '.join(KNOWN)}"
            )
    for name in ("item", "prompt", "repeat"):
        if name in record and (isinstance(record[name], bool) or not isinstance(record[name], (str, int))):
            raise InputError(f"{place}: {name} is {record[name]!r}; it is a text or a whole number")
    if not isinstance(record["setting"], dict):
        raise InputError(
            f'{place}: setting is {record["setting"]!r}; it is an object such as {{"temperature": 0.3}}'
        )
    if isinstance(record["score"], bool):
        record["score"] = float(record["score"])
    score = record["score"]
    if not isinstance(score, (int, float)) or not math.isfinite(score):
        raise InputError(f"{place}: score is {score!r}; it is a finite number (1 right, 0 wrong)")
    if "text" in record and not isinstance(record["text"], str):
        raise InputError(f"{place}: text is {record['text']!r}; it is a text")
    return record


def _near(name: str, record: dict[str, Any]) -> str:
    return did_you_mean(name, [other for other in record if other not in KNOWN])
