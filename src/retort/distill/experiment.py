"""A whole distillation: open the models, pack the text, train every arm of every seed, and compare."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retort.distill import ranks
from retort.distill.progress import OnPoint, OnProgress, Progress
from retort.distill.recipe import Recipe
from retort.distill.results import ArmResult, DistillResult, conclude
from retort.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from retort.distill.arms import Setting
    from retort.distill.cached_targets import CachedTargets
    from retort.distill.models import Opened, Teacher


def run(
    recipe: Recipe, on_progress: OnProgress | None = None, on_point: OnPoint | None = None
) -> DistillResult:
    """Train the arms `hard`, `soft` and `hard_equal_time` for every seed, and report the paired differences.

    Within a seed the arms have equal initial weights, rows, reading order and schedule, and `hard` and `soft`
    equal steps; `hard_equal_time` takes as many steps as fit the soft arm's training time, with a schedule of
    that length. Seeds go one after another, so that a machine that gets slower touches all arms alike.
    Under torchrun the ranks share the rows of every step; rank 0 alone holds the clock, writes files and reports, and
    all get the same result.
    `on_progress(done, total, detail)` gets seconds, `on_point(arm, seed, step, seconds, nats a token)` each point of a
    learning curve. Finished arms in `recipe.output` are reused. Raises RetortError for models, text or settings that do
    not fit together.
    """
    _need_libraries()
    ranks.join()
    from retort.distill.arms import run_arm
    from retort.distill.trainer import HARD_LABELS, Objective

    on_progress, on_point = (on_progress, on_point) if ranks.leads() else (None, None)
    progress = Progress(on_progress)
    setting, teacher = ranks.agreed(lambda: prepare(recipe))
    soft_labels = Objective(
        teacher if recipe.targets is None else None,
        recipe.temperature,
        recipe.alpha,
        recipe.divergence,
        ranks.agreed(lambda: _cached_targets(setting)),
        recipe.on_policy,
    )
    arms: dict[str, list[ArmResult]] = {name: [] for name in arm_names(recipe)}
    progress.plan([(name, recipe.steps) for _ in recipe.seeds for name in arms])

    def train(name: str, seed: int, objective: Objective, steps: int) -> ArmResult:
        progress.begin(name)
        first_step: int | None = None

        def on_step(step: int, steps: int, seconds: float, val_nll: float | None) -> None:
            nonlocal first_step
            first_step = step - 1 if first_step is None else first_step
            if on_point is not None and val_nll is not None:
                on_point(name, seed, step, seconds, val_nll)
            progress.step(name, seed, step, steps, first_step, val_nll)

        result = run_arm(setting, name, seed, objective, steps, on_step)
        arms[name].append(result)
        return result

    for seed in recipe.seeds:
        hard = train("hard", seed, HARD_LABELS, recipe.steps) if recipe.control else None
        soft = train("soft", seed, soft_labels, recipe.steps)
        if hard is not None and "hard_equal_time" in arms:
            ratio = soft.seconds_per_step / hard.seconds_per_step
            train("hard_equal_time", seed, HARD_LABELS, max(1, round(recipe.steps * ratio)))
    return conclude(recipe.to_dict(), _teacher_record(setting, teacher), arms)


def arm_names(recipe: Recipe) -> tuple[str, ...]:
    """The arms that the recipe asks for, in the order in which a seed trains them."""
    if not recipe.control:
        return ("soft",)
    return ("hard", "soft", "hard_equal_time") if recipe.equal_time else ("hard", "soft")


def prepare(recipe: Recipe) -> tuple[Setting, Teacher]:
    """Models opened, checked against each other and the text, and text packed."""
    import torch

    from retort.distill.arms import Setting
    from retort.distill.models import Teacher, end_token, fingerprint, new_student, open_teachers
    from retort.distill.texts import load_texts

    opened = open_teachers(recipe.teacher)
    tokenizer, end_id = opened[0].tokenizer, end_token(opened[0])
    _check_context(recipe, opened, new_student(recipe.student, tokenizer, recipe.seeds[0]))
    told = [fingerprint(one.model) for one in opened]
    told += [] if recipe.teacher.even else [f"{share:.12g}" for share in recipe.teacher.shares]
    teacher_key = hashlib.sha256(" ".join(told).encode()).hexdigest()

    texts = load_texts(recipe, tokenizer, end_id)
    setting = Setting(
        recipe=recipe,
        tokenizer=tokenizer,
        train=texts.train,
        validation=texts.validation,
        test=texts.test,
        teacher_key=teacher_key,
    )
    members = [one.model for one in opened]
    return setting, Teacher(members, len(tokenizer), getattr(torch, recipe.dtype), recipe.teacher.shares)


def _cached_targets(setting: Setting) -> CachedTargets | None:
    from retort.distill.cached_targets import open_targets

    recipe, contents = setting.recipe, setting.train.contents
    if recipe.targets is None or contents is None:
        return None
    return open_targets(
        recipe.targets, setting.tokenizer, recipe.teacher[0], recipe.temperature, recipe.divergence, contents
    )


def _check_context(recipe: Recipe, teachers: list[Opened], student: Any) -> None:
    named = [(f"teacher {one.name!r}", one.model) for one in teachers] + [("the student", student)]
    for name, model in named:
        limit = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        if limit is not None and recipe.sequence_length > limit:
            raise InputError(
                f"sequence_length is {recipe.sequence_length}, but {name} takes {limit} tokens at most;"
                " use shorter rows."
            )


def _teacher_record(setting: Setting, teacher: Teacher) -> dict[str, Any]:
    """The teacher's own held-out nats a token, as the soft arm sees it; kept in the output folder."""
    from retort.distill.arms import write_json
    from retort.distill.measuring import held_out_nll

    recipe, validation, test = setting.recipe, setting.validation, setting.test
    key = f"{setting.teacher_key} {validation.digest} {test and test.digest} {recipe.dtype}"
    name = f"teacher-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    file = Path(recipe.output) / "arms" / name if recipe.output else None
    found = ranks.shared(
        lambda: None if file is None or not file.is_file() else file.read_text(encoding="utf-8")
    )
    if found is not None:
        record: dict[str, Any] = json.loads(found)
        return record
    record = {
        "models": list(recipe.teacher),
        "weights": list(recipe.teacher.shares),
        "val_nll": held_out_nll(teacher, validation),
        "test_nll": None if test is None else held_out_nll(teacher, test),
    }
    if file is not None:
        ranks.shared(lambda: write_json(file, record))
    return record


def _need_libraries() -> None:
    for library in ("torch", "transformers", "accelerate"):
        try:
            __import__(library)
        except ImportError:
            raise MissingExtraError(library, "models", "Distillation") from None
