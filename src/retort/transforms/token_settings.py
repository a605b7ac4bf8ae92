"""Kinds of parameters that are about tokens: ids, biases, sequences, how far back to look, a function of the ids."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from retort.transforms.parameters import Kind, Parameter, number_text

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
    if isinstance(value, (str, bytes, Mapping)):
        raise parameter.refused(repr(value))
    ids = value if isinstance(value, Iterable) else [value]
    return tuple(sorted({_token_id(parameter, number) for number in ids}))


def _token_id(parameter: Parameter, number: Any) -> int:
    try:
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        raise parameter.refused(repr(number)) from None
    if isinstance(number, (bool, np.bool_)) or whole != (float(number)) or whole < 0:
        raise parameter.refused(repr(number))
    return whole


def _read_bracketed(parameter: Parameter, text: str) -> tuple[int, ...]:
    """Ids written as `7` or `[7 9]`."""
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return checked_ids(parameter, inside.replace(",", " ").split())


def _write_bracketed(ids: tuple[int, ...]) -> str:
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
            number = -math.inf if bias is False else float(bias)
        except (TypeError, ValueError):
            raise parameter.refused(repr(bias)) from None
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
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise parameter.refused(repr(value))
    sequences = set()
    for entry in value:
        if isinstance(entry, (str, bytes, Mapping)):
            raise parameter.refused(repr(entry))
        ids = tuple(entry) if isinstance(entry, Iterable) else (entry,)
        if not ids:
            raise parameter.refused("an empty sequence")
        sequences.add(tuple(_token_id(parameter, number) for number in ids))
    return tuple(sorted(sequences))


def _read_sequences(parameter: Parameter, text: str) -> tuple[tuple[int, ...], ...]:
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
