"""Options that several commands share: lists of temperatures as users type them."""

import pytest

from retort.cli.options import parse_temperatures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", (1.0,)),
        ("0.1,1,2", (0.1, 1.0, 2.0)),
        ("2, 1", (2.0, 1.0)),
        ("1,1.0,1e0", (1.0,)),
        ("0:1:3", (0.0, 0.5, 1.0)),
        ("1:0:2", (1.0, 0.0)),
        ("0:1:3,2,0.5", (0.0, 0.5, 1.0, 2.0)),
    ],
)
def test_parses(text: str, expected: tuple[float, ...]) -> None:
    assert parse_temperatures(text) == expected


def test_a_range_has_the_decimals_a_person_would_write() -> None:
    temperatures = parse_temperatures("0:2:41")
    assert len(temperatures) == 41
    assert [f"{t!r}" for t in temperatures[:5]] == ["0.0", "0.05", "0.1", "0.15", "0.2"]
    assert temperatures[-1] == 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a temperature"),
        ("1,", "not a temperature"),
        ("hot", "'hot' is not a temperature"),
        ("-1", "temperature -1 is not allowed"),
        ("nan", "temperature nan is not allowed"),
        ("inf", "temperature inf is not allowed"),
        ("0:2", "first:last:count"),
        ("0:2:41:1", "first:last:count"),
        ("0:2:x", "not a whole number"),
        ("0:2:2.5", "not a whole number"),
        ("0:2:1", "from 2 to 10,000"),
        ("0:2:1000000000", "from 2 to 10,000"),
        ("0:1:9000,2:3:9000", "more than 10,000"),
    ],
)
def test_refuses(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_temperatures(text)
