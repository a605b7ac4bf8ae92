"""One formatter: what it writes, by hand, and that no other file of retort gives a float its own precision."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort import numerals
from retort.numerals import (
    bounds,
    counted,
    decimals,
    duration,
    interval,
    megabytes,
    number,
    p_value,
    percent,
    probability,
    signed,
    signed_interval,
)  # fmt: skip

PACKAGE = Path(numerals.__file__).parent

NOT_FOR_READERS = {
    "chain/engines.py": "a setting as an engine holds it",
    "distill/cache/teacher.py": "part of the identity of a cache",
    "distill/models.py": "part of the identity of a cache",
    "blocks.py": "the width of a bar in CSS",
    "numerals.py": "the formatter itself",
}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"), (math.nan, "–"), (0.0, "0"), (-0.0, "0"), (1.5, "1.5"), (-1.23456, "−1.235"), (49152.0, "49,152"),
        (12345.6, "12,346"), (9999.96, "10,000"), (1234.56, "1,235"), (0.00012345, "0.0001234"),
        (0.000012345, "1.234e-5"),
        (1e16, "1e16"), (-2.5e9, "−2.5e9"), (math.inf, "inf"), (-math.inf, "−inf"),
    ],
)  # fmt: skip
def test_numbers_of_any_size(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_each_kind_of_number() -> None:
    assert (decimals(1234.5), decimals(-0.0004), decimals(None)) == ("1,234.500", "0.000", "–")
    assert (signed(0.01234), signed(-0.01234, 2), signed(-0.0001, 2)) == ("+0.012", "−0.01", "0.00")
    assert (percent(0.951), percent(0.12345, 1), percent(-0.5)) == ("95%", "12.3%", "−50%")
    assert (probability(0.1354), probability(1e-5), probability(0.0)) == ("13.54%", "1.0e-5", "0")
    assert (p_value(0.0134), p_value(1e-9), p_value(1.0)) == ("p = 0.013", "p < 0.0001", "p = 1")
    assert (counted(1, "token"), counted(12345, "token"), counted(2, "index", "indices")) == (
        "1 token", "12,345 tokens", "2 indices",
    )  # fmt: skip
    assert (duration(89.6), duration(600), duration(9000)) == ("90 s", "10 min", "2.5 h")
    assert megabytes(98_304_000) == "98.3 MB"


def test_an_interval_and_what_is_known_only_in_part_look_different() -> None:
    assert interval((0.1, 0.25)) == "0.100 to 0.250"
    assert (signed_interval((-0.1, 0.2)), signed_interval((0.1, 0.2)), interval(None)) == (
        "−0.100 to +0.200", "0.100 to 0.200", "–",
    )  # fmt: skip
    assert (bounds(1.0, 2.0), bounds(1.0, 1.0), bounds(-math.inf, 2.0), bounds(1.0, math.inf)) == (
        "1 … 2", "1", "≤ 2", "≥ 1",
    )  # fmt: skip


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_the_number(value: float) -> None:
    read = float(number(value, 6).replace(",", "").replace("−", "-"))
    assert read == pytest.approx(value, rel=5e-6, abs=1e-300)


PRECISION = re.compile(r"\.\d|[e%]$")


def own_precisions(source: str) -> list[int]:
    """Lines on which an f-string gives a number its own precision."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            pieces = node.format_spec.values  # type: ignore[attr-defined]
            spec = "".join(one.value if isinstance(one, ast.Constant) else "0" for one in pieces)
            if re.search(r"[efg%]$", spec) and PRECISION.search(spec):
                found.append(node.lineno)
    return found


def test_no_other_file_formats_a_float() -> None:
    own = {
        str(file.relative_to(PACKAGE)): lines
        for file in sorted(PACKAGE.rglob("*.py"))
        if (lines := own_precisions(file.read_text(encoding="utf-8")))
    }
    assert {name: lines for name, lines in own.items() if name not in NOT_FOR_READERS} == {}
    assert set(own) == set(NOT_FOR_READERS)  # an exception that is no longer needed goes
    assert own_precisions('f"{x:.3f} {y:+.{places}f} {z:,} {t:g} {s:.0%}"') == [1, 1, 1]


FRONTEND = PACKAGE.parents[1] / "frontend" / "src"
OWN_DIGITS = re.compile(r"\.(?:toFixed|toPrecision|toExponential|toLocaleString)\(|Math\.round\(100")


@pytest.mark.skipif(not FRONTEND.is_dir(), reason="the page's sources are not in a wheel")
def test_the_page_has_one_formatter_too() -> None:
    """frontend/tests/golden.test.ts holds parts/format.ts to this one, number by number."""
    own = {
        str(file.relative_to(FRONTEND)): lines
        for folder in ("views", "parts")
        for file in sorted((FRONTEND / folder).glob("*.ts"))
        if (lines := [one for one in file.read_text(encoding="utf-8").splitlines() if OWN_DIGITS.search(one)])
    }
    assert list(own) == ["parts/format.ts", "parts/slider.ts"]
    assert (
        len(own["parts/slider.ts"]) == 1 and "nudge" in own["parts/slider.ts"][0]
    )  # the value, not its text
    assert OWN_DIGITS.search("`${one.score.toFixed(3)}`")
