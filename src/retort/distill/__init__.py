"""Distillation with its control: a recipe in, paired evidence out.

    recipe.py ─► experiment.py ─► arm.py ─► step.py ─► measure.py ─► results.py
                   models.py, cut.py       objective.py
                   data/, teacher_text.py    losses/, cache/

The upper line is the way of a recipe, top down; below it is what each part works with: models and rows of text, the
terms of the loss, soft targets. check.py says what can be said of a recipe before it runs; tracking.py logs it to
other programs; ranks.py lets several processes be one. Start with recipe.py, then experiment.py. torch is loaded by
`run`, `distill` and `losses` alone.

`retort.distill(recipe)` is `distill` below: the package itself can be called.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retort.calling import callable_package
from retort.distill.recipe import Data, Recipe
from retort.distill.results import ArmResult, Difference, DistillResult
from retort.errors import MissingExtraError

if TYPE_CHECKING:
    from retort.distill.experiment import OnPoint, OnProgress

__all__ = [
    "ArmResult",
    "Data",
    "Difference",
    "DistillResult",
    "Recipe",
    "capture",
    "distill",
    "losses",
    "run",
]


def distill(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *overrides: str,
    on_progress: OnProgress | None = None,
    on_point: OnPoint | None = None,
) -> DistillResult:
    """What `retort distill RECIPE KEY=VALUE…` finds: the students' losses, the paired differences and the verdict.

    `recipe`: a YAML file, `embedded:NAME`, nested dictionaries, or a checked `Recipe`. See `run` for the rest.
    """
    if isinstance(recipe, Recipe):
        checked = Recipe.from_dict(recipe.to_dict(), overrides) if overrides else recipe
    elif isinstance(recipe, Mapping):
        checked = Recipe.from_dict(recipe, overrides)
    else:
        checked = Recipe.load(recipe, overrides)
    return run(checked, on_progress, on_point)


def run(
    recipe: Recipe, on_progress: OnProgress | None = None, on_point: OnPoint | None = None
) -> DistillResult:
    """The distillation of a checked recipe (experiment.py). Raises MissingExtraError without torch."""
    for library in ("torch", "transformers", "accelerate"):
        try:
            import_module(library)
        except ImportError:
            raise MissingExtraError(library, "models", "Distillation") from None
    found: DistillResult = import_module("retort.distill.experiment").run(recipe, on_progress, on_point)
    return found


def __getattr__(name: str) -> Any:
    if name == "losses":
        return import_module("retort.distill.losses")
    if name == "capture":
        return import_module("retort.distill.cache").capture
    raise AttributeError(f"module 'retort.distill' has no attribute {name!r}")


callable_package(__name__)
