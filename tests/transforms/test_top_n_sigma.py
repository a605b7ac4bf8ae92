"""top_n_sigma: four tokens by hand, the oracle, σ over the tokens that are left, and no temperature in it."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.transforms import temperature
from retort.transforms.truncation import top_n_sigma

ROW = np.array([4.0, 2.0, 1.0, 1.0])

rows = arrays(np.float64, st.integers(1, 12), elements=st.sampled_from([-math.inf, -3.0, 0.0, 0.5, 2.0]))
usable_rows = rows.filter(lambda row: row.max() > -math.inf)


def kept(logits: object) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(np.asarray(logits) > -math.inf).tolist()


def test_by_hand() -> None:
    """Mean 2, squares 4, 0, 1, 1: σ = √1.5 = 1.2247. The gaps to the largest are 0, 2, 3, 3."""
    assert kept(top_n_sigma(ROW, 1.0)) == [0]
    assert kept(top_n_sigma(ROW, 1.64)) == [0, 1]
    assert kept(top_n_sigma(ROW, 2.44)) == [0, 1]
    assert kept(top_n_sigma(ROW, 2.45)) == [0, 1, 2, 3]
    assert kept(top_n_sigma(ROW, 2.0 / math.sqrt(1.5))) == [0, 1]


def test_a_token_on_the_threshold_stays_however_sigma_is_rounded() -> None:
    """Gaps 0, x, x: σ = x·√2/3, so n = 3/√2 is exactly enough, for every x."""
    for x in np.random.default_rng(5).uniform(0.1, 10.0, size=200):
        assert kept(top_n_sigma(np.array([0.0, -x, -x]), 3 / math.sqrt(2.0))) == [0, 1, 2]


def test_off_values() -> None:
    for off in (None, 0, -1):
        np.testing.assert_array_equal(top_n_sigma(ROW, off), ROW)
    assert [kept(row) for row in top_n_sigma(np.stack([ROW, ROW]), [-1, 1.0])] == [[0, 1, 2, 3], [0]]


@given(usable_rows, st.floats(0.01, 5.0))
def test_equals_the_oracle(logits: np.ndarray, n: float) -> None:
    np.testing.assert_array_equal(top_n_sigma(logits, n), reference.top_n_sigma(logits.tolist(), n))


@given(usable_rows, st.floats(0.01, 5.0), st.floats(0.01, 5.0))
def test_a_larger_n_keeps_no_fewer(logits: np.ndarray, n: float, m: float) -> None:
    assert set(kept(top_n_sigma(logits, min(n, m)))) <= set(kept(top_n_sigma(logits, max(n, m))))


@given(
    arrays(np.float64, st.integers(1, 12), elements=st.floats(-10, 10)),
    st.floats(0.01, 5.0),
    st.floats(0.05, 20.0),
)
def test_the_temperature_makes_no_difference(logits: np.ndarray, n: float, tau: float) -> None:
    assert kept(top_n_sigma(temperature(logits, tau), n)) == kept(top_n_sigma(logits, n))


def test_removed_tokens_do_not_count_in_sigma() -> None:
    """With the two removed ones as, say, the lowest float32, σ would be some 10^38 and nothing would be cut."""
    masked = np.array([4.0, -math.inf, 2.0, 1.0, -math.inf, 1.0])
    assert kept(top_n_sigma(masked, 1.64)) == [0, 2]
    filled = np.where(masked == -math.inf, np.finfo(np.float32).min, masked)
    assert kept(top_n_sigma(filled, 1.64)) == [0, 2, 3, 5]


def test_equal_logits_stay_together_and_so_does_a_token_alone() -> None:
    assert kept(top_n_sigma(np.zeros(5), 0.1)) == [0, 1, 2, 3, 4]
    assert kept(top_n_sigma(np.array([-math.inf, 3.0]), 0.1)) == [1]
    assert kept(top_n_sigma(np.array([3.0, 1.0, 3.0, 0.0]), 0.1)) == [0, 2]


def test_logits_at_the_edge_of_float16() -> None:
    row = np.array([65504.0, 0.0, -65504.0], np.float16)
    assert kept(top_n_sigma(row, 1.0)) == [0]
