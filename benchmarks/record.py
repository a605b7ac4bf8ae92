"""One benchmark's result as a record: what was run, on what, when, and the rows; as JSON and as a table."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.timing import Row

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("retort-lm", "numpy", "torch", "transformers", "accelerate")


@dataclass(frozen=True)
class Settings:
    """What the command line decides. `quick` is for seeing that a benchmark works: its numbers mean nothing."""

    model: str | None
    rounds: int
    threads: int
    quick: bool


@dataclass(frozen=True)
class Record:
    """Everything needed to run it again and to read it without asking."""

    name: str
    about: str
    model: str
    command: str
    date: str
    hardware: str
    threads: int
    versions: dict[str, str]
    settings: dict[str, Any]
    rows: tuple[Row, ...]


def record(
    name: str, about: str, model: str, settings: Settings, details: Mapping[str, Any], rows: Sequence[Row]
) -> Record:
    """The record of a run that has just been made on this machine."""
    return Record(
        name=name,
        about=about.strip(),
        model=model,
        command=" ".join(["python -m benchmarks", *sys.argv[1:]]),
        date=date.today().isoformat(),
        hardware=hardware(),
        threads=settings.threads,
        versions=versions(),
        settings={"rounds": settings.rounds, **details},
        rows=tuple(rows),
    )


def hardware() -> str:
    """The processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if "model name" in line
        ]
        name = named[0] if named else name
    return f"{name}, {cores()} cores, {platform.system()}"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write(found: Record) -> None:
    """`results/NAME.json`, and `results/README.md` with the tables of every result there is."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{found.name}.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    stored = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("*.json"))]
    page = ["# Results", "", "Written by `make bench`; each table is the JSON file of its name.", ""]
    (RESULTS / "README.md").write_text("\n".join([*page, *map(markdown, stored)]), encoding="utf-8")


def markdown(found: Mapping[str, Any]) -> str:
    """The section of one result, from its JSON: what was run, then a line a case."""
    ours = next(iter(found["rows"][0]["seconds"]))
    # A case may lack a peer or a detail that others have.
    peers = list(dict.fromkeys(name for row in found["rows"] for name in row["ratios"]))
    details = list(dict.fromkeys(name for row in found["rows"] for name in row["details"]))
    lines = [
        f"## {found['name']}",
        "",
        found["about"],
        "",
        f"- model: {found['model']}",
        f"- hardware: {found['hardware']}, torch with {_count(found['threads'], 'thread')}",
        f"- date: {found['date']}; command: `{found['command']}`",
        f"- versions: {', '.join(f'{name} {number}' for name, number in found['versions'].items())}",
        f"- settings: {', '.join(f'{name} {value}' for name, value in found['settings'].items())}",
        "",
        "Ratios are the peer's time over ours: median of the rounds, smallest and largest in brackets. Above 1 retort "
        "is faster.",
        "",
        _line(["case", ours, *(f"{peer}, ratio" for peer in peers), *details]),
        _line(["---"] * (2 + len(peers) + len(details))),
    ]
    for row in found["rows"]:
        ratios = [_ratio(row["ratios"][peer]) if peer in row["ratios"] else "–" for peer in peers]
        shown = [f"{row['details'][name]:.4g}" if name in row["details"] else "–" for name in details]
        our_seconds = row["seconds"][next(iter(row["seconds"]))]
        lines.append(_line([row["case"], _seconds(our_seconds), *ratios, *shown]))
    return "\n".join([*lines, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ratio(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _seconds(value: float) -> str:
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that the numbers hang on."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
