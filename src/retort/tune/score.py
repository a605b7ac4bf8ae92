"""How an answer is scored: one table from the names a task file uses to the functions behind them, and the marker.

A scorer does two things with an answer's text: it cuts and normalises it to a *key* (two answers with one key are
the same answer, for agreement and distinct as well as for the score), and it judges the key against an item (1 right,
0 wrong). goals.py says how an item's answers are summed up.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from retort.errors import InputError, did_you_mean, from_pydantic
from retort.tune.assertions import is_json, numeric_equals
from retort.tune.checks import Check, score_all
from retort.tune.numbers_in_text import one_number
from retort.tune.outside import command_judge, function_judge
from retort.tune.readers.javascript import javascript_regex

Judge = Callable[[str], bool | float]

_PUNCTUATION = re.compile(r"[^\w\s]|_")
_LEADING_ARTICLES = re.compile(r"^(?:(?:an?|the)\s+)+")


def _until(text: str, stop: Sequence[str]) -> str:
    """`text` up to the first of the stop strings."""
    return text[: min((at for mark in stop if (at := text.find(mark)) >= 0), default=None)]


def normalise(text: str) -> str:
    """`text` in lower case, without punctuation, without articles at its front, with single spaces.

    Apostrophes vanish ("cat's" is "cats"), other punctuation separates words ("sweet-potato" is "sweet potato").
    Articles go at the front only: inside they can be names ("vitamin A").
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", "")
    words = " ".join(_PUNCTUATION.sub(" ", text).split())
    return _LEADING_ARTICLES.sub("", words)


def _among(references: Sequence[str], _options: Mapping[str, Any]) -> Judge:
    accepted = frozenset(normalise(reference) for reference in references) - {""}
    return lambda key: key in accepted


def _exact(references: Sequence[str], _options: Mapping[str, Any]) -> Judge:
    accepted = frozenset(reference.strip() for reference in references)
    return lambda key: key in accepted


def _contains(references: Sequence[str], options: Mapping[str, Any]) -> Judge:
    if not options.get("ignore_case", True):
        return lambda key: any(reference in key for reference in references)
    folded = [reference.casefold() for reference in references]
    return lambda key: any(reference in key.casefold() for reference in folded)


def _says(references: Sequence[str], _options: Mapping[str, Any]) -> Judge:
    wanted = [f" {normalise(reference)} " for reference in references]  # spaces: whole words only
    return lambda key: any(one in f" {key} " for one in wanted)


def _regex(references: Sequence[str], options: Mapping[str, Any]) -> Judge:
    patterns = [_pattern(one, options.get("ignore_case", False)) for one in _patterns(references, options)]
    return lambda key: any(pattern.search(key) for pattern in patterns)


