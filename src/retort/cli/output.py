"""What commands print: one JSON document, or tables that show every token as it is."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from enum import Enum
from os import PathLike
from typing import Any

import click
from rich.console import Console

BLOCKS = " ▏▎▍▌▋▊▉█"
WIDTH_WHEN_PIPED = 100


def as_json_value(value: Any) -> Any:
    """`value` as JSON can hold it: records become objects, arrays lists, and NaN and infinities null."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return as_json_value(value.value)
    if hasattr(value, "to_dict"):  # a record that says itself what belongs into its JSON
        return as_json_value(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [as_json_value(item) for item in items]
    if isinstance(value, PathLike):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return as_json_value(value.tolist())
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_json(record: Any) -> None:
    """One JSON document on stdout; ASCII, so that it survives any locale."""
    click.echo(json.dumps(as_json_value(record), allow_nan=False, indent=2))


def stdout_console() -> Console:
    """A console for tables; brackets in a token are text there, not markup."""
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, emoji=False, width=WIDTH_WHEN_PIPED)
    return console


def bar(share: float, width: int, console: Console) -> str:
    """`share` (0 to 1) of `width` characters, in eighths where the terminal has the signs for it."""
    if not console.encoding.lower().startswith("utf"):
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return BLOCKS[8] * (eighths // 8) + (BLOCKS[eighths % 8] if eighths % 8 else "")


def printable(text: str) -> str:
    """`text` on one line, with line breaks and control characters as escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def with_line_breaks(text: str) -> str:
    """`text` with its line breaks and tabs as they are, and other control characters as escapes."""
    return "".join(char if char in "\n\t" else printable(char) for char in text)


def token_label(token: str) -> str:
    """One token in quotes, so that its spaces can be seen."""
    return f"'{printable(token)}'"


def number(value: float | None) -> str:
    """A number for a table: four significant digits, a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.4g}"


def probability(value: float) -> str:
    """A probability for a table: per cent where that can be read, powers of ten below."""
    if value == 0:
        return "0"
    return f"{value:.2%}" if value >= 0.0001 else f"{value:.1e}"
