"""What a model says of held-out text, position by position; the ranks share the rows and all get every number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from retort.distill import ranks
from retort.distill.data.rows import Rows
from retort.distill.losses.dense import IGNORE_INDEX, align_labels
from retort.distill.models import Teacher

MEASURED_ROWS = 32
# At once: rows of 4,096 tokens over a vocabulary of 128,000 are a gigabyte each in bfloat16.
MEASURED_TOKENS = 8192
BLOCK_POSITIONS = 512  # in float32 at once

# Logits [positions, vocab] in float32 and their labels [positions] → [positions, columns].
Measure = Callable[[Tensor, Tensor], Tensor]


def nll(logits: Tensor, labels: Tensor) -> Tensor:
    """`[positions, 1]`: -ln softmax(logits)[label], in nats at temperature 1."""
    return functional.cross_entropy(logits, labels, reduction="none")[:, None]


def nll_and_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """`[positions, 2]`: -ln p[label] and -Σ p ln p, in nats at temperature 1."""
    log_probs = logits.log_softmax(-1)
    probs = log_probs.exp()
    # Excluded tokens have log-probability -inf and contribute 0, not NaN.
    entropy = -(probs * log_probs.masked_fill(probs == 0, 0.0)).sum(-1)
    return torch.stack((-log_probs.gather(-1, labels[:, None]).squeeze(-1), entropy), dim=-1)


def held_out_nll(model: nn.Module, rows: Rows) -> float:
    """Mean cross-entropy in nats per token at temperature 1, in float32, over all unmasked positions of `rows`."""
    return mean(at_targets(model, rows, nll)[:, 0])


def mean(values: NDArray[np.float32]) -> float:
    """The mean in float64; 0 where there is nothing."""
    return float(values.mean(dtype=np.float64)) if len(values) else 0.0


@torch.no_grad()
def at_targets(model: nn.Module, rows: Rows, measure: Measure) -> NDArray[np.float32]:
    """`[targets, columns]` of the unmasked positions of `rows`, in reading order, the same on every rank.

    Each rank measures its share of the rows. All make equally many forward passes, since a pass through a model that is
    spread over ranks needs every one of them.
    """
    at_once = max(1, min(MEASURED_ROWS, MEASURED_TOKENS // rows.ids.shape[1]))
    starts = list(range(0, len(rows.ids), at_once))
    size, mine = ranks.world_size(), ranks.rank()
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    found: dict[int, NDArray[np.float32]] = {}
    with torch.autocast(device.type, enabled=False):
        for turn in range(-(-len(starts) // size)):
            place = turn * size + mine
            # A rank whose share is over passes through the first rows once more, for the others' sake.
            start = starts[place] if place < len(starts) else 0
            measured = _rows_at(model, rows, slice(start, start + at_once), device, measure)
            if place < len(starts):
                found[place] = measured
    model.train(was_training)
    everything = {place: values for share in ranks.gathered(found) for place, values in share.items()}
    return np.concatenate([everything[place] for place in range(len(starts))])


def _rows_at(
    model: nn.Module, rows: Rows, which: slice, device: torch.device, measure: Measure
) -> NDArray[np.float32]:
    batch = {name: one.to(device) for name, one in rows.batch(which).items() if name != "sources"}
    labels = align_labels(batch.pop("labels")).reshape(-1)
    outputs = model(**batch) if isinstance(model, Teacher) else model(**batch, use_cache=False).logits
    logits = outputs.reshape(-1, outputs.shape[-1])
    kept = (labels != IGNORE_INDEX).nonzero().squeeze(-1)
    blocks = [measure(logits[block].float(), labels[block]) for block in kept.split(BLOCK_POSITIONS)]
    return torch.cat(blocks).cpu().numpy()
