"""A promptfoo file being read: what it names (files, patterns, `$ref`), its env, and what was left out of it.

`Reading` finds and loads the files and says of each why it cannot be read. What is wrong is taken down as in
obstacles.py; YAML is read by yaml_1_2.py. CSV, and values that may be one or many, are read here for others too.
"""

from __future__ import annotations

import csv
import glob
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retort.errors import InputError, RetortError, SourceError
from retort.files import parse_json, read_text
from retort.tune.readers.obstacles import JavaScript, Made, Obstacles, Unsupported
from retort.tune.readers.yaml_1_2 import parse_yaml

# A program's file, with the name of a function behind a colon or without.
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
MOST_REFERENCES = 50
"""References that lead to references, one after another, before they are taken to go round in a circle."""


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
        if not os.path.isfile(file):  # Path's own raises for a name too long to be a file's
            raise SourceError(f"{where} names the file {name!r}, and {file} does not exist.")
        return file

    def check_kind(self, name: str, where: str) -> None:
        """Raises Unsupported for a file that only JavaScript, a network or a picture's reader could read."""
        if JAVASCRIPT.search(name):
            raise JavaScript(where, name)
        if MEDIA.search(name):
            raise Unsupported(where, name, "is not text, which is all that retort's models read")
        if REMOTE.match(name):
            raise Unsupported(where, name, "is a remote file, which retort does not fetch")

    def matching(self, pattern: str, where: str) -> list[Path]:
        """The files of a name or a pattern with * ? [ ], in alphabetical order."""
        plain = pattern.removeprefix("file://")
        self.check_kind(plain, where)
        # A file whose own name has brackets is that file.
        if not glob.has_magic(plain) or os.path.isfile(self.folder / plain):
            return [self.path(pattern, where)]
        found = sorted(map(Path, glob.glob(str(self.folder / plain), recursive=True)))
        if not found:
            raise SourceError(f"{where}: no file matches {pattern!r} in {self.folder}.")
        for one in found:  # the pattern alone, such as data/*, does not tell the kind
            self.check_kind(str(one), where)
        return found

    def load(self, name: str, where: str) -> Any:
        """What a `file://` reference holds: parsed JSON or YAML, the rows of a CSV file, else the text."""
        found = [self._load_one(file, where) for file in self.matching(name, where)]
        if len(found) == 1:
            return found[0]
        # Of several files promptfoo makes one list, which a file with a list of its own extends.
        return [part for one in found for part in (one if isinstance(one, list) else [one])]

    def _load_one(self, file: Path, where: str) -> Any:
        if PYTHON.search(file.name):
            return f"file://{file.absolute()}"  # a reference to a function, which is called where it is used
        text = read_text(file, f"{where}: the file {file}")
        if file.suffix in PARSED:
            value = parsed(file, text)
            return self.dereferenced(value, value)
        if file.suffix == ".csv":
            rows = csv_rows(text, file.name)
            # A table of one column is a list of texts to promptfoo.
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
        if depth > MOST_REFERENCES:
            raise InputError(f"{self.where}: a $ref refers to itself.")
        if isinstance(value, list):
            return [self.dereferenced(one, root, depth) for one in value]
        if not isinstance(value, Mapping):
            return value
        pointer = value.get("$ref")
        if not isinstance(pointer, str):
            # A JSON schema has references of its own, which point into the schema. It can only be in an assertion or in
            # a request, that is beside a type or tools.
            inner = SCHEMAS if "type" in value or "tools" in value else ()
            return {
                key: one if key in inner else self.dereferenced(one, root, depth)
                for key, one in value.items()
            }
        file, _, inside = pointer.partition("#")
        target = root if not file else self.load(file, self.where)
        whole = target
        for step in filter(None, inside.split("/")):
            # JSON Pointer, in this order (RFC 6901, section 4).
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and step.isdigit() and int(step) < len(target):
                target = target[int(step)]
            elif isinstance(target, Mapping) and step in target:
                target = target[step]
            else:
                raise InputError(f"{self.where}: $ref {pointer!r} points to nothing.")
        return self.dereferenced(target, whole, depth + 1)


def parsed(file: Path, text: str) -> Any:
    """What the text of a JSON or YAML file holds."""
    return parse_json(text, str(file)) if file.suffix == ".json" else parse_yaml(text, file.name)


def csv_rows(text: str, where: str) -> list[dict[str, str]]:
    """The rows of a CSV text by the names in its first line. Raises InputError for a row of another length."""
    text = text.lstrip("\ufeff")
    # A cell may hold a document; the csv module takes 128 KiB where nobody says more, and only for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        # A quote within a cell, which promptfoo takes as it stands.
        rows = list(csv.reader(io.StringIO(text, newline="")))
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
