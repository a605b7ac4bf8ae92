"""Other engines' names and shapes of settings, each engine's full set of defaults, and settings as text."""

from __future__ import annotations

from typing import Any

import pytest

from retort.errors import InputError
from retort.sampling import SamplingParams
from retort.sampling.setting_names import irrelevant, parse_settings

TRANSFORMERS = {
    "max_length": None, "max_new_tokens": 20, "min_length": 0, "min_new_tokens": None, "do_sample": True,
    "num_beams": 1, "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": None, "top_h": None, "typical_p": 1.0,
    "epsilon_cutoff": 0.0, "eta_cutoff": 0.0, "repetition_penalty": 1.0, "encoder_repetition_penalty": 1.0,
    "length_penalty": 1.0, "no_repeat_ngram_size": 0, "bad_words_ids": None, "sequence_bias": None,
    "suppress_tokens": None, "guidance_scale": None, "eos_token_id": [2, 3], "stop_strings": None,
}  # fmt: skip
VLLM = {
    "presence_penalty": 0.0, "frequency_penalty": 0.0, "repetition_penalty": 1.0, "temperature": 1.0, "top_p": 1.0,
    "top_k": 0, "min_p": 0.0, "seed": None, "stop": None, "stop_token_ids": None, "bad_words": None,
    "ignore_eos": False, "max_tokens": 16, "min_tokens": 0, "logit_bias": None, "allowed_token_ids": None,
}  # fmt: skip
SGLANG = {
    "max_new_tokens": 128, "stop": None, "stop_token_ids": None, "temperature": 1.0, "top_p": 1.0, "top_k": -1,
    "min_p": 0.0, "frequency_penalty": 0.0, "presence_penalty": 0.0, "repetition_penalty": 1.0, "min_new_tokens": 0,
    "ignore_eos": False, "logit_bias": None, "sampling_seed": None,
}  # fmt: skip
LLAMA_CPP = {
    "seed": -1, "temperature": 0.8, "dynatemp_range": 0.0, "dynatemp_exponent": 1.0, "top_k": 40, "top_p": 0.95,
    "min_p": 0.05, "top_n_sigma": -1.0, "xtc_probability": 0.0, "xtc_threshold": 0.1, "typ_p": 1.0,
    "repeat_last_n": 64, "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    "dry_multiplier": 0.0, "dry_base": 1.75, "dry_allowed_length": 2, "dry_penalty_last_n": -1, "mirostat": 0,
    "mirostat_tau": 5.0, "mirostat_eta": 0.1, "adaptive_target": -1.0, "adaptive_decay": 0.9, "n_predict": 64,
    "stop": [], "logit_bias": [], "min_keep": 0, "dry_sequence_breakers": None, "samplers": None,
}  # fmt: skip
MLX_LM = {
    "temp": 0.0, "top_p": 1.0, "min_p": 0.0, "min_tokens_to_keep": 1, "top_k": 0, "xtc_probability": 0.0,
    "xtc_threshold": 0.0, "logit_bias": None, "repetition_penalty": None, "repetition_context_size": 20,
    "max_tokens": 256,
}  # fmt: skip
OPENAI = {
    "temperature": None, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}, "seed": None,
    "stop": None, "max_completion_tokens": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "spec", "max_tokens"),
    [
        (TRANSFORMERS, "temperature=1 | top_k=50", 20),
        (VLLM, "temperature=1", 16),
        (SGLANG, "temperature=1", 128),
        (LLAMA_CPP, "temperature=0.8 | top_k=40 | top_p=0.95 | min_p=0.05", 64),
        (MLX_LM, "temperature=0", 256),
        (OPENAI, "temperature=1", 32),
    ],
)
def test_each_engines_defaults_are_read_whole(settings: dict[str, Any], spec: str, max_tokens: int) -> None:
    params = SamplingParams.from_dict({name: v for name, v in settings.items() if name != "max_length"})
    assert str(params.resolved_chain) == spec
    assert (params.max_tokens, params.seed, params.stop) == (max_tokens, 0, ())


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"typ_p": 0.9}, "typical_p", 0.9),
        ({"typ": 0.9}, "typical_p", 0.9),
        ({"typical": 0.9}, "typical_p", 0.9),
        ({"nucleus": 0.8}, "top_p", 0.8),
        ({"top-nsigma": 1.5}, "top_n_sigma", 1.5),
        ({"mirostat-ent": 3}, "mirostat_tau", 3.0),
        ({"mirostat-lr": 0.2}, "mirostat_eta", 0.2),
        ({"dynatemp-exp": 2}, "dynatemp_exponent", 2.0),
        ({"repeat-penalty": 1.1}, "repetition_penalty", 1.1),
        ({"repetition_context_size": 20}, "penalty_scope", "last:20"),
        ({"predict": 7}, "max_tokens", 7),
        ({"min_new_tokens": 3}, "min_tokens", 3),
        ({"bad_words_ids": [[5, 6], [7]]}, "bad_words", ((5, 6), (7,))),
        ({"suppress_tokens": [5, 6]}, "bad_words", ((5,), (6,))),
        ({"sequence_bias": {(5,): 1.5}}, "logit_bias", ((5, 1.5),)),
        ({"sequence_bias": [[[5], 1.5]]}, "logit_bias", ((5, 1.5),)),
        ({"logit_bias": [[5, False], [6, 1]]}, "logit_bias", ((5, float("-inf")), (6, 1.0))),
        ({"allowed_token_ids": [2, 1]}, "allowed_tokens", (1, 2)),
        ({"eos_token_id": 2}, "end_ids", (2,)),
        ({"stop_token_ids": [3, 2]}, "end_ids", (2, 3)),
        ({"stop_strings": ["a", "b"]}, "stop", ("a", "b")),
        ({"sampling_seed": 9}, "seed", 9),
        ({"do_sample": False, "temperature": 0.7}, "temperature", 0.0),
        ({"do_sample": True, "temperature": 0.7}, "temperature", 0.7),
    ],
)
def test_names_and_shapes(given: dict[str, Any], name: str, value: object) -> None:
    assert getattr(SamplingParams.from_dict(given), name) == value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_beams": 4}, "retort has no num_beams, got 4; only None or 1 may be given"),
        ({"no_repeat_ngram_size": 3}, "retort has no no_repeat_ngram_size"),
        ({"min_length": 5}, "as min_tokens"),
        ({"samplers": ["top_k"]}, "chain='top_k=40"),
        ({"dry_multiplier": 1, "dry_sequence_breakers": ["x"]}, "as dry_breakers"),
        ({"do_sample": "yes"}, "do_sample must be true or false"),
        ({"sequence_bias": {(5, 6): 1.0}}, "sequences of one token"),
        ({"temp": 1, "temperature": 1}, "temperature is given twice"),
        ({"repeat_penalt": 1.1}, "did you mean repeat_penalty"),
    ],
)
def test_what_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SamplingParams.from_dict(given)


