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
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import TrainerCallback

from retort.distill import ranks
from retort.distill.data.rows import OrderedRows, Texts
from retort.distill.measure import at_targets, mean, nll
from retort.distill.models import fingerprint, new_student
from retort.distill.objective import Objective
from retort.distill.recipe import Recipe
from retort.distill.results import ArmResult
from retort.distill.step import DistillTrainer, OnStep, make_trainer
from retort.distill.tracking import reported
from retort.files import replacing
from retort.sources.transformers import quiet_transformers

FORMAT = 2  # raise it when the same recipe would give other numbers
STATE = "trainer_state.json"  # what Trainer calls it
BEST_WEIGHTS = "best.safetensors"
CARD = "distill.json"  # in a saved student's folder: where it comes from


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
        trainer = ranks.agreed(
            lambda: make_trainer(
                recipe, student, objective, texts.train, texts.validation, steps=steps, seed=seed, folder=folder,
                on_step=on_step,
            )
        )  # fmt: skip
        checkpoint = ranks.shared(lambda: last_checkpoint(folder))
        if recipe.keep == "best":
            trainer.add_callback(BestWeights(trainer, folder))
        with quiet_transformers(), reported(trainer, recipe, name):
            ranks.together(lambda: trainer.train(resume_from_checkpoint=checkpoint))
            measured = _measured(trainer, setup, folder, steps)
            trainer.log(
                {"final_validation_nll": mean(measured.validation), "kept_step": float(measured.kept_step)}
            )
            if measured.test is not None:
                trainer.log({"final_test_nll": mean(measured.test)})
        # On every rank, before rank 0 writes alone: under FSDP each holds a part, and gathering needs all of them.
        weights = None if recipe.save is None else whole_weights(trainer)
        read = OrderedRows(texts.train, steps * recipe.batch_size, seed)
        clock = trainer.stopwatch

        def finish() -> ArmResult:
            result = ArmResult(
                arm=arm,
                seed=seed,
                val_nll=mean(measured.validation),
                test_nll=None if measured.test is None else mean(measured.test),
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
    best = setup.recipe.keep == "best"
    kept_step = best_step(curve, steps, mean(validation)) if best else steps
    if kept_step != steps:
        restore(trained, folder, kept_step)
        validation = at_targets(trained, texts.validation, nll)[:, 0]
    test = None if texts.test is None else at_targets(trained, texts.test, nll)[:, 0]
    return _Measured(validation, test, tuple(curve), kept_step)


def arm_key(setup: Setup, seed: int, objective: Objective, steps: int, student: nn.Module) -> str:
    """16 hex digits that change whenever the arm's numbers would."""
    recipe, texts = setup.recipe, setup.texts
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
    with replacing(file) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def write_array(file: Path, values: NDArray[Any]) -> None:
    """The same for an array."""
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


def whole_weights(trainer: DistillTrainer) -> dict[str, Tensor]:
    """The student's weights; all ranks must ask, since each may hold a part."""
    weights: dict[str, Tensor] = trainer.accelerator.get_state_dict(trainer.model)
    return weights


class BestWeights(TrainerCallback):
    """Keeps the weights of every new lowest validation loss in `folder`, in place of those before."""

    def __init__(self, trainer: DistillTrainer, folder: Path) -> None:
        self.trainer, self.folder = trainer, folder

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A measurement was taken and stands at the end of the curve."""
        *before, (step, _seconds, now) = self.trainer.curve
        # Of a repeated measurement of one step the first counts.
        if not all(now < finite_or_worst(nll) for earlier, _, nll in before if earlier < step):
            return
        weights = whole_weights(self.trainer)
        if ranks.leads():
            _write_weights(weights, self.folder / BEST_WEIGHTS, step)
        self.trainer.stopwatch.on_save(args, state, control)  # this is not training either


def best_step(curve: list[tuple[int, float, float]], last: int, last_nll: float) -> int:
    """The step with the lowest validation loss, the earliest of equals; `last` ends the training with `last_nll`."""
    points = [(step, nll) for step, _, nll in curve if step < last]
    return min([*points, (last, last_nll)], key=lambda one: (finite_or_worst(one[1]), one[0]))[0]


def finite_or_worst(nll: float) -> float:
    """The loss to compare by: NaN compares with nothing, so one bad measurement would hide all later ones."""
    return nll if math.isfinite(nll) else math.inf


@torch.no_grad()
def restore(model: nn.Module, folder: Path, step: int) -> None:
    """Put the kept weights of `step` back into the model, on every rank."""
    file, weights = folder / BEST_WEIGHTS, dict[str, Tensor]()
    if ranks.leads():
        with safe_open(str(file), "pt") as kept:
            written = (kept.metadata() or {}).get("step")
        assert written == str(step), f"{file} holds step {written}, and step {step} was the best"
        weights = load_file(file)
    # A tied weight is there once.
    here = model.state_dict()
    for name in ranks.shared(lambda: sorted(weights)):
        value = here[name]
        kept_value = weights[name] if ranks.leads() else torch.empty(value.shape, dtype=value.dtype)
        value.copy_(_as_spread(kept_value.to(value.device), value))


def _as_spread(whole: Tensor, like: Tensor) -> Tensor:
    """Rank 0's `whole` tensor on every rank, in parts where `like` is one of parts (FSDP2)."""
    if ranks.world_size() == 1:
        return whole
    import torch.distributed as distributed
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(like, DTensor):
        return distribute_tensor(whole, like.device_mesh, like.placements)
    distributed.broadcast(whole, src=0)
    return whole


def _write_weights(weights: dict[str, Tensor], file: Path, step: int) -> None:
    seen: set[tuple[int, torch.Size]] = set()
    once = {}
    for name, tensor in weights.items():
        place = (tensor.data_ptr(), tensor.shape)
        if place not in seen:  # tied weights are one tensor under two names, and safetensors takes it once
            once[name] = tensor.detach().cpu().contiguous()
        seen.add(place)
    with replacing(file) as partial:
        save_file(once, partial, metadata={"step": str(step)})
