"""Divergences: by hand, against the oracle, never negative, exact limits, removed tokens, gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.distribution import jsd, kl, log_softmax, skew_kl, total_variation
from retort.errors import InputError

P, Q = np.log([0.5, 0.25, 0.125, 0.125]), np.log([0.25, 0.25, 0.25, 0.25])
pairs = arrays(np.float64, st.tuples(st.just(2), st.integers(1, 9)), elements=st.floats(-15, 15))


def probs(log_probs: np.ndarray) -> list[float]:
    """Plain probabilities for the oracle."""
    return np.exp(log_probs).tolist()


def test_by_hand() -> None:
    # ½ ln 2 + 0 - 2·⅛ ln 2 = ¼ ln 2, and back: -¼ ln 2 + 2·¼ ln 2 = ¼ ln 2.
    assert kl(P, Q) == pytest.approx(0.25 * math.log(2), rel=1e-14)
    assert kl(Q, P) == pytest.approx(0.25 * math.log(2), rel=1e-14)
    assert total_variation(P, Q) == pytest.approx(0.25)
    # m = (3/8, 1/4, 3/16, 3/16).
    expected = 0.5 * (0.5 * math.log(4 / 3) + 0.25 * math.log(2 / 3))
    expected += 0.5 * (0.25 * math.log(2 / 3) + 0.5 * math.log(4 / 3))
    assert jsd(P, Q) == pytest.approx(expected, rel=1e-14)


def test_disjoint_supports() -> None:
    left, right = np.array([0.0, -math.inf]), np.array([-math.inf, 0.0])
    assert kl(left, right) == math.inf
    assert jsd(left, right) == pytest.approx(math.log(2))
    assert total_variation(left, right) == 1.0
    assert skew_kl(left, right, 0.1) == pytest.approx(math.log(10))


@given(pairs, st.floats(0.01, 0.99))
def test_equal_the_oracle(logits: np.ndarray, beta: float) -> None:
    p, q = log_softmax(logits)
    assert kl(p, q) == pytest.approx(reference.kl(probs(p), probs(q)), rel=1e-9, abs=1e-12)
    assert jsd(p, q, beta) == pytest.approx(reference.jsd(probs(p), probs(q), beta), rel=1e-9, abs=1e-12)
    assert total_variation(p, q) == pytest.approx(reference.total_variation(probs(p), probs(q)), abs=1e-14)
    skewed = reference.kl(probs(p), reference.mixture(probs(p), probs(q), beta))
    assert skew_kl(p, q, beta) == pytest.approx(skewed, rel=1e-9, abs=1e-12)


@given(arrays(np.float64, 30, elements=st.floats(-30, 30)), st.floats(-1e-6, 1e-6), st.integers(0, 29))
def test_kl_is_never_negative_even_between_nearly_equal_rows(
    logits: np.ndarray, nudge: float, token: int
) -> None:
    other = logits.copy()
    other[token] += nudge
    p, q = log_softmax(np.stack([logits, other]))
    assert kl(p, q) >= 0 and kl(q, p) >= 0 and jsd(p, q) >= 0
    assert kl(p, p) == 0.0


def test_nearly_equal_rows_keep_their_digits() -> None:
    """KL between ½±ε is 2ε² + O(ε⁴); the textbook sum loses it to cancellation at ε = 1e-9."""
    epsilon = 1e-9
    p, q = np.log([0.5, 0.5]), np.log([0.5 + epsilon, 0.5 - epsilon])
    assert kl(p, q) == pytest.approx(2 * epsilon**2, rel=1e-5)


def test_limits_of_jsd_are_the_two_kls_in_the_stated_order() -> None:
    p, q = log_softmax(np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 5.0]]))
    assert jsd(p, q, 0.0) == kl(p, q) != kl(q, p)
    assert jsd(p, q, 1.0) == kl(q, p)
    assert jsd(p, q, 1e-7) / 1e-7 == pytest.approx(kl(p, q), rel=1e-5)
    assert jsd(p, q, 1 - 1e-7) / 1e-7 == pytest.approx(kl(q, p), rel=1e-5)
    assert jsd(p, q, 0.1) != pytest.approx(jsd(p, q, 0.9))
    assert jsd(p, q, 0.1) == pytest.approx(jsd(q, p, 0.9))


def test_skew_kl_ends() -> None:
    p, q = log_softmax(np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 5.0]]))
    assert skew_kl(p, q, 0.0) == kl(p, q)
    assert skew_kl(p, q, 1.0) == 0.0


def test_removed_in_both_counts_for_nothing() -> None:
    p, q = np.log([[0.5, 0.5], [0.25, 0.75]])
    padded = [np.append(row, -math.inf) for row in (p, q)]
    for divergence in (kl, jsd, skew_kl, total_variation):
        assert divergence(*padded) == pytest.approx(divergence(p, q), rel=1e-15)


def test_a_probability_that_underflows_is_zero_not_nan() -> None:
    p, q = np.array([0.0, -800.0, -900.0]), np.array([0.0, -math.inf, -1.0e4])
    assert kl(p, q) == 0.0


def test_far_apart_rows_do_not_overflow() -> None:
    p, q = log_softmax(np.array([[0.0, -700.0], [-700.0, 0.0]]))
    assert kl(p, q) == pytest.approx(700.0)


def test_errors() -> None:
    with pytest.raises(InputError, match="vocabularies of 4 and 2; pad"):
        kl(P, np.log([0.5, 0.5]))
    with pytest.raises(InputError, match="the second distribution must be normalised"):
        kl(P, np.zeros(4))
    with pytest.raises(InputError, match="beta must be"):
        jsd(P, Q, 1.5)
    with pytest.raises(InputError, match="alpha must be"):
        skew_kl(P, Q, -0.1)
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match="both be numpy arrays or both torch"):
        kl(P, torch.tensor(Q))


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16"])
def test_torch_equals_numpy(name: str) -> None:
    torch = pytest.importorskip("torch")
    rows = np.random.default_rng(0).normal(size=(2, 5, 40)) * 3
    rows[:, 2, :7] = -math.inf
    p, q = (log_softmax(torch.tensor(part).to(getattr(torch, name))) for part in rows)
    tolerance = 1e-10 if name == "float64" else 1e-4
    exact = [log_softmax(torch.tensor(part).to(getattr(torch, name)).double().numpy()) for part in rows]
    for divergence in (kl, jsd, skew_kl, total_variation):
        result = divergence(p, q)
        assert result.dtype == (torch.float64 if name == "float64" else torch.float32)
        np.testing.assert_allclose(result.numpy(), divergence(*exact), rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("divergence", [kl, jsd, skew_kl, total_variation])
@pytest.mark.parametrize("swapped", [False, True])
def test_gradients_are_finite_with_removed_tokens(divergence: object, swapped: bool) -> None:
    torch = pytest.importorskip("torch")
    teacher = log_softmax(torch.tensor([2.0, 1.0, -math.inf, -math.inf]))
    logits = torch.tensor([0.5, 1.5, 0.1, -math.inf], requires_grad=True)
    # Reverse KL against a token the teacher removed is truly infinite; give both the same support there.
    if swapped and divergence is kl:
        logits = torch.tensor([0.5, 1.5, -math.inf, -math.inf], requires_grad=True)
    student = log_softmax(logits)
    value = divergence(*((student, teacher) if swapped else (teacher, student)))  # type: ignore[operator]
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


def test_gradient_of_forward_kl_is_student_minus_teacher() -> None:
    torch = pytest.importorskip("torch")
    teacher = log_softmax(torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64))
    logits = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64, requires_grad=True)
    student = log_softmax(logits)
    kl(teacher, student).backward()
    np.testing.assert_allclose(
        logits.grad.numpy(), (student.detach().exp() - teacher.exp()).numpy(), rtol=1e-12
    )
