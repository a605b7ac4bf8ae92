"""What an answer must satisfy, by the names and rules of promptfoo's `assert`: one table from names to tests.

Each check either holds or fails, and has a score; one that fails counts 0, one that holds counts its score. An item is
right to the weighted mean of its checks. A name with `not-` in front is the opposite. Texts compare exactly: the
answer as it came, not stripped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.errors import InputError, MissingExtraError, RetortError, did_you_mean
from retort.files import read_text
from retort.tune.numbers_in_text import last_number, one_number
from retort.tune.outside import command_judge, python_function
from retort.tune.readers.javascript import javascript_regex, written
from retort.tune.readers.reading import (
    JAVASCRIPT,
    PYTHON,
    JavaScript,
    Unsupported,
    YamlProblem,
    parse_yaml,
)

NEGATION = "not-"


@dataclass(frozen=True)
class Verdict:
    """What a check says of an answer: whether it holds, and its score as promptfoo would add it up."""

    holds: bool
    score: float


Test = Callable[[Any], bool | Verdict]
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
        found = self.test(answer)
        return found if isinstance(found, Verdict) else Verdict(found, float(found))

    def score(self, answer: Any) -> float:
        """0 where the check fails, else its score, kept inside 0 to 1."""
        found = self.verdict(answer)
        return min(1.0, max(0.0, found.score)) if found.holds else 0.0


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
    score = sum(weight * one.score for weight, one in verdicts) / total if total else 0.0
    if threshold:
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
    weight = _number(record.get("weight", 1), "weight", place)
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
    from_file = value if isinstance(value, str) and value.startswith("file://") else None
    if from_file and plain not in OUTSIDE:
        if PYTHON.search(from_file):
            # It would give the value to compare with; few use that.
            raise Unsupported(
                place, f"the assertion {name!r} with a value from {from_file}", "is not supported"
            )
        value = read_value(from_file, folder, place)
    make = {**CHECKS, **OUTSIDE}.get(plain)
    if make is None:
        raise InputError(
            f"{place}: there is no assertion {name!r}{did_you_mean(plain, CHECKS)}; known are {', '.join(CHECKS)}, "
            "assert-set, python and command."
        )
    test = make(Assertion(plain, value, record, place, folder, context))
    if transform := record.get("transform"):
        changed, plain_test = make_transform(transform, f"{place}: assertion {name!r}", folder, context), test
        test = lambda answer: plain_test(changed(answer))  # noqa: E731
    if plain == name:
        return Check(name, value, weight, test)
    straight = Check(name, value, weight, test)

    def opposite(answer: Any) -> Verdict:
        found = straight.verdict(answer)
        # `equals` of an object and an answer that is not JSON fails either way, as in promptfoo.
        if plain == "equals" and not isinstance(value, str) and _json_of(answer) is BAD:
            return Verdict(False, 0.0)
        return Verdict(not found.holds, 1.0 - min(1.0, max(0.0, found.score)))

    return Check(name, value, weight, opposite)


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
    threshold = _threshold(record, place)
    checks = []
    for one in inner:
        try:
            checks.append(make_check(one, place, folder, context))
        except Unsupported as problem:
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
    return lambda output: function(output, dict(context))


def read_value(name: str, folder: Path, place: str) -> Any:
    """What a `file://` value holds: the mapping or list of a JSON or YAML file, the text of another."""
    path = folder / name.removeprefix("file://")
    if JAVASCRIPT.search(name):
        raise JavaScript(place, name)
    if path.suffix not in (".json", ".yaml", ".yml", ".txt"):
        raise InputError(f"{place}: {name!r} is not a .json, .yaml, .yml, .txt or .py file.")
    text = read_text(path, f"{place}: the file {name!r}")
    return text.strip() if path.suffix == ".txt" else parse_yaml(text, f"{place}: {path.name}")


BAD = object()


def as_text(answer: Any) -> str:
    """An answer as text: JSON where a transform made something else of it."""
    return (
        answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    )


def _json_of(answer: Any) -> Any:
    """The JSON document that an answer is; BAD where it is none."""
    if not isinstance(answer, str):
        return answer
    try:
        return json.loads(answer, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return BAD


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


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
        if isinstance(value, str) and self.type == "contains-any":
            value = [re.sub(r'^"|"$', "", part.strip()) for part in QUOTED.findall(value)]
        elif isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if not isinstance(value, list) or not value:
            raise self.needs("a list of texts", value)
        return list(map(self._as_text, value))

    def threshold(self, usual: float) -> float:
        given = _threshold(self.record, self.place)
        return usual if given is None else given

    def needs(self, what: str, value: Any) -> InputError:
        return InputError(f"{self.place}: the assertion {self.type!r} needs {what}, got {value!r}.")

    def _as_text(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "":
            raise self.needs("a text as its value", value)
        return written(value)


# A part within double quotes may have commas in it, as in '"hello, world", bye'.
QUOTED = re.compile(r'(".*?"|[^,]+)(?=\s*,|\s*$)')


def _python(asked: Assertion) -> Test:
    code, config = asked.value, asked.record.get("config")
    if not isinstance(code, str) or not code.strip():
        raise asked.needs("code or file://FILE.py", code)
    function = python_function(code, asked.folder, asked.place, "get_assert")
    threshold = _threshold(asked.record, asked.place)
    given = dict(asked.context) | ({} if config is None else {"config": config})
    return lambda answer: _graded(function(answer, given), threshold, code)


def _command(asked: Assertion) -> Test:
    judge = command_judge(asked.value, asked.folder, asked.place, {})
    return lambda answer: _of_number(judge(as_text(answer)), None)


def _graded(result: Any, threshold: float | None, code: str) -> Verdict:
    """A Python assertion's result: true or false, a number, or a mapping with pass, score and reason."""
    if isinstance(result, str):
        if result.lower() in ("true", "false"):
            result = result.lower() == "true"
        elif result.startswith("{"):
            result = json.loads(result)
    if isinstance(result, bool):
        return Verdict(result, float(result))
    if not isinstance(result, Mapping) and hasattr(result, "score"):
        result = vars(result)
    if isinstance(result, Mapping):
        holds = result.get("pass", result.get("pass_"))
        score = result.get("score", None if holds is None else float(bool(holds)))
        if isinstance(score, (int, float)) and math.isfinite(score) and isinstance(holds, (bool, type(None))):
            found = _of_number(float(score), threshold)
            if holds is None:
                return found
            return Verdict(holds and (threshold is None or found.holds), found.score)
    else:
        try:
            score = float(result)
        except (TypeError, ValueError):
            score = math.nan
        if math.isfinite(score):
            return _of_number(score, threshold)
    raise RetortError(
        f"the Python assertion {code.strip()[:60]!r} gave {str(result)[:80]!r}; it must give true or "
        f"false, a number, or a mapping with pass and score"
    )


