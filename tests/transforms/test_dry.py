"""DRY: four tokens by hand, the oracle that tries every run, breakers, windows, and long repetitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from retort.chain import Chain
from retort.errors import InputError
from retort.transforms import Context, dry
from retort.transforms.penalties import STEPS, continuations

ZEROS = np.zeros(4)

histories = st.lists(st.integers(0, 3), max_size=30)


def after(*ids: int) -> Context:
    """The context of one row that has these ids."""
    return Context(history=[ids])


def test_by_hand() -> None:
    """0 1 2 0 1: the run 0 1 came before and 2 followed, so 2 would make a run of three."""
    assert dry(ZEROS, 0.8, context=after(0, 1, 2, 0, 1)).tolist() == [0.0, 0.0, -0.8, 0.0]
    # One token more than is allowed costs the base once.
    assert dry(ZEROS, 0.8, 1.75, 1, context=after(0, 1, 2, 0, 1)).tolist() == [0.0, 0.0, -0.8 * 1.75, 0.0]
    assert dry(ZEROS, 0.8, 1.75, 3, context=after(0, 1, 2, 0, 1)).tolist() == [0.0] * 4


def test_two_tokens_that_would_continue_runs_of_different_length() -> None:
    """After 0 1 2 … 3 1 3 … 0 1: the run 0 1 was followed by 2, the run 1 alone by 3."""
    assert continuations(np.array([0, 1, 2, 3, 1, 3, 0, 1])) == {2: 2, 3: 1}


def test_runs_may_overlap() -> None:
    assert continuations(np.array([2, 2, 2, 2])) == {2: 3}
    assert continuations(np.array([0, 1, 0, 1, 0])) == {1: 3}


def test_breakers_end_a_run_and_are_not_penalised() -> None:
    history = [0, 1, 2, 0, 1]
    assert continuations(np.array(history), frozenset({0})) == {2: 1}
    assert continuations(np.array(history), frozenset({1})) == {}
    assert dry(ZEROS, 1.0, 2.0, 1, -1, (2,), context=after(*history)).tolist() == [0.0] * 4


def test_only_the_last_tokens_are_looked_at() -> None:
    history = after(0, 1, 2, 3, 0, 1)
    assert dry(ZEROS, 1.0, last_n=6, context=history)[2] == -1.0
    assert dry(ZEROS, 1.0, last_n=5, context=history)[2] == 0.0
    assert len(Chain("dry(multiplier=0.8, last_n=0)")) == len(Chain("dry(multiplier=0)")) == 0


@given(
    histories,
    st.sets(st.integers(0, 3), max_size=2),
    st.floats(0.1, 3),
    st.floats(1, 3),
    st.integers(1, 5),
    st.one_of(st.just(-1), st.integers(1, 30)),
)
def test_equals_the_oracle(
    history: list[int], breakers: set[int], multiplier: float, base: float, length: int, last_n: int
) -> None:
    logits = np.array([0.5, -0.5, 1.0, 0.0])
    result = dry(logits, multiplier, base, length, last_n, tuple(breakers), context=after(*history))
    ids = history if last_n < 0 else history[max(0, len(history) - last_n) :]
    expected = reference.dry(logits.tolist(), multiplier, base, length, ids, tuple(breakers))
    np.testing.assert_allclose(result, expected, rtol=1e-14)


@pytest.mark.parametrize("period", [1, 2, 7, STEPS, STEPS + 1])
@pytest.mark.parametrize("extra", [0, 1, 5])
def test_repetitions_longer_than_are_followed_step_by_step(period: int, extra: int) -> None:
    history = np.tile(np.arange(period), 5)
    history = np.concatenate([history, np.arange(extra) % period])
    found = continuations(history)
    assert found[int(history[len(history) % period])] == len(history) - period
    unlike = np.concatenate([history, [period, 0]])
    assert all(length <= 1 for length in continuations(unlike).values())


def test_a_penalty_beyond_the_types_range_is_its_largest_number() -> None:
    row = dry(np.zeros(2), 1.0, 10.0, context=after(*[0] * 100))
    assert np.isfinite(row).all()
    assert row[0] < -1e38


def test_rows_of_a_batch_have_their_own_history() -> None:
    context = Context(history=[[0, 1, 2, 0, 1], [], [3, 3, 3]])
    assert dry(np.zeros((3, 4)), 1.0, context=context).tolist() == [
        [0.0, 0.0, -1.0, 0.0],
        [0.0] * 4,
        [0.0, 0.0, 0.0, -1.0],
    ]


def test_torch_equals_numpy() -> None:
    torch = pytest.importorskip("torch")
    context = after(0, 1, 2, 0, 1)
    result = dry(torch.zeros(4), 0.8, context=context)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), dry(ZEROS, 0.8, context=context), rtol=1e-7)


def test_text_form() -> None:
    text = "dry(multiplier=0.8, base=1.75, allowed_length=2, last_n=-1)"
    assert str(Chain("dry=0.8")) == text == str(Chain(text))
    with_breakers = "dry(multiplier=0.8, base=1.75, allowed_length=2, last_n=64, breakers=[13 198])"
    assert str(Chain(with_breakers)) == with_breakers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dry(multiplier=-1)", "dry_multiplier must be a finite number of 0 or more"),
        ("dry(multiplier=1, base=0.5)", "dry_base must be a finite number of 1 or more"),
        ("dry(multiplier=1, allowed_length=0)", "dry_allowed_length must be"),
        ("dry(multiplier=1, last_n=-2)", "dry_penalty_last_n must be"),
        ("dry(multiplier=1, breakers=x)", "dry_breakers must be token ids"),
    ],
)
def test_values_out_of_range(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Chain(text)
