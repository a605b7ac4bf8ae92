"""`run`: from a task and a source to a recommendation. Checks first, then the sweep, then the statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retort.distribution import Chain
from retort.errors import InputError
from retort.sampling.params import check_seed
from retort.sources.base import Source
from retort.tune.answers import agreement_share, distinct_share, item_scores
from retort.tune.goals import GOALS
from retort.tune.recommend import recommend
from retort.tune.records import Setting, Tuning
from retort.tune.sweep import ProgressCallback, Sweep, sweep
from retort.tune.task import Item, Task


def run(
    task: Task,
    source: Source,
    temperatures: Sequence[float],
    samples: int,
    seed: int = 0,
    limit_items: int | None = None,
    on_progress: ProgressCallback | None = None,
    *,
    chain: Chain | None = None,
) -> Tuning:
    """Which temperature suits `task` on `source`, with evidence.

    `samples` repeats of every item and prompt, at every temperature of the list (in any order); the first
    `limit_items` items only, if given; `chain`: truncation to apply, its own temperature replaced by each of the list.
    `on_progress(done, total, detail)` counts paths. Same arguments, same result.
    Raises InputError for arguments that do not fit, CapabilityError for a source without the whole vocabulary.
    """
    grid = check_temperatures(temperatures)
    items = task.items[: _checked_limit(limit_items)]
    _check_samples(samples, task.goal)
    check_seed(seed)
    chain = Chain(()) if chain is None else chain
    swept = sweep(task, items, source, grid, samples, seed, chain, on_progress)
    return conclude(task, items, swept, grid, samples, seed, source.name, str(chain))


def conclude(
    task: Task,
    items: Sequence[Item],
    swept: Sweep,
    temperatures: Sequence[float],
    samples: int,
    seed: int,
    model: str,
    chain: str,
) -> Tuning:
    """Scores, statistics and the recommendation from a sweep's answers; no model is needed any more."""
    scores = np.stack(
        [
            item_scores(codes, item.references, swept.answers)
            for item, codes in zip(items, swept.codes, strict=True)
        ]
    )
    distinct = np.mean([distinct_share(codes) for codes in swept.codes], axis=0)
    pairs = [share for codes in swept.codes if (share := agreement_share(codes)) is not None]
    agreements = np.mean(pairs, axis=0) if pairs else None
    recommendation, intervals = recommend(temperatures, scores, task.goal, seed=seed)
    settings = tuple(
        Setting(
            temperature=temperature,
            score=float(scores[:, number].mean()),
            score_ci=(float(intervals[number, 0]), float(intervals[number, 1])),
            distinct=float(distinct[number]),
            agreement=None if agreements is None else float(agreements[number]),
            samples=len(items) * len(task.prompts) * samples,
        )
        for number, temperature in enumerate(temperatures)
    )
    return Tuning(
        task=task.name,
        model=model,
        goal=task.goal,
        score=GOALS[task.goal].score,
        settings=settings,
        recommendation=recommendation,
        forward_passes=swept.forward_passes,
        independent_passes=swept.independent_passes,
        items=len(items),
        samples_per_item=samples,
        seed=seed,
        chain=chain,
        item_ids=tuple(item.id for item in items),
        item_scores=scores,
    )


def check_temperatures(temperatures: Sequence[float]) -> tuple[float, ...]:
    """The temperatures in rising order, each once; InputError unless they are two or more finite numbers from 0 up."""
    values = [float(value) for value in temperatures]
    for value in values:
        if not math.isfinite(value) or value < 0:
            raise InputError(
                f"a temperature is {value!r}; temperatures are finite numbers from 0 (greedy) up"
            )
    grid = tuple(sorted(set(values)))
    if len(grid) < 2:
        raise InputError(f"got {len(grid)} temperature(s) to compare; give at least two different ones")
    return grid


def _checked_limit(limit_items: int | None) -> int | None:
    if limit_items is not None and (type(limit_items) is not int or limit_items < 1):
        raise InputError(f"the number of items is {limit_items!r}; it is a whole number from 1 up")
    return limit_items


def _check_samples(samples: int, goal: str) -> None:
    fewest = 2 if goal == "explore" else 1
    if type(samples) is not int or samples < fewest:
        why = " (one sample of an item cannot show variety)" if samples == 1 else ""
        raise InputError(
            f"samples is {samples!r}; for goal {goal} it is a whole number from {fewest} up{why}"
        )
