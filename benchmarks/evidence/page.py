"""The tables of docs/when-distillation-helps.md written from the kept results, so that they cannot be stale."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.evidence.figures import cell_label, cell_order
from benchmarks.evidence.record import Interval, file_of
from retort.numerals import decimals, percent, signed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "when-distillation-helps.md"
WRITTEN = "written by python -m benchmarks.evidence figures"
CODECS_HEAD = ("codec", "τ", "tokens of text", "bytes per token", "loss", "above dense, %")
HEAD = (
    "changed", "gain", "loss", "calibrated, at", "KL at τ = 1", "KL at τ = 3", "KL at τ = 8", "first token",
    "soft share",
)  # fmt: skip


def write_page() -> list[str]:
    """Put the tables of the kept results into the page; the file, if there is anything to write."""
    page = before = PAGE.read_text(encoding="utf-8")
    found = False
    for name, (mark, table) in TABLES.items():
        if file_of(name).is_file():
            found = True
            kept = json.loads(file_of(name).read_text(encoding="utf-8"))
            page = with_table(page, mark, table(kept))
    if page != before:
        PAGE.write_text(page, encoding="utf-8")
    return [str(PAGE)] if found else []


def with_table(page: str, mark: str, table: str) -> str:
    """The page with `table` between the two marks named `mark`."""
    opening, closing = f"<!-- {mark}: {WRITTEN} -->", f"<!-- end of {mark} -->"
    before, begin, rest = page.partition(opening)
    _, end, after = rest.partition(closing)
    assert begin and end, f"the page has no marks {opening} and {closing}"
    return f"{before}{begin}\n\n{table}\n{end}{after}"


def codecs_table(kept: Mapping[str, Any]) -> str:
    """A line a codec and τ that has been run, and how many there are to be."""
    lines = [_line(CODECS_HEAD), _line(["---"] * len(CODECS_HEAD))]
    for row in kept["rows"]:
        nll, above = (Interval(**row[name]) for name in ("nll", "above dense, %"))
        said = "" if row["codec"] == "dense" else _difference(vars(above), 2)
        size = decimals(row["bytes a token"], 1)
        setting = (f"{row['temperature']:g}", f"{row['tokens of text']:,}")
        lines.append(_line([row["codec"], *setting, size, decimals(nll.mean), said]))
    done, planned = kept["settings"]["cells"], kept["settings"]["cells planned"]
    if done < planned:
        lines += ["", f"{done} of {planned} students' groups have been run so far."]
    return "\n".join([*lines, ""])


def cells_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line a cell, in the order of the figure; the students on hard labels of the common recipe first."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    for row in sorted(rows, key=lambda one: cell_order(one["cell"])):
        if row["hard students"] is not None:
            lines.append(_students("*hard labels*", "", row["hard"]["mean"], row["hard students"]))
        gain = _difference(row["gain"], 3)
        lines.append(_students(cell_label(row["cell"]), gain, row["soft"]["mean"], row["soft students"]))
    return "\n".join([*lines, ""])


def _students(name: str, gain: str, nll: float, found: Mapping[str, float]) -> str:
    share = found.get("soft share of the gradient")
    return _line(
        [
            name,
            gain,
            decimals(nll),
            f"{decimals(found['calibrated nll'])}, {found['calibrated at']:.3g}",
            *(decimals(found[f"kl at τ = {temperature}"]) for temperature in (1, 3)),
            decimals(found["kl at τ = 8"], 4),
            percent(found["same first token"], 1),
            "" if share is None else decimals(share, 2),
        ]
    )


def _difference(found: Mapping[str, float], places: int) -> str:
    """A mean difference with its interval."""
    return f"{signed(found['mean'], places)} [{decimals(found['low'], places)}, {decimals(found['high'], places)}]"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


# The experiment whose result it is, the name of its marks, and what is written between them.
TABLES: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "language-models": ("cells", lambda kept: cells_table(kept["rows"])),
    "codecs": ("codecs", codecs_table),
}
