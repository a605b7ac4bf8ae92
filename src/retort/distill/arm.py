"""One arm of a distillation: a student trained and measured, or its finished result found on disk.

A finished arm is one JSON file named after its key, a hash of everything that decides its numbers: rows, initial
weights, settings, and for the soft arm teacher, temperature and alpha. So a changed temperature trains the soft arms
again and finds the hard ones, more seeds add to those that are there, and nothing stale is ever picked up.

`run_arm` is the way through: find, or train step by step (step.py), keep the last or the best weights, measure, save.
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
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from retort.distill import ranks
from retort.distill.best_weights import BestWeights, best_step, restore, whole_weights
from retort.distill.data.rows import OrderedRows, Texts
from retort.distill.measure import at_targets, mean, nll
from retort.distill.models import fingerprint, new_student
from retort.distill.objective import Objective
from retort.distill.recipe import Recipe
from retort.distill.results import ArmResult
from retort.distill.step import DistillTrainer, OnStep, make_trainer
from retort.distill.tracking import reported
from retort.files import replacing, write_json
from retort.sources.transformers import quiet_transformers

FORMAT = 2  # raise it when the same recipe would give other numbers
STATE = "trainer_state.json"  # what Trainer calls it
CARD = "distill.json"  # in a saved student's folder: where it comes from
# Keys of a recipe that decide an arm's numbers as they are.
DECIDING = (
    "batch_size", "micro_batch_size", "learning_rate", "schedule", "warmup", "weight_decay", "dtype", "eval_every",
)  # fmt: skip


@dataclass(frozen=True)
class Setup:
    """What all arms share. `teacher_key` is the fingerprint of the teachers, `cut` a student cut out of the first.

    `fused`: whether losses are taken from hidden states.
    """

    recipe: Recipe
    tokenizer: Any
    texts: Texts
    teacher_key: str
    cut: nn.Module | None = None
    fused: bool = False


@dataclass(frozen=True)
class Trained:
    """An arm's result, and its nats at every target of the judged text (test where there is one), if they were kept."""

    result: ArmResult
    nll: NDArray[np.float32] | None


def first_weights(setup: Setup, seed: int) -> nn.Module:
    """The student that every arm of a seed starts from, a new one at each call."""
    if setup.cut is not None:
        return copy.deepcopy(setup.cut)
    return new_student(setup.recipe.student, setup.tokenizer, seed)


def run_arm(
    setup: Setup, arm: str, seed: int, objective: Objective, steps: int, on_step: OnStep | None = None
) -> Trained:
    """The arm's result: from the output folder if it is there, else trained, from a checkpoint if there is one.

    On several ranks all train, and the result is that of rank 0, whose clock it holds.
    """
    recipe, texts = setup.recipe, setup.texts
    # Made even where the result is found: the key holds a hash of the weights that training would begin with.
    student = first_weights(setup, seed)
    key = arm_key(setup, seed, objective, steps, student)
    ranks.need_same("training", key)
    name = f"{arm}-seed{seed}"
    finished = ranks.shared(lambda: _finished(recipe, name, key))
    if finished is not None:
        return finished
    with _work_folder(recipe, f"{name}-{key}") as folder:
        make = partial(make_trainer, recipe, student, objective, texts.train, texts.validation)
        trainer = ranks.agreed(lambda: make(steps=steps, seed=seed, folder=folder, on_step=on_step))
        checkpoint = ranks.shared(lambda: last_checkpoint(folder))
        if recipe.keep == "best":
            trainer.add_callback(BestWeights(trainer, folder))
        with quiet_transformers(), reported(trainer, recipe, name):
            ranks.together(lambda: trainer.train(resume_from_checkpoint=checkpoint))
            measured = _measured(trainer, setup, folder, steps)
            val_nll, test_nll = mean(measured.validation), None
            trainer.log({"final_validation_nll": val_nll, "kept_step": float(measured.kept_step)})
            if measured.test is not None:
                test_nll = mean(measured.test)
                trainer.log({"final_test_nll": test_nll})
        # On every rank, before rank 0 writes alone: under FSDP each holds a part, and gathering needs all of them.
        weights = None if recipe.save is None else whole_weights(trainer)
        read = OrderedRows(texts.train, steps * recipe.batch_size, seed)
        clock = trainer.stopwatch

        def finish() -> ArmResult:
            result = ArmResult(
                arm=arm,
                seed=seed,
                val_nll=val_nll,
                test_nll=test_nll,
                seconds=clock.seconds,
                seconds_per_step=clock.seconds_per_step,
                tokens=read.tokens,
                targets=read.targets,
                steps=steps,
                kd_weight=objective.kd_weight,
                ce_weight=objective.ce_weight,
                curve=measured.curve,
                saved=_save_student(recipe, name, key, weights, student, setup.tokenizer),
                learning_rate=trainer.args.learning_rate,
                kept_step=measured.kept_step,
            )
            if recipe.output is not None:
                file = _result_file(recipe.output, name, key)
                # The JSON last: it is what says that the arm is finished.
                write_array(file.with_suffix(".npy"), measured.judged)
                write_json(file, {"key": key, "result": asdict(result)})
            return result

        return Trained(ranks.shared(finish), measured.judged)


