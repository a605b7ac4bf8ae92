"""What `retort tune` promises of its intervals and tests, measured on simulated tasks: no model, no clock.

- **own interval**: how often a setting's 95 % interval holds its true score (binary answers, and means of four).
- **planned pair**: the same of the interval of one planned difference, with differences from 0 to 30 points.
- **all pairs**: in how many tasks every interval of every pair holds, at 95 % together.
- **family-wise error**: in how many tasks without any difference a significant one is found, at 5 %.
- **power**: how often a difference of the stated size is found, at 80 % or more.
- **race**: family-wise error of `--budget`, looked at after every block of items.

Items have the chance p of a right answer (or, "spread", chances from a Beta distribution with that mean); a share of
the draws uses one random number for all settings, as a sweep's common noise does. The worst of many cases is printed,
so chance counts: with 95 % promised and 120 tasks, one case in a hundred shows less than 90 % by luck.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared
from retort.tune.sequential import race
from retort.tune.statistics import bounded_interval, compare, planned

CHANCES = (0.5, 0.9, 0.95, 0.98, 0.99)
ITEMS = (10, 20, 40, 60, 100)
SETTINGS = (2, 5, 11, 21)
SHARED = (0.0, 0.6, 1.0)
ALPHA = 0.05


def scores(
    rng: np.random.Generator, items: int, chances: np.ndarray, answers: int = 1, shared: float = 0.6
) -> np.ndarray:
    """`[items, settings]` shares of right answers, `chances` [settings] the same for every item."""
    settings = len(chances)
    own = rng.random((items, answers, settings))
    common = rng.random((items, answers, 1))
    return np.asarray((np.where(rng.random(own.shape) < shared, common, own) < chances).mean(axis=1))


def own_interval(rng: np.random.Generator, tasks: int) -> Iterator[tuple[str, float]]:
    for items in ITEMS:
        for chance in CHANCES:
            for answers in (1, 4):
                for spread in (False, True):
                    shape = (items, tasks)
                    chances = (
                        rng.beta(2 * chance, 2 * (1 - chance), shape) if spread else np.full(shape, chance)
                    )
                    values = (rng.random((answers, *shape)) < chances).mean(axis=0)
                    low, high = bounded_interval(values, (0.0, 1.0), ALPHA).T
                    yield (
                        f"n = {items}, p = {chance}, {answers} answers{', spread' * spread}",
                        float(((low <= chance) & (chance <= high)).mean()),
                    )


def planned_pair(rng: np.random.Generator, tasks: int) -> Iterator[tuple[str, float]]:
    for items in ITEMS:
        for chance in CHANCES:
            for worse in (0.0, 0.05, 0.3):
                for shared in SHARED:
                    held = 0
                    for _ in range(tasks):
                        found = scores(rng, items, np.array([chance, chance - worse]), shared=shared)
                        low, high = planned(found[:, 0] - found[:, 1], 1.0, ALPHA)
                        held += low <= worse + 1e-9 and worse - 1e-9 <= high
                    yield (
                        f"n = {items}, p = {chance} against {chance - worse:.2f}, shared {shared}",
                        held / tasks,
                    )


def all_pairs(rng: np.random.Generator, tasks: int) -> Iterator[tuple[str, float]]:
    for items in ITEMS:
        for settings in SETTINGS:
            for chance, fall in ((0.5, 0.0), (0.9, 0.0), (0.98, 0.0), (0.99, 0.0), (0.9, 0.3), (0.98, 0.1)):
                for shared in SHARED:
                    chances = np.linspace(chance, chance - fall, settings)
                    truth = chances[:, None] - chances[None, :]
                    held = 0
                    for _ in range(tasks):
                        found = compare(scores(rng, items, chances, shared=shared), ALPHA, rng, 300)
                        held += bool(((found.low <= truth + 1e-9) & (truth - 1e-9 <= found.high)).all())
                    yield (
                        f"n = {items}, {settings} settings, p = {chance} to {chance - fall:g}, shared {shared}",
                        held / tasks,
                    )


def family_wise(rng: np.random.Generator, tasks: int) -> Iterator[tuple[str, float]]:
    for items in (20, 30, 60, 100):
        for chance in ("any", *CHANCES):
            for shared in SHARED[:2]:
                wrong = 0
                for _ in range(tasks):
                    chances = rng.random((items, 1, 1)) if chance == "any" else np.full(1, chance)
                    own, common = rng.random((items, 1, 21)), rng.random((items, 1, 1))
                    found = (np.where(rng.random(own.shape) < shared, common, own) < chances).mean(axis=1)
                    wrong += bool(compare(found, ALPHA, rng, 300).better.any())
                yield f"n = {items}, 21 settings, one answer, p = {chance}, shared {shared}", wrong / tasks


def power(rng: np.random.Generator, tasks: int) -> Iterator[tuple[str, float]]:
    for items, settings, chance, answers in (
        (20, 2, 0.98, 1), (20, 5, 0.7, 4), (30, 21, 0.95, 1), (40, 11, 0.9, 1), (60, 5, 0.7, 4), (100, 2, 0.7, 1),
        (100, 11, 0.7, 10),
    ):  # fmt: skip
        same = np.full(settings, chance)
        stated = [
            compare(scores(rng, items, same, answers), ALPHA, rng, 500).minimum_detectable()
            for _ in range(20)
        ]
        effect = float(np.median(stated))
        worse = same - effect * (np.arange(settings) == settings - 1)
        found = [
            compare(scores(rng, items, worse, answers), ALPHA, rng, 300).better[0, -1] for _ in range(tasks)
        ]
        yield (
            f"n = {items}, {settings} settings, p = {chance}, {answers} answers: {effect:.3f}",
            float(np.mean(found)),
        )


def race_error(rng: np.random.Generator, tasks: int) -> Iterator[tuple[str, float]]:
    for items, settings, chance in ((100, 11, 0.5), (100, 11, 0.9), (300, 5, 0.7), (300, 2, 0.5)):
        wrong = 0
        for seed in range(tasks):
            found = scores(rng, items, np.full(settings, chance))
            raced = race(lambda i, s, found=found: found[np.ix_(i, s)], items, settings, 1, 10**9, seed=seed)  # type: ignore[misc]
            wrong += bool(raced.better.any())
        yield f"n = {items}, {settings} settings, p = {chance}", wrong / tasks


def run(settings: Settings) -> Record:
    """The worst case of every promise, and how many cases there were."""
    rng = np.random.default_rng(0)
    scale = 0.05 if settings.quick else 1.0
    rows: list[Row] = []
    details: dict[str, Any] = {}
    for name, kind, tasks, worst in (
        ("own interval covers, promised 95 %", own_interval, 2000, min),
        ("planned pair covers, promised 95 %", planned_pair, 120, min),
        ("all pairs cover, promised 95 %", all_pairs, 40, min),
        ("family-wise error, promised at most 5 %", family_wise, 150, max),
        ("stated power, promised 80 %", power, 300, min),
        ("race: family-wise error, promised at most 5 %", race_error, 100, max),
    ):
        tasks = max(int(tasks * scale), 5)
        start = time.perf_counter()
        found = list(kind(rng, tasks))
        place, value = worst(found, key=lambda one: one[1])
        typical = float(np.median([one[1] for one in found]))
        took = {"seconds": [time.perf_counter() - start]}
        numbers = {"worst": value, "median": typical, "cases": len(found), "tasks each": tasks}
        rows.append(compared(name, took, **numbers))
        details[name] = f"worst at {place}"
        if kind in (family_wise, power):
            details[f"{name}: all"] = {case: round(rate, 3) for case, rate in found}
    return record("coverage", __doc__ or "", "none", settings, details, rows)
