"""Chains: order is data. Parsing, printing, applying in the order stated, and what `explain` finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.chain import Chain, Stage
from retort.distribution import entropy, margin, softmax
from retort.errors import InputError

SKY = [15.2, 10.1, 8.4, 6.2, 2.1, -4.8]

stages = st.one_of(
    st.builds(Stage, st.just("top_k"), st.integers(1, 8)),
    st.builds(Stage, st.just("top_p"), st.floats(0.01, 0.99)),
    st.builds(Stage, st.just("min_p"), st.floats(0.01, 1.0)),
)


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """Any truncations in any order, with or without a temperature anywhere among them."""
    parts = draw(st.lists(stages, max_size=3))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), Stage("temperature", draw(st.floats(0.05, 10))))
    return Chain(parts)


def alive(logits: np.ndarray) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(logits > -math.inf).tolist()


def test_parse_and_print() -> None:
    chain = Chain.parse("temperature=0.8 | top_k=50 | top_p=0.9")
    assert list(chain) == [Stage("temperature", 0.8), Stage("top_k", 50), Stage("top_p", 0.9)]
    assert str(chain) == "temperature=0.8 | top_k=50 | top_p=0.9"
    assert Chain("temperature=0.8 | top_k=50 | top_p=0.9") == chain
    assert isinstance(chain.stages[1].value, int)


def test_kebab_case_aliases_and_spaces() -> None:
    assert Chain("temp=0.8|top-k=50|  nucleus = 0.9 |min-p=0.1") == Chain.of(0.8, 50, 0.9, 0.1)


def test_off_values_are_dropped_whoever_says_them() -> None:
    assert Chain("top_k=0 | top_k=-1 | top_p=1 | top_p=1.0 | min_p=0 | top_k=none | top_p=off").stages == ()
    assert Chain.of(temperature=None) == Chain("") == Chain(()) == Chain("  ")
    assert str(Chain(())) == ""
    assert Chain.of(0.7, 0, 1.0, 0.0) == Chain("temperature=0.7")


def test_temperature_1_is_a_value_and_keeps_its_place() -> None:
    chain = Chain("top_k=3 | temperature=1")
    assert str(chain) == "top_k=3 | temperature=1"
    assert str(chain.at_temperature(2.0)) == "top_k=3 | temperature=2"


def test_at_temperature() -> None:
    assert str(Chain("top_p=0.9 | temperature=0.3 | top_k=2").at_temperature(1.5)) == (
        "top_p=0.9 | temperature=1.5 | top_k=2"
    )
    assert str(Chain("top_p=0.9").at_temperature(0)) == "temperature=0 | top_p=0.9"
    assert (Chain("top_p=0.9").temperature, Chain("temp=0.25").temperature) == (1.0, 0.25)


@given(chains())
def test_round_trip(chain: Chain) -> None:
    assert Chain.parse(str(chain)) == chain
    assert hash(Chain.parse(str(chain))) == hash(chain)


@given(chains(), arrays(np.float64, (2, 8), elements=st.floats(-8, 8)))
def test_order_stated_equals_order_applied(chain: Chain, rows: np.ndarray) -> None:
    before = rows.copy()
    batch = chain.apply(rows)
    np.testing.assert_array_equal(rows, before)
    for row, logits in zip(batch, rows, strict=True):
        one_by_one = logits
        for stage in chain:
            one_by_one = stage.apply(one_by_one)
        np.testing.assert_array_equal(row, one_by_one)
        oracle = reference.apply_chain([(stage.name, stage.value) for stage in chain], logits.tolist())
        assert alive(row) == alive(np.array(oracle))
        np.testing.assert_allclose(softmax(row), reference.softmax(oracle), rtol=1e-11, atol=1e-300)


def test_order_matters() -> None:
    logits = np.log([0.5, 0.25, 0.15, 0.1])
    assert alive(Chain("temperature=3 | top_p=0.7").apply(logits)) == [0, 1, 2]
    assert alive(Chain("top_p=0.7 | temperature=3").apply(logits)) == [0, 1]


def test_nested() -> None:
    assert Chain("temperature=2 | top_k=5 | top_p=0.3 | min_p=0.1").nested
    assert Chain(()).nested


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temperature", "written name=value, got 'temperature'"),
        ("top_k=5 |", "written name=value, got ''"),
        ("=5", "written name=value"),
        ("top_q=5", "unknown transform 'top_q' .did you mean top_p.*known are"),
        ("top_p=high", "top_p must be a number from 0 to 1 .*got 'high'"),
        ("top_p=1.5", "top_p must be a number from 0 to 1 .*got 1.5"),
        ("top_k=2.5", "top_k must be a whole number"),
        ("temperature=-1", "temperature must be a finite number"),
        ("temperature=nan", "temperature must be a finite number"),
        ("temperature=1 | top_k=2 | temp=2", "temperature once, got temperature=1 and temperature=2"),
    ],
)
def test_bad_chains_are_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Chain.parse(text)


def test_a_stage_takes_one_number() -> None:
    with pytest.raises(InputError, match="one number"):
        Stage("top_p", [0.5, 0.9])  # type: ignore[arg-type]


def test_an_empty_chain_still_checks_its_rows() -> None:
    with pytest.raises(InputError, match="NaN"):
        Chain(()).apply([math.nan, 1.0])


def test_torch_equals_numpy() -> None:
    torch = pytest.importorskip("torch")
    rows = np.random.default_rng(8).normal(size=(4, 50)) * 3
    chain = Chain("temperature=1.7 | top_k=20 | top_p=0.9 | min_p=0.02")
    result = chain.apply(torch.tensor(rows)).numpy()
    np.testing.assert_array_equal(result > -math.inf, chain.apply(rows) > -math.inf)
    np.testing.assert_allclose(softmax(result), softmax(chain.apply(rows)), rtol=1e-12)


def test_run_says_what_a_draw_is_measured_by() -> None:
    """By hand: a bias makes a tie, which raw logits do not show; kept mass is of what the chain shaped."""
    logits = np.array([5.0, 4.0, 0.0, -1.0])
    tied = Chain("logit_bias(1: 1) | temperature=0").run(logits)
    assert margin(tied.undivided) == 0.0 and tied.temperature == 0.0
    assert np.exp(tied.log_kept_mass) == pytest.approx(np.exp(5) / (2 * np.exp(5) + 1 + np.exp(-1)))
    cut = Chain("temperature=2 | top_k=2").run(logits)
    np.testing.assert_allclose(cut.shaped, (logits - 5) / 2)
    assert np.exp(cut.log_kept_mass) == pytest.approx(softmax(logits, 2)[:2].sum())
    late = Chain("top_k=2 | temperature=2").run(logits)
    np.testing.assert_allclose(late.shaped, cut.shaped)
    np.testing.assert_allclose(late.undivided, [5.0, 4.0, -np.inf, -np.inf])
    assert Chain("logit_bias(3: 100) | top_k=1").run(logits).log_kept_mass == pytest.approx(0.0)
    banned = Chain("logit_bias(0: -inf, 1: 1)").run(logits)
    np.testing.assert_allclose(banned.shaped, [5.0, 5.0, 0.0, -1.0])
    whole = Chain("temperature=0.5").run(np.array([0.0, -2000.0]))
    assert whole.log_kept_mass == 0.0


def test_run_counts_a_dynamic_temperature_as_what_it_was() -> None:
    """The entropy of what reaches the stage decides τ; a row without entropy may be greedy beside one that is not."""
    chain = Chain("top_k=2 | dynatemp(range=1, temperature=0.8)")
    rows = np.array([[5.0, 4.0, 0.0, -1.0], [3.0, -np.inf, -np.inf, -np.inf]])
    run = chain.run(rows)
    share = entropy(rows[:1, :2])[0] / np.log(2)
    np.testing.assert_allclose(run.temperature, [1.8 * share, 0.0])
    np.testing.assert_allclose(softmax(run.shaped[0]), softmax(rows[0], 1.8 * share))
    np.testing.assert_allclose(np.exp(run.log_kept_mass), [softmax(rows[0], 1.8 * share)[:2].sum(), 1.0])
    np.testing.assert_allclose(run.processed, chain.apply(rows))
