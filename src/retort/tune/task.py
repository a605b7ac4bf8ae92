"""Task files: retort's own YAML, JSON lines, and promptfoo's. `load_task` reads any of them; draft.py writes one.

Everything is checked before a model is loaded, because a sweep that stops at item 150 has cost the user the first 149.
What a task is made of is in item.py; the shape of retort's own file is `TaskFile`, whose JSON Schema editors can use.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ValidationError

from retort.chain import Chain
from retort.errors import InputError, SourceError, did_you_mean
from retort.files import read_jsonl, read_text
from retort.sources.chat import Message
from retort.tune.budget import NO_BUDGET, Budget, BudgetRow, Temperature, read_amount
from retort.tune.checks import make_check
from retort.tune.goals import GOAL_NAMES, find_goal
from retort.tune.item import Item, Prompt, Task, needed_models
from retort.tune.readers.javascript import Template
from retort.tune.readers.obstacles import Obstacles, problems_of, validated
from retort.tune.readers.promptfoo import is_promptfoo, read_promptfoo
from retort.tune.readers.yaml_1_2 import key_lines, parse_yaml
from retort.tune.score import SCORERS, Scorer, make_scorer

__all__ = [
    "EMBEDDED",
    "Item",
    "Prompt",
    "Task",
    "TaskFile",
    "embedded_tasks",
    "load_task",
    "needed_models",
    "task_schema",
]

ENDINGS = (".yaml", ".yml", ".json", ".jsonl")
EMBEDDED = Path(__file__).resolve().parent.parent / "embedded" / "tasks"

Text = Field(min_length=1)


class _Strict(BaseModel):
    """A mapping of a file: no key that is not named, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class MessageRow(_Strict):
    """A message of a conversation, with {{variables}} in its content."""

    role: str = Text
    content: str


class ItemRow(_Strict):
    """An item: what fills the templates, and what counts as right."""

    id: str | int | None = None
    vars: dict[str, str | int | float] = {}
    references: str | list[str] = Field([], description="the answers that the scorer compares with")
    choices: list[str] = Field([], description="all answers to choose from, for scorer choice")
    checks: list[dict[str, Any]] = Field([], description="what an answer must satisfy, for scorer checks")


class LineRow(_Strict):
    """A task of JSON lines: what is asked on this line, and the right answer."""

    id: str | int | None = None
    prompt: str | list[MessageRow] = Field(
        default=[], description="a text, or the messages of a conversation"
    )
    messages: list[MessageRow] = []
    reference: str | list[str] = []
    references: str | list[str] = []
    choices: list[str] = []


class TaskFile(_Strict):
    """retort's task file. `prompts` or `messages` are the templates; every item is asked through each of them."""

    name: str | None = None
    goal: str = Field(description="exploit, explore, reproduce or pass@k with a number")
    description: str = ""
    prompts: str | list[str] = Field([], description="templates with {variables} that the model continues")
    messages: list[MessageRow] | list[list[MessageRow]] = Field(
        [], description="a conversation with {{variables}} that the model answers, or a list of them"
    )
    max_tokens: int = Field(16, ge=1)
    stop: str | list[str] | None = Field(
        None, description="texts that end an answer; a line break for prompts"
    )
    scorer: str | dict[str, Any] = Field(
        description="the name of a scorer, or a mapping with its kind and options"
    )
    # Any: each item is validated on its own, so that its errors can name its line. Editors are told of ItemRow.
    items: str | list[Any] = Field(
        description="a list of items, or the name of a JSONL file with them",
        json_schema_extra={
            "anyOf": [{"type": "string"}, {"type": "array", "items": ItemRow.model_json_schema()}]
        },
    )
    model: str | list[str] = Field([], description="the model to tune where --model does not say")
    endpoint: Literal["chat", "completions"] | None = None
    temperatures: list[Temperature] = Field([], description="the temperatures to compare")
    settings: list[str] = Field([], description="chains to compare, such as 'temperature=0.7 | top_p=0.9'")
    samples: int | None = Field(None, ge=1, description="answers to an item at each setting")
    budget: int | str | BudgetRow | None = Field(
        None, description="the most to spend, as --budget; or samples, items and temperatures, an older way"
    )
    against: str | None = Field(
        None, description="the setting that others are compared with, as temperature=1"
    )
    baseline: str | None = Field(None, description="an earlier run's record, for --baseline")


def task_schema() -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **TaskFile.model_json_schema()}


def embedded_tasks() -> list[str]:
    """Names of the tasks that come with the package, in alphabetical order."""
    return sorted(path.stem for path in EMBEDDED.glob("*.yaml"))


