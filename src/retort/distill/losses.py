"""The distillation loss: soft targets mixed with hard labels, summed over the positions that count.

    alpha * tau^2 * KL(softmax(teacher / tau) || softmax(student / tau)) + (1 - alpha) * CE(student, labels)

(Hinton, Vinyals and Dean 2015, section 2.) A call returns the sum and the number of unmasked positions, and
never the mean: only the trainer knows how many positions the whole optimiser step has, over micro-batches and
ranks. Labels are already aligned with the logits; `align_labels` is the one place where they are shifted.

Memory: positions go through in chunks that fit a core's cache, and a chunk's gradient is taken while it is
there. What is kept for backward is one tensor like the student's logits (the projection needs that one
anyway); the four or five temporaries of the textbook code never exist at full size. A new divergence is one
more function of the kind of `forward_kl_sum`; a fused output projection can feed the same chunks.

Shapes: `[..., vocab]` logits, `[...]` labels: `[batch, time, vocab]` of a language model, `[batch, classes]`
of a classifier.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from retort.distribution.divergences import kl
from retort.errors import InputError

IGNORE_INDEX = -100

# About 2 MB of float32 a chunk on a CPU, so that the passes over it stay in the second-level cache; on an
# accelerator kernel launches cost more than memory traffic, so chunks are large.
CHUNK_ELEMENTS_CPU = 2**19
CHUNK_ELEMENTS_ACCELERATOR = 2**26

ChunkLoss = Callable[[Tensor, Tensor | None, Tensor], Tensor]


def align_labels(labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Labels `[batch, time]` moved one place left, so that position t holds the token that logits t predict.

    The last position predicts nothing and gets `ignore_index`. Shifting labels rather than slicing logits
    avoids a copy of the logits, and the mask moves with the labels because it is part of them.
    """
    return functional.pad(labels[..., 1:], (0, 1), value=ignore_index)


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor | None,
    labels: Tensor,
    *,
    temperature: float = 3.0,
    alpha: float = 0.7,
    ignore_index: int = IGNORE_INDEX,
    chunk_positions: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The sum of the loss over unmasked positions, in nats, and how many there are: `(total, count)`.

    alpha * tau^2 * KL(teacher_tau || student_tau) + (1 - alpha) * CE (Hinton et al. 2015). tau^2 undoes the
    1/tau^2 of the soft term's gradient, so that alpha means the same at every temperature.

    - `student_logits` `[..., vocab]`, `teacher_logits` `[..., teacher vocab]`, `labels` `[...]` aligned with
      the logits. With alpha = 0 the teacher is not looked at and may be None.
    - Tables of different size: the shorter teacher is padded with -inf (probability 0, never logit 0). A
      teacher with more ids than the student is conditioned on the ids that both have, since no student can
      put mass on the others.
    - -inf teacher logits are tokens of probability 0. What stands at a masked position is never read, not
      even NaN.
    - Every position masked: total is 0 and still attached to the graph; divide by `count.clamp(min=1)`.
    - float32 inside (float64 for float64 input). Gradients go to the student only, once.

    Raises InputError for shapes that do not fit, temperature <= 0, alpha outside [0, 1] and labels outside
    the vocabulary.
    """
    _check(student_logits, teacher_logits, labels, temperature, alpha)
    vocab_size = student_logits.shape[-1]
    student = student_logits.reshape(-1, vocab_size)
    flat_labels = labels.reshape(-1)
    kept = (flat_labels != ignore_index).nonzero().squeeze(-1)
    _check_label_range(flat_labels[kept], vocab_size, ignore_index)
    teacher = None
    if alpha > 0 and teacher_logits is not None:
        teacher = teacher_logits.detach().reshape(-1, teacher_logits.shape[-1])
    if chunk_positions is None:
        elements = CHUNK_ELEMENTS_CPU if student.device.type == "cpu" else CHUNK_ELEMENTS_ACCELERATOR
        chunk_positions = max(1, elements // vocab_size)

    def chunk_loss(student_chunk: Tensor, teacher_chunk: Tensor | None, label_chunk: Tensor) -> Tensor:
        terms = []
        if teacher_chunk is not None:
            teacher_chunk = match_vocabulary(teacher_chunk, vocab_size)
            terms.append(alpha * temperature**2 * forward_kl_sum(student_chunk, teacher_chunk, temperature))
        if alpha < 1:
            terms.append((1 - alpha) * functional.cross_entropy(student_chunk, label_chunk, reduction="sum"))
        return sum(terms[1:], start=terms[0])

    total: Tensor = _SumOverChunks.apply(student, teacher, flat_labels, kept, chunk_positions, chunk_loss)
    return total, torch.tensor(kept.numel(), device=student.device)


def forward_kl_sum(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(teacher_tau || student_tau) in nats, summed over rows `[rows, vocab]`; probability 0 in the teacher adds 0."""
    teacher_log_probs = functional.log_softmax(teacher_logits / temperature, dim=-1)
    student_log_probs = functional.log_softmax(student_logits / temperature, dim=-1)
    total: Tensor = kl(teacher_log_probs, student_log_probs).sum()
    return total


