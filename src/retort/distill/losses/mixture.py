"""The loss of a block of rows: `alpha * tau^2 * D(teacher, student) + (1 - alpha) * CE`, value and gradient.

The one place where the terms are weighed; the dense, fused and sparse losses differ in how a block comes to be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from retort.distill.losses.divergences import Chosen, find_divergence
from retort.errors import InputError


@dataclass(frozen=True)
class Mixture:
    """The soft and the hard term with their weights (Hinton, Vinyals and Dean 2015, section 2)."""

    temperature: float
    alpha: float
    divergence: Chosen

    @classmethod
    def of(cls, temperature: float, alpha: float, divergence: str) -> Mixture:
        """Checked: raises InputError for temperature <= 0, alpha outside [0, 1] and an unknown divergence."""
        if not 0 < temperature < math.inf:
            raise InputError(f"temperature is {temperature}; it must be a number above 0, for instance 3.0.")
        if not 0 <= alpha <= 1:
            raise InputError(
                f"alpha is {alpha}; it is the soft targets' share of the loss and must lie in [0, 1]."
            )
        return cls(temperature, alpha, find_divergence(divergence))

    @property
    def soft_weight(self) -> float:
        """alpha tau^2: tau^2 undoes the 1/tau^2 of the soft gradient, so alpha means the same at every tau."""
        return self.alpha * (self.temperature**2 if self.divergence.row.tempered else 1.0)

    def value_and_gradient(
        self, student: Tensor, teacher: Tensor | None, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The summed loss of `[rows, vocab]` logits, a scalar in nats, and its gradient by the student's logits."""
        value = torch.zeros((), dtype=student.dtype, device=student.device)
        gradient = None
        if self.alpha > 0:
            assert teacher is not None, "a soft term needs a teacher"
            values, gradient = self.divergence.function(student, teacher, labels, self.temperature)
            value = value + self.soft_weight * values.sum()
            gradient = gradient.mul_(self.soft_weight)
        if self.alpha < 1:
            hard_value, hard = cross_entropy(student, labels)
            value = value + (1 - self.alpha) * hard_value
            gradient = (
                hard.mul_(1 - self.alpha) if gradient is None else gradient.add_(hard, alpha=1 - self.alpha)
            )
        assert gradient is not None
        return value, gradient


def cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """-Σ ln softmax(z)[label] over `[rows, vocab]`, in nats, and its gradient softmax(z) - 1[label]."""
    log_probs = functional.log_softmax(logits, dim=-1)
    rows = labels.unsqueeze(-1)
    value = -log_probs.gather(-1, rows).sum()
    probs = log_probs.exp_()
    return value, probs.scatter_add_(-1, rows, probs.new_full((1, 1), -1.0).expand(rows.shape))


def match_vocabulary(teacher_logits: Tensor, vocab_size: int) -> Tensor:
    """Teacher logits `[rows, vocab_size]`: padded with -inf (0 would be a likely token), or cut to the shared ids."""
    missing = vocab_size - teacher_logits.shape[-1]
    if missing > 0:
        return functional.pad(teacher_logits, (0, missing), value=float("-inf"))
    return teacher_logits[..., :vocab_size]
