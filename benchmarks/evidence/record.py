"""One experiment's result: what was asked, the numbers with their intervals, and what follows; as JSON and as text."""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.record import hardware, versions

RESULTS = Path(__file__).resolve().parents[1] / "results" / "evidence"
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Evidence:
    """Everything needed to run it again and to read it without asking; `findings` are sentences with their numbers."""

    name: str
    question: str
    command: str
    date: str
    hardware: str
    versions: dict[str, str]
    settings: dict[str, Any]
    rows: tuple[dict[str, Any], ...]
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95 % t interval; `low` and `high` are None with a single seed."""

    mean: float
    low: float | None
    high: float | None
    num_seeds: int

    def __str__(self) -> str:
        bounds = "no interval" if self.low is None else f"[{self.low:.4g}, {self.high:.4g}]"
        return f"{self.mean:.4g} {bounds}"


INTERVAL_KEYS = {one.name for one in fields(Interval)}


def interval(values: Sequence[float]) -> Interval:
    """mean ± t(n − 1) · s / √n, with s the standard deviation over the n values."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean, None, None, len(values))
    from scipy.stats import t as student_t

    quantile = float(student_t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half, len(values))


def evidence(
    name: str,
    question: str,
    settings: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    findings: Sequence[str],
) -> Evidence:
    """The record of a run that has just been made on this machine."""
    return Evidence(
        name=name,
        question=question,
        command=" ".join(["python -m benchmarks.evidence", *sys.argv[1:]]),
        date=date.today().isoformat(),
        hardware=hardware(),
        versions=versions(),
        settings=dict(settings),
        rows=tuple(dict(row) for row in rows),
        findings=tuple(findings),
    )


def file_of(name: str) -> Path:
    """Where the result of an experiment is kept."""
    return RESULTS / f"{name}.json"


def write(found: Evidence) -> None:
    """Keep the result as results/evidence/NAME.json."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    file_of(found.name).write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")


def text(found: Evidence) -> str:
    """The question, tables of the rows (intervals as mean [low, high]), and the findings."""
    tables: list[list[Mapping[str, Any]]] = []
    for row in found.rows:
        if not tables or list(tables[-1][-1]) != list(row):
            tables.append([])
        tables[-1].append(row)
    parts = [found.question, *map(_table, tables), "\n".join(f"- {one}" for one in found.findings), ""]
    return "\n\n".join(parts)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal keys, under them; records and lists inside a row are for the JSON alone."""
    names = [name for name in rows[0] if all(_shown(row[name]) for row in rows)]
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.rjust, line, widths)).rstrip() for line in cells)
    return "\n".join(lines)


def _shown(value: Any) -> bool:
    return set(value) == INTERVAL_KEYS if isinstance(value, Mapping) else not isinstance(value, list)


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(Interval(**value))
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
