"""Task files in promptfoo's shape, read as they are: prompts, tests with vars and assert, providers' settings, repeat.

What is taken over: `prompts` (texts, or file://… with one), `tests` (a list or a file of one; `vars` with lists
expands to all combinations; `assert`), `defaultTest`, `providers[].config` (temperature, max_tokens, stop) and
`evaluateOptions.repeat`. Providers themselves are not asked: --model says which model is.
"""

from __future__ import annotations

import itertools
import json
import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from retort.errors import InputError, SourceError
from retort.tune.budget import Budget
from retort.tune.checks import make_check
from retort.tune.scorers import make_scorer
from retort.tune.task import Item, Task

VARIABLE = re.compile(r"\{\{-?\s*(?:env\.)?([A-Za-z_]\w*)\s*-?\}\}")
MAX_TOKENS = 32


def is_promptfoo(record: Mapping[str, Any]) -> bool:
    """Whether a YAML mapping is promptfoo's: it has tests, and no scorer of ours."""
    return "tests" in record and "scorer" not in record


def read_promptfoo(record: Mapping[str, Any], path: Path) -> Task:
    """The task in a promptfoo configuration. Raises InputError or SourceError, with the file and the test's number."""
    where = path.name
    prompts = tuple(_template(text, where) for text in _prompts(record.get("prompts"), path))
    default = record.get("defaultTest") or {}
    items: list[Item] = []
    for number, test in enumerate(_tests(record["tests"], path), 1):
        place = f"{where}, test {number}"
        if not isinstance(test, Mapping):
            raise InputError(f"{place}: a test is a mapping with vars and assert, got {test!r}.")
        items += _items(test, default, number, place, path.parent)
    for item in items:
        missing = [name for prompt in prompts for name in _variables(prompt) if name not in item.variables]
        if missing:
            raise InputError(
                f"{where}, item {item.id}: the prompt uses {{{{{missing[0]}}}}}, which its vars do not have."
            )
    if not items:
        raise InputError(f"{where}: there are no tests.")
    settings = [_config(one) for one in _listed(record.get("providers") or record.get("targets"))]
    temperatures = sorted({float(one["temperature"]) for one in settings if "temperature" in one})
    lengths = [int(one["max_tokens"]) for one in settings if "max_tokens" in one]
    stops = [stop for one in settings for stop in _listed(one.get("stop"))]
    repeat = (record.get("evaluateOptions") or {}).get("repeat")
    return Task(
        name=path.stem,
        goal=record.get("goal", "exploit"),
        description=str(record.get("description", "")).strip(),
        prompts=prompts,
        max_tokens=max(lengths, default=MAX_TOKENS),
        stop=tuple(dict.fromkeys(stops)),
        scorer=make_scorer("checks", tuple(stops), where),
        items=tuple(items),
        budget=Budget(samples=repeat, temperatures=tuple(temperatures)),
    )


def _variables(template: str) -> list[str]:
    """Names of the variables in one of our templates."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def _items(
    test: Mapping[str, Any], default: Mapping[str, Any], number: int, place: str, folder: Path
) -> list[Item]:
    variables = {**(default.get("vars") or {}), **(test.get("vars") or {})}
    asserts = [*(default.get("assert") or []), *(test.get("assert") or [])]
    if not asserts:
        raise InputError(f"{place}: there is no assert, so no answer can be right or wrong.")
    names = list(variables)
    combinations = itertools.product(*(_listed(variables[name]) for name in names))
    found = []
    for variant, values in enumerate(combinations, 1):
        named = dict(zip(names, map(str, values), strict=True))
        checks = tuple(make_check(_filled(one, named), place, folder) for one in asserts)
        found.append(Item(f"{number}" if variant == 1 else f"{number}.{variant}", named, (), checks=checks))
    return found


def _filled(value: Any, named: Mapping[str, str]) -> Any:
    """An assertion with the variables in its texts filled in, as promptfoo does."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: named.get(match[1], match[0]), value)
    if isinstance(value, Mapping):
        return {key: _filled(one, named) for key, one in value.items()}
    return [_filled(one, named) for one in value] if isinstance(value, list) else value


def _template(text: str, where: str) -> str:
    """A nunjucks template with plain {{variables}} as one of ours; anything more of nunjucks is refused."""
    if re.search(r"\{%|\{#", text) or re.search(r"\{\{[^}]*\|", text):
        raise InputError(
            f"{where}: the prompt {text[:60]!r} uses more of nunjucks than {{{{variables}}}}; write it out."
        )
    parts = VARIABLE.split(text)
    plain = [part.replace("{", "{{").replace("}", "}}") for part in parts[::2]]
    return "".join(piece for pair in itertools.zip_longest(plain, parts[1::2]) for piece in (
        pair[0] or "", f"{{{pair[1]}}}" if pair[1] else ""
    ))  # fmt: skip


def _prompts(value: Any, path: Path) -> list[str]:
    found = []
    for one in _listed(value):
        text = one.get("raw") if isinstance(one, Mapping) else one
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{path.name}: a prompt is a text, or file://… with one; got {one!r}.")
        found.append(_file(path, text).read_text(encoding="utf-8") if text.startswith("file://") else text)
    if not found:
        raise InputError(f"{path.name}: prompts is missing; it is a list of texts.")
    return found


def _tests(value: Any, path: Path) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise InputError(f"{path.name}: tests is {value!r}; it is a list, or the name of a file with one.")
    file = _file(path, value)
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    if file.suffix not in (".yaml", ".yml", ".json"):
        raise InputError(
            f"{path.name}: tests in {file.name} cannot be read; known are .yaml, .json and .jsonl."
        )
    tests = yaml.safe_load(text)
    if not isinstance(tests, list):
        raise InputError(f"{file.name}: it is not a list of tests.")
    return tests


def _file(path: Path, value: str) -> Path:
    file = path.parent / value.removeprefix("file://")
    if not file.is_file():
        raise SourceError(f"{path.name} names the file {value!r}, and {file} does not exist.")
    return file


def _config(provider: Any) -> Mapping[str, Any]:
    """The settings of a provider, whether it is a name, {id, config}, or {name: {config}}."""
    if not isinstance(provider, Mapping):
        return {}
    inner = provider if "config" in provider else next(iter(provider.values()), {})
    return (inner.get("config") or {}) if isinstance(inner, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
