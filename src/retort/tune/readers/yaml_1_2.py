"""YAML 1.2, as promptfoo's own reader takes it, by way of PyYAML, which alone follows YAML 1.1.

There `value: no` is false, 12:30 is 750, 012 is 10, and JSON that is indented with tabs is an error. Here `yes`, `no`
and 12:30 are texts, 012 is 12, and every JSON text can be read. A key that is there twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from retort.errors import InputError


class YamlProblem(InputError):
    """A text that is no YAML: where, and what the `problem` is."""

    def __init__(self, where: str, line: int | None, problem: str) -> None:
        super().__init__(f"{where}{'' if line is None else f' line {line}'}: this is not YAML ({problem}).")
        self.problem = problem


class Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2, tabs between tokens, and no key twice."""

    # Begins empty, since SafeLoader's own rules are those of YAML 1.1. The rules are found by a scalar's first letter.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def scan_to_next_token(self) -> None:
        """PyYAML skips spaces only. Within brackets, where indentation means nothing, tabs are blanks as well; JSON is
        often indented with them."""
        super().scan_to_next_token()
        while self.flow_level and self.peek() == "\t":
            self.forward()
            super().scan_to_next_token()


# The first pattern that fits decides, so int stands before float, which takes whole numbers too. "\0" is for a value
# that is not there: PyYAML looks for its rules under the empty text. A date stays a date, as it is to promptfoo: as a
# text it would not be the one that was written.
for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
     "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
    ("timestamp", r"\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?"
     r"(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?", "0123456789"),
):  # fmt: skip
    for letter in first:
        rules = Loader.yaml_implicit_resolvers.setdefault("" if letter == "\0" else letter, [])
        rules.append((f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})\\Z")))


def _int(loader: Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    prefixed = re.fullmatch(r"([-+]?)0([box])(.+)", text)
    if prefixed is None:
        return int(text)
    return int(prefixed[1] + prefixed[3], {"b": 2, "o": 8, "x": 16}[prefixed[2]])


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    lines: dict[Any, int] = {}
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue  # what `<<` brings is there to be overridden
        name, line = loader.construct_object(key, deep=True), key.start_mark.line + 1
        problem = None
        if not isinstance(name, Hashable):
            problem = "a key is a list or a mapping"
        elif name in lines:
            problem = f"the key {name!r} is there already, at line {lines[name]}"
        if problem is not None:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        lines[name] = line
    loader.flatten_mapping(node)
    # Deep, so that a value that holds itself (`&a [*a]`) is an error here. Whatever walks through a file would not end.
    return dict(yaml.SafeLoader.construct_mapping(loader, node, deep=True))


Loader.add_constructor("tag:yaml.org,2002:int", _int)
Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse_yaml(text: str, where: str) -> Any:
    """What a YAML (or JSON) text holds. Raises YamlProblem, with the line, for a text that is none."""
    try:
        return yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise YamlProblem(where, None if mark is None else mark.line + 1, problem) from error
    except (RecursionError, ValueError) as error:  # nested too deeply; 2024-13-40, or thousands of digits
        raise YamlProblem(where, None, str(error)[:80] or type(error).__name__) from error


def key_lines(text: str) -> dict[str, int]:
    """The line of each key at the top of a YAML text that can be parsed."""
    node = yaml.compose(text, Loader=Loader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return {str(key.value): key.start_mark.line + 1 for key, _ in pairs}
