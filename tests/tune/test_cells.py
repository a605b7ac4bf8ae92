"""Cells, questions, votes and examples of a table worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from retort.tune.budget import Price
from retort.tune.cells import (
    cells_of,
    compared_at_once,
    examples_of,
    model_question,
    prompt_questions,
    votes_of,
)
from retort.tune.conclude import conclude
from retort.tune.goals import find_goal
from retort.tune.recommend import recommend, recommend_raced
from retort.tune.samples import Origin, Samples
from retort.tune.sequential import watched
from retort.tune.settings import temperature_axis

EXPLOIT = find_goal("exploit")


def at_once(columns: np.ndarray):
    return compared_at_once(columns, 0)


def samples_of(right: np.ndarray, answers: np.ndarray | None = None) -> Samples:
    """`[items, prompts, settings, answers]` scores as columns; an answer's text says whether it is right."""
    item, prompt, setting, _ = np.indices(right.shape).reshape(4, -1)
    codes = right.astype(int) if answers is None else answers
    count = right.size
    return Samples(
        temperature_axis([0.0, 1.0]), tuple(f"q{n}" for n in range(len(right))), setting=setting, item=item,
        prompt=prompt, answer=codes.ravel(), score=right.ravel().astype(float), texts=("wrong", "right", "other"),
        num_tokens=np.full(count, 5), prompt_tokens=np.full(count, 10), seconds=np.full(count, 0.5),
    )  # fmt: skip


def test_a_cell_has_its_score_tokens_money_and_latency() -> None:
    right = np.zeros((20, 2, 2, 3))
    right[:, 1, 0] = 1.0
    cells = cells_of(samples_of(right), EXPLOIT, "m", np.arange(20), Price(2.0, 4.0))
    assert [(one.prompt, one.setting["temperature"], one.score) for one in cells] == [
        (1, 0.0, 0.0), (1, 1.0, 0.0), (2, 0.0, 1.0), (2, 1.0, 0.0),
    ]  # fmt: skip
    assert cells[2].score_ci == pytest.approx((0.025 ** (1 / 20), 1.0))
    assert (cells[2].samples, cells[2].prompt_tokens, cells[2].answer_tokens, cells[2].seconds) == (
        60,
        10,
        5,
        0.5,
    )
    assert cells[2].cost == pytest.approx(60 * (10 * 2 + 5 * 4) / 1e6)


def test_the_prompt_the_setting_and_which_is_worth_more() -> None:
    """Prompt 2 is right everywhere, temperature 0 is right on half of the items, the rest is wrong."""
    right = np.zeros((40, 2, 2, 1))
    right[:, 1] = 1.0
    right[:20, 0, 0] = 1.0
    samples = samples_of(right)
    prompt, setting, both = prompt_questions(samples, EXPLOIT, np.arange(40), 0, 1, at_once)
    assert (prompt.better, prompt.difference, prompt.significant) == ("prompt 2", 1.0, True)
    assert (setting.difference, setting.significant) == (0.5, True)
    assert (both.difference, both.significant) == (0.5, True)
    assert prompt_questions(samples.of_prompt(0), EXPLOIT, np.arange(40), 0, 1, at_once) == ()


def test_a_cell_is_not_compared_with_itself() -> None:
    """The suggested setting is the reference, and the first prompt the best: nothing differs or is estimated."""
    right = np.zeros((40, 2, 2, 1))
    right[:20, 0, 1] = 1.0
    found = prompt_questions(samples_of(right), EXPLOIT, np.arange(40), 1, 1, at_once)
    assert [(one.difference, one.difference_ci, one.significant) for one in found] == [
        (0.0, (0.0, 0.0), False)
    ] * 2


@pytest.mark.parametrize("setting", [0, 1])
def test_which_change_is_worth_more_is_asked_where_there_are_two(setting: int) -> None:
    """With the first prompt the best, "prompt 1 at 1 minus prompt 1 at 0" would only say the same once more."""
    right = np.zeros((40, 2, 2, 1))
    right[:, 0, 0] = 1.0
    found = prompt_questions(samples_of(right), EXPLOIT, np.arange(40), setting, 1, at_once)
    assert [one.question for one in found] == [
        "best prompt against the first",
        "suggested setting against the reference",
    ]


