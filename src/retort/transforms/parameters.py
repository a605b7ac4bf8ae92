"""A transform's parameters: what is allowed, what means "off", and how a value is read and written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    off, and so is one with a number of `off_from` or more. `setting`: its name among flat settings such as
    SamplingParams has (`xtc_probability` for xtc's probability); None if it belongs to chains alone. `low`, `high` and
    `whole` bound numbers; `for_all`: one number for all rows, never one for each.
    """

    name: str
    allowed: str
    low: float = -math.inf
    high: float = math.inf
    default: Any = None
    off_values: tuple[Any, ...] = ()
    off_from: float = math.inf
    whole: bool = False
    for_all: bool = False
    setting: str | None = None
    kind: Kind | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.setting or self.name

    def is_off(self, value: Any) -> bool:
        """True for None and for the values by which engines say "off"."""
        if value is None:
            return True
        if self.kind is None and is_per_row(value):
            return False
        return value in self.off_values or (self.kind is None and value >= self.off_from)

    def taken(self, value: Any) -> Any:
        """As `store`; of numbers it may also be an array or list with one for each row, which is left as it is."""
        if self.kind is not None or self.for_all or not is_per_row(value):
            return self.store(value)
        extremes(value, self.label)
        numbers = np.asarray(value if isinstance(value, (list, tuple)) else to_numpy(value), dtype=np.float64)
        # Rows of a batch mostly share a few values, and each is looked at once.
        wrong = [number for number in np.unique(numbers) if not self._allows(float(number))]
        if wrong:
            raise InputError(f"{self.label} must be {self.allowed}, got {wrong[0]:g} for at least one row")
        return value

    def store(self, value: Any) -> Any:
        """`value` as a stage keeps it; raises InputError. None stays None."""
        if value is None:
            return None
        if self.kind is not None:
            return self.kind.store(self, value)
        # True is a 1 in Python, and `top_k=True` a mistake. A stage holds no rows: it is hashable, and written as text.
        if isinstance(value, (bool, np.bool_)) or is_per_row(value):
            raise self.refused(value)
        # Read as the rows of a batch are, so that numpy's and torch's scalars are taken as well.
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

    def _allows(self, number: float) -> bool:
        # An off-value may lie outside the range, as top_k's -1 does.
        if number in self.off_values:
            return True
        return self.low <= number <= self.high and math.isfinite(number) and not (self.whole and number % 1)


def share(name: str, off: float, setting: str | None = None) -> Parameter:
    """A number from 0 to 1, of which `off` says "off"; `setting` None: called as the parameter is."""
    allowed = f"a number from 0 to 1 (None or {off:g}: off)"
    return Parameter(name, allowed, low=0.0, high=1.0, off_values=(off,), setting=setting or name)


def choice(*words: str) -> Kind:
    """One of these words."""

    def store(parameter: Parameter, value: Any) -> str:
        word = str(value).strip().lower().replace("-", "_")
        if word not in words:
            raise parameter.refused(repr(value))
        return word

    return Kind(store, store, str)


def number_text(value: float | int) -> str:
    """Shortest text that reads back as the same number: 0.9, 50, 1 rather than 1.0."""
    # As a whole number 1e300 would be written with all its digits.
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


WHOLE, OUTPUT, LAST = "all", "output", "last:"

SCOPE_ALLOWED = "all (prompt and output), output, or last:N with the last N tokens (last:0: off)"


def scope_parameter(default: str, setting: str | None = None) -> Parameter:
    """How far back a transform looks; `default` is "all" or "output"."""
    return Parameter(
        "scope", SCOPE_ALLOWED, default=default, off_values=(f"{LAST}0",), setting=setting, kind=SCOPE
    )


