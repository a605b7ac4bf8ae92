"""From all answers of a sweep to its record: scores, statistics, the recommendation. No model is needed any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from retort.errors import InputError
from retort.tune.budget import Price
from retort.tune.cells import (
    Vote,
    cells_of,
    compared_at_once,
    examples_of,
    on_frontier,
    prompt_questions,
    turning_point,
    variance_shares,
    vote_question,
    votes_of,
)
from retort.tune.goals import Goal, find_goal
from retort.tune.recommend import Recommendation, Table, recommend_each, recommend_raced
from retort.tune.report import Setting, Tuning, Unscored
from retort.tune.samples import Floats, Ints, Origin, Samples, mean_of_known, over_prompts
from retort.tune.sequential import Raced, race_order, watched
from retort.tune.settings import Values
from retort.tune.statistics import Comparison
from retort.tune.variety import WORDS, Likeness, measured_variety


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
    without = samples.item[:0]
    # Where nothing is scored (scorer none), the goal is about the texts of all items.
    if is_scored.any() and not is_scored.all():
        without = np.setdiff1d(samples.item, samples.item[is_scored])
    if len(without):
        unscored = _unscored(samples, without)
        samples = samples.where(is_scored)
    axis, seed = samples.axis, origin.seed
    all_scores = goal.item_scores(samples)
    sizes = samples.cell_sizes
    bounds = goal.bounds(int(sizes.max()))
    is_raced = origin.answers_of_grid is not None
    # A race asks items in an order of its own, and drops settings on the way; it holds wherever it stopped. The bets
    # are made again from the answers, in this order, so that a recording gives what the run gave.
    order = np.array(race_order(len(all_scores), seed)) if is_raced else np.arange(len(all_scores))
    missing = np.isnan(all_scores[order])
    items = order[~(missing.all(axis=1) if is_raced else missing.any(axis=1))]
    if not len(items):
        raise InputError(
            f"no item has {goal.fewest_samples} answer(s) at each of the {len(axis)} settings, which goal "
            f"{goal.name} needs; settings are compared on the same items"
        )
    scores = all_scores[items]

    def compared(columns: Floats) -> Comparison | Raced | None:
        return watched(columns, span=bounds[1] - bounds[0]) if is_raced else compared_at_once(columns, seed)

    def recommended(tables: Sequence[Table]) -> list[tuple[Recommendation, Floats]]:
        if is_raced:
            raced = (
                (table, watched(table.scores, span=table.bounds[1] - table.bounds[0])) for table in tables
            )
            return [recommend_raced(axis, its, table.goal, table.bounds, against) for table, its in raced]
        return recommend_each(axis, tables, seed, against=against) if tables else []

    votes = votes_of(samples, goal, items)
    tables = [Table(each, find_goal("exploit"), (0.0, 1.0)) for _, _, each in votes]
    # Votes need full cells. Where all items have them, as a rule, scores and votes share their random numbers.
    shared = [one for one in tables if len(one.scores) == len(scores)]
    (recommendation, intervals), *for_votes = recommended([Table(scores, goal, bounds), *shared])
    for_votes = for_votes or recommended(tables)
    chosen = recommendation.reference if recommendation.setting is None else recommendation.setting
    setting, reference = axis.points.index(chosen), axis.points.index(recommendation.reference)
    beside = _beside(samples, items)
    known: dict[str, Floats | None] = {"distinct": None, "agreement": None, **_means(beside)}
    varieties = measured_variety(samples, items, likeness) if variety or goal.seeks_variety else None
    means, distinct = np.nanmean(scores, axis=0), known["distinct"]
    # On different items no setting is ahead of another in both.
    frontier = None if is_raced or distinct is None else on_frontier(means, distinct)
    settings = tuple(
        Setting(
            temperature=values.get("temperature"),
            score=float(means[number]),
            score_ci=(float(intervals[number, 0]), float(intervals[number, 1])),
            samples=int(sizes[items][:, :, number].sum()),
            on_frontier=None if frontier is None else bool(frontier[number]),
            setting=dict(values),
            variety=None if varieties is None else varieties[number],
            **_at(known, number),
        )
        for number, values in enumerate(axis.settings)
    )
    asked = dict(zip(samples.item_ids, origin.asked, strict=False))
    examples = examples_of(samples, scores, items, setting, reference)
    questions = prompt_questions(samples, goal, items, setting, reference, compared)
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
        examples=tuple(replace(one, asked=asked.get(one.item)) for one in examples),
        prompts=origin.prompts,
        questions=questions + vote_question(samples, goal, items, compared),
        votes=tuple(
            Vote(kind, answers, tuple(np.nanmean(each, axis=0).tolist()), its)
            for (kind, answers, each), (its, _) in zip(votes, for_votes, strict=True)
        ),
    )
    if is_raced:
        # No variance shares and no turning point: a bootstrap needs a number of answers that was fixed before.
        cells = int(np.count_nonzero(~np.isnan(scores)))
        drawn = cells * samples.num_prompts * found.samples_per_item
        return replace(found, answers_drawn=drawn, answers_of_grid=origin.answers_of_grid)
    turn = None
    if {"distinct", "raw_nll"} <= beside.keys():
        turn = turning_point(axis, beside["distinct"], beside["raw_nll"], seed)
    return replace(
        found,
        items_left_out=len(all_scores) - len(items) - len(without) * bool(unscored),
        unscored=unscored,
        variance=variance_shares(samples, seed),
        turning_point=turn,
    )


def _unscored(samples: Samples, items: Ints) -> tuple[Unscored, ...]:
    """How alike the answers of these items are, setting by setting."""
    alike: dict[str, Floats | None] = dict.fromkeys(("distinct", "agreement", "identical"))
    alike |= {name: mean for name, mean in _means(_beside(samples, items)).items() if name in alike}
    return tuple(
        Unscored(dict(values), len(items), **_at(alike, number))
        for number, values in enumerate(samples.axis.settings)
    )


def _beside(samples: Samples, items: Ints) -> dict[str, Floats]:
    """Beside the score, by the names of `Setting`: `[items, settings]` of what is known of these items."""
    found = {"valid": samples.cell_scores}
    if samples.answer is not None:
        found["distinct"] = samples.distinct_share()
        found["agreement"] = samples.agreement()
    if samples.num_tokens is not None:
        found["mean_tokens"] = samples.mean_tokens()
    if samples.logprob_raw is not None:
        found["raw_nll"] = samples.raw_nll()
    found = {name: over_prompts(values)[items] for name, values in found.items()}
    if (agreement := found.pop("agreement", None)) is not None:
        # Of the items that have pairs of answers at every setting that they were asked at.
        alone = np.isnan(agreement) & ~np.isnan(found["distinct"])
        paired = agreement[~alone.any(axis=1)]
        if len(paired):
            # An item's answers are all alike exactly where every pair of them agrees.
            found |= {"agreement": paired, "identical": np.where(np.isnan(paired), np.nan, paired == 1.0)}
    return found


def _means(beside: dict[str, Floats]) -> dict[str, Floats]:
    return {name: mean_of_known(values, axis=0) for name, values in beside.items()}


def _at(means: Mapping[str, Floats | None], number: int) -> dict[str, Any]:
    return {name: None if mean is None else float(mean[number]) for name, mean in means.items()}
