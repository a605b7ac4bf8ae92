"""What can be said of a recipe before anything is loaded, and what its loss weighs on its own models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.distill.data.corpus import Corpus, first_kinds
from retort.distill.recipe import Data, FromTeacher, Recipe, Student, temperature_at
from retort.errors import InputError, did_you_mean
from retort.sources.load import SCHEME

EXPLAINED_ROWS = 4
CHECKED_RECORDS = 16  # of each text: enough for a wrong key, nothing to wait for
TEMPERATURES = (1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class CheckedText:
    """A text of the recipe that is on this machine: how many of its first records were read, and what they are."""

    part: str
    path: str
    records: int
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """A valid recipe, the weights of its loss, the tokens it trains on, and what is not on this machine.

    `kd_weight` is that of the first step and `kd_weight_last` that of the last one: another where τ moves.
    `tokens` are those of full rows: with one document a row there are fewer. `not_here`: texts, templates and folders
    of models; a model that only has to be fetched is not among them.
    """

    recipe: dict[str, Any]
    kd_weight: float
    kd_weight_last: float
    ce_weight: float
    tokens_a_step: int
    tokens: int
    arms: int
    tries: int
    texts: tuple[CheckedText, ...]
    not_here: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """Lengths of the gradients by the student's logits at one τ, mean over positions; `soft` carries no τ²."""

    temperature: float
    soft: float
    soft_with_tau_squared: float
    hard: float


def check_recipe(recipe: Recipe) -> Checked:
    """What the recipe comes to, without opening a model: a cluster's recipe can be checked on a laptop.

    A fresh student's config is checked key by key, of the texts that are here the first records, of a cache that is
    here its manifest. What would not be carried out is refused. Raises InputError, and SourceError for an embedded
    model that does not exist.
    """
    from retort.distill.experiment import arm_names, tried_arms
    from retort.distill.models import student_config
    from retort.distill.objective import Objective
    from retort.distill.tracking import reporters

    if isinstance(recipe.student, Student) and recipe.student.config is not None:
        student_config(recipe.student.config)
    reporters(recipe)
    objective = Objective(None, recipe.temperature, recipe.alpha, recipe.divergence)
    tokens = recipe.batch_size * recipe.sequence_length
    texts, not_here = _texts(recipe.data)
    not_here += _models_not_here(recipe)
    if recipe.targets is not None:
        _check_cache(recipe)
    return Checked(
        recipe=recipe.to_dict(),
        kd_weight=objective.kd_weight,
        kd_weight_last=objective.kd_weight_at(recipe.steps - 1, recipe.steps),
        ce_weight=objective.ce_weight,
        tokens_a_step=tokens,
        tokens=tokens * recipe.steps,
        arms=len(arm_names(recipe)) * len(recipe.seeds),
        tries=len(tried_arms(recipe)),
        texts=texts,
        not_here=not_here,
    )


def explain(recipe: Recipe) -> tuple[Scale, ...]:
    """The gradient scales of both terms on the recipe's own models and first rows, at its τ (or the first and last of
    a schedule) and at 1, 2, 4 and 8.
    """
    import torch

    from retort.distill.arm import first_weights
    from retort.distill.experiment import prepare
    from retort.distill.losses import align_labels, distillation_loss
    from retort.distill.losses.dense import Mixture

    setup, teacher = prepare(recipe)
    if teacher is None:
        raise InputError(
            "measure_teacher is false, but --explain needs the teacher; add measure_teacher=true."
        )
    student = first_weights(setup, recipe.seeds[0])
    inputs = setup.texts.train.batch(slice(EXPLAINED_ROWS))
    inputs.pop("sources", None)
    labels = align_labels(inputs.pop("labels"))
    with torch.no_grad():
        logits = student(**inputs, use_cache=False).logits.float()

    def length(temperature: float, alpha: float) -> float:
        leaf, soft = logits.clone().requires_grad_(), teacher(temperature, **inputs)
        total, count = distillation_loss(leaf, soft, labels, temperature, alpha, recipe.divergence)
        (gradient,) = torch.autograd.grad(total, leaf)
        return float(gradient.norm(dim=-1).sum() / count)

    hard = length(1.0, 0.0)
    scales = []
    # Of two steps a schedule has its two ends.
    own = {temperature_at(recipe.temperature, step, 2) for step in (0, 1)}
    for temperature in sorted({*TEMPERATURES, *own}):
        weighed, weight = (
            length(temperature, 1.0),
            Mixture.of(temperature, 1.0, recipe.divergence).soft_weight,
        )
        scales.append(Scale(temperature, weighed / weight, weighed, hard))
    return tuple(scales)


