"""Measures of one distribution, and `Distribution` itself: by hand, against the oracle, at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.chain import Chain
from retort.distribution import (
    Distribution,
    effective_support,
    entropy,
    entropy_of_log_probs,
    leakage,
    log_softmax,
    margin,
    nucleus_size,
    softmax,
    support_size,
    text_effective_support,
)
from retort.distribution.measures import read_rows
from retort.distribution.ranking import top_ids
from retort.errors import InputError

FOUR = np.log([0.5, 0.25, 0.125, 0.125])
rows_of_logits = arrays(np.float64, st.integers(1, 10), elements=st.floats(-20, 20))


def test_entropy_by_hand() -> None:
    # 1/2·ln 2 + 1/4·ln 4 + 2·1/8·ln 8 = 1.75 ln 2.
    assert entropy(FOUR) == pytest.approx(1.75 * math.log(2), rel=1e-15)
    assert effective_support(FOUR) == pytest.approx(2**1.75, rel=1e-15)
    assert entropy(np.zeros(100)) == pytest.approx(math.log(100))
    assert entropy(FOUR, 0) == 0.0


def test_zero_times_log_zero_is_zero() -> None:
    assert entropy([0.0, -math.inf, 0.0, -math.inf]) == pytest.approx(math.log(2))
    assert entropy([-1e4, 0.0]) == 0.0


@given(rows_of_logits, st.floats(0.05, 20))
def test_entropy_equals_the_oracle(logits: np.ndarray, tau: float) -> None:
    expected = reference.entropy(reference.softmax(logits.tolist(), tau))
    assert entropy(logits, tau) == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert 0 <= entropy(logits, tau) <= math.log(len(logits)) + 1e-12


def test_text_effective_support_is_the_exponential_of_the_mean_entropy() -> None:
    assert text_effective_support([math.log(2), math.log(8)]) == pytest.approx(4)
    with pytest.raises(InputError):
        text_effective_support([])


def test_support_and_margin() -> None:
    assert support_size([[0.0, -math.inf, 1.0], [0.0, 0.0, 0.0]]).tolist() == [2, 3]
    assert margin([[1.0, 4.5, 3.0], [2.0, 2.0, 1.0]]).tolist() == [1.5, 0.0]
    assert margin([0.0, -math.inf]) == math.inf == margin([3.0])


def test_odds_of_first_to_second_are_e_to_the_margin_over_tau() -> None:
    probs = softmax(FOUR, 2.0)
    assert probs[0] / probs[1] == pytest.approx(math.exp(margin(FOUR) / 2.0))


def test_nucleus_size() -> None:
    assert [int(nucleus_size(FOUR, p)) for p in (0.0, 0.5, 0.51, 0.75, 0.9, 1.0)] == [1, 1, 2, 2, 4, 4]
    assert int(nucleus_size([0.0, -math.inf, -math.inf], 1.0)) == 1
    assert nucleus_size(np.stack([FOUR, np.zeros(4)]), 0.5).tolist() == [1, 2]
    assert int(nucleus_size(FOUR, 0.9, temperature=0.5)) == 2


def test_leakage_by_hand() -> None:
    logits = np.log([0.6, 0.3, 0.06, 0.04])
    # The top-90 % set at τ = 1 is the first two. At τ = 2 the weights are the square roots.
    roots = np.sqrt([0.6, 0.3, 0.06, 0.04])
    assert leakage(logits, Chain("temperature=2").apply(logits)) == pytest.approx(
        roots[2:].sum() / roots.sum()
    )
    assert leakage(logits, Chain("temperature=2 | top_k=2").apply(logits)) == 0.0
    with pytest.raises(InputError, match="one shape"):
        leakage(np.zeros(3), np.zeros(4))


def test_measures_return_one_number_a_row() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 3, 11)) * 3
    for measure in (entropy, effective_support, support_size, margin, lambda z: nucleus_size(z, 0.8)):
        assert measure(rows).shape == (2, 3)
        assert measure(rows)[1, 2] == measure(rows[1, 2])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_torch_equals_numpy(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    rows = torch.tensor(np.random.default_rng(1).normal(size=(4, 200)) * 4).to(getattr(torch, dtype))
    same = rows.double().numpy()
    tolerance = 1e-11 if dtype == "float64" else 2e-5
    for measure in (entropy, effective_support, support_size, margin, lambda z: nucleus_size(z, 0.8)):
        np.testing.assert_allclose(measure(rows).numpy(), measure(same), rtol=tolerance)


def test_entropy_gradient_at_a_removed_token_is_zero_not_nan() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.tensor([1.0, -math.inf, 0.0], dtype=torch.float64, requires_grad=True)
    entropy_of_log_probs(log_softmax(logits)).backward()
    assert logits.grad[1] == 0.0
    # dH/dz_i = -p_i (ln p_i + H).
    probs = softmax(logits.detach().numpy())
    nats = reference.entropy(probs.tolist())
    np.testing.assert_allclose(
        logits.grad.numpy()[[0, 2]], [-p * (math.log(p) + nats) for p in probs[[0, 2]]]
    )


def test_distribution_gathers_them() -> None:
    hot = Distribution(FOUR, temperature=2.0)
    assert hot.entropy == entropy(FOUR, 2.0)
    assert hot.support == 4
    assert hot.at(0.0).support == 1
    assert hot.margin == margin(FOUR)
    assert hot.greedy == 0
    assert hot.top(2).tolist() == [0, 1]
    assert hot.top(99).tolist() == [0, 1, 2, 3]
    assert hot.at(1.0).temperature == 1.0
    np.testing.assert_allclose(hot.at(1.0).probs, [0.5, 0.25, 0.125, 0.125])
    np.testing.assert_allclose(np.exp(hot.log_probs), hot.probs)
    assert repr(hot) == "Distribution(shape=(4,), temperature=2)"


def test_distribution_from_log_probs_equals_that_from_logits() -> None:
    logits = FOUR + 7.0
    for tau in (0.0, 0.5, 1.0, 3.0):
        np.testing.assert_allclose(
            Distribution(log_probs=FOUR, temperature=tau).probs, Distribution(logits, temperature=tau).probs
        )


def test_distribution_is_made_from_exactly_one_and_normalised() -> None:
    with pytest.raises(InputError, match="got both"):
        Distribution(FOUR, log_probs=FOUR)
    with pytest.raises(InputError, match="got neither"):
        Distribution()
    with pytest.raises(InputError, match="sum to"):
        Distribution(log_probs=FOUR + 1)
    with pytest.raises(InputError, match="one temperature"):
        Distribution(FOUR, temperature=[1.0, 2.0])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="whole number"):
        Distribution(FOUR).top(0)


def test_distribution_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Distribution(FOUR).temperature = 2.0  # type: ignore[misc]


# `read_rows` against the functions that each give one of its numbers, and a row worked by hand.


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("rows", "vocab"), [(1, 1), (3, 7), (20, 9_000), (2, 70_000)])
def test_the_numbers_are_those_of_the_single_functions(dtype, rows, vocab) -> None:
    random = np.random.default_rng(vocab)
    logits = random.normal(0, 4, (rows, vocab)).astype(dtype)
    logits[random.random(logits.shape) < 0.2] = -np.inf
    logits[:, 0] = 9.5
    ids = random.integers(0, vocab, rows)
    found, wide, places = read_rows(logits, ids), logits.astype(np.float64), np.arange(rows)
    assert found.log_probs == pytest.approx(log_softmax(wide)[places, ids], abs=1e-12)
    assert found.best_log_probs == pytest.approx(log_softmax(wide).max(axis=1), abs=1e-12)
    assert found.entropy == pytest.approx(np.asarray(entropy(wide)), abs=1e-12)
    assert found.margin.tolist() == np.asarray(margin(wide)).tolist()
    order = top_ids(wide, vocab)
    assert found.best.tolist() == order[:, 0].tolist()
    assert found.ranks.tolist() == [1 + row.tolist().index(i) for row, i in zip(order, ids, strict=True)]
    assert found.support.tolist() == (wide > -np.inf).sum(axis=1).tolist()


def test_a_row_by_hand() -> None:
    logits = np.log([[1.0, 2.0, 1.0], [4.0, 4.0, 0.0]], where=[[True] * 3, [True, True, False]],
                    out=np.full((2, 3), -np.inf))  # fmt: skip
    found = read_rows(logits, [2, 2])
    assert np.exp(found.log_probs) == pytest.approx([0.25, 0.0])
    assert found.entropy == pytest.approx([1.5 * math.log(2), math.log(2)])
    assert found.margin == pytest.approx([math.log(2), 0.0])
    assert (found.ranks.tolist(), found.best.tolist(), found.support.tolist()) == ([3, 3], [1, 0], [3, 2])
    assert read_rows(np.array([[5.0, -np.inf]]), [0]).margin.tolist() == [math.inf]


def test_what_is_refused() -> None:
    for bad in ([math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]):
        with pytest.raises(InputError, match="free of NaN"):
            read_rows(np.array([[0.0, 1.0], bad]), [0, 0])
    with pytest.raises(InputError, match="ids"):
        read_rows(np.zeros((2, 3)), [0])
