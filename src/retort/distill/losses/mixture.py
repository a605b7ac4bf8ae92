"""What a loss is made of: which positions count, the weighed terms of a block of rows, and a sum over blocks.

    alpha * tau^2 * D(teacher, student) + (1 - alpha) * CE

The one place where the two terms are weighed, labels are shifted, tables of different size are matched and several
teachers become one distribution; the dense, sparse and fused losses differ in how a block of logits comes to be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from retort.distill.losses.divergences import Chosen, find_divergence
from retort.errors import InputError

IGNORE_INDEX = -100


def align_labels(labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Labels `[batch, time]` moved one place left, so that position t holds the token that logits t predict.

    The last position predicts nothing and gets `ignore_index`. Shifting labels rather than slicing logits
    avoids a copy of the logits, and the mask moves with the labels because it is part of them.
    """
    return functional.pad(labels[..., 1:], (0, 1), value=ignore_index)


def kept_positions(labels: Tensor, vocab_size: int, ignore_index: int) -> Tensor:
    """Indices into the flattened labels of the positions that count.

    Raises InputError for a label outside the vocabulary.
    """
    flat = labels.reshape(-1)
    kept = (flat != ignore_index).nonzero().squeeze(-1)
    counted = flat[kept]
    if counted.numel() and (int(counted.min()) < 0 or int(counted.max()) >= vocab_size):
        raise InputError(
            f"labels run from {int(counted.min())} to {int(counted.max())}; allowed are 0 to {vocab_size - 1}, and"
            f" {ignore_index} for positions that do not count."
        )
    return kept


def check_shape(labels: Tensor, other: Tensor, name: str) -> None:
    """Raise InputError unless `labels` are `other` without its last axis."""
    if labels.shape != other.shape[:-1]:
        raise InputError(
            f"labels have shape {list(labels.shape)} and {name} {list(other.shape)}; labels must have that shape"
            " without its last axis, already aligned with what predicts them."
        )


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


def averaged_logits(
    teacher_logits: Sequence[Tensor], weights: Sequence[float] | None, temperature: float
) -> Tensor:
    """Logits `[..., vocab]` that give the teachers' mean probabilities at `temperature` when they are tempered by
    it."""
    return average_log_probs(teacher_logits, weights, temperature).mul_(temperature)


def average_log_probs(
    teacher_logits: Sequence[Tensor], weights: Sequence[float] | None = None, temperature: float = 1.0
) -> Tensor:
    """`[..., vocab]` ln Σ_k w_k softmax(z_k / temperature): the mixture's log-probabilities, float32 at least.

    Averaged in probability space: one teacher that is sure of a token and one that rules it out give ½, where
    averaged logits would give nearly 0. The mean of distributions minimises the mean KL from the teachers, so the
    student's optimum is the same as with the teachers' losses averaged one by one. `weights` are made to sum to 1;
    None weighs all alike. One formula for training and for `retort capture`. Raises InputError for weights
    that do not fit.
    """
    if not teacher_logits:
        raise InputError("there is no teacher to average; give at least one.")
    shares = [1.0] * len(teacher_logits) if weights is None else [float(weight) for weight in weights]
    if len(shares) != len(teacher_logits) or min(shares) < 0 or not 0 < sum(shares) < math.inf:
        raise InputError(
            f"teacher weights are {shares} for {len(teacher_logits)} teachers; give one number of 0 or "
            f"more for each, not all 0."
        )
    total = sum(shares)
    mixture = None
    for logits, share in zip(teacher_logits, shares, strict=True):
        if share == 0:
            continue
        wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
        log_probs = torch.log_softmax(wide / temperature, dim=-1).add_(math.log(share / total))
        mixture = log_probs if mixture is None else torch.logaddexp(mixture, log_probs)
    assert mixture is not None
    return mixture


# Half a megabyte of float32 a block on a CPU, so that the passes over it and its few companions stay in the
# second-level cache; on an accelerator kernel launches cost more than memory traffic, so blocks are large.
BLOCK_ELEMENTS_CPU = 2**17
BLOCK_ELEMENTS_ACCELERATOR = 2**26

# (logits of the block `[rows, vocab]`, which kept rows they are) → value, a scalar, and gradient like the logits.
BlockLoss = Callable[[Tensor, slice], tuple[Tensor, Tensor]]


def block_rows(logits: Tensor) -> int:
    """How many rows of `[..., vocab]` logits one block takes on their device."""
    elements = BLOCK_ELEMENTS_CPU if logits.device.type == "cpu" else BLOCK_ELEMENTS_ACCELERATOR
    return max(1, elements // logits.shape[-1])


def sum_over_blocks(student: Tensor, kept: Tensor, rows: int, block_loss: BlockLoss) -> Tensor:
    """The total of `block_loss` over the rows `kept` of `[positions, vocab]` logits: a scalar with its gradient."""
    total: Tensor = _SumOverBlocks.apply(student, kept, rows, block_loss)
    return total


class _SumOverBlocks(torch.autograd.Function):
    @staticmethod
    @torch.no_grad()
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        student: Tensor,
        kept: Tensor,
        rows: int,
        block_loss: BlockLoss,
    ) -> Tensor:
        """The total; `kept` holds the indices of the rows that count."""
        inside = torch.promote_types(student.dtype, torch.float32)
        # Masked rows keep a gradient of exactly 0. Without masked rows every row is written, so clearing
        # would be waste.
        everything = kept.numel() == student.shape[0]
        gradient = None
        if ctx.needs_input_grad[0]:  # type: ignore[attr-defined]
            gradient = torch.empty_like(student) if everything else torch.zeros_like(student)
        total = torch.zeros((), dtype=inside, device=student.device)
        with torch.autocast(student.device.type, enabled=False):
            for start in range(0, kept.numel(), rows):
                block = slice(start, start + rows)
                # A slice when nothing is masked: indexing would copy the rows.
                where = block if everything else kept[block]
                value, block_gradient = block_loss(student[where].to(inside), block)
                total += value
                if gradient is not None:
                    gradient[where] = block_gradient.to(gradient.dtype)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        """The kept gradient, scaled."""
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * grad_output.to(gradient.dtype), None, None, None
