"""Taking columns out of a key-value cache, another number from each row, so that all rows end at the right edge again.

Keys were turned to their positions when they were written, so a row may stand in other columns without a change.

Shapes: R rows, H heads, T columns before, S columns after, D numbers of a key or value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from retort.sources.llama import ColumnCache


def can_shift(cache: Any) -> bool:
    """True if every layer keeps all columns. A sliding window has forgotten what would move in from the left."""
    if isinstance(cache, ColumnCache):
        return True
    from transformers.cache_utils import DynamicLayer

    layers = getattr(cache, "layers", ())
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def shifted(cache: Any, mask_RT: torch.Tensor, drop: Sequence[int]) -> torch.Tensor:
    """Leave out the last `drop[i]` columns of row i of `cache`, in place; the new mask `[R, S]`, `S = T - min(drop)`.

    A row that drops more than the others moves to the right, and what moves in on its left is masked.
    """
    least = min(drop)
    num_columns = mask_RT.shape[1] - least
    moves_R1 = torch.tensor(drop, device=mask_RT.device)[:, None] - least
    source_RS = torch.arange(num_columns, device=mask_RT.device)[None] - moves_R1
    inside_RS = source_RS >= 0
    source_RS = source_RS.clamp(min=0)
    moves = bool((moves_R1 > 0).any())
    for layer in cache.layers:
        if layer.keys is None:  # a layer that uses another one's
            continue
        for name in ("keys", "values"):
            states_RHTD = getattr(layer, name)
            if moves:
                num_rows, num_heads, _, size = states_RHTD.shape
                index = source_RS[:, None, :, None].to(states_RHTD.device)
                states = states_RHTD.gather(2, index.expand(num_rows, num_heads, num_columns, size))
            else:
                states = states_RHTD[:, :, :num_columns]
            setattr(layer, name, states)
    return mask_RT.gather(1, source_RS) * inside_RS
