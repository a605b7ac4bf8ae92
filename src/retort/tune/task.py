"""A task: prompts to fill in, items to fill them with, and how an answer is scored.

A task is one YAML file and its items, one JSON object a line. Everything in both files is checked before a model
is loaded, because a sweep that stops at item 150 has cost the user the first 149.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from retort.errors import InputError, SourceError, did_you_mean
from retort.files import read_jsonl, read_text
from retort.tune.budget import NO_BUDGET, Budget, read_budget
from retort.tune.checks import Check, make_check
from retort.tune.goals import GOAL_NAMES, find_goal
from retort.tune.scorers import SCORERS, Scorer, make_scorer

EMBEDDED = Path(__file__).resolve().parent.parent / "embedded" / "tasks"
TASK_KEYS = ("name", "goal", "description", "prompts", "max_tokens", "stop", "scorer", "items", "budget")
LINE_KEYS = ("id", "prompt", "reference", "references", "choices")
REQUIRED_TASK_KEYS = ("goal", "prompts", "scorer", "items")
ITEM_KEYS = ("id", "vars", "references", "choices", "checks")


@dataclass(frozen=True)
class Item:
    """One thing asked: the variables of the prompt templates, and the answers that count as right.

    `choices`: all the answers to choose from, for scorer choice; `checks`: what an answer must satisfy, for scorer
    checks.
    """

    id: str
    variables: Mapping[str, str]
    references: tuple[str, ...]
    choices: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Task:
    """What `run` sweeps. `prompts` are templates with {variables}; every item is asked through each of them."""

    name: str
    goal: str
    description: str
    prompts: tuple[str, ...]
    max_tokens: int
    stop: tuple[str, ...]
    scorer: Scorer
    items: tuple[Item, ...]
    budget: Budget = NO_BUDGET

    def prompt(self, item: Item, prompt_index: int = 0) -> str:
        """The text the model continues: template `prompt_index` with the item's variables filled in."""
        return self.prompts[prompt_index].format_map(item.variables)


def embedded_tasks() -> list[str]:
    """Names of the tasks that come with the package, in alphabetical order."""
    return sorted(path.stem for path in EMBEDDED.glob("*.yaml"))


def load_task(name_or_file: str | Path) -> Task:
    """The task of that name (`exploit`, `explore`) or in that YAML file, checked.

    Raises SourceError where there is no such task, InputError where the file cannot be used; the message names the
    file and the line or item.
    """
    names = embedded_tasks()
    if str(name_or_file) in names:
        return _read_task(EMBEDDED / f"{name_or_file}.yaml")
    path = Path(name_or_file)
    if not path.is_file():
        known = f"the embedded tasks are {', '.join(names)}" if names else "no task is embedded"
        raise SourceError(
            f"There is no task {str(name_or_file)!r}: {known}{did_you_mean(str(name_or_file), names)}, "
            "and there is no file of that name; give one of these or the path of a YAML file."
        )
    if path.suffix not in READERS:
        raise SourceError(
            f"Task file {path.name} ends in {path.suffix or 'nothing'!r}; "
            f"a task is one of {', '.join(READERS)} (see docs for the format)."
        )
    return READERS[path.suffix](path)


