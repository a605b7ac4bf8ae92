"""Task files in promptfoo's shape, read as they are: prompts, tests with vars and assert, providers' settings, repeat.

What is taken over: `prompts` (texts, or file://… with one), `tests` (a list or a file of one; `vars` with lists
expands to all combinations; `assert`), `defaultTest`, `providers[].config` (temperature, top_p and what else shapes the
distribution; max_tokens, stop) and `evaluateOptions.repeat`. Providers themselves are not asked: --model says which
model is.
"""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from retort.errors import InputError, SourceError
from retort.files import read_jsonl, read_text
from retort.sampling.params import SamplingParams
from retort.tune.budget import Budget, read_budget
from retort.tune.checks import make_check
from retort.tune.goals import find_goal
from retort.tune.scorers import make_scorer
from retort.tune.task import Item, Task

VARIABLE = re.compile(r"\{\{-?\s*(?:env\.)?([A-Za-z_]\w*)\s*-?\}\}")
MAX_TOKENS = 32
SHAPING = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
)
"""What of a provider's config changes the distribution; the rest is the provider's own matter."""


def is_promptfoo(record: Mapping[str, Any]) -> bool:
    """Whether a YAML mapping is promptfoo's: it has tests, and no scorer of ours."""
    return "tests" in record and "scorer" not in record


def read_promptfoo(record: Mapping[str, Any], path: Path) -> Task:
    """The task in a promptfoo configuration. Raises InputError or SourceError, with the file and the test's number."""
    where = path.name
    prompts = tuple(_template(text, where) for text in _prompts(record.get("prompts"), path))
    default = _mapping(record.get("defaultTest"), f"{where}: defaultTest")
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
    settings = [_config(one, where) for one in _listed(record.get("providers") or record.get("targets"))]
    lengths = [one["max_tokens"] for one in settings if "max_tokens" in one]
    stops = [stop for one in settings for stop in _listed(one.get("stop"))]
    for length in lengths:
        if type(length) is not int or length < 1:
            raise InputError(
                f"{where}: a provider's max_tokens is {length!r}; it is a whole number from 1 up."
            )
    for stop in stops:
        if not isinstance(stop, str) or not stop:
            raise InputError(f"{where}: a provider's stop is {stop!r}; it is a text, or a list of them.")
    options = _mapping(record.get("evaluateOptions"), f"{where}: evaluateOptions")
    goal = record.get("goal", "exploit")
    find_goal(goal)
    return Task(
        name=path.stem,
        goal=goal,
        description=str(record.get("description", "")).strip(),
        prompts=prompts,
        max_tokens=max(lengths, default=MAX_TOKENS),
        stop=tuple(dict.fromkeys(stops)),
        scorer=make_scorer("checks", tuple(stops), where),
        items=tuple(items),
        budget=_budget(settings, options.get("repeat"), where),
    )


def _budget(settings: list[dict[str, Any]], repeat: Any, where: str) -> Budget:
    """What the providers' settings ask to be compared: temperatures, of one chain, or whole chains where they truncate
    differently."""
    temperatures = [one["temperature"] for one in settings if one.get("temperature") is not None]
    budget = read_budget({"samples": repeat, "temperatures": temperatures}, f"{where}: the providers")
    shaping = [{name: value for name, value in one.items() if name in SHAPING} for one in settings]
    try:
        chains = [SamplingParams.from_dict(one).resolved_chain for one in shaping]
    except InputError as problem:
        raise InputError(f"{where}: a provider's config: {problem}") from None
    if len({str(chain.at_temperature(1)) for chain in chains}) > 1:
        return replace(budget, temperatures=(), chains=tuple(dict.fromkeys(chains)))
    shared = tuple(chain for chain in chains[:1] if any(stage.name != "temperature" for stage in chain))
    return replace(budget, temperatures=tuple(sorted(set(budget.temperatures))), chains=shared)


def _variables(template: str) -> list[str]:
    """Names of the variables in one of our templates."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def _items(
    test: Mapping[str, Any], default: Mapping[str, Any], number: int, place: str, folder: Path
) -> list[Item]:
    variables = {
        **_mapping(default.get("vars"), f"{place}: defaultTest's vars"),
        **_mapping(test.get("vars"), f"{place}: vars"),
    }
    asserts = [*_listed(default.get("assert")), *_listed(test.get("assert"))]
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
        found.append(read_text(_file(path, text)) if text.startswith("file://") else text)
    if not found:
        raise InputError(f"{path.name}: prompts is missing; it is a list of texts.")
    return found


def _tests(value: Any, path: Path) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise InputError(f"{path.name}: tests is {value!r}; it is a list, or the name of a file with one.")
    file = _file(path, value)
    if file.suffix == ".jsonl":
        return [test for _, test in read_jsonl(file, file.name)]
    if file.suffix not in (".yaml", ".yml", ".json"):
        raise InputError(
            f"{path.name}: tests in {file.name} cannot be read; known are .yaml, .json and .jsonl."
        )
    try:
        tests = yaml.safe_load(read_text(file))
    except yaml.YAMLError as problem:
        raise InputError(f"{file.name}: this is not YAML ({getattr(problem, 'problem', None)}).") from problem
    if not isinstance(tests, list):
        raise InputError(f"{file.name}: it is not a list of tests.")
    return tests


def _file(path: Path, value: str) -> Path:
    file = path.parent / value.removeprefix("file://")
    if not file.is_file():
        raise SourceError(f"{path.name} names the file {value!r}, and {file} does not exist.")
    return file


def _config(provider: Any, where: str) -> dict[str, Any]:
    """The settings of a provider, whether it is a name, {id, config}, or {name: {config}}."""
    if not isinstance(provider, Mapping):
        return {}
    inner = provider if "config" in provider else next(iter(provider.values()), {})
    return (
        _mapping(inner.get("config"), f"{where}: a provider's config") if isinstance(inner, Mapping) else {}
    )


def _mapping(value: Any, what: str) -> dict[str, Any]:
    """A mapping that may be left out; InputError for anything else."""
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"{what} is {value!r}; it is a mapping of names to values.")
    return dict(value or {})


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
