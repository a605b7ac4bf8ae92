"""Where training is logged: TensorBoard, Weights & Biases, MLflow and what else transformers knows.

Each arm and seed is a run of its own under its name (`soft-seed0`), and the result one more. TensorBoard's files lie in
`logs` of the recipe's output folder, since an arm's working folder goes when it is finished. Nothing leaves the machine
unasked, and what nobody asked for harms no training.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from retort.distill.recipe import Recipe
from retort.distill.results import DistillResult
from retort.errors import InputError, did_you_mean

AUTO = "auto"
TRUE = ("1", "true", "on", "yes")
SET_UP_BY = {
    "wandb": ("WANDB_PROJECT", "WANDB_API_KEY", "WANDB_MODE"),
    "mlflow": ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"),
    "trackio": ("TRACKIO_PROJECT", "TRACKIO_SPACE_ID"),
    "comet_ml": ("COMET_API_KEY",),
    "swanlab": ("SWANLAB_PROJECT", "SWANLAB_API_KEY"),
}
"""Trackers that may send, and the variables by which somebody says that they should."""

TENSORBOARD_FOLDER = "TENSORBOARD_LOGGING_DIR"  # where transformers looks for it
# Libraries that hold one run a process until they are told that it is over: else all arms would write into the first.
ENDING = {"wandb": "finish", "trackio": "finish", "mlflow": "end_run", "swanlab": "finish"}
EVENTS = ("on_init_end", "on_train_begin", "on_log", "on_save", "on_train_end")


def trackers(recipe: Recipe) -> tuple[str, ...]:
    """The names in `report_to`, with "auto" as what is installed and writes beside the results or was set up here.

    A tracker that sends is taken only where the environment already names its account, project or server, as every
    other program on this machine would find it.
    """
    if AUTO not in recipe.report_to:
        return recipe.report_to
    from transformers.integrations.integration_utils import get_available_reporting_integrations

    # Two switches that users know: wandb's own, and the one that transformers looks at.
    off = os.environ.get("WANDB_MODE") == "disabled" or os.environ.get("WANDB_DISABLED", "").lower() in TRUE
    wanted = {name for name, variables in SET_UP_BY.items() if any(map(os.environ.get, variables))}
    wanted -= {"wandb"} if off else set()
    wanted |= {"tensorboard"} if recipe.output is not None else set()
    installed = [name for name in get_available_reporting_integrations() if name in wanted]
    return tuple(dict.fromkeys([*(name for name in recipe.report_to if name != AUTO), *installed]))


def reporters(recipe: Recipe) -> list[TrainerCallback]:
    """Trainer's callbacks. Raises InputError for a name it does not know or whose library is not installed."""
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    found = []
    for name in trackers(recipe):
        asked = name in recipe.report_to
        if name not in INTEGRATION_TO_CALLBACK:
            known = sorted(INTEGRATION_TO_CALLBACK)
            raise InputError(
                f"report_to has {name!r}{did_you_mean(name, known)}; allowed are {', '.join(known)}."
            )
        try:
            callback = INTEGRATION_TO_CALLBACK[name]()
        except Exception as problem:  # whatever a tracker's own start can raise
            if not asked:
                _left_out(name, problem)
                continue
            if not isinstance(problem, ImportError | RuntimeError):
                raise
            reason = " ".join(str(problem).split())
            raise InputError(
                f"report_to has {name!r}, which is not installed here ({reason.rstrip('.')}); install it, or leave it"
                " out of report_to."
            ) from None
        found.append(callback if asked else _harmless(callback, name))
    return found


def _harmless(callback: TrainerCallback, name: str) -> TrainerCallback:
    """The callback of a tracker that nobody named in the recipe: where it fails, the training goes on without it."""

    def guarded(event: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            try:
                return event(*arguments, **named)
            except Exception as problem:
                for one in EVENTS:
                    setattr(callback, one, lambda *_, **__: None)
                _left_out(name, problem)

        return called

    for one in EVENTS:
        setattr(callback, one, guarded(getattr(callback, one)))
    return callback


def _left_out(name: str, problem: Exception) -> None:
    reason = " ".join(str(problem).split())
    warnings.warn(f"{name} does not work here ({reason}); it is left out.", stacklevel=2)


@contextmanager
def reported(trainer: Trainer, recipe: Recipe, run: str) -> Iterator[None]:
    """Trainings inside are logged to the recipe's trackers as `run`."""
    names = trackers(recipe)
    with _logging_to(names, run, recipe.output):
        if names:
            trainer.args.run_name = run
        for one in reporters(recipe):
            trainer.add_callback(one)
        yield


@contextmanager
def _logging_to(names: Sequence[str], run: str, output: str | None) -> Iterator[None]:
    before = os.environ.get(TENSORBOARD_FOLDER)
    if names and output is not None:
        os.environ[TENSORBOARD_FOLDER] = str(Path(before or Path(output) / "logs") / run)
    try:
        yield
        for name in names:
            if name in ENDING and name in sys.modules:
                getattr(sys.modules[name], ENDING[name])()
    finally:
        os.environ.pop(TENSORBOARD_FOLDER, None)
        if before is not None:
            os.environ[TENSORBOARD_FOLDER] = before


def log_result(recipe: Recipe, found: DistillResult) -> None:
    """Log the paired differences with their intervals as a run of its own."""
    names = trackers(recipe)
    if not names:
        return
    numbers: dict[str, float] = {}
    for name in found.MEASURES:
        difference = getattr(found, name)
        if difference is not None:
            numbers[name] = difference.mean
            numbers |= dict(zip((f"{name}_low", f"{name}_high"), difference.ci or (), strict=False))
    with (
        tempfile.TemporaryDirectory(prefix="retort-result-") as folder,
        _logging_to(names, "result", recipe.output),
    ):
        arguments = TrainingArguments(output_dir=folder, run_name="result", report_to="none", use_cpu=True)
        state, control = TrainerState(is_world_process_zero=True), TrainerControl()
        for one in reporters(recipe):
            one.on_train_begin(arguments, state, control, model=None)
            one.on_log(arguments, state, control, model=None, logs=dict(numbers))
            one.on_train_end(arguments, state, control, model=None)
