"""What an answer must satisfy: promptfoo's `assert` lists, each assertion a `Check`, and how they count together.

Each check either holds or fails, and has a score; one that fails counts 0, one that holds counts its score. An item is
right to the weighted mean of its checks. A name with `not-` in front is the opposite. What each name means is in
assertions.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.errors import InputError, did_you_mean
from retort.files import read_text
from retort.tune.assertions import (
    BAD,
    CHECKS,
    OUTSIDE,
    REFUSED,
    Assertion,
    Test,
    Verdict,
    json_of,
    number_of,
    threshold_of,
)
from retort.tune.outside import python_function
from retort.tune.readers.obstacles import JavaScript, Unsupported
from retort.tune.readers.reading import JAVASCRIPT, PYTHON
from retort.tune.readers.yaml_1_2 import parse_yaml

NEGATION = "not-"
KEYS = (
    "type", "value", "weight", "threshold", "transform", "metric", "config", "provider", "rubricPrompt", "description"
)  # fmt: skip
"""`metric` and `description` name an assertion; `provider` and `rubricPrompt` are for judges, which are refused."""

SkippedOnes = Callable[[Unsupported], None] | None
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Check:
    """One assertion: its name as written, what it compares with, its weight, and the test itself."""

    name: str
    value: Any
    weight: float
    test: Test

    def verdict(self, answer: Any) -> Verdict:
        return _verdict(self.test(answer))

    def score(self, answer: Any) -> float:
        """0 where the check fails, else its score, kept inside 0 to 1."""
        found = self.verdict(answer)
        return _within(found.score) if found.holds else 0.0


def _verdict(found: bool | Verdict) -> Verdict:
    return found if isinstance(found, Verdict) else Verdict(found, float(found))


def _within(score: float) -> float:
    """promptfoo adds up whatever number a user's Python gives; a share of right answers lies between 0 and 1."""
    return min(1.0, max(0.0, score))


def score_all(checks: Sequence[Check], answer: Any) -> float:
    """The weighted mean of the checks' scores; 1 only if all hold."""
    total = sum(check.weight for check in checks)
    if total == 0:
        return 1.0
    return sum(check.weight * check.score(answer) for check in checks) / total


def together(checks: Sequence[Check], threshold: float | None, answer: Any) -> Verdict:
    """What a set of checks says: promptfoo's mean score, and whether it reaches the threshold (else: whether all hold).

    A check of weight 0 counts for nothing and cannot fail.
    """
    verdicts = [(check.weight, check.verdict(answer)) for check in checks]
    total = sum(weight for weight, _ in verdicts)
    # Unlike in `score_all`, one that fails counts its score here: it is this mean that promptfoo holds to a threshold.
    score = sum(weight * one.score for weight, one in verdicts) / total if total else 0.0
    if threshold:  # 0 is none, as in promptfoo
        return Verdict(score >= threshold, score)
    return Verdict(all(one.holds for weight, one in verdicts if weight), score if total else 1.0)


