"""What promptfoo's files mean in JavaScript, as Python: nunjucks' templates, regular expressions, numbers as text.

Of nunjucks, `{{name}}`, `{{a.b}}`, `{{a[0]}}`, `{{a["b"]}}`, `{{env.NAME}}` and `{{name | dump}}` (a value as JSON) are
carried out. Other filters, blocks and comments are refused by name: a template that is half carried out would ask
something else. Regular expressions differ in silence: `$` before a last line break, `.` at other line ends, the letters
of `\\w`, `[^]`, `{,3}`; what a pattern matches there, it matches here.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from retort.errors import InputError, did_you_mean
from retort.tune.readers.obstacles import Unsupported

# A name and the steps into it, and nothing that computes: what does not fit is refused by its own text.
EXPRESSION = re.compile(r"""[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*|\[\s*(?:\d+|'[^']*'|"[^"]*")\s*\])*""")
DUMP = re.compile(r"\s*\|\s*dump(?:\(\s*(\d*)\s*\))?$")
STEP = re.compile(r"""\.?([A-Za-z_$][\w$]*)|\[\s*(?:(\d+)|'([^']*)'|"([^"]*)")\s*\]""")
TAG = re.compile(r"\{\{(-?)(.*?)(-?)\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
OPEN = re.compile(r"\{\{|\{%|\{#")
SIMPLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
MISSING = object()
"""Of a variable that is not there; None is one that is null."""


def written(value: Any) -> str:
    """A number or text as JavaScript writes it: 1.0 is "1", 0.00001 stays "0.00001", 1e21 is "1e+21"."""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    # Both languages write the fewest digits that say the number; the exponent begins elsewhere (ECMA-262,
    # Number::toString), and Python pads it to two digits.
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(repr(value + 0.0)).normalize():f}"  # + 0.0: −0 is written as 0
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent):+d}"


def as_json(value: Any, indent: int = 0, _line: str = "\n") -> str:
    """As JSON.stringify writes a value: numbers as above, NaN as null, every letter as it is."""
    deeper = f"{_line}{' ' * indent}"
    if isinstance(value, float):
        return written(value) if math.isfinite(value) else "null"
    if isinstance(value, Mapping):
        names = (name if isinstance(name, str) else as_json(name) for name in value)
        texts = (as_json(one, indent, deeper) for one in value.values())
        colon, (begin, end) = ": " if indent else ":", "{}"
        parts = [f"{as_json(name)}{colon}{text}" for name, text in zip(names, texts, strict=True)]
    elif isinstance(value, (list, tuple)):
        begin, end = "[]"
        parts = [as_json(one, indent, deeper) for one in value]
    else:
        return json.dumps(value, ensure_ascii=False, default=str)
    if not parts or not indent:
        return f"{begin}{','.join(parts)}{end}"
    return f"{begin}{deeper}{f',{deeper}'.join(parts)}{_line}{end}"


class Template:
    """A text with `{{…}}` in it, of a file `where`, ready to be filled in."""

    def __init__(self, text: str, where: str, env: Mapping[str, Any] | None = None) -> None:
        """Raises Unsupported for anything more than variables."""
        self.text, self.where, self.env = text, where, env or {}
        # The text before, between and behind the tags: one part more than there are names.
        self.parts: list[str] = []
        self.names: list[str] = []
        self.dumps: list[re.Match[str] | None] = []
        end, strip = 0, False
        for found in TAG.finditer(text):
            expression = (found[2] or "").strip()
            dump = DUMP.search(expression)
            expression = expression if dump is None else expression[: dump.start()]
            if found[2] is None or not EXPRESSION.fullmatch(expression):
                raise Unsupported(where, f"{found[0][:60]!r}", "uses more of nunjucks than {{variables}}")
            # `{{-` and `-}}` take the white space on their side of the tag away.
            before = text[end : found.start()]
            before = before.lstrip() if strip else before
            self.parts.append(before.rstrip() if found[1] else before)
            self.names.append(expression)
            self.dumps.append(dump)
            end, strip = found.end(), bool(found[3])
        self.parts.append(text[end:].lstrip() if strip else text[end:])
        for part in self.parts:
            if unclosed := OPEN.search(part):
                raise Unsupported(
                    where, f"{part[unclosed.start() :][:40]!r}", "opens a tag that is not closed"
                )

    def fill(self, variables: Mapping[str, Any]) -> str:
        """The text with these variables. Raises InputError for one that is missing, or that is no text."""
        pieces = [self.parts[0]]
        for name, dump, part in zip(self.names, self.dumps, self.parts[1:], strict=True):
            value = self._value(name, variables)
            pieces += [
                self._as_text(value, name) if dump is None else as_json(value, int(dump[1] or 0)),
                part,
            ]
        return "".join(pieces)

    def _value(self, name: str, variables: Mapping[str, Any]) -> Any:
        # Each step is a name, a number, or a text in either kind of quotes: the one group that matched.
        first, *steps = [
            next(one for one in step.groups() if one is not None) for step in STEP.finditer(name)
        ]
        # In nunjucks a variable hides a global of its name.
        if first == "env" and "env" not in variables:
            value: Any = {**os.environ, **self.env}
        else:
            value = variables.get(first, MISSING)
            if value is MISSING:
                raise InputError(
                    f"{self.where}: the prompt uses {{{{{name}}}}}{did_you_mean(first, variables)}, which its vars do "
                    "not have."
                )
        for step in steps:
            if isinstance(value, str):
                raise InputError(
                    f"{self.where}: the prompt uses {{{{{name}}}}}, and {first} is a text here; a list of texts "
                    "makes a test of each, unless the test's options say disableVarExpansion: true."
                )
            value = _step(value, step)
            if value is MISSING:
                raise InputError(f"{self.where}: the prompt uses {{{{{name}}}}}, which its vars do not have.")
        return value

    def _as_text(self, value: Any, name: str) -> str:
        """As JavaScript writes a value: null is nothing, lists are joined by commas."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int, float)):
            return written(value)
        if isinstance(value, list):
            return ",".join(self._as_text(one, name) for one in value)
        is_date = isinstance(value, datetime.date)
        kind = "a date; put it in quotes" if is_date else "a mapping; name a value in it"
        raise InputError(f"{self.where}: {{{{{name}}}}} is {kind}.")


def resolved(
    variables: Mapping[str, Any], where: str, env: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The variables with `{{…}}` in them filled in from one another, and no line break at their ends."""
    found = {
        name: value.removesuffix("\n") if isinstance(value, str) else value
        for name, value in variables.items()
    }
    # A variable may name another that names a third: promptfoo goes over them five times (resolveVariables), and gives
    # only plain names, of texts, their values there. Whatever is left is a template like any other, filled in once.
    for _ in range(5):
        before = dict(found)
        for name, value in before.items():
            if isinstance(value, str) and "{{" in value:
                found[name] = SIMPLE.sub(lambda one: _simple(one, found), value)
        if found == before:
            break
    return {
        name: Template(value, where, env).fill(found)
        if isinstance(value, str) and OPEN.search(value)
        else value
        for name, value in found.items()
    }


