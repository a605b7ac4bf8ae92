"""What a trained student is good at: likelihood, likelihood after calibration, closeness to the teacher at each τ.

Legend: N positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from retort.distill.data.rows import Rows
from retort.distill.losses import align_labels, distillation_loss

CALIBRATION = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
CLOSENESS = (1.0, 2.0, 3.0, 4.0, 8.0)
RANKED = 50
ROWS_AT_ONCE = 4


@dataclass(frozen=True)
class Objective:
    """How the student was taught; what the balance of the two gradients is taken at."""

    temperature: float
    alpha: float
    divergence: str


@torch.no_grad()
def logits_of(model: nn.Module, rows: Rows) -> Tensor:
    """`[rows, time, V]` logits in float32."""
    ids = torch.from_numpy(rows.ids)
    parts = [_logits(model, part).float() for part in ids.split(ROWS_AT_ONCE)]
    return torch.cat(parts)


def _logits(model: Any, ids: Tensor) -> Tensor:
    found = model(input_ids=ids)
    return found if isinstance(found, Tensor) else found.logits


def measures(
    student: nn.Module, teacher: Tensor, rows: Rows, objective: Objective | None
) -> dict[str, float]:
    """Averages over the unmasked positions of `rows`, all in nats but shares and the rank correlation.

    - `nll`: at τ = 1; `calibrated nll`: at the temperature of CALIBRATION where it is least, and that temperature
    - `kl at τ`: KL(teacher_τ ‖ student_τ), both at that τ
    - `same first token`: how often student and teacher have the same most likely token
    - `rank correlation`: Spearman's, over the teacher's 50 most likely tokens
    - `soft share of the gradient`: |soft| / (|soft| + |hard|), lengths by the student's logits with their weights, the
      τ² of the loss included
    """
    sums: dict[str, float] = {}
    count = 0
    for student_logits, teacher_logits, labels in _blocks(student, teacher, rows):
        count += len(labels)
        for name, value in _sums(student_logits, teacher_logits, labels, objective).items():
            sums[name] = sums.get(name, 0.0) + value
    found = {name: value / count for name, value in sums.items()}
    by_temperature = {one: found.pop(f"nll at {one:g}") for one in CALIBRATION}
    best = min(by_temperature, key=lambda one: by_temperature[one])
    return {
        "nll": by_temperature[1.0],
        "calibrated nll": by_temperature[best],
        "calibrated at": best,
        **found,
    }


def _blocks(student: nn.Module, teacher: Tensor, rows: Rows) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Student and teacher logits `[N, V]` and labels `[N]` of the positions that count, a few rows at a time."""
    for start in range(0, len(rows.ids), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        block = Rows(rows.ids[part], rows.labels[part])
        labels = align_labels(torch.from_numpy(block.labels))
        kept = labels != -100
        yield logits_of(student, block)[kept], teacher[part][kept], labels[kept]


def _sums(student: Tensor, teacher: Tensor, labels: Tensor, objective: Objective | None) -> dict[str, float]:
    found = {}
    for temperature in CALIBRATION:
        total, _ = distillation_loss(student / temperature, None, labels, alpha=0.0)
        found[f"nll at {temperature:g}"] = float(total)
    for temperature in CLOSENESS:
        # At alpha = 1 the loss is tau² KL.
        total, _ = distillation_loss(student, teacher, labels, temperature=temperature, alpha=1.0)
        found[f"kl at τ = {temperature:g}"] = float(total) / temperature**2
    found["same first token"] = float((student.argmax(-1) == teacher.argmax(-1)).sum())
    found["rank correlation"] = float(rank_correlation(student, teacher).sum())
    if objective is not None:
        found["soft share of the gradient"] = float(soft_share(student, teacher, labels, objective).sum())
    return found


def rank_correlation(student: Tensor, teacher: Tensor, ranked: int = RANKED) -> Tensor:
    """Spearman's correlation of the two orders of the teacher's `ranked` most likely tokens, `[N]`."""
    ids = teacher.topk(ranked, dim=-1).indices
    by_student = student.gather(-1, ids).argsort(-1, descending=True).argsort(-1).double()
    by_teacher = torch.arange(ranked, dtype=torch.float64)
    squared = (by_student - by_teacher).square().sum(-1)
    return 1 - 6 * squared / (ranked * (ranked**2 - 1))


def soft_share(student: Tensor, teacher: Tensor, labels: Tensor, objective: Objective) -> Tensor:
    """|soft| / (|soft| + |hard|) for each position, `[N]`."""
    lengths = []
    for alpha, weight in ((1.0, objective.alpha), (0.0, 1 - objective.alpha)):
        leaf = student.detach().clone().requires_grad_(True)
        total, _ = distillation_loss(
            leaf, teacher, labels, objective.temperature, alpha, objective.divergence
        )
        (gradient,) = torch.autograd.grad(total, leaf)
        lengths.append(weight * gradient.norm(dim=-1))
    soft, hard = lengths
    return soft / (soft + hard)


def averages(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each measure over students."""
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}
