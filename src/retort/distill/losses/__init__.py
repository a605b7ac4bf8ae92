"""The distillation losses: sums over unmasked positions, with their gradients, dense, sparse and fused.

- `labels.py`: which positions count, and the one shift
- `divergences.py`: how far the student is from the teacher, by name, with its gradient: the table DIVERGENCES
- `mixture.py`: alpha * tau^2 * D + (1 - alpha) * CE on a block of rows, value and gradient
- `dense.py`: both models' logits are there
- `fused.py`: hidden states and output projections are there, logits only ever in part
"""

from __future__ import annotations

from retort.distill.losses.dense import distillation_loss, match_vocabulary
from retort.distill.losses.divergences import DIVERGENCES, Divergence, find_divergence
from retort.distill.losses.fused import fused_distillation_loss
from retort.distill.losses.labels import IGNORE_INDEX, align_labels

__all__ = [
    "DIVERGENCES",
    "IGNORE_INDEX",
    "Divergence",
    "align_labels",
    "distillation_loss",
    "find_divergence",
    "fused_distillation_loss",
    "match_vocabulary",
]