@dataclass(frozen=True)
class _Measured:
    """Nats at the targets of the held-out texts with the weights that are kept, and the curve up to the last step."""

    validation: NDArray[np.float32]
    test: NDArray[np.float32] | None
    curve: tuple[tuple[int, float, float], ...]
    kept_step: int

    @property
    def judged(self) -> NDArray[np.float32]:
        return self.validation if self.test is None else self.test


def _measured(trainer: DistillTrainer, setup: Setup, folder: Path, steps: int) -> _Measured:
    texts = setup.texts
    # Not the student that was given: spread over ranks, it is another module.
    trained = trainer.model
    assert isinstance(trained, nn.Module)
    validation = at_targets(trained, texts.validation, nll)[:, 0]
    curve = [point for point in trainer.curve if point[0] < steps]
    curve.append((steps, trainer.stopwatch.seconds, mean(validation)))
    kept_step = best_step(curve) if setup.recipe.keep == "best" else steps
    if kept_step != steps:
        restore(trained, folder, kept_step)
        validation = at_targets(trained, texts.validation, nll)[:, 0]
    test = None if texts.test is None else at_targets(trained, texts.test, nll)[:, 0]
    return _Measured(validation, test, tuple(curve), kept_step)


def arm_key(setup: Setup, seed: int, objective: Objective, steps: int, student: nn.Module) -> str:
    """16 hex digits that change whenever the arm's numbers would."""
    recipe, texts = setup.recipe, setup.texts
    # What was added later is there only where it is not what was always done: arms finished before keep their keys.
    decides = {
        "format": FORMAT,
        "train": texts.train.digest,
        "validation": texts.validation.digest,
        "test": None if texts.test is None else texts.test.digest,
        "student": fingerprint(student),
        "seed": seed,
        "steps": steps,
        "teacher": None if objective.teacher is None else setup.teacher_key,
        "weights": objective.decides,
        **({} if recipe.keep == "last" else {"keep": recipe.keep}),
        "targets": None if objective.cache is None else objective.cache.cache.digest,
        **{name: getattr(recipe, name) for name in DECIDING},
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def write_array(file: Path, values: NDArray[Any]) -> None:
    """Write an array, whole or not at all."""
    with replacing(file) as partial, partial.open("wb") as stream:
        np.save(stream, values, allow_pickle=False)


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
    # Only for an arm that is finished: an error goes past this, and the same command goes on from the last checkpoint.
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
    _with_usual_modes(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return str(folder)


def _with_usual_modes(folder: Path) -> None:
    """Give files the mode that any new file has here: safetensors leaves weights readable for their owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(0o666 & ~mask)
