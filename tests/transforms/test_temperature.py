"""dynatemp: four tokens by hand, the oracle, the ends of the range, and its place in a chain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from retort.chain import Chain, Stage
from retort.errors import InputError
from retort.transforms.temperature import dynamic_temperatures, dynatemp
from transforms.four_tokens import FOUR, tied_rows


def test_by_hand() -> None:
    """H / ln 4 = 1.27985 / 1.38629 = 0.92322; 0.8 ± 0.5 gives 0.3 + 0.92322 = 1.22322, squared share 1.15233."""
    assert float(dynamic_temperatures(FOUR, 0.5, 1.0, 0.8)) == pytest.approx(1.22322, abs=1e-5)
    assert float(dynamic_temperatures(FOUR, 0.5, 2.0, 0.8)) == pytest.approx(1.15233, abs=1e-5)
    np.testing.assert_allclose(dynatemp(FOUR, 0.5, 1.0, 0.8), (FOUR - FOUR[0]) / 1.22322, atol=1e-5)


def test_ends_of_the_range() -> None:
    assert float(dynamic_temperatures(np.zeros(9), 0.5, 1.0, 0.8)) == pytest.approx(1.3)
    assert float(dynamic_temperatures(np.array([0.0, -900.0]), 0.5, 1.0, 0.8)) == pytest.approx(0.3)
    # The low end does not go below 0, where the row is greedy.
    assert float(dynamic_temperatures(np.array([0.0, -900.0]), 2.0, 1.0, 0.8)) == 0.0
    np.testing.assert_array_equal(dynatemp(np.array([0.0, -900.0]), 2.0, 1.0, 0.8), [0.0, -math.inf])
    assert float(dynamic_temperatures(np.array([0.0, -1.0]), 0.5, 0.0, 0.8)) == pytest.approx(1.3)


def test_off_and_greedy() -> None:
    for off in (None, 0.0):
        np.testing.assert_array_equal(dynatemp(FOUR, off, 1.0, 0.8), FOUR)
    np.testing.assert_array_equal(dynatemp(FOUR, 0.5, 1.0, 0.0), [0.0, -math.inf, -math.inf, -math.inf])
    rows = dynatemp(np.stack([FOUR, FOUR]), [0.0, 0.5], 1.0, 0.8)
    np.testing.assert_allclose(rows[0] - rows[0].max(), FOUR - FOUR.max())


@given(tied_rows, st.floats(0.01, 3.0), st.floats(0.0, 4.0), st.floats(0.0, 3.0))
def test_equals_the_oracle(logits: np.ndarray, reach: float, exponent: float, middle: float) -> None:
    tau = reference.dynamic_temperature(logits.tolist(), reach, exponent, middle)
    assert float(dynamic_temperatures(logits, reach, exponent, middle)) == pytest.approx(tau, abs=1e-9)


def test_removed_tokens_do_not_make_a_row_look_surer() -> None:
    """The most entropy a row can have is that of the tokens left: with all of the vocabulary the share falls."""
    masked = np.array([-math.inf, 0.0, 0.0, -math.inf, -math.inf])
    assert float(dynamic_temperatures(masked, 0.5, 1.0, 0.8)) == pytest.approx(1.3)
    assert 0.3 + math.log(2) / math.log(5) < 0.8
    assert math.isfinite(float(dynamic_temperatures(np.array([-math.inf, 2.0]), 0.5, 1.0, 0.8)))


def test_it_stands_in_the_place_of_the_temperature() -> None:
    chain = Chain("dynatemp(range=0.5, temperature=0.8) | top_p=0.9")
    assert chain.temperature == 0.8
    assert str(chain) == "dynatemp(range=0.5, exponent=1, temperature=0.8) | top_p=0.9"
    assert Chain(str(chain)) == chain
    assert chain.at_temperature(1.2).stages[0] == Stage("dynatemp", 0.5, temperature=1.2)
    assert not chain.nested
    for text in ("temperature=0.8 | dynatemp(range=0.5)", "dynatemp(range=0.5) | top_k=3 | temp=2"):
        with pytest.raises(InputError, match=r"a chain holds one temperature, got .* and .*"):
            Chain(text)


def test_flat_settings_give_one_temperature() -> None:
    chain = Chain.of(temperature=0.8, top_p=0.9, dynatemp_range=0.5, dynatemp_exponent=2.0)
    assert str(chain) == "dynatemp(range=0.5, exponent=2, temperature=0.8) | top_p=0.9"
    assert str(Chain.of(temperature=0.8, dynatemp_range=0)) == "temperature=0.8"


def test_a_greedy_one_is_explained_as_greedy() -> None:
    report = Chain("dynatemp(range=0.5, temperature=0) | top_p=0.9").explain(FOUR)
    assert report.kept == 1 and "takes the most likely token in any case" in report.warnings[0]
