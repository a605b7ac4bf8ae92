"""NLL, Brier and ECE: by hand, against oracles, and the bins that they state."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from retort.distribution import (
    brier,
    calibrated_temperature,
    ece,
    ece_of_confidences,
    entropy,
    entropy_matched_temperature,
    equivalent_temperature,
    nll,
    softmax,
)
from retort.errors import InputError

ROWS = np.log([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])


def test_by_hand() -> None:
    assert nll(ROWS, [0, 2]) == pytest.approx(-(math.log(0.7) + math.log(0.2)) / 2)
    first = 0.3**2 + 0.2**2 + 0.1**2
    second = 0.5**2 + 0.3**2 + 0.8**2
    assert brier(ROWS, [0, 2]) == pytest.approx((first + second) / 2)
    # Confidences 0.7 (right) and 0.5 (wrong) fall into different bins of ten.
    assert ece(ROWS, [0, 2], num_bins=10).value == pytest.approx((0.3 + 0.5) / 2)
    # In one bin: |0.5 - 0.6|.
    assert ece(ROWS, [0, 2], num_bins=1).value == pytest.approx(0.1)


def test_the_extremes() -> None:
    sure = np.array([[0.0, -math.inf]])
    assert (brier(sure, [0]), brier(sure, [1])) == (0.0, 2.0)
    assert (nll(sure, [0]), nll(sure, [1])) == (0.0, math.inf)
    assert ece(sure, [0]).value == 0.0 and ece(sure, [1]).value == 1.0


def test_temperature_reaches_all_three() -> None:
    for measure in (nll, brier, lambda *a: ece(*a).value):
        assert measure(ROWS, [0, 2], 2.0) != pytest.approx(measure(ROWS, [0, 2], 1.0))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(1, 20))
def test_ece_equals_the_oracle(pairs: list[tuple[float, bool]], num_bins: int) -> None:
    # Away from bin edges, where i/B and i·(1/B) may round apart.
    confidences = [round(c * 997) / 997 for c, _ in pairs]
    correct = [right for _, right in pairs]
    result = ece_of_confidences(confidences, correct, num_bins)
    assert result.value == pytest.approx(reference.ece(confidences, correct, num_bins), abs=1e-12)
    assert result.num_bins == num_bins == len(result.counts)
    assert sum(result.counts) == len(pairs)


def test_bins_are_reported() -> None:
    result = ece_of_confidences([0.0, 0.5, 1.0], [False, True, True], num_bins=2)
    assert result.counts == (2, 1)
    assert result.confidence == (0.25, 1.0) and result.accuracy == (0.5, 1.0)


def test_errors() -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        ece_of_confidences([70.0], [True])
    with pytest.raises(InputError, match="one length"):
        ece_of_confidences([0.7], [True, False])
    with pytest.raises(InputError, match="num_bins"):
        ece_of_confidences([0.7], [True], 0)
    with pytest.raises(InputError, match="token ids"):
        nll(ROWS, [0, 3])
    with pytest.raises(InputError, match="token ids"):
        nll(ROWS, [0.5, 1.5])


def test_torch_logits_and_labels() -> None:
    torch = pytest.importorskip("torch")
    assert nll(torch.tensor(ROWS), torch.tensor([0, 2])) == pytest.approx(nll(ROWS, [0, 2]))


# Equivalent, entropy-matched and calibrated temperature: known answers, a fine grid as the oracle, limits told.

LOGITS_A = np.random.default_rng(0).normal(size=(12, 9)) * 2
LOGITS_B = LOGITS_A * 1.5 + np.random.default_rng(1).normal(size=(12, 9))


def mean_kl(tau: float, tau_a: float = 0.8) -> float:
    """The loss of equivalent temperature, by the oracle."""
    pairs = zip(LOGITS_A.tolist(), LOGITS_B.tolist(), strict=True)
    losses = [reference.kl(reference.softmax(a, tau_a), reference.softmax(b, tau)) for a, b in pairs]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_scaled_logits_are_matched_exactly(scale: float) -> None:
    match = equivalent_temperature(LOGITS_A, LOGITS_A * scale + 5.0, temperature_a=0.7)
    assert match.temperature == pytest.approx(0.7 * scale, rel=1e-9)
    assert match.residual < 1e-15
    assert (match.at_bound, match.num_contexts) == (False, 12)
    again = entropy_matched_temperature(LOGITS_A, LOGITS_A * scale, temperature_a=0.7)
    assert again.temperature == pytest.approx(0.7 * scale, rel=1e-8)


def test_equals_the_best_of_a_fine_grid_and_reports_what_is_left() -> None:
    match = equivalent_temperature(LOGITS_A, LOGITS_B, temperature_a=0.8)
    best = reference.best_temperature(mean_kl, match.temperature * 0.5, match.temperature * 2, steps=401)
    assert match.temperature == pytest.approx(best, rel=0.01)
    assert match.residual == pytest.approx(mean_kl(match.temperature), rel=1e-9)
    assert all(mean_kl(match.temperature * factor) > match.residual for factor in (0.5, 0.99, 1.01, 2.0))


def test_removed_tokens_in_both_do_not_matter() -> None:
    pad = np.full((12, 3), -math.inf)
    padded = equivalent_temperature(np.hstack([LOGITS_A, pad]), np.hstack([LOGITS_B, pad]))
    assert padded.temperature == pytest.approx(
        equivalent_temperature(LOGITS_A, LOGITS_B).temperature, rel=1e-9
    )


def test_a_greedy_target_is_a_limit_and_says_so() -> None:
    match = equivalent_temperature(LOGITS_A, LOGITS_A, temperature_a=0)
    assert match.at_bound and match.temperature == pytest.approx(1e-3)
    assert entropy_matched_temperature(LOGITS_A, LOGITS_B, temperature_a=0).at_bound
    uniform = equivalent_temperature(np.zeros((12, 9)), LOGITS_A)
    assert uniform.at_bound and uniform.temperature == pytest.approx(1e3)


def test_a_token_that_b_excludes_is_refused() -> None:
    excluded = LOGITS_B.copy()
    excluded[4, 2] = -math.inf
    with pytest.raises(InputError, match="context 4"):
        equivalent_temperature(LOGITS_A, excluded)
    with pytest.raises(InputError, match="same contexts"):
        equivalent_temperature(LOGITS_A, LOGITS_B[:3])


def test_entropy_matched_has_the_entropy_of_a() -> None:
    match = entropy_matched_temperature(LOGITS_A, LOGITS_B[:5], temperature_a=0.6)
    assert np.mean(entropy(LOGITS_B[:5], match.temperature)) == pytest.approx(np.mean(entropy(LOGITS_A, 0.6)))
    assert match.residual < 1e-10


def test_calibrated_temperature_finds_the_scale_that_made_the_labels() -> None:
    """20,000 labels from softmax(z), logits given as 2.5 z: the estimate of 2.5 has a standard error near 0.02."""
    generator = np.random.default_rng(2)
    logits = generator.normal(size=(20_000, 6)) * 2
    cumulative = np.cumsum(softmax(logits), axis=-1)
    labels = np.minimum((generator.random((20_000, 1)) > cumulative).sum(axis=-1), 5)
    match = calibrated_temperature(2.5 * logits, labels)
    assert match.temperature == pytest.approx(2.5, abs=0.1)
    assert match.residual == pytest.approx(nll(2.5 * logits, labels, match.temperature))
    assert match.residual < min(nll(2.5 * logits, labels, match.temperature * f) for f in (0.9, 1.1))


def test_calibration_without_a_best_temperature_says_so() -> None:
    assert calibrated_temperature(LOGITS_A, np.argmax(LOGITS_A, axis=-1)).at_bound
    assert calibrated_temperature(LOGITS_A, np.argmin(LOGITS_A, axis=-1)).at_bound


def test_calibration_refuses_labels_that_cannot_be() -> None:
    with pytest.raises(InputError, match="token ids from 0 to 8"):
        calibrated_temperature(LOGITS_A, np.full(12, 9))
    with pytest.raises(InputError, match="one label for each row"):
        calibrated_temperature(LOGITS_A, [1, 2])
    removed = LOGITS_A.copy()
    removed[3, 1] = -math.inf
    with pytest.raises(InputError, match="row 3: its label has been removed"):
        calibrated_temperature(removed, np.ones(12, int))
