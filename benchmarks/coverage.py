"""What `retort tune` promises of its intervals and tests, measured on simulated tasks: no model, no clock.

- **own interval**: how often a setting's 95 % interval holds its true score. Right or wrong answers, means of four, and
  scores between 0 and 1 from 300 random distributions of two to four values (many rare, many close to an end), since
  the interval for those (Gaffke's) has no proof.
- **planned pair**: the same of the interval of one planned difference, with differences from 0 to 30 points.
- **all pairs**: in how many tasks every interval of every pair holds, at 95 % together.
- **family-wise error**: in how many tasks without any difference a significant one is found, at 5 %.
- **power**: how often a difference of the stated size is found, at 80 % or more.
- **race**: family-wise error of `--budget`, looked at after every block of items.

Items have the chance p of a right answer (or, "spread", chances from a Beta distribution with that mean); a share of
the draws uses one random number for all settings, as a sweep's common noise does.

The worst of hundreds of cases is partly bad luck. So the three worst cases of each promise are simulated again, from
other random numbers, with more tasks (and, where intervals are looked at, the resamples that a user gets): *again* is
the worst of these, *low* and *high* its 95 % Monte-Carlo interval (Clopper and Pearson). Cases that are done are kept
in `retort-coverage.jsonl` in the folder for temporary files, so that a run that was stopped goes on where it was.

    python -m benchmarks coverage                                              all of it, hours
    python -m benchmarks.coverage "all pairs cover" --tasks 200 --places 12 --resamples 500    one, sooner
"""

from __future__ import annotations

import argparse
import inspect
import json
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared
from retort.tune import sequential, statistics
from retort.tune.sequential import race
from retort.tune.statistics import RESAMPLES, bounded_interval, compare, planned

CHANCES = (0.5, 0.9, 0.95, 0.98, 0.99)
ITEMS = (10, 20, 40, 60, 100)
SETTINGS = (2, 5, 11, 21)
SHARED = (0.0, 0.6, 1.0)
ALPHA = 0.05
FEW_RESAMPLES = 300
# A result is reused only by the code that gave it.
CODE = zlib.crc32((inspect.getsource(statistics) + inspect.getsource(sequential)).encode())
KEPT = Path(tempfile.gettempdir()) / "retort-coverage.jsonl"

Trial = Callable[[np.random.Generator, int, int], int]
"""Random numbers, tasks, resamples → in how many tasks the thing counted happened."""


@dataclass(frozen=True)
class Promise:
    """`cases`: names and trials; `worst`: min for coverage, max for errors; `again`: tasks of a second
    look; `resamples`: its resamples."""

    name: str
    cases: Callable[[], Iterator[tuple[str, Trial]]]
    tasks: int
    again: int
    worst: Callable[..., Any]
    resamples: int = RESAMPLES


def scores(
    rng: np.random.Generator, items: int, chances: np.ndarray, answers: int = 1, shared: float = 0.6
) -> np.ndarray:
    """`[items, settings]` shares of right answers, `chances` [settings] the same for every item."""
    settings = len(chances)
    own = rng.random((items, answers, settings))
    common = rng.random((items, answers, 1))
    return np.asarray((np.where(rng.random(own.shape) < shared, common, own) < chances).mean(axis=1))


def _count(once: Callable[[np.random.Generator, int], bool]) -> Trial:
    """The trial that asks `once(rng, resamples)` for every task."""
    return lambda rng, tasks, resamples: sum(once(rng, resamples) for _ in range(tasks))


def own_interval() -> Iterator[tuple[str, Trial]]:
    def shares(items: int, chance: float, answers: int, spread: bool) -> Trial:
        def trial(rng: np.random.Generator, tasks: int, _: int) -> int:
            shape = (items, tasks)
            chances = rng.beta(2 * chance, 2 * (1 - chance), shape) if spread else np.full(shape, chance)
            return _held((rng.random((answers, *shape)) < chances).mean(axis=0), chance)

        return trial

    def values(items: int, points: np.ndarray, weights: np.ndarray) -> Trial:
        truth = float(points @ weights)
        return lambda rng, tasks, _: _held(rng.choice(points, (items, tasks), p=weights), truth)

    for items in ITEMS:
        for chance in CHANCES:
            for answers in (1, 4):
                for spread in (False, True):
                    name = f"n = {items}, p = {chance}, {answers} answers{', spread' * spread}"
                    yield name, shares(items, chance, answers, spread)
    draw = np.random.default_rng(1)
    for number in range(300):
        many = int(draw.integers(2, 5))
        # Beta(0.3, 0.3) puts values near the ends, Dirichlet(0.4) makes some of them rare: what intervals miss.
        points, weights = draw.beta(0.3, 0.3, many).round(3), draw.dirichlet(np.full(many, 0.4))
        items = ITEMS[number % len(ITEMS)]
        shown = ", ".join(f"{p:g} ({w:.3f})" for p, w in zip(points, weights, strict=True))
        yield f"n = {items}, values {shown}", values(items, points, weights)


