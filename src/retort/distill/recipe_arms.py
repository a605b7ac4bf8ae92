"""The keys of a recipe that decide an arm's training from outside: learning rates to search, where it is logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retort.distill.checks import Rule, number, text
from retort.errors import InputError

_rate = number(0, 10, low_open=True)


def _learning_rate(name: str, value: Any) -> float | tuple[float, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        single: float = _rate(name, value)
        return single
    rates = tuple(_rate(name, one) for one in value)
    if len(rates) < 2 or len(set(rates)) != len(rates):
        raise InputError(
            f"{name} is {list(value)!r}; a list is a search and holds two or more different rates, as in [1e-3, 3e-3]."
        )
    return rates


def _report_to(name: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence):
        raise InputError(f"{name} is {value!r}; it must be a name or a list of them, as in [tensorboard].")
    return tuple(text(name, one) for one in names)


learning_rate = Rule(
    _learning_rate,
    {"anyOf": [_rate.schema, {"type": "array", "items": _rate.schema, "minItems": 2, "uniqueItems": True}]},
)
report_to = Rule(_report_to, {"anyOf": [text.schema, {"type": "array", "items": text.schema}]})
