"""The weights of the best measurement: kept while an arm trains, put back when it is over, on every rank."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import TrainerCallback

from retort.distill import ranks
from retort.distill.step import DistillTrainer
from retort.files import replacing

BEST_WEIGHTS = "best.safetensors"


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


def best_step(curve: list[tuple[int, float, float]]) -> int:
    """The step with the lowest validation loss, the earliest of equals."""
    return min(curve, key=lambda point: (finite_or_worst(point[2]), point[0]))[0]


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
    # A tied weight is in the file once, under one of its names; copied into its place, it is both.
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
