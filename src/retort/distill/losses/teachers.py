"""Several teachers as one distribution: their probabilities are averaged, never their logits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from retort.errors import InputError


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
            f"teacher weights are {shares} for {len(teacher_logits)} teachers; give one number from 0 up for each,"
            " not all 0."
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
