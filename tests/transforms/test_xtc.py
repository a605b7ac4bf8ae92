"""xtc: four tokens by hand, the oracle, one coin a row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.chain import Chain
from retort.errors import InputError
from retort.transforms.context import Context
from retort.transforms.truncation import COIN_STREAM, xtc

FOUR = np.log([0.4, 0.3, 0.2, 0.1])

tied_rows = arrays(np.float64, st.integers(1, 10), elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0]))


def kept(logits: object) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(np.asarray(logits) > -math.inf).tolist()


def coins(*numbers: float) -> Context:
    """A context whose rows have these coins, and only on xtc's stream."""

    def uniforms(stream: int) -> np.ndarray:
        assert stream == COIN_STREAM
        return np.array(numbers)

    return Context(uniforms=uniforms)


def test_by_hand() -> None:
    assert kept(xtc(FOUR, 1.0, 0.15)) == [2, 3]
    assert kept(xtc(FOUR, 1.0, 0.2)) == [2, 3]
    assert kept(xtc(FOUR, 1.0, 0.21)) == [1, 2, 3]
    assert kept(xtc(FOUR, 1.0, 0.31)) == [0, 1, 2, 3]
    assert kept(xtc(FOUR, 1.0, 0.0)) == [3]


def test_it_acts_where_the_coin_is_below_the_probability() -> None:
    rows = np.stack([FOUR] * 3)
    result = xtc(rows, 0.5, 0.15, context=coins(0.0, 0.4999, 0.5))
    assert [kept(row) for row in result] == [[2, 3], [2, 3], [0, 1, 2, 3]]
    result = xtc(rows, [0.0, 1.0, 0.6], [0.15, 0.25, 0.15], context=coins(0.0, 0.999, 0.5))
    assert [kept(row) for row in result] == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]


def test_probability_1_and_0_need_no_coin_and_others_do() -> None:
    assert kept(xtc(FOUR, 1, 0.15)) == kept(Chain("xtc(probability=1, threshold=0.15)").apply(FOUR)) == [2, 3]
    assert kept(xtc(FOUR, 0, 0.15)) == kept(xtc(FOUR, None, 0.15)) == [0, 1, 2, 3]
    for use in (lambda: xtc(FOUR, 0.5), lambda: Chain("xtc(probability=0.5)").apply(FOUR)):
        with pytest.raises(InputError, match="xtc needs a random number for each row"):
            use()


@given(tied_rows, st.floats(0.0, 1.0))
def test_equals_the_oracle(logits: np.ndarray, threshold: float) -> None:
    np.testing.assert_array_equal(xtc(logits, 1.0, threshold), reference.xtc(logits.tolist(), threshold))


@given(tied_rows, st.floats(0.0, 1.0))
def test_it_takes_from_the_top_and_never_all(logits: np.ndarray, threshold: float) -> None:
    result = xtc(logits, 1.0, threshold)
    lost = set(range(len(logits))) - set(kept(result))
    assert kept(result)
    assert not lost or min(logits[list(lost)]) >= max(logits[kept(result)])


def test_of_equally_unlikely_ones_the_lowest_id_stays() -> None:
    assert kept(xtc(np.log([0.4, 0.25, 0.25, 0.1]), 1.0, 0.2)) == [1, 3]
    assert kept(xtc(np.zeros(4), 1.0, 0.25)) == [0]


def test_a_threshold_above_one_half_never_acts() -> None:
    assert kept(xtc(np.log([0.6, 0.4]), 1.0, 0.51)) == [0, 1]
    assert kept(xtc(np.log([0.5, 0.5]), 1.0, 0.5)) == [0]


def test_removed_tokens_are_never_likely() -> None:
    masked = np.array([-math.inf, *FOUR, -math.inf])
    assert kept(xtc(masked, 1.0, 0.0)) == [4]
    assert kept(xtc(masked, 1.0, 0.15)) == [3, 4]
    assert kept(xtc(np.array([-math.inf, 1.0]), 1.0, 0.1)) == [1]