def load_task(name_or_file: str | Path, *, skip_unsupported: bool = False) -> Task:
    """The task of that name (`capitals`, `exploit`) or in that file, checked.

    `skip_unsupported`: leave out what retort does not carry out of a promptfoo file, and count it in `skipped`.
    Raises SourceError where there is no such task, InputError where the file cannot be used; the message names the
    file and the line or item.
    """
    names, name, path = embedded_tasks(), str(name_or_file), Path(name_or_file)
    if name in names:
        return _read_task(EMBEDDED / f"{name}.yaml", skip_unsupported)
    if not os.path.isfile(path):  # Path's own raises for a name too long to be a file's
        known = f"the embedded tasks are {', '.join(names)}" if names else "no task is embedded"
        raise SourceError(
            f"There is no task {name!r}: {known}{did_you_mean(name, names)}, and there is no file of that name"
            f"{did_you_mean(path.name, _neighbours(path))}; give one of these or the path of a task file."
        )
    if path.suffix not in ENDINGS:
        raise SourceError(
            f"Task file {path.name} ends in {path.suffix or 'nothing'!r}; a task is .yaml, .yml, .json or .jsonl."
        )
    return _read_lines(path) if path.suffix == ".jsonl" else _read_task(path, skip_unsupported)


def _neighbours(path: Path) -> list[str]:
    """The task files beside a path where no file is, with a name like its own whatever their ending."""
    try:
        there = sorted(one for one in path.parent.iterdir() if one.suffix in ENDINGS)
    except OSError:
        return []
    return [one.name for one in there if did_you_mean(path.stem, [one.stem])]


def _read_task(path: Path, skip: bool) -> Task:
    text = read_text(path)
    record = parse_yaml(text, path.name)  # JSON is YAML as well, and this way its errors have lines
    if not isinstance(record, Mapping):
        raise InputError(
            f"{path.name}: a task is a mapping with the keys {', '.join(TaskFile.model_fields)}."
        )
    if is_promptfoo(record):
        return read_promptfoo(record, path, skip=skip)
    lines = key_lines(text)
    found = Obstacles()
    with found.noted():
        named = {str(key): value for key, value in record.items()}
        task = _task_of(named, path, lambda key: f"{path.name} line {lines.get(key, 1)}", found)
    found.end()
    return task


STAND_INS: Mapping[str, Any] = {"goal": "exploit", "scorer": "none", "items": []}
"""For parts that are missing or wrong, so that the others can be looked at: scorer none asks nothing of an item."""


def _task_of(record: Mapping[str, Any], path: Path, where: Callable[[str], str], found: Obstacles) -> Task:
    # Every part is read on its own, by a stand-in where it is wrong or missing, so that one mistake does not hide the
    # others: with the wrong keys out of the way the rest of the record is valid.
    wrong: set[str] = set()
    try:
        file = TaskFile.model_validate(record)
    except ValidationError as error:
        problems, wrong = problems_of(error, TaskFile, path.name, where)
        for problem in problems:
            found.refuse(problem)
        left = {key: value for key, value in record.items() if key not in wrong}
        file = TaskFile.model_validate({**STAND_INS, **left})
    try:
        find_goal(file.goal)
    except InputError:
        hint = did_you_mean(file.goal, GOAL_NAMES)
        allowed = ", ".join(GOAL_NAMES)
        found.refuse(InputError(f"{where('goal')}: goal is {file.goal!r}{hint}; it can be {allowed}."))
        wrong |= {"goal"}
    prompts: tuple[Prompt, ...] = ()
    fields: list[frozenset[str]] = []
    if not wrong & {"prompts", "messages"}:
        prompts, fields = found.tried((prompts, fields), lambda: _prompts(file, where, path.name))
    stops = ("\n" if file.prompts else []) if file.stop is None else file.stop
    none: list[str] = []
    stop = tuple(found.tried(none, lambda: _texts(stops, where("stop"), "stop")))
    # A goal that is a stand-in would refuse a scorer for nothing.
    aim = None if wrong & {"goal", "scorer"} else file.goal
    scorer = found.tried(
        make_scorer("none", (), path.name),
        lambda: _scorer(file.scorer, aim, stop, where("scorer"), path.parent),
    )
    items: tuple[Item, ...] = ()
    if "items" not in wrong:
        place = where("items")
        items = found.tried(
            items,
            lambda: _unique(_rows(file.items, path, place), scorer, fields, path.parent, place, found),
        )
    budget = found.tried(NO_BUDGET, lambda: _budget(file, where))
    models = found.tried(none, lambda: _texts(file.model, where("model"), "model"))
    return Task(
        name=file.name or path.stem,
        goal=file.goal,
        description=file.description.strip(),
        prompts=prompts,
        max_tokens=file.max_tokens,
        stop=stop,
        scorer=scorer,
        items=items,
        budget=budget,
        is_chat=True if file.messages else None,
        models=tuple(models),
        endpoint=file.endpoint or ("chat" if file.messages else None),
        against=file.against,
        baseline=None if file.baseline is None else str(path.parent / file.baseline),
    )


