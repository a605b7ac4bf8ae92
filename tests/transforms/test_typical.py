"""typical_p: four tokens by hand, the oracle, ties on both sides, and the traps of a mask and of float32 sums."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.distribution import entropy, softmax
from retort.transforms import find_transform
from retort.transforms.entropy import BINS, typical_p

FOUR = np.log([0.4, 0.3, 0.2, 0.1])

tied_rows = arrays(np.float64, st.integers(1, 10), elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0]))


def kept(logits: object) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(np.asarray(logits) > -math.inf).tolist()


def test_by_hand() -> None:
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
def test_equals_the_oracle(logits: np.ndarray, p: float) -> None:
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
