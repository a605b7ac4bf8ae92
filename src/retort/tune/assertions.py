"""The assertions of promptfoo that retort carries out: one table from their names to tests of an answer.

In: an `Assertion`, as it is written. Out: a test, which says of an answer whether it holds, or that with a score. How
tests are negated, weighed and put together is in checks.py; the rules here are those of promptfoo 0.118 (its folder
src/assertions), where a comment does not say otherwise. Texts compare exactly: the answer as it came, not stripped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from retort.errors import InputError, MissingExtraError, RetortError
from retort.tune.numbers_in_text import is_number, last_number, one_number
from retort.tune.outside import command_judge, python_function
from retort.tune.readers.javascript import as_json, javascript_regex, written
from retort.tune.readers.yaml_1_2 import YamlProblem, parse_yaml


@dataclass(frozen=True)
class Verdict:
    """What a test says of an answer: whether it holds, and its score as promptfoo would add it up."""

    holds: bool
    score: float


Test = Callable[[Any], bool | Verdict]


@dataclass(frozen=True)
class Assertion:
    """An assertion as it is written: its type without `not-`, its value (of a file, what that holds), all of its keys.

    `place` begins its errors; `folder`: where files that it names are looked for; `context`: what Python gets beside
    the answer.
    """

    type: str
    value: Any
    record: Mapping[str, Any]
    place: str
    folder: Path
    context: Mapping[str, Any]

    def text(self) -> str:
        return self._as_text(self.value)

    def texts(self) -> list[str]:
        value = self.value
        # Only contains-any knows quotes; the others divide at every comma.
        if isinstance(value, str) and self.type == "contains-any":
            value = [re.sub(r'^"|"$', "", part.strip()) for part in QUOTED.findall(value)]
        elif isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if not isinstance(value, list) or not value:
            raise self.needs("a list of texts", value)
        return list(map(self._as_text, value))

    def threshold(self) -> float | None:
        return threshold_of(self.record, self.place)

    def needs(self, what: str, value: Any) -> InputError:
        return InputError(f"{self.place}: the assertion {self.type!r} needs {what}, got {value!r}.")

    def _as_text(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "":
            raise self.needs("a text as its value", value)
        return written(value)


# A part within double quotes may have commas in it, as in '"hello, world", bye'.
QUOTED = re.compile(r'(".*?"|[^,]+)(?=\s*,|\s*$)')


def number_of(value: Any, name: str, place: str) -> float:
    if not is_number(value):
        raise InputError(f"{place}: {name} must be a number, got {value!r}.")
    return float(value)


def threshold_of(record: Mapping[str, Any], place: str) -> float | None:
    value = record.get("threshold")
    return None if value is None else number_of(value, "threshold", place)


def as_text(answer: Any) -> str:
    """An answer as text: JSON where a transform made something else of it."""
    return answer if isinstance(answer, str) else as_json(answer)


BAD = object()


def json_of(answer: Any) -> Any:
    """The JSON document that an answer is; BAD where it is none."""
    if not isinstance(answer, str):
        return answer
    try:
        return json.loads(answer, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return BAD


def _no_constant(name: str) -> None:
    """NaN and Infinity, which Python would read."""
    raise ValueError(f"{name} is not JSON")


# Texts.


def _of_text(test: Callable[[str, str], bool]) -> Callable[[Assertion], Test]:
    """A test of the answer's text and the assertion's."""

    def make(asked: Assertion) -> Test:
        wanted = asked.text()
        return lambda answer: test(as_text(answer), wanted)

    return make


def _of_texts(count: Callable[[Iterable[bool]], bool], *, ignore_case: bool) -> Callable[[Assertion], Test]:
    """Whether any, or all, of the assertion's texts are in the answer."""
    folded = str.lower if ignore_case else str

    def make(asked: Assertion) -> Test:
        wanted = list(map(folded, asked.texts()))
        return lambda answer: count(one in folded(as_text(answer)) for one in wanted)

    return make


def _regex(asked: Assertion) -> Test:
    text = asked.text()
    try:
        pattern = javascript_regex(text)
    except ValueError as error:
        raise InputError(
            f"{asked.place}: {text!r} is not a regular expression of JavaScript ({error})."
        ) from error
    return lambda answer: bool(pattern.search(as_text(answer)))


