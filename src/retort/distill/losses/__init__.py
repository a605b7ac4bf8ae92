"""The distillation losses: sums over unmasked positions, with their gradients, dense, sparse and fused.

- `labels.py`: which positions count, and the one shift
- `divergences.py`: how far the student is from the teacher, by name, with its gradient: the table DIVERGENCES
- `mixture.py`: alpha * tau^2 * D + (1 - alpha) * CE on a block of rows, value and gradient
- `dense.py`: both models' logits are there
- `fused.py`: hidden states and output projections are there, logits only ever in part
- `sparse.py`: the teacher is a few tokens a position, read from a cache
- `blocks.py`: a sum over rows with its gradient, block by block
- `cross_tokenizer.py`: teacher and student cut the text differently
- `teachers.py`: several teachers as one distribution
- `schedules.py`: a temperature that changes over the steps
"""

from __future__ import annotations

from retort.distill.losses.cross_tokenizer import cross_tokenizer_loss
from retort.distill.losses.dense import distillation_loss
from retort.distill.losses.divergences import DIVERGENCES, Divergence, find_divergence
from retort.distill.losses.fused import fused_distillation_loss
from retort.distill.losses.labels import IGNORE_INDEX, align_labels
from retort.distill.losses.mixture import match_vocabulary
from retort.distill.losses.schedules import SCHEDULES, scheduled_temperature
from retort.distill.losses.sparse import SparseTargets, sparse_distillation_loss
from retort.distill.losses.teachers import average_log_probs

__all__ = [
    "DIVERGENCES",
    "IGNORE_INDEX",
    "SCHEDULES",
    "Divergence",
    "SparseTargets",
    "align_labels",
    "average_log_probs",
    "cross_tokenizer_loss",
    "distillation_loss",
    "find_divergence",
    "fused_distillation_loss",
    "match_vocabulary",
    "scheduled_temperature",
    "sparse_distillation_loss",
]
