"""The distillation loss of a student's logits: against a teacher's logits, or a few weighted tokens of a cache.

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

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from retort.distill.losses.mixture import (
    IGNORE_INDEX,
    Mixture,
    block_rows,
    check_shape,
    cross_entropy,
    kept_positions,
    match_vocabulary,
    sum_over_blocks,
)
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


@dataclass(frozen=True)
class SparseTargets:
    """One row for each position that counts, in order: `ids` and `weights` `[count, kept]`, `entropy` `[count]`.

    Weight 0 is filling. `entropy` (nats) is the teacher's at tau; it makes the value a Kullback-Leibler divergence
    on average and does not touch the gradient.
    """

    ids: Tensor
    weights: Tensor
    entropy: Tensor


def sparse_distillation_loss(
    student_logits: Tensor,
    targets: SparseTargets,
    labels: Tensor,
    temperature: float = 3.0,
    alpha: float = 0.7,
    ignore_index: int = IGNORE_INDEX,
    *,
    chunk_positions: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The sum over unmasked positions, in nats, and how many there are, as `distillation_loss` with forward KL.

    `student_logits` `[..., vocab]`, `labels` `[...]` aligned with them, `targets` for the unmasked positions alone.
    The targets must be of this `temperature`: draws at one tau are not unbiased at another. With weights drawn
    by chance a single value may be negative, and its expectation is the divergence.

    Raises InputError as `distillation_loss` does, and for targets that are not one row a counted position.
    """
    mixture = Mixture.of(temperature, alpha, "forward_kl")
    check_shape(labels, student_logits, "student logits")
    vocab_size = student_logits.shape[-1]
    student = student_logits.reshape(-1, vocab_size)
    kept = kept_positions(labels, vocab_size, ignore_index)
    if len(targets.ids) != kept.numel() or targets.ids.shape != targets.weights.shape:
        raise InputError(
            f"targets are {list(targets.ids.shape)} ids and {list(targets.weights.shape)} weights for"
            f" {kept.numel()} positions that count; there must be one row of both for each."
        )
    if targets.ids.numel() and int(targets.ids.max()) >= vocab_size:
        raise InputError(
            f"targets name token {int(targets.ids.max())}, but the student has {vocab_size} logits;"
            " teacher and student must share a tokenizer."
        )
    counted = labels.reshape(-1)[kept]
    soft = mixture.soft_weight

    def block_loss(student_block: Tensor, block: slice) -> tuple[Tensor, Tensor]:
        ids, weights = targets.ids[block], targets.weights[block].to(student_block.dtype)
        log_q = functional.log_softmax(student_block / temperature, dim=-1)
        # -inf · 0: filling names token 0, which may be one that the student rules out.
        on_targets = torch.where(weights > 0, log_q.gather(-1, ids), 0.0)
        value = soft * (-(weights * on_targets).sum() - targets.entropy[block].to(student_block.dtype).sum())
        gradient = log_q.exp_().mul_((soft / temperature) * weights.sum(-1, keepdim=True))
        gradient.scatter_add_(-1, ids, weights * (-soft / temperature))
        if alpha < 1:
            hard_value, hard = cross_entropy(student_block, counted[block])
            value = value + (1 - alpha) * hard_value
            gradient.add_(hard, alpha=1 - alpha)
        return value, gradient

    total = sum_over_blocks(student, kept, chunk_positions or block_rows(student), block_loss)
    return total, torch.tensor(kept.numel(), device=student.device)