def _read_task(path: Path) -> Task:
    record, lines = _read_yaml(path)
    from retort.tune.promptfoo import is_promptfoo, read_promptfoo

    if is_promptfoo(record):
        return read_promptfoo(record, path)

    def where(key: str) -> str:
        return f"{path.name} line {lines.get(key, 1)}"

    for key in record:
        if key not in TASK_KEYS:
            raise InputError(
                f"{where(key)}: unknown key {key!r}{did_you_mean(key, TASK_KEYS)}; a task has {', '.join(TASK_KEYS)}."
            )
    for key in REQUIRED_TASK_KEYS:
        if key not in record:
            raise InputError(
                f"{path.name}: the key {key!r} is missing; a task needs {', '.join(REQUIRED_TASK_KEYS)}."
            )
    goal = record["goal"]
    try:
        find_goal(goal)
    except InputError as problem:
        hint = did_you_mean(str(goal), GOAL_NAMES)
        raise InputError(
            f"{where('goal')}: goal is {goal!r}{hint}; it can be {', '.join(GOAL_NAMES)}."
        ) from problem
    prompts = _strings(record["prompts"], where("prompts"), "prompts", at_least=1)
    fields = [_template_fields(prompt, where("prompts")) for prompt in prompts]
    max_tokens = record.get("max_tokens", 16)
    if type(max_tokens) is not int or max_tokens < 1:
        raise InputError(
            f"{where('max_tokens')}: max_tokens is {max_tokens!r}; it is a whole number from 1 up."
        )
    stop = _strings(record.get("stop", "\n"), where("stop"), "stop", at_least=0)
    scorer = make_scorer(record["scorer"], stop, where("scorer"), path.parent)
    if scorer.kind.goal not in (None, goal):
        suited = ", ".join(name for name, kind in SCORERS.items() if kind.goal in (None, goal))
        raise InputError(
            f"{where('scorer')}: scorer {scorer.kind.name!r} is for goal {scorer.kind.goal!r} and the goal is "
            f"{goal!r}; for that goal use one of {suited}."
        )
    items = _read_items(record["items"], path, where("items"), scorer, fields)
    name = record.get("name", path.stem)
    description = record.get("description", "")
    for key, value in (("name", name), ("description", description)):
        if not isinstance(value, str):
            raise InputError(f"{where(key)}: {key} is {value!r}; it is a text.")
    budget = read_budget(record.get("budget"), where("budget"))
    return Task(name, goal, description.strip(), prompts, max_tokens, stop, scorer, items, budget)


def _read_lines(path: Path) -> Task:
    """A task of JSON lines: `prompt`, and `reference` or `references` (and `choices`, where it is multiple choice)."""
    rows = list(_read_json_lines(path, path.name))
    is_choice = any(isinstance(row, dict) and "choices" in row for _, row in rows)
    scorer = make_scorer("choice" if is_choice else "references", ("\n",), path.name)
    items: dict[str, Item] = {}
    for number, (place, row) in enumerate(rows, 1):
        if not isinstance(row, dict) or not isinstance(row.get("prompt"), str) or not row["prompt"].strip():
            raise InputError(
                f"{place}: a line of a task is an object with a prompt and a reference; got {row!r}."
            )
        for key in row:
            if key not in LINE_KEYS:
                raise InputError(
                    f"{place}: unknown key {key!r}{did_you_mean(key, LINE_KEYS)}; a line has {', '.join(LINE_KEYS)}."
                )
        references = row.get("references", row.get("reference", []))
        as_item = {"id": row.get("id", number), "vars": {"prompt": row["prompt"]}, "references": references}
        if "choices" in row:
            as_item["choices"] = row["choices"]
        item = _read_item(as_item, place, str(number), scorer, [frozenset({"prompt"})], path.parent)
        if item.id in items:
            raise InputError(
                f"{place}: the id {item.id!r} is used by an earlier line; every id can be used once."
            )
        items[item.id] = item
    if not items:
        raise InputError(f"{path.name}: there are no lines; a task needs at least one.")
    return Task(path.stem, "exploit", "", ("{prompt}",), 16, ("\n",), scorer, tuple(items.values()))


# The shapes of task file that load_task reads.
READERS = {".yaml": _read_task, ".yml": _read_task, ".jsonl": _read_lines}


def _read_items(
    value: Any, task_path: Path, where: str, scorer: Scorer, fields: Sequence[frozenset[str]]
) -> tuple[Item, ...]:
    if isinstance(value, str):
        path = task_path.parent / value
        rows: Iterable[tuple[str, Any]] = _read_json_lines(path, where)
    elif isinstance(value, list):
        rows = ((f"{where}, item {number}", row) for number, row in enumerate(value, 1))
    else:
        raise InputError(f"{where}: items is {value!r}; it is the name of a JSONL file, or a list of items.")
    items: dict[str, Item] = {}
    for number, (place, row) in enumerate(rows, 1):
        item = _read_item(row, place, str(number), scorer, fields, task_path.parent)
        if item.id in items:
            raise InputError(
                f"{place}: the id {item.id!r} is used by an earlier item; every id can be used once."
            )
        items[item.id] = item
    if not items:
        raise InputError(f"{where}: there are no items; a task needs at least one.")
    return tuple(items.values())