def test_settings_as_text() -> None:
    expected = {
        "temperature": 0.8,
        "top_k": 50,
        "logit_bias": {"3": -1.5, "4": 2},
        "stop": "a b",
        "chain": None,
    }
    assert (
        parse_settings(' temperature = 0.8, top_k=50, logit_bias={"3": -1.5, "4": 2},stop=a b,chain=null ')
        == expected
    )
    assert parse_settings('{"temperature": 0.8, "top_k": 50}') == {"temperature": 0.8, "top_k": 50}
    assert parse_settings("bad_words=[[1, 2], [3]]") == {"bad_words": [[1, 2], [3]]}
    assert parse_settings("  ") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("temperature", "a setting is written name=value, got 'temperature'"),
        ("top_k=5,", "got ''"),
        ("=5", "got '=5'"),
        ("top_k=5,top_k=6", "top_k is given twice"),
        ("{temperature: 1}", "the settings are not JSON"),
    ],
)
def test_settings_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_settings(text)


WHOLE_REQUESTS = [
    ({"num_predict": -1, "num_keep": 4, "num_ctx": 4096, "temperature": 0.8, "top_k": 40, "top_p": 0.9,
      "typical_p": 1.0, "repeat_last_n": 64, "repeat_penalty": 1.0,
      "presence_penalty": 0.0, "frequency_penalty": 0.0, "seed": -1},
     "temperature=0.8 | top_k=40 | top_p=0.9"),
    ({"n": 1, "presence_penalty": 0.0, "repetition_penalty": 1.0, "temperature": 1.0, "top_p": 1.0, "top_k": 0,
      "min_p": 0.0, "ignore_eos": False, "max_tokens": 16, "min_tokens": 0, "skip_special_tokens": True,
      "detokenize": True}, "temperature=1"),
    ({"max_length": 20, "do_sample": False, "num_beams": 1, "temperature": 1.0, "top_k": 50, "top_p": 1.0,
      "num_return_sequences": 1, "use_cache": True}, "temperature=0"),
    ({"temperature": 0.0, "repetition_penalty": 0.0, "repetition_context_size": 20, "presence_penalty": 0.0,
      "presence_context_size": 20, "frequency_context_size": 20, "xtc_probability": 0.0, "xtc_threshold": 0.1},
     "temperature=0"),
    ({"n_predict": -1, "temperature": 0.8, "dry_sequence_breakers": ["\n", ":", "\"", "*"], "dry_multiplier": 0.0,
      "samplers": ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]},
     "temperature=0.8"),
    ({"stop_sequences": ["END"], "temperature": 1.0}, "temperature=1"),
    ({"_from_model_config": True, "bos_token_id": 0, "do_sample": True, "eos_token_id": [0, 7], "pad_token_id": 0,
      "temperature": 0.6, "top_k": 20, "top_p": 0.95, "transformers_version": "5.24.0"},
     "temperature=0.6 | top_k=20 | top_p=0.95"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "spec"), WHOLE_REQUESTS)
def test_whole_requests_are_settings(settings: dict[str, Any], spec: str) -> None:
    assert str(SamplingParams.from_dict(settings).resolved_chain) == spec


def test_what_shapes_no_distribution_is_said() -> None:
    assert irrelevant({"temperature": 1, "num_ctx": 4096, "n": 2, "bos_token_id": 1}) == (
        "num_ctx",
        "n",
        "bos_token_id",
    )


def test_k_beyond_any_vocabulary_is_all_tokens() -> None:
    for k in (2**53, 2**63 - 512, 2**63, 2**64):
        assert str(SamplingParams.from_dict({"top_k": k}).resolved_chain) == "temperature=1"


def test_the_tokens_that_xtc_protects_are_read() -> None:
    named = {"xtc_probability": 1.0, "xtc_special_tokens": [13, 2]}
    assert SamplingParams.from_dict(named).xtc_special_tokens == (2, 13)
    assert SamplingParams.from_dict({**named, "xtc_special_tokens": []}).xtc_special_tokens is None
