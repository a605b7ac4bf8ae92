"""Scorers: what counts as the same answer, what counts as right, and what a task file may say."""

from __future__ import annotations

import pytest

from retort.errors import InputError
from retort.tune.score import SCORERS, make_scorer, normalise


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("fruit", "fruit"),
        ("  Edible   Fruit ", "edible fruit"),
        ("an edible fruit.", "edible fruit"),
        ("The A-team", "team"),
        ("sweet-potato", "sweet potato"),
        ("the cat's eye", "cats eye"),
        ("the cat’s eye", "cats eye"),
        ("vitamin A", "vitamin a"),
        ("another", "another"),
        ("a", "a"),
        ("...", ""),
        ("snake_case", "snake case"),
        ("Crème brûlée!", "crème brûlée"),
        ("ﬁg", "fig"),
    ],
)
def test_normalise(text: str, normalised: str) -> None:
    assert normalise(text) == normalised
    assert normalise(normalised) == normalised


def test_cut_ends_at_the_first_stop_that_comes() -> None:
    def cut(text: str, stop: list[str]) -> str:
        return make_scorer("exact", stop, "").key(text)

    assert cut(" edible fruit; juicy.\nmore", ["\n", ";"]) == "edible fruit"
    assert cut(" edible fruit ", ["\n"]) == "edible fruit"
    assert cut("\nedible", ["\n"]) == ""
    assert cut("edible", []) == "edible"


@pytest.mark.parametrize(
    ("scorer", "references", "text", "right"),
    [
        ("references", ["edible fruit", "fruit"], " An edible FRUIT.\n", True),
        ("references", ["edible fruit"], "fruit", False),
        ("references", ["A fruit!"], "fruit", True),
        ("references", ["fruit"], "", False),
        ("exact", ["SELECT 1"], " SELECT 1\n", True),
        ("exact", ["SELECT 1"], "select 1", False),
        ("contains", ["fruit"], "it is an edible Fruit indeed", True),
        ({"kind": "contains", "ignore_case": False}, ["fruit"], "Fruit", False),
        ({"kind": "contains", "ignore_case": False}, ["fruit"], "a fruit", True),
        ("regex", [r"^\d+$"], "42", True),
        ("regex", [r"^\d+$"], "42 pears", False),
        ({"kind": "regex", "pattern": "pear|apple"}, [], "two pears", True),
        ({"kind": "regex", "pattern": "PEAR", "ignore_case": True}, [], "two pears", True),
        ({"kind": "regex", "pattern": "PEAR"}, [], "two pears", False),
        ("distinct_valid", ["apple", "pear"], "the pear", True),
        ("distinct_valid", ["apple", "pear"], "hammer", False),
    ],
)
def test_judge(scorer: object, references: list[str], text: str, right: bool) -> None:
    made = make_scorer(scorer, ["\n"], "task.yaml line 1")
    made.check_references(references, "items.jsonl line 1")
    assert made.judge(references)(made.key(text)) is right


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("refrences", "did you mean references"),
        (7, "a mapping with a kind"),
        ({"name": "exact"}, "a mapping with a kind"),
        ({"kind": ["exact"]}, "unknown scorer"),
        ({"kind": "exact", "pattern": "x"}, "it has no options"),
        ({"kind": "regex", "patern": "x"}, "its options are pattern, ignore_case"),
        ({"kind": "regex", "pattern": 3}, "pattern of scorer .regex. is 3; it must be text"),
        ({"kind": "regex", "pattern": "("}, "not a regular expression"),
        ({"kind": "contains", "ignore_case": "no"}, "allowed are true and false"),
    ],
)
def test_a_scorer_that_cannot_be_made_says_why(value: object, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        make_scorer(value, [], "task.yaml line 5")
    assert str(error.value).startswith("task.yaml line 5: ")


def test_references_that_cannot_match_are_refused() -> None:
    for scorer, references, said in (
        ("references", [], "references are missing"),
        ("references", ["..."], "only punctuation"),
        ("regex", [], "without a pattern"),
        ("regex", ["["], "not a regular expression"),
    ):
        with pytest.raises(InputError, match=said):
            make_scorer(scorer, [], "here").check_references(references, "items.jsonl line 3")


def test_every_row_of_the_table_is_named_as_its_key_and_has_help() -> None:
    for name, kind in SCORERS.items():
        assert kind.name == name
        assert kind.help
        assert kind.goal in (None, "explore", "reproduce")
