"""`retort` as torchrun starts it, whose second rank meets an error in the middle of training."""

from __future__ import annotations

import os
from typing import Any

from retort.cli.main import main
from retort.distill.step import DistillTrainer
from retort.errors import InputError

compute_loss = DistillTrainer.compute_loss


def failing(trainer: DistillTrainer, *arguments: Any, **others: Any) -> Any:
    if trainer.state.global_step == 2 and os.environ["RANK"] == "1":
        raise InputError("shard 7 of the targets is damaged.")
    return compute_loss(trainer, *arguments, **others)


if __name__ == "__main__":
    setattr(DistillTrainer, "compute_loss", failing)  # noqa: B010, an assignment is none that mypy takes
    main(prog_name="retort")
