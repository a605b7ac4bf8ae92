"""Bias, bad words, least length, allowed sets and grammars: by hand, oracles, and rows with nothing left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from retort.chain import Chain, Stage
from retort.errors import InputError
from retort.transforms import Context, allowed, bad_words, grammar, logit_bias, min_tokens
from transforms.four_tokens import after, kept

FOUR = np.array([2.0, -1.0, 0.0, 1.0])


def test_logit_bias_by_hand() -> None:
    assert logit_bias(FOUR, {1: 2.5, 3: -100}).tolist() == [2.0, 1.5, 0.0, -99.0]
    assert kept(logit_bias(FOUR, {0: -math.inf})) == [1, 2, 3]


def test_logit_bias_is_read_from_every_engines_shape() -> None:
    expected = Stage("logit_bias", {11: 2.5, 50256: -100})
    for shape in (
        {"50256": -100, "11": 2.5},
        [[50256, -100], [11, 2.5]],
        ((11, 2.5), (50256, -100.0)),
    ):
        assert Stage("logit_bias", shape) == expected
    assert str(expected) == "logit_bias(11: 2.5, 50256: -100)"
    assert Stage("logit_bias", [[3, False]]) == Stage("logit_bias", {3: -math.inf})
    assert Chain([Stage("logit_bias", {})]) == Chain("")


@given(st.dictionaries(st.integers(0, 10**6), st.floats(-1e300, 1e300), min_size=1, max_size=5))
def test_logit_bias_text_reads_back_exactly(biases: dict[int, float]) -> None:
    stage = Stage("logit_bias", biases)
    assert Stage.parse(str(stage)) == stage


def test_bad_words_by_hand() -> None:
    words = [[0, 1], [2], [3, 0, 3]]
    assert kept(bad_words(FOUR, words, context=after(0))) == [0, 3]
    assert kept(bad_words(FOUR, words, context=after(1))) == [0, 1, 3]
    assert kept(bad_words(FOUR, words, context=after(3, 0))) == [0]
    assert kept(bad_words(FOUR, words, context=after())) == [0, 1, 3]


def test_bad_words_may_look_at_the_output_alone() -> None:
    context = after(0, prompt=1)
    assert kept(bad_words(FOUR, [[0, 1]], context=context)) == [0, 2, 3]
    assert kept(bad_words(FOUR, [[0, 1]], "output", context=context)) == [0, 1, 2, 3]


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3), max_size=4),
    st.lists(st.integers(0, 4), max_size=6),
)
def test_bad_words_equals_the_oracle(words: list[list[int]], history: list[int]) -> None:
    logits = np.arange(6.0)
    expected = reference.bad_words(logits.tolist(), words, history)
    np.testing.assert_array_equal(bad_words(logits, words, context=after(*history)), expected)


@given(
    st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=3).map(tuple), min_size=1, max_size=4),
    st.sampled_from(["all", "output", "last:3"]),
)
def test_bad_words_text_reads_back(words: list[tuple[int, ...]], scope: str) -> None:
    stage = Stage("bad_words", words, scope=scope)
    assert Stage.parse(str(stage)) == stage
    assert stage.value == tuple(sorted(set(words)))


def test_min_tokens_by_hand() -> None:
    assert kept(min_tokens(FOUR, 2, 0, context=after(1, 1, 1, prompt=3))) == [1, 2, 3]
    assert kept(min_tokens(FOUR, 2, (0, 3), context=after(1, 1, 1, 1, prompt=3))) == [1, 2]
    assert kept(min_tokens(FOUR, 2, 0, context=after(1, 1, 1, 1, 1, prompt=3))) == [0, 1, 2, 3]


def test_min_tokens_says_that_it_needs_the_end_ids_and_takes_them_later() -> None:
    chain = Chain("min_tokens=8 | temperature=2")
    with pytest.raises(InputError, match="min_tokens needs the ids that end a text"):
        chain.apply(FOUR, context=after())
    assert str(chain.ending_at([2])) == "min_tokens(8, end=2) | temperature=2"
    assert str(Chain("min_tokens(8, end=[7 9])").ending_at([2])) == "min_tokens(8, end=[7 9])"


def test_allowed_by_hand() -> None:
    assert kept(allowed(FOUR, [1, 3])) == [1, 3]
    assert kept(allowed(FOUR, np.array([True, False, False, True]))) == [0, 3]
    assert kept(allowed(np.stack([FOUR, FOUR]), [2])[1]) == [2]
    assert str(Chain("allowed(9, 1, 3-6, 7)")) == "allowed(1, 3-7, 9)"


@given(st.sets(st.integers(0, 60), min_size=1))
def test_allowed_text_reads_back(ids: set[int]) -> None:
    stage = Stage("allowed", ids)
    assert Stage.parse(str(stage)) == stage
    assert stage.value == tuple(sorted(ids))


def next_in_turn(ids: Sequence[int]) -> list[int]:
    """0 after nothing, else the token after the last."""
    return [(ids[-1] + 1) % 4 if len(ids) else 0]


def test_grammar_by_hand() -> None:
    assert kept(grammar(FOUR, next_in_turn, context=after())) == [0]
    assert kept(grammar(FOUR, next_in_turn, context=after(3, 1))) == [2]
    assert kept(grammar(FOUR, next_in_turn, "output", context=after(3, 1, prompt=2))) == [0]
    rows = grammar(np.zeros((2, 4)), next_in_turn, context=Context(history=[[1], [2]]))
    assert [kept(row) for row in rows] == [[2], [3]]


def test_grammar_may_return_a_mask() -> None:
    torch = pytest.importorskip("torch")
    mask = np.array([False, True, True, False])
    for allowed_next in (mask, torch.tensor(mask), np.array([1, 2]), torch.tensor([1, 2]), {1, 2}):
        assert kept(grammar(FOUR, lambda ids, said=allowed_next: said, context=after())) == [1, 2]


def test_grammar_is_shown_by_name_and_cannot_be_read() -> None:
    stage = Stage("grammar", next_in_turn)
    assert str(stage) == "grammar=<next_in_turn>"
    assert str(Stage("grammar", next_in_turn, scope="output")) == "grammar(<next_in_turn>, scope=output)"
    assert hash(Chain([stage])) == hash(Chain([Stage("grammar", next_in_turn)]))
    with pytest.raises(InputError, match="a chain's text cannot hold a function"):
        Chain.parse("grammar=<next_in_turn>")


@pytest.mark.parametrize(
    ("stage", "rows"),
    [
        (Stage("bad_words", [[1, 0], [1, 1], [1, 2]]), "row 1,"),
        (Stage("min_tokens", 1, end=[0, 1, 2]), "rows 0, 1,"),
        (Stage("grammar", lambda ids: [0] if ids else []), "row 0,"),
        (Stage("logit_bias", {0: -math.inf, 1: -math.inf, 2: -math.inf}), "rows 0, 1,"),
    ],
)
def test_rows_with_nothing_left_are_named(stage: Stage, rows: str) -> None:
    context = Context(history=[[], [1]], prompt_lengths=[0, 1])
    with pytest.raises(InputError, match=f"{stage.name} removes every token of {rows}"):
        Chain([stage]).apply(np.zeros((2, 3)), context=context)


def test_allowed_tokens_that_are_all_removed_already() -> None:
    with pytest.raises(InputError, match="allowed removes every token of row 0"):
        allowed(np.array([0.0, -math.inf]), [1])


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage("logit_bias", {9: 1.0}), "logit_bias got the token id 9, but the logits have 4 tokens"),
        (Stage("bad_words", [[9]]), "bad_words got the token id 9"),
        (Stage("min_tokens", 1, end=9), "min_tokens got the token id 9"),
        (Stage("allowed", [9]), "allowed got the token id 9"),
        (Stage("grammar", lambda ids: [9]), "grammar got the token id 9"),
        (Stage("grammar", lambda ids: None), "grammar must give token ids or a boolean mask, got NoneType"),
        (Stage("grammar", lambda ids: np.array([True])), r"mask of shape \(1,\); it must be \(4,\)"),
    ],
)
def test_ids_and_masks_that_do_not_fit_the_vocabulary(stage: Stage, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Chain([stage]).apply(FOUR, context=after())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Stage("logit_bias", {1: math.inf}), "inf for the token 1"),
        (lambda: Stage("logit_bias", {1: math.nan}), "nan for the token 1"),
        (lambda: Stage("logit_bias", {1: True}), "True for the token 1"),
        (lambda: Stage("logit_bias", [[1, 2], [1, 3]]), "the token 1 twice"),
        (lambda: Stage("logit_bias", {"a": 2}), "got 'a'"),
        (lambda: Stage("logit_bias", 5), "logit_bias must be token ids"),
        (lambda: Chain("logit_bias(5)"), "logit_bias must be .*got '5'"),
        (lambda: Stage("bad_words", ["rude"]), "bad_words must be sequences of token ids, .*got 'rude'"),
        (lambda: Stage("bad_words", [[]]), "an empty sequence"),
        (lambda: Chain("bad_words(5 6)"), "bad_words must be"),
        (lambda: Stage("min_tokens", -1), "min_tokens must be a whole number"),
        (lambda: Stage("min_tokens", 1, end=[-1]), "end_ids must be token ids"),
        (lambda: Stage("min_tokens", 1, end=[1.5]), "end_ids must be token ids"),
        (lambda: Stage("allowed", "3"), "allowed_tokens must be token ids"),
        (lambda: Chain("allowed(9-3)"), "allowed_tokens must be .*got '9-3'"),
        (lambda: Stage("grammar", "a rule"), "grammar must be a function"),
    ],
)
def test_values_out_of_range(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()


def test_torch_equals_numpy() -> None:
    torch = pytest.importorskip("torch")
    chain = Chain(
        [
            Stage("logit_bias", {0: 0.5, 2: -1}),
            Stage("bad_words", [[1, 3], [4]]),
            Stage("min_tokens", 3, end=5),
            Stage("allowed", range(1, 6)),
            Stage("grammar", lambda ids: [ids[-1], 1, 2, 3]),
        ]
    )
    rows = np.random.default_rng(3).normal(size=(2, 6))
    context = Context(history=[[1], [0, 2]], prompt_lengths=[0, 1])
    tensor = torch.tensor(rows, requires_grad=True)
    result = chain.apply(tensor, context=context)
    np.testing.assert_array_equal(result.detach().numpy(), chain.apply(rows, context=context))
    result.exp().sum().backward()
    assert tensor.grad.tolist()[0][4] == 0 < tensor.grad.tolist()[0][2]


def test_explain_counts_bans_as_removed_and_warns_of_no_conflict() -> None:
    explanation = Chain("bad_words([0], [3, 2])").explain(np.log([0.5, 0.25, 0.125, 0.125]), [1])
    (report,) = explanation.stages
    assert (report.removed_ids, report.kept) == ((0,), 3)
    assert (float(report.kept_mass), float(report.moved), float(report.kept_mass_total)) == pytest.approx(
        (0.5, 0.5, 0.5)
    )
    idle = Chain("bad_words([3 1]) | allowed(0-3)").explain(np.zeros(4), [1])
    assert (idle.kept, idle.warnings) == (4, ())
