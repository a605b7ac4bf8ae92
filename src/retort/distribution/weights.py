"""A row's tokens weighed against its largest logit, in float64: what the cutting transforms measure before they cut.

`w_i = exp(z_i - max z)`, so that `p_i = w_i / Σ w` and no logarithm of a probability is ever taken: a removed token has
weight 0 and adds 0 to every sum, where `0·ln 0` would be NaN. Legend: N rows, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from retort.distribution.arrays import Array, namespace


@dataclass(frozen=True)
class Weights:
    """`gaps` `z - max z` (-inf: removed), `weights` `exp(gaps)`, `total` `Σ w` (at least 1); all float64.

    The natural logarithm of a probability is `gaps - ln total`.
    """

    gaps_NV: Array
    weights_NV: Array
    total_N1: Array

    @classmethod
    def of(cls, rows_NV: Array) -> Weights:
        """The weights of rows `[N, vocab]` whose largest logit is finite."""
        xp = namespace(rows_NV)
        gaps_NV = gaps(rows_NV)
        weights_NV = xp.exp(gaps_NV)
        return cls(gaps_NV, weights_NV, xp.sum(weights_NV, axis=-1, keepdims=True))

    @property
    def log_total_N1(self) -> Array:
        """`ln Σ w`, in nats: the surprise of the most likely token."""
        return namespace(self.total_N1).log(self.total_N1)

    @property
    def mean_gap_N1(self) -> Array:
        """`Σ p·(z - max z)`: the expected logit, counted from the largest; 0 or less."""
        xp = namespace(self.gaps_NV)
        parts_NV = finite(self.gaps_NV)
        parts_NV *= self.weights_NV
        return xp.sum(parts_NV, axis=-1, keepdims=True) / self.total_N1

    @property
    def entropy_N1(self) -> Array:
        """`H = -Σ p ln p = ln Σ w - Σ p·(z - max z)`, in nats, never below 0."""
        return namespace(self.gaps_NV).clip(self.log_total_N1 - self.mean_gap_N1, min=0.0)


def gaps(rows_NV: Array) -> Array:
    """`[N, vocab]` distance of each logit to the largest of its row, `z - max z` in float64; -inf where removed."""
    xp = namespace(rows_NV)
    wide_NV = xp.astype(rows_NV, xp.float64)
    wide_NV -= xp.max(wide_NV, axis=-1, keepdims=True)
    return wide_NV


def finite(gaps_NV: Array) -> Array:
    """The gaps with 0 in place of -inf, so that a removed token can be multiplied by its weight of 0."""
    xp = namespace(gaps_NV)
    return xp.where(gaps_NV > -math.inf, gaps_NV, xp.zeros_like(gaps_NV))