def test_a_vote_turns_the_recommendation_around() -> None:
    """At 0 all three answers are the same, wrong on 40 of 60 items; at 1 two of three are right everywhere."""
    right = np.zeros((60, 1, 2, 3))
    right[:20, 0, 0] = 1.0
    right[:, 0, 1, :2] = 1.0
    samples = samples_of(right)
    majority, some = conclude(samples, EXPLOIT, Origin("t", "m")).votes
    assert (majority.kind, majority.answers, majority.scores) == ("majority", 3, pytest.approx((1 / 3, 1.0)))
    assert majority.recommendation.setting == 1.0
    assert (some.kind, some.scores) == ("any", pytest.approx((1 / 3, 1.0)))


def test_votes_that_share_their_random_numbers_have_those_of_their_own() -> None:
    """Scores and votes are drawn for together. One item alone differs in the vote: a half without it draws nothing."""
    right = np.ones((24, 1, 2, 3))
    right[:6, 0, 0] = 0.0, 1.0, 1.0
    right[:9:2, 0, 1, 0] = 0.0
    right[0, 0, 1] = 0.0, 0.0, 1.0
    samples = samples_of(right)
    for kind, _, scores in votes_of(samples, EXPLOIT, np.arange(24)):
        alone, _ = recommend(samples.axis, scores, EXPLOIT, seed=5)
        (vote,) = (one for one in conclude(samples, EXPLOIT, Origin("t", "m", 5)).votes if one.kind == kind)
        assert vote.recommendation == alone


def test_votes_and_questions_of_a_race() -> None:
    """As above, where temperature 0 was dropped after 40 items: both are known on those that it was asked."""
    right = np.zeros((60, 2, 2, 3))
    right[:20, :, 0] = 1.0
    right[:, :, 1, :2] = 1.0
    samples = samples_of(right)
    items = np.random.default_rng(0).permutation(60)
    samples = samples.where(~((samples.setting == 0) & np.isin(samples.item, items[40:])))
    (_, _, majority), (_, _, some) = votes_of(samples, EXPLOIT, items)
    asked = np.isin(np.arange(20), items[:40]).sum() / 40
    assert np.nanmean(majority, axis=0) == pytest.approx((asked, 1.0))
    assert np.nanmean(some, axis=0) == pytest.approx((asked, 1.0))
    found, _ = recommend_raced(samples.axis, watched(majority), EXPLOIT, (0.0, 1.0))
    assert found.anytime and found.setting == 1.0
    low, high = found.differences[0].interval
    assert -1.0 <= low < asked - 1.0 < high < 0.0
    prompt, setting = prompt_questions(samples, EXPLOIT, items, 0, 1, watched)
    assert prompt.difference == 0.0 and setting.difference == pytest.approx(asked - 2 / 3)
    assert setting.difference_ci[0] < setting.difference < setting.difference_ci[1]


def test_tied_votes_are_averaged() -> None:
    codes = np.array([0, 1, 2, 1]).reshape(1, 1, 1, 4).repeat(2, axis=2)
    samples = samples_of((codes == 1).astype(float), codes)
    assert samples.majority_scores()[0, 0].tolist() == [1.0, 1.0]
    codes = np.array([0, 0, 1, 1]).reshape(1, 1, 1, 4).repeat(2, axis=2)
    assert samples_of((codes == 1).astype(float), codes).majority_scores()[0, 0].tolist() == [0.5, 0.5]


def test_examples_are_the_items_that_changed_losses_first() -> None:
    right = np.zeros((4, 1, 2, 1))
    right[0, 0, 0] = 1.0
    right[1, 0, 1] = 1.0
    samples = samples_of(right)
    scores = EXPLOIT.item_scores(samples)
    found = examples_of(samples, scores, np.arange(4), 0, 1)
    assert [(one.item, one.at_reference, one.at_setting) for one in found] == [
        ("q1", "right", "wrong"), ("q0", "wrong", "right"),
    ]  # fmt: skip


def test_the_best_model_is_compared_with_the_first() -> None:
    found = model_question(["a", "b"], [np.zeros(30), np.ones(30)], 0)
    assert (found.better, found.than, found.difference, found.significant) == ("b", "a", 1.0, True)
