"""How numbers are written in every table, sentence, picture and report: the one formatter.

In: plain numbers. Out: text with a true minus sign (U+2212), thousands as in 12,345, shares as 13.54%, and "–" where
there is no number. No other file gives a float its own precision in an f-string (tests/test_numerals.py), so the same
number looks the same wherever it is read. JSON, CSV, commands and settings, which a machine reads back, are not
written here.

A confidence interval is "low to high"; what is known only in part is "low … high" (`bounds`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

NONE = "–"
MINUS = "−"
LARGEST_IN_FULL = 1e7
SMALLEST_IN_FULL = 1e-4
"""Outside these two a number is written with a power of ten, as 1.2e-5: its digits could not be counted by eye."""


def _set(text: str) -> str:
    """`text` with a true minus sign, no sign before a zero, and exponents without padding: 1.2e-05 is 1.2e-5."""
    mantissa, exponent, power = text.partition("e")
    if mantissa.lstrip("+-").strip("0.") == "" and not exponent:
        mantissa = mantissa.lstrip("+-")
    return mantissa.replace("-", MINUS) + (f"e{int(power)}" if exponent else "")


def number(value: float | None, digits: int = 4) -> str:
    """A number of unknown size: `digits` significant ones, and all before the point between 0.0001 and ten million."""
    if value is None or math.isnan(value):
        return NONE
    if value == 0 or not math.isfinite(value):
        return _set(f"{value:g}")
    size = abs(float(f"{value:.{digits}g}"))  # as it will be written: 9999.6 is 10,000, with all its digits
    if not SMALLEST_IN_FULL <= size < LARGEST_IN_FULL:
        return _set(f"{value:.{digits}g}")
    return _set(f"{value:,.0f}" if size >= 10**digits else f"{value:,.{digits}g}")


def decimals(value: float | None, places: int = 3) -> str:
    """A number with `places` decimals: columns of them line up."""
    return NONE if value is None or math.isnan(value) else _set(f"{value:,.{places}f}")


def signed(value: float | None, places: int = 3) -> str:
    """A difference: as `decimals`, with its sign, + too."""
    return NONE if value is None or math.isnan(value) else _set(f"{value:+,.{places}f}")


def percent(share: float | None, places: int = 0) -> str:
    """A share of a whole, as 42%."""
    return NONE if share is None or math.isnan(share) else f"{_set(f'{100 * share:.{places}f}')}%"


def probability(value: float | None) -> str:
    """A probability: per cent with two decimals, a power of ten below 0.01%."""
    if value is None or math.isnan(value):
        return NONE
    if value == 0:
        return "0"
    return percent(value, 2) if value >= SMALLEST_IN_FULL else _set(f"{value:.1e}")


def p_value(value: float) -> str:
    """The p-value of a test, as p = 0.013 or p < 0.0001."""
    return f"p < {SMALLEST_IN_FULL:g}" if value < SMALLEST_IN_FULL else f"p = {number(value, 2)}"


def interval(ends: tuple[float, float] | None, write: Callable[[float], str] = decimals) -> str:
    """A confidence interval."""
    return NONE if ends is None else f"{write(ends[0])} to {write(ends[1])}"


def signed_interval(ends: tuple[float, float] | None, places: int = 3) -> str:
    """The interval of a difference; without plus signs where both ends are positive. A difference that is not 0 does
    not look as if it could be: an end that rounds to 0 is "above 0" or "below 0"."""
    written = signed if ends is not None and ends[0] < 0.0 else decimals

    def write(end: float) -> str:
        if 0.0 < abs(end) < 0.5 * 10.0**-places:
            return "above 0" if end > 0.0 else "below 0"
        return written(end, places)

    return interval(ends, write)


def bounds(low: float, high: float, write: Callable[[float], str] = number) -> str:
    """What is known to lie between two numbers: one number, both ends, or the one end that is known."""
    first, last = write(low), write(high)
    if first == last:
        return first
    if low == -math.inf:
        return f"≤ {last}"
    return f"≥ {first}" if high == math.inf else f"{first} … {last}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: 1 token, 12,345 tokens."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A time in the unit that suits it: 45 s, 12 min, 1.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def megabytes(size: float) -> str:
    """A number of bytes in MB (10⁶), as files are told."""
    return f"{size / 1e6:,.1f} MB"
