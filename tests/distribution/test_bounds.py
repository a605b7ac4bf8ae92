"""Intervals from the top k: they hold the truth for every distribution, and their ends are reached."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.distribution import (
    entropy,
    entropy_interval,
    log_softmax,
    probs_interval,
    softmax,
    tail_entropy_interval,
    tempered_tail_interval,
)
from retort.errors import InputError

logits_and_k = st.integers(2, 12).flatmap(
    lambda n: st.tuples(arrays(np.float64, n, elements=st.floats(-8, 8)), st.integers(1, n))
)


@given(logits_and_k, st.floats(0.2, 6.0))
def test_the_truth_lies_inside(drawn: tuple[np.ndarray, int], tau: float) -> None:
    logits, k = drawn
    log_probs = np.sort(log_softmax(logits))[::-1]
    probs = np.exp(log_probs)
    tail = probs[k:]
    slack = 1e-9
    m, smallest = 1 - probs[:k].sum(), probs[k - 1]

    bound = tail_entropy_interval(m, smallest, k, len(probs))
    assert bound.low - slack <= reference.entropy(tail.tolist()) <= bound.high + slack
    bound = tempered_tail_interval(m, smallest, k, len(probs), tau)
    weight = np.sum(tail ** (1 / tau))
    assert bound.low - slack <= weight * (1 + slack) and weight <= bound.high * (1 + 1e-6) + slack
    bound = entropy_interval(log_probs[:k], len(probs), tau)
    assert bound.low - 1e-6 <= entropy(logits, tau) <= bound.high + 1e-6
    bound = probs_interval(log_probs[:k], len(probs), tau)
    exact = np.sort(softmax(logits, tau))[::-1][:k]
    assert (bound.low - 1e-6 <= exact).all() and (exact <= bound.high + 1e-6).all()


def test_formulas_of_facts_by_hand() -> None:
    # 2 seen, 4 unseen, mass 0.2 missing, smallest seen 0.1.
    bound = tail_entropy_interval(0.2, 0.1, 2, 6)
    assert (bound.low, bound.high) == pytest.approx((0.2 * math.log(10), 0.2 * math.log(20)))
    bound = tempered_tail_interval(0.2, 0.1, 2, 6, 2.0)
    assert (bound.low, bound.high) == pytest.approx((0.2 * 0.1**-0.5, 4**0.5 * 0.2**0.5))
    cold = tempered_tail_interval(0.2, 0.1, 2, 6, 0.5)
    assert (cold.low, cold.high) == pytest.approx((4.0**-1 * 0.2**2, 0.2 * 0.1))
    same = tempered_tail_interval(0.2, 0.1, 2, 6, 1.0)
    assert (same.low, same.high) == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("tau", [1.0, 2.0])
@pytest.mark.parametrize(
    ("probs", "end"), [([0.6, 0.2, 0.2, 0.0, 0.0], "low"), ([0.6, 0.2, 0.2 / 3, 0.2 / 3, 0.2 / 3], "high")]
)
def test_the_ends_are_reached(probs: list[float], end: str, tau: float) -> None:
    """A tail piled up at p_k has the least entropy for τ ≥ 1, one spread evenly the most."""
    seen = np.log(probs[:2])
    with np.errstate(divide="ignore"):
        truth = entropy(np.log(probs), tau)
    assert getattr(entropy_interval(seen, 5, tau), end) == pytest.approx(truth)


def test_everything_seen_leaves_no_doubt() -> None:
    log_probs = log_softmax([2.0, 1.0, 0.0])
    bound = entropy_interval(log_probs, 3, 1.7)
    assert bound.low == pytest.approx(bound.high) == pytest.approx(entropy([2.0, 1.0, 0.0], 1.7))
    assert bound.width < 1e-12


def test_more_seen_is_never_less_known() -> None:
    log_probs = np.sort(log_softmax(np.random.default_rng(0).normal(size=50) * 2))[::-1]
    widths = [entropy_interval(log_probs[:k], 50, 1.5).width for k in range(1, 51)]
    assert all(wide >= narrow - 1e-9 for wide, narrow in pairwise(widths))


def test_rows_at_once_and_any_order() -> None:
    rows = log_softmax(np.random.default_rng(1).normal(size=(3, 20)))
    top = -np.sort(-rows, axis=-1)[:, :6]
    bound = entropy_interval(top, 20, 2.0)
    assert bound.low.shape == (3,)
    assert bound.high[1] == entropy_interval(top[1, ::-1], 20, 2.0).high


def test_a_servers_rounding_is_accepted() -> None:
    bound = entropy_interval(np.log([0.7, 0.3004]), 100)
    assert bound.width < 1e-12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.log([0.5, 0.1]), 4), "cannot hold the missing mass 0.4"),
        ((np.log([0.9, 0.3]), 9), "tail's mass must be from 0 to 1"),
        ((np.log([0.5, 0.3, 0.2]), 2), "at most 2"),
        (([1.5, -2.0], 9), "pass nats, not logits"),
        (([math.nan, -2.0], 9), "NaN"),
    ],
)
def test_impossible_log_probabilities_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        entropy_interval(*arguments)


@pytest.mark.parametrize("tau", [0.0, -1.0, math.inf, math.nan])
def test_temperatures_that_have_no_interval_are_refused(tau: float) -> None:
    with pytest.raises(InputError, match="temperature must be"):
        entropy_interval(np.log([0.7, 0.2]), 9, tau)
