"""The distillation loss against targets of a few weighted tokens a position, as a cache keeps them.

    alpha * tau^2 * (-sum_i w_i ln q_tau(i) - H) + (1 - alpha) * CE

Forward KL is linear in the teacher, so weights whose expectation is p give its exact gradient on average (Anshumann
et al. 2025, section 3). Other divergences are not, and have no unbiased form from draws: use a dense cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from retort.distill.losses.blocks import block_rows, sum_over_blocks
from retort.distill.losses.labels import IGNORE_INDEX, check_shape, kept_positions
from retort.distill.losses.mixture import Mixture, cross_entropy
from retort.errors import InputError


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
