"""From the MODEL string that a user types to a source."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, cast

from retort.errors import InputError, SourceError
from retort.sources.base import Source
from retort.sources.model_folder import GGUF_ENDING, check_gguf, read_generation_config, sampling_settings

Model = str | Path | Source | tuple[Any, Any]
"""A MODEL string, a path, an open source, or (model, tokenizer) of transformers: what every verb takes."""

SCHEME = re.compile(r"([a-z][a-z0-9_+-]+):(.*)", re.DOTALL)  # two letters at least: C:\ is a folder

ALLOWED = (
    "embedded:NAME (see `retort models`), logits:FILE, recorded:FILE, http://host:port/v1#name, openai:NAME, "
    "anthropic:NAME, gemini:NAME, any-llm:PROVIDER/NAME, a local model folder, a .gguf file, "
    "or a hub id such as org/model"
)


def load(
    model: Any,
    tokenizer: Any = None,
    *,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    endpoint: str | None = None,
) -> Source:
    """The source that a MODEL string names, or of a model and its tokenizer in memory: `load(model, tokenizer)`.

    A path is the same as its text, the pair `(model, tokenizer)` the same as both, and a source is returned as it is.

    `embedded:NAME` comes with the package, `logits:FILE` is a JSON file with one row, `http(s)://host:port/v1#name`
    is a model on an OpenAI-compatible server (`chat+http://…` or `completions+http://…` says its endpoint),
    `openai:NAME` is OpenAI's own or that at OPENAI_BASE_URL, `anthropic:NAME`, `gemini:NAME` and
    `any-llm:PROVIDER/NAME` give answers without a distribution, `recorded:FILE` holds what was recorded earlier,
    `llama-cpp:FILE.gguf` is computed by llama.cpp, and anything without a scheme is a local folder, a GGUF file or
    a hub id for transformers, for which alone two options count: `trust_remote_code` runs the Python files of the
    model's repository, `allow_pickle` opens weights that are not safetensors. `endpoint` is "chat" or "completions"
    for a model on a server. Raises SourceError for what cannot be loaded and MissingExtraError where a library is
    not installed.
    """
    if isinstance(model, tuple) and len(model) == 2 and tokenizer is None:
        model, tokenizer = model
    if tokenizer is not None:
        return _in_memory(model, tokenizer)
    if isinstance(model, PathLike):
        model = str(model)
    if isinstance(model, Source):
        return model
    if not isinstance(model, str):
        raise InputError(
            f"A model is a MODEL string, a path, or a model with its tokenizer, got {type(model).__name__}; "
            "give retort.load(model, tokenizer)."
        )
    if endpoint is not None:
        if not model.startswith(("http:", "https:")):
            raise InputError(f"endpoint is {endpoint!r}, and {model} is not a model on a server.")
        model = f"{endpoint}+{model}"
    matched = SCHEME.fullmatch(model)
    if matched is None:
        if not model.strip():
            raise SourceError(f"The model's name is empty; give {ALLOWED}.")
        if model.lower().endswith(GGUF_ENDING):
            from retort.sources.gguf import open_gguf

            return open_gguf(model)
        from retort.sources.transformers import TransformersSource

        return TransformersSource(model, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle)
    return _of_scheme(model, *matched.groups())


def _of_scheme(model: str, scheme: str, rest: str) -> Source:
    """The source of `scheme:rest`. Each file is imported for its own scheme alone: some bring slow libraries."""
    match scheme:
        case "embedded":
            from retort.sources.embedded import load_embedded

            return load_embedded(rest)
        case "logits":
            from retort.sources.logits_file import load_logits_file

            return load_logits_file(rest)
        case "recorded":
            from retort.sources.recording import load_recorded

            return load_recorded(rest)
        case "llama-cpp":
            from retort.sources.embedded import smollm2_file
            from retort.sources.llama_cpp import LlamaCppSource

            return LlamaCppSource(str(smollm2_file()) if rest == "embedded:smollm2" else rest)
        case "openai":
            from retort.sources.server.source import ServerSource

            return ServerSource(f"{os.environ.get('OPENAI_BASE_URL') or 'https://api.openai.com/v1'}#{rest}")
        case "anthropic" | "gemini" | "any-llm":
            from retort.sources.server.providers import ProviderSource

            provider, _, name = rest.partition("/") if scheme == "any-llm" else (scheme, "", rest)
            return ProviderSource(provider, name)
    endpoint, _, plain = scheme.rpartition("+")  # chat+https://host/v1#name
    if plain in ("http", "https") and endpoint in ("", "chat", "completions"):
        from retort.sources.server.source import ServerSource

        return ServerSource(f"{plain}:{rest}", endpoint=endpoint or None)
    raise SourceError(f"{model} begins with the unknown scheme '{scheme}:'; give {ALLOWED}.")


def own_settings(model: str | Source) -> dict[str, Any] | None:
    """The sampling settings that a model brings along, for `Chain.like(…, model_defaults=…)`; None where it has none.

    A source has read them (`generation_defaults`). Of a MODEL string they are read without its weights: a folder's
    generation_config.json, or a GGUF file's `general.sampling.*`. Raises SourceError for a file that is damaged.
    """
    if not isinstance(model, str):
        return getattr(model, "generation_defaults", None) or None
    if not Path(model).exists():
        return None
    if model.lower().endswith(GGUF_ENDING):
        from retort.sources.gguf import parse, sampling_defaults

        return sampling_defaults(parse(check_gguf(model))) or None
    return sampling_settings(read_generation_config(Path(model))) or None


DRY_STRINGS = ("\n", ":", '"', "*")
"""llama.cpp's default sequence breakers of DRY."""


def with_breakers(settings: Mapping[str, Any], engine: str, source: Source) -> dict[str, Any]:
    """`settings` with llama.cpp's breakers as `dry_breakers`, where DRY is on there and nobody gave any.

    A repetition that DRY sees ends at a text there, and a chain knows tokens alone: so they are those of `source`.
    """
    on = engine == "llama.cpp" and settings.get("dry_multiplier") and "dry_breakers" not in settings
    return {**settings, **({"dry_breakers": dry_breakers(source)} if on else {})}


def dry_breakers(source: Source, strings: Sequence[str] = DRY_STRINGS) -> tuple[Any, ...]:
    """The tokens at which llama.cpp ends what DRY sees (its get_overlapping_token_sequences).

    Every token whose text holds one of `strings`; and, for one that a token's end begins, that token followed by the
    tokens of the rest, as a tuple of ids.
    """
    found: dict[Any, None] = {}
    for token in range(source.vocab_size):
        if token in source.end_ids:
            continue
        text = source.decode([token])
        for string in strings:
            if string in text:
                found[token] = None
                continue
            for size in range(1, len(string)):
                if text.endswith(string[:size]):
                    rest = source.encode(string[size:])
                    found[(token, *(one for one in rest if source.decode([one])))] = None
    return tuple(found)


def opened(model: Model) -> Source:
    """The source of a model that is named, or the one that is open already."""
    return cast(Source, model) if hasattr(model, "capability") else load(cast(Any, model))


def _in_memory(model: Any, tokenizer: Any) -> Source:
    from retort.sources.transformers import TransformersSource

    if not hasattr(model, "config") or not callable(model) or not callable(tokenizer):
        raise InputError(
            f"retort.load(model, tokenizer) takes a causal model of transformers and its tokenizer, got "
            f"{type(model).__name__} and {type(tokenizer).__name__}."
        )
    return TransformersSource.of(model, tokenizer)
