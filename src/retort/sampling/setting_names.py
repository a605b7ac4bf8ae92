"""The names by which other engines call our settings, and what each of their shapes means here.

Read from transformers' GenerationConfig, vLLM's and SGLang's SamplingParams, llama.cpp's server and command line,
mlx-lm's make_sampler and make_logits_processors, and OpenAI's API reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retort.chain.engines import LLAMA_CPP_SAMPLERS, TRUNCATIONS
from retort.errors import InputError, did_you_mean
from retort.sources.load import DRY_STRINGS

ALIASES: dict[str, str] = {
    "temp": "temperature",
    "nucleus": "top_p",
    "typ": "typical_p",
    "typ_p": "typical_p",
    "typical": "typical_p",
    "top_nsigma": "top_n_sigma",
    "dynatemp_exp": "dynatemp_exponent",
    "mirostat_ent": "mirostat_tau",
    "mirostat_lr": "mirostat_eta",
    "min_tokens_to_keep": "min_keep",
    "repeat_penalty": "repetition_penalty",
    "repeat_last_n": "penalty_last_n",
    "repetition_context_size": "penalty_last_n",
    "bad_words_ids": "bad_words",
    "min_new_tokens": "min_tokens",
    "allowed_token_ids": "allowed_tokens",
    "eos_token_id": "end_ids",
    "stop_token_ids": "end_ids",
    "sampling_seed": "seed",
    "max_new_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "n_predict": "max_tokens",
    "num_predict": "max_tokens",
    "predict": "max_tokens",
    "stop_strings": "stop",
    "stop_sequences": "stop",
}
"""Another engine's name → ours, where the values mean the same."""

EXAMPLE = 'for example: temperature=0.8,top_k=50, or {"temperature": 0.8, "top_k": 50}'

UNSET: dict[str, tuple[Any, ...]] = {
    "seed": (-1,),
    "min_keep": (0,),
    "max_tokens": (-1, -2, 0),
    "repetition_penalty": (0, 0.0),
    "xtc_special_tokens": ([],),
}
"""Values by which an engine says that it was not told, beside None: ours then keeps its default."""

WITHOUT: dict[str, tuple[Any, ...]] = {
    "num_beams": (1,),
    "num_beam_groups": (1,),
    "diversity_penalty": (0.0,),
    "length_penalty": (1.0,),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1.0,),
    "guidance_scale": (1.0,),
    "min_length": (0,),
    "penalty_alpha": (0.0,),
    "exponential_decay_length_penalty": (),
    "begin_suppress_tokens": ([],),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
    "ignore_eos": (False,),
    "penalize_nl": (False,),
    "tfs_z": (1.0,),
}
"""Settings that retort has no transform for → the values with which they do nothing, and so may be given."""

IRRELEVANT = frozenset(
    (
        # how many texts, and what comes back with them
        "n", "best_of", "num_return_sequences", "stream", "stream_options", "echo", "logprobs", "top_logprobs",
        "prompt_logprobs", "n_probs", "post_sampling_probs", "return_tokens", "timings_per_token", "detokenize",
        "skip_special_tokens", "spaces_between_special_tokens", "clean_up_tokenization_spaces", "output_kind",
        "include_stop_str_in_output", "no_stop_trim", "return_dict_in_generate", "output_scores", "output_logits",
        "output_attentions", "output_hidden_states", "response_format", "user", "model", "metadata", "store",
        # how much of the prompt is kept, and how the machine works
        "num_keep", "n_keep", "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "use_mlock",
        "low_vram", "numa", "n_discard", "id_slot", "cache_prompt", "t_max_predict_ms", "t_max_prompt_ms", "n_indent",
        "use_cache", "cache_implementation", "truncate_prompt_tokens", "priority", "keep_alive", "max_length",
        "max_time", "renormalize_logits", "remove_invalid_values", "low_memory", "max_matching_ngram_size",
        # what a file says of itself
        "_from_model_config", "_name_or_path", "transformers_version", "bos_token_id", "pad_token_id",
        "decoder_start_token_id", "is_assistant", "chat_format", "generation_settings",
    )
)  # fmt: skip
"""Names in requests and files that shape no distribution: read, and said to be so (`irrelevant`)."""

INSTEAD = {
    "min_length": "give the generated tokens alone, as min_tokens",
}
"""What to do instead."""


