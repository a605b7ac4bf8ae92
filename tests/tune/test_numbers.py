"""Numbers in answers, as people and models write them; texts that say no single number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort.tune.numbers_in_text import is_number, last_number, one_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", 42.0),
        ("The answer is 42.", 42.0),
        ("\u22125", -5.0),
        ("(-5)", -5.0),
        ("x=-3", -3.0),
        ("B-52", 52.0),
        ("3 - 5 = -2", -2.0),
        ("1,000", 1000.0),
        ("-1,234.5", -1234.5),
        ("1\u202f000", 1000.0),
        ("1'000", 1000.0),
        ("\u00bd", 0.5),
        ("1\u00bd cups", 1.5),
        ("3/2", 1.5),
        ("1 1/2", 1.5),
        ("2\u00d710^3", 2000.0),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("5 km", 5.0),
        ("$1,234.50", 1234.5),
        ("3.5%", 3.5),
        ("3 cats, 4 dogs", 4.0),
        ("3-5", None),
        ("3 \u2013 5", None),
        ("1,2", None),
        ("1,00,000", None),
        ("1.2.3", None),
        ("12:30", None),
        ("2024-05-01", None),
        ("1/2/2024", None),
        ("3/0", None),
        ("1.5\u00bd", None),
        ("1e999", None),
        ("9\u00d710^400", None),
        ("1e-999", 0.0),
        ("1e" + "9" * 5000, None),
        ("9" * 5000, None),
        ("1/" + "9" * 5000, None),
        ("none", None),
    ],
)
def test_last_number(text: str, number: float | None) -> None:
    assert last_number(text) == number


def test_numbers_of_files() -> None:
    assert [is_number(one) for one in (0, -1.5, True, "1", None, float("nan"), 10**400)] == [
        True,
        True,
        *[False] * 5,
    ]


@pytest.mark.parametrize("text", ["5 km", "3-5", "1,2", "about 3", "many", "", "5%"])
def test_what_is_not_one_number(text: str) -> None:
    assert one_number(text) is None


@given(st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: round(value, 6)))
def test_a_number_is_read_as_python_writes_it(value: float) -> None:
    text = f"{value:,.6f}"
    assert one_number(text) == pytest.approx(value, abs=1e-9)
    assert last_number(f"so it is {text.replace('-', chr(0x2212))} in all") == pytest.approx(value, abs=1e-9)
