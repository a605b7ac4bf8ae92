"""`--budget` replayed on recorded studies and simulated tasks: does it say what the whole grid says, for less?

    git clone https://github.com/matthewrenze/jhu-llm-temperature
    python -m benchmarks.replay jhu-llm-temperature --seeds 20

Each study's whole grid (Renze and Guven: 100 questions × 11 or more temperatures × 10 answers) is concluded once, with
all answers. Then a race is run over the recorded answers with 40 % of them as its budget, from several seeds, which
decide the order of items. "same" is the same suggested temperature, "tied" one that the whole grid calls tied with the
best; "other" is neither. Simulated tasks have no difference, a fall, or a cliff; there "error" counts races that drop a
setting which is as good as the one it lost to.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.published_studies import studies
from retort.tune import Samples, find_goal, read_records, recommend
from retort.tune.recommend import recommend_raced
from retort.tune.sequential import Ask, race
from retort.tune.settings import Axis, temperature_axis

SHARE = 0.4
BOUNDS = (0.0, 1.0)


@dataclass(frozen=True)
class Replayed:
    """Of one study: how often the race said the same, a tied or another setting, and its share of the answers."""

    study: str
    whole: float
    same: int
    tied: int
    other: int
    share: float
    error: int | None = None


def table_of(samples: Samples) -> np.ndarray:
    """`[items, settings, answers]` scores of a study in which every cell has as many answers."""
    most = int(samples.cell_sizes.max())
    found = np.full((len(samples.item_ids), len(samples.axis), most), np.nan)
    count = np.zeros(found.shape[:2], dtype=int)
    for item, setting, score in zip(samples.item, samples.setting, samples.score, strict=True):
        found[item, setting, count[item, setting]] = score
        count[item, setting] += 1
    return found[~np.isnan(found).any(axis=(1, 2))]


def replay(name: str, axis: Axis, table: np.ndarray, seeds: int, equal: np.ndarray | None = None) -> Replayed:
    """`equal[s, t]`: t is in truth as good as s, or better, so that dropping t for s is an error."""
    goal = find_goal("exploit")
    items, settings, _ = table.shape
    whole, _ = recommend(axis, table.mean(axis=2), goal)
    most = int(SHARE * table.size)
    repeats = max(1, most // (items * settings))
    said: Counter[str] = Counter()
    shares, errors = [], 0
    for seed in range(seeds):
        order = np.random.default_rng(seed).permuted(table, axis=2)[:, :, :repeats].mean(axis=2)
        raced = race(_asker(order, most // repeats), items, settings, seed=seed)
        found, _ = recommend_raced(axis, raced, goal, BOUNDS)
        kind = (
            "same" if found.setting == whole.setting else "tied" if found.setting in whole.tied else "other"
        )
        said[kind] += 1
        shares.append(raced.cells * repeats / table.size)
        errors += equal is not None and bool((raced.better & equal).any())
    return Replayed(
        name, whole.setting, said["same"], said["tied"], said["other"], float(np.median(shares)),
        None if equal is None else errors,
    )  # fmt: skip


def _asker(scores: np.ndarray, most: int) -> Ask:
    """The recorded scores, so many of them."""
    asked = 0

    def ask(items: Sequence[int], settings: Sequence[int]) -> np.ndarray | None:
        nonlocal asked
        asked += len(items) * len(settings)
        return scores[np.ix_(items, settings)] if asked <= most else None

    return ask


def simulated(seeds: int) -> Iterator[Replayed]:
    """200 items × 11 temperatures × 10 answers, on common noise as a sweep has."""
    grid = temperature_axis([step / 10 for step in range(11)])
    for name, effects in (
        ("no difference", np.zeros(11)),
        ("a fall of 20 points", -np.linspace(0.0, 0.2, 11)),
        ("a cliff of 40 points at 0.7", -0.4 * (np.arange(11) >= 7)),
    ):
        rng = np.random.default_rng(0)
        room = float(np.abs(effects).max())
        chance = rng.uniform(room, 1.0, size=(200, 1, 1)) + effects[:, None]
        own = rng.random((200, 11, 10))
        table = (np.where(rng.random(own.shape) < 0.6, rng.random((200, 1, 10)), own) < chance).astype(float)
        equal = effects[None, :] >= effects[:, None]
        yield replay(f"simulated: {name}", grid, table, seeds, equal)


def recorded(clone: Path, out: Path, seeds: int) -> Iterator[Replayed]:
    out.mkdir(parents=True, exist_ok=True)
    for study in studies(clone):
        if study.name.endswith("-vote") or study.name == "five-prompts":
            continue
        path = out / f"{study.name}.jsonl"
        if not path.exists():
            with path.open("w", encoding="utf-8") as lines:
                lines.writelines(json.dumps(record) + "\n" for record in study.records())
        samples = read_records(path)
        yield replay(study.name, samples.axis, table_of(samples), seeds)


def main(arguments: list[str] | None = None) -> None:
    """Replay, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.replay", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("clone", type=Path, nargs="?", help="a clone of matthewrenze/jhu-llm-temperature")
    parser.add_argument("--out", type=Path, default=Path("published-records"), help="where its records go")
    parser.add_argument("--seeds", type=int, default=20, help="races per study; default: 20")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of a table")
    asked = parser.parse_args(arguments)
    found = simulated(asked.seeds)
    if asked.clone is not None:
        found = itertools.chain(found, recorded(asked.clone, asked.out, asked.seeds))
    if asked.json:
        print(json.dumps([asdict(one) for one in found], indent=1))
        return
    print("| study | whole grid | same | tied | other | median share of the answers | wrong drops |")
    print("|---|---|---|---|---|---|---|", flush=True)
    # Row by row, as they come: all seeds of all studies take minutes.
    for one in found:
        error = "–" if one.error is None else str(one.error)
        print(
            f"| {one.study} | {one.whole:g} | {one.same} | {one.tied} | {one.other} | {one.share:.0%} | {error} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
