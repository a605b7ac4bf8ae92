"""The distillation loss of two models' logits, summed over the positions that count.

    alpha * tau^2 * D(softmax(teacher / tau), softmax(student / tau)) + (1 - alpha) * CE(student, labels)

A call returns the sum and the number of unmasked positions, and never the mean: only the trainer knows how
many positions the whole optimiser step has, over micro-batches and ranks. Labels are already aligned with the
logits; `align_labels` is the one place where they are shifted.

Memory: positions go through in blocks that fit a core's cache, and a block's gradient is taken while it is
there. What is kept for backward is one tensor like the student's logits (the projection needs that one
anyway); the four or five temporaries of the textbook code never exist at full size.

Shapes: `[..., vocab]` logits, `[...]` labels: `[batch, time, vocab]` of a language model, `[batch, classes]`
of a classifier.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from retort.distill.losses.labels import IGNORE_INDEX, check_shape, kept_positions
from retort.distill.losses.mixture import Mixture, match_vocabulary
from retort.errors import InputError

__all__ = ["block_rows", "distillation_loss", "match_vocabulary"]

# Half a megabyte of float32 a block on a CPU, so that the passes over it and its few companions stay in the
# second-level cache; on an accelerator kernel launches cost more than memory traffic, so blocks are large.
BLOCK_ELEMENTS_CPU = 2**17
BLOCK_ELEMENTS_ACCELERATOR = 2**26


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor | None,
    labels: Tensor,
    temperature: float = 3.0,
    alpha: float = 0.7,
    divergence: str = "forward_kl",
    ignore_index: int = IGNORE_INDEX,
    *,
    chunk_positions: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The sum of the loss over unmasked positions, in nats, and how many there are: `(total, count)`.

    alpha * tau^2 * D(teacher_tau, student_tau) + (1 - alpha) * CE (Hinton et al. 2015). tau^2 undoes the
    1/tau^2 of the soft term's gradient, so that alpha means the same at every temperature. `divergence` is a
    name of DIVERGENCES, with parameters as in `jsd(beta=0.3)`.

    - `student_logits` `[..., vocab]`, `teacher_logits` `[..., teacher vocab]`, `labels` `[...]` aligned with
      the logits. With alpha = 0 the teacher is not looked at and may be None.
    - Tables of different size: the shorter teacher is padded with -inf (probability 0, never logit 0). A
      teacher with more ids than the student is conditioned on the ids that both have, since no student can
      put mass on the others.
    - -inf teacher logits are tokens of probability 0. What stands at a masked position is never read, not
      even NaN.
    - Every position masked: total is 0 and still attached to the graph; divide by `count.clamp(min=1)`.
    - float32 inside (float64 for float64 input). Gradients go to the student only, once.

    Raises InputError for shapes that do not fit, temperature <= 0, alpha outside [0, 1], an unknown divergence
    and labels outside the vocabulary.
    """
    mixture = Mixture.of(temperature, alpha, divergence)
    check_shape(labels, student_logits, "student logits")
    if alpha > 0:
        _check_teacher(student_logits, teacher_logits, alpha)
    vocab_size = student_logits.shape[-1]
    student = student_logits.reshape(-1, vocab_size)
    kept = kept_positions(labels, vocab_size, ignore_index)
    teacher = None
    if alpha > 0 and teacher_logits is not None:
        teacher = teacher_logits.detach().reshape(-1, teacher_logits.shape[-1])
    rows = chunk_positions or block_rows(student)
    total: Tensor = _SumOverBlocks.apply(student, teacher, labels.reshape(-1), kept, rows, mixture)
    return total, torch.tensor(kept.numel(), device=student.device)


def block_rows(logits: Tensor) -> int:
    """How many rows of `[..., vocab]` logits one block takes on their device."""
    elements = BLOCK_ELEMENTS_CPU if logits.device.type == "cpu" else BLOCK_ELEMENTS_ACCELERATOR
    return max(1, elements // logits.shape[-1])


class _SumOverBlocks(torch.autograd.Function):
    """Adds the mixture over the kept rows; the student's gradient is taken block by block on the way."""

    @staticmethod
    @torch.no_grad()
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        student: Tensor,
        teacher: Tensor | None,
        labels: Tensor,
        kept: Tensor,
        rows: int,
        mixture: Mixture,
    ) -> Tensor:
        """The total, a scalar, of `[positions, vocab]` logits; `kept` holds the indices of the rows that count."""
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
                # A slice when nothing is masked: indexing would copy the rows.
                block = slice(start, start + rows) if everything else kept[start : start + rows]
                teacher_block = (
                    None
                    if teacher is None
                    else match_vocabulary(teacher[block].to(inside), student.shape[-1])
                )
                value, block_gradient = mixture.value_and_gradient(
                    student[block].to(inside), teacher_block, labels[block]
                )
                total += value
                if gradient is not None:
                    gradient[block] = block_gradient.to(gradient.dtype)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        """The kept gradient, scaled."""
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * grad_output.to(gradient.dtype), None, None, None, None, None


def _check_teacher(student_logits: Tensor, teacher_logits: Tensor | None, alpha: float) -> None:
    if teacher_logits is None:
        raise InputError(f"alpha is {alpha} but there are no teacher logits; give them, or set alpha to 0.")
    if teacher_logits.shape[:-1] != student_logits.shape[:-1]:
        raise InputError(
            f"teacher logits have shape {list(teacher_logits.shape)} and student logits"
            f" {list(student_logits.shape)};"
            " all but the vocabulary must be equal."
        )
