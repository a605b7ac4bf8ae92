"""A whole distillation: open the models, pack the text, train every arm of every seed, and compare."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retort.distill import ranks
from retort.distill.progress import OnPoint, OnProgress, Progress
from retort.distill.recipe import Recipe
from retort.distill.recipe_arms import Cut
from retort.distill.recipe_data import FromTeacher
from retort.distill.results import DistillResult, conclude
from retort.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retort.distill.arms import Setting
    from retort.distill.breakdown import Facts
    from retort.distill.cached_targets import CachedTargets
    from retort.distill.models import Opened, Teacher


def run(
    recipe: Recipe, on_progress: OnProgress | None = None, on_point: OnPoint | None = None
) -> DistillResult:
    """Train the arms `hard`, `soft` and `hard_equal_time` for every seed, and report the paired differences.

    Within a seed the arms have equal initial weights, rows, reading order and schedule, and `hard` and `soft`
    equal steps; `hard_equal_time` takes as many steps as fit the soft arm's training time, with a schedule of
    that length. Where `learning_rate` is a list, every arm first tries each with the first seed and takes its best by
    the validation text. Seeds go one after another, so that a machine that gets slower touches all arms alike.
    Under torchrun the ranks share the rows of every step; rank 0 alone holds the clock, writes files and reports, and
    all get the same result.
    `on_progress(done, total, detail)` gets seconds, `on_point(arm, seed, step, seconds, nats a token)` each point of a
    learning curve. Finished arms in `recipe.output` are reused. Raises RetortError for models, text or settings that do
    not fit together.
    """
    _need_libraries()
    ranks.join()
    from retort.distill.breakdown import gain_by
    from retort.distill.course import Course
    from retort.distill.objective import HARD_LABELS, Objective
    from retort.distill.reporting import reporters
    from retort.distill.teacher_text import teacher_text
    from retort.distill.texts import Texts

    on_progress, on_point = (on_progress, on_point) if ranks.leads() else (None, None)
    progress = Progress(on_progress)
    # What cannot be logged to is said before hours are spent.
    ranks.agreed(lambda: reporters(recipe.report_to))
    if ranks.world_size() > 1 and isinstance(recipe.data.train, FromTeacher):
        ranks.shared(lambda: str(teacher_text(recipe)))  # before all of them need it
    setting, teacher = ranks.agreed(lambda: prepare(recipe))
    soft_labels = Objective(
        teacher if recipe.targets is None else None,
        recipe.temperature,
        recipe.alpha,
        recipe.divergence,
        ranks.agreed(lambda: _cached_targets(setting)),
        recipe.on_policy,
        setting.fused,
    )
    hard_labels = replace(HARD_LABELS, fused=setting.fused)
    course = Course(setting, progress, on_point)
    for seed in recipe.seeds:
        hard = course.train("hard", seed, hard_labels, recipe.steps) if recipe.control else None
        soft = course.train("soft", seed, soft_labels, recipe.steps)
        if hard is not None and "hard_equal_time" in course.results:
            ratio = soft.seconds_per_step / hard.seconds_per_step
            course.train("hard_equal_time", seed, hard_labels, max(1, round(recipe.steps * ratio)))
    record, teacher_at_targets = ({"models": list(recipe.teacher), "val_nll": None, "test_nll": None}, None)
    if teacher is not None:
        record, teacher_at_targets = _teacher_record(setting, teacher)
    bins = gain_by(
        _facts(setting, teacher_at_targets), course.held_out.get("hard", {}), course.held_out["soft"]
    )
    texts = Texts(setting.train, setting.validation, setting.test)
    return conclude(
        replace(recipe, fused=setting.fused).to_dict(),
        record,
        course.results,
        data=texts.summary(),
        searches=course.searches or None,
        gain_by=bins or None,
        gain_by_part=None if not bins else "validation" if setting.test is None else "test",
    )


def prepare(recipe: Recipe) -> tuple[Setting, Teacher | None]:
    """Models opened, checked against each other and the text, and text packed; None for a teacher nobody asks."""
    import torch

    from retort.distill.arms import Setting
    from retort.distill.cutting import cut_student
    from retort.distill.heads import is_fused
    from retort.distill.models import Teacher, end_token, new_student, open_teachers, teachers_key
    from retort.distill.teacher_text import teacher_text
    from retort.distill.texts import load_texts
    from retort.distill.tokenizers import open_tokenizer

    opened = open_teachers(recipe.teacher) if recipe.measure_teacher else []
    tokenizer = opened[0].tokenizer if opened else open_tokenizer(recipe.teacher[0])
    end_id = end_token(tokenizer, recipe.teacher[0])
    cut = None
    if isinstance(recipe.student, dict) and "from_teacher" in recipe.student:
        cut = cut_student(opened[0].model, Cut(**recipe.student["from_teacher"]))
    student = new_student(recipe.student, tokenizer, recipe.seeds[0]) if cut is None else cut
    _check_context(recipe, opened, student)
    teacher_key = teachers_key(opened, recipe.teacher)
    texts = load_texts(recipe, tokenizer, end_id, written=teacher_text(recipe, opened))
    setting = Setting(
        recipe=recipe,
        tokenizer=tokenizer,
        train=texts.train,
        validation=texts.validation,
        test=texts.test,
        teacher_key=teacher_key,
        cut=cut,
        fused=is_fused(
            recipe.fused,
            possible=recipe.targets is None and len(opened) == 1,
            dtype=recipe.dtype,
            models=[("the student", student), *((f"teacher {one.name!r}", one.model) for one in opened)],
        ),
    )
    members = [one.model for one in opened]
    if not members:
        return setting, None
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
    from retort.distill.separation import need_separation

    named = [(f"teacher {one.name!r}", one.model) for one in teachers] + [("the student", student)]
    for name, model in named:
        limit = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        if limit is not None and recipe.sequence_length > limit:
            raise InputError(
                f"sequence_length is {recipe.sequence_length}, but {name} takes {limit} tokens at most;"
                " use shorter rows."
            )
        if recipe.data.separate_documents:
            need_separation(model, name)


def _teacher_record(setting: Setting, teacher: Teacher) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The teacher's held-out nats a token, as the soft arm sees it; and its nats and entropy, `[targets, 2]`.

    The latter are those of the judged text. Both are kept in the output folder.
    """
    from retort.distill.arms import read_array, write_array, write_json
    from retort.distill.measuring import at_targets, mean, nll_and_entropy

    recipe, validation, test = setting.recipe, setting.validation, setting.test
    key = f"{setting.teacher_key} {validation.digest} {test and test.digest} {recipe.dtype}"
    name = f"teacher-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    file = Path(recipe.output) / "arms" / name if recipe.output else None

    def kept() -> tuple[dict[str, Any], NDArray[np.float32]] | None:
        positions = None if file is None else read_array(file.with_suffix(".npy"))
        if file is None or positions is None or not file.is_file():
            return None
        return json.loads(file.read_text(encoding="utf-8")), positions

    found = ranks.shared(kept)
    if found is not None:
        return found
    measured = [at_targets(teacher, part, nll_and_entropy) for part in (validation, test) if part is not None]
    record = {
        "models": list(recipe.teacher),
        "val_nll": mean(measured[0][:, 0]),
        "test_nll": None if test is None else mean(measured[1][:, 0]),
    }

    def keep() -> None:
        if file is not None:
            write_array(file.with_suffix(".npy"), measured[-1])
            write_json(file, record)

    ranks.shared(keep)
    return record, measured[-1]


def _facts(setting: Setting, teacher: NDArray[np.float32] | None) -> Facts:
    """What is known of the judged text's targets: `teacher` holds its nats and entropy there, `[targets, 2]`."""
    import numpy as np

    from retort.distill.breakdown import Facts, token_frequency
    from retort.distill.losses import IGNORE_INDEX

    judged, train = setting.test or setting.validation, setting.train
    labels = judged.labels[:, 1:]
    labels = labels[labels != IGNORE_INDEX]
    return Facts(
        teacher_entropy=None if teacher is None else teacher[:, 1],
        label_probability=None if teacher is None else np.exp(-teacher[:, 0].astype(np.float64)),
        frequency=token_frequency(train.ids, train.labels != IGNORE_INDEX, labels),
    )


def _need_libraries() -> None:
    for library in ("torch", "transformers", "accelerate"):
        try:
            __import__(library)
        except ImportError:
            raise MissingExtraError(library, "models", "Distillation") from None
