"""How a file of tasks is read: YAML as promptfoo takes it, files that it names, and what is wrong with it, all at once.

YAML and JSON follow YAML 1.2: `yes`, `no` and 012 are texts and numbers as written. PyYAML alone follows YAML 1.1,
where `value: no` is false and 12:30 is 750. A key that is there twice is an error.
"""

from __future__ import annotations

import csv
import glob
import io
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel
from pydantic_core import ValidationError

from retort.errors import InputError, RetortError, SourceError, did_you_mean, from_pydantic
from retort.files import parse_json, read_text

JAVASCRIPT = re.compile(r"\.[cm]?[jt]sx?(:[\w$]+)?$")
PYTHON = re.compile(r"\.py(:[\w.]+)?$")
MEDIA = re.compile(
    r"\.(png|jpe?g|gif|webp|bmp|svg|ico|tiff?|mp3|wav|ogg|flac|m4a|aac|mp4|mov|webm|avi|mkv|pdf|docx?|xlsx?)$",
    re.I,
)
REMOTE = re.compile(
    r"(https?|huggingface|langfuse|portkey|helicone|package|exec|s3|gs|az)://?|package:|exec:"
)
PARSED = (".json", ".yaml", ".yml")
SCHEMAS = ("value", "schema", "tools", "functions", "response_format")
"""Keys of an assertion or of a request that may hold a JSON schema."""
Row = TypeVar("Row", bound=BaseModel)
Made = TypeVar("Made")

MOST_SAID = 20
"""Problems of one file that are told in one run."""


class Unsupported(InputError):
    """An assertion, or another part of a file, that is known and that retort does not carry out: `what` it is."""

    def __init__(self, place: str, what: str, why: str) -> None:
        super().__init__(f"{place}: {what} {why}; remove it, or skip such parts with --skip-unsupported.")
        self.what = what


class JavaScript(Unsupported):
    """A part that only JavaScript could carry out."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(place, what, "is JavaScript, which retort does not run")


class Problems(InputError):
    """Several things that are wrong: a sentence each in `said`, all of them in one line as the message."""

    def __init__(self, count: int, said: list[str], each: list[RetortError]) -> None:
        super().__init__(f"{count} problems: {' '.join(f'({n}) {text}' for n, text in enumerate(said, 1))}")
        self.said, self.each = said, each


@dataclass
class Obstacles:
    """Takes down what is wrong, so that a user need not run into one obstacle after another."""

    obstacles: list[RetortError] = field(default_factory=list, kw_only=True)

    def refuse(self, problem: RetortError) -> None:
        """Take it down, to be raised in the end."""
        self.obstacles += problem.each if isinstance(problem, Problems) else [problem]

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Go on behind the block where it raises an error of the user's."""
        try:
            yield
        except RetortError as problem:
            self.refuse(problem)

    def tried(self, usual: Made, make: Callable[[], Made]) -> Made:
        """What `make` gives; `usual` where it raises an error of the user's."""
        with self.noted():
            return make()
        return usual

    def end(self) -> None:
        """Raise what was taken down: one problem as it is, several together."""
        # A judge in the default test is in every test: it is said once.
        alike: dict[str, list[RetortError]] = {}
        for problem in self.obstacles:
            about = problem.what if isinstance(problem, Unsupported) else str(problem)
            alike.setdefault(about, []).append(problem)
        if len(alike) == 1:
            raise self.obstacles[0]
        said = [
            f"{first} The same is in {len(more)} more place{'s' * (len(more) > 1)}." if more else str(first)
            for first, *more in alike.values()
        ]
        if len(said) > MOST_SAID:
            said[MOST_SAID:] = [f"{len(said) - MOST_SAID} more problems are not listed."]
        if said:
            raise Problems(len(alike), said, self.obstacles)


