"""promptfoo's configurations, read as promptfoo reads them: everything a file asks for is done, or refused by name.

`read_promptfoo` goes through the file from top to bottom: what the file may say (KEYS), its providers
(promptfoo_providers.py), its prompts (promptfoo_prompts.py), its tests (promptfoo_cases.py). What needs JavaScript, a
judge model or promptfoo itself raises Unsupported; a reader that was asked to skip such parts takes them down, and the
result says how many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retort.errors import InputError, RetortError, did_you_mean
from retort.tune.goals import find_goal
from retort.tune.item import Item, Prompt, Task
from retort.tune.readers.obstacles import Unsupported
from retort.tune.readers.promptfoo_cases import Case, read_cases
from retort.tune.readers.promptfoo_prompts import PromptSource, read_prompts
from retort.tune.readers.promptfoo_providers import Provider, budget_of, read_providers
from retort.tune.readers.reading import Reading, mapping
from retort.tune.score import make_scorer

MAX_TOKENS = 32
"""Tokens of an answer where no provider says: promptfoo leaves it to the provider, which is too dear for a sweep."""

KEYS = (
    "prompts", "providers", "targets", "tests", "scenarios", "defaultTest", "description", "evaluateOptions", "env",
    "goal",
)  # fmt: skip
UNTOUCHED = (
    "$schema", "author", "commandLineOptions", "derivedMetrics", "metadata", "name", "outputPath", "sharing", "tags",
    "assertionTemplates", "writeLatestResults",
)  # fmt: skip
"""About promptfoo's own run, output and site, which change no answer; `assertionTemplates` are what $ref points to."""
REFUSED = {
    "redteam": "generates tests with promptfoo's service",
    "extensions": "hooks into promptfoo's run",
    "nunjucksFilters": "names JavaScript, which retort does not run",
    "tracing": "is about promptfoo's own run",
}
EVALUATE = (
    "repeat", "maxConcurrency", "delay", "cache", "showProgressBar", "timeoutMs", "maxEvalTimeMs", "eventSource",
    "interactiveProviders",
)  # fmt: skip


def is_promptfoo(record: Mapping[str, Any]) -> bool:
    """Whether a YAML mapping is promptfoo's: it has a key of promptfoo's, or none of ours, and no scorer or items."""
    if "scorer" in record or "items" in record:
        return False
    theirs = ("tests", "scenarios", "providers", "targets", "redteam", "defaultTest")
    return any(key in record for key in theirs) or ("prompts" in record and "goal" not in record)


def read_promptfoo(record: Mapping[str, Any], path: Path, *, skip: bool = False) -> Task:
    """The task in a promptfoo configuration. `skip`: leave out what is not supported, and count it in `skipped`.

    Raises InputError or SourceError, with the file and the test's number.
    """
    reading = Reading(path.parent, path.name, skip=skip)
    # What ends the reading as a whole cannot be skipped.
    task = reading.needed(None, lambda: _task(record, path.stem, reading))
    reading.end()
    assert task is not None, "what it lacks was raised"
    return task


