"""Conditions such as "entropy > 3" on what a verb found, so that a script or a CI run can fail on them.

A record offers named measures, each with one or several values (one per temperature, one per token). A condition holds
if any of them meets it. An interval meets it for certain, certainly not, or it cannot be decided.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from retort.distribution import Interval
from retort.errors import CapabilityError, InputError
from retort.numerals import number

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
WRITTEN = re.compile(
    r"\s*([a-z_][a-z0-9_-]*)\s*(>=|<=|==|!=|>|<)\s*([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class Condition:
    """A measure compared with a number: `entropy > 3`."""

    measure: str
    comparison: str
    limit: float

    def __str__(self) -> str:
        return f"{self.measure} {self.comparison} {self.limit:g}"


def parse_condition(text: str) -> Condition:
    """The condition written as `name > number`. Raises InputError for anything else."""
    matched = WRITTEN.fullmatch(text)
    try:
        limit = float(matched[3]) if matched else math.nan
    except ValueError:
        limit = math.nan
    if matched is None or not math.isfinite(limit):
        raise InputError(
            f"a condition is written name > number, with one of {', '.join(COMPARISONS)}, got {text!r}; "
            "for example: entropy > 3"
        )
    return Condition(matched[1].lower().replace("-", "_"), matched[2], limit)


def check(condition: Condition, measures: Iterable[str]) -> None:
    """Raise InputError for a condition on a measure that the record does not have."""
    if condition.measure not in measures:
        known = ", ".join(measures)
        can = f"{condition} can be asked of {known}" if known else "this command measures nothing"
        raise InputError(f"there is no {condition.measure!r} here; {can}.")


def met(condition: Condition, measures: Mapping[str, Sequence[Interval]]) -> float | None:
    """The first value that meets the condition, None if none does.

    Raises InputError as `check` does, and CapabilityError where an interval leaves it open.
    """
    check(condition, measures)
    compare = COMPARISONS[condition.comparison]
    undecided: Interval | None = None
    for value in measures[condition.measure]:
        answers = {compare(value.low, condition.limit), compare(value.high, condition.limit)}
        if condition.comparison in ("==", "!=") and value.low < condition.limit < value.high:
            answers = {True, False}
        if answers == {True}:
            return float(value.low)
        if len(answers) == 2:
            undecided = value
    if undecided is not None:
        raise CapabilityError(
            f"{condition} cannot be decided: {condition.measure} is between {number(undecided.low)} and "
            f"{number(undecided.high)}, given only the tokens that are known."
        )
    return None
