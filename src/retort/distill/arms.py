"""One arm of a distillation: a student trained and measured, or its finished result found on disk.

A finished arm is one JSON file named after its key, a hash of everything that decides its numbers: rows,
initial weights, settings, and for the soft arm teacher, temperature and alpha. So a changed temperature
trains the soft arms again and finds the hard ones, more seeds add to those that are there, and nothing stale
is ever picked up.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from retort.distill import ranks
from retort.distill.data import OrderedRows, Rows
from retort.distill.keeping import BestWeights, best_step, restore, whole_weights
from retort.distill.measuring import at_targets, mean, nll
from retort.distill.models import fingerprint, new_student
from retort.distill.objective import Objective
from retort.distill.recipe import Recipe
from retort.distill.reporting import reported
from retort.distill.results import ArmResult
from retort.distill.trainer import OnStep, make_trainer
from retort.sources.transformers import quiet_transformers

FORMAT = 2  # raise it when the same recipe would give other numbers
STATE = "trainer_state.json"  # what Trainer calls it
CARD = "distill.json"  # in a saved student's folder: where it comes from


@dataclass(frozen=True)
class Setting:
    """What all arms share. `teacher_key` is the fingerprint of the teachers, `cut` a student cut out of the first.

    `fused`: whether losses are taken from hidden states.
    """

    recipe: Recipe
    tokenizer: Any
    train: Rows
    validation: Rows
    test: Rows | None
    teacher_key: str
    cut: nn.Module | None = None
    fused: bool = False


@dataclass(frozen=True)
class Trained:
    """An arm's result, and its nats at every target of the judged text (test where there is one), if they were kept."""

    result: ArmResult
    nll: NDArray[np.float32] | None


def first_weights(setting: Setting, seed: int) -> nn.Module:
    """The student that every arm of a seed starts from, a new one at each call."""
    if setting.cut is not None:
        return copy.deepcopy(setting.cut)
    return new_student(setting.recipe.student, setting.tokenizer, seed)


def run_arm(
    setting: Setting, arm: str, seed: int, objective: Objective, steps: int, on_step: OnStep | None = None
) -> Trained:
    """The arm's result: from the output folder if it is there, else trained, from a checkpoint if there is one.

    On several ranks all train, and the result is that of rank 0, whose clock it holds.
    """
    recipe = setting.recipe
    student = first_weights(setting, seed)
    key = arm_key(setting, seed, objective, steps, student)
    ranks.need_same("training", key)
    name = f"{arm}-seed{seed}"
    finished = ranks.shared(lambda: _finished(recipe, name, key))
    if finished is not None:
        return finished
    with _work_folder(recipe, f"{name}-{key}") as folder:
        trainer = ranks.agreed(
            lambda: make_trainer(
                recipe, student, objective, setting.train, setting.validation, steps=steps, seed=seed, folder=folder,
                on_step=on_step,
            )
        )  # fmt: skip
        checkpoint = ranks.shared(lambda: last_checkpoint(folder))
        if recipe.keep == "best":
            trainer.add_callback(BestWeights(trainer, folder))
        with quiet_transformers(), reported(trainer, recipe.report_to, name, recipe.output):
            ranks.together(lambda: trainer.train(resume_from_checkpoint=checkpoint))
        # Not `student`: spread over ranks, it is another module.
        trained = trainer.model
        assert isinstance(trained, nn.Module)
        validation = at_targets(trained, setting.validation, nll)[:, 0]
        curve = [point for point in trainer.curve if point[0] < steps]
        curve.append((steps, trainer.stopwatch.seconds, mean(validation)))
        kept_step = best_step(curve, steps, mean(validation)) if recipe.keep == "best" else steps
        if kept_step != steps:
            restore(trained, folder, kept_step)
            validation = at_targets(trained, setting.validation, nll)[:, 0]
        test = None if setting.test is None else at_targets(trained, setting.test, nll)[:, 0]
        judged = validation if test is None else test
        weights = None if recipe.save is None else whole_weights(trainer)
        read = OrderedRows(setting.train, steps * recipe.batch_size, seed)
        clock = trainer.stopwatch

        def finish() -> ArmResult:
            result = ArmResult(
                arm=arm,
                seed=seed,
                val_nll=mean(validation),
                test_nll=None if test is None else mean(test),
                seconds=clock.seconds,
                seconds_per_step=clock.seconds_per_step,
                tokens=read.tokens,
                targets=read.targets,
                steps=steps,
                kd_weight=objective.kd_weight,
                ce_weight=objective.ce_weight,
                curve=tuple(curve),
                saved=_save_student(recipe, name, key, weights, student, setting.tokenizer),
                learning_rate=trainer.args.learning_rate,
                kept_step=kept_step,
            )
            if recipe.output is not None:
                file = _result_file(recipe.output, name, key)
                write_array(file.with_suffix(".npy"), judged)
                write_json(file, {"key": key, "result": asdict(result)})
            return result

        return Trained(ranks.shared(finish), judged)