def _task(record: Mapping[str, Any], name: str, reading: Reading) -> Task:
    where = reading.where
    # First, since the templates in all that follows may name {{env.NAME}}.
    env = mapping(record.get("env"), f"{where}: env")
    reading.env = {str(variable): str(value) for variable, value in env.items()}
    _check_keys(record, reading)
    record = reading.dereferenced(record, record)
    providers = read_providers(record, reading)
    every = read_prompts(record.get("prompts"), reading)
    prompts = reading.tried(every, lambda: _asked_prompts(every, providers, reading))
    options = mapping(record.get("evaluateOptions"), f"{where}: evaluateOptions")
    for key in options:
        if key not in EVALUATE:
            near = did_you_mean(key, EVALUATE)
            reading.refuse(InputError(f"{where}: evaluateOptions has the unknown key {key!r}{near}."))
    # A sweep asks every model in one way. Where some providers are chats and others continue a text, all are chats.
    chats = [one.is_chat for one in providers if one.is_chat is not None]
    is_chat = any(chats)
    cases = read_cases(record, reading, [one.transform for one in providers], prompts)
    if not prompts or not cases:
        reading.end()  # why there are none; what was skipped is no reason, and `_items` says that nothing is left
    items, prompts = _items(cases, prompts, is_chat, reading)
    scored = [item for item in items if item.checks]
    notes = list(reading.notes)
    if len(scored) < len(items):
        which = (
            "no test has" if not scored else f"{len(items) - len(scored)} of {len(items)} tests do not have"
        )
        notes.append(
            f"{which} a supported assertion, so their answers are compared for variety and agreement only"
        )
    goal = record.get("goal", "exploit" if scored else "reproduce")
    with reading.noted():
        find_goal(goal)
    # One length and one list of stops for all settings, or scores of different settings could not be compared.
    settings = [one.settings for one in providers]
    lengths = [one["max_tokens"] for one in settings if "max_tokens" in one]
    stops = tuple(dict.fromkeys(stop for one in settings for stop in one.get("stop", ())))
    if not lengths:
        notes.append(
            f"no provider sets max_tokens, so answers end after {MAX_TOKENS} tokens; --max-tokens changes it"
        )
    return Task(
        name=name,
        goal=goal,
        description=str(record.get("description") or "").strip(),
        prompts=tuple(one.raw for one in prompts),
        max_tokens=max(lengths, default=MAX_TOKENS),
        stop=stops,
        scorer=make_scorer("checks" if scored else "none", stops, where),
        items=tuple(items),
        budget=budget_of(settings, options.get("repeat"), where),
        is_chat=is_chat or None,
        models=tuple(dict.fromkeys(one.model for one in providers if one.model is not None)),
        endpoint="chat" if is_chat else "completions" if chats else None,
        skipped=dict(reading.skipped),
        notes=tuple(notes),
    )


def _check_keys(record: Mapping[str, Any], reading: Reading) -> None:
    for key in record:
        if key in REFUSED:
            reading.refuse(Unsupported(reading.where, f"the key {key!r}", REFUSED[key]))
        elif key not in KEYS and key not in UNTOUCHED:
            # A key that is like none of ours may be of a later promptfoo, and can be skipped; a misspelt one cannot.
            if near := did_you_mean(key, KEYS):
                known = ", ".join(KEYS)
                reading.refuse(InputError(f"{reading.where}: unknown key {key!r}{near}; known are {known}."))
            else:
                reading.refuse(Unsupported(reading.where, f"the key {key!r}", "is unknown"))


def _asked_prompts(
    prompts: list[PromptSource], providers: list[Provider], reading: Reading
) -> list[PromptSource]:
    """The prompts that the providers ask. Providers that ask different ones are refused: a sweep asks all of all."""
    named = {one.prompts for one in providers}
    if named <= {None}:
        return prompts
    if len(named) > 1:
        reading.refuse(Unsupported(reading.where, "prompts of single providers", "are not supported"))
        return prompts
    (labels,) = named
    assert labels is not None
    for label in labels:
        if not any(one.is_named(label) for one in prompts):
            raise InputError(
                f"{reading.where}: a provider asks the prompt {label!r}, and no prompt has that label."
            )
    return [one for one in prompts if any(one.is_named(label) for label in labels)]


def _items(
    cases: list[Case], prompts: list[PromptSource], is_chat: bool, reading: Reading
) -> tuple[list[Item], list[PromptSource]]:
    """The items, each with its prompts written out, and the prompts that can be written for all of them."""
    left, columns = [], []
    for prompt in prompts:
        with reading.noted():
            columns.append(list(_column(prompt, cases, is_chat, reading)))
            left.append(prompt)
    if not left:
        reading.end()
        raise InputError(f"{reading.where}: no supported prompt is left.")
    found = (case.item(asked, reading) for case, asked in zip(cases, zip(*columns, strict=True), strict=True))
    items = [item for item in found if item is not None]
    if not items:
        reading.end()
        raise InputError(f"{reading.where}: no supported test is left.")
    return items, left


def _column(prompt: PromptSource, cases: list[Case], is_chat: bool, reading: Reading) -> Iterator[Prompt]:
    """What a prompt asks of every test. Raises Unsupported, since it is asked of all of them or not at all."""
    for case in cases:
        try:
            yield case.asked(prompt, is_chat, reading)
        except Unsupported:
            raise
        except RetortError as problem:
            reading.refuse(problem)
            yield ""  # in its place, so that the other tests' problems are found as well; the task is refused anyway
