"""What a tour does, as one record: which models, prompts, temperatures and amounts. Two sizes come with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace


def evenly(last: float, count: int) -> tuple[float, ...]:
    """`count` temperatures from 0 to `last`, both included, without the last digits of binary arithmetic."""
    return tuple(round(last * number / (count - 1), 10) for number in range(count))


@dataclass(frozen=True)
class Plan:
    """`model` does everything; `first_model` only opens the tour, because it answers within a second.

    `tasks`: for each task, how many of its items (evenly spread over its list; None: all) and how many answers an item.
    `budget_seconds`: what each step takes on two idle cores, so that the time left can be told before a step has begun.
    """

    model: str = "embedded:base"
    first_model: str = "embedded:english"
    first_prompt: str = "the sky is"
    look_prompt: str = "a pear is a kind of"
    look_temperatures: tuple[float, ...] = (0.5, 1.0, 2.0)
    look_top: int = 10
    entropy_temperatures: tuple[float, ...] = evenly(3.0, 61)
    path_prompt: str = "a pear is"
    path_temperatures: tuple[float, ...] = evenly(2.0, 41)
    path_max_tokens: int = 12
    tasks: tuple[tuple[str, int | None, int], ...] = (("exploit", None, 8), ("explore", None, 32))
    tune_temperatures: tuple[float, ...] = evenly(2.0, 21)
    note: str | None = None  # what the reader of the findings must know
    recipe: str = "embedded:default"
    recipe_overrides: tuple[str, ...] = ()
    budget_seconds: dict[str, float] = field(
        default_factory=lambda: {"look": 8.0, "path": 3.0, "tune": 45.0, "distill": 150.0, "report": 5.0}
    )

    def teaching(self, teacher: str) -> Plan:
        """The same plan with this MODEL as the teacher, whatever the recipe says."""
        # A JSON string is a YAML string, so any path comes through the override as it is.
        return replace(self, recipe_overrides=(*self.recipe_overrides, f"teacher={json.dumps(teacher)}"))


DEFAULT = Plan()

# Large enough for every part to run and every figure to have something in it, too small for conclusions.
QUICK = Plan(
    note="A quick tour, to see that every part runs: too few items, answers and steps to conclude anything from.",
    path_temperatures=evenly(2.0, 11),
    path_max_tokens=8,
    tasks=(("exploit", 24, 2), ("explore", 12, 4)),
    tune_temperatures=evenly(2.0, 5),
    recipe_overrides=("seeds=2", "steps=20", "eval_every=5"),
    budget_seconds={"look": 8.0, "path": 2.0, "tune": 6.0, "distill": 25.0, "report": 5.0},
)