def arm_key(setting: Setting, seed: int, objective: Objective, steps: int, student: nn.Module) -> str:
    """16 hex digits that change whenever the arm's numbers would."""
    recipe = setting.recipe
    decides = {
        "format": FORMAT,
        "train": setting.train.digest,
        "validation": setting.validation.digest,
        "test": None if setting.test is None else setting.test.digest,
        "student": fingerprint(student),
        "seed": seed,
        "steps": steps,
        "teacher": None if objective.teacher is None else setting.teacher_key,
        "weights": objective.decides,
        **({} if recipe.keep == "last" else {"keep": recipe.keep}),
        "targets": None if objective.cache is None else objective.cache.cache.digest,
        **{
            name: getattr(recipe, name)
            for name in (
                "batch_size", "micro_batch_size", "learning_rate", "schedule", "warmup", "weight_decay", "dtype",
                "eval_every",
            )
        },
    }  # fmt: skip
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def write_json(file: Path, values: Any) -> None:
    """Write a JSON file so that at every moment either the old one or the whole new one is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    partial.replace(file)


def write_array(file: Path, values: NDArray[Any]) -> None:
    """The same for an array."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.save(stream, values, allow_pickle=False)
    partial.replace(file)


def read_array(file: Path) -> NDArray[Any] | None:
    """What `write_array` wrote; None where it is not there or damaged."""
    try:
        values: NDArray[Any] = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return values


def _result_file(output: str, name: str, key: str) -> Path:
    return Path(output) / "arms" / f"{name}-{key}.json"


def _finished(recipe: Recipe, name: str, key: str) -> Trained | None:
    """The stored result, unless the student is to be saved and is not there."""
    if recipe.output is None:
        return None
    try:
        stored = json.loads(_result_file(recipe.output, name, key).read_text(encoding="utf-8"))
        result = ArmResult.from_dict(stored["result"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, or not written by this version: train it
    if recipe.save is not None:
        try:
            card = json.loads((Path(recipe.save) / name / CARD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if card.get("key") != key:
            return None
    return Trained(result, read_array(_result_file(recipe.output, name, key).with_suffix(".npy")))


def last_checkpoint(folder: Path) -> str | None:
    """The last whole checkpoint; what a kill left of another one is removed.

    Trainer writes its state last and removes the one before after that, so a checkpoint is whole when its state is.
    """
    from transformers.trainer_utils import get_last_checkpoint

    while folder.is_dir() and (last := get_last_checkpoint(str(folder))) is not None:
        try:
            json.loads((Path(last) / STATE).read_text(encoding="utf-8"))
            return str(last)
        except (OSError, ValueError):
            shutil.rmtree(last)
    return None


@contextmanager
def _work_folder(recipe: Recipe, name: str) -> Iterator[Path]:
    """A folder for checkpoints: it outlives a kill where the recipe has an output folder, and no finished arm."""
    if recipe.output is None:
        # Of rank 0 everywhere: what only one rank knows of, only that rank can read again.
        folder = Path(ranks.shared(lambda: tempfile.mkdtemp(prefix="retort-distill-")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    folder = Path(recipe.output) / "checkpoints" / name
    yield folder
    if not ranks.leads():
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _save_student(
    recipe: Recipe, name: str, key: str, weights: dict[str, Tensor] | None, student: Any, tokenizer: Any
) -> str | None:
    """The folder of the saved student, in Hugging Face format; None where the recipe saves none."""
    if recipe.save is None:
        return None
    folder = Path(recipe.save) / name
    partial = folder.with_name(f".{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with quiet_transformers():
        student.save_pretrained(partial, state_dict=weights)
        tokenizer.save_pretrained(partial)
    write_json(partial / CARD, {"key": key, "recipe": recipe.to_dict()})
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return str(folder)
