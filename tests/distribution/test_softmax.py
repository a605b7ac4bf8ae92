"""Softmax and tempering: four tokens by hand, the worked example, the oracle, faults named by row, numpy and torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.distribution import (
    Distribution,
    bad_rows,
    check_log_probs,
    check_logits,
    entropy,
    log_softmax,
    softmax,
    tempered,
)
from retort.errors import InputError

FOUR = np.log([0.5, 0.25, 0.125, 0.125])

SKY = [15.2, 10.1, 8.4, 6.2, 2.1, -4.8]
# τ → probabilities of blue, cloudy, clear, dark, green, cheese; entropy (nats); e^H; 6 digits.
WORKED_EXAMPLE = {
    0.1: ("1 7.09547e-23 2.93748e-30 8.19401e-40 1.28063e-57 1.3839e-87", "0.00000", "1.0000"),
    1.0: ("0.992717 0.00605235 0.00110566 0.000122511 2.03034e-06 2.04614e-09", "0.04682", "1.0479"),
    2.0: ("0.889648 0.0694652 0.0296905 0.0098831 0.0012723 4.039e-05", "0.44822", "1.5655"),
    3.0: ("0.740689 0.135312 0.0767777 0.0368767 0.00940193 0.000942626", "0.86220", "2.3684"),
    4.0: ("0.620321 0.173337 0.113322 0.0653814 0.0234586 0.00417969", "1.13600", "3.1143"),
}

logit_rows = arrays(
    np.float64, st.integers(1, 12), elements=st.floats(-50, 50, allow_nan=False, allow_infinity=False)
)
temperatures = st.floats(0.05, 20.0)


@pytest.mark.parametrize("tau", WORKED_EXAMPLE)
def test_worked_example(tau: float) -> None:
    probs, nats, support = WORKED_EXAMPLE[tau]
    distribution = Distribution(SKY, temperature=tau)
    assert " ".join(f"{p:.6g}" for p in distribution.probs) == probs
    assert f"{distribution.entropy:.5f}" == nats
    assert f"{distribution.effective_support:.4f}" == support


def test_four_tokens_by_hand() -> None:
    np.testing.assert_allclose(softmax(FOUR), [0.5, 0.25, 0.125, 0.125], rtol=1e-15)
    # τ = 1/2 squares the probabilities: 1/4, 1/16, 1/64, 1/64 over their sum 22/64.
    np.testing.assert_allclose(softmax(FOUR, 0.5), [16 / 22, 4 / 22, 1 / 22, 1 / 22], rtol=1e-15)
    np.testing.assert_allclose(np.exp(log_softmax(FOUR, 0.5)), [16 / 22, 4 / 22, 1 / 22, 1 / 22], rtol=1e-15)


def test_temperature_zero_is_one_hot_on_the_lowest_id_among_ties() -> None:
    rows = np.array([[1.0, 3.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0]])
    np.testing.assert_array_equal(softmax(rows, 0), [[0, 1, 0, 0], [1, 0, 0, 0]])
    np.testing.assert_array_equal(log_softmax(rows, 0.0)[0], [-math.inf, 0, -math.inf, -math.inf])


def test_a_tiny_temperature_is_neither_raised_nor_overflows() -> None:
    assert softmax([1e6, 0.0, -1e6], 1e-320).tolist() == [1.0, 0.0, 0.0]
    # 0.005 would give another number if it were raised to 0.01.
    np.testing.assert_allclose(log_softmax([0.0, -0.01], 0.005)[1], -2 - math.log1p(math.exp(-2)), rtol=1e-12)


@pytest.mark.parametrize("tau", [1e-50, [1e-50]])
def test_a_temperature_that_float32_cannot_hold_is_not_a_nan(tau) -> None:
    torch = pytest.importorskip("torch")
    row = torch.tensor([[1.0, 2.0, 2.0]])
    assert softmax(row, tau).tolist() == [[0.0, 0.5, 0.5]] == softmax(row.numpy(), tau).tolist()


def test_a_large_temperature_is_accepted_and_nears_uniform() -> None:
    np.testing.assert_allclose(softmax(FOUR, 1e9), 0.25, rtol=1e-8)


def test_one_temperature_for_each_row() -> None:
    rows = np.stack([FOUR, FOUR, FOUR])
    batch = softmax(rows, [0.0, 0.5, 3.0])
    for row, tau in zip(batch, (0.0, 0.5, 3.0), strict=True):
        np.testing.assert_array_equal(row, softmax(FOUR, tau))


def test_removed_tokens_stay_removed() -> None:
    row = [1.0, -math.inf, 0.0, -math.inf]
    for tau in (0.0, 0.3, 1.0, 7.0):
        assert (log_softmax(row, tau)[[1, 3]] == -math.inf).all()
        assert not np.isnan(log_softmax(row, tau)).any()


@given(logit_rows, temperatures)
def test_equals_the_oracle_and_sums_to_one(logits: np.ndarray, tau: float) -> None:
    probs = softmax(logits, tau)
    np.testing.assert_allclose(probs, reference.softmax(logits.tolist(), tau), rtol=1e-12, atol=1e-300)
    assert abs(probs.sum() - 1) < 1e-12
    np.testing.assert_allclose(np.exp(log_softmax(logits, tau)), probs, rtol=1e-12, atol=1e-300)


@given(logit_rows, temperatures, temperatures)
def test_entropy_never_falls_as_temperature_rises(logits: np.ndarray, one: float, other: float) -> None:
    cold, hot = sorted((one, other))
    assert entropy(logits, hot) >= entropy(logits, cold) - 1e-12


@given(arrays(np.float64, (5, 7), elements=st.floats(-30, 30)), temperatures)
def test_a_batch_equals_its_rows_alone_bit_for_bit(rows: np.ndarray, tau: float) -> None:
    batch = log_softmax(rows, tau)
    for row, alone in zip(batch, rows, strict=True):
        np.testing.assert_array_equal(row, log_softmax(alone, tau))


def test_a_large_float32_batch_equals_its_rows_alone_bit_for_bit() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 50_021)).astype(np.float32)
    batch = softmax(rows, 0.7)
    for row, alone in zip(batch, rows, strict=True):
        np.testing.assert_array_equal(row, softmax(alone, 0.7))


@given(logit_rows, temperatures)
def test_tempering_shifts_and_divides(logits: np.ndarray, tau: float) -> None:
    expected = logits if tau == 1.0 else reference.temperature(logits.tolist(), tau)
    np.testing.assert_allclose(tempered(logits, tau), expected, rtol=1e-15)


def test_the_input_is_untouched() -> None:
    row = np.array([3.0, 1.0, 2.0])
    for tau in (0.0, 0.5, 1.0):
        softmax(row, tau)
        log_softmax(row, tau)
        tempered(row, tau)
    np.testing.assert_array_equal(row, [3.0, 1.0, 2.0])


def test_float32_logits_that_differ_still_differ_after_tempering() -> None:
    first = np.float32(1.9999999)
    row = np.array([20.0, first, np.nextafter(first, np.float32(0))], dtype=np.float32)
    assert row[1] > row[2]
    scaled = tempered(row, 1.5)
    assert scaled[1] > scaled[2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([1.0, math.nan], "NaN among the logits"),
        ([1.0, math.inf], r"\+inf among the logits"),
        ([-math.inf, -math.inf], "every token is -inf"),
        ([[0.0, 1.0], [math.nan, 1.0]], r"1 of 2 rows .*row 1: NaN"),
        (
            [[-math.inf, -math.inf], [0.0, math.inf]],
            r"2 of 2 rows .*row 0: every token is -inf.*row 1: \+inf",
        ),
        ([[[0.0, 1.0], [0.0, math.inf]]], r"row 0, 1: \+inf"),
    ],
)
def test_unusable_rows_are_named(rows: list, message: str) -> None:
    for function in (softmax, log_softmax, check_logits, Distribution):
        with pytest.raises(InputError, match=message):
            function(rows)


def test_many_bad_rows_are_counted_not_listed() -> None:
    with pytest.raises(InputError, match="40 of 40 rows") as caught:
        softmax(np.full((40, 3), math.nan))
    assert "and 35 more rows" in str(caught.value)


def test_bad_rows_leaves_the_others_usable() -> None:
    rows = np.array([[0.0, 1.0], [math.nan, 0.0], [2.0, 1.0], [-math.inf, -math.inf]])
    faults = bad_rows(rows)
    assert list(faults) == [(1,), (3,)]
    good = [i for i in range(4) if (i,) not in faults]
    np.testing.assert_array_equal(softmax(rows[good])[0], softmax([0.0, 1.0]))
    assert bad_rows(rows[good]) == {}


@pytest.mark.parametrize("tau", [-0.1, math.nan, math.inf, -math.inf, "hot", [1.0, -1.0]])
def test_bad_temperatures_are_refused(tau: object) -> None:
    with pytest.raises(InputError, match="temperature must be"):
        softmax(np.zeros((2, 3)), tau)


def test_a_temperature_that_no_float_holds_is_refused() -> None:
    with pytest.raises(InputError, match="temperature is a number that no float holds"):
        softmax(np.zeros((2, 3)), 10**400)


@pytest.mark.parametrize(
    "values", [[], 3.0, np.zeros((2, 0)), [[1.0], [1.0, 2.0]], "text", np.array([1 + 2j, 0])]
)
def test_what_is_not_an_array_of_numbers_is_refused(values: object) -> None:
    with pytest.raises(InputError, match="logits"):
        softmax(values)


def test_lists_and_integers_are_read_as_float64() -> None:
    assert softmax([1, 2, 3]).dtype == np.float64
    np.testing.assert_array_equal(softmax(np.array([1, 2, 3])), softmax([1.0, 2.0, 3.0]))


def test_check_log_probs_refuses_raw_logits() -> None:
    check_log_probs(log_softmax(FOUR))
    with pytest.raises(InputError, match=r"sum to 2 in row 1"):
        check_log_probs(np.log([[0.5, 0.5], [1.0, 1.0]]))


@given(arrays(np.float64, (3, 6), elements=st.floats(-20, 20)), temperatures)
def test_torch_float64_equals_numpy(rows: np.ndarray, tau: float) -> None:
    torch = pytest.importorskip("torch")
    result = softmax(torch.tensor(rows), tau)
    assert result.dtype == torch.float64
    np.testing.assert_allclose(result.numpy(), softmax(rows, tau), rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_torch_small_floats_compute_and_return_float32(name: str) -> None:
    torch = pytest.importorskip("torch")
    rows = torch.tensor(np.random.default_rng(2).normal(size=(4, 300)) * 3).to(getattr(torch, name))
    result = softmax(rows, 0.7)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), softmax(rows.double().numpy(), 0.7), rtol=2e-5)
    assert softmax(np.zeros(4, np.float16)).dtype == np.float64


def test_torch_gradient_of_log_softmax() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.tensor([1.0, 2.0, -math.inf, 0.5], dtype=torch.float64, requires_grad=True)
    log_softmax(logits, 2.0)[1].backward()
    probs = softmax(logits.detach().numpy(), 2.0)
    np.testing.assert_allclose(logits.grad.numpy(), (np.array([0, 1, 0, 0]) - probs) / 2.0, rtol=1e-12)
