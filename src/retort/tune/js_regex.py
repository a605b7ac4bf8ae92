"""JavaScript's regular expressions as Python's: what a pattern of promptfoo matches there, it matches here.

The two differ in silence: `$` before a last line break, `.` at other line ends, the letters of `\\w`, `[^]`, `{,3}`.
"""

from __future__ import annotations

import re

SPACES = r"\s\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\u00a0\ufeff"
OUTSIDE = {"d": "[0-9]", "D": "[^0-9]", "s": f"[{SPACES}]", "S": f"[^{SPACES}]", "b": r"\b", "B": r"\B"}
INSIDE = {"d": "0-9", "s": SPACES, "b": r"\b", "D": r"\D", "S": r"\S", "-": r"\-"}
SAME = "wWtnrfv"
PIECE = re.compile(
    r"\\k<(?P<backreference>\w+)>|\\c(?P<control>[A-Za-z])|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\0(?!\d)"
    r"|\\(?P<number>[1-9]\d*)|\\(?P<escaped>.)"
    r"|\(\?<(?P<group>[A-Za-z_]\w*)>|\(\?(?P<kind>[:=!]|<[=!])?|(?P<class>\[\^?\]?)|(?P<one>.)",
    re.DOTALL,
)


def javascript_regex(pattern: str) -> re.Pattern[str]:
    """The pattern compiled to match as `new RegExp(pattern)` does. Raises ValueError for one that JavaScript refuses,
    or that Python cannot express (a lookbehind of unknown length)."""
    python, place, inside = [], 0, False
    while place < len(pattern):
        found = PIECE.match(pattern, place)
        assert found is not None, "the last alternative takes anything"
        place = found.end()
        if inside and (found["class"] or found["group"] or found[0].startswith("(")):
            # Within a class only the first character of these counts, and as itself.
            place = found.start() + 1
            python.append("\\" + found[0][0])
            continue
        if found["class"]:
            inside, text = _opened(found["class"])
            python.append(text)
            place = found.start() + len(found["class"].removesuffix("]") if inside else found["class"])
        elif found["group"]:
            python.append(f"(?P<{found['group']}>")
        elif found[0] == "(?":
            raise ValueError(f"JavaScript has no {pattern[found.start() : found.start() + 4]!r}")
        elif found["backreference"]:
            python.append(f"(?P={found['backreference']})")
        elif found["control"]:
            python.append(f"\\x{ord(found['control']) % 32:02x}")
        elif found["escaped"]:
            python.append(_escape(found["escaped"], inside))
        elif found["one"]:
            if found["one"] == "]":
                inside = False
            python.append(_plain(found["one"], pattern, place, inside))
        else:
            python.append(found[0])
    try:
        return re.compile("".join(python), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _opened(opening: str) -> tuple[bool, str]:
    """Whether a class is open after `[`, `[^`, `[]` or `[^]`, and how Python writes it."""
    whole = {"[]": r"(?!)", "[^]": r"[\s\S]"}
    return opening not in whole, whole.get(opening, opening)


def _escape(letter: str, inside: bool) -> str:
    if letter in SAME:
        return f"\\{letter}"
    known = (INSIDE if inside else OUTSIDE).get(letter)
    if known is not None:
        return known
    return (
        letter if letter.isalnum() or letter == "_" else f"\\{letter}"
    )  # a needless escape means the letter


def _plain(letter: str, pattern: str, place: int, inside: bool) -> str:
    if inside:
        return f"\\{letter}" if letter in "&~|" else letter  # Python keeps doubled ones for later use
    if letter == ".":
        return r"[^\n\r\u2028\u2029]"
    if letter == "$":
        return r"\Z"
    if letter == "{" and not re.match(r"\d+(,\d*)?\}", pattern[place:]):
        return r"\{"
    if letter == "+" and re.search(r"(?<!\\)[*+?}]$", pattern[: place - 1]):
        raise ValueError(f"nothing to repeat at character {place}")
    return letter
