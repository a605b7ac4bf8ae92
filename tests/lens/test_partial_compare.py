"""Bounds on the distance of two distributions of which the best tokens are known, each to a rounding."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort.lens.partial_compare import compared_position
from retort.sources.base import KnownToken, KnownTop


def top(log_probs: np.ndarray, known: int, rounding: float = 0.0) -> KnownTop:
    """The best `known` tokens; their logprobs written with steps of twice the rounding."""
    order = np.argsort(-log_probs, kind="stable")[:known]
    step = 2.0 * rounding
    written = np.round(log_probs / step) * step if step else log_probs
    return KnownTop(tuple(KnownToken(str(i), float(written[i])) for i in order), len(log_probs), rounding)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    return float(np.sum(np.exp(p) * (p - q)))


def test_three_of_four_tokens_by_hand() -> None:
    p, q = (np.log(np.array(row) / 16) for row in ([8, 4, 2, 2], [4, 4, 4, 4]))
    found = compared_position(0, top(p, 3), top(q, 3))
    # 8/16 and 4/16, twice 4/16, 2/16 and 4/16; the rests are 2/16 and 4/16.
    assert found.total_variation_low == pytest.approx((4 + 0 + 2 + 2) / 32)
    assert found.total_variation_high == pytest.approx((4 + 0 + 2 + 2 + 4) / 32)
    assert found.kl_ab_low == pytest.approx(0.5 * math.log(2) - 0.25 * math.log(2))


def test_a_rest_that_only_one_side_has_is_infinitely_far() -> None:
    p, q = np.log([0.5, 0.25, 0.25]), np.array([math.log(0.5), math.log(0.5), -math.inf])
    assert compared_position(0, top(p, 2), top(q, 2)).kl_ab_low == math.inf


@given(st.integers(0, 2**31), st.integers(1, 12), st.sampled_from([0.0, 5e-4, 5e-3, 0.05]))
def test_the_truth_lies_within_whatever_was_rounded(seed: int, known: int, rounding: float) -> None:
    noise = np.random.default_rng(seed)
    p, q = (row - np.logaddexp.reduce(row) for row in noise.normal(0, 2, (2, 12)))
    found = compared_position(0, top(p, known, rounding), top(q, known, rounding))
    distance = 0.5 * float(np.abs(np.exp(p) - np.exp(q)).sum())
    assert found.total_variation_low - 1e-12 <= distance <= found.total_variation_high + 1e-12
    assert found.kl_ab_low <= divergence(p, q) + 1e-12
    assert found.kl_ba_low <= divergence(q, p) + 1e-12


def test_equal_distributions_written_with_two_decimals_are_not_said_to_differ() -> None:
    p = np.log([0.4, 0.3, 0.2, 0.1])
    found = compared_position(0, top(p, 4), top(p, 4, 0.005))
    assert (found.total_variation_low, found.kl_ab_low, found.kl_ba_low) == (0.0, 0.0, 0.0)
    # What reads the rounded numbers as exact says that they do.
    exact = compared_position(0, top(p, 4), KnownTop(top(p, 4, 0.005).tokens, 4))
    assert exact.total_variation_low > 0.0
