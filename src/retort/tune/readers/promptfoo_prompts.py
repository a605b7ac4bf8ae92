"""The prompts of promptfoo's files: texts, files and patterns of files, each read in the way its ending says."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.errors import InputError, did_you_mean
from retort.files import read_text
from retort.tune.outside import python_function
from retort.tune.readers.javascript import as_json
from retort.tune.readers.obstacles import JavaScript, Unsupported
from retort.tune.readers.reading import JAVASCRIPT, PYTHON, REMOTE, Reading, csv_rows, listed
from retort.tune.readers.yaml_1_2 import parse_yaml

SEPARATOR = "---"
ENDINGS = (
    ".cjs", ".cts", ".j2", ".js", ".json", ".jsonl", ".md", ".mjs", ".mts", ".py", ".ts", ".txt", ".yml", ".yaml",
    ".csv",
)  # fmt: skip


@dataclass(frozen=True)
class PromptSource:
    """One prompt as the file gives it: its text before anything is filled in, or the Python function that makes it."""

    raw: str
    label: str
    where: str
    is_function: bool = False

    def text(self, variables: Mapping[str, Any], folder: Path) -> str:
        """The template for a test: the prompt's own text, or what its function makes of the variables."""
        if not self.is_function:
            return self.raw
        function = python_function(self.raw, folder, self.where, "")
        made = function({"vars": dict(variables), "provider": {"id": "retort"}, "config": {}})
        if isinstance(made, Mapping) and "prompt" in made:
            if made.get("config"):
                raise Unsupported(self.where, "the config of a prompt", "is not supported")
            made = made["prompt"]
        return made if isinstance(made, str) else as_json(made)

    def is_named(self, label: str) -> bool:
        """Whether a provider's list of prompts means this one: its label, or the beginning of one before a colon."""
        return self.label == label or self.label.startswith(f"{label}:") or self.raw == label


def read_prompts(value: Any, reading: Reading) -> list[PromptSource]:
    """All prompts of a configuration, in its order."""
    if isinstance(value, Mapping):
        value = [{"id": name, "label": label} for name, label in value.items()]
    found: list[PromptSource] = []
    before = len(reading.obstacles)
    for one in listed(value):
        with reading.noted():
            found += _read_one(one, reading)
    if not found and len(reading.obstacles) == before:
        missing = "prompts is missing or empty; it must be a list of texts or file://… names."
        reading.refuse(InputError(f"{reading.where}: {missing}"))
    return found


def _read_one(one: Any, reading: Reading) -> list[PromptSource]:
    label = None
    if isinstance(one, Mapping):
        if wrong := [key for key in one if key not in ("id", "raw", "label", "config", "display")]:
            known = ("id", "raw", "label")
            raise InputError(
                f"{reading.where}: a prompt has the unknown key {wrong[0]!r}{did_you_mean(wrong[0], known)}."
            )
        if one.get("config"):
            reading.refuse(Unsupported(reading.where, "the config of a prompt", "is not supported"))
        label = one.get("label")
        if label is not None and (isinstance(label, bool) or not isinstance(label, (str, int, float))):
            raise InputError(f"{reading.where}: a prompt's label is {label!r}; it must be a text.")
        label = None if label is None else str(label)
        one = one.get("raw") or one.get("id")
    if not isinstance(one, str) or not one.strip():
        raise InputError(f"{reading.where}: a prompt must be a text or a file://… name, got {one!r}.")
    where = f"{reading.where}, prompt {(label or one)[:30]!r}"
    if REMOTE.match(one) and "\n" not in one:
        raise Unsupported(
            where, f"{one.partition(':')[0]}://", "is a remote file, which retort does not fetch"
        )
    if not _names_a_file(one, reading):
        return [PromptSource(one, label or one, where)]
    plain = one.removeprefix("file://")
    if JAVASCRIPT.search(plain):
        raise JavaScript(where, plain)
    if PYTHON.search(plain):
        if not re.search(r"\.py:[\w.]+$", plain):
            raise Unsupported(
                where, f"{plain} without a function's name", "is a program that prints the prompt"
            )
        python_function(plain, reading.folder, where, "")  # one that is not there is said now
        return [PromptSource(plain, label or plain, where, is_function=True)]
    found = []
    for file in reading.matching(one, where):
        texts = _texts_of(file, where, reading)
        if not texts:
            raise InputError(f"{where}: there are no prompts in {file}.")
        for raw, own_label in texts:
            usual = f"{label}: {raw}" if label and len(texts) > 1 else label or f"{file.name}: {raw}"
            found.append(PromptSource(raw, own_label or usual, where))
    return found


def _names_a_file(text: str, reading: Reading) -> bool:
    """Whether a prompt is a file's name or pattern and not itself the text.

    promptfoo takes every line with a slash, a star or a file's ending for a path, and for a text again where nothing is
    there. Here a name that ends like a file and has no space in it must be one, so that a missing file is said.
    """
    if text.startswith("file://"):
        return True
    if "\n" in text:
        return False
    path = text.split(":")[0]  # without the name of a function
    if any(part.endswith(ENDINGS) for part in (text, path)) and " " not in text.strip():
        return True
    try:
        return (reading.folder / text).is_file() or (
            "{{" not in text and "*" in text and bool(glob.glob(str(reading.folder / text)))
        )
    except (OSError, ValueError):  # a long prompt is no possible name of a file
        return False


def _texts_of(file: Path, where: str, reading: Reading) -> list[tuple[str, str | None]]:
    """The prompts in a file, by its ending, each with its label where the file gives it one."""
    text = read_text(file, f"{where}: the file {file}")
    if file.suffix == ".txt":
        parts = re.split(rf"^[ \t]*{SEPARATOR}[ \t]*$", text, flags=re.MULTILINE)
        texts = [part.strip() for part in parts if part.strip()]
    elif file.suffix == ".csv" and "," in text:
        cells = [(row.get("prompt", "").strip(), row.get("label")) for row in csv_rows(text, file.name)]
        return [(raw, label) for raw, label in cells if raw]
    elif file.suffix == ".csv":
        lines = [line for line in text.split("\n") if line.strip()]
        texts = lines[1:] if lines and lines[0].strip().lower() == "prompt" else lines
    elif file.suffix == ".jsonl":
        texts = [line for line in text.split("\n") if line]
    elif file.suffix in (".json", ".yaml", ".yml"):
        try:
            parsed = json.loads(text) if file.suffix == ".json" else parse_yaml(text, file.name)
        except ValueError:
            texts = [text]  # a template that is JSON or YAML only when it is filled in
        else:
            texts = [json.dumps(reading.loaded(parsed, where), ensure_ascii=False)]
    elif file.suffix in (".md", ".j2"):
        texts = [text]
    else:
        raise InputError(
            f"{where}: a prompt's file ends in .txt, .md, .j2, .json, .jsonl, .yaml, .csv or .py; got {file.name!r}."
        )
    return [(one, None) for one in texts]
