"""typical_p: four tokens by hand, the oracle, ties on both sides, and the traps of a mask and of float32 sums."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.distribution import entropy, softmax
from retort.distribution.ranking import CANDIDATES
from retort.transforms import find_transform
from retort.transforms.entropy import BINS, top_h, typical_p
from transforms.four_tokens import FOUR, kept, tied_rows


def test_typical_by_hand() -> None:
    """H = 1.280 nats; surprises 0.916, 1.204, 1.609, 2.303 are 0.364, 0.076, 0.330, 1.023 away: order 1, 2, 0, 3."""
    assert kept(typical_p(FOUR, 0.0)) == [1]
    assert kept(typical_p(FOUR, 0.3)) == [1]
    assert kept(typical_p(FOUR, 0.31)) == [1, 2]
    assert kept(typical_p(FOUR, 0.5)) == [1, 2]
    assert kept(typical_p(FOUR, 0.51)) == [0, 1, 2]
    assert kept(typical_p(FOUR, 0.91)) == [0, 1, 2, 3]
    assert kept(typical_p(FOUR, 0.0, min_keep=2)) == [1, 2]
    np.testing.assert_array_equal(typical_p(FOUR, 0.5)[1:3], FOUR[1:3])


def test_aliases() -> None:
    assert {find_transform(name).name for name in ("typical", "typ", "typ_p", "typical-p")} == {"typical_p"}


@given(tied_rows, st.floats(0.0, 1.0))
def test_typical_equals_the_oracle(logits: np.ndarray, p: float) -> None:
    np.testing.assert_array_equal(typical_p(logits, p), reference.typical_p(logits.tolist(), p))


@given(arrays(np.float64, st.integers(1, 12), elements=st.floats(-10, 10)))
def test_the_distance_to_the_entropy_is_that_to_the_expected_logit(logits: np.ndarray) -> None:
    probs = softmax(logits)
    by_surprise = np.abs(-np.log(probs) - float(entropy(logits)))
    np.testing.assert_allclose(by_surprise, np.abs(logits - (probs * logits).sum()), atol=1e-12)


@given(tied_rows, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_larger_mass_keeps_no_fewer_tokens(logits: np.ndarray, p: float, q: float) -> None:
    low, high = sorted((p, q))
    assert set(kept(typical_p(logits, low))) <= set(kept(typical_p(logits, high)))


def test_ties_keep_the_lowest_ids_or_all() -> None:
    row = np.log([0.4, 0.2, 0.2, 0.2])
    assert kept(typical_p(row, 0.3)) == [1, 2]
    assert kept(typical_p(row, 0.3, ties="all")) == [1, 2, 3]
    assert kept(typical_p(np.zeros(7), 3 / 7)) == [0, 1, 2]
    assert kept(typical_p(np.zeros(7), 3 / 7, ties="all")) == list(range(7))


def test_of_tokens_equally_far_the_more_likely_comes_first() -> None:
    """Masses 1/4, 1/4, 1/2: H = 1.5 ln 2, so surprises of 2 ln 2 and of ln 2 are both half a ln 2 away."""
    row = np.log([0.25, 0.25, 0.5])
    row -= row[0]
    assert kept(typical_p(row, 0.5)) == [2]
    assert kept(typical_p(row, 0.6)) == [0, 2]
    assert kept(typical_p(row, 0.5, ties="all")) == [0, 1, 2]


def test_a_mask_before_it_does_not_make_the_entropy_nan() -> None:
    """0·ln 0 is 0. The naive sum is NaN, and a comparison with NaN keeps nothing."""
    masked = np.array([-math.inf, *FOUR, -math.inf])
    with np.errstate(divide="ignore", invalid="ignore"):
        probs = softmax(masked)
        assert math.isnan(-(probs * np.log(probs)).sum())
    assert kept(typical_p(masked, 0.5)) == [2, 3]
    assert kept(typical_p(np.array([-math.inf, 0.0]), 0.5)) == [1]


def test_masses_are_summed_in_float64_at_a_large_vocabulary() -> None:
    """149,999 tokens share 0.6 of the mass and are nearer to the entropy than the one with 0.4: 125,000 make 0.5.

    A float32 running sum misses by dozens.
    """
    row = np.zeros(150_000, np.float32)
    row[7] = math.log(149_999 * 0.4 / 0.6)
    running = np.cumsum(np.full(149_999, 0.6 / 149_999, np.float32), dtype=np.float32)
    assert abs(int(np.sum(running < 0.5)) + 1 - 125_000) > 10
    assert kept(typical_p(row, 0.5)) == [token for token in range(125_001) if token != 7]


def test_the_bins_make_no_difference_to_the_order() -> None:
    """Rows peaked, flat, with ties, all alike, narrower than a bin, and with tokens far beyond the last bin's edge."""
    generator = np.random.default_rng(6)
    num_tokens = 2 * BINS
    flat = generator.normal(size=num_tokens)
    far = flat.copy()
    far[::7] = -1e4
    rows = np.stack([flat * 6, flat, np.round(flat, 1), np.zeros(num_tokens), flat * 1e-9, far])
    for p in (0.0, 0.2, 0.9):
        for row, logits in zip(typical_p(rows, p), rows, strict=True):
            probs = softmax(logits)
            distance = np.abs(logits - (probs * logits).sum())
            order = np.lexsort((np.arange(num_tokens), -logits, np.round(distance, 15)))
            size = int(np.searchsorted(np.cumsum(probs[order]), p * (1 - 1e-12))) + 1
            assert kept(row) == sorted(order[:size].tolist())


def test_min_keep_beyond_the_bin_in_which_the_mass_is_reached() -> None:
    row = np.linspace(0.0, -40.0, 200)
    masked = np.where(np.arange(200) % 2 == 0, row, -math.inf)
    for logits, live in ((row, 200), (masked, 100)):
        for min_keep in (1, 2, 50, 100, 500):
            kept_ids = kept(typical_p(logits, 0.1, min_keep=min_keep))
            assert len(kept_ids) == min(max(min_keep, len(kept(typical_p(logits, 0.1)))), live)
            assert set(kept_ids) <= set(kept(typical_p(logits, 0.1, min_keep=min_keep + 1)))


# top_h: four tokens by hand, the oracle, and the entropy of what is kept is that of a distribution.


def test_top_h_by_hand() -> None:
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
def test_top_h_equals_the_oracle(logits: np.ndarray, alpha: float) -> None:
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
