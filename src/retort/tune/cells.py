"""Everything that was compared, cell by cell (model, prompt, setting), and what people ask of such a table.

Is my second prompt better than my first? Is another setting better than the default? Which of the two is worth more?
What would a vote of my answers give? Which answers changed? All of it from the same answers, paired by item. And what
else they tell: where the scores' variance comes from, and where heat stops paying.

Legend: I items, P prompts, S settings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.tune.budget import Price
from retort.tune.goals import Goal, find_goal
from retort.tune.recommend import Ends, Recommendation
from retort.tune.samples import Floats, Ints, Samples, over_prompts
from retort.tune.sequential import Raced
from retort.tune.settings import Axis, Values, describe
from retort.tune.statistics import ERROR_RATE, Comparison, bounded_interval, compare, resampled_means

FEWEST_VOTES = 3
MOST_EXAMPLES = 8


@dataclass(frozen=True)
class Cell:
    """One model, prompt (by number from 1) and setting. `score_ci` is not corrected for other cells.

    `samples`: answers in it. `prompt_tokens`, `answer_tokens`, `seconds`: means of one answer. `cost`: money of all its
    answers. None where it is not known: latency of a local sweep (whose settings share their passes), tokens of a
    server that does not say them, cost without a price.
    """

    model: str
    prompt: int
    setting: Values
    score: float
    score_ci: Ends
    samples: int
    prompt_tokens: float | None
    answer_tokens: float | None
    seconds: float | None
    cost: float | None


@dataclass(frozen=True)
class Question:
    """A difference that somebody asks for: the score of `better` minus the score of `than`, paired by item, with an
    interval that holds for all of these questions and every other pair of the columns they look at."""

    question: str
    better: str
    than: str
    difference: float
    difference_ci: Ends

    @property
    def significant(self) -> bool:
        return self.difference_ci[0] > 0.0 or self.difference_ci[1] < 0.0


@dataclass(frozen=True)
class Vote:
    """What `answers` answers together give at each setting: `kind` "majority" (the answer that most of them give; ties
    are averaged) or "any" (one of them is right, pass@k). `recommendation` is for that use."""

    kind: str
    answers: int
    scores: tuple[float, ...]
    recommendation: Recommendation


@dataclass(frozen=True)
class Example:
    """An item whose answers changed from the reference to the suggested setting: the first answer of each, as the
    scorer compares them, and the item's scores. `asked`: what the item puts into the prompt; None where not known."""

    item: str
    prompt: int
    at_reference: str
    at_setting: str
    score_reference: float
    score_setting: float
    asked: str | None = None


def cells_of(samples: Samples, goal: Goal, model: str, items: Ints, price: Price | None) -> tuple[Cell, ...]:
    """A cell for every prompt and setting, over the items that are compared."""
    found = []
    for prompt in range(samples.num_prompts):
        part = samples.of_prompt(prompt)
        low, high = goal.bounds(int(part.cell_sizes.max()))
        counts = part.cell_sizes.sum(axis=(0, 1))
        costs = [
            None if values is None else np.bincount(part.setting, values, len(counts)) / np.maximum(counts, 1)
            for values in (part.prompt_tokens, part.num_tokens, part.seconds)
        ]
        for number, scores in enumerate(goal.item_scores(part)[items].T):
            # A race drops settings, so that items have scores at some of them only.
            scores = scores[~np.isnan(scores)]
            if not len(scores):
                continue
            # Recorded scores may lie outside the bounds of the goal.
            limits = min(low, float(scores.min())), max(high, float(scores.max()))
            ends = bounded_interval(scores[:, None], limits, ERROR_RATE)[0]
            count = int(counts[number])
            before, after, seconds = (None if means is None else float(means[number]) for means in costs)
            cost = None
            if price is not None and before is not None and after is not None:
                cost = price.of(before * count, after * count)
            found.append(
                Cell(
                    model, prompt + 1, dict(samples.axis.settings[number]), float(scores.mean()),
                    (float(ends[0]), float(ends[1])), count, before, after, seconds, cost,
                )
            )  # fmt: skip
    return tuple(found)


Compared = Callable[[Floats], Comparison | Raced | None]
"""Scores [items, columns] → what can be said of any two columns; None where that is nothing."""