def _scorer(value: Any, goal: str | None, stop: Sequence[str], place: str, folder: Path) -> Scorer:
    """The scorer, which must suit the goal where that is known."""
    scorer = make_scorer(value, stop, place, folder)
    if goal is not None and scorer.kind.goal not in (None, goal):
        suited = ", ".join(name for name, kind in SCORERS.items() if kind.goal in (None, goal))
        raise InputError(
            f"{place}: scorer {scorer.kind.name!r} is for goal {scorer.kind.goal!r} and the goal is {goal!r}; for that "
            f"goal use one of {suited}."
        )
    return scorer


def _prompts(
    file: TaskFile, where: Callable[[str], str], name: str
) -> tuple[tuple[Prompt, ...], list[frozenset[str]]]:
    """The templates, and the variables that each of them uses."""
    if not (file.prompts or file.messages):
        raise InputError(
            f"{name}: the key 'prompts' is missing; a task needs prompts, or messages, and not both."
        )
    if file.prompts and file.messages:
        raise InputError(f"{where('messages')}: a task has prompts or messages, not both.")
    if file.prompts:
        texts = _texts(file.prompts, where("prompts"), "prompts")
        return tuple(texts), [_template_fields(text, where("prompts")) for text in texts]
    conversations = [file.messages] if isinstance(file.messages[0], MessageRow) else file.messages
    prompts, fields = [], []
    for conversation in conversations:
        templates = [Template(row.content, where("messages")) for row in conversation]
        names = [name for template in templates for name in template.names]
        if wrong := [name for name in names if not name.isidentifier()]:
            raise InputError(
                f"{where('messages')}: {{{{{wrong[0]}}}}} is not a plain name such as {{{{noun}}}}."
            )
        if not conversation:
            raise InputError(f"{where('messages')}: a conversation is empty.")
        fields.append(frozenset(names))
        prompts.append(tuple(Message(row.role, row.content) for row in conversation))
    return tuple(prompts), fields


def _budget(file: TaskFile, where: Callable[[str], str]) -> Budget:
    try:
        chains = tuple(map(Chain, file.settings))
    except InputError as problem:
        raise InputError(f"{where('settings')}: {problem}") from None
    older, amount = (file.budget, None) if isinstance(file.budget, BudgetRow) else (BudgetRow(), file.budget)
    if amount is not None:
        try:
            read_amount(amount)
        except InputError as problem:
            raise InputError(f"{where('budget')}: {problem}.") from None
    samples = older.samples if file.samples is None else file.samples
    temperatures = tuple(file.temperatures or older.temperatures)
    return Budget(samples, older.items, temperatures, chains, amount)


def _rows(items: str | Sequence[Any], path: Path, where: str) -> Iterator[tuple[str, Any]]:
    """Each item as it is written, with its place."""
    if not isinstance(items, str):
        for number, row in enumerate(items, 1):
            yield f"{where}, item {number}", row
        return
    file = path.parent / items
    named = file.name if os.path.isfile(file) else f"{where}: the items file {file}"
    for number, row in read_jsonl(file, named):
        yield f"{file.name} line {number}", row


def _read_lines(path: Path) -> Task:
    """A task of JSON lines: `prompt`, and `reference` or `references` (and `choices`, where it is multiple choice)."""
    found = Obstacles()
    read = [(f"{path.name} line {number}", row) for number, row in read_jsonl(path, path.name)]
    is_choice = any(isinstance(row, dict) and "choices" in row for _, row in read)
    rows: list[tuple[str, Any]] = []
    prompts: list[Prompt] = []
    for place, row in read:
        with found.noted():
            line = validated(LineRow, row, place) if isinstance(row, dict) else LineRow()
            asked = line.messages or line.prompt
            if not asked or (isinstance(asked, str) and not asked.strip()):
                raise InputError(
                    f"{place}: a line of a task must be an object with a prompt and a reference, got {row!r}."
                )
            if isinstance(asked, str):
                prompts.append(asked)
            else:
                prompts.append(tuple(Message(one.role, one.content) for one in asked))
            right = line.references or line.reference
            variables = {"prompt": asked if isinstance(asked, str) else ""}
            rows.append(
                (place, {"id": line.id, "vars": variables, "references": right, "choices": line.choices})
            )
    if not rows:
        found.end()
    is_chat = any(not isinstance(prompt, str) for prompt in prompts)
    stop = () if is_chat else ("\n",)
    scorer = make_scorer("choice" if is_choice else "references", stop, path.name)
    items = _unique(rows, scorer, [], path.parent, path.name, found)
    found.end()  # behind it no line was refused, so there is an item for every prompt
    items = tuple(replace(item, prompts=(prompt,)) for item, prompt in zip(items, prompts, strict=True))
    return Task(path.stem, "exploit", "", ("{prompt}",), 16, stop, scorer, items, is_chat=is_chat or None)


