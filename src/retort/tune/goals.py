"""What a task is after: how an item's answers become its score, and which of tied settings to take."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from retort.errors import InputError
from retort.tune.samples import Floats, Samples, over_prompts

ItemScores = Callable[[Samples], Floats]

PASS_AT = re.compile(r"pass@([1-9]\d*|k)")
DEFAULT_K = 5


@dataclass(frozen=True)
class Goal:
    """A goal's name, what its score is, and what the lowest temperature of tied ones is, which is the one to take.

    Every goal takes the lowest: nothing measured is lost by it, and something that the score does not see is gained.
    `item_scores`: the score of each item at each setting, `[items, settings]`, from all answers; NaN where an item has
    too few. `fewest_samples`: answers to an item below which the goal says nothing. `needs_answers`: the score is of
    the answers' texts and not only of their scores. `seeks_variety`: how different the answers are is part of it, so it
    is always measured. `is_mean`: the score is the mean of single answers' scores.
    """

    name: str
    score: str
    lowest_is: str
    item_scores: ItemScores
    fewest_samples: int = 1
    needs_answers: bool = False
    seeks_variety: bool = False
    is_mean: bool = False

    def bounds(self, samples: int) -> tuple[float, float]:
        """What a score can be, with so many answers to an item."""
        return (0.0, float(samples)) if self.seeks_variety else (0.0, 1.0)


def share_right(samples: Samples) -> Floats:
    """`[items, settings]` mean score of an item's answers, the mean over its prompts."""
    return over_prompts(samples.cell_scores)


def distinct_valid(samples: Samples) -> Floats:
    """`[items, settings]` how many different answers with a score above 0 an item got, the mean over its prompts."""
    # An empty cell has not "no valid answer": it is left out of the mean.
    found = np.where(samples.cell_sizes > 0, samples.distinct(samples.score > 0), np.nan)
    return over_prompts(found)


def agreeing(samples: Samples) -> Floats:
    """`[items, settings]` share of pairs of an item's answers that are equal, the mean over its prompts."""
    return over_prompts(samples.agreement())


def pass_at(k: int, samples: Samples) -> Floats:
    """`[items, settings]` chance that at least one of k answers is right (score 1), the mean over an item's prompts.

    `1 − Π_{j<k} (n − c − j)/(n − j)`, which is `1 − C(n−c, k)/C(n, k)`; NaN where an item has fewer than k answers.
    Source: Chen et al. 2021, eq. 1.
    """
    sizes = samples.cell_sizes
    right = np.bincount(samples.cell, weights=samples.score >= 1.0, minlength=sizes.size).reshape(sizes.shape)
    # A product needs no factorials, which leave a float's range at 171. A factor is 0 where fewer than k answers are
    # wrong; the divisor's 1 is for cells with fewer than k answers, which become NaN below.
    none_right = np.ones(sizes.shape)
    for taken in range(k):
        none_right *= np.clip(sizes - right - taken, 0, None) / np.maximum(sizes - taken, 1)
    return over_prompts(np.where(sizes >= k, 1.0 - none_right, np.nan))


GOALS = {
    goal.name: goal
    for goal in (
        Goal("exploit", "share of right answers", "the most reproducible", share_right, is_mean=True),
        Goal("explore", "distinct valid answers per item", "the most coherent", distinct_valid,
             fewest_samples=2, needs_answers=True, seeks_variety=True),
        Goal("reproduce", "share of pairs of answers that are the same", "the most reproducible", agreeing,
             fewest_samples=2, needs_answers=True),
    )
}  # fmt: skip

GOAL_NAMES = (*GOALS, "pass@k")
"""What a task file may say; the k of pass@k is a number, as in pass@5."""


def find_goal(name: Any) -> Goal:
    """The goal of that name; `pass@5` makes the goal for that k (`pass@k` alone: 5). Raises InputError."""
    if isinstance(name, str):
        if name in GOALS:
            return GOALS[name]
        if match := PASS_AT.fullmatch(name):
            k = DEFAULT_K if match[1] == "k" else int(match[1])
            score = f"chance that at least one of {k} answers is right"
            return Goal(f"pass@{k}", score, "the most coherent", partial(pass_at, k), fewest_samples=k)
    raise InputError(f"goal is {name!r}; it can be {', '.join(GOAL_NAMES)} (as in pass@5)")