def _held(values: np.ndarray, truth: float) -> int:
    low, high = bounded_interval(values, (0.0, 1.0), ALPHA).T
    return int(((low <= truth + 1e-9) & (truth - 1e-9 <= high)).sum())


def planned_pair() -> Iterator[tuple[str, Trial]]:
    def trial(items: int, chance: float, worse: float, shared: float, answers: int) -> Trial:
        def once(rng: np.random.Generator, _: int) -> bool:
            found = scores(rng, items, np.array([chance, chance - worse]), answers, shared)
            low, high = planned(found[:, 0] - found[:, 1], 1.0, ALPHA)
            return low <= worse + 1e-9 and worse - 1e-9 <= high

        return _count(once)

    for items in ITEMS:
        for chance in CHANCES:
            for worse in (0.0, 0.05, 0.3):
                for shared in SHARED:
                    for answers in (1, 4):
                        name = (
                            f"n = {items}, p = {chance} against {chance - worse:.2f}, shared {shared}, "
                            f"{answers} answers"
                        )
                        yield name, trial(items, chance, worse, shared, answers)


def all_pairs() -> Iterator[tuple[str, Trial]]:
    def trial(items: int, chances: np.ndarray, shared: float, answers: int) -> Trial:
        truth = chances[:, None] - chances[None, :]

        def once(rng: np.random.Generator, resamples: int) -> bool:
            found = compare(scores(rng, items, chances, answers, shared), ALPHA, rng, resamples)
            return bool(((found.low <= truth + 1e-9) & (truth - 1e-9 <= found.high)).all())

        return _count(once)

    for items in ITEMS:
        for settings in SETTINGS:
            for chance, fall in ((0.5, 0.0), (0.9, 0.0), (0.98, 0.0), (0.99, 0.0), (0.9, 0.3), (0.98, 0.1)):
                for shared in SHARED:
                    for answers in (1, 4):
                        chances = np.linspace(chance, chance - fall, settings)
                        name = (
                            f"n = {items}, {settings} settings, p = {chance} to {chance - fall:g}, "
                            f"shared {shared}, {answers} answers"
                        )
                        yield name, trial(items, chances, shared, answers)


def family_wise() -> Iterator[tuple[str, Trial]]:
    def trial(items: int, chance: float | str, shared: float) -> Trial:
        def once(rng: np.random.Generator, resamples: int) -> bool:
            chances = rng.random((items, 1, 1)) if chance == "any" else np.full(1, chance)
            own, common = rng.random((items, 1, 21)), rng.random((items, 1, 1))
            found = (np.where(rng.random(own.shape) < shared, common, own) < chances).mean(axis=1)
            return bool(compare(found, ALPHA, rng, resamples).better.any())

        return _count(once)

    for items in (20, 30, 60, 100):
        for chance in ("any", *CHANCES):
            for shared in SHARED[:2]:
                yield f"n = {items}, 21 settings, p = {chance}, shared {shared}", trial(items, chance, shared)


def power() -> Iterator[tuple[str, Trial]]:
    def trial(items: int, settings: int, chance: float, answers: int) -> Trial:
        same = np.full(settings, chance)

        def found(rng: np.random.Generator, tasks: int, resamples: int) -> int:
            stated = [
                compare(scores(rng, items, same, answers), ALPHA, rng, 500).minimum_detectable()
                for _ in range(50)
            ]
            worse = same - float(np.median(stated)) * (np.arange(settings) == settings - 1)
            return sum(
                bool(compare(scores(rng, items, worse, answers), ALPHA, rng, resamples).better[0, -1])
                for _ in range(tasks)
            )

        return found

    for items, settings, chance, answers in (
        (20, 2, 0.98, 1), (20, 5, 0.7, 4), (30, 21, 0.95, 1), (40, 11, 0.9, 1), (60, 5, 0.7, 4), (100, 2, 0.7, 1),
        (100, 11, 0.7, 10),
    ):  # fmt: skip
        yield (
            f"n = {items}, {settings} settings, p = {chance}, {answers} answers",
            trial(items, settings, chance, answers),
        )


