"""An engine's settings as a setting of the sweep: its order, its place for the temperature, and wrong ones in words."""

from __future__ import annotations

import pytest

from retort.chain import Chain
from retort.errors import InputError
from retort.tune.settings import parse_engine_settings


def chain_of(text: str, *, swept: bool = False) -> Chain:
    found = parse_engine_settings(text)
    assert found is not None
    return found.chain(swept=swept)


def test_the_same_settings_are_other_chains_in_other_engines() -> None:
    assert str(chain_of("vllm: top_k=3, top_p=0.9")) == "top_k=3 | top_p=0.9"
    assert str(chain_of("llama.cpp: top_k=3, top_p=0.9")) == "top_k=3 | top_p=0.9"
    assert chain_of('mlx: {"temp": 0.5, "min_p": 0.1}') == Chain.like(
        "mlx-lm", {"temperature": 0.5, "min_p": 0.1}
    )


def test_swept_temperatures_stand_where_the_engine_has_them() -> None:
    """With no temperature set there is no stage to replace, and it would be put first; llama.cpp has it last."""
    for text in ("llama.cpp: top_k=3", "llama.cpp: top_k=3, temperature=1"):
        assert str(chain_of(text, swept=True).at_temperature(0.7)) == "top_k=3 | temperature=0.7"
        assert str(chain_of(text, swept=True).at_temperature(1.0)) == "top_k=3 | temperature=1"
    assert str(chain_of("vllm: top_k=3", swept=True).at_temperature(0.7)) == "temperature=0.7 | top_k=3"


def test_a_chain_is_none_of_them() -> None:
    assert parse_engine_settings("top_k=50 | top_p=0.9") is None
    assert parse_engine_settings("logit_bias(50256: -100) | top_p=0.9") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vlm: top_k=4", "unknown engine 'vlm' .did you mean vllm"),
        ("vllm: top_kk=4", "unknown sampling setting 'top_kk' .did you mean top_k"),
        ("vllm: seed=4, top_k=3", "sets seed; give what shapes the distribution"),
        ("vllm:", "sets nothing; give what shapes the distribution"),
        ("vllm: top_k", "a setting is written name=value"),
        ("mlx-lm: mirostat=2", "mlx-lm does not apply mirostat here"),
    ],
)
def test_wrong_ones(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_engine_settings(text)