def problems_of(
    error: ValidationError, kind: type[BaseModel], name: str, where: Callable[[str], str] | None = None
) -> tuple[list[InputError], set[str]]:
    """What is wrong with a record, a sentence for each key that begins with the file and line, and those keys."""
    by_key: dict[str, list[Any]] = {}
    for one in error.errors():
        by_key.setdefault(str(one["loc"][0]) if one["loc"] else "", []).append(one)  # no mapping at all
    unknown = {key for key, (one, *_) in by_key.items() if one["type"] == "extra_forbidden"}
    # A key that is misspelt is not missing, too.
    meant = {key for key in kind.model_fields if any(did_you_mean(one, [key]) for one in unknown)}
    said = []
    for key, errors in by_key.items():
        is_missing = errors[0]["type"] == "missing"
        if is_missing and key in meant:
            continue
        place = name if where is None or is_missing else where(key)
        alone = ValidationError.from_exception_data(error.title, errors)
        text = str(from_pydantic(alone, place, kind))
        said.append(InputError(text if text.startswith(name) else f"{place}: {text}"))
    return said, meant | by_key.keys()


def validated(kind: type[Row], record: Any, place: str) -> Row:
    """The record as `kind`; all that is wrong with it, each beginning with the place."""
    found = Obstacles()
    try:
        return kind.model_validate(record)
    except ValidationError as error:
        found.obstacles += problems_of(error, kind, place)[0]
    found.end()
    raise AssertionError("a record that is wrong has a problem")


class YamlProblem(InputError):
    """A text that is no YAML: where, and what the `problem` is."""

    def __init__(self, where: str, line: int | None, problem: str) -> None:
        super().__init__(f"{where}{'' if line is None else f' line {line}'}: this is not YAML ({problem}).")
        self.problem = problem


class Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2, and no key twice."""

    # PyYAML keeps one list of rules by first letter for all loaders.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


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


def _mapping(loader: Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    lines: dict[Any, int] = {}
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
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
    except (RecursionError, ValueError) as error:
        raise YamlProblem(where, None, str(error)[:80] or type(error).__name__) from error


def key_lines(text: str) -> dict[str, int]:
    """The line of each key at the top of a YAML text that can be parsed."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return {str(key.value): key.start_mark.line + 1 for key, _ in pairs}


