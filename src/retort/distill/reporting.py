"""Training logged to the usual places: TensorBoard, Weights & Biases, MLflow and what else transformers knows.

Each arm and seed is a run of its own, under its name (`soft-seed0`). TensorBoard's files lie in `logs` of the recipe's
output folder, since an arm's working folder goes when it is finished.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transformers import Trainer, TrainerCallback

from retort.distill.checks import nearest
from retort.errors import InputError

TENSORBOARD_FOLDER = "TENSORBOARD_LOGGING_DIR"  # where transformers looks for it
# Libraries that hold one run a process until they are told that it is over: else all arms would write into the first.
ENDING = {"wandb": "finish", "trackio": "finish", "mlflow": "end_run", "swanlab": "finish"}


def reporters(names: Sequence[str]) -> list[TrainerCallback]:
    """Trainer's callbacks for `names`. Raises InputError for one it does not know or whose library is not installed."""
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    found = []
    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            known = sorted(INTEGRATION_TO_CALLBACK)
            raise InputError(f"report_to has {name!r}{nearest(name, known)}; allowed are {', '.join(known)}.")
        try:
            found.append(INTEGRATION_TO_CALLBACK[name]())
        except (ImportError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"report_to has {name!r}, which is not installed here ({reason.rstrip('.')}); install it, or leave it"
                " out of report_to."
            ) from None
    return found


@contextmanager
def reported(trainer: Trainer, names: Sequence[str], run: str, output: str | None) -> Iterator[None]:
    """Trains inside are logged to `names` as `run`."""
    if not names:
        yield
        return
    before = os.environ.get(TENSORBOARD_FOLDER)
    if output is not None:
        os.environ[TENSORBOARD_FOLDER] = str(Path(before or Path(output) / "logs") / run)
    try:
        trainer.args.run_name = run
        for one in reporters(names):
            trainer.add_callback(one)
        yield
        for name in names:
            if name in ENDING and name in sys.modules:
                getattr(sys.modules[name], ENDING[name])()
    finally:
        if output is not None:
            if before is None:
                os.environ.pop(TENSORBOARD_FOLDER, None)
            else:
                os.environ[TENSORBOARD_FOLDER] = before
