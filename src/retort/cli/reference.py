"""The reference pages, made from the commands and their records: tests compare them, so that they cannot become stale.

`python -m retort.cli.reference` prints docs/cli.md; with `--json` docs/json.md, the fields of every verb's JSON, read
off the records themselves; `make docs` writes both. With `--fields` it prints these fields as JSON:
tests/cli/json_fields.json keeps what each version had, so that a field cannot change while `schema_version` stays.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import sys
import types
from importlib import import_module
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from retort.cli.exporting import RECORDS, record_of
from retort.cli.main import COMMANDS, main

WIDTH = 100

COMMAND_LINE = """\
# The command line

This page is made from the commands themselves (`make docs`); a test fails when it is stale.

Every command that prints a table takes `--format`, `--json` and `-o FILE`: then one document and nothing else is on
stdout or in FILE. Progress and notes go to stderr.

[Exit codes](troubleshooting.md#exit-codes) are 0, 2 (a mistake), 3 (`--fail-if` holds), 130 and 141.
[Shell completion](install.md#shell-completion) knows every command and option.
"""


def reference() -> str:
    """The whole page in Markdown: `retort --help`, then every command's help."""
    sections = [COMMAND_LINE, _help("retort", main)]
    told: list[click.Command] = []
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        if command not in told:  # an alias is told once
            sections.append(_help(f"retort {name}", command))
        told.append(command)
    return "\n".join(sections)


def _help(path: str, command: click.Command) -> str:
    settings = {**main.context_settings, **command.context_settings, "max_content_width": WIDTH}
    ctx = command.context_class(command, info_name=path, terminal_width=WIDTH, **settings)
    return f"## {path}\n\n```text\n{command.get_help(ctx)}\n```\n"


# docs/json.md

FIELDS_OF_A_PATH = (
    "model", "note", "prompt", "seed", "chain", "stages", "max_tokens", "exact", "leaves", "tokens", "tree",
    "forward_passes", "independent_passes", "messages", "rendered",
)  # fmt: skip

JSON = """\
# JSON

Every verb prints one JSON document with `--json` and writes it with `-o FILE.json`; `record.to_dict()` is the same in
Python. This page is generated from the records (`make docs`).

- `schema_version` is raised when a field of the verb is renamed, removed or gets another meaning. New fields leave it.
- A **measure** is a number if it is known exactly. A server names only its most likely tokens; a measure is then an
  interval, `{"low": …, "high": …}`, that contains the true value. An end without a bound is `null`.
- NaN and infinities are `null`. Entropies and logprobs are in nats.
"""


def json_reference() -> str:
    """The whole page in Markdown, one section per verb."""
    described: list[type[Any]] = []  # a record inside several others is described once, where it comes first
    return "\n".join([JSON, *(_section(verb, record_of(verb), described) for verb in RECORDS)])


def fields_of(record: type[Any]) -> dict[str, dict[str, str]]:
    """By class name, the fields of a record and of every record inside it, each with its type as JSON has it."""
    return {
        kind.__name__: {name: json_type(hint) for name, hint in _document(kind).items()}
        for kind in _records_of(record)
    }


def _records_of(record: type[Any]) -> list[type[Any]]:
    """The record and all records inside it, each once, in the order in which they come."""
    found = [record]
    for one in found:  # which grows on the way
        for hint in _document(one).values():
            found += [inner for inner in dict.fromkeys(_records_in(hint)) if inner not in found]
    return found


def _document(record: type[Any]) -> dict[str, Any]:
    """The fields of a record's JSON with their types."""
    hints = _hints(record)
    if record.__name__ == "PathFound":  # its path's fields stand beside its own
        from retort.lens.path import PathBranch

        hints = {**_hints(hints["path"]), **hints, "tree": tuple[PathBranch, ...]}
        return {name: hints[name] for name in FIELDS_OF_A_PATH}
    shown = [field.name for field in dataclasses.fields(record) if not field.name.startswith("_")]
    return {name: hints[name] for name in shown}


def _hints(record: type[Any]) -> dict[str, Any]:
    """Its annotations as types, those imported for a type checker only included."""
    guarded: dict[str, Any] = {}
    tree = ast.parse(inspect.getsource(inspect.getmodule(record)))  # type: ignore[arg-type]
    for block in ast.walk(tree):
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for one in block.body:
                if isinstance(one, ast.ImportFrom) and one.module is not None:
                    module = import_module(one.module)
                    guarded |= {name.asname or name.name: getattr(module, name.name) for name in one.names}
    return get_type_hints(record, localns=guarded)


def json_type(hint: Any) -> str:
    """How a value of this type looks in JSON, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return " or ".join(dict.fromkeys(json_type(one) for one in arguments))
    if hint is type(None):
        return "null"
    if origin in (list, tuple, set, frozenset) or getattr(origin, "__name__", "") in ("Sequence", "Iterable"):
        kinds = [one for one in arguments if one is not Ellipsis]
        if origin is tuple and len(kinds) > 1 and Ellipsis not in arguments:
            return f"[{', '.join(map(json_type, kinds))}]"
        return f"list of {json_type(kinds[0])}" if kinds else "list"
    if getattr(origin, "__name__", "") in ("dict", "Mapping"):
        return f"object of {json_type(arguments[1])}"
    if origin is Literal:
        return " or ".join(f'"{one}"' for one in arguments)
    names = {bool: "true or false", int: "whole number", float: "number", str: "text", Any: "any value"}
    if hint in names:
        return names[hint]
    name = getattr(hint, "__name__", str(hint))
    if name == "Interval":
        return "measure"
    return f"[{name}](#{name.lower()})" if dataclasses.is_dataclass(hint) else "any value"


def _records_in(hint: Any) -> list[type[Any]]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return [] if hint.__name__ == "Interval" else [hint]
    return [inner for argument in get_args(hint) for inner in _records_in(argument)]


def _section(verb: str, record: type[Any], described: list[type[Any]]) -> str:
    lines = [f"## {verb}", "", f"`schema_version` {getattr(record, 'schema_version', 1)}.", ""]
    twice = set()  # two verbs, two records, one name: the second needs an anchor of its own
    for kind in [one for one in _records_of(record) if one not in described]:
        name = kind.__name__
        if any(one.__name__ == name for one in described):
            twice.add(name)
        described.append(kind)
        said = " ".join((inspect.getdoc(kind) or "").split())
        heading = f"{name} {{#{name.lower()}-{verb}}}" if name in twice else name
        lines += [f"### {heading}", "", said, "", "| field | JSON |", "|---|---|"]
        lines += [f"| `{field}` | {json_type(hint)} |" for field, hint in _document(kind).items()]
        lines.append("")
    section = "\n".join(lines)
    for name in twice:
        section = section.replace(f"(#{name.lower()})", f"(#{name.lower()}-{verb})")
    return section


def versions() -> dict[str, Any]:
    """For each verb its schema_version and all its fields: what the test keeps."""
    return {
        verb: {
            "schema_version": getattr(record_of(verb), "schema_version", 1),
            "fields": fields_of(record_of(verb)),
        }
        for verb in RECORDS
    }


if __name__ == "__main__":
    if "--fields" in sys.argv:
        print(json.dumps(versions(), indent=1, ensure_ascii=False))
    else:
        print(json_reference() if "--json" in sys.argv else reference(), end="")