def compared_at_once(columns: Floats, seed: int) -> Comparison | None:
    """The comparison of a complete grid, on the items that have all columns."""
    complete = columns[~np.isnan(columns).any(axis=1)]
    return compare(complete, ERROR_RATE, np.random.default_rng(seed)) if len(complete) >= 2 else None


def _question(
    evidence: Comparison | Raced, question: str, better: str, than: str, left: int, right: int
) -> Question:
    """What the evidence says of column `left` (`better`) against column `right` (`than`)."""
    interval = (0.0, 0.0) if left == right else evidence.interval(left, right)
    return Question(question, better, than, float(evidence.difference[left, right]), interval)


def prompt_questions(
    samples: Samples, goal: Goal, items: Ints, setting: int, reference: int, compared: Compared
) -> tuple[Question, ...]:
    """The best prompt against the first, the suggested setting against the reference, and, where both are a change,
    which of the two is worth more; each change alone. Nothing for one prompt."""
    if samples.num_prompts < 2:
        return ()
    by_prompt = [goal.item_scores(samples.of_prompt(number))[items] for number in range(samples.num_prompts)]
    # Each prompt at the reference, then the first prompt at the other settings: no cell twice, since every pair of
    # columns takes part in the error rate. Changes of both at once are not asked about.
    others = [number for number in range(len(samples.axis)) if number != reference]
    at_reference = np.stack([one[:, reference] for one in by_prompt], axis=1)
    evidence = compared(np.concatenate([at_reference, by_prompt[0][:, others]], axis=1))
    if evidence is None:
        return ()
    best = int(np.argmax(evidence.means[: len(by_prompt)]))
    suggested = 0 if setting == reference else len(by_prompt) + others.index(setting)
    at, taken = (describe(samples.axis.settings[number]) for number in (reference, setting))
    prompt = f"prompt {best + 1}"
    asked = [("best prompt against the first", prompt, f"prompt 1 (both at {at})", best, 0)]
    if others:
        both = f"{at} (both with prompt 1)"
        asked.append(("suggested setting against the reference", taken, both, suggested, 0))
    if best and suggested:
        one, other = f"{prompt} at {at}", f"prompt 1 at {taken}"
        asked.append(("the prompt or the setting", one, other, best, suggested))
    return tuple(_question(evidence, *each) for each in asked)


def vote_question(samples: Samples, goal: Goal, items: Ints, compared: Compared) -> tuple[Question, ...]:
    """A majority vote of all answers against one of them, where the settings leave nothing else to ask."""
    answers = int(samples.cell_sizes.max())
    if len(samples.axis) > 1 or not goal.is_mean or samples.answer is None or answers < FEWEST_VOTES:
        return ()
    columns = [over_prompts(samples.majority_scores()), goal.item_scores(samples)]
    evidence = compared(np.concatenate(columns, axis=1)[items])
    if evidence is None:
        return ()
    vote = f"a majority vote of {answers}"
    return (_question(evidence, "a vote against one answer", vote, "one answer", 0, 1),)


def model_question(names: Sequence[str], scores: Sequence[Floats], seed: int) -> Question:
    """The best model against the first, each at its suggested setting: one column of item scores for each model."""
    evidence = compare(np.stack(scores, axis=1), ERROR_RATE, np.random.default_rng(seed))
    best = int(np.argmax(evidence.means))
    question = "best model against the first, each at its suggested setting"
    return _question(evidence, question, names[best], names[0], best, 0)


def votes_of(samples: Samples, goal: Goal, items: Ints) -> list[tuple[str, int, Floats]]:
    """What the answers of an item give together: kind and answers of each `Vote`, and its scores [items, settings].

    Nothing below three answers per cell, and for goals whose score is not a mean over answers. Where there is one
    setting alone, of fewer answers too: their number is then what can be chosen.
    """
    sizes = samples.cell_sizes
    most = int(sizes.max())
    # A race leaves a setting that was dropped without answers, through all prompts.
    full = ((sizes == most) | (sizes.sum(axis=1, keepdims=True) == 0)).all(axis=(1, 2))
    items = items[full[items]]
    if not goal.is_mean or most < FEWEST_VOTES or len(items) < 2:
        return []
    found = []
    # Odd numbers besides all: votes of an even number tie more often.
    for answers in [most] if len(samples.axis) > 1 else [*range(FEWEST_VOTES, most, 2), most]:
        together = {"any": find_goal(f"pass@{answers}").item_scores(samples)}
        if samples.answer is not None:
            # All answers of a cell are one group already; of fewer there are several, each a vote.
            voting = samples if answers == most else samples.in_groups(answers)
            together = {"majority": over_prompts(voting.majority_scores()), **together}
        found += [(kind, answers, scores[items]) for kind, scores in together.items()]
    return found