def _levenshtein(asked: Assertion) -> Test:
    wanted, given = asked.text(), asked.threshold()
    most = 5.0 if given is None else given
    return lambda answer: _edits(as_text(answer), wanted) <= most


def _edits(first: str, second: str) -> int:
    """Insertions, deletions and substitutions from one text to the other (Levenshtein 1966)."""
    # row[place]: the edits from the letters of `first` so far to the first `place` letters of `second`. The row of one
    # letter earlier is overwritten from the left, so the one entry still needed of it is kept in `diagonal`.
    row = list(range(len(second) + 1))
    for number, letter in enumerate(first, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(second, 1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (letter != other)),
            )
    return row[-1]


def _numeric(asked: Assertion) -> Test:
    """retort's own, unknown to promptfoo."""
    wanted = one_number(str(asked.value))
    if wanted is None or isinstance(asked.value, bool):
        raise asked.needs("one number without a unit, such as 1000, −5 or ½", asked.value)
    return numeric_equals(wanted, asked.threshold() or 0.0)


def numeric_equals(wanted: float, tolerance: float) -> Callable[[Any], bool]:
    """True for an answer whose last number is within `tolerance` of the wanted one; see `last_number`."""

    def holds(answer: Any) -> bool:
        number = last_number(as_text(answer))
        return number is not None and abs(number - wanted) <= tolerance

    return holds


# JSON.


def _equals(asked: Assertion) -> Test:
    value = asked.value
    if isinstance(value, (Mapping, list)):
        return lambda answer: _same_json(json_of(answer), value)
    if value is None or value == "":
        raise asked.needs("a text or an object as its value", value)
    wanted = str(value).lower() if isinstance(value, bool) else written(value)
    return lambda answer: as_text(answer) == wanted


