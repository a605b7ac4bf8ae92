"""Numbers as people write them: thousands, fractions, powers of ten, units beside them; and as a file gives them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

MINUS = "-\u2212\ufe63\uff0d"  # hyphen-minus, the minus sign and its small and wide forms
DASHES = MINUS + "\u2010\u2011\u2012\u2013\u2014"
# Thousands in groups of three only: "1,00,000" and "1,2" stay ambiguous, and `_value` refuses them.
GROUPS = r"\d{1,3}(?:,\d{3})+|\d{1,3}(?:[\u00a0\u2009\u202f' ]\d{3})+(?!\d)"
# Unicode's fractions in one character (¼ … ⅞). U+215F is left out: it is a 1 that waits for its denominator.
VULGAR = "".join(chr(code) for code in (0xBC, 0xBD, 0xBE, *range(0x2150, 0x215F), 0x2189))

# One written number with all that may belong to it, so that no part of it is taken for a number of its own: a pattern
# of the digits alone would find 2 in "1/2" and 3 in "10^3". A sign behind a letter or a digit is a hyphen or a dash
# ("B-52", "3-5"), so the number has none then.
NUMBER = re.compile(
    rf"(?P<sign>(?<![\w.,{VULGAR}])[{MINUS}+])?"
    rf"(?P<digits>{GROUPS}|\d+|(?=\.\d)|(?=[{VULGAR}]))"
    r"(?P<rest>(?:[.,]\d+)*)"
    r"(?:[eE](?P<exponent>[-+]?\d+)(?!\w)|\s?[×x·*]\s?10\s?\^\s?(?P<power>[-+−]?\d+))?"
    rf"(?:\s?(?P<vulgar>[{VULGAR}])|(?:\s(?P<top>\d+))?\s?[/\u2044]\s?(?P<bottom>\d+)(?![/\u2044\d]))?"
)
BETWEEN = re.compile(rf"\s?[{DASHES}]\s?|[/:]")  # 3-5, 12:30, 1/2/2024: one thing of several numbers


def is_number(value: Any) -> bool:
    """Whether a value of a file is a number that a float holds; true and false are none."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def last_number(text: str) -> float | None:
    """The last number in `text`; None where there is none, or where it may mean more than one number.

    "−5" and "(-5)" are −5, "1,000" is 1000, "1½" and "3/2" are 1.5, "2×10^3" is 2000, and a unit or a currency beside
    a number is left aside. "3-5", "1,2", "1.2.3" and "12:30" say no single number.
    """
    found = list(NUMBER.finditer(text))
    if not found:
        return None
    last = found[-1]
    # A range, a time or a date may mean either of its numbers; to pick one would score a guess.
    if len(found) > 1 and BETWEEN.fullmatch(text[found[-2].end() : last.start()]):
        return None
    return _value(last)


def one_number(text: str) -> float | None:
    """The number that `text` is and nothing else: what a task gives as a right answer."""
    found = NUMBER.fullmatch(text.strip())
    return None if found is None else _value(found)


def _value(found: re.Match[str]) -> float | None:
    """What is written; None where that is ambiguous, or beyond what a float holds (a model may say 10^999)."""
    try:
        value = _read(found)
    except (OverflowError, ValueError):
        return None
    return value if value is None or math.isfinite(value) else None


def _read(found: re.Match[str]) -> float | None:
    digits, rest = re.sub(r"\D", "", found["digits"]), found["rest"]
    if len(re.findall("[.,]", rest)) > 1 or "," in rest:
        return None  # 1.2.3, or 1,2, which is two numbers here and one and a fifth there
    value = float(f"{digits or '0'}{rest}")
    if found["vulgar"]:
        if rest:
            return None
        value += unicodedata.numeric(found["vulgar"])
    if found["bottom"]:
        if rest or not int(found["bottom"]):
            return None
        top = found["top"]
        value = value / int(found["bottom"]) if top is None else value + int(top) / int(found["bottom"])
    exponent = found["exponent"] or (found["power"] or "0").replace("−", "-")
    value *= 10.0 ** int(exponent)
    return -value if found["sign"] and found["sign"] in MINUS else value