def _of_number(score: float, threshold: float | None) -> Verdict:
    return Verdict(score > 0 if threshold is None else score >= threshold, score)


def _number(value: Any, name: str, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{place}: {name} must be a number, got {value!r}.")
    return float(value)


def _threshold(record: Mapping[str, Any], place: str) -> float | None:
    value = record.get("threshold")
    return None if value is None else _number(value, "threshold", place)


def numeric_equals(wanted: float, tolerance: float) -> Callable[[Any], bool]:
    """True for an answer whose last number is within `tolerance` of the wanted one; see `last_number`."""

    def holds(answer: Any) -> bool:
        number = last_number(as_text(answer))
        return number is not None and abs(number - wanted) <= tolerance

    return holds


def is_json(schema: Any, place: str) -> Callable[[Any], bool]:
    """True for an answer that is one JSON document, and fits the schema if there is one (JSON Schema)."""
    validator = _validator(schema, place)

    def holds(answer: Any) -> bool:
        document = _json_of(answer)
        return document is not BAD and (validator is None or validator.is_valid(document))

    return holds


def _contains_json(asked: Assertion) -> Test:
    validator = _validator(asked.value, asked.place)
    decoder = json.JSONDecoder(parse_constant=_no_constant)

    def holds(answer: Any) -> bool:
        text, start = as_text(answer), 0
        # From each opening bracket on, for only the parser knows where a document ends.
        while found := re.compile(r"[\[{]").search(text, start):
            start = found.start() + 1
            try:
                document, end = decoder.raw_decode(text, found.start())
            except (ValueError, RecursionError):
                continue
            if validator is None or validator.is_valid(document):
                return True
            start = end  # what is inside this document is no document of its own
        return False

    return holds


def _validator(schema: Any, place: str) -> Any:
    """The schema, which may be written as JSON or YAML text, ready to be used; None for none."""
    if schema is None or schema == "":
        return None
    try:
        import jsonschema
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
    return kind(schema)


def _equals(asked: Assertion) -> Test:
    value = asked.value
    if isinstance(value, (Mapping, list)):
        return lambda answer: _same_json(_json_of(answer), value)
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
    wanted, most = asked.text(), asked.threshold(5.0)
    return lambda answer: _edits(as_text(answer), wanted) <= most


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


def _numeric(asked: Assertion) -> Test:
    wanted = one_number(str(asked.value))
    if wanted is None or isinstance(asked.value, bool):
        raise asked.needs("one number without a unit, such as 1000, −5 or ½", asked.value)
    return numeric_equals(wanted, asked.threshold(0.0))


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

KEYS = (
    "type", "value", "weight", "threshold", "transform", "metric", "config", "provider", "rubricPrompt", "description"
)  # fmt: skip
"""`metric` and `description` name an assertion; `provider` and `rubricPrompt` are for judges, which are refused."""

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
