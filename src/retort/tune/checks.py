"""What an answer must satisfy, by the names that promptfoo's `assert` uses: one table from names to tests.

An item may have several; it is right to the share of their weights that hold (all of them, where weights are equal, or
the item says no threshold). A name with `not-` in front is the opposite.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.errors import InputError, did_you_mean
from retort.tune.outside import command_judge, function_judge

Test = Callable[[str], bool | float]
NEGATION = "not-"


@dataclass(frozen=True)
class Check:
    """One assertion: its name as written, what it compares with, its weight, and the test itself."""

    name: str
    value: Any
    weight: float
    test: Test

    def score(self, answer: str) -> float:
        """1 where it holds, 0 where not, or what a function or command gave, kept inside 0 to 1."""
        return min(1.0, max(0.0, float(self.test(answer))))


def score_all(checks: Sequence[Check], answer: str) -> float:
    """The weighted mean of the checks' scores; 1 only if all hold."""
    total = sum(check.weight for check in checks)
    if total == 0:
        return 1.0
    return sum(check.weight * check.score(answer) for check in checks) / total


def make_check(record: Any, place: str, folder: Path) -> Check:
    """The check that `{type: …, value: …, weight: …}` asks for. Raises InputError, with `place` at its head.

    `folder`: where files that a check names are looked for.
    """
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        raise InputError(
            f"{place}: an assertion is a mapping with a type and, mostly, a value; got {record!r}."
        )
    name = record["type"]
    plain = name.removeprefix(NEGATION)
    if plain in NEED_A_MODEL:
        raise InputError(
            f"{place}: the assertion {name!r} asks another model to judge, which is not supported here; "
            f"known are {', '.join(CHECKS)} (with not- in front: the opposite), python and command."
        )
    value = record.get("value")
    weight = record.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight < 0:
        raise InputError(f"{place}: weight is {weight!r}; it is a number of 0 or more.")
    if plain == "python":
        test: Test = function_judge(str(value), folder, place)
    elif plain == "command":
        test = command_judge(value, folder, place, {})
    elif plain in CHECKS:
        test = CHECKS[plain](value, record, place)
    else:
        raise InputError(
            f"{place}: there is no assertion {name!r}{did_you_mean(plain, CHECKS)}; known are {', '.join(CHECKS)}, "
            "python and command."
        )
    if plain != name:
        return Check(name, value, float(weight), lambda answer: 1.0 - min(1.0, max(0.0, float(test(answer)))))
    return Check(name, value, float(weight), test)


def numeric_equals(wanted: float, tolerance: float) -> Test:
    """True for an answer whose last number is within `tolerance` of the wanted one (2e-3 of 1,000 is "1,000.002")."""

    def holds(answer: str) -> bool:
        numbers = re.findall(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", answer)
        return bool(numbers) and abs(float(numbers[-1].replace(",", "")) - wanted) <= tolerance

    return holds


def is_json(schema: Any, place: str) -> Test:
    """True for an answer that is one JSON document, and fits the schema if there is one (JSON Schema 2020-12)."""
    validator = _validator(schema, place)

    def holds(answer: str) -> bool:
        try:
            document = json.loads(answer)
        except ValueError:
            return False
        return validator is None or validator.is_valid(document)

    return holds


def _contains_json(value: Any, _: Any, place: str) -> Test:
    validator = _validator(value, place)
    decoder = json.JSONDecoder()

    def holds(answer: str) -> bool:
        for start in (match.start() for match in re.finditer(r"[\[{]", answer)):
            try:
                document, _ = decoder.raw_decode(answer, start)
            except ValueError:
                continue
            if validator is None or validator.is_valid(document):
                return True
        return False

    return holds


def _validator(schema: Any, place: str) -> Any:
    if schema is None:
        return None
    from retort.errors import MissingExtraError

    try:
        import jsonschema
    except ImportError as error:
        raise MissingExtraError("jsonschema", "tune", "Checking answers against a JSON schema") from error
    record = json.loads(schema) if isinstance(schema, str) else schema
    try:
        jsonschema.Draft202012Validator.check_schema(record)
    except jsonschema.SchemaError as error:
        raise InputError(f"{place}: the JSON schema is not one ({error.message}).") from error
    return jsonschema.Draft202012Validator(record)


def _text(value: Any, name: str, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise InputError(f"{place}: the assertion {name!r} needs a text as its value, got {value!r}.")
    return str(value)


def _texts(value: Any, name: str, place: str) -> list[str]:
    values = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise InputError(f"{place}: the assertion {name!r} needs a list of texts, got {value!r}.")
    return [_text(one, name, place) for one in values]


def _about_text(name: str, test: Callable[[str, str], bool]) -> Callable[[Any, Any, str], Test]:
    def make(value: Any, _: Any, place: str) -> Test:
        wanted = _text(value, name, place)
        return lambda answer: test(answer, wanted)

    return make


def _about_texts(name: str, test: Callable[[str, list[str]], bool]) -> Callable[[Any, Any, str], Test]:
    def make(value: Any, _: Any, place: str) -> Test:
        wanted = _texts(value, name, place)
        return lambda answer: test(answer, wanted)

    return make


def _regex(value: Any, _: Any, place: str) -> Test:
    try:
        pattern = re.compile(_text(value, "regex", place))
    except re.error as error:
        raise InputError(f"{place}: {value!r} is not a regular expression ({error}).") from error
    return lambda answer: bool(pattern.search(answer))


def _levenshtein(value: Any, record: dict[str, Any], place: str) -> Test:
    wanted, most = _text(value, "levenshtein", place), float(record.get("threshold", 5))
    return lambda answer: _edits(answer, wanted) <= most


def _edits(first: str, second: str) -> int:
    """Insertions, deletions and substitutions from one text to the other (Levenshtein 1966)."""
    row = list(range(len(second) + 1))
    for number, letter in enumerate(first, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(second, 1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (letter != other)),
            )
    return row[-1]


def _numeric(value: Any, record: dict[str, Any], place: str) -> Test:
    try:
        return numeric_equals(float(str(value).replace(",", "")), float(record.get("threshold", 0.0)))
    except ValueError as error:
        raise InputError(f"{place}: the assertion 'numeric' needs a number, got {value!r}.") from error


CHECKS: dict[str, Callable[[Any, Any, str], Test]] = {
    "equals": _about_text("equals", lambda answer, wanted: answer.strip() == wanted.strip()),
    "contains": _about_text("contains", lambda answer, wanted: wanted in answer),
    "icontains": _about_text("icontains", lambda answer, wanted: wanted.casefold() in answer.casefold()),
    "starts-with": _about_text("starts-with", lambda answer, wanted: answer.startswith(wanted)),
    "contains-any": _about_texts("contains-any", lambda answer, all_: any(one in answer for one in all_)),
    "contains-all": _about_texts("contains-all", lambda answer, all_: all(one in answer for one in all_)),
    "icontains-any": _about_texts(
        "icontains-any", lambda answer, all_: any(one.casefold() in answer.casefold() for one in all_)
    ),
    "icontains-all": _about_texts(
        "icontains-all", lambda answer, all_: all(one.casefold() in answer.casefold() for one in all_)
    ),
    "regex": _regex,
    "is-json": lambda value, _, place: is_json(value, place),
    "contains-json": _contains_json,
    "levenshtein": _levenshtein,
    "numeric": _numeric,
}

NEED_A_MODEL = frozenset(
    (
        "answer-relevance",
        "classifier",
        "factuality",
        "g-eval",
        "llm-rubric",
        "model-graded-closedqa",
        "moderation",
        "select-best",
        "similar",
    )
)
