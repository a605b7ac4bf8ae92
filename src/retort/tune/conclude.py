"""From all answers of a sweep to its record: scores, statistics, the recommendation. No model is needed any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from retort.errors import InputError
from retort.tune.budget import Price
from retort.tune.cells import cells_of, examples_of, prompt_questions, vote_question, votes_of
from retort.tune.goals import Goal
from retort.tune.levers import (
    TurningPoint,
    on_frontier,
    turning_point,
    variance_shares,
)
from retort.tune.recommend import Ends, recommend, recommend_raced
from retort.tune.report import Setting, Tuning, Unscored
from retort.tune.samples import Floats, Ints, Samples, over_prompts
from retort.tune.sequential import Raced, race
from retort.tune.settings import Values
from retort.tune.variety import WORDS, Likeness, measured_variety


@dataclass(frozen=True)
class Origin:
    """Where the answers come from, as the record says it; the passes are None where no model was run.

    `answers_of_grid`: of a sweep with a budget, how many answers the whole grid would have had; None without one.
    `prompts`, `asked`: the templates, and what each item puts into them, in words; empty where they are not known.
    """

    task: str
    model: str
    seed: int = 0
    chain: str = ""
    forward_passes: int | None = None
    independent_passes: int | None = None
    answers_of_grid: int | None = None
    prompts: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


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
    is_scored = ~np.isnan(samples.score)
    unscored: tuple[Unscored, ...] = ()
    without = np.setdiff1d(samples.item, samples.item[is_scored])
    if len(without) and is_scored.any():
        unscored = _unscored(samples, without)
        samples = samples.where(is_scored)
    all_scores = goal.item_scores(samples)
    sizes = samples.cell_sizes
    bounds = goal.bounds(int(sizes.max()))
    raced = None
    if origin.answers_of_grid is None:
        items = np.flatnonzero(~np.isnan(all_scores).any(axis=1))
    else:
        raced = _race_again(all_scores, bounds, origin.seed)
        items = np.array(raced.order, dtype=np.int64)
    if not len(items):
        raise InputError(
            f"no item has {goal.fewest_samples} answer(s) at each of the {len(samples.axis)} settings, which goal "
            f"{goal.name} needs; settings are compared on the same items"
        )
    scores = all_scores[items]
    axis, seed = samples.axis, origin.seed
    recommendation, intervals = (
        recommend(axis, scores, goal, seed=seed, against=against, bounds=bounds)
        if raced is None
        else recommend_raced(axis, raced, goal, bounds, against=against)
    )
    setting = axis.points.index(
        recommendation.reference if recommendation.setting is None else recommendation.setting
    )
    reference = axis.points.index(recommendation.reference)
    beside = _Beside.of(samples, items)
    wanted = variety or goal.seeks_variety
    varieties = measured_variety(samples, items, likeness) if wanted else None
    means = np.nanmean(scores, axis=0)
    # A race asks each setting other items: on different items no setting is ahead of another in both.
    frontier = None if beside.distinct is None or raced is not None else on_frontier(means, beside.distinct)
    settings = tuple(
        Setting(
            temperature=values.get("temperature"),
            score=float(means[number]),
            score_ci=(float(intervals[number, 0]), float(intervals[number, 1])),
            distinct=_at(beside.distinct, number),
            agreement=_at(beside.agreement, number),
            samples=int(sizes[items][:, :, number].sum()),
            identical=_at(beside.identical, number),
            valid=_at(beside.valid, number),
            mean_tokens=_at(beside.mean_tokens, number),
            raw_nll=_at(beside.raw_nll, number),
            on_frontier=None if frontier is None else bool(frontier[number]),
            setting=dict(values),
            variety=None if varieties is None else varieties[number],
        )
        for number, values in enumerate(axis.settings)
    )
    asked = dict(zip(samples.item_ids, origin.asked, strict=False))
    found = Tuning(
        task=origin.task,
        model=origin.model,
        goal=goal.name,
        score=goal.score,
        settings=settings,
        recommendation=recommendation,
        forward_passes=origin.forward_passes,
        independent_passes=origin.independent_passes,
        items=len(items),
        samples_per_item=int(sizes[items].max()),
        seed=seed,
        chain=origin.chain,
        axis=axis.name,
        item_ids=tuple(np.array(samples.item_ids, dtype=object)[items]),
        item_scores=scores,
        cells=cells_of(samples, goal, origin.model, items, price),
        examples=tuple(
            replace(one, asked=asked.get(one.item))
            for one in examples_of(samples, scores, items, setting, reference)
        ),
        prompts=origin.prompts,
    )
    if raced is not None:
        # The intervals of all else hold for a number of answers that was fixed before.
        drawn = raced.cells * samples.num_prompts * found.samples_per_item
        return replace(found, answers_drawn=drawn, answers_of_grid=origin.answers_of_grid)
    return replace(
        found,
        items_left_out=len(all_scores) - len(items) - len(without) * bool(unscored),
        unscored=unscored,
        variance=variance_shares(samples, seed),
        turning_point=beside.turning_point(samples, seed),
        questions=prompt_questions(samples, goal, items, setting, reference, seed)
        + vote_question(samples, goal, items, seed),
        votes=votes_of(samples, goal, seed, against),
    )


def _unscored(samples: Samples, items: Ints) -> tuple[Unscored, ...]:
    """How alike the answers of these items are, setting by setting."""
    beside = _Beside.of(samples, items)
    return tuple(
        Unscored(
            dict(values),
            len(items),
            _at(beside.distinct, number),
            _at(beside.agreement, number),
            _at(beside.identical, number),
        )
        for number, values in enumerate(samples.axis.settings)
    )


def _race_again(scores: Floats, bounds: Ends, seed: int) -> Raced:
    """The race that drew these scores: it stops where there are none."""

    def ask(items: Sequence[int], settings: Sequence[int]) -> Floats | None:
        found = scores[np.ix_(items, settings)]
        return None if np.isnan(found).any() else found

    return race(ask, *scores.shape, span=bounds[1] - bounds[0], seed=seed)


@dataclass(frozen=True)
class _Beside:
    """Beside the score: `[items, settings]` each, of the items that are compared; None where it is not known."""

    distinct_IS: Floats | None
    agreement_IS: Floats | None
    tokens_IS: Floats | None
    raw_nll_IS: Floats | None
    valid_IS: Floats

    @classmethod
    def of(cls, samples: Samples, items: Ints) -> _Beside:
        def known(values: Floats) -> Floats:
            return over_prompts(values)[items]

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
        if paired is None:
            return None
        return _mean(np.where(np.isnan(paired), np.nan, paired == 1.0))

    @property
    def _paired(self) -> Floats | None:
        """Agreement of the items that have pairs of answers at every setting that they were asked at; None if none."""
        if self.agreement_IS is None:
            return None
        alone = np.isnan(self.agreement_IS) & ~np.isnan(np.asarray(self.distinct_IS))
        paired = self.agreement_IS[~alone.any(axis=1)]
        return paired if len(paired) else None

    def turning_point(self, samples: Samples, seed: int) -> TurningPoint | None:
        if self.distinct_IS is None or self.raw_nll_IS is None:
            return None
        return turning_point(samples.axis, self.distinct_IS, self.raw_nll_IS, seed)


def _mean(values_IS: Floats | None) -> Floats | None:
    # A race's items have values at some settings only; `over_prompts` is the mean of what is known of any middle axis.
    return None if values_IS is None else over_prompts(values_IS[None])[0]


def _at(values: Floats | None, number: int) -> float | None:
    return None if values is None else float(values[number])
