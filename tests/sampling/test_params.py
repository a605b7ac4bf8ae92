"""SamplingParams: checked when made, off is None, and every name that users know is read."""

from __future__ import annotations

import pytest

from retort.distribution import Chain
from retort.errors import InputError
from retort.sampling import SamplingParams


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
