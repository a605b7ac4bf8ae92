"""promptfoo's configurations, read as promptfoo reads them: everything a file asks for is done, or refused by name.

`read_promptfoo` goes through the file from top to bottom: what the file may say (KEYS), its providers, its prompts
(promptfoo_prompts.py) and tests (promptfoo_cases.py). What needs JavaScript, a judge model or promptfoo itself raises
Unsupported; a reader that was asked to skip such parts takes them down, and the result says how many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retort.errors import InputError, RetortError, did_you_mean, from_pydantic
from retort.sampling.params import SamplingParams
from retort.tune.budget import Budget, BudgetRow
from retort.tune.goals import find_goal
from retort.tune.item import Item, Prompt, Task
from retort.tune.readers.obstacles import Unsupported
from retort.tune.readers.promptfoo_cases import Case, read_cases
from retort.tune.readers.promptfoo_prompts import PromptSource, read_prompts
from retort.tune.readers.reading import Reading, listed, mapping
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

SHAPING = {
    "temperature": ("temperature",),
    "top_k": ("top_k", "topK"),
    "top_p": ("top_p", "topP"),
    "min_p": ("min_p", "minP"),
    "repetition_penalty": ("repetition_penalty", "repeat_penalty"),
    "presence_penalty": ("presence_penalty", "presencePenalty"),
    "frequency_penalty": ("frequency_penalty", "frequencyPenalty"),
}
"""Our names of what changes the distribution, and the providers' names for it.

Of the keys of a provider's config these, LENGTHS and STOPS are carried out, those in CONNECTION change no answer, and
any other key is refused, since it may.
"""
LENGTHS = (
    "max_tokens", "maxTokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "max_new_tokens",
    "max_gen_len", "maxTokenCount", "max_tokens_to_sample", "num_predict",
)  # fmt: skip
STOPS = ("stop", "stop_sequences", "stopSequences")
GROUPS = ("generationConfig", "inferenceConfig", "textGenerationConfig", "options", "parameters")
CONNECTION = (
    "accessKeyId", "baseUrl", "deploymentName", "inferenceModelType", "isPayPerToken", "apiBaseUrl", "apiHost",
    "apiKey", "apiKeyEnvar", "apiKeyRequired", "apiType", "apiVersion", "audioCost", "authType", "basePath", "cost",
    "credentials", "debug", "delay", "deployment", "headers", "inputCost", "label", "location", "maxRetries",
    "metadata", "organization", "outputCost", "profile", "project", "projectId", "publisher", "region", "retries",
    "secretAccessKey", "seed", "service_tier", "sessionToken", "store", "stream", "temperatureRange", "timeout",
    "timeoutMs", "url", "user",
)  # fmt: skip
"""How a provider is reached and paid. The seed is our own: answers of one item have seeds of their own."""

COMPLETION_MODELS = ("babbage-002", "davinci-002", "gpt-3.5-turbo-instruct", "text-davinci-003")
NO_TEXT = (
    "assistant", "embedding", "embeddings", "image", "moderation", "realtime", "responses", "speech", "transcription",
    "video",
)  # fmt: skip
"""What else OpenAI offers; of these only `responses` answers conversations."""
LOCAL = {
    "ollama": ("OLLAMA_BASE_URL", "http://localhost:11434"),
    "localai": ("LOCALAI_BASE_URL", "http://localhost:8080/v1"),
    "llamafile": ("LLAMAFILE_BASE_URL", "http://localhost:8080/v1"),
}
SYSTEMS = (
    "bedrock-agent", "browser", "docker", "echo", "exec", "file", "golang", "http", "https", "mcp", "package",
    "promptfoo", "python", "ruby", "sequence", "simulated-user", "slack", "webhook", "websocket", "ws",
)  # fmt: skip
"""Providers that are programs and services of the user's, which only promptfoo can ask."""


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
    with reading.noted():
        task = _task(record, path.stem, reading)
    reading.end()
    return task


