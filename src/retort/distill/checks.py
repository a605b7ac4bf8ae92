"""How a record made from YAML is checked: every field carries its check, and every failure is one sentence.

A check takes the key's full name and the value, and returns the value to keep. Raises InputError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeAlias

from retort.errors import InputError, did_you_mean

Check: TypeAlias = Callable[[str, Any], Any]


def key(check: Check, help_text: str) -> dict[str, Any]:
    """A dataclass field's metadata: its check and its one line of help."""
    return {"check": check, "help": help_text}


@dataclass(frozen=True)
class Rule:
    """A check that can also say, as JSON Schema, what it allows."""

    check: Check
    schema: dict[str, Any]

    def __call__(self, name: str, value: Any) -> Any:
        return self.check(name, value)


def number(low: float, high: float, *, low_open: bool = False, high_open: bool = False) -> Rule:
    """A finite number in the range, given as a number or as its text."""

    def check(name: str, value: Any) -> float:
        number = _as_number(value)
        inside = number is not None and (low < number if low_open else low <= number)
        inside = inside and number is not None and (number < high if high_open else number <= high)
        if number is None or not inside or not math.isfinite(number):
            raise InputError(
                f"{name} is {value!r}; allowed is a number {_range_text(low, high, low_open, high_open)}."
            )
        return number

    ends = {
        "exclusiveMinimum" if low_open else "minimum": low,
        "exclusiveMaximum" if high_open else "maximum": high,
    }
    return Rule(check, {"type": "number", **ends})


def whole_number(low: int) -> Check:
    """A whole number from `low` up."""

    def check(name: str, value: Any) -> int:
        number = _as_number(value)
        if number is None or number != int(number) or number < low:
            raise InputError(f"{name} is {value!r}; allowed is a whole number from {low} up.")
        return int(number)

    return Rule(check, {"type": "integer", "minimum": low})


def optional(inner: Check) -> Check:
    """None, or what `inner` allows."""
    return Rule(
        lambda name, value: None if value is None else inner(name, value),
        {"anyOf": [{"type": "null"}, inner.schema if isinstance(inner, Rule) else {}]},
    )


def choice(*allowed: str) -> Check:
    """One of a few words."""

    def check(name: str, value: Any) -> str:
        if value not in allowed:
            raise InputError(
                f"{name} is {value!r}{nearest(str(value), allowed)}; allowed are {', '.join(allowed)}."
            )
        return str(value)

    return Rule(check, {"enum": list(allowed)})


def _flag(name: str, value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; allowed are true and false.")
    return value


def _text(name: str, value: Any) -> str:
    """Text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InputError(
            f"{name} is {value!r}; it must be a piece of text, for instance a path or a model's name."
        )
    return value


flag = Rule(_flag, {"type": "boolean"})
text = Rule(_text, {"type": "string", "pattern": "\\S"})


def _as_number(value: Any) -> float | None:
    """YAML 1.1 reads 2e-3 as text, so text that is a number counts as one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _range_text(low: float, high: float, low_open: bool, high_open: bool) -> str:
    return f"in {'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"


def nearest(name: str, allowed: Any) -> str:
    """ " (did you mean …?)" if a known name is near, else nothing."""
    return did_you_mean(name, allowed)


def build(kind: type[Any], values: Any, prefix: str) -> Any:
    """`kind(**values)` after checking that every key exists and every required one is there."""
    if not isinstance(values, Mapping):
        raise InputError(f"{prefix.rstrip('.')} is {values!r}; it must be keys and values.")
    known = {one.name: one for one in fields(kind)}
    cleaned = {str(name).replace("-", "_"): value for name, value in values.items()}
    for name in cleaned:
        if name not in known:
            raise InputError(
                f"the recipe has no key {prefix}{name}{nearest(name, known)}; keys are {', '.join(known)}."
            )
    for name, one in known.items():
        if one.default is MISSING and name not in cleaned:
            raise InputError(f"the recipe has no {prefix}{name}, which is required: {one.metadata['help']}.")
    return kind(**cleaned)


def check_fields(record: Any, prefix: str) -> None:
    """Replace every field of a frozen record by what its check returns."""
    for one in fields(record):
        checked = one.metadata["check"](prefix + one.name, getattr(record, one.name))
        object.__setattr__(record, one.name, checked)


def schema_of(kind: type[Any], own: Mapping[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """The JSON Schema of a record's keys; `own` has what a check that is no Rule allows."""
    properties, required = {}, []
    for one in fields(kind):
        check = one.metadata["check"]
        allowed = check.schema if isinstance(check, Rule) else (own or {}).get(one.name, {})
        properties[one.name] = {"description": one.metadata["help"], **allowed}
        if one.default is MISSING:
            required.append(one.name)
        else:
            default = list(one.default) if isinstance(one.default, tuple) else one.default
            properties[one.name]["default"] = default
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
