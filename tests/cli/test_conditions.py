"""Conditions: read, met by numbers and intervals, and refused where they cannot be decided."""

from __future__ import annotations

import pytest

from retort.cli.exporting import Condition
from retort.distribution import Interval
from retort.errors import CapabilityError, InputError


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("entropy > 3", Condition("entropy", ">", 3.0)),
        ("kept-mass<=0.5", Condition("kept_mass", "<=", 0.5)),
        (" Rank == 1 ", Condition("rank", "==", 1.0)),
        ("logprob < -1e2", Condition("logprob", "<", -100.0)),
    ],
)
def test_reads(text: str, condition: Condition) -> None:
    assert Condition.parse(text) == condition
    assert Condition.parse(str(condition)) == condition


@pytest.mark.parametrize(
    "text", ["entropy", "entropy > high", "> 3", "entropy => 3", "entropy > 1.2.3", "a > 1 b"]
)
def test_refuses_what_is_none(text: str) -> None:
    with pytest.raises(InputError, match="name > number"):
        Condition.parse(text)


@pytest.mark.parametrize(
    ("text", "values", "found"),
    [
        ("x > 3", [1, 4, 5], 4),
        ("x > 4", [1, 4], None),
        ("x >= 4", [1, 4], 4),
        ("x < 1", [1, 2], None),
        ("x != 1", [1, 2], 2),
        ("x == 2", [1, 2], 2),
        ("x > 3", [(3.5, 9)], 3.5),
        ("x > 3", [(1, 2)], None),
        ("x < 3", [(1, 2)], 1),
        ("x > 3", [(1, 5), (4, 5)], 4),  # one is certain, so the open one does not matter
        ("x == 3", [(1, 2)], None),
        ("x > 3", [], None),
    ],
)
def test_is_met_by_any_value(text, values, found) -> None:
    intervals = [Interval(*value) if isinstance(value, tuple) else Interval(value, value) for value in values]
    assert Condition.parse(text).met({"x": intervals}) == found


@pytest.mark.parametrize("text", ["x > 3", "x == 3", "x != 3", "x <= 3"])
def test_an_open_interval_cannot_be_decided(text) -> None:
    with pytest.raises(CapabilityError, match="between 2 and 5"):
        Condition.parse(text).met({"x": [Interval(2.0, 5.0)]})


def test_an_unknown_measure_names_those_there_are() -> None:
    with pytest.raises(InputError, match="can be asked of x, y"):
        Condition.parse("z > 1").met({"x": [Interval(1, 1)], "y": []})
