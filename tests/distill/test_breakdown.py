"""Bins of held-out tokens: four by hand, then against a slow recount."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retort.distill.breakdown import Facts, gain_by, places_in, token_frequency
from retort.distill.measuring import nll_and_entropy


def test_four_tokens_by_hand() -> None:
    facts = Facts(
        teacher_entropy=np.array([0.1, 2.0, 0.2, 3.0]),
        label_probability=np.array([0.9, 0.1, 0.8, 0.05]),
        frequency=np.array([7.0, 7.0, 7.0, 7.0]),
    )
    hard = {0: np.array([1.0, 5.0, 1.0, 6.0]), 1: np.array([1.0, 5.0, 2.0, 6.0]), 9: np.zeros(4)}
    soft = {1: np.array([1.0, 4.0, 2.0, 4.0]), 0: np.array([1.0, 4.0, 1.0, 4.0])}
    found = gain_by(facts, hard, soft, bins=2)
    sure, unsure = found["teacher_entropy"]
    assert (sure.low, sure.high, unsure.low, unsure.high) == (0.1, 0.2, 2.0, 3.0)
    assert (sure.hard_nll, sure.soft_nll, sure.difference, sure.part) == (1.25, 1.25, 0.0, 0.0)
    assert (unsure.hard_nll, unsure.soft_nll, unsure.difference, unsure.part) == (5.5, 4.0, 1.5, 0.75)
    assert unsure.ci == (1.5, 1.5) and (unsure.tokens, unsure.share) == (2, 0.5)
    # The same tokens, likely ones last; and a question to which all tokens have one answer.
    assert [one.difference for one in found["label_probability"]] == [1.5, 0.0]
    (everything,) = found["frequency"]
    assert everything.tokens == 4 and everything.part == 0.75


def test_one_seed_has_no_interval_and_none_has_no_bins() -> None:
    facts = Facts(np.arange(4.0), np.arange(4.0), np.arange(4.0))
    assert gain_by(facts, {0: np.ones(4)}, {1: np.ones(4)}) == {}
    assert gain_by(facts, {0: np.ones(4)}, {0: np.ones(4)}, bins=2)["frequency"][0].ci is None


def test_bins_are_of_about_equal_size_and_equal_values_stay_together() -> None:
    generator = np.random.default_rng(0)
    assert np.bincount(places_in(generator.normal(size=1000), 5)).tolist() == pytest.approx([200] * 5, abs=2)
    counts = generator.poisson(2.0, size=1000).astype(float)
    places = places_in(counts, 5)
    for value in np.unique(counts):
        assert len(np.unique(places[counts == value])) == 1
    assert (np.diff(places[np.argsort(counts, kind="stable")]) >= 0).all()


def test_frequency_counts_what_training_counts() -> None:
    ids = np.array([[1, 1, 2], [1, 3, 3]])
    counted = np.array([[True, True, True], [False, True, True]])
    assert token_frequency(ids, counted, np.array([1, 2, 3, 0, 5])).tolist() == [2, 1, 2, 0, 0]


def test_entropy_of_logits_with_excluded_tokens() -> None:
    logits = torch.tensor([[0.0, 0.0, -torch.inf, -torch.inf], [np.log(3.0), 0.0, -torch.inf, -torch.inf]])
    found = nll_and_entropy(logits.float(), torch.tensor([1, 0]))
    expected = [[np.log(2), np.log(2)], [-np.log(0.75), -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))
