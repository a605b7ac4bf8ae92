"""The page's table is the kept result's, and the marks it stands between are there."""

from __future__ import annotations

import json

import pytest
from benchmarks.evidence.page import PAGE, cells_table, with_table
from benchmarks.evidence.record import file_of

STUDENTS = {
    "calibrated nll": 5.5, "calibrated at": 1.25, "kl at τ = 1": 1.0, "kl at τ = 3": 0.25, "kl at τ = 8": 0.03125,
    "same first token": 0.25,
}  # fmt: skip


def test_a_line_a_cell() -> None:
    row = {
        "cell": "temperature=3", "gain": {"mean": 0.5, "low": -0.25, "high": 1.25}, "soft": {"mean": 5.75},
        "hard students": None, "soft students": {**STUDENTS, "soft share of the gradient": 0.5},
    }  # fmt: skip
    common = {**row, "cell": "common", "hard": {"mean": 6.25}, "hard students": STUDENTS}
    lines = cells_table([row, common]).splitlines()
    assert lines[2] == "| *hard labels* |  | 6.250 | 5.500, 1.25 | 1.000 | 0.250 | 0.0312 | 25.0% |  |"
    assert lines[4] == (
        "| τ = 3 | +0.500 [-0.250, 1.250] | 5.750 | 5.500, 1.25 | 1.000 | 0.250 | 0.0312 | 25.0% | 0.50 |"
    )
    assert len(lines) == 5


def test_the_page_has_the_table_of_the_kept_result() -> None:
    rows = json.loads(file_of("language-models").read_text(encoding="utf-8"))["rows"]
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page, cells_table(rows)) == page, "run: python -m benchmarks.evidence figures"


def test_a_page_without_marks_is_not_written() -> None:
    with pytest.raises(AssertionError, match="no marks"):
        with_table("nothing", "table")
