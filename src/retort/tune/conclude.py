"""From all answers of a sweep to its record: scores, statistics, the recommendation. No model is needed any more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retort.errors import InputError
from retort.tune.goals import Goal
from retort.tune.recommend import recommend
from retort.tune.records import Setting, Tuning
from retort.tune.samples import Floats, Samples, over_prompts


@dataclass(frozen=True)
class Origin:
    """Where the answers come from, as the record says it; the passes are None where no model was run."""

    task: str
    model: str
    seed: int = 0
    chain: str = ""
    forward_passes: int | None = None
    independent_passes: int | None = None


def conclude(samples: Samples, goal: Goal, origin: Origin) -> Tuning:
    """The record of these answers.

    Items without enough answers at every setting are left out, because settings are compared within items; the record
    says how many. Raises InputError where that leaves none, or where the goal needs texts and only scores are known.
    """
    if goal.needs_answers and samples.answer is None:
        raise InputError(
            f"goal {goal.name} compares the answers' texts, and these records have only scores; add `text` to every "
            "record, or take goal exploit"
        )
    scores = goal.item_scores(samples)
    complete = ~np.isnan(scores).any(axis=1)
    if not complete.any():
        raise InputError(
            f"no item has {goal.fewest_samples} answer(s) at each of the {len(samples.axis)} settings, which goal "
            f"{goal.name} needs; settings are compared on the same items"
        )
    scores = scores[complete]
    recommendation, intervals = recommend(samples.axis, scores, goal, seed=origin.seed)
    variety = _Variety.of(samples, np.asarray(complete))
    sizes = samples.cell_sizes[complete]
    settings = tuple(
        Setting(
            temperature=values.get("temperature"),
            score=float(scores[:, number].mean()),
            score_ci=(float(intervals[number, 0]), float(intervals[number, 1])),
            distinct=_at(variety.distinct, number),
            agreement=_at(variety.agreement, number),
            samples=int(sizes[:, :, number].sum()),
            identical=_at(variety.identical, number),
            setting=dict(values),
        )
        for number, values in enumerate(samples.axis.settings)
    )
    return Tuning(
        task=origin.task,
        model=origin.model,
        goal=goal.name,
        score=goal.score,
        settings=settings,
        recommendation=recommendation,
        forward_passes=origin.forward_passes,
        independent_passes=origin.independent_passes,
        items=len(scores),
        samples_per_item=int(sizes[sizes > 0].max()),
        seed=origin.seed,
        chain=origin.chain,
        axis=samples.axis.name,
        items_left_out=int((~complete).sum()),
        item_ids=tuple(np.array(samples.item_ids, dtype=object)[complete]),
        item_scores=scores,
    )


@dataclass(frozen=True)
class _Variety:
    """Means over items, `[settings]` each; None where the texts, or pairs of answers, are not known."""

    distinct: Floats | None = None
    agreement: Floats | None = None
    identical: Floats | None = None

    @classmethod
    def of(cls, samples: Samples, complete: np.ndarray) -> _Variety:
        if samples.answer is None:
            return cls()
        sizes = samples.cell_sizes
        shares = np.where(sizes > 0, samples.distinct() / np.maximum(sizes, 1), np.nan)
        distinct = np.nanmean(over_prompts(shares)[complete], axis=0)
        agreement = over_prompts(samples.agreement())[complete]
        known = ~np.isnan(agreement).any(axis=1)
        if not known.any():
            return cls(distinct)
        # An item's answers are all alike exactly where every pair of them agrees.
        return cls(distinct, agreement[known].mean(axis=0), (agreement[known] == 1.0).mean(axis=0))


def _at(values: Floats | None, number: int) -> float | None:
    return None if values is None else float(values[number])