def match_vocabulary(teacher_logits: Tensor, vocab_size: int) -> Tensor:
    """Teacher logits `[rows, vocab_size]`: padded with -inf (0 would be a likely token), or cut to the shared ids."""
    missing = vocab_size - teacher_logits.shape[-1]
    if missing > 0:
        return functional.pad(teacher_logits, (0, missing), value=float("-inf"))
    return teacher_logits[..., :vocab_size]


class _SumOverChunks(torch.autograd.Function):
    """Adds `chunk_loss` over the kept rows; the student's gradient is taken chunk by chunk on the way."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        student: Tensor,
        teacher: Tensor | None,
        labels: Tensor,
        kept: Tensor,
        chunk_positions: int,
        chunk_loss: ChunkLoss,
    ) -> Tensor:
        """The total, a scalar, of `[positions, vocab]` logits; `kept` holds the indices of the rows that count."""
        needs_gradient = student.requires_grad
        inside = torch.promote_types(student.dtype, torch.float32)
        # Masked rows keep a gradient of exactly 0. Without masked rows every row is written, so clearing
        # would be waste.
        everything = kept.numel() == student.shape[0]
        gradient = torch.empty_like(student) if everything else torch.zeros_like(student)
        total = torch.zeros((), dtype=inside, device=student.device)
        for start in range(0, kept.numel(), chunk_positions):
            # A slice when nothing is masked: indexing would copy the rows.
            rows = (
                slice(start, start + chunk_positions) if everything else kept[start : start + chunk_positions]
            )
            student_chunk = student[rows].detach().to(inside).requires_grad_(needs_gradient)
            teacher_chunk = None if teacher is None else teacher[rows].to(inside)
            with torch.set_grad_enabled(needs_gradient), torch.autocast(student.device.type, enabled=False):
                value = chunk_loss(student_chunk, teacher_chunk, labels[rows])
            total += value.detach()
            if needs_gradient:
                gradient[rows] = torch.autograd.grad(value, student_chunk)[0].to(gradient.dtype)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        """The kept gradient, scaled."""
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * grad_output.to(gradient.dtype), None, None, None, None, None


def _check(
    student_logits: Tensor, teacher_logits: Tensor | None, labels: Tensor, temperature: float, alpha: float
) -> None:
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature is {temperature}; it must be a number above 0, for instance 3.0.")
    if not 0 <= alpha <= 1:
        raise InputError(
            f"alpha is {alpha}; it is the soft targets' share of the loss and must lie in [0, 1]."
        )
    if labels.shape != student_logits.shape[:-1]:
        raise InputError(
            f"labels have shape {list(labels.shape)} and student logits {list(student_logits.shape)};"
            " labels must have the logits' shape without the vocabulary, already aligned with them."
        )
    if alpha > 0:
        if teacher_logits is None:
            raise InputError(
                f"alpha is {alpha} but there are no teacher logits; give them, or set alpha to 0."
            )
        if teacher_logits.shape[:-1] != student_logits.shape[:-1]:
            raise InputError(
                f"teacher logits have shape {list(teacher_logits.shape)} and student logits"
                f" {list(student_logits.shape)};"
                " all but the vocabulary must be equal."
            )


def _check_label_range(labels: Tensor, vocab_size: int, ignore_index: int) -> None:
    if labels.numel() and (int(labels.min()) < 0 or int(labels.max()) >= vocab_size):
        raise InputError(
            f"labels run from {int(labels.min())} to {int(labels.max())}; allowed are 0 to {vocab_size - 1}, and"
            f" {ignore_index} for positions that do not count."
        )
