"""SamplingParams: checked when made, off is None, and every name that users know is read."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from retort.chain import Chain
from retort.errors import InputError
from retort.sampling import SamplingParams
from retort.sampling.params import SETTINGS


def test_defaults_leave_the_model_as_it_is() -> None:
    params = SamplingParams()
    assert (params.temperature, params.top_k, params.top_p, params.min_p) == (1.0, None, None, None)
    assert (params.seed, params.max_tokens, params.stop) == (0, 32, ())
    assert params.resolved_chain == Chain.of()


@pytest.mark.parametrize(
    "off", [{"top_k": 0}, {"top_k": -1}, {"top_p": 1.0}, {"min_p": 0}, {"temperature": None}]
)
def test_every_off_value_is_stored_as_none(off: dict[str, float]) -> None:
    assert SamplingParams(**off) == SamplingParams()  # type: ignore[arg-type]


def test_every_setting_of_a_transform_is_a_field_and_every_field_is_known() -> None:
    names = {field.name for field in fields(SamplingParams)}
    assert set(SETTINGS) <= names
    assert names - set(SETTINGS) == {"penalty_last_n", "seed", "max_tokens", "stop", "chain"}


OFF_VALUES = {
    "top_k": (0, -1), "top_p": (1,), "min_p": (0,), "typical_p": (1.0,), "epsilon_cutoff": (0,), "eta_cutoff": (0,),
    "top_n_sigma": (-1, 0), "top_h": (1,), "xtc_probability": (0,), "dynatemp_range": (0,), "mirostat": (0,),
    "adaptive_target": (-1,), "repetition_penalty": (1,), "presence_penalty": (0,), "frequency_penalty": (0,),
    "dry_multiplier": (0,), "logit_bias": ({},), "bad_words": ([],), "min_tokens": (0,),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, v) for name, values in OFF_VALUES.items() for v in values]
)
def test_every_engines_off_value_is_off(name: str, value: object) -> None:
    params = SamplingParams.from_dict({name: value})
    assert params == SamplingParams()
    assert str(params.resolved_chain) == "temperature=1"
    assert SamplingParams.from_dict({name: None}) == SamplingParams()


def test_all_settings_in_retorts_order() -> None:
    params = SamplingParams(
        temperature=0.8, top_k=50, top_p=0.9, min_p=0.05, typical_p=0.95, epsilon_cutoff=0.001, eta_cutoff=0.002,
        top_n_sigma=1.5, top_h=0.4, xtc_probability=0.5, repetition_penalty=1.2, presence_penalty=0.1,
        frequency_penalty=0.2, dry_multiplier=0.8, logit_bias={"11": 2.5, 50256: -100}, bad_words=[[5, 6], [7]],
        min_tokens=8, end_ids=2, allowed_tokens=range(60000), mirostat=2, adaptive_target=0.5,
    )  # fmt: skip
    assert str(params.resolved_chain).split(" | ") == [
        "repetition_penalty=1.2",
        "frequency_penalty=0.2",
        "presence_penalty=0.1",
        "dry(multiplier=0.8, base=1.75, allowed_length=2, last_n=-1)",
        "logit_bias(11: 2.5, 50256: -100)",
        "bad_words([5 6], [7])",
        "min_tokens(8, end=2)",
        "allowed(0-59999)",
        "temperature=0.8",
        "top_k=50",
        "top_p=0.9",
        "min_p=0.05",
        "typical_p=0.95",
        "epsilon_cutoff=0.001",
        "eta_cutoff=0.002",
        "top_n_sigma=1.5",
        "top_h=0.4",
        "xtc(probability=0.5, threshold=0.1)",
        "mirostat(version=2, tau=5, eta=0.1)",
        "adaptive_p(target=0.5, decay=0.9)",
    ]
    assert Chain.parse(str(params.resolved_chain)) == params.resolved_chain


def test_params_are_hashable_whatever_they_hold() -> None:
    def rule(ids: object) -> list[int]:
        return [0]

    params = [
        SamplingParams(
            logit_bias={3: 1.0}, bad_words=[[1, 2]], allowed_tokens=[5, 4], grammar=rule, end_ids=[7]
        )
        for _ in range(2)
    ]
    assert params[0] == params[1]
    assert len(set(params)) == 1
    assert (params[0].allowed_tokens, params[0].end_ids, params[0].bad_words) == ((4, 5), (7,), ((1, 2),))


def test_the_chain_is_made_once() -> None:
    params = SamplingParams(temperature=0.5, top_k=3)
    assert params.resolved_chain is params.resolved_chain
    assert params.with_seed(4).resolved_chain == params.resolved_chain
    assert SamplingParams(temperature=0.5, top_k=3) == params


def test_qualifying_settings_reach_their_stage() -> None:
    params = SamplingParams(
        xtc_probability=0.5, xtc_threshold=0.2, dry_multiplier=1, dry_base=2, dry_allowed_length=3,
        dry_penalty_last_n=64, dry_breakers=[9, 8], top_p=0.9, min_keep=2, dynatemp_range=0.3, dynatemp_exponent=2,
        temperature=0.7,
    )  # fmt: skip
    assert str(params.resolved_chain).split(" | ") == [
        "dry(multiplier=1, base=2, allowed_length=3, last_n=64, breakers=[8 9])",
        "dynatemp(range=0.3, exponent=2, temperature=0.7)",
        "top_p(0.9, min_keep=2)",
        "xtc(probability=0.5, threshold=0.2)",
    ]


@pytest.mark.parametrize(
    ("settings", "spec"),
    [
        (
            {"penalty_last_n": 64},
            "repetition_penalty(1.2, scope=last:64) | presence_penalty(0.5, scope=last:64)",
        ),
        ({"penalty_last_n": -1}, "repetition_penalty=1.2 | presence_penalty(0.5, scope=all)"),
        ({"penalty_last_n": 0}, ""),
        ({"penalty_scope": "output"}, "repetition_penalty(1.2, scope=output) | presence_penalty=0.5"),
        ({}, "repetition_penalty=1.2 | presence_penalty=0.5"),
    ],
)
def test_what_the_penalties_look_at(settings: dict[str, object], spec: str) -> None:
    params = SamplingParams(repetition_penalty=1.2, presence_penalty=0.5, **settings)  # type: ignore[arg-type]
    assert str(params.resolved_chain).removesuffix("temperature=1").removesuffix(" | ") == spec
    assert replace(params, seed=3).penalty_scope == params.penalty_scope


def test_end_ids_reach_min_tokens_whoever_knows_them() -> None:
    params = SamplingParams(min_tokens=4)
    assert str(params.ending_at([2]).resolved_chain) == "min_tokens(4, end=2) | temperature=1"
    assert params.ending_at([2]).ending_at([3]).end_ids == (2,)
    chained = SamplingParams(chain=Chain("min_tokens=4"), end_ids=[2])
    assert str(chained.resolved_chain) == "min_tokens(4, end=2)"


def test_order_is_temperature_top_k_top_p_min_p() -> None:
    params = SamplingParams(min_p=0.1, top_p=0.9, top_k=5, temperature=0.5)
    assert str(params.resolved_chain) == "temperature=0.5 | top_k=5 | top_p=0.9 | min_p=0.1"


def test_a_chain_takes_the_place_of_the_settings() -> None:
    chain = Chain.parse("top_p=0.9 | temperature=2")
    assert SamplingParams(chain=chain).resolved_chain is chain
    assert SamplingParams(chain=chain, temperature=2.0).resolved_chain is chain
    with pytest.raises(InputError, match="also top_k"):
        SamplingParams(chain=chain, top_k=4)
    with pytest.raises(InputError, match="also temperature"):
        SamplingParams(chain=chain, temperature=0.5)
    with pytest.raises(InputError, match=r"Chain\.parse"):
        SamplingParams(chain="top_p=0.9")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"temperature": -0.1}, "temperature must be"),
        ({"temperature": float("nan")}, "temperature must be"),
        ({"temperature": float("inf")}, "temperature must be"),
        ({"top_k": 2.5}, "top_k must be"),
        ({"top_k": -2}, "top_k must be"),
        ({"top_p": 1.5}, "top_p must be"),
        ({"min_p": -0.5}, "min_p must be"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 2**64}, "seed must be a whole number"),
        ({"seed": True}, "seed must be a whole number"),
        ({"max_tokens": 0}, "max_tokens must be a whole number"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
        ({"stop": ("",)}, "stop must be strings"),
        ({"stop": (3,)}, "stop must be strings"),
        ({"typical_p": 2}, "typical_p must be"),
        ({"xtc_threshold": -1}, "xtc_threshold must be"),
        ({"mirostat": 3}, "mirostat must be"),
        ({"mirostat_tau": -1}, "mirostat_tau must be"),
        ({"repetition_penalty": 0}, "repetition_penalty must be"),
        ({"dry_base": 0.5}, "dry_base must be"),
        ({"penalty_scope": "prompt"}, "penalty_scope must be"),
        ({"penalty_last_n": -2}, "penalty_last_n must be"),
        ({"penalty_last_n": 3, "penalty_scope": "output"}, "give one of them"),
        ({"logit_bias": {"x": 1}}, "logit_bias must be"),
        ({"bad_words": ["rude"]}, "bad_words must be sequences of token ids"),
        ({"min_tokens": -1}, "min_tokens must be"),
        ({"end_ids": [-1]}, "end_ids must be"),
        ({"allowed_tokens": [0.5]}, "allowed_tokens must be"),
        ({"grammar": "root ::= x"}, "grammar must be a function"),
        ({"min_keep": 0}, "min_keep must be"),
    ],
)
def test_bad_values_are_refused_with_what_is_allowed(bad: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SamplingParams(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [0.0, 1e-4, 0.009, 2.5, 100.0])
def test_unusual_temperatures_are_neither_raised_nor_refused(temperature: float) -> None:
    assert SamplingParams(temperature=temperature).temperature == temperature


def test_from_dict_reads_aliases_kebab_case_and_chains() -> None:
    params = SamplingParams.from_dict({"temp": 0.5, "top-k": 3, "nucleus": 0.8, "max-tokens": 4, "stop": "."})
    assert params == SamplingParams(temperature=0.5, top_k=3, top_p=0.8, max_tokens=4, stop=(".",))
    chained = SamplingParams.from_dict({"chain": "min-p=0.1 | temp=0.7"})
    assert str(chained.resolved_chain) == "min_p=0.1 | temperature=0.7"


def test_from_dict_refuses_what_it_does_not_know() -> None:
    with pytest.raises(InputError, match=r"unknown sampling setting 'heat'; known are: temperature, top_k"):
        SamplingParams.from_dict({"heat": 1})
    with pytest.raises(InputError, match="temperature is given twice"):
        SamplingParams.from_dict({"temp": 1, "temperature": 1})
    with pytest.raises(InputError, match=r"'temperatur' \(did you mean temperature\?\)"):
        SamplingParams.from_dict({"temperatur": 1})


def test_a_chain_and_any_other_setting_do_not_go_together() -> None:
    with pytest.raises(InputError, match="also repetition_penalty, xtc_threshold"):
        SamplingParams(chain=Chain("top_k=2"), repetition_penalty=1.2, xtc_threshold=0.2)


def test_what_was_said_is_told_apart_from_what_was_not() -> None:
    params, said = SamplingParams.said({"top-k": 0, "temp": 0.5, "repeat_last_n": 9, "seed": 3, "stop": "x"})
    assert said == {"top_k": None, "temperature": 0.5, "penalty_scope": "last:9"}
    assert (params.seed, params.stop) == (3, ("x",))