def race_error() -> Iterator[tuple[str, Trial]]:
    def trial(items: int, settings: int, chance: float) -> Trial:
        def once(rng: np.random.Generator, _: int) -> bool:
            found = scores(rng, items, np.full(settings, chance))
            seed = int(rng.integers(2**31))
            return bool(race(lambda i, s: found[np.ix_(i, s)], items, settings, seed=seed).better.any())

        return _count(once)

    for items, settings, chance in ((100, 11, 0.5), (100, 11, 0.9), (300, 5, 0.7), (300, 2, 0.5)):
        yield f"n = {items}, {settings} settings, p = {chance}", trial(items, settings, chance)


PROMISES = (
    Promise("own interval covers, promised 95 %", own_interval, 20_000, 100_000, min),
    Promise("planned pair covers, promised 95 %", planned_pair, 2_000, 10_000, min),
    Promise("all pairs cover, promised 95 %", all_pairs, 1_000, 4_000, min),
    Promise("family-wise error, promised at most 5 %", family_wise, 2_000, 1_500, max, 500),
    Promise("stated power, promised 80 %", power, 1_000, 2_000, min, 500),
    Promise("race: family-wise error, promised at most 5 %", race_error, 500, 1_000, max, 500),
)


def measured(promise: Promise, name: str, trial: Trial, tasks: int, resamples: int, look: int) -> float:
    """The share of tasks in which it happened; from `KEPT` where this very case has been simulated before."""
    case = f"{promise.name}: {name}: {tasks} tasks, {resamples} resamples, look {look}, code {CODE:x}"
    if case not in (kept := _kept()):
        rng = np.random.default_rng(zlib.crc32(case.encode()))
        kept[case] = trial(rng, tasks, resamples) / tasks
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(json.dumps([case, kept[case]]) + "\n")
    return kept[case]


_found: dict[str, float] = {}


def _kept() -> dict[str, float]:
    if not _found and KEPT.exists():
        _found.update(json.loads(line) for line in KEPT.read_text(encoding="utf-8").splitlines())
    return _found


def looked_at(
    promise: Promise, tasks: int, again: int, resamples: int, places: int = 3
) -> tuple[dict[str, Any], str]:
    """What a promise comes to: its worst case, and the worst of `places` worst ones with other random numbers."""
    from scipy.stats import binomtest

    trials = dict(promise.cases())
    found = {name: measured(promise, name, trial, tasks, FEW_RESAMPLES, 1) for name, trial in trials.items()}
    sign = 1 if promise.worst is min else -1
    worst = sorted(found, key=lambda name: sign * found[name])[:places]
    second = {name: measured(promise, name, trials[name], again, resamples, 2) for name in worst}
    place = promise.worst(second, key=lambda name: second[name])
    interval = binomtest(round(second[place] * again), again).proportion_ci(0.95)
    numbers = {
        "cases": len(found), "tasks each": tasks, "median": float(np.median(list(found.values()))),
        "worst": promise.worst(found.values()), "again": second[place], "low": interval.low,
        "high": interval.high, "tasks again": again,
    }  # fmt: skip
    return numbers, place


def run(settings: Settings) -> Record:
    """The worst case of every promise, and what the worst ones show with other random numbers."""
    rows: list[Row] = []
    details: dict[str, Any] = {}
    for promise in PROMISES:
        scale = 0.005 if settings.quick else 1.0
        tasks, again = (max(int(number * scale), 5) for number in (promise.tasks, promise.again))
        start = time.perf_counter()
        resamples = FEW_RESAMPLES if settings.quick else promise.resamples
        numbers, place = looked_at(promise, tasks, again, resamples)
        rows.append(compared(promise.name, {"seconds": [time.perf_counter() - start]}, **numbers))
        details[promise.name] = f"worst again: {place}"
    return record("coverage", __doc__ or "", "none", settings, details, rows)


def main() -> None:
    """One promise alone, by the beginning of its name, with as many tasks a case as are asked for."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("promise", choices=[one.name.split(",")[0] for one in PROMISES])
    parser.add_argument("--tasks", type=int, help="tasks of each case at the first look")
    parser.add_argument("--resamples", type=int, help="resamples of an interval at the second look")
    parser.add_argument(
        "--places", type=int, default=3, help="how many of the worst cases are looked at again"
    )
    asked = parser.parse_args()
    promise = next(one for one in PROMISES if one.name.split(",")[0] == asked.promise)
    numbers, place = looked_at(
        promise,
        asked.tasks or promise.tasks,
        promise.again,
        asked.resamples or promise.resamples,
        asked.places,
    )
    print(json.dumps(numbers | {"worst again": place}, indent=2))


if __name__ == "__main__":
    main()
