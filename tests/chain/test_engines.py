"""Presets: each engine's order, ties, readings and defaults, and what it does not apply."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort.chain import Chain
from retort.chain.engines import ENGINES, find_engine, settings_of
from retort.distribution import softmax
from retort.errors import InputError
from retort.sampling import SamplingParams
from retort.transforms import TRANSFORMS, Context

PLAIN = {"temperature": 0.8, "top_k": 50, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.2}

ORDERS = {
    "transformers": "repetition_penalty=1.2 | temperature=0.8 | top_k(50, ties=all) | top_p(0.9, ties=highest) | "
    "min_p=0.05",
    "vllm": "repetition_penalty=1.2 | temperature=0.8 | min_p=0.05 | top_k=50 | top_p=0.9",
    "sglang": "repetition_penalty(1.2, scope=output) | temperature=0.8 | top_k(50, ties=all) | top_p(0.9, ties=all) | "
    "min_p=0.05",
    "llama.cpp": "repetition_penalty(1.2, scope=last:64) | top_k=50 | top_p=0.9 | min_p=0.05 | temperature=0.8",
    "mlx-lm": "repetition_penalty(1.2, scope=last:20) | top_p(0.9, ties=all) | min_p=0.05 | top_k=50 | "
    "temperature=0.8",
    "ollama": "repetition_penalty(1.2, scope=last:64) | top_k=50 | temperature=0.8 | top_p=0.9 | min_p=0.05",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_flags_in_each_engine(engine: str) -> None:
    params = SamplingParams(**PLAIN)
    assert str(Chain.like(engine, params)) == ORDERS[engine]
    assert Chain.like(engine, PLAIN) == Chain.like(engine, params) == Chain.parse(ORDERS[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_every_name_in_an_order_and_a_quirk_is_a_transforms(engine: str) -> None:
    row = ENGINES[engine]
    for settings in ({}, {"mirostat": 2}, {"min_p": 0.1}):
        order = row.order(settings)
        assert set(order) <= set(TRANSFORMS)
        assert len(set(order)) == len(order)
    for name, quirks in row.quirks.items():
        assert {TRANSFORMS[name].parameter(quirk).name for quirk in quirks} == set(quirks)
    assert row.unread(row.defaults) == ()


def test_sglang_takes_top_k_and_top_p_of_one_distribution_unless_min_p_is_set() -> None:
    """Of 0.4 0.3 0.2 0.1: the nucleus of 0.5 holds two tokens, of the first two renormalised one."""
    row = np.log([0.4, 0.3, 0.2, 0.1])
    joint = Chain.like("sglang", {"top_k": 2, "top_p": 0.5})
    renormalised = Chain.like("sglang", {"top_k": 2, "top_p": 0.5, "min_p": 0.001})
    assert str(joint) == "top_p(0.5, ties=all) | top_k(2, ties=all)"
    assert np.isfinite(joint.apply(row)).sum() == 2
    assert np.isfinite(renormalised.apply(row)).sum() == 1


def test_llama_cpp_with_mirostat_applies_nothing_else() -> None:
    settings = {"mirostat": 2, "temperature": 0.7, "top_k": 40, "repetition_penalty": 1.1}
    with pytest.raises(
        InputError, match=r"llama\.cpp does not apply top_k, repetition_penalty here; leave them out"
    ):
        Chain.like("llama.cpp", settings)
    spec = "temperature=0.7 | mirostat(version=2, tau=5, eta=0.1, surprise=kept)"
    assert str(Chain.like("llama.cpp", settings, drop=True)) == spec


def test_llama_cpp_dynamic_temperature_takes_the_temperatures_place() -> None:
    chain = Chain.like("llama.cpp", {"temperature": 0.8, "dynatemp_range": 0.3, "min_p": 0.1})
    assert str(chain) == "min_p=0.1 | dynatemp(range=0.3, exponent=1, temperature=0.8)"


@pytest.mark.parametrize(
    ("engine", "settings", "spec"),
    [
        ("vllm", {"temperature": 0.005}, "temperature=0.01"),
        ("vllm", {"temperature": 0.0}, "temperature=0"),
        ("vllm", {"logit_bias": {3: -1000, 4: 7}}, "logit_bias(3: -100, 4: 7)"),
        ("vllm", {"bad_words": [[5, 6]]}, "bad_words([5 6], scope=output)"),
        ("sglang", {"temperature": 1e-7}, "temperature=0"),
        ("sglang", {"temperature": 0.005}, "temperature=0.005"),
        ("mlx-lm", {"top_p": 0.0}, ""),
        ("llama.cpp", {"top_p": 0.0}, "top_p=0"),
        ("transformers", {"bad_words": [[2], [3, 2]], "end_ids": 2}, "bad_words([3 2])"),
        ("transformers", {"bad_words": [[2]], "end_ids": (2,)}, ""),
        ("transformers", {"top_h": 0.5}, "top_h(0.5, entropy=summed, among=100)"),
        ("llama.cpp", {"top_p": 0.5, "min_keep": 3}, "top_p(0.5, min_keep=3)"),
        ("mlx-lm", {"min_p": 0.5, "top_p": 0.5, "min_keep": 3}, "top_p(0.5, ties=all) | min_p(0.5, min_keep=3)"),
        ("llama.cpp", {"presence_penalty": 1, "penalty_scope": "all"}, "presence_penalty(1, scope=all)"),
        ("mlx-lm", {"presence_penalty": 1, "penalty_scope": "last:9"}, "presence_penalty(1, scope=last:9)"),
        ("vllm", {"presence_penalty": 1, "penalty_scope": "output"}, "presence_penalty=1"),
        (
            "vllm",
            {"repetition_penalty": 1.2, "presence_penalty": 1, "frequency_penalty": 2},
            "repetition_penalty=1.2 | frequency_penalty=2 | presence_penalty=1",
        ),
        (
            "sglang",
            {"repetition_penalty": 1.2, "presence_penalty": 1, "frequency_penalty": 2},
            "frequency_penalty=2 | presence_penalty=1 | repetition_penalty(1.2, scope=output)",
        ),
        (
            "mlx-lm",
            {"repetition_penalty": 1.2, "presence_penalty": 1, "frequency_penalty": 2},
            "repetition_penalty(1.2, scope=last:20) | presence_penalty(1, scope=last:20) | "
            "frequency_penalty(2, scope=last:20)",
        ),
    ],
)  # fmt: skip
def test_readings(engine: str, settings: dict[str, Any], spec: str) -> None:
    assert str(Chain.like(engine, settings)) == spec


@pytest.mark.parametrize(
    ("engine", "settings", "unread"),
    [
        ("vllm", {"typical_p": 0.9, "top_k": 3}, ("typical_p",)),
        ("transformers", {"xtc_probability": 0.5, "xtc_threshold": 0.1}, ("xtc_probability", "xtc_threshold")),
        ("transformers", {"top_p": 0.5, "min_keep": 2}, ("min_keep",)),
        ("mlx-lm", {"top_p": 0.5, "min_keep": 2}, ("min_keep",)),
        ("transformers", {"repetition_penalty": 1.2, "penalty_scope": "output"}, ("penalty_scope",)),
        ("llama.cpp", {"repetition_penalty": 1.2, "penalty_scope": "output"}, ("penalty_scope",)),
        ("mlx-lm", {"repetition_penalty": 1.2, "penalty_scope": "all"}, ("penalty_scope",)),
        ("transformers", {"repetition_penalty": 1.2, "penalty_scope": "all"}, ()),
        ("sglang", {"bad_words": [[1]], "allowed_tokens": [2]}, ("bad_words", "allowed_tokens")),
        ("mlx-lm", {"min_tokens": 3, "end_ids": [2]}, ("min_tokens", "end_ids")),
        ("transformers", {"typical_p": None, "xtc_probability": None}, ()),
    ],
)  # fmt: skip
def test_what_an_engine_does_not_apply(
    engine: str, settings: dict[str, Any], unread: tuple[str, ...]
) -> None:
    assert find_engine(engine).unread(settings) == unread
    if unread:
        with pytest.raises(InputError, match=f"{engine} does not apply {', '.join(unread)} here"):
            Chain.like(engine, settings)
    left = {name: value for name, value in settings.items() if name not in unread}
    assert Chain.like(engine, settings, drop=True) == Chain.like(engine, left)


@pytest.mark.parametrize("engine", ENGINES)
def test_defaults_fill_in_what_was_not_said(engine: str) -> None:
    assert len(Chain.like(engine, {})) == 0
    filled = Chain.like(engine, {}, defaults=True)
    assert settings_of(ENGINES[engine].defaults) == {
        stage.transform.main.setting: stage.value for stage in filled
    }


def test_llama_cpps_defaults_and_how_to_switch_one_off() -> None:
    assert (
        str(Chain.like("llama.cpp", {}, defaults=True))
        == "top_k=40 | top_p=0.95 | min_p=0.05 | temperature=0.8"
    )
    switched = Chain.like("llama.cpp", {"top_k": None, "temperature": 1.5}, defaults=True)
    assert str(switched) == "top_p=0.95 | min_p=0.05 | temperature=1.5"


@pytest.mark.parametrize("engine", ENGINES)
def test_temperature_0_is_the_most_likely_token(engine: str) -> None:
    chain = Chain.like(engine, {**PLAIN, "temperature": 0})
    kept = np.flatnonzero(
        chain.apply(np.array([1.0, 3.0, 3.0, 2.0]), context=Context([[0]], [0])) > -math.inf
    )
    assert kept.tolist() == [1]
    if engine != "llama.cpp":
        assert not any(stage.transform.truncates for stage in chain)


def test_ties_at_the_kth_place() -> None:
    row = np.array([0.0, 1.0, 1.0, 1.0])
    kept = {
        engine: np.flatnonzero(Chain.like(engine, {"top_k": 2}).apply(row) > -math.inf).tolist()
        for engine in ENGINES
    }
    assert kept["llama.cpp"] == kept["mlx-lm"] == kept["vllm"] == kept["ollama"] == [1, 2]
    assert kept["transformers"] == kept["sglang"] == [1, 2, 3]


@given(
    st.sampled_from(sorted(ENGINES)),
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 3),
            "top_k": st.integers(-1, 20),
            "top_p": st.floats(0, 1),
            "min_p": st.floats(0, 1),
            "typical_p": st.floats(0, 1),
            "repetition_penalty": st.floats(0.5, 2),
            "presence_penalty": st.floats(-2, 2),
            "logit_bias": st.dictionaries(st.integers(0, 7), st.floats(-5, 5)),
        },
    ),
)
def test_every_preset_can_be_written_read_and_applied(engine: str, settings: dict[str, Any]) -> None:
    params, said = SamplingParams.said(settings)
    chain = Chain.like(engine, said, drop=True)
    assert Chain.parse(str(chain)) == chain
    result = chain.apply(np.linspace(-2, 2, 8), context=Context([[0, 1, 1]], [1]))
    assert (result > -math.inf).any()
    if "temperature" in settings:
        assert Chain.like(engine, params, drop=True) == chain


def test_names_of_engines() -> None:
    assert find_engine("llama_cpp") is find_engine("LLAMA.CPP") is ENGINES["llama.cpp"]
    assert find_engine("mlx_lm") is find_engine("mlx") is ENGINES["mlx-lm"]
    with pytest.raises(
        InputError, match=r"unknown engine 'vlm' \(did you mean vllm\?\); known are: transformers, vllm"
    ):
        find_engine("vlm")


def test_a_chain_is_the_same_everywhere() -> None:
    for params in (SamplingParams(chain=Chain("top_k=2")), {"chain": "top_k=2"}):
        with pytest.raises(InputError, match="a chain says its own order"):
            Chain.like("vllm", params)


FILE = {
    "_from_model_config": True,
    "bos_token_id": 0,
    "do_sample": True,
    "temperature": 0.6,
    "top_k": 20,
    "top_p": 0.95,
}


@pytest.mark.parametrize(
    ("engine", "with_file", "without"),
    [
        (
            "transformers",
            "temperature=0.6 | top_k(20, ties=all) | top_p(0.95, ties=highest)",
            "temperature=0",
        ),
        ("vllm", "temperature=0.6 | top_k=20 | top_p=0.95", "temperature=1"),
        ("sglang", "temperature=0.6 | top_p(0.95, ties=all) | top_k(20, ties=all)", "temperature=1"),
        (
            "llama.cpp",
            "top_k=40 | top_p=0.95 | min_p=0.05 | temperature=0.8",
            "top_k=40 | top_p=0.95 | min_p=0.05 | temperature=0.8",
        ),
        ("mlx-lm", "temperature=0", "temperature=0"),
        ("ollama", "top_k=40 | temperature=0.8 | top_p=0.9", "top_k=40 | temperature=0.8 | top_p=0.9"),
    ],
)
def test_a_models_own_settings_are_what_the_engine_takes(engine: str, with_file: str, without: str) -> None:
    assert str(Chain.like(engine, {}, model_defaults=FILE)) == with_file
    assert str(Chain.like(engine, {}, defaults=True)) == without


def test_transformers_samples_only_if_asked() -> None:
    file = {"temperature": 0.6, "top_p": 0.9}
    assert str(Chain.like("transformers", {}, model_defaults=file)) == "temperature=0"
    hot = Chain.like("transformers", {"temperature": 0.7}, model_defaults=file)
    assert str(hot) == "temperature=0.7 | top_k(50, ties=all) | top_p(0.9, ties=highest)"


def test_llama_cpp_takes_a_gguf_files_settings() -> None:
    metadata = {
        "general.name": "x",
        "general.sampling.temp": np.float32(0.6).item(),
        "general.sampling.top_k": 20,
    }
    spec = "top_k=20 | top_p=0.95 | min_p=0.05 | temperature=0.6"
    assert str(Chain.like("llama.cpp", {}, model_defaults=metadata)) == spec
    ordered = {**metadata, "general.sampling.sequence": "temperature;top_k"}
    assert str(Chain.like("llama.cpp", {}, model_defaults=ordered)) == "temperature=0.6 | top_k=20"
    assert str(Chain.like("vllm", {}, model_defaults=metadata)) == "temperature=1"


def test_llama_cpp_applies_its_samplers_in_their_order() -> None:
    settings = {"temperature": 0.5, "top_k": 3, "adaptive_target": 0.3}
    assert str(Chain.like("llama.cpp", settings)) == "top_k=3 | temperature=0.5"
    said = find_engine("llama.cpp").idle(settings)
    assert said == ("adaptive_target does nothing in llama.cpp unless samplers names adaptive_p.",)
    named = {**settings, "samplers": ["temperature", "adaptive_p", "top_k"]}
    assert (
        str(Chain.like("llama.cpp", named)) == "temperature=0.5 | top_k=3 | adaptive_p(target=0.3, decay=0.9)"
    )
    with pytest.raises(InputError, match="no sampler 'topk'"):
        Chain.like("llama.cpp", {"samplers": ["topk"]})


def test_llama_cpp_dry_looks_back_64_tokens() -> None:
    history = [1, 2, 3, *range(5, 75), 1, 2]
    row = Chain.like("llama.cpp", {"dry_multiplier": 1.0}).apply(
        np.zeros(100), context=Context([history], [0])
    )
    assert row[3] == 0.0


@pytest.mark.parametrize(
    ("settings", "probs", "expected"),
    [
        ({"xtc_threshold": 0.1}, [0.4, 0.3, 0.15, 0.15], [0, 0, 0.5, 0.5]),
        ({"xtc_threshold": 0.25}, [0.5, 0.25, 0.25], [0.5, 0.25, 0.25]),
        (
            {"xtc_threshold": 0.1, "xtc_special_tokens": [0]},
            [0.4, 0.3, 0.15, 0.15],
            [4 / 7, 0, 1.5 / 7, 1.5 / 7],
        ),
    ],
)
def test_mlx_lm_xtc(settings: dict[str, Any], probs: list[float], expected: list[float]) -> None:
    """apply_xtc of mlx-lm 0.32: strict threshold, all of the least likely stay, special tokens are protected."""
    chain = Chain.like("mlx-lm", {"xtc_probability": 1.0, **settings})
    assert softmax(chain.apply(np.log(probs))) == pytest.approx(expected, abs=1e-6)


def test_llama_cpp_xtc_honours_min_keep() -> None:
    row = np.log([0.4, 0.3, 0.2, 0.1])
    acts = Chain.like("llama.cpp", {"xtc_probability": 1.0, "xtc_threshold": 0.15, "min_keep": 2})
    stays = Chain.like("llama.cpp", {"xtc_probability": 1.0, "xtc_threshold": 0.15, "min_keep": 3})
    assert np.isfinite(acts.apply(row)).tolist() == [False, False, True, True]
    assert np.isfinite(stays.apply(row)).all()


@pytest.mark.parametrize(
    ("engine", "settings", "said"),
    [
        ("sglang", {"repetition_penalty": 2.1}, "sglang refuses repetition_penalty=2.1: it allows 0 to 2."),
        ("sglang", {"presence_penalty": -2.5}, "sglang refuses presence_penalty=-2.5"),
        ("sglang", {"top_p": 0.0}, "sglang refuses top_p=0.0: it allows a number above 0 and up to 1."),
        (
            "sglang",
            {"min_tokens": 100, "max_tokens": 50},
            "sglang refuses min_tokens=100 above max_tokens=50.",
        ),
        ("vllm", {"temperature": 2.1}, "vllm refuses temperature=2.1"),
        ("vllm", {"frequency_penalty": 2.1}, "vllm refuses frequency_penalty=2.1"),
        ("vllm", {"min_tokens": 100, "max_tokens": 50}, "vllm refuses min_tokens=100"),
        ("mlx-lm", {"xtc_probability": 0.5, "xtc_threshold": 0.6}, "mlx-lm refuses xtc_threshold=0.6"),
        ("llama.cpp", {"penalty_last_n": -1}, "llama.cpp refuses penalty_last_n=-1"),
        (
            "llama.cpp",
            {"dry_penalty_last_n": -1, "dry_multiplier": 0.8},
            "llama.cpp refuses dry_penalty_last_n=-1",
        ),
    ],
)
def test_what_an_engine_refuses(engine: str, settings: dict[str, Any], said: str) -> None:
    assert find_engine(engine).refused(settings)[0].startswith(said)
