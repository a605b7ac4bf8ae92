"""The baseline is a distribution, and backs off as its formula says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from training.kneser_ney import KneserNey

VOCABULARY = 7


def next_probs(model: KneserNey, context: list[int]) -> list[float]:
    """P(w | context) for every w, from the nll of rows that differ in the last token alone."""
    before = model.nll(np.array([context])) * (len(context) - 1)
    rows = [np.array([[*context, token]]) for token in range(VOCABULARY)]
    return [math.exp(before - model.nll(row) * len(context)) for row in rows]


@pytest.fixture
def model() -> KneserNey:
    return KneserNey(np.random.default_rng(0).integers(0, VOCABULARY - 1, (20, 30)), VOCABULARY)


@pytest.mark.parametrize("context", [[2, 3], [0, 0], [5, 1]])
def test_it_sums_to_one(model: KneserNey, context: list[int]) -> None:
    assert sum(next_probs(model, context)) == pytest.approx(1, abs=1e-12)


def test_a_token_never_seen_has_a_little_and_a_context_never_seen_backs_off(model: KneserNey) -> None:
    unseen = VOCABULARY - 1
    probs = next_probs(model, [2, 3])
    assert 0 < probs[unseen] < min(probs[:unseen])
    # No trigram or bigram begins with the unseen token: what is left are the continuation counts of single tokens.
    assert next_probs(model, [unseen, unseen]) == pytest.approx(next_probs(model, [3, unseen]))


def test_by_hand() -> None:
    """Rows 0 1 0 1: the trigrams 010 and 101, once each."""
    model = KneserNey(np.array([[0, 1, 0, 1]]), 2)
    # Every n-gram type occurs once, so each discount is n1 / (n1 + 2 n2) = 1: all mass goes down to 1 / 2.
    assert next_probs_two(model) == pytest.approx([0.5, 0.5])


def next_probs_two(model: KneserNey) -> list[float]:
    before = model.nll(np.array([[0, 1]]))
    return [math.exp(before - model.nll(np.array([[0, 1, token]])) * 2) for token in range(2)]
