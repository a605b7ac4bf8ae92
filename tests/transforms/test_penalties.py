"""Repetition, frequency and presence penalties: four tokens by hand, oracles, scopes, torch, what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.chain import Chain, Stage
from retort.errors import InputError
from retort.transforms import Context, dry, frequency_penalty, presence_penalty, repetition_penalty
from retort.transforms.penalties import STEPS, continuations
from transforms.four_tokens import after

FOUR = np.array([2.0, -1.0, 0.0, 1.0])

PENALTIES = {
    "repetition_penalty": (repetition_penalty, reference.repetition_penalty),
    "frequency_penalty": (frequency_penalty, reference.frequency_penalty),
    "presence_penalty": (presence_penalty, reference.presence_penalty),
}

histories = st.lists(st.integers(0, 7), max_size=20)
scopes = st.one_of(st.sampled_from(["all", "output"]), st.integers(0, 25).map(lambda n: f"last:{n}"))


def test_repetition_by_hand() -> None:
    """Positive logits are divided, negative ones multiplied; how often a token came does not matter."""
    assert repetition_penalty(FOUR, 2.0, context=after(0, 1, 0)).tolist() == [1.0, -2.0, 0.0, 1.0]
    assert repetition_penalty(FOUR, 0.5, context=after(0, 1, 2)).tolist() == [4.0, -0.5, 0.0, 1.0]


def test_frequency_by_hand() -> None:
    assert frequency_penalty(FOUR, 0.5, context=after(0, 3, 0)).tolist() == [1.0, -1.0, 0.0, 0.5]
    assert frequency_penalty(FOUR, -0.5, context=after(1)).tolist() == [2.0, -0.5, 0.0, 1.0]


def test_presence_by_hand() -> None:
    assert presence_penalty(FOUR, 0.5, context=after(0, 3, 0)).tolist() == [1.5, -1.0, 0.0, 0.5]


def test_the_default_scopes_are_those_of_their_sources() -> None:
    """The repetition penalty sees the prompt, OpenAI's two do not."""
    context = after(0, 3, prompt=1)
    assert repetition_penalty(FOUR, 2.0, context=context).tolist() == [1.0, -1.0, 0.0, 0.5]
    assert frequency_penalty(FOUR, 1.0, context=context).tolist() == [2.0, -1.0, 0.0, 0.0]
    assert presence_penalty(FOUR, 1.0, context=context).tolist() == [2.0, -1.0, 0.0, 0.0]


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize(
    ("scope", "touched"),
    [("all", [0, 1, 3]), ("output", [1, 3]), ("last:1", [3]), ("last:2", [1, 3]), ("last:9", [0, 1, 3])],
)
def test_three_scopes(name: str, scope: str, touched: list[int]) -> None:
    result = PENALTIES[name][0](FOUR, 1.5, scope, context=after(0, 0, 1, 3, prompt=2))
    assert np.flatnonzero(result != FOUR).tolist() == touched