def checked_ids(parameter: Parameter, value: Any) -> tuple[int, ...]:
    """`value` (an id, ids, or a boolean mask over the vocabulary) as rising ids, each once; raises InputError."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "b":
        value = np.flatnonzero(value).tolist()
    # One order and no repeats: chains that name the same tokens are equal, and their rows are drawn together.
    return tuple(sorted({_token_id(parameter, number) for number in _entries(parameter, value)}))


def _entries(parameter: Parameter, value: Any) -> Iterable[Any]:
    """What an iterable holds, and anything else by itself; text and mappings are refused."""
    if isinstance(value, (str, bytes, Mapping)):
        raise parameter.refused(repr(value))
    return value if isinstance(value, Iterable) else [value]


def _token_id(parameter: Parameter, number: Any) -> int:
    try:
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        raise parameter.refused(repr(number)) from None
    # 7.0 is an id, as JSON may write one; 7.5 is none, though int() takes it.
    if isinstance(number, (bool, np.bool_)) or whole != (float(number)) or whole < 0:
        raise parameter.refused(repr(number))
    return whole


def _read_bracketed(parameter: Parameter, text: str) -> tuple[int, ...]:
    """Ids written as `7` or `[7 9]`."""
    return checked_ids(parameter, _inside_brackets(text))


def _inside_brackets(text: str) -> list[str]:
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return inside.replace(",", " ").split()


def _write_bracketed(ids: Sequence[Any]) -> str:
    return str(ids[0]) if len(ids) == 1 else f"[{' '.join(map(str, ids))}]"


def _read_list(parameter: Parameter, text: str) -> tuple[int, ...]:
    """Ids written as `3, 8-11`: single ones and runs, both ends included."""
    ids: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        low = _token_id(parameter, first)
        high = _token_id(parameter, last) if dash else low
        if high < low:
            raise parameter.refused(repr(part.strip()))
        ids.update(range(low, high + 1))
    return tuple(sorted(ids))


def _write_list(ids: tuple[int, ...]) -> str:
    runs: list[list[int]] = []
    for token in ids:
        if runs and token == runs[-1][-1] + 1:
            runs[-1].append(token)
        else:
            runs.append([token])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _store_biases(parameter: Parameter, value: Any) -> tuple[tuple[int, float], ...]:
    """A mapping of ids (text or numbers) to biases, or pairs, in order of ids; False is -inf, as llama.cpp has it."""
    try:
        pairs = [(token, bias) for token, bias in (value.items() if isinstance(value, Mapping) else value)]
    except (TypeError, ValueError):
        raise parameter.refused(repr(value)) from None
    biases: dict[int, float] = {}
    for token, bias in pairs:
        try:
            # Before float(): False is 0 there, which would leave the token as it is instead of removing it.
            number = -math.inf if bias is False else float(bias)
        except (TypeError, ValueError):
            raise parameter.refused(repr(bias)) from None
        # An id may come as text (JSON) and as a number: a second entry is refused, not written over the first.
        # NaN is refused too: it is not less than infinity.
        key = _token_id(parameter, token)
        if key in biases or bias is True or not number < math.inf:
            raise parameter.refused(
                f"the token {key} twice" if key in biases else f"{bias!r} for the token {key}"
            )
        biases[key] = number
    return tuple(sorted(biases.items()))


def _read_biases(parameter: Parameter, text: str) -> tuple[tuple[int, float], ...]:
    pairs = [part.partition(":") for part in text.split(",")]
    wrong = [token for token, colon, _ in pairs if not colon]
    if wrong:
        raise parameter.refused(repr(wrong[0].strip()))
    return _store_biases(parameter, [(token.strip(), bias.strip()) for token, _, bias in pairs])


def _write_biases(biases: tuple[tuple[int, float], ...]) -> str:
    return ", ".join(f"{token}: {number_text(bias)}" for token, bias in biases)


def _store_sequences(parameter: Parameter, value: Any) -> tuple[tuple[int, ...], ...]:
    """Sequences of ids, sorted, each once; a single id is a sequence of one."""
    if not isinstance(value, Iterable):
        raise parameter.refused(repr(value))
    sequences = {
        tuple(_token_id(parameter, number) for number in _entries(parameter, entry))
        for entry in _entries(parameter, value)
    }
    if () in sequences:
        raise parameter.refused("an empty sequence")
    return tuple(sorted(sequences))


def _read_sequences(parameter: Parameter, text: str) -> tuple[tuple[int, ...], ...]:
    # Matched whole first: findall alone would pass over whatever is no id.
    one = r"(?:\[[\d\s,]*\]|\d+)"
    if not re.fullmatch(rf"{one}(?:\s*,\s*{one})*", text):
        raise parameter.refused(repr(text))
    parts = re.findall(one, text)
    return _store_sequences(parameter, [re.findall(r"\d+", part) for part in parts])


def _write_sequences(sequences: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(f"[{' '.join(map(str, sequence))}]" for sequence in sequences)


def _store_scope(parameter: Parameter, value: Any) -> str:
    text = str(value).strip().lower()
    if text in (WHOLE, OUTPUT):
        return text
    count = text.removeprefix(LAST).strip()
    if not text.startswith(LAST) or not count.isdigit():
        raise parameter.refused(repr(value))
    return f"{LAST}{int(count)}"


def _store_function(parameter: Parameter, value: Any) -> Callable[..., Any]:
    if not callable(value):
        raise parameter.refused(repr(value))
    return value


def _read_function(parameter: Parameter, text: str) -> Any:
    raise parameter.refused(
        f"{text!r}; a chain's text cannot hold a function: in Python, build Stage({parameter.name!r}, function)"
    )


def _write_function(function: Callable[..., Any]) -> str:
    return f"<{getattr(function, '__name__', type(function).__name__)}>"


def _store_breakers(parameter: Parameter, value: Any) -> tuple[Any, ...]:
    """Ids and sequences of ids, ids first; a sequence of one is its id. Text is one breaker: `12`, or `1+2`."""
    sequences = {
        # Text is iterable too, but "12" is one id and not the tokens 1 and 2.
        tuple(
            _token_id(parameter, one)
            for one in (entry.split("+") if isinstance(entry, str) else _entries(parameter, entry))
        )
        for entry in _entries(parameter, value)
    }
    return tuple(
        sequence[0] if len(sequence) == 1 else sequence
        for sequence in sorted(sequences, key=lambda one: (len(one), one))
        if sequence
    )


def _read_breakers(parameter: Parameter, text: str) -> tuple[Any, ...]:
    """Breakers written as `7` or `[7 9 1+2]`: ids, and sequences with a plus between their ids."""
    return _store_breakers(parameter, _inside_brackets(text))


def _write_breakers(breakers: tuple[Any, ...]) -> str:
    return _write_bracketed(["+".join(map(str, one)) if isinstance(one, tuple) else one for one in breakers])


BREAKS = Kind(_store_breakers, _read_breakers, _write_breakers)
"""Token ids, and sequences of them: `7` or `[7 9 1+2]`."""

IDS = Kind(checked_ids, _read_bracketed, _write_bracketed)
"""A few token ids: `7` or `[7 9]`."""

ID_LIST = Kind(checked_ids, _read_list, _write_list, variadic=True)
"""Token ids as the whole of a stage's settings: `3, 8-11`."""

BIASES = Kind(_store_biases, _read_biases, _write_biases, variadic=True)
"""A bias for each of some tokens: `50256: -100, 11: 2.5`."""

SEQUENCES = Kind(_store_sequences, _read_sequences, _write_sequences, variadic=True)
"""Sequences of token ids: `[5 6], [7]`."""

SCOPE = Kind(_store_scope, _store_scope, str)
"""How far back to look: `all`, `output` or `last:64`."""

FUNCTION = Kind(_store_function, _read_function, _write_function)
"""A Python function."""
