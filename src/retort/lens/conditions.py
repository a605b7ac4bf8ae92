"""Conditions such as "entropy > 3" on what a verb found, so that a script or a CI run can fail on them.

A verb's record offers named measures, each with one or several values (one a temperature, one a token). A condition
holds if any of them meets it. An interval meets it for certain, certainly not, or it cannot be decided.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from retort.errors import CapabilityError, InputError

Value = float | tuple[float, float]  # a number, or the ends of an interval

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


def met(condition: Condition, measures: Mapping[str, Sequence[Value]]) -> float | None:
    """The first value that meets the condition, None if none does.

    Raises InputError for a measure that the record does not have, and CapabilityError where an interval leaves it open.
    """
    if condition.measure not in measures:
        raise InputError(
            f"there is no {condition.measure!r} in what was found; {condition} can be asked of {', '.join(measures)}."
        )
    compare = COMPARISONS[condition.comparison]
    open_value: tuple[float, float] | None = None
    for value in measures[condition.measure]:
        low, high = value if isinstance(value, tuple) else (value, value)
        answers = {compare(low, condition.limit), compare(high, condition.limit)}
        if condition.comparison in ("==", "!=") and low < condition.limit < high:
            answers = {True, False}
        if answers == {True}:
            return low
        if len(answers) == 2:
            open_value = (low, high)
    if open_value is not None:
        raise CapabilityError(
            f"{condition} cannot be decided: {condition.measure} is between {open_value[0]:.4g} and "
            f"{open_value[1]:.4g}, as far as the tokens that are known tell."
        )
    return None