def make_check(
    record: Any, place: str, folder: Path, context: Mapping[str, Any] = NOTHING, *, skip: SkippedOnes = None
) -> Check:
    """The check that `{type: …, value: …, weight: …}` asks for. Raises InputError, with `place` at its head.

    `folder`: where files that a check names are looked for; `context`: what Python gets beside the answer. `skip` takes
    down what is not supported within an assert-set, in place of an error.
    """
    if not isinstance(record, Mapping) or not isinstance(record.get("type"), str):
        raise InputError(
            f"{place}: an assertion must be a mapping with a type and usually a value, got {record!r}."
        )
    name = record["type"]
    plain = name.removeprefix(NEGATION)
    weight = number_of(record.get("weight", 1), "weight", place)
    if weight < 0:
        raise InputError(f"{place}: weight must be a number of 0 or more, got {record['weight']!r}.")
    if name == "assert-set":
        return _assert_set(record, weight, place, folder, context, skip)
    if plain in REFUSED:
        raise Unsupported(place, f"the assertion {name!r}", REFUSED[plain])
    for key in record:
        if key not in KEYS:
            if near := did_you_mean(key, KEYS):
                raise InputError(f"{place}: the assertion {name!r} has the unknown key {key!r}{near}.")
            raise Unsupported(place, f"{key!r} of the assertion {name!r}", "is unknown")
    value = record.get("value")
    if plain not in OUTSIDE and isinstance(value, str) and value.startswith("file://"):
        if PYTHON.search(value):
            # It would give the value to compare with; few use that.
            raise Unsupported(place, f"the assertion {name!r} with a value from {value}", "is not supported")
        value = read_value(value, folder, place)
    make = {**CHECKS, **OUTSIDE}.get(plain)
    if make is None:
        raise InputError(
            f"{place}: there is no assertion {name!r}{did_you_mean(plain, CHECKS)}; known are {', '.join(CHECKS)}, "
            "assert-set, python and command."
        )
    test = make(Assertion(plain, value, record, place, folder, context))
    if name != plain:
        test = _opposite(test, of_json=plain == "equals" and isinstance(value, (Mapping, list)))
    if transform := record.get("transform"):
        changed = make_transform(transform, f"{place}: assertion {name!r}", folder, context)
        return Check(name, value, weight, lambda answer: test(changed(answer)))
    return Check(name, value, weight, test)


def _opposite(test: Test, *, of_json: bool) -> Test:
    """What `not-` makes of a test. promptfoo reads it and does nothing with it in levenshtein and python; here it is
    the opposite of these as well."""

    def opposite(answer: Any) -> bool | Verdict:
        # To promptfoo an answer that is no JSON is neither equal to an object nor different from it: it fails.
        if of_json and json_of(answer) is BAD:
            return False
        found = _verdict(test(answer))
        return Verdict(not found.holds, 1.0 - _within(found.score))

    return opposite


def _assert_set(
    record: Mapping[str, Any],
    weight: float,
    place: str,
    folder: Path,
    context: Mapping[str, Any],
    skip: SkippedOnes,
) -> Check:
    for key in record:
        if key not in ("type", "assert", "threshold", "weight", "metric", "config"):
            raise InputError(f"{place}: an assert-set has the unknown key {key!r}.")
    inner = record.get("assert")
    if not isinstance(inner, list) or not inner:
        raise InputError(f"{place}: an assert-set needs a list of assertions under assert, got {inner!r}.")
    threshold = threshold_of(record, place)
    checks = []
    for one in inner:
        try:
            checks.append(make_check(one, place, folder, context))
        except Unsupported as problem:
            # A set is still worth something without one of its parts, as a test is without one of its assertions.
            if skip is None:
                raise
            skip(problem)
    if not checks:
        raise Unsupported(place, "an assert-set of such assertions", "has nothing left to check")
    return Check("assert-set", inner, weight, lambda answer: together(checks, threshold, answer))


def make_transform(
    code: Any, place: str, folder: Path, context: Mapping[str, Any] = NOTHING
) -> Callable[[Any], Any]:
    """The function of an answer that a `transform` is: `file://FILE.py`, with `:FUNCTION` or `get_transform`.

    Anything else is JavaScript, which is refused.
    """
    if not isinstance(code, str) or not re.fullmatch(r"file://[^\n]+\.py(:\w+)?", code.strip()):
        raise JavaScript(place, f"transform {str(code)[:40]!r}")
    function = python_function(code, folder, place, "get_transform")
    return lambda output: function(output, dict(context))  # a copy: the function may write into it


def read_value(name: str, folder: Path, place: str) -> Any:
    """What a `file://` value holds: the mapping or list of a JSON or YAML file, the text of another."""
    path = folder / name.removeprefix("file://")
    if JAVASCRIPT.search(name):
        raise JavaScript(place, name)
    if path.suffix not in (".json", ".yaml", ".yml", ".txt"):
        raise InputError(f"{place}: {name!r} is not a .json, .yaml, .yml, .txt or .py file.")
    text = read_text(path, f"{place}: the file {name!r}")
    return text.strip() if path.suffix == ".txt" else parse_yaml(text, f"{place}: {path.name}")
