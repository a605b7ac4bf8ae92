"""A transform's parameters: what is allowed, what means "off", and how a value is read and written."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.distribution.arrays import to_numpy
from retort.distribution.softmax import extremes, is_per_row
from retort.errors import InputError


@dataclass(frozen=True)
class Kind:
    """What sort of value a parameter takes.

    `store(parameter, value)` gives the value as a stage keeps it (hashable), or raises InputError; `read` takes it from
    a chain's text and `write` puts it there, so that it reads back. `variadic`: the value is all that stands between
    the parentheses, commas included.
    """

    store: Callable[[Parameter, Any], Any]
    read: Callable[[Parameter, str], Any]
    write: Callable[[Any], str]
    variadic: bool = False


@dataclass(frozen=True)
class Parameter:
    """One parameter of a transform.

    `allowed` ends the sentence "NAME must be …". `default` None: it must be given. A stage with one of `off_values` is
    off. `setting`: its name among flat settings such as SamplingParams has (`xtc_probability` for xtc's probability);
    None if it belongs to chains alone. `low`, `high` and `whole` bound numbers.
    """

    name: str
    allowed: str
    low: float = -math.inf
    high: float = math.inf
    default: Any = None
    off_values: tuple[Any, ...] = ()
    whole: bool = False
    setting: str | None = None
    kind: Kind | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.setting or self.name

    def is_off(self, value: Any) -> bool:
        """True for None and for the values by which engines say "off"."""
        return value is None or (not (self.kind is None and is_per_row(value)) and value in self.off_values)

    def check(self, value: Any) -> None:
        """Nothing if `value` (for numbers: one, or an array with one a row) is allowed or off; else InputError."""
        if value is not None and is_per_row(value) and self.kind is None:
            self._check_rows(value)
        else:
            self.store(value)

    def store(self, value: Any) -> Any:
        """`value` as a stage keeps it; raises InputError. None stays None."""
        if value is None:
            return None
        if self.kind is not None:
            return self.kind.store(self, value)
        if isinstance(value, (bool, np.bool_)) or is_per_row(value):
            raise self.refused(value)
        number, _ = extremes(value, self.label)
        if not self._allows(number):
            raise self.refused(value)
        return int(number) if self.whole else number

    def read(self, text: str) -> Any:
        """The value written as `text` in a chain; raises InputError."""
        if self.kind is not None:
            return self.kind.read(self, text)
        try:
            return float(text)
        except ValueError:
            raise self.refused(repr(text)) from None

    def write(self, value: Any) -> str:
        """`value` as text that `read` reads back."""
        return number_text(value) if self.kind is None else self.kind.write(value)

    def refused(self, value: Any) -> InputError:
        """The error for a value that is not allowed."""
        return InputError(f"{self.label} must be {self.allowed}, got {value}")

    def _check_rows(self, value: Any) -> None:
        extremes(value, self.label)
        numbers = np.asarray(
            value if isinstance(value, (list, tuple)) else to_numpy(value), dtype=np.float64
        ).ravel()
        wrong = [number for number in np.unique(numbers) if not self._allows(float(number))]
        if wrong:
            raise InputError(f"{self.label} must be {self.allowed}, got {wrong[0]:g} for at least one row")

    def _allows(self, number: float) -> bool:
        if number in self.off_values:
            return True
        return self.low <= number <= self.high and math.isfinite(number) and not (self.whole and number % 1)


def choice(*words: str) -> Kind:
    """One of these words."""

    def store(parameter: Parameter, value: Any) -> str:
        word = str(value).strip().lower().replace("-", "_")
        if word not in words:
            raise parameter.refused(repr(value))
        return word

    return Kind(store, lambda parameter, text: store(parameter, text), str)


def number_text(value: float | int) -> str:
    """Shortest text that reads back as the same number: 0.9, 50, 1 rather than 1.0."""
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