def _unique(
    rows: Iterable[tuple[str, Any]],
    scorer: Scorer,
    fields: Sequence[frozenset[str]],
    folder: Path,
    where: str,
    found: Obstacles,
) -> tuple[Item, ...]:
    """The items, whose ids must differ: answers are kept and compared by them."""
    items: dict[str, Item] = {}
    before = len(found.obstacles)
    for number, (place, row) in enumerate(rows, 1):
        with found.noted():
            item = _item(row, place, str(number), scorer, fields, folder)
            if item.id in items:
                raise InputError(
                    f"{place}: the id {item.id!r} is used by an earlier item; every id can be used once."
                )
            items[item.id] = item
    if not items and len(found.obstacles) == before:  # else it is said why there are none
        raise InputError(f"{where}: there are no items; a task needs at least one.")
    return tuple(items.values())


def _item(
    record: Any, place: str, default_id: str, scorer: Scorer, fields: Sequence[frozenset[str]], folder: Path
) -> Item:
    if not isinstance(record, dict):
        raise InputError(
            f"{place}: an item is an object with {', '.join(ItemRow.model_fields)}, and this is {record!r}."
        )
    row = validated(ItemRow, record, place)
    found = Obstacles()
    for name in dict.fromkeys(name for needed in fields for name in sorted(needed - row.vars.keys())):
        near, there = did_you_mean(name, row.vars), ", ".join(row.vars) or "empty"
        found.refuse(
            InputError(f"{place}: the prompt uses {{{name}}}{near}, and the item's vars are {there}.")
        )
    references: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    with found.noted():
        references = tuple(_texts(row.references, place, "references"))
        scorer.check_references(references, place)
    with found.noted():
        choices = tuple(_texts(row.choices, place, "choices"))
        if scorer.kind.name == "choice":
            _check_choices(choices, references, place)
    if scorer.kind.name == "checks" and not row.checks:
        found.refuse(
            InputError(f"{place}: checks is {row.checks!r}; scorer checks needs a list of assertions.")
        )
    named = {name: str(text) for name, text in row.vars.items()}
    checks = []
    for one in row.checks:
        with found.noted():
            checks.append(make_check(one, place, folder, {"vars": named}))
    found.end()
    return Item(str(default_id if row.id is None else row.id), named, references, choices, tuple(checks))


def _check_choices(choices: Sequence[str], references: Sequence[str], place: str) -> None:
    if len(choices) < 2 or len(set(choices)) < len(choices):
        raise InputError(
            f"{place}: choices is {list(choices)!r}; scorer choice needs two or more different ones."
        )
    for reference in references:
        if reference not in choices:
            raise InputError(
                f"{place}: the reference {reference!r} is not among the choices {list(choices)!r}."
            )


def _texts(value: str | Sequence[str], where: str, what: str) -> list[str]:
    """A text or a list of texts, as a list of them."""
    texts = [value] if isinstance(value, str) else list(value)
    if not all(texts):
        raise InputError(
            f"{where}: {what} is {value!r}; it must be a text or a list of texts, none of them empty."
        )
    return texts


def _template_fields(prompt: str, where: str) -> frozenset[str]:
    """Names of the {variables} in a template. Only plain names: `format_map` would carry out {x.__class__} as well."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(prompt) if name is not None]
    except ValueError as error:
        raise InputError(f"{where}: the prompt {prompt!r} has a stray brace ({error}); double it.") from error
    for name in names:
        if not name.isidentifier():
            raise InputError(
                f"{where}: the prompt {prompt!r} uses {{{name}}}; a variable is a plain name such as {{noun}}."
            )
    if not prompt.strip():
        raise InputError(f"{where}: a prompt is empty; give the text that the model continues.")
    return frozenset(names)
