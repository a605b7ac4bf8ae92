"""Stages: several parameters, their text form, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retort.chain import Chain, Stage
from retort.errors import InputError

TIED = [1.0, 2.0, 1.0, 1.0, 2.0, 0.0]


def kept(text: str, logits: object = TIED) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(np.asarray(Chain(text).apply(logits)) > -math.inf).tolist()


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (Stage("top_k", 50), "top_k=50"),
        (Stage("top_k", 50, "lowest"), "top_k=50"),
        (Stage("top-k", 50, ties="ALL"), "top_k(50, ties=all)"),
        (Stage("nucleus", 0.9, min_keep=2), "top_p(0.9, min_keep=2)"),
        (Stage("top_p", 0.9, "highest", 3), "top_p(0.9, ties=highest, min_keep=3)"),
        (Stage("temp", 1), "temperature=1"),
    ],
)
def test_text_form_reads_back(stage: Stage, text: str) -> None:
    assert str(stage) == text
    assert Stage.parse(text) == stage
    assert hash(Stage.parse(text)) == hash(stage)
    assert len(stage.values) == len(stage.transform.parameters)


def test_settings_by_name_and_by_place_spaces_and_kebab_case() -> None:
    assert Stage.parse(" top-p ( top_p = 0.9 ,min-keep= 2 ) ") == Stage("top_p", 0.9, min_keep=2)
    assert Stage.parse("top_p(0.9)") == Stage.parse("top_p=0.9")
    assert Stage("top_p", 0.9, min_keep=2).setting("min-keep") == 2


def test_ties_at_the_edge() -> None:
    assert kept("top_k=3") == [0, 1, 4]
    assert kept("top_k(3, ties=all)") == [0, 1, 2, 3, 4]
    assert kept("top_k(2, ties=all)") == [1, 4]
    # Weights e, e, 1, 1, 1, 1/e: the two largest hold 0.618 of the mass, one more 0.731.
    assert kept("top_p=0.7") == [0, 1, 4]
    assert kept("top_p(0.7, ties=highest)") == [1, 3, 4]
    assert kept("top_p(0.7, ties=all)") == [0, 1, 2, 3, 4]
    assert kept("top_p(0.3, ties=highest)") == [4]


def test_min_keep() -> None:
    assert kept("top_p=0.1") == [1]
    assert kept("top_p(0.1, min_keep=3)") == [0, 1, 4]
    assert kept("top_p(0.1, min_keep=99)") == [0, 1, 2, 3, 4, 5]
    assert kept("min_p=1") == [1, 4]
    assert kept("min_p(1, min_keep=4)") == [0, 1, 2, 4]
    assert kept("min_p(1, min_keep=1)") == [1, 4]
    assert kept("top_p(0.1, min_keep=3)", [0.0, -math.inf, 1.0]) == [0, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top_k(5", "lacks its closing bracket: 'top_k.5'"),
        ("top_k()", "top_k must be a whole number of 1 or more .*got ''"),
        ("top_k(5, colour=red)", "top_k has no parameter 'colour'; it has: top_k, ties"),
        ("top_k(5, ties=most)", "ties must be lowest .ids first. or all, got 'most'"),
        ("top_k(5, ties=all, ties=all)", "its ties twice"),
        ("top_k(5, top_k=5)", "its top_k twice"),
        ("top_k(ties=all)", "top_k needs its top_k: top_k must be a whole number"),
        ("top_k(ties=all, 5)", "a setting without a name where none is expected: '5'"),
        ("top_p(0.5, lowest, 1, 7)", "where none is expected: '7'"),
        ("top_p(0.5, min_keep=0)", "min_keep must be a whole number of 1 or more, got 0"),
        ("top_p(0.5, min_keep=x)", "min_keep must be a whole number of 1 or more, got 'x'"),
    ],
)
def test_bad_stages_are_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stage.parse(text)


def test_too_many_settings() -> None:
    with pytest.raises(InputError, match="top_k takes 2 settings at most, got 3"):
        Stage("top_k", 1, "all", 3)
