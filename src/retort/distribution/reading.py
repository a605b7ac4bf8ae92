"""What each row of logits says, and what it says of one token, in few passes over it while it is in the cache.

The numbers are those of `log_softmax`, `entropy` and `margin`; this is the way to have them all at once, for many rows.
With x = z − max z, S = Σ e^x and T = Σ x·e^x: ln p = x − ln S, and the entropy is H = ln S − T / S.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.distribution.arrays import to_numpy
from retort.errors import InputError

Floats = NDArray[np.float64]

ELEMENTS_AT_ONCE = 2**16
"""Logits read at a time: two float64 copies of them must stay in a core's own cache."""

NOTHING = -750.0
"""e^x is 0 in float64 from here down, so −inf may stand as this where 0 · −inf would be NaN."""


@dataclass(frozen=True)
class RowsRead:
    """Arrays `[rows]`, float64 and int64; nats at τ = 1.

    - `log_probs`: of each row's token; -inf where it cannot come.
    - `best_log_probs`: of the token with the largest logit, `best` (the lowest id of equals).
    - `entropy`.
    - `margin`: the largest logit minus the second; inf where only one token can come.
    - `ranks`: the token's place, from 1, by falling logit, equals by rising id.
    - `support`: how many tokens can come.
    """

    log_probs: Floats
    best_log_probs: Floats
    entropy: Floats
    margin: Floats
    ranks: NDArray[np.int64]
    best: NDArray[np.int64]
    support: NDArray[np.int64]


def read_rows(logits: Any, ids: Any) -> RowsRead:
    """What rows `[rows, vocab]` of any floating dtype say of the tokens `ids` `[rows]`. float64 inside.

    Raises InputError for shapes that do not fit, and for a row that holds NaN or +inf, or nothing above -inf.
    """
    rows, tokens = to_numpy(logits), np.asarray(ids, dtype=np.int64)
    if rows.ndim != 2 or tokens.shape != rows.shape[:1]:
        raise InputError(
            f"reading takes rows [n, vocab] and ids [n], got shapes {rows.shape}, {tokens.shape}"
        )
    count, vocab = rows.shape
    numbers = np.empty((4, count))
    wholes = np.empty((3, count), dtype=np.int64)
    step = max(1, ELEMENTS_AT_ONCE // vocab)
    scratch = np.empty((2, min(step, count), vocab))
    for first in range(0, count, step):
        part = slice(first, first + step)
        _read(rows[part], tokens[part], scratch, numbers[:, part], wholes[:, part])
    return RowsRead(*numbers, *wholes)


def _read(
    rows: NDArray[Any], tokens: NDArray[np.int64], scratch: Floats, numbers: Floats, wholes: NDArray[np.int64]
) -> None:
    places = np.arange(len(rows))
    x, weights = scratch[0, : len(rows)], scratch[1, : len(rows)]
    best = rows.argmax(axis=1)
    largest = rows[places, best].astype(np.float64)
    if not np.isfinite(largest).all():  # argmax finds NaN, too
        raise InputError(
            "rows of logits must be free of NaN and +inf and leave some token; check the model that made them"
        )
    np.subtract(rows, largest[:, None], out=x, dtype=np.float64)
    np.exp(x, out=weights)
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore"):
        moment = np.matmul(x[:, None, :], weights[:, :, None])[:, 0, 0]
    support = np.full(len(rows), rows.shape[1])
    for row in np.flatnonzero(np.isnan(moment)):  # 0 · −inf: some token cannot come
        moment[row] = np.dot(np.maximum(x[row], NOTHING), weights[row])
        support[row] = np.count_nonzero(x[row] > -np.inf)
    log_total = np.log(total)
    chosen = rows[places, tokens]
    # Row by row: counting along an axis goes through a slow sum of booleans.
    ranks = [
        1
        if token == first
        else 1 + np.count_nonzero(row[:token] >= own) + np.count_nonzero(row[token + 1 :] > own)
        for row, token, first, own in zip(rows, tokens.tolist(), best.tolist(), chosen, strict=True)
    ]
    numbers[0] = x[places, tokens] - log_total
    numbers[1] = -log_total
    numbers[2] = np.maximum(log_total - moment / total, 0.0)
    x[places, best] = -np.inf
    numbers[3] = -x.max(axis=1)
    wholes[:] = ranks, best, support
