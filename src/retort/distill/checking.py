"""What can be said of a recipe before anything is loaded, and what its loss weighs on its own models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retort.distill.data import resolve
from retort.distill.recipe import Recipe
from retort.distill.recipe_data import FromTeacher
from retort.distill.recipe_values import temperature_at
from retort.errors import InputError

EXPLAINED_ROWS = 4
TEMPERATURES = (1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Checked:
    """A valid recipe, the weights of its loss, the tokens it trains on, and the texts that are not on this machine.

    `kd_weight` is that of the first step and `kd_weight_last` that of the last one: another where τ moves.
    """

    recipe: dict[str, Any]
    kd_weight: float
    kd_weight_last: float
    ce_weight: float
    tokens_a_step: int
    tokens: int
    arms: int
    not_here: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """Lengths of the gradients by the student's logits at one τ, mean over positions; `soft` carries no τ²."""

    temperature: float
    soft: float
    soft_with_tau_squared: float
    hard: float


def check_recipe(recipe: Recipe) -> Checked:
    """What the recipe comes to, without opening a model or a text: a cluster's recipe can be checked on a laptop.

    A fresh student's config is checked key by key. Raises InputError.
    """
    from retort.distill.experiment import arm_names
    from retort.distill.models import check_student_config
    from retort.distill.objective import Objective

    if not isinstance(recipe.student, str):
        check_student_config(recipe.student["config"])
    objective = Objective(None, recipe.temperature, recipe.alpha, recipe.divergence)
    tokens = recipe.batch_size * recipe.sequence_length
    train = recipe.data.train
    train = train.from_teacher if isinstance(train, FromTeacher) else train
    texts = (train, recipe.data.validation, recipe.data.test)
    return Checked(
        recipe=recipe.to_dict(),
        kd_weight=objective.kd_weight,
        kd_weight_last=objective.kd_weight_at(recipe.steps - 1, recipe.steps),
        ce_weight=objective.ce_weight,
        tokens_a_step=tokens,
        tokens=tokens * recipe.steps,
        arms=len(arm_names(recipe)) * len(recipe.seeds),
        not_here=tuple(path for path in texts if path is not None and not _here(path)),
    )


def explain(recipe: Recipe) -> tuple[Scale, ...]:
    """The gradient scales of both terms on the recipe's own models and first rows, at its τ (or the first and last of
    a schedule) and at 1, 2, 4 and 8.
    """
    import torch

    from retort.distill.experiment import prepare
    from retort.distill.losses import align_labels, distillation_loss
    from retort.distill.losses.mixture import Mixture
    from retort.distill.models import new_student

    setting, teacher = prepare(recipe)
    student = new_student(recipe.student, setting.tokenizer, recipe.seeds[0])
    inputs = setting.train.batch(slice(EXPLAINED_ROWS))
    inputs.pop("sources", None)
    labels = align_labels(inputs.pop("labels"))
    with torch.no_grad():
        logits, soft = student(**inputs, use_cache=False).logits.float(), teacher(**inputs)

    def length(temperature: float, alpha: float) -> float:
        leaf = logits.clone().requires_grad_()
        total, count = distillation_loss(leaf, soft, labels, temperature, alpha, recipe.divergence)
        (gradient,) = torch.autograd.grad(total, leaf)
        return float(gradient.norm(dim=-1).sum() / count)

    hard = length(1.0, 0.0)
    scales = []
    own = {temperature_at(recipe.temperature, step, 2) for step in (0, 1)}
    for temperature in sorted({*TEMPERATURES, *own}):
        weighed = length(temperature, 1.0)
        scales.append(
            Scale(
                temperature=temperature,
                soft=weighed / Mixture.of(temperature, 1.0, recipe.divergence).soft_weight,
                soft_with_tau_squared=weighed,
                hard=hard,
            )
        )
    return tuple(scales)


def _here(path: str) -> bool:
    try:
        resolve(path)
    except InputError:
        return False
    return True
