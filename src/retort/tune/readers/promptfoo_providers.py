"""A promptfoo configuration's providers: the settings that they ask for, and the models that retort can ask itself.

In: `providers` (or `targets`) as they are written. Out: a `Provider` each. Its settings are under our names; its model
is a model string where the provider is OpenAI-compatible, and None where --model has to say what to ask.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from pydantic import ValidationError

from retort.errors import InputError, from_pydantic
from retort.sampling.params import SamplingParams
from retort.tune.budget import Budget, BudgetRow
from retort.tune.readers.obstacles import Unsupported
from retort.tune.readers.reading import Reading, listed, mapping

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


@dataclass(frozen=True)
class Provider:
    """One of `providers`: its settings under our names, and the model string where retort can ask it."""

    id: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    is_chat: bool | None = None
    prompts: tuple[str, ...] | None = None
    transform: str | None = None


def read_providers(record: Mapping[str, Any], reading: Reading) -> list[Provider]:
    """The providers of a configuration, without those that are refused."""
    found = []
    for name, said in _as_written(record.get("providers", record.get("targets")), reading):
        with reading.noted():
            found.append(_provider(name, said, reading))
    return found


def _as_written(value: Any, reading: Reading) -> list[tuple[str, Mapping[str, Any]]]:
    """Every provider's id and what is said of it, whichever way it is written: `NAME`, `{id: NAME, …}`, `{NAME: {…}}`,
    or a file with these."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for one in listed(value):
        if isinstance(one, str) and one.startswith("file://") and one.endswith((".yaml", ".yml", ".json")):
            found += _as_written(reading.load(one, reading.where), reading)
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


def _provider(name: str, said: Mapping[str, Any], reading: Reading) -> Provider:
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
    transform = said.get("transform")
    if not isinstance(transform, (str, NoneType)):
        raise InputError(f"{reading.where}: a provider's transform is {transform!r}; it must be a text.")
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
    return Provider(name, settings, model, is_chat, _labels(said, reading), transform)


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


def budget_of(settings: list[Mapping[str, Any]], repeat: Any, where: str) -> Budget:
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
