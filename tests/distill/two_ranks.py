"""Run under torchrun by test_two_ranks.py: every rank trains, rank 0 writes gradients and weights to the file given."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from distill.test_step import KeepGradients, trainer_of
from retort.distill.recipe import OnPolicy
from retort.distill.step import DistillTrainer

STEPS = 3
OWN = OnPolicy(share=1.0, prompt_tokens=2)


class MeanOfRankMeans(DistillTrainer):
    """The wrong version: each rank divides by its own count, and DDP averages the means."""

    def compute_loss(self, *arguments: Any, num_items_in_batch: Any = None, **others: Any) -> Any:
        return super().compute_loss(*arguments, **others) / self.accelerator.num_processes


class ForgetsItsRank(DistillTrainer):
    """The wrong version: every rank's student says what the first rank's does."""

    def _first_row(self, number: int, rows: int) -> int:
        return number * rows


def trained(
    kind: type[DistillTrainer],
    folder: Path,
    micro_batch_size: int,
    own: OnPolicy | None = None,
    *,
    fused: bool = False,
) -> dict[str, torch.Tensor]:
    """`[steps, parameters]` gradients before each step, and the `[parameters]` weights after the last."""
    trainer = trainer_of(kind, folder, micro_batch_size=micro_batch_size, steps=STEPS, fused=fused)
    trainer.distillation = replace(trainer.distillation, on_policy=own)
    keeper = KeepGradients()
    trainer.add_callback(keeper)
    trainer.train()
    weights = torch.cat([one.detach().flatten() for one in trainer.model.parameters()])
    ranks = torch.tensor(trainer.args.world_size)
    return {"gradients": torch.stack(keeper.seen), "weights": weights, "ranks": ranks}


def main(file: str) -> None:
    folder = Path(file).parent
    found = {
        "right": trained(DistillTrainer, folder, 4),
        "accumulated": trained(DistillTrainer, folder, 2),
        "wrong": trained(MeanOfRankMeans, folder, 4),
        "fused": trained(DistillTrainer, folder, 4, fused=True),
        "own words": trained(DistillTrainer, folder, 4, OWN),
        "own words, accumulated": trained(DistillTrainer, folder, 2, OWN),
        "own words, wrong": trained(ForgetsItsRank, folder, 4, OWN),
    }
    if torch.distributed.get_rank() == 0:
        torch.save(found, file)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