def examples_of(
    samples: Samples, scores: Floats, items: Ints, setting: int, reference: int
) -> tuple[Example, ...]:
    """The items whose scores differ most between the reference and the suggested setting, those that lost first."""
    if samples.answer is None or samples.texts is None or setting == reference:
        return ()
    change = scores[:, setting] - scores[:, reference]
    ranked = np.argsort(-np.abs(change), kind="stable").tolist()
    # NaN is no change: a race asked one of the two alone.
    order = [number for number in ranked if abs(change[number]) > 0.0]
    found = []
    for number in order[:MOST_EXAMPLES]:
        item = int(items[number])
        its = np.flatnonzero(samples.item == item)
        before, after = (int(its[samples.setting[its] == which][0]) for which in (reference, setting))
        found.append(
            Example(
                samples.item_ids[item],
                int(samples.prompt[before]) + 1,
                samples.texts[int(samples.answer[before])],
                samples.texts[int(samples.answer[after])],
                float(scores[number, reference]),
                float(scores[number, setting]),
            )
        )
    return tuple(sorted(found, key=lambda one: one.score_setting - one.score_reference))


RESAMPLES = 1000
AXES = ITEM, PROMPT, SETTING = 0, 1, 2
EFFECTS = [frozenset(some) for size in range(4) for some in itertools.combinations(AXES, size)]
"""What a mean can depend on: nothing, each axis of the scores, two of them together, all three."""
SEED = 3
LEVERS: dict[str, tuple[set[int], ...]] = {
    "setting": ({SETTING}, {ITEM, SETTING}),
    "prompt": ({PROMPT}, {ITEM, PROMPT}),
    "setting and prompt": ({PROMPT, SETTING}, {ITEM, PROMPT, SETTING}),
    "seed": ({SEED},),
    "item": ({ITEM},),
}
"""The levers, and the components of variance that each of them sums up; that of the seed has no axis of its own."""


@dataclass(frozen=True)
class VarianceShare:
    """One lever's share of the variance of scores, with its interval (bootstrap over items, 95%).

    - "setting": the temperature (or what the settings are), alone and in how items react to it;
    - "prompt": the same of the prompt variant; "setting and prompt": what only their combination explains;
    - "seed": answers that differ with item, prompt and setting all fixed; "item": easy and hard items.
    """

    lever: str
    share: float
    share_ci: tuple[float, float]


def variance_shares(samples: Samples, seed: int = 0) -> tuple[VarianceShare, ...] | None:
    """Shares of the variance of single answers' scores, which sum to 1; None where they cannot be told.

    Needs two or more items, prompts, settings and answers a cell, and the same number of answers in every cell; items
    without them are left out. None too where all scores are equal.
    """
    sizes = samples.cell_sizes
    full = (sizes == sizes.max()).all(axis=(1, 2))
    if int(full.sum()) < 2 or min(sizes.shape[1:]) < 2 or sizes.max() < 2:
        return None
    means = samples.cell_scores[full]
    squares = np.bincount(samples.cell, weights=samples.score**2, minlength=sizes.size).reshape(sizes.shape)
    answers = int(sizes.max())
    # The unbiased variance of a cell's answers, from the mean of their squares.
    within = (squares[full] / answers - means**2) * answers / (answers - 1)
    found = _shares_of(means, within, answers)
    if np.isnan(found).any():
        return None
    # Whole items are drawn: settings and prompts were chosen, not sampled, so the shares are of these alone.
    drawn = np.random.default_rng(seed).integers(len(means), size=(RESAMPLES, len(means)))
    resampled = [_shares_of(means[items], within[items], answers) for items in drawn]
    ends = np.nanquantile(resampled, [ERROR_RATE / 2, 1 - ERROR_RATE / 2], axis=0).T.tolist()
    each = zip(LEVERS, found.tolist(), ends, strict=True)
    return tuple(VarianceShare(lever, share, (low, high)) for lever, share, (low, high) in each)


