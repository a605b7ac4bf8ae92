"""From all answers of a sweep to its record: scores, statistics, the recommendation. No model is needed any more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retort.errors import InputError
from retort.tune.cells import Price, cells_of, examples_of, prompt_questions, votes_of
from retort.tune.goals import Goal
from retort.tune.levers import (
    TurningPoint,
    on_frontier,
    turning_point,
    variance_shares,
)
from retort.tune.recommend import Ends, recommend, recommend_raced
from retort.tune.report import Setting, Tuning
from retort.tune.samples import Floats, Samples, over_prompts
from retort.tune.sequential import Raced
from retort.tune.settings import Values
from retort.tune.variety import WORDS, Likeness, measured_variety


@dataclass(frozen=True)
class Origin:
    """Where the answers come from, as the record says it; the passes are None where no model was run."""

    task: str
    model: str
    seed: int = 0
    chain: str = ""
    forward_passes: int | None = None
    independent_passes: int | None = None


def conclude(
    samples: Samples,
    goal: Goal,
    origin: Origin,
    *,
    variety: bool = False,
    likeness: Likeness = WORDS,
    against: Values | None = None,
    price: Price | None = None,
) -> Tuning:
    """The record of these answers. `variety`: measure how different they are, which goal explore does anyway;
    `likeness`: by what two answers are compared there; `against`: the setting with which a comparison was planned;
    `price`: money per million tokens.

    Items without enough answers at every setting are left out, because settings are compared within items; the record
    says how many. Raises InputError where that leaves none, or where the goal needs texts and only scores are known.
    """
    if goal.needs_answers and samples.answer is None:
        raise InputError(
            f"goal {goal.name} compares the answers' texts, but these records have only scores; add "
            f"`text` to every record, or use goal exploit"
        )
    scores = goal.item_scores(samples)
    complete = ~np.isnan(scores).any(axis=1)
    if not complete.any():
        raise InputError(
            f"no item has {goal.fewest_samples} answer(s) at each of the {len(samples.axis)} settings, which goal "
            f"{goal.name} needs; settings are compared on the same items"
        )
    scores = scores[complete]
    beside = _Beside.of(samples, np.asarray(complete))
    wanted = variety or goal.seeks_variety
    varieties = measured_variety(samples, np.flatnonzero(complete), likeness) if wanted else None
    sizes = samples.cell_sizes[complete]
    repeats = int(sizes[sizes > 0].max())
    recommendation, intervals = recommend(
        samples.axis, scores, goal, seed=origin.seed, against=against, bounds=goal.bounds(repeats)
    )
    setting = samples.axis.points.index(
        recommendation.reference if recommendation.setting is None else recommendation.setting
    )
    reference = samples.axis.points.index(recommendation.reference)
    frontier = None if beside.distinct is None else on_frontier(scores.mean(axis=0), beside.distinct)
    settings = tuple(
        Setting(
            temperature=values.get("temperature"),
            score=float(scores[:, number].mean()),
            score_ci=(float(intervals[number, 0]), float(intervals[number, 1])),
            distinct=_at(beside.distinct, number),
            agreement=_at(beside.agreement, number),
            samples=int(sizes[:, :, number].sum()),
            identical=_at(beside.identical, number),
            valid=_at(beside.valid, number),
            mean_tokens=_at(beside.mean_tokens, number),
            raw_nll=_at(beside.raw_nll, number),
            on_frontier=None if frontier is None else bool(frontier[number]),
            setting=dict(values),
            variety=None if varieties is None else varieties[number],
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
        samples_per_item=repeats,
        seed=origin.seed,
        chain=origin.chain,
        axis=samples.axis.name,
        items_left_out=int((~complete).sum()),
        item_ids=tuple(np.array(samples.item_ids, dtype=object)[complete]),
        item_scores=scores,
        variance=variance_shares(samples, origin.seed),
        turning_point=beside.turning_point(samples, origin.seed),
        cells=cells_of(samples, goal, origin.model, np.asarray(complete), price),
        questions=prompt_questions(samples, goal, np.asarray(complete), setting, reference, origin.seed),
        votes=votes_of(samples, goal, origin.seed, against),
        examples=examples_of(samples, scores, np.asarray(complete), setting, reference),
    )


def conclude_raced(
    samples: Samples,
    goal: Goal,
    origin: Origin,
    raced: Raced,
    bounds: Ends,
    *,
    against: Values | None = None,
    price: Price | None = None,
) -> Tuning:
    """The record of a race: each setting's numbers are over the items that it was asked before it was dropped."""
    axis = samples.axis
    recommendation, intervals = recommend_raced(axis, raced, goal, bounds, against=against)
    sizes = samples.cell_sizes
    settings = tuple(
        Setting(
            temperature=values.get("temperature"),
            score=float(np.nanmean(raced.scores[:, number])),
            score_ci=(float(intervals[number, 0]), float(intervals[number, 1])),
            distinct=None,
            agreement=None,
            samples=int(sizes[:, :, number].sum()),
            setting=dict(values),
        )
        for number, values in enumerate(axis.settings)
    )
    known = [number for number, dropped in enumerate(raced.dropped) if dropped is None]
    complete = np.asarray(~np.isnan(goal.item_scores(samples)[:, known]).any(axis=1))
    return Tuning(
        task=origin.task,
        model=origin.model,
        goal=goal.name,
        score=goal.score,
        settings=settings,
        recommendation=recommendation,
        forward_passes=None,
        independent_passes=None,
        items=len(raced.order),
        samples_per_item=int(sizes.max()),
        seed=origin.seed,
        chain=origin.chain,
        axis=axis.name,
        item_ids=tuple(samples.item_ids[item] for item in raced.order),
        item_scores=raced.scores,
        cells=cells_of(samples, goal, origin.model, complete, price),
        answers_drawn=raced.answers,
    )


