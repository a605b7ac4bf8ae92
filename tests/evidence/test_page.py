"""The page's table is the kept result's, and the marks it stands between are there."""

from __future__ import annotations

import json

import pytest
from benchmarks.evidence.page import PAGE, TABLES, cells_table, codecs_table, with_table
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
        "| τ = 3 | +0.500 [−0.250, 1.250] | 5.750 | 5.500, 1.25 | 1.000 | 0.250 | 0.0312 | 25.0% | 0.50 |"
    )
    assert len(lines) == 5


def test_a_line_a_codec_and_how_many_are_missing() -> None:
    row = {
        "codec": "sampled:50", "temperature": 3.0, "tokens of text": 20480, "bytes a token": 25.25,
        "nll": {"mean": 6.0, "low": 5.5, "high": 6.5, "num_seeds": 5},
        "above dense, %": {"mean": 0.25, "low": -0.5, "high": 1.0, "num_seeds": 5},
    }  # fmt: skip
    kept = {"rows": [{**row, "codec": "dense"}, row], "settings": {"cells": 2, "cells planned": 6}}
    lines = codecs_table(kept).splitlines()
    assert lines[2] == "| dense | 3 | 20,480 | 25.2 | 6.000 |  |"
    assert lines[3] == "| sampled:50 | 3 | 20,480 | 25.2 | 6.000 | +0.25 [−0.50, 1.00] |"
    assert lines[5] == "2 of 6 students' groups have been run so far."
    assert "so far" not in codecs_table({**kept, "settings": {"cells": 6, "cells planned": 6}})


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_the_table_of_the_kept_result(name: str) -> None:
    mark, table = TABLES[name]
    kept = json.loads(file_of(name).read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page, mark, table(kept)) == page, "run: python -m benchmarks.evidence figures"


def test_a_page_without_marks_is_not_written() -> None:
    with pytest.raises(AssertionError, match="no marks"):
        with_table("nothing", "cells", "table")
