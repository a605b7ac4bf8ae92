"""Published studies of temperature, re-analysed from their recorded answers; no model runs.

    git clone https://github.com/matthewrenze/jhu-llm-temperature
    python -m benchmarks.published jhu-llm-temperature --out records

The answers are written as JSON lines into --out, one file a study (`retort tune --from-records records/gpt-4.jsonl`
goes on from there). What is printed is what `retort tune` concludes from each, beside the test that Renze and
Guven made: Kruskal and Wallis on the items' scores, which takes the same item at two temperatures for two items.
Which repositories can be given: benchmarks/published_studies.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.published_studies import Study, studies
from retort.errors import RetortError
from retort.tune import Origin, Tuning, conclude, find_goal, read_records
from retort.tune.recommend import ERROR_RATE, Difference
from retort.tune.statistics import compare

HEADER = (
    "study", "score", "items", "coldest", "hottest", "take", "as good", "difference", "interval", "held out",
    "could have seen", "unpaired test",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What `retort tune` says of a study, and the p-value of the unpaired test. `planned`: the coldest setting against
    temperature 1 as `--against temperature=1` compares them; `planned_minimum`: what that could have found."""

    study: str
    called: str
    found: Tuning
    unpaired_p: float | None
    planned: Difference
    planned_minimum: float

    def to_dict(self) -> dict[str, Any]:
        planned = {"difference": self.planned.difference, "interval": self.planned.interval}
        return {
            "study": self.study,
            **self.found.to_dict(),
            "unpaired_p": self.unpaired_p,
            "planned": {**planned, "minimum_detectable": self.planned_minimum},
        }


def main(arguments: list[str] | None = None) -> None:
    """Convert, conclude, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.published", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("clone", type=Path, help="a clone of the repository with the answers")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("published-records"),
        help="where the records go; default: published-records",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of a table")
    asked = parser.parse_args(arguments)
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
        found = [one for study in studies(asked.clone) for one in findings(study, asked.out)]
    except RetortError as problem:
        print(f"published: {problem}", file=sys.stderr)
        raise SystemExit(2) from None
    if asked.json:
        print(json.dumps({"commit": commit(asked.clone), "findings": [one.to_dict() for one in found]}))
        return
    print(f"data: {asked.clone}, commit {commit(asked.clone) or 'unknown'}\n\n{table(found)}")
    for one in found:
        if one.found.variance is not None and one.found.goal == "exploit":
            shares = (f"{share.lever} {share.share:.0%}" for share in one.found.variance)
            print(f"\n{one.study}: of the variance of an answer's score, {', '.join(shares)}")


def findings(study: Study, out: Path) -> Iterator[Finding]:
    """What is concluded for each goal; the study's records are written into `out` first."""
    path = out / f"{study.name}.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in study.records())
    samples = read_records(path)
    for goal in study.goals:
        found = conclude(samples, find_goal(goal), Origin(path.name, "recorded"))
        called = study.called if goal == "exploit" else goal
        planned = found.recommendation.differences[0]
        reference = next(
            n for n, one in enumerate(found.settings) if one.temperature == found.recommendation.reference
        )
        pair = compare(found.item_scores[:, [0, reference]], ERROR_RATE, np.random.default_rng(0))
        yield Finding(study.name, called, found, unpaired_p(found), planned, pair.minimum_detectable())


def unpaired_p(found: Tuning) -> float | None:
    """The p-value of Kruskal and Wallis on the items' scores, each temperature a group of its own; None where all
    scores are equal."""
    from scipy.stats import kruskal

    scores = np.asarray(found.item_scores)
    return None if np.ptp(scores) == 0.0 else float(kruskal(*scores.T).pvalue)


def commit(clone: Path) -> str | None:
    """The commit of the clone's data; None where it is no repository of its own."""
    if not (clone / ".git").exists():
        return None
    asked = subprocess.run(
        ["git", "-C", str(clone), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def table(found: list[Finding]) -> str:
    """The findings as a Markdown table, in bold what is significant."""
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    for one in found:
        best = one.found.recommendation
        low, high = best.difference_ci
        mark = "**" if best.detectable else ""
        cells = (
            one.study,
            one.called,
            f"{one.found.items:,}",
            f"{one.found.settings[0].score:.3f}",
            f"{one.found.settings[-1].score:.3f}",
            f"{best.setting:g}",
            f"{best.region[0]:g} to {best.region[-1]:g}",
            f"{mark}{best.difference:+.3f} against {best.reference:g}{mark}",
            f"{low:+.3f} to {high:+.3f}",
            "–" if best.held_out_difference is None else f"{best.held_out_difference:+.3f}",
            "–"
            if best.minimum_detectable_difference is None
            else f"{best.minimum_detectable_difference:.3f}",
            f"{one.planned.difference:+.3f} ({one.planned.interval[0]:+.4f} to {one.planned.interval[1]:+.4f})",
            f"{one.planned_minimum:.3f}",
            "–" if one.unpaired_p is None else f"p = {one.unpaired_p:.2g}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