def _shares_of(y: Floats, within: Floats, answers: int) -> Floats:
    """`[levers]` shares by a random-effects analysis of variance; NaN where nothing varies.

    `y` `[I, P, S]` means of cells of so many `answers`, `within` the variance of single answers in each.
    """
    means = {some: y.mean(axis=tuple({*AXES} - some), keepdims=True) for some in EFFECTS}
    mean_squares: dict[frozenset[int], float] = {}
    for some in EFFECTS[1:]:
        # What these explain only together: their mean without all that fewer of them explain.
        parts = ((-1) ** len(some - fewer) * means[fewer] for fewer in EFFECTS if fewer <= some)
        effect = sum(parts, np.zeros(()))
        freedom = math.prod(y.shape[axis] - 1 for axis in some)
        mean_squares[some] = float((effect**2).sum()) * (y.size / effect.size) / freedom
    # A mean square estimates its own component, those of all effects that contain it, and the seed's over the answers.
    seed = frozenset({SEED})
    components = {seed: float(within.mean())}
    for some in EFFECTS[1:]:
        own = sum((-1) ** len(more - some) * mean_squares[more] for more in EFFECTS if some <= more)
        components[some] = own / math.prod(y.shape[axis] for axis in {*AXES} - some)
    # The seed's part is in every mean square. In the differences above it cancelled, but for the effect of all axes.
    components[EFFECTS[-1]] -= components[seed] / answers
    # An estimate of variance by differences can be negative, where there is little or none.
    levers = np.array([sum(max(0.0, components[frozenset(one)]) for one in each) for each in LEVERS.values()])
    total = levers.sum()
    return levers / total if total > 1e-15 else np.full(len(LEVERS), np.nan)


@dataclass(frozen=True)
class TurningPoint:
    """The setting above which extra variety costs coherence, and its interval (bootstrap over items).

    Novelty is the share of an item's answers that differ, incoherence their raw negative log-likelihood (nats per
    token, τ = 1), both scaled to run from 0 to 1 over the settings tried. The point is where novelty is furthest
    ahead of incoherence; beyond it, a step adds more of its share of incoherence than of novelty (the knee: Satopaa
    et al. 2011, "Finding a kneedle in a haystack"). It depends on the range tried.
    """

    point: float
    interval: tuple[float, float]
    novelty: tuple[float, ...]
    incoherence: tuple[float, ...]


def on_frontier(quality: Floats, variety: Floats) -> NDArray[np.bool_]:
    """`[settings]` True where no other setting has as much of both and more of one (the Pareto frontier)."""
    as_good = (quality[None] >= quality[:, None]) & (variety[None] >= variety[:, None])
    better = (quality[None] > quality[:, None]) | (variety[None] > variety[:, None])
    return ~np.asarray((as_good & better).any(axis=1))


def turning_point(
    axis: Axis, novelty_IS: Floats, incoherence_IS: Floats, seed: int = 0
) -> TurningPoint | None:
    """Where incoherence begins to outrun novelty along an ordered axis, from `[items, settings]` of both.

    None without an order, below three settings or two items, or where either does not change at all.
    """
    num_items, num_settings = novelty_IS.shape
    if not axis.ordered or num_settings < 3 or num_items < 2:
        return None
    together = np.concatenate([novelty_IS, incoherence_IS], axis=1)
    means = together.mean(axis=0)
    if min(np.ptp(means[:num_settings]), np.ptp(means[num_settings:])) <= 0.0:
        return None
    # Both of an item are resampled together, or their dependence would be lost.
    resampled = resampled_means(together, RESAMPLES, np.random.default_rng(seed))
    places = _knees(resampled, num_settings)
    # "nearest": a place is the number of a setting, and nothing lies between two.
    low, high = np.quantile(places, [ERROR_RATE / 2, 1 - ERROR_RATE / 2], method="nearest")
    here = int(_knees(means[None], num_settings)[0])
    return TurningPoint(
        axis.points[here],
        (axis.points[int(low)], axis.points[int(high)]),
        tuple(means[:num_settings].tolist()),
        tuple(means[num_settings:].tolist()),
    )


def _knees(means: Floats, num_settings: int) -> NDArray[np.int64]:
    """For each row `[novelty …, incoherence …]`, the setting at which scaled novelty is furthest ahead."""
    novelty, incoherence = _scaled(means[:, :num_settings]), _scaled(means[:, num_settings:])
    return np.argmax(novelty - incoherence, axis=1)


def _scaled(values: Floats) -> Floats:
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    return (values - low) / np.maximum(high - low, 1e-12)
