"""The distillation losses: sums over unmasked positions, with their gradients written out.

Logits and labels flow in, `(total, count)` flows out. divergences.py: how far the student is from the teacher, by name
(the table DIVERGENCES); dense.py: the two terms and their weights, on both models' logits or a cache's weighted tokens;
fused.py: hidden states and output projections, logits only ever in part. Start with dense.py.
"""

from __future__ import annotations

from retort.distill.losses.dense import (
    IGNORE_INDEX,
    SparseTargets,
    align_labels,
    average_log_probs,
    distillation_loss,
    match_vocabulary,
    sparse_distillation_loss,
)
from retort.distill.losses.divergences import DIVERGENCES, Divergence, find_divergence
from retort.distill.losses.fused import fused_distillation_loss

__all__ = [
    "DIVERGENCES",
    "IGNORE_INDEX",
    "Divergence",
    "SparseTargets",
    "align_labels",
    "average_log_probs",
    "distillation_loss",
    "find_divergence",
    "fused_distillation_loss",
    "match_vocabulary",
    "sparse_distillation_loss",
]