def _task(record: Mapping[str, Any], name: str, reading: Reading) -> Task:
    where = reading.where
    # First, since the templates in all that follows may name {{env.NAME}}.
    env = mapping(record.get("env"), f"{where}: env")
    reading.env = {str(variable): str(value) for variable, value in env.items()}
    _check_keys(record, reading)
    record = reading.dereferenced(record, record)
    providers = []
    for one in _provider_records(record, reading):
        with reading.noted():
            providers.append(_provider(one, reading))
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
        budget=_budget(settings, options.get("repeat"), where),
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


@dataclass(frozen=True)
class Provider:
    """One of `providers`: its settings under our names, and the model string where retort can ask it."""

    id: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    is_chat: bool | None = None
    prompts: tuple[str, ...] | None = None
    transform: str | None = None


def _provider_records(record: Mapping[str, Any], reading: Reading) -> list[tuple[str, Mapping[str, Any]]]:
    """Every provider's id and what is said of it, whichever way it is written: `NAME`, `{id: NAME, …}`, `{NAME: {…}}`,
    or a file with these."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for one in listed(record.get("providers", record.get("targets"))):
        if isinstance(one, str) and one.startswith("file://") and one.endswith((".yaml", ".yml", ".json")):
            found += _provider_records({"providers": reading.load(one, reading.where)}, reading)
        elif isinstance(one, str):
            found.append((one, {}))
        elif isinstance(one, Mapping) and isinstance(one.get("id"), str):
            found.append((one["id"], one))
        elif (
            isinstance(one, Mapping)
            and len(one) == 1
            and isinstance(next(iter(one.values())), (Mapping, type(None)))
        ):
            ((name, said),) = one.items()
            found.append((str((said or {}).get("id", name)), said or {}))
        else:
            raise InputError(
                f"{reading.where}: a provider must be a name, or a mapping with an id and a config, got {one!r}."
            )
    return found


def _provider(one: tuple[str, Mapping[str, Any]], reading: Reading) -> Provider:
    name, said = one
    where = f"{reading.where}: a provider's config"
    kind, _, rest = name.partition(":")  # openai:chat:gpt-4o; a path or a command has no kind that is known
    config = mapping(said.get("config"), where)
    if kind in SYSTEMS or "/" in kind or kind.endswith((".py", ".js", ".ts", ".mjs")):
        reading.note(
            f"the provider {name[:40]!r} is a program or service that only promptfoo can ask; give --model"
        )
        return Provider(name, prompts=_labels(said, reading))
    for key in said:
        if key not in ("id", "config", "label", "prompts", "transform", "delay", "env", "inputs"):
            raise InputError(f"{reading.where}: the provider {name!r} has the unknown key {key!r}.")
    # Google, Amazon and others have their settings one level deeper.
    for group in GROUPS:
        if isinstance(config.get(group), Mapping):
            config = {**{key: value for key, value in config.items() if key != group}, **config[group]}
    settings: dict[str, Any] = {}
    known = {alias: ours for ours, aliases in SHAPING.items() for alias in aliases}
    for key, value in config.items():
        if value is None:
            continue
        if key in known:
            settings[known[key]] = value
        elif key in LENGTHS:
            if type(value) is not int or value < 1:
                raise InputError(
                    f"{reading.where}: a provider's max_tokens is {value!r}; it must be a whole number of 1 or more."
                )
            settings["max_tokens"] = value
        elif key in STOPS:
            settings["stop"] = listed(value)
            if not all(isinstance(stop, str) and stop for stop in settings["stop"]):
                raise InputError(
                    f"{reading.where}: a provider's stop is {value!r}; it must be a text or a list of texts."
                )
        elif key not in CONNECTION:
            reading.refuse(
                Unsupported(
                    reading.where,
                    f"{key!r} of the provider {kind}",
                    "changes the answers and is not supported",
                )
            )
    model, is_chat = _model(kind, rest, config, said, reading)
    return Provider(name, settings, model, is_chat, _labels(said, reading), said.get("transform"))


def _labels(said: Mapping[str, Any], reading: Reading) -> tuple[str, ...] | None:
    labels = said.get("prompts")
    if labels is None:
        return None
    if not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        raise InputError(
            f"{reading.where}: a provider's prompts is {labels!r}; it must be a list of the prompts' labels."
        )
    return tuple(labels)


def _model(
    kind: str, rest: str, config: Mapping[str, Any], said: Mapping[str, Any], reading: Reading
) -> tuple[str | None, bool | None]:
    """The model string of an OpenAI-compatible provider, and whether it answers conversations (None: it is no model of
    texts, or one of which that is not known)."""
    own = {**reading.env, **mapping(said.get("env"), f"{reading.where}: a provider's env")}

    def named(*variables: str) -> str | None:
        """What the environment says: the file's before the system's, whichever variable it is (getApiUrl)."""
        given = (env.get(one) for env in (own, os.environ) for one in variables)
        return next((value for value in given if value), None)

    api, _, name = rest.partition(":")
    base = config.get("apiBaseUrl")
    if kind == "openai":
        if api in ("chat", "completion"):
            is_chat = api == "chat"
        elif api in NO_TEXT:
            return None, api == "responses" or None
        else:
            name, is_chat = rest, rest not in COMPLETION_MODELS
        if host := config.get("apiHost") or named("OPENAI_API_HOST"):
            base = f"https://{host}/v1"
        base = base or named("OPENAI_API_BASE_URL", "OPENAI_BASE_URL") or "https://api.openai.com/v1"
    elif kind in LOCAL:
        is_chat = api != "completion"
        name = name if api in ("chat", "completion") else rest
        variable, usual = LOCAL[kind]
        base = base or named(variable) or usual
        # promptfoo asks Ollama in its own language; retort asks it at its OpenAI-compatible address.
        if kind == "ollama" and not str(base).rstrip("/").endswith("/v1"):
            base = f"{str(base).rstrip('/')}/v1"
    else:
        # Another service, which --model has to stand in for; what matters is whether its prompts are conversations.
        is_chat = (
            kind not in ("llama", "replicate", "huggingface") and ":completion:" not in f"{kind}:{rest}:"
        )
        return None, (is_chat and "embedding" not in rest) or None
    if not isinstance(base, str) or not base.startswith(("http://", "https://")) or not name:
        raise InputError(
            f"{reading.where}: the provider {kind}:{rest} has no usable address ({base!r}) or no model's name."
        )
    return f"{base.rstrip('/')}#{name}", is_chat


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


def _budget(settings: list[Mapping[str, Any]], repeat: Any, where: str) -> Budget:
    """What the providers' settings ask to be compared: temperatures, of one chain, or whole chains where they truncate
    differently."""
    temperatures = [one["temperature"] for one in settings if one.get("temperature") is not None]
    try:
        asked = BudgetRow(samples=repeat, temperatures=temperatures)
    except ValidationError as error:
        raise InputError(f"{where}: the providers: {from_pydantic(error, where, BudgetRow)}") from None
    # Chains that are equal but for their temperature are one chain, swept over temperatures; any other difference makes
    # each provider's chain a setting of its own, with its own temperature in it.
    shaping = [{name: value for name, value in one.items() if name in SHAPING} for one in settings]
    try:
        chains = [SamplingParams.from_dict(one).resolved_chain for one in shaping]
    except InputError as problem:
        raise InputError(f"{where}: a provider's config: {problem}") from None
    if len({str(chain.at_temperature(1)) for chain in chains}) > 1:
        return Budget(asked.samples, chains=tuple(dict.fromkeys(chains)))
    shared = tuple(chain for chain in chains[:1] if any(stage.name != "temperature" for stage in chain))
    return Budget(asked.samples, temperatures=tuple(sorted(set(asked.temperatures))), chains=shared)