@pytest.mark.parametrize("name", PENALTIES)
@given(
    logits=arrays(np.float64, 8, elements=st.floats(-20, 20)),
    penalty=st.floats(0.1, 3),
    history=histories,
    scope=scopes,
    data=st.data(),
)
def test_penalties_equals_the_oracle(
    name: str, logits: np.ndarray, penalty: float, history: list[int], scope: str, data: st.DataObject
) -> None:
    function, oracle = PENALTIES[name]
    prompt = data.draw(st.integers(0, len(history)))
    before = logits.copy()
    result = function(logits, penalty, scope, context=after(*history, prompt=prompt))
    expected = oracle(logits.tolist(), penalty, reference.looked_at(history, prompt, scope))
    np.testing.assert_allclose(result, expected, rtol=1e-15)
    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_batch_equals_its_rows_alone_whatever_each_rows_penalty(name: str) -> None:
    function = PENALTIES[name][0]
    rows = np.random.default_rng(1).normal(size=(2, 3, 9))
    history = [[1, 2, 2], [], [8], [0, 1, 2, 3], [4, 4, 4, 4], [7]]
    lengths = [1, 0, 0, 2, 3, 1]
    penalties = [[1.1, 2.0, 1.0], [0.5, 3.0, 1.2]]
    batch = function(rows, penalties, context=Context(history=history, prompt_lengths=lengths))
    for place in range(6):
        alone = function(
            rows.reshape(6, 9)[place],
            np.ravel(penalties)[place],
            context=after(*history[place], prompt=lengths[place]),
        )
        np.testing.assert_array_equal(batch.reshape(6, 9)[place], alone)


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_torch_equals_numpy_and_carries_gradients(name: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    rows = torch.tensor(np.random.default_rng(2).normal(size=(3, 7)), requires_grad=True)
    given_rows = rows.to(getattr(torch, dtype))
    context = Context(history=[[1, 1], [2, 6], []], prompt_lengths=[0, 0, 0])
    for penalty in (1.3, [1.3, 0.7, 2.0]):
        result = PENALTIES[name][0](given_rows, penalty, "all", context=context)
        exact = PENALTIES[name][0](given_rows.detach().double().numpy(), penalty, "all", context=context)
        assert result.dtype == (torch.float64 if dtype == "float64" else torch.float32)
        np.testing.assert_allclose(result.detach().numpy(), exact, rtol=1e-6)
    result.sum().backward()
    assert (rows.grad != 0).all()


def test_removed_tokens_stay_removed() -> None:
    row = np.array([-math.inf, 1.0, 0.0])
    for function, _ in PENALTIES.values():
        result = function(row, 2.0, "all", context=after(0, 1))
        assert result[0] == -math.inf
        assert np.isfinite(result[1:]).all()


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("repetition_penalty=1", True),
        ("repeat-penalty=1.0", True),
        ("repetition_penalty(1.3, scope=last:0)", True),
        ("frequency_penalty=0", True),
        ("presence_penalty=0.0", True),
        ("repetition_penalty=0.9", False),
        ("presence_penalty=-1", False),
    ],
)
def test_off_values(text: str, off: bool) -> None:
    assert (len(Chain(text)) == 0) is off


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("repetition_penalty=0", "repetition_penalty must be a finite number above 0"),
        ("repetition_penalty=-1", "above 0"),
        ("frequency_penalty=nan", "frequency_penalty must be a finite number"),
        ("presence_penalty=inf", "presence_penalty must be a finite number"),
        ("presence_penalty(1, scope=prompt)", "scope must be all .*got 'prompt'"),
        ("presence_penalty(1, scope=last:-3)", "scope must be"),
    ],
)
def test_penalties_values_out_of_range(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Chain(text)


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (None, "needs the tokens so far; pass history"),
        (Context(history=[[1], [2]]), "pass prompt_lengths"),
        (Context(history=[[1], [2], [3]], prompt_lengths=[0, 0]), "history must have one entry for each of 2 rows"),
        (Context(history=[[1], [2]], prompt_lengths=[0]), "prompt_lengths must have one entry for each of 2 rows"),
        (Context(history=[[1], [4]], prompt_lengths=[0, 0]), "token id 4, but the logits have 4 tokens"),
        (Context(history=[[1], [-1]], prompt_lengths=[0, 0]), "token id -1"),
    ],
)  # fmt: skip
def test_a_history_that_does_not_fit(context: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Chain("presence_penalty=1").apply(np.zeros((2, 4)), context=context)


def test_a_single_row_takes_its_ids_alone() -> None:
    chain = Chain("repetition_penalty=2")
    expected = [1.0, -2.0, 0.0, 1.0]
    assert chain.apply(FOUR, [0, 1]).tolist() == chain.apply(FOUR, [[0, 1]]).tolist() == expected
    assert chain.apply(FOUR[None], [[0, 1]])[0].tolist() == expected
    assert chain.apply(FOUR, []).tolist() == chain.apply(FOUR, [[]]).tolist() == FOUR.tolist()
    assert chain.apply(FOUR, np.array([0, 1])).tolist() == chain.apply(FOUR, np.array([[0, 1]])).tolist()


def test_penalties_are_not_nested_after_temperature_and_do_not_matter_before() -> None:
    assert Chain("repetition_penalty=1.2 | temperature=2 | top_p=0.9").nested
    assert not Chain("temperature=2 | repetition_penalty=1.2 | top_p=0.9").nested
    assert not Chain("repetition_penalty=1.2 | top_p=0.9").nested


def test_explain_says_how_much_mass_a_penalty_moves() -> None:
    row = np.log([0.5, 0.25, 0.25])
    explanation = Chain(f"presence_penalty({math.log(2)}) | top_k=2").explain(row, context=after(0, prompt=0))
    penalty, cut = explanation.stages
    # 1/2, 1/4, 1/4 become thirds.
    assert (penalty.kept, penalty.removed, float(penalty.kept_mass)) == (3, 0, 1.0)
    assert float(penalty.moved) == pytest.approx(1 / 6)
    assert float(cut.kept_mass_total) == pytest.approx(2 / 3)


# DRY: four tokens by hand, the oracle that tries every run, breakers, windows, and long repetitions.

ZEROS = np.zeros(4)

dry_histories = st.lists(st.integers(0, 3), max_size=30)


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


def test_a_breaker_written_as_text_is_one_breaker() -> None:
    """ "12" is the id 12, and not the tokens 1 and 2 one after the other."""
    assert Stage("dry", 1, breakers=["12"]).setting("breakers") == (12,)
    assert Stage("dry", 1, breakers=["12", "3+4", (5, 6), 7]).setting("breakers") == (7, 12, (3, 4), (5, 6))
    with pytest.raises(InputError, match="dry_breakers must be token ids"):
        Stage("dry", 1, breakers=["x"])


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
    dry_histories,
    st.sets(st.integers(0, 3), max_size=2),
    st.floats(0.1, 3),
    st.floats(1, 3),
    st.integers(1, 5),
    st.one_of(st.just(-1), st.integers(1, 30)),
)
def test_dry_equals_the_oracle(
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
def test_dry_values_out_of_range(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Chain(text)
