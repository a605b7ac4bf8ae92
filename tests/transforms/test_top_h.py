"""top_h: four tokens by hand, the oracle, and the entropy of what is kept is that of a distribution."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.distribution import entropy
from retort.transforms.entropy import CANDIDATES, top_h

FOUR = np.log([0.4, 0.3, 0.2, 0.1])

tied_rows = arrays(np.float64, st.integers(1, 10), elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0]))


def kept(logits: object) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(np.asarray(logits) > -math.inf).tolist()


def test_by_hand() -> None:
    """H(p) = 1.27985 nats; renormalised, the first two have 0.68291, the first three 1.06086: shares 0.5336, 0.8289."""
    assert kept(top_h(FOUR, 0.0)) == [0]
    assert kept(top_h(FOUR, 0.53)) == [0]
    assert kept(top_h(FOUR, 0.54)) == [0, 1]
    assert kept(top_h(FOUR, 0.82)) == [0, 1]
    assert kept(top_h(FOUR, 0.83)) == [0, 1, 2]
    assert kept(top_h(FOUR, 0.99)) == [0, 1, 2]
    assert kept(top_h(FOUR, 1.0)) == [0, 1, 2, 3]


def test_uniform_over_100_keeps_10_at_one_half() -> None:
    """√100 = 10: half the entropy. Without renormalising, each token adds 1 % of the entropy and 50 stay."""
    row = np.zeros(100)
    assert kept(top_h(row, 0.5)) == list(range(10))
    terms = -np.full(100, 0.01) * np.log(0.01)
    assert int(np.sum(np.cumsum(terms) <= 0.5 * np.log(100) + 1e-12)) == 50
    assert kept(top_h(np.zeros(1000), 1 / 3)) == list(range(10))


@given(tied_rows, st.floats(0.0, 1.0))
def test_equals_the_oracle(logits: np.ndarray, alpha: float) -> None:
    np.testing.assert_array_equal(top_h(logits, alpha), reference.top_h(logits.tolist(), alpha))


@given(arrays(np.float64, st.integers(2, 12), elements=st.floats(-8, 8)), st.floats(0.0, 0.999))
def test_the_bound_holds_and_one_token_more_would_break_it(logits: np.ndarray, alpha: float) -> None:
    result = top_h(logits, alpha)
    limit = alpha * float(entropy(logits))
    size = len(kept(result))
    assert size == 1 or float(entropy(result)) <= limit + 1e-9
    order = reference.order(logits.tolist())
    if size < len(logits):
        grown = reference.keep(logits.tolist(), order[: size + 1])
        assert float(entropy(np.array(grown))) > limit - 1e-9


@given(tied_rows, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_larger_share_keeps_no_fewer(logits: np.ndarray, alpha: float, beta: float) -> None:
    assert set(kept(top_h(logits, min(alpha, beta)))) <= set(kept(top_h(logits, max(alpha, beta))))


def test_an_almost_certain_row_keeps_one_token() -> None:
    """Weights that vanish in float64 beside 1, or altogether, still have more entropy than a share of their own."""
    for gap in (20.0, 40.0, 80.0, 800.0):
        assert kept(top_h(np.array([0.0, -gap]), 0.9)) == [0]
        assert kept(top_h(np.array([-gap, 0.0, -gap]), 0.4)) == [1]
    assert kept(top_h(np.array([[0.0, -800.0], [0.0, -800.0]]), [0.9, 1.0])[1]) == [0, 1]


def test_removed_tokens_do_not_count() -> None:
    masked = np.array([-math.inf, *FOUR, -math.inf])
    assert kept(top_h(masked, 0.54)) == [1, 2]
    assert kept(top_h(np.array([-math.inf, 0.0]), 0.5)) == [1]


def test_the_search_among_the_first_and_the_full_sort_agree() -> None:
    generator = np.random.default_rng(6)
    num_tokens = 5 * CANDIDATES
    rows = np.stack([generator.normal(size=num_tokens) * 6, generator.normal(size=num_tokens) * 0.1])
    for alpha in (0.4, 0.95):
        for row, logits in zip(top_h(rows, alpha), rows, strict=True):
            order = np.argsort(-logits, kind="stable")
            weights = np.exp(logits[order] - logits.max())
            sums = np.cumsum(weights)
            entropies = np.log(sums) - np.cumsum(weights * (logits[order] - logits.max())) / sums
            size = int(np.searchsorted(entropies, alpha * entropies[-1], side="right"))
            assert kept(row) == sorted(order[:size].tolist())
            assert alpha < 0.9 or logits.std() > 1 or size > CANDIDATES