def _pattern(text: str, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern of Python, or one of JavaScript that Python does not take, such as (?<year>…)."""
    flags = re.IGNORECASE if ignore_case else 0
    try:
        return re.compile(text, flags)
    except re.error:
        found = javascript_regex(text)
        return re.compile(found.pattern, found.flags | flags)


def _numeric(references: Sequence[str], options: Mapping[str, Any]) -> Judge:
    numbers = [number for number in map(one_number, references) if number is not None]
    tests = [numeric_equals(number, options.get("tolerance", 0.0)) for number in numbers]
    return lambda key: any(test(key) for test in tests)


def _f1(references: Sequence[str], _options: Mapping[str, Any]) -> Judge:
    wanted = [Counter(normalise(reference).split()) for reference in references]
    return lambda key: max(_overlap(Counter(key.split()), one) for one in wanted)


def _chosen(references: Sequence[str], _options: Mapping[str, Any]) -> Judge:
    """For answers made elsewhere; retort itself reads a choice's probability and draws no text (choice.py)."""
    # A choice such as "+" has nothing left when it is normalised.
    wanted = {normalise(reference) or reference.strip() for reference in references}
    return lambda key: (normalise(key) or key) in wanted


def _overlap(answer: Counter[str], reference: Counter[str]) -> float:
    """F1 of the words that the two share, each as often as it occurs: `2 |A ∩ R| / (|A| + |R|)` (Rajpurkar 2016)."""
    total = answer.total() + reference.total()
    return 2 * (answer & reference).total() / total if total else 1.0


def _patterns(references: Sequence[str], options: Mapping[str, Any]) -> Sequence[str]:
    """The task's own pattern where the scorer has one, else the item's references."""
    return [options["pattern"]] if "pattern" in options else references


@dataclass(frozen=True)
class ScorerKind:
    """A row of the table. `options` are names and types of what a task may add; `goal` is the
    only one that it suits, None for any."""

    name: str
    help: str
    goal: str | None
    key: Callable[[str], str]
    judge: Callable[[Sequence[str], Mapping[str, Any]], Judge]
    options: Mapping[str, Any]
    needs_references: bool = True


SCORERS: dict[str, ScorerKind] = {
    kind.name: kind
    for kind in (
        ScorerKind("references", "the normalised answer is one of the item's references", None,
                   normalise, _among, {}),
        ScorerKind("says", "one of the references occurs in the answer as whole words, both normalised", None,
                   normalise, _says, {}),
        ScorerKind("exact", "the answer is one of the references, letter by letter", None,
                   str.strip, _exact, {}),
        ScorerKind("contains", "one of the references occurs in the answer", None,
                   str.strip, _contains, {"ignore_case": bool}),
        ScorerKind("regex", "the pattern (the scorer's, else one of the references) is found in the answer", None,
                   str.strip, _regex, {"pattern": str, "ignore_case": bool}),
        ScorerKind("numeric", "the answer's last number is one of the references, within the tolerance", None,
                   str.strip, _numeric, {"tolerance": float}),
        ScorerKind("f1", "how many words the answer shares with the nearest reference: F1, 0 to 1", None,
                   normalise, _f1, {}),
        ScorerKind("json_schema", "the answer is one JSON document that fits the schema", None,
                   str.strip, lambda _, options: is_json(options.get("schema"), "scorer json_schema"),
                   {"schema": dict}, needs_references=False),
        ScorerKind("function", "a Python function of yours, target: FILE.py:NAME, gives true, false or 0 to 1", None,
                   str.strip, lambda references, options: function_judge(
                       options["target"], Path(options["folder"]), "scorer function", references),
                   {"target": str}, needs_references=False),
        ScorerKind("command", "a command reads the answer on stdin and exits 0 (right) or 1, or prints 0 to 1", None,
                   str.strip, lambda _, options: command_judge(
                       options["run"], Path(options["folder"]), "scorer command", options),
                   {"run": Any, "seconds": float, "megabytes": int, "network": bool}, needs_references=False),
        # A continuation begins with the space before its first word, which is no part of the answer. White space at its
        # end is the answer's own, since assertions compare exactly. `Scorer.judge` has the item's checks and does not
        # ask `_among`.
        ScorerKind("checks", "the share of the item's own checks that hold (promptfoo's assertions)", None,
                   str.lstrip, _among, {}, needs_references=False),
        ScorerKind("choice", "the probability of the right one of the item's choices, exact at every temperature", None,
                   str.strip, _chosen, {"per": Literal["text", "token", "byte"]}),
        ScorerKind("distinct_valid", "how many different references the item's answers name", "explore",
                   normalise, _among, {}),
        ScorerKind("none", "no answer is right or wrong: variety and agreement alone", "reproduce",
                   str.strip, lambda *_: lambda key: 1.0, {}, needs_references=False),
    )
}  # fmt: skip


OUTSIDE = ("function", "command")


@dataclass(frozen=True)
class Scorer:
    """A kind of scorer with a task's options and stop strings."""

    kind: ScorerKind
    options: Mapping[str, Any]
    stop: tuple[str, ...]

    def key(self, text: str) -> str:
        """What is left of a generated text: cut at stop and normalised. Two texts with one key are one answer."""
        return self.kind.key(_until(text, self.stop))

    def judge(self, references: Sequence[str], checks: Sequence[Check] = ()) -> Judge:
        """A function from a key to its score for an item with these references: true, false, or 0 to 1."""
        if self.kind.name == "checks":
            # A test without an assertion is neither right nor wrong: its answers are compared with each other alone.
            return (lambda key: score_all(checks, key)) if checks else lambda key: math.nan
        return self.kind.judge(references, self.options)

    def check_references(self, references: Sequence[str], place: str) -> None:
        """Raises InputError, with `place` at its head, where an item's references cannot serve this scorer."""
        kind = self.kind
        if not kind.needs_references:
            return
        given = _patterns(references, self.options)
        if not given:
            without = " without a pattern" if kind.name == "regex" else ""
            raise InputError(
                f"{place}: references are missing; scorer {kind.name!r}{without} needs at least one."
            )
        for reference in given:
            if kind.name == "regex":
                _check_pattern(reference, place)
            elif kind.key is normalise and not normalise(reference):
                raise InputError(
                    f"{place}: the reference {reference!r} contains only punctuation, so no answer can match it; leave "
                    "it out, or use scorer exact."
                )
            elif kind.name == "numeric" and one_number(reference) is None:
                raise InputError(
                    f"{place}: the reference {reference!r} is not a number; write one number without a unit, such as "
                    "1000, 1.2, −5 or ½."
                )


def make_scorer(value: Any, stop: Sequence[str], where: str, folder: Path = Path()) -> Scorer:
    """The scorer of a task file: its name alone, or `{kind: name, option: value}`.

    `folder` is where files that it names are looked for.
    Raises InputError, with `where` at its head, for an unknown kind, an unknown option or a value of the wrong type.
    """
    record = {"kind": value} if isinstance(value, str) else value
    if not isinstance(record, Mapping) or "kind" not in record:
        raise InputError(
            f"{where}: scorer must be a mapping with a kind, one of {', '.join(SCORERS)}, got {value!r}."
        )
    name = record["kind"]
    kind = SCORERS.get(name) if isinstance(name, str) else None
    if kind is None:
        hint = did_you_mean(str(name), SCORERS)
        raise InputError(f"{where}: unknown scorer {name!r}{hint}; known are {', '.join(SCORERS)}.")
    options = {key: option for key, option in record.items() if key != "kind"}
    for key, option in options.items():
        if key not in kind.options:
            allowed = f"its options are {', '.join(kind.options)}" if kind.options else "it has no options"
            raise InputError(
                f"{where}: scorer {name!r} has no option {key!r}{did_you_mean(key, kind.options)}; {allowed}."
            )
        try:
            TypeAdapter(kind.options[key]).validate_python(option, strict=True)
        except ValidationError as error:
            raise from_pydantic(error, f"{where}: {key} of scorer {name!r}") from None
    if "pattern" in options:
        _check_pattern(options["pattern"], where)
    for needed, kinds in (("target", "function"), ("run", "command")):
        if name == kinds and needed not in options:
            raise InputError(f"{where}: scorer {name!r} needs {needed!r}.")
    # As a text, since a recording keeps the options as JSON.
    scorer = Scorer(kind, {**options, "folder": str(folder)} if name in OUTSIDE else options, tuple(stop))
    if name in (*OUTSIDE, "json_schema"):
        # A function or command that is not there, or a wrong schema, is said before the sweep.
        scorer.judge(())
    return scorer


def _check_pattern(pattern: str, place: str) -> None:
    try:
        _pattern(pattern)
    except ValueError as error:
        raise InputError(f"{place}: {pattern!r} is not a regular expression ({error}).") from error
