"""The learning rate of each arm, searched with an equal budget: a list of rates in the recipe, every arm tries each.

A tuned student against an untuned control proves nothing. So every arm, the controls too, trains once at each rate
with the first seed, the same rows and the same number of steps (`search_steps`, or the arm's own), and takes the rate
with the lowest loss on the validation text for all of its seeds. The test text is not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retort.distill.recipe import Recipe
from retort.errors import InputError


def arm_names(recipe: Recipe) -> tuple[str, ...]:
    """The arms that the recipe asks for, in the order in which a seed trains them."""
    if not recipe.control:
        return ("soft",)
    return ("hard", "soft", "hard_equal_time") if recipe.equal_time else ("hard", "soft")


@dataclass(frozen=True)
class Try:
    """One training of the search: nats a token on the validation text, seconds of training."""

    learning_rate: float
    val_nll: float
    seconds: float


@dataclass(frozen=True)
class Search:
    """What an arm tried and took. `at_edge`: the best is the smallest or largest given; a better one may lie beyond."""

    seed: int
    steps: int
    tried: tuple[Try, ...]
    chosen: float
    at_edge: bool


def tries(recipe: Recipe) -> int:
    """Trainings that the searches add to those of the arms and seeds; a try that is one of them counts once."""
    if not isinstance(recipe.learning_rate, tuple):
        return 0
    rates = len(recipe.learning_rate)
    if reuses(recipe):
        return len(arm_names(recipe)) * (rates - 1)
    searched = [name for name in arm_names(recipe) if not finds_as_hard(name, recipe)]
    return len(searched) * rates


def reuses(recipe: Recipe) -> bool:
    """Whether the best try is the first seed's training: as long, and no student is to be saved."""
    return recipe.search_steps is None and recipe.save is None


def finds_as_hard(arm: str, recipe: Recipe) -> bool:
    """Whether the arm's tries would be those of `hard`: the same labels, and of one length by `search_steps`."""
    return arm == "hard_equal_time" and recipe.search_steps is not None


def search(
    arm: str, rates: Sequence[float], seed: int, steps: int, attempt: Callable[[float], Try]
) -> Search:
    """The best of `rates` by `attempt`; a diverged one never is. Raises InputError where all diverged."""
    tried = tuple(attempt(rate) for rate in rates)
    sound = [one for one in tried if math.isfinite(one.val_nll)]
    if not sound:
        raise InputError(
            f"arm {arm} diverged at every learning rate of {', '.join(f'{rate:g}' for rate in rates)};"
            " give smaller ones."
        )
    chosen = min(sound, key=lambda one: (one.val_nll, one.learning_rate)).learning_rate
    return Search(seed, steps, tried, chosen, at_edge=chosen in (min(rates), max(rates)))
