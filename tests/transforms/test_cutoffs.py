"""epsilon_cutoff and eta_cutoff: four tokens by hand, the oracle, and what is kept when nothing reaches the floor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.transforms.truncation import epsilon_cutoff, eta_cutoff

FOUR = np.log([0.4, 0.3, 0.2, 0.1])

tied_rows = arrays(np.float64, st.integers(1, 10), elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0]))


def kept(logits: object) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(np.asarray(logits) > -math.inf).tolist()


def test_epsilon_by_hand() -> None:
    assert kept(epsilon_cutoff(FOUR, 0.1)) == [0, 1, 2, 3]
    assert kept(epsilon_cutoff(FOUR, 0.11)) == [0, 1, 2]
    assert kept(epsilon_cutoff(FOUR, 0.2)) == [0, 1, 2]
    assert kept(epsilon_cutoff(FOUR, 0.41)) == [0]
    assert kept(epsilon_cutoff(FOUR, 1.0)) == [0]
    assert kept(epsilon_cutoff(FOUR, 0.41, min_keep=3)) == [0, 1, 2]


def test_eta_by_hand() -> None:
    """H = 1.27985, e^-H = 0.27808. ε = 0.5: √ε e^-H = 0.19663 is the floor; ε = 0.1: 0.08794; ε = 0.01: ε itself."""
    assert kept(eta_cutoff(FOUR, 0.5)) == [0, 1, 2]
    assert kept(eta_cutoff(FOUR, 0.52)) == [0, 1]
    assert math.sqrt(0.52) * math.exp(-1.27985) == pytest.approx(0.20053, abs=1e-5)
    assert kept(eta_cutoff(FOUR, 0.1)) == [0, 1, 2, 3]
    assert kept(eta_cutoff(np.log([0.985, 0.011, 0.004]), 0.01)) == [0, 1]
    assert kept(eta_cutoff(FOUR, 0.52, min_keep=3)) == [0, 1, 2]


@given(tied_rows, st.floats(0.0, 1.0))
def test_epsilon_equals_the_oracle(logits: np.ndarray, epsilon: float) -> None:
    np.testing.assert_array_equal(
        epsilon_cutoff(logits, epsilon), reference.epsilon_cutoff(logits.tolist(), epsilon)
    )


@given(tied_rows, st.floats(0.0, 1.0))
def test_eta_equals_the_oracle(logits: np.ndarray, epsilon: float) -> None:
    np.testing.assert_array_equal(eta_cutoff(logits, epsilon), reference.eta_cutoff(logits.tolist(), epsilon))


@pytest.mark.parametrize("function", [epsilon_cutoff, eta_cutoff])
@given(logits=tied_rows, first=st.floats(0.0, 1.0), second=st.floats(0.0, 1.0))
def test_a_higher_floor_keeps_no_more(
    function: object, logits: np.ndarray, first: float, second: float
) -> None:
    low, high = sorted((first, second))
    assert set(kept(function(logits, high))) <= set(kept(function(logits, low)))  # type: ignore[operator]


@given(tied_rows, st.floats(0.001, 1.0))
def test_eta_keeps_what_epsilon_keeps(logits: np.ndarray, epsilon: float) -> None:
    assert set(kept(epsilon_cutoff(logits, epsilon))) <= set(kept(eta_cutoff(logits, epsilon)))


def test_where_no_token_reaches_the_floor_the_most_likely_stays_with_the_lowest_id() -> None:
    row = np.zeros(100)
    assert kept(epsilon_cutoff(row, 0.02)) == [0]
    assert kept(epsilon_cutoff(row, 0.02, ties="all")) == list(range(100))
    assert kept(epsilon_cutoff(row, 0.01)) == list(range(100))
    assert kept(epsilon_cutoff(np.array([-math.inf, 0.0, 0.0]), 0.9)) == [1]


def test_eta_of_a_uniform_row_keeps_it_whole() -> None:
    """e^-H is the probability of each token there, and √ε is less than one."""
    for epsilon in (0.0001, 0.3, 1.0):
        assert kept(eta_cutoff(np.zeros(50), epsilon)) == list(range(50))