def _texts(data: Data) -> tuple[tuple[CheckedText, ...], tuple[str, ...]]:
    """The texts that are here, with what they hold, and the files that are not."""
    template_here = data.chat_template is None or Path(data.chat_template).is_file()
    # Without the template a conversation can still be told from a text.
    shape = data.shape(with_template=template_here)
    texts: list[CheckedText] = []
    not_here: list[str] = []
    for part in ("train", "validation", "test"):
        given = getattr(data, part)
        path = given.from_teacher if isinstance(given, FromTeacher) else given
        if not isinstance(path, str):
            continue
        corpus = Corpus(path, shape)
        if not corpus.here:
            not_here.append(path)
            continue
        records, kinds = first_kinds(corpus, CHECKED_RECORDS)
        if data.chat_template is not None and kinds == ("text",):
            raise InputError(
                f"data.chat_template is {data.chat_template!r}, but {path} has plain texts alone among its first"
                f" {records} records, which need no template; leave it out, or give messages."
            )
        # What the teacher writes has prompts and completions, whatever it goes on from.
        if data.completions_only and not isinstance(given, FromTeacher) and "text" in kinds:
            raise InputError(
                f"data.completions_only is true, but {path} has plain texts among its first {records} records, and they"
                " have no completion; give prompt and completion, or messages, or set it to false."
            )
        texts.append(CheckedText(part, path, records, kinds))
    if data.chat_template is not None and not template_here:
        not_here.append(data.chat_template)
    return tuple(texts), tuple(not_here)


def _models_not_here(recipe: Recipe) -> tuple[str, ...]:
    """The folders of models that are not on this machine. Raises SourceError for an unknown embedded model."""
    from retort.sources.embedded import need_name
    from retort.sources.model_folder import HUB_ID

    named = [*recipe.teachers, *([recipe.student] if isinstance(recipe.student, str) else [])]
    not_here = []
    for name in dict.fromkeys(named):
        if name.startswith("embedded:"):
            need_name(name.removeprefix("embedded:"))
            continue
        path = Path(name).expanduser()
        # org/model is a hub id, unless there is a folder org here: then it is a model that is not in it.
        is_hub_id = HUB_ID.fullmatch(name) and (path.parent == Path() or not path.parent.is_dir())
        if not (is_hub_id or SCHEME.fullmatch(name) or path.exists()):
            not_here.append(name)
    return tuple(not_here)


def nearest_beside(path: str) -> str:
    """ " (did you mean …?)" where a file or folder of nearly that name lies where `path` should be, else nothing."""
    place = Path(path).expanduser()
    beside = place.parent.iterdir() if place.parent.is_dir() else ()
    return did_you_mean(path, [str(Path(path).with_name(one.name)) for one in beside])


def _check_cache(recipe: Recipe) -> None:
    """A cache that is on this machine must fit the recipe."""
    from retort.distill.cache.folder import MANIFEST
    from retort.distill.cache.reader import Cache
    from retort.distill.objective import check_targets

    assert recipe.targets is not None
    if (Path(recipe.targets) / MANIFEST).is_file():
        check_targets(recipe, Cache(recipe.targets))
