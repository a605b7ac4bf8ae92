"""promptfoo's prompts: texts, files and patterns of files, each in the way its ending says; written out for a test."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from retort.errors import InputError, did_you_mean
from retort.files import read_text
from retort.sources.chat import read_messages
from retort.tune.outside import python_function
from retort.tune.readers.javascript import Template, filled
from retort.tune.readers.reading import (
    JAVASCRIPT,
    PYTHON,
    REMOTE,
    Reading,
    Unsupported,
    YamlProblem,
    csv_rows,
    listed,
    parse_yaml,
)

if TYPE_CHECKING:
    from retort.sources.chat import Message

SEPARATOR = "---"
LIKE_JSON = re.compile(r'\{\s*"|\[\s*[\[{"]')
ENDINGS = (
    ".cjs",
    ".cts",
    ".j2",
    ".js",
    ".json",
    ".jsonl",
    ".md",
    ".mjs",
    ".mts",
    ".py",
    ".ts",
    ".txt",
    ".yml",
    ".yaml",
    ".csv",
)


@dataclass(frozen=True)
class PromptSource:
    """One prompt as the file gives it: its text before anything is filled in, or the Python function that makes it."""

    raw: str
    label: str
    where: str
    is_function: bool = False

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
        reading.refuse(
            InputError(
                f"{reading.where}: prompts is missing or empty; it must be a list of texts or file://… names."
            )
        )
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
        raise Unsupported(where, f"{plain}", "is JavaScript, which retort does not run")
    if PYTHON.search(plain):
        if not re.search(r"\.py:[\w.]+$", plain):
            raise Unsupported(
                where, f"{plain} without a function's name", "is a program that prints the prompt"
            )
        python_function(plain, reading.folder, where, "")
        return [PromptSource(plain, label or plain, where, is_function=True)]
    return [
        PromptSource(
            raw, f"{label}: {raw}" if label and len(texts) > 1 else label or f"{file.name}: {raw}", where
        )
        for file in reading.matching(one, where)
        for texts in [_texts_of(file, where, reading)]
        for raw in texts
    ]


def _names_a_file(text: str, reading: Reading) -> bool:
    """promptfoo takes `file://…`, and any one line that ends like a file or matches files, for files."""
    if text.startswith("file://"):
        return True
    if "\n" in text:
        return False
    path = text.split(":")[0]
    if any(part.endswith(ENDINGS) for part in (text, path)) and " " not in text.strip():
        return True
    try:
        return (reading.folder / text).is_file() or (
            "{{" not in text and "*" in text and bool(glob.glob(str(reading.folder / text)))
        )
    except (OSError, ValueError):
        return False


def _texts_of(file: Any, where: str, reading: Reading) -> list[str]:
    text = read_text(file, f"{where}: the file {file}")
    if file.suffix == ".txt":
        parts = re.split(rf"^[ \t]*{SEPARATOR}[ \t]*$", text, flags=re.MULTILINE)
        texts = [part.strip() for part in parts if part.strip()]
    elif file.suffix == ".csv":
        if "," not in text:
            lines = [line for line in text.split("\n") if line.strip()]
            texts = lines[1:] if lines and lines[0].strip().lower() == "prompt" else lines
        else:
            texts = [
                row["prompt"].strip() for row in csv_rows(text, file.name) if row.get("prompt", "").strip()
            ]
    elif file.suffix == ".jsonl":
        texts = [line for line in text.split("\n") if line]
    elif file.suffix in (".json", ".yaml", ".yml"):
        try:
            parsed = json.loads(text) if file.suffix == ".json" else parse_yaml(text, file.name)
            texts = [json.dumps(reading.loaded(parsed, where), ensure_ascii=False)]
        except (ValueError, YamlProblem):
            texts = [text]  # a template that is JSON or YAML only when it is filled in
    elif file.suffix in (".md", ".j2"):
        texts = [text]
    else:
        raise InputError(
            f"{where}: a prompt's file ends in .txt, .md, .j2, .json, .jsonl, .yaml, .csv or .py; got {file.name!r}."
        )
    if not texts:
        raise InputError(f"{where}: there are no prompts in {file}.")
    return texts


class Filling(Protocol):
    """What a test puts into a prompt and around it."""

    @property
    def place(self) -> str: ...
    @property
    def variables(self) -> Mapping[str, Any]: ...
    @property
    def prefix(self) -> str: ...
    @property
    def suffix(self) -> str: ...


def written_out(
    prompt: PromptSource, case: Filling, is_chat: bool, reading: Reading
) -> str | tuple[Message, ...]:
    """What this prompt asks of a test: the text, or the messages that its JSON or YAML holds."""
    raw, where = prompt.raw, prompt.where
    if prompt.is_function:
        function = python_function(prompt.raw, reading.folder, where, "")
        made = function({"vars": dict(case.variables), "provider": {"id": "retort"}, "config": {}})
        if isinstance(made, Mapping) and "prompt" in made:
            if made.get("config"):
                raise Unsupported(where, "the config of a prompt", "is not supported")
            made = made["prompt"]
        raw = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)
    raw = f"{case.prefix}{raw}{case.suffix}"
    try:
        document = json.loads(raw)
    except ValueError:
        text = Template(raw, where, reading.env).fill(case.variables)
    else:
        text = json.dumps(filled(document, case.variables, where, reading.env), ensure_ascii=False, indent=2)
    if not text.strip():
        raise InputError(f"{where}: the prompt of {case.place} is empty.")
    return _conversation(text, is_chat, f"{where}, {case.place}")


def _conversation(text: str, is_chat: bool, where: str) -> str | tuple[Message, ...]:
    """The messages in a prompt that is JSON or YAML of them; any other text as it is."""
    bare = text.strip()
    if bare.startswith("- role:"):
        return read_messages(json.dumps(parse_yaml(text, where)), where)
    try:
        document = json.loads(bare) if bare[0] in "[{" else None
    except ValueError as error:
        if is_chat and bare[-1] in "]}" and LIKE_JSON.match(bare):
            raise InputError(f"{where}: the prompt looks like JSON and is not ({error}).") from None
        return text
    if (
        isinstance(document, list)
        and document
        and all(isinstance(one, Mapping) and "role" in one for one in document)
    ):
        if any(isinstance(one.get("content"), list) and not _is_text(one["content"]) for one in document):
            raise Unsupported(where, "a message with pictures or other parts", "is not supported")
        return read_messages(json.dumps(document), where)
    if document is not None and is_chat:
        raise Unsupported(
            where, "a JSON prompt that is not a list of messages", "is for one provider's own interface"
        )
    return text


def _is_text(parts: list[Any]) -> bool:
    return all(isinstance(part, Mapping) and part.get("type") == "text" for part in parts)
