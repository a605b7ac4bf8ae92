"""Which positions count: labels that are aligned with the logits, and a mask that is part of them."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from retort.errors import InputError

IGNORE_INDEX = -100


def align_labels(labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Labels `[batch, time]` moved one place left, so that position t holds the token that logits t predict.

    The last position predicts nothing and gets `ignore_index`. Shifting labels rather than slicing logits
    avoids a copy of the logits, and the mask moves with the labels because it is part of them.
    """
    return functional.pad(labels[..., 1:], (0, 1), value=ignore_index)


def kept_positions(labels: Tensor, vocab_size: int, ignore_index: int) -> Tensor:
    """Indices into the flattened labels of the positions that count.

    Raises InputError for a label outside the vocabulary.
    """
    flat = labels.reshape(-1)
    kept = (flat != ignore_index).nonzero().squeeze(-1)
    counted = flat[kept]
    if counted.numel() and (int(counted.min()) < 0 or int(counted.max()) >= vocab_size):
        raise InputError(
            f"labels run from {int(counted.min())} to {int(counted.max())}; allowed are 0 to {vocab_size - 1}, and"
            f" {ignore_index} for positions that do not count."
        )
    return kept


def check_shape(labels: Tensor, other: Tensor, name: str) -> None:
    """Raise InputError unless `labels` are `other` without its last axis."""
    if labels.shape != other.shape[:-1]:
        raise InputError(
            f"labels have shape {list(labels.shape)} and {name} {list(other.shape)}; labels must have that shape"
            " without its last axis, already aligned with what predicts them."
        )