def filled(value: Any, variables: Mapping[str, Any], where: str, env: Mapping[str, Any] | None = None) -> Any:
    """Texts within lists and mappings filled in, each on its own, so that quotes in a variable break no JSON."""
    if isinstance(value, str):
        return Template(value, where, env).fill(variables)
    if isinstance(value, Mapping):
        return {key: filled(one, variables, where, env) for key, one in value.items()}
    return [filled(one, variables, where, env) for one in value] if isinstance(value, list) else value


def _simple(found: re.Match[str], variables: Mapping[str, Any]) -> str:
    value = variables.get(found[1])
    return value if isinstance(value, str) else found[0]


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, MISSING)
    is_place = isinstance(value, list) and step.isdigit() and int(step) < len(value)
    return value[int(step)] if is_place else MISSING


# JavaScript's \s has more spaces than Python's under re.ASCII, which the letters of \w and \d ask for.
SPACES = r"\s\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\u00a0\ufeff"
# All that is no such space, as ranges: within a class of others there is no way to write the opposite of a class.
NO_SPACES = (
    r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufefe\uff00-\U0010ffff"
)
OUTSIDE = {"d": "[0-9]", "D": "[^0-9]", "s": f"[{SPACES}]", "S": f"[^{SPACES}]", "b": r"\b", "B": r"\B"}
INSIDE = {"d": "0-9", "D": r"\D", "s": SPACES, "S": NO_SPACES, "b": r"\b", "-": r"\-"}
"""What an escaped letter means outside and inside a class; \\b is the end of a word there, a backspace here."""
SAME = "wWtnrfv"
EMPTY = {"[]": r"(?!)", "[^]": r"[\s\S]"}
"""Classes of nothing and of everything, which Python would take for the beginning of one."""
# One piece of a pattern, longest first. What has no name here is written alike in both languages. `one` takes any
# letter that is left, so a piece is always found.
PIECE = re.compile(
    r"\\k<(?P<backreference>\w+)>|\\c(?P<control>[A-Za-z])|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\0(?!\d)|\\[1-9]\d*"
    r"|\\(?P<escaped>.)"
    r"|\(\?<(?P<group>[A-Za-z_]\w*)>|\(\?(?:[:=!]|<[=!])?|(?P<class>\[\^?\]?)|(?P<one>.)",
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
        if inside and (found["class"] or found[0].startswith("(")):
            # Within a class only the first character of these counts, and as itself.
            place = found.start() + 1
            python.append("\\" + found[0][0])
            continue
        if found["class"] in EMPTY:
            python.append(EMPTY[found["class"]])
        elif found["class"]:
            inside = True
            python.append(found["class"])
        elif found["group"]:
            python.append(f"(?P<{found['group']}>")
        elif found[0] == "(?":
            # Python's own, such as (?i) and (?P<a>…): a pattern with them is an error to JavaScript.
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


def _escape(letter: str, inside: bool) -> str:
    if letter in SAME:
        return f"\\{letter}"
    # A needless escape means the letter, which Python refuses of letters and digits.
    itself = letter if letter.isalnum() or letter == "_" else f"\\{letter}"
    return (INSIDE if inside else OUTSIDE).get(letter, itself)


def _plain(letter: str, pattern: str, place: int, inside: bool) -> str:
    """A letter that is not escaped; `place` is the one behind it."""
    if inside:
        return f"\\{letter}" if letter in "&~|" else letter  # Python keeps doubled ones for later use
    if letter == ".":
        return r"[^\n\r\u2028\u2029]"
    if letter == "$":
        return r"\Z"  # Python's $ is also before a last line break
    if letter == "{" and not re.match(r"\d+(,\d*)?\}", pattern[place:]):
        return r"\{"  # a brace that begins no count is a brace; to Python {,3} is a count
    if letter == "+" and re.search(r"(?<!\\)[*+?}]$", pattern[: place - 1]):
        # Python 3.11 has a++, which never gives back.
        raise ValueError(f"nothing to repeat at character {place}")
    return letter