def _same_json(first: Any, second: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are one number, true and 1 are not."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(_same_json(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_same_json, first, second))
    return bool(first == second)


def is_json(schema: Any, place: str) -> Callable[[Any], bool]:
    """True for an answer that is one JSON document, and fits the schema if there is one (JSON Schema)."""
    fits = _fits(schema, place)

    def holds(answer: Any) -> bool:
        document = json_of(answer)
        return document is not BAD and fits(document)

    return holds


BRACKET = re.compile(r"[\[{]")


def _contains_json(asked: Assertion) -> Test:
    """Whether a JSON document is in the answer, an object or a list. promptfoo looks for objects alone, reads them as
    YAML, and closes braces that are left open; what is no JSON holds no JSON here."""
    fits = _fits(asked.value, asked.place)
    decoder = json.JSONDecoder(parse_constant=_no_constant)

    def holds(answer: Any) -> bool:
        text, start = as_text(answer), 0
        # From each opening bracket on, for only the parser knows where a document ends.
        while found := BRACKET.search(text, start):
            start = found.start() + 1
            try:
                document, end = decoder.raw_decode(text, found.start())
            except (ValueError, RecursionError):
                continue
            if fits(document):
                return True
            start = end  # what is inside this document is no document of its own
        return False

    return holds


def _fits(schema: Any, place: str) -> Callable[[Any], bool]:
    """Whether a document fits the schema, which may be written as JSON or YAML text; any does where there is none."""
    if schema is None or schema == "":
        return lambda document: True
    try:
        import jsonschema
        from jsonschema_specifications import REGISTRY
        from referencing.exceptions import Unresolvable
    except ImportError as error:
        raise MissingExtraError("jsonschema", "tune", "Checking answers against a JSON schema") from error
    if isinstance(schema, str):
        try:
            schema = parse_yaml(schema, place)
        except YamlProblem as error:
            raise InputError(
                f"{place}: the JSON schema is neither JSON nor YAML ({error.problem})."
            ) from error
    if not isinstance(schema, (Mapping, bool)):
        raise InputError(f"{place}: the JSON schema must be a mapping, got {schema!r}.")
    try:
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise InputError(f"{place}: the JSON schema is not one ({error.message}).") from error
    # With the specifications alone: jsonschema would otherwise fetch a schema that this one refers to by its address.
    validator = kind(schema, registry=REGISTRY)

    def fits(document: Any) -> bool:
        # A reference is looked up when a document gets to it, so one that leads nowhere is not found before.
        try:
            return bool(validator.is_valid(document))
        except Unresolvable as error:
            raise RetortError(
                f"{place}: the JSON schema refers to {error.ref!r}, which is not in it; write that part into the schema"
            ) from error

    return fits


# Code of the user's.


def _python(asked: Assertion) -> Test:
    code, config = asked.value, asked.record.get("config")
    if not isinstance(code, str) or not code.strip():
        raise asked.needs("code or file://FILE.py", code)
    function = python_function(code, asked.folder, asked.place, "get_assert")
    threshold = asked.threshold()
    given = dict(asked.context) | ({} if config is None else {"config": config})
    return lambda answer: _graded(function(answer, given), threshold, code)


def _graded(result: Any, threshold: float | None, code: str) -> Verdict:
    """A Python assertion's result: true or false, a number, or a mapping or object with pass, score and reason."""
    found = result
    # promptfoo takes these texts for what they say, too; a mapping may come as its JSON.
    if isinstance(found, str) and found.lower() in ("true", "false"):
        found = found.lower() == "true"
    elif isinstance(found, str) and found.startswith("{"):
        with suppress(ValueError):
            found = json.loads(found)
    if isinstance(found, bool):
        return Verdict(found, float(found))  # a threshold is for numbers
    if not isinstance(found, Mapping) and hasattr(found, "score"):
        found = {name: getattr(found, name) for name in ("pass", "pass_", "score") if hasattr(found, name)}
    holds: Any = None
    score: Any = found
    if isinstance(found, Mapping):
        # `pass` can be a key and not a name in Python, so a dataclass calls it pass_.
        holds = found.get("pass", found.get("pass_"))
        score = found.get("score", holds)
    try:
        number = float(score)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or not isinstance(holds, (bool, NoneType)):
        raise RetortError(
            f"the Python assertion {code.strip()[:60]!r} gave {str(result)[:80]!r}; it must give true or "
            f"false, a number, or a mapping with pass and score"
        )
    by_score = _of_number(number, threshold)
    if holds is None:
        return by_score
    # Where both are said, the threshold can only make it fail.
    return Verdict(holds and (threshold is None or by_score.holds), number)


def _command(asked: Assertion) -> Test:
    """retort's own, unknown to promptfoo."""
    judge = command_judge(asked.value, asked.folder, asked.place, {})
    return lambda answer: _of_number(judge(as_text(answer)), None)


def _of_number(score: float, threshold: float | None) -> Verdict:
    return Verdict(score > 0 if threshold is None else score >= threshold, score)


CHECKS: dict[str, Callable[[Assertion], Test]] = {
    "equals": _equals,
    "contains": _of_text(lambda answer, wanted: wanted in answer),
    "icontains": _of_text(lambda answer, wanted: wanted.lower() in answer.lower()),
    "starts-with": _of_text(str.startswith),
    "contains-any": _of_texts(any, ignore_case=False),
    "contains-all": _of_texts(all, ignore_case=False),
    "icontains-any": _of_texts(any, ignore_case=True),
    "icontains-all": _of_texts(all, ignore_case=True),
    "regex": _regex,
    "is-json": lambda asked: is_json(asked.value, asked.place),
    "contains-json": _contains_json,
    "levenshtein": _levenshtein,
    "numeric": _numeric,
}
OUTSIDE: dict[str, Callable[[Assertion], Test]] = {"python": _python, "command": _command}
"""Whose value is code or a command. A `file://` value of these is the code itself, of all others it holds the value."""
OWN = ("numeric", "command")
"""Of both tables, what promptfoo does not have."""

_REASONS = {
    "asks another model to judge, which is not supported here": """
        agent-rubric answer-relevance classifier context-faithfulness context-recall context-relevance
        conversation-relevance factuality g-eval guardrails is-refusal llm-rubric max-score model-graded-closedqa
        model-graded-factuality moderation pi search-rubric select-best similar similar:cosine similar:dot
        similar:euclidean""",
    "needs JavaScript, Ruby or a service; retort runs none": "javascript ruby webhook",
    "is about a promptfoo run (its cost, time or calls), which a sweep does not measure": """
        cost finish-reason latency perplexity perplexity-score is-valid-function-call is-valid-openai-function-call
        is-valid-openai-tools-call tool-call-f1 skill-used trace-error-spans trace-span-count trace-span-duration""",
    "is not supported here": """
        bleu contains-html contains-sql contains-xml gleu is-html is-sql is-xml meteor rouge-n word-count""",
}
REFUSED = {name: reason for reason, names in _REASONS.items() for name in names.split()}
"""Assertions of promptfoo that are not carried out, and why."""