def _read_item(
    row: Any, place: str, default_id: str, scorer: Scorer, fields: Sequence[frozenset[str]], folder: Path
) -> Item:
    if not isinstance(row, dict):
        raise InputError(f"{place}: an item is an object with {', '.join(ITEM_KEYS)}, and this is {row!r}.")
    for key in row:
        if key not in ITEM_KEYS:
            raise InputError(
                f"{place}: unknown key {key!r}{did_you_mean(str(key), ITEM_KEYS)}; an item has {', '.join(ITEM_KEYS)}."
            )
    variables = row.get("vars", {})
    if not isinstance(variables, dict):
        raise InputError(f"{place}: vars is {variables!r}; it is an object from names to texts.")
    for name, text in variables.items():
        if not isinstance(text, (str, int, float)) or isinstance(text, bool):
            raise InputError(f"{place}: the variable {name!r} is {text!r}; it is a text or a number.")
    for needed in fields:
        for name in sorted(needed - variables.keys()):
            raise InputError(
                f"{place}: the prompt uses {{{name}}}{did_you_mean(name, variables)}, "
                f"and the item's vars are {', '.join(variables) or 'empty'}."
            )
    references = _strings(row.get("references", []), place, "references", at_least=0)
    scorer.check_references(references, place)
    item_id = row.get("id", default_id)
    if not isinstance(item_id, (str, int)):
        raise InputError(f"{place}: id is {item_id!r}; it is a text or a whole number.")
    choices = _strings(row.get("choices", []), place, "choices", at_least=0)
    if scorer.kind.name == "choice":
        _check_choices(choices, references, place)
    asked = row.get("checks", [])
    if not isinstance(asked, list) or (scorer.kind.name == "checks" and not asked):
        raise InputError(f"{place}: checks is {asked!r}; scorer checks needs a list of assertions.")
    checks = tuple(make_check(one, place, folder) for one in asked)
    named = {str(name): str(text) for name, text in variables.items()}
    return Item(str(item_id), named, references, choices, checks)


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


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The file's mapping, and the line of each of its keys."""
    text = read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        record = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise InputError(f"{path.name}{line}: this is not YAML ({problem}).") from error
    if not isinstance(record, dict) or not isinstance(node, yaml.MappingNode):
        raise InputError(f"{path.name}: a task is a mapping with the keys {', '.join(TASK_KEYS)}.")
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.value in lines:
            raise InputError(
                f"{path.name} line {line}: the key {key.value!r} is there already, at line {lines[key.value]}."
            )
        lines[key.value] = line
    return {str(key): value for key, value in record.items()}, lines


def _read_json_lines(path: Path, where: str) -> Iterable[tuple[str, Any]]:
    if not path.is_file():
        raise SourceError(f"{where}: the items file {path} cannot be read: there is no such file.")
    for number, value in read_jsonl(path, path.name):
        yield f"{path.name} line {number}", value


def _template_fields(prompt: str, where: str) -> frozenset[str]:
    """Names of the {variables} in a template."""
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
        raise InputError(f"{where}: a prompt is empty; it is the text that the model continues.")
    return frozenset(names)


def _strings(value: Any, where: str, what: str, at_least: int) -> tuple[str, ...]:
    """A text or a list of texts, as a tuple."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(text, str) and text for text in values):
        raise InputError(
            f"{where}: {what} is {value!r}; it is a text or a list of texts, none of them empty."
        )
    if len(values) < at_least:
        raise InputError(f"{where}: {what} is empty; at least {at_least} is needed.")
    return tuple(values)