@dataclass(frozen=True)
class _Beside:
    """Beside the score: `[items, settings]` each, of the items that are compared; None where it is not known."""

    distinct_IS: Floats | None
    agreement_IS: Floats | None
    tokens_IS: Floats | None
    raw_nll_IS: Floats | None
    valid_IS: Floats

    @classmethod
    def of(cls, samples: Samples, complete: np.ndarray) -> _Beside:
        def known(values: Floats) -> Floats:
            return over_prompts(values)[complete]

        has_answers, has_lengths = samples.answer is not None, samples.num_tokens is not None
        sizes = samples.cell_sizes
        return cls(
            known(np.where(sizes > 0, samples.distinct() / np.maximum(sizes, 1), np.nan))
            if has_answers
            else None,
            known(samples.agreement()) if has_answers else None,
            known(samples.mean_tokens()) if has_lengths else None,
            known(samples.raw_nll()) if samples.logprob_raw is not None else None,
            known(samples.cell_scores),
        )

    @property
    def distinct(self) -> Floats | None:
        return _mean(self.distinct_IS)

    @property
    def valid(self) -> Floats | None:
        return _mean(self.valid_IS)

    @property
    def mean_tokens(self) -> Floats | None:
        return _mean(self.tokens_IS)

    @property
    def raw_nll(self) -> Floats | None:
        return _mean(self.raw_nll_IS)

    @property
    def agreement(self) -> Floats | None:
        return _mean(self._paired)

    @property
    def identical(self) -> Floats | None:
        """An item's answers are all alike exactly where every pair of them agrees."""
        paired = self._paired
        return None if paired is None else (paired == 1.0).mean(axis=0)

    @property
    def _paired(self) -> Floats | None:
        """Agreement of the items that have pairs of answers at every setting; None if none has."""
        if self.agreement_IS is None:
            return None
        paired = self.agreement_IS[~np.isnan(self.agreement_IS).any(axis=1)]
        return paired if len(paired) else None

    def turning_point(self, samples: Samples, seed: int) -> TurningPoint | None:
        if self.distinct_IS is None or self.raw_nll_IS is None:
            return None
        return turning_point(samples.axis, self.distinct_IS, self.raw_nll_IS, seed)


def _mean(values_IS: Floats | None) -> Floats | None:
    return None if values_IS is None else np.asarray(values_IS.mean(axis=0))


def _at(values: Floats | None, number: int) -> float | None:
    return None if values is None else float(values[number])