def irrelevant(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in these settings that shape no distribution, in the order given."""
    return tuple(str(name) for name in settings if _written(name) in IRRELEVANT)


def read_names(settings: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """`settings` under our names (`known`), without values that mean "not told" and names that are irrelevant.

    llama.cpp's `samplers` stay, as a tuple, where they are another order than its default. Raises InputError.
    """
    known = list(known)
    named: dict[str, Any] = {}
    greedy = False
    scopes: dict[str, Any] = {}
    for key, value in settings.items():
        written = _written(key)
        if written in IRRELEVANT:
            continue
        if written in WITHOUT:
            _check_without(written, value)
            continue
        if written == "do_sample":
            greedy = _is_greedy(value)
            continue
        if written in ("presence_context_size", "frequency_context_size"):
            scopes[written] = value
            continue
        if written == "samplers":
            # The default order, written out, says no more than the engine's name does.
            if value is not None and _sampler_names(value) != tuple(LLAMA_CPP_SAMPLERS):
                named["samplers"] = _sampler_names(value)
            continue
        if written == "dry_sequence_breakers":
            _check_breakers(value, settings)
            continue
        if written in SHAPES:
            name, value = SHAPES[written](value)
        else:
            name = ALIASES.get(written, written)
        if name not in known:
            near = did_you_mean(written, [*known, *ALIASES, *SHAPES, "do_sample", "samplers"])
            raise InputError(f"unknown sampling setting {key!r}{near}; known are: {', '.join(known)}")
        if value is None or (not isinstance(value, bool) and value in UNSET.get(name, ())):
            continue
        if name in named:
            raise InputError(f"the sampling setting {name} is given twice (again as {key!r}); give it once")
        named[name] = value
    _check_scopes(scopes, named)
    if not greedy:
        return named
    # transformers takes the most likely token then, whatever the temperature and the truncations say.
    return {
        **{name: value for name, value in named.items() if name not in TRUNCATIONS},
        "temperature": 0.0,
    }


def _written(name: Any) -> str:
    return str(name).strip().lower().replace("-", "_")


def _sampler_names(value: Any) -> tuple[str, ...]:
    """llama.cpp's samplers: a list of names, or a text with `;` between them."""
    names = value.split(";") if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise InputError(f"samplers must be a list of names, such as ['top_k', 'temperature'], got {value!r}")
    return tuple(
        "typ_p" if name.strip() in ("typical_p", "typical") else name.strip()
        for name in names
        if name.strip()
    )


def _check_breakers(value: Any, settings: Mapping[str, Any]) -> None:
    """Texts that end what DRY sees need a tokenizer: they may be given where DRY is off, or be llama.cpp's default."""
    on = next((amount for name, amount in settings.items() if _written(name) == "dry_multiplier"), None)
    if not on or not value or tuple(value) == DRY_STRINGS:
        return
    raise InputError(
        f"retort has no dry_sequence_breakers, got {value!r}; only None or [] may be given: give the token ids, as "
        "dry_breakers"
    )


def _check_scopes(scopes: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    """mlx-lm has a size for each penalty; retort has one scope, so the sizes of penalties that are on must agree."""
    for name, size in scopes.items():
        penalty = name.replace("_context_size", "_penalty")
        if named.get(penalty) and size not in (None, named.get("penalty_last_n", 20)):
            raise InputError(
                f"{name} must be that of repetition_context_size ({named.get('penalty_last_n', 20)}), got {size!r}; "
                "retort looks equally far back for all penalties (penalty_last_n)"
            )


def parse_settings(text: str) -> dict[str, Any]:
    """Settings written as `temperature=0.8, top_k=50` or as a JSON object, under the names they were given.

    A value is read as JSON where it is JSON, else as text; a comma inside brackets or braces does not part settings.
    Raises InputError.
    """
    text = text.strip()
    if text.startswith("{"):
        try:
            return dict(json.loads(text))
        except json.JSONDecodeError as problem:
            raise InputError(f"the settings are not JSON ({problem}); {EXAMPLE}") from None
    settings: dict[str, Any] = {}
    for part in _parts(text):
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"a setting is written name=value, got {part.strip()!r}; {EXAMPLE}")
        if name.strip() in settings:
            raise InputError(f"the setting {name.strip()} is given twice; give it once")
        try:
            settings[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            settings[name.strip()] = value.strip()
    return settings


def _parts(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts if text else []


def _check_without(name: str, value: Any) -> None:
    if value is None or value in WITHOUT[name]:
        return
    harmless = "".join(f" or {neutral!r}" for neutral in WITHOUT[name])
    instead = INSTEAD.get(name, "leave it out")
    raise InputError(f"retort has no {name}, got {value!r}; only None{harmless} may be given: {instead}")


def _is_greedy(do_sample: Any) -> bool:
    if do_sample not in (True, False, None):
        raise InputError(f"do_sample must be true or false, got {do_sample!r}")
    return do_sample is False


def _sequence_bias(value: Any) -> tuple[str, Any]:
    """transformers: a bias for each sequence of ids, as a mapping of tuples or as pairs; ours is for single tokens."""
    if value is None:
        return "logit_bias", None
    biases = {}
    for sequence, bias in value.items() if isinstance(value, Mapping) else value:
        if len(sequence) != 1:
            raise InputError(
                f"sequence_bias supports sequences of one token only, got one of {len(sequence)}; "
                "retort biases single tokens (bad_words forbids sequences)"
            )
        biases[sequence[0]] = bias
    return "logit_bias", biases


def _suppress_tokens(value: Any) -> tuple[str, Any]:
    """transformers: ids that may never come; ours are bad words of one token."""
    return "bad_words", None if value is None else [[token] for token in value]


SHAPES: dict[str, Callable[[Any], tuple[str, Any]]] = {
    "sequence_bias": _sequence_bias,
    "suppress_tokens": _suppress_tokens,
}
"""Another engine's name → how its value becomes one of ours."""
