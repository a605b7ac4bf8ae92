"""Lists of temperatures as a user types them: `0.1,1,2`, `0:2:41`, or both mixed. The only parser of them."""

from __future__ import annotations

import math
from typing import Any

import click

MOST = 10_000
DECIMALS = 10  # 0:2:41 is 0.05, 0.1, 0.15, …, without the last digits of binary arithmetic


def parse_temperatures(text: str) -> tuple[float, ...]:
    """The temperatures that `text` names, in its order, each once.

    Parts are separated by commas; a part is a number, or `first:last:count` for `count` evenly spaced numbers with both
    ends. Raises ValueError with a sentence for anything else, for a negative or infinite number, and for more than
    10,000 of them.
    """
    found: dict[float, None] = {}
    for part in text.split(","):
        for temperature in _part(part.strip()):
            found[temperature] = None
        if len(found) > MOST:
            raise ValueError(f"{text!r} names more than {MOST:,} temperatures")
    return tuple(found)


def _part(part: str) -> list[float]:
    pieces = part.split(":")
    if len(pieces) == 1:
        return [_temperature(part)]
    if len(pieces) != 3:
        raise ValueError(f"{part!r} is not first:last:count, for instance 0:2:41")
    first, last = _temperature(pieces[0]), _temperature(pieces[1])
    try:
        count = int(pieces[2])
    except ValueError:
        raise ValueError(f"the count {pieces[2]!r} in {part!r} is not a whole number") from None
    if not 2 <= count <= MOST:
        raise ValueError(f"the count in {part!r} must be from 2 to {MOST:,}")
    return [round(first + (last - first) * i / (count - 1), DECIMALS) for i in range(count)]


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a temperature; give numbers (0.1,1,2) or first:last:count (0:2:41)"
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(
            f"temperature {text} is not allowed; it must be a finite number of 0 (greedy) or more"
        )
    return value


class OneTemperature(click.ParamType):
    """A click type that gives one temperature, and says which command takes a list of them."""

    name = "X"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            found = parse_temperatures(str(value))
        except ValueError as problem:
            self.fail(f"{problem}.", param, ctx)
        if len(found) > 1:
            self.fail(
                f"texts are drawn at one temperature, got {value}; `retort path` shows the text of one seed at each of "
                "them.",
                param,
                ctx,
            )
        return found[0]


class TemperatureList(click.ParamType):
    """A click type that gives a tuple of temperatures."""

    name = "LIST"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_temperatures(value)
        except ValueError as problem:
            self.fail(f"{problem}.", param, ctx)
