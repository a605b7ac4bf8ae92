"""The table of cells in docs/when-distillation-helps.md, written from the kept result, so that it cannot be stale."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.evidence.figures import cell_label, cell_order
from benchmarks.evidence.record import file_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "when-distillation-helps.md"
BEGIN, END = "<!-- cells: written by python -m benchmarks.evidence figures -->", "<!-- end of cells -->"
HEAD = (
    "changed", "gain", "loss", "calibrated, at", "KL at τ = 1", "KL at τ = 3", "KL at τ = 8", "first token",
    "soft share",
)  # fmt: skip


def write_page() -> list[str]:
    """Put the table of the kept result into the page; the file, if there is anything to write."""
    file = file_of("language-models")
    if not file.is_file():
        return []
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_table(page, cells_table(rows)), encoding="utf-8")
    return [str(PAGE)]


def with_table(page: str, table: str) -> str:
    """The page with `table` between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"the page has no marks {BEGIN} and {END}"
    return f"{before}{BEGIN}\n\n{table}\n{END}{after}"


def cells_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line a cell, in the order of the figure; the students on hard labels of the common recipe first."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    for row in sorted(rows, key=lambda one: cell_order(one["cell"])):
        if row["hard students"] is not None:
            lines.append(_students("*hard labels*", "", row["hard"]["mean"], row["hard students"]))
        gain = row["gain"]
        said = f"{gain['mean']:+.3f} [{gain['low']:.3f}, {gain['high']:.3f}]"
        lines.append(_students(cell_label(row["cell"]), said, row["soft"]["mean"], row["soft students"]))
    return "\n".join([*lines, ""])


def _students(name: str, gain: str, nll: float, found: Mapping[str, float]) -> str:
    share = found.get("soft share of the gradient")
    return _line(
        [
            name,
            gain,
            f"{nll:.3f}",
            f"{found['calibrated nll']:.3f}, {found['calibrated at']:g}",
            *(f"{found[f'kl at τ = {temperature}']:.3f}" for temperature in (1, 3)),
            f"{found['kl at τ = 8']:.4f}",
            f"{found['same first token']:.1%}",
            "" if share is None else f"{share:.2f}",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
