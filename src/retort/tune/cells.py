"""Everything that was compared, cell by cell (model, prompt, setting), and what people ask of such a table.

Is my second prompt better than my first? Is another setting better than the default? Which of the two is worth more?
What would a vote of my answers give? Which answers changed? All of it from the same answers, paired by item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.tune.budget import Price
from retort.tune.goals import Goal, find_goal
from retort.tune.recommend import ERROR_RATE, Ends, Recommendation, recommend
from retort.tune.samples import Floats, Ints, Samples, over_prompts
from retort.tune.settings import Values, describe
from retort.tune.statistics import bounded_interval, compare

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
        all_scores = goal.item_scores(part)[items]
        for number, setting in enumerate(samples.axis.settings):
            # A race drops settings, so that items have scores at some of them only.
            scores = all_scores[:, [number]]
            scores = scores[~np.isnan(scores)]
            if not len(scores):
                continue
            low, high = bounded_interval(scores[:, None], _limits(scores, goal, part), ERROR_RATE)[0]
            here = part.setting == number
            before, after = _mean(part.prompt_tokens, here), _mean(part.num_tokens, here)
            count = int(here.sum())
            known = price is not None and before is not None and after is not None
            found.append(
                Cell(
                    model,
                    prompt + 1,
                    dict(setting),
                    float(scores.mean()),
                    (float(low), float(high)),
                    count,
                    before,
                    after,
                    _mean(part.seconds, here),
                    price.of(before * count, after * count) if known else None,  # type: ignore[union-attr, operator]
                )
            )
    return tuple(found)


def _mean(values: np.ndarray | None, here: np.ndarray) -> float | None:
    return None if values is None or not here.any() else float(values[here].mean())


def _limits(scores: Floats, goal: Goal, samples: Samples) -> Ends:
    low, high = goal.bounds(int(samples.cell_sizes.max()))
    return min(low, float(scores.min())), max(high, float(scores.max()))


def prompt_questions(
    samples: Samples, goal: Goal, items: Ints, setting: int, reference: int, seed: int
) -> tuple[Question, ...]:
    """The best prompt against the first, the suggested setting against the reference, and which change is worth more;
    each change alone. Nothing for one prompt."""
    if samples.num_prompts < 2:
        return ()
    by_prompt = [goal.item_scores(samples.of_prompt(number))[items] for number in range(samples.num_prompts)]
    # Each prompt at the reference, then the first prompt at the other settings: no cell stands there twice.
    others = [number for number in range(len(samples.axis)) if number != reference]
    columns = np.concatenate(
        [np.stack([one[:, reference] for one in by_prompt], axis=1), by_prompt[0][:, others]], axis=1
    )
    columns = columns[~np.isnan(columns).any(axis=1)]
    if len(columns) < 2:
        return ()
    comparison = compare(columns, ERROR_RATE, np.random.default_rng(seed))
    best = int(np.argmax(comparison.means[: len(by_prompt)]))
    suggested = 0 if setting == reference else len(by_prompt) + others.index(setting)
    at, taken = (describe(samples.axis.settings[number]) for number in (reference, setting))

    def ask(question: str, better: str, than: str, left: int, right: int) -> Question:
        return Question(
            question, better, than, float(comparison.difference[left, right]),
            (0.0, 0.0) if left == right else comparison.interval(left, right),
        )  # fmt: skip

    first = ask("best prompt against the first", f"prompt {best + 1}", f"prompt 1 (both at {at})", best, 0)
    if not others:
        return (first,)
    return (
        first,
        ask("suggested setting against the reference", taken, f"{at} (both with prompt 1)", suggested, 0),
        ask(
            "the prompt or the setting",
            f"prompt {best + 1} at {at}",
            f"prompt 1 at {taken}",
            best,
            suggested,
        ),
    )


def model_question(names: Sequence[str], scores: Sequence[Floats], seed: int) -> Question:
    """The best model against the first, each at its suggested setting: one column of item scores for each model."""
    columns = np.stack(scores, axis=1)
    comparison = compare(columns, ERROR_RATE, np.random.default_rng(seed))
    best = int(np.argmax(comparison.means))
    interval = (0.0, 0.0) if best == 0 else comparison.interval(best, 0)
    return Question(
        "best model against the first, each at its suggested setting", names[best], names[0],
        float(comparison.difference[best, 0]), interval,
    )  # fmt: skip


def votes_of(samples: Samples, goal: Goal, seed: int, against: Values | None) -> tuple[Vote, ...]:
    """What the answers of an item give together, at every setting; nothing below three answers per cell, and for goals
    whose score is not a mean over answers. Where there is one setting alone, of fewer answers too: their number is then
    what can be chosen."""
    sizes = samples.cell_sizes
    full = (sizes == sizes.max()).all(axis=(1, 2))
    most = int(sizes.max())
    if not goal.is_mean or most < FEWEST_VOTES or full.sum() < 2:
        return ()
    counts = [most] if len(samples.axis) > 1 else [*range(FEWEST_VOTES, most, 2), most]
    found = []
    for answers in counts:
        together = {"any": find_goal(f"pass@{answers}").item_scores(samples)[full]}
        if samples.answer is not None:
            majority = over_prompts(samples.in_groups(answers).majority_scores())
            together = {"majority": majority[full], **together}
        for kind, scores in together.items():
            recommendation, _ = recommend(samples.axis, scores, "exploit", seed=seed, against=against)
            found.append(Vote(kind, answers, tuple(scores.mean(axis=0).tolist()), recommendation))
    return tuple(found)


def vote_question(samples: Samples, goal: Goal, items: Ints, seed: int) -> tuple[Question, ...]:
    """A majority vote of all answers against one of them, where the settings leave nothing else to ask."""
    answers = int(samples.cell_sizes.max())
    if (
        len(samples.axis) > 1
        or not goal.is_mean
        or samples.answer is None
        or answers < FEWEST_VOTES
        or len(items) < 2
    ):
        return ()
    columns = np.stack(
        [over_prompts(samples.majority_scores())[items, 0], goal.item_scores(samples)[items, 0]], axis=1
    )
    comparison = compare(columns, ERROR_RATE, np.random.default_rng(seed))
    difference, interval = float(comparison.difference[0, 1]), comparison.interval(0, 1)
    return (
        Question(
            "a vote against one answer", f"a majority vote of {answers}", "one answer", difference, interval
        ),
    )


def examples_of(
    samples: Samples, scores: Floats, items: Ints, setting: int, reference: int
) -> tuple[Example, ...]:
    """The items whose scores differ most between the reference and the suggested setting, those that lost first."""
    if samples.answer is None or samples.texts is None or setting == reference:
        return ()
    change = scores[:, setting] - scores[:, reference]
    order = [
        number for number in np.argsort(-np.abs(change), kind="stable").tolist() if change[number] != 0.0
    ]
    found: list[Example] = []
    for number in order[:MOST_EXAMPLES]:
        item = int(items[number])
        answers: list[Any] = []
        for which in (reference, setting):
            places = np.flatnonzero((samples.item == item) & (samples.setting == which))
            answers.append(
                (int(samples.prompt[places[0]]) + 1, samples.texts[int(samples.answer[places[0]])])
            )
        found.append(
            Example(
                samples.item_ids[item],
                answers[0][0],
                answers[0][1],
                answers[1][1],
                float(scores[number, reference]),
                float(scores[number, setting]),
            )
        )
    return tuple(sorted(found, key=lambda one: one.score_setting - one.score_reference))
