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

from retort.distill.losses.blocks import block_rows, sum_over_blocks
from retort.distill.losses.labels import IGNORE_INDEX, check_shape, kept_positions
from retort.distill.losses.mixture import Mixture, match_vocabulary
from retort.errors import InputError


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
    counted = labels.reshape(-1)[kept]
    inside = torch.promote_types(student.dtype, torch.float32)
    everything = kept.numel() == student.shape[0]

    def block_loss(student_block: Tensor, block: slice) -> tuple[Tensor, Tensor]:
        teacher_block = None
        if teacher is not None:
            teacher_block = match_vocabulary(
                teacher[block if everything else kept[block]].to(inside), vocab_size
            )
        return mixture.value_and_gradient(student_block, teacher_block, counted[block])

    total = sum_over_blocks(student, kept, chunk_positions or block_rows(student), block_loss)
    return total, torch.tensor(kept.numel(), device=student.device)


def _check_teacher(student_logits: Tensor, teacher_logits: Tensor | None, alpha: float) -> None:
    if teacher_logits is None:
        raise InputError(f"alpha is {alpha} but there are no teacher logits; give them, or set alpha to 0.")
    if teacher_logits.shape[:-1] != student_logits.shape[:-1]:
        raise InputError(
            f"teacher logits have shape {list(teacher_logits.shape)} and student logits"
            f" {list(student_logits.shape)};"
            " all but the vocabulary must be equal."
        )
