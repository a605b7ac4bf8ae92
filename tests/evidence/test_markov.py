"""The Markov evidence against what can be worked out by hand, and a quick run against theory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.evidence import markov

TWO_WORDS = np.array([[[0.9, 0.1], [0.3, 0.7]]])  # stationary: (3/4, 1/4)


@pytest.fixture(scope="module")
def found() -> Any:
    return markov.run(quick=True)


def excess(found: Any, student: str, words: int) -> dict[str, float]:
    (row,) = [one for one in found.rows if one["student"] == student and one["words"] == words]
    return {**row["excess"], "theory": row["theory"]}


def test_shares_and_texts_of_a_chain_of_two_words() -> None:
    np.testing.assert_allclose(markov.stationary(TWO_WORDS), [[0.75, 0.25]])
    text = markov.chain(TWO_WORDS, 20_000, np.random.default_rng(0))
    counts = markov.count_pairs(text, 2)[0]
    assert counts.sum() == 20_000
    # 0.02 is five standard deviations of the smaller row's frequency.
    np.testing.assert_allclose(counts / counts.sum(-1, keepdims=True), TWO_WORDS[0], atol=0.02)


def test_students_worked_by_hand() -> None:
    counts = np.array([[[3.0, 0.0], [0.0, 0.0]]])
    np.testing.assert_allclose(markov.hard_student(counts), [[[3.5 / 4, 0.5 / 4], [0.5, 0.5]]])
    # Seen: half teacher, half frequencies. Not seen: uniform, whatever the teacher knows.
    np.testing.assert_allclose(markov.soft_student(counts, TWO_WORDS, 0.5), [[[0.95, 0.05], [0.5, 0.5]]])
    # 3/4 of the contexts cost KL((.9, .1) ‖ (.5, .5)), the others nothing.
    flat = np.array([[[0.5, 0.5], [0.3, 0.7]]])
    shares = markov.stationary(TWO_WORDS)
    expected = 0.75 * (0.9 * np.log(1.8) + 0.1 * np.log(0.2))
    np.testing.assert_allclose(markov.excess_risk(shares, TWO_WORDS, flat), [expected])


def test_hard_labels_cost_d_over_2n(found: Any) -> None:
    # 16 seeds: the theory lies inside the 95 % interval, widened by the next order, which is of 1/n.
    for words in (1024, 2048, 4096):
        cost = excess(found, "hard labels", words)
        assert cost["theory"] == 8 * 7 / (2 * words)
        assert cost["low"] * 0.95 < cost["theory"] < cost["high"] * 1.05


def test_soft_targets_cost_unseen_contexts_and_then_the_teachers_own_error(found: Any) -> None:
    first = excess(found, "true distribution", 32)
    assert first["low"] < first["theory"] < first["high"]
    assert excess(found, "true distribution", 4096)["mean"] == 0
    teacher = found.settings["teacher_excess"]["mean"]
    assert excess(found, "imperfect teacher", 4096)["mean"] == pytest.approx(teacher, rel=1e-9)
    # More labels than the teacher ever saw: distilling alone is worse, and the mix is not.
    assert excess(found, "imperfect teacher", 4096)["low"] > excess(found, "hard labels", 4096)["high"]
    assert excess(found, "right mix", 4096)["mean"] < excess(found, "hard labels", 4096)["mean"]


def test_the_loss_ends_at_the_optimum_that_is_written_down(found: Any) -> None:
    gaps = found.settings["largest_gap_to_students_trained_with_the_loss"]
    assert set(gaps) == {"true distribution", "true distribution, τ = 4", "half and half"}
    assert max(gaps.values()) < 1e-5