@dataclass
class Reading(Obstacles):
    """One file being read: its folder and name, its env, and what was left out of it where `skip` allows that."""

    folder: Path
    where: str
    env: Mapping[str, str] = field(default_factory=dict)
    skip: bool = False
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def refuse(self, problem: RetortError) -> None:
        """Take it down: counted, where such parts are to be left out, else raised in the end."""
        if self.skip and isinstance(problem, Unsupported):
            self.skipped[problem.what] += 1
        else:
            super().refuse(problem)

    def needed(self, usual: Made, make: Callable[[], Made]) -> Made:
        """As `tried`, of a part that cannot be left out, whatever may be skipped."""
        try:
            return make()
        except RetortError as problem:
            super().refuse(problem)
            return usual

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def path(self, name: str, where: str) -> Path:
        """The file that `file://…` or a bare path names; SourceError where it is not there."""
        self.check_kind(name, where)
        file = self.folder / name.removeprefix("file://")
        if not file.is_file():
            raise SourceError(f"{where} names the file {name!r}, and {file} does not exist.")
        return file

    def check_kind(self, name: str, where: str) -> None:
        """Raises Unsupported for a file that only JavaScript, a network or a picture's reader could read."""
        if JAVASCRIPT.search(name):
            raise JavaScript(where, name)
        if MEDIA.search(name):
            raise Unsupported(where, f"{name}", "is not text, which is all that retort's models read")
        if REMOTE.match(name):
            raise Unsupported(where, f"{name}", "is a remote file, which retort does not fetch")

    def matching(self, pattern: str, where: str) -> list[Path]:
        """The files of a name or a pattern with * ? [ ], in alphabetical order."""
        plain = pattern.removeprefix("file://")
        self.check_kind(plain, where)
        if not glob.has_magic(plain) or (self.folder / plain).is_file():
            return [self.path(pattern, where)]
        found = sorted(map(Path, glob.glob(str(self.folder / plain), recursive=True)))
        if not found:
            raise SourceError(f"{where}: no file matches {pattern!r} in {self.folder}.")
        for one in found:
            self.check_kind(str(one), where)
        return found

    def load(self, name: str, where: str) -> Any:
        """What a `file://` reference holds: parsed JSON or YAML, the rows of a CSV file, else the text."""
        found = [self._load_one(file, where) for file in self.matching(name, where)]
        if len(found) == 1:
            return found[0]
        return [part for one in found for part in (one if isinstance(one, list) else [one])]

    def _load_one(self, file: Path, where: str) -> Any:
        if PYTHON.search(file.name):
            return f"file://{file}"
        text = read_text(file, f"{where}: the file {file}")
        if file.suffix in PARSED:
            value = parse_json(text, str(file)) if file.suffix == ".json" else parse_yaml(text, file.name)
            return self.dereferenced(value, value)
        if file.suffix == ".csv":
            rows = csv_rows(text, file.name)
            return [next(iter(row.values())) for row in rows] if rows and len(rows[0]) == 1 else rows
        return text

    def loaded(self, value: Any, where: str, inside: str = "") -> Any:
        """`value` with every `file://` text in it replaced by what the file holds, as promptfoo does with files of
        tests; Python files and the patterns of variables stay as they are."""
        if isinstance(value, Mapping):
            return {
                key: one
                if key == "value" and value.get("type") in ("python", "javascript")
                else self.loaded(one, where, "vars" if key == "vars" else inside)
                for key, one in value.items()
            }
        if isinstance(value, list):
            return [self.loaded(one, where, inside) for one in value]
        if not isinstance(value, str) or not value.startswith("file://") or PYTHON.search(value):
            return value
        if JAVASCRIPT.search(value) or MEDIA.search(value) or (inside == "vars" and glob.has_magic(value)):
            return value  # said where it is used
        return self.load(value, where)

    def dereferenced(self, value: Any, root: Any, depth: int = 0) -> Any:
        """`value` with each `{$ref: '#/a/b'}` replaced by what it points to in `root`."""
        if depth > 50:
            raise InputError(f"{self.where}: a $ref refers to itself.")
        if isinstance(value, list):
            return [self.dereferenced(one, root, depth) for one in value]
        if not isinstance(value, Mapping):
            return value
        pointer = value.get("$ref")
        if not isinstance(pointer, str):
            # A schema has references of its own.
            inner = SCHEMAS if "type" in value or "tools" in value else ()
            return {
                key: one if key in inner else self.dereferenced(one, root, depth)
                for key, one in value.items()
            }
        file, _, inside = pointer.partition("#")
        target = root if not file else self.load(file, self.where)
        whole = target
        for step in filter(None, inside.split("/")):
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and step.isdigit() and int(step) < len(target):
                target = target[int(step)]
            elif isinstance(target, Mapping) and step in target:
                target = target[step]
            else:
                raise InputError(f"{self.where}: $ref {pointer!r} points to nothing.")
        return self.dereferenced(target, whole, depth + 1)


def csv_rows(text: str, where: str) -> list[dict[str, str]]:
    """The rows of a CSV text by the names in its first line. Raises InputError for a row of another length."""
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True))
    except csv.Error:
        # A quote within a cell, which promptfoo takes as it stands.
        rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline="")))
    rows = [row for row in rows if row]
    names = [name.strip() for name in rows[0]] if rows else []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise InputError(
                f"{where} row {number}: there are {len(row)} cells, and the first row names {len(names)}."
            )
    return [dict(zip(names, row, strict=True)) for row in rows[1:]]


def mapping(value: Any, what: str) -> dict[str, Any]:
    """A mapping that may be left out; InputError for anything else."""
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"{what} is {value!r}; it must be a mapping of names to values.")
    return dict(value or {})


def listed(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one, nothing as an empty list."""
    return [] if value is None else value if isinstance(value, list) else [value]
