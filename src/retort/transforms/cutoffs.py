"""epsilon_cutoff and eta_cutoff: a floor under the probability of a token, fixed or lowered by the entropy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, namespace
from retort.distribution.ranking import ROUNDING, flat_rows
from retort.distribution.softmax import is_per_row, per_row
from retort.distribution.weights import Weights
from retort.transforms.parameters import Parameter, choice
from retort.transforms.transform import Transform, usable
from retort.transforms.truncation import MIN_KEEP, top_k

EPSILON = Parameter(
    "epsilon_cutoff",
    "a number from 0 to 1 (None or 0: off)",
    low=0.0,
    high=1.0,
    off_values=(0.0,),
    setting="epsilon_cutoff",
)
ETA = Parameter(
    "eta_cutoff",
    "a number from 0 to 1 (None or 0: off)",
    low=0.0,
    high=1.0,
    off_values=(0.0,),
    setting="eta_cutoff",
)
TIES = Parameter("ties", "lowest (ids first) or all", default="lowest", kind=choice("lowest", "all"))


def epsilon_cutoff(logits: Array, epsilon: Any, ties: str = "lowest", min_keep: int = 1) -> Array:
    """Logits with the tokens kept whose probability is at least epsilon, the others -inf.

    `p_i ≥ ε`; where fewer than `min_keep` tokens reach it, the `min_keep` most likely ones (ties: lowest ids, or all of
    them with `ties="all"`). Shapes `[..., vocab]`; epsilon a number or `[...]`. None and 0 keep everything. Inside:
    float64. Raises InputError for unusable rows or epsilon outside [0, 1]. Source: Hewitt, Manning, Liang 2022,
    "Truncation sampling as language model desmoothing" (arXiv 2210.15191), ε-sampling.
    """
    EPSILON.check(epsilon)
    logits = usable(logits)
    if epsilon is None or (not is_per_row(epsilon) and epsilon == 0.0):
        return logits
    weights = Weights.of(flat_rows(logits))
    return above(logits, weights, _log(logits, epsilon), ties, min_keep)


def eta_cutoff(logits: Array, epsilon: Any, ties: str = "lowest", min_keep: int = 1) -> Array:
    """Logits with the tokens kept whose probability is at least eta, a floor that falls with entropy, the others -inf.

    `p_i ≥ η`, `η = min(ε, √ε · e^{-H})`, H the entropy in nats of what comes in. Unlike epsilon_cutoff's, its set only
    grows with an earlier temperature: `d ln p_i/dτ = (E z - z_i)/τ²`, so a token that has passed ε goes on rising until
    its logit is the expected one, and from there on `-ln p_i ≤ H` keeps it. `min_keep`, `ties`, shapes, off-values,
    precision and errors as for `epsilon_cutoff`. Source: Hewitt, Manning, Liang 2022, η-sampling with α = √ε.
    """
    ETA.check(epsilon)
    logits = usable(logits)
    if epsilon is None or (not is_per_row(epsilon) and epsilon == 0.0):
        return logits
    xp = namespace(logits)
    weights = Weights.of(flat_rows(logits))
    log_epsilon_N1 = _log(logits, epsilon)
    log_eta_N1 = xp.minimum(log_epsilon_N1, 0.5 * log_epsilon_N1 - weights.entropy_N1)
    return above(logits, weights, log_eta_N1, ties, min_keep)


def above(
    logits: Array, weights: Weights, log_floor_N1: Array, ties: str = "lowest", min_keep: int = 1
) -> Array:
    """Logits with the tokens kept that have `ln p_i ≥ log_floor` (nats), and the `min_keep` most likely."""
    xp = namespace(logits)
    keep_NV = weights.gaps_NV >= log_floor_N1 + weights.log_total_N1 - ROUNDING
    kept = xp.where(xp.reshape(keep_NV, logits.shape), logits, -math.inf)
    first = top_k(logits, min_keep, ties)
    return xp.where(first > -math.inf, first, kept)


def _log(logits: Array, epsilon: Any) -> Array:
    """`[N, 1]` ln ε; -inf where a row's floor is off."""
    xp = namespace(logits)
    with np.errstate(divide="ignore"):
        return xp.reshape(xp.log(per_row(epsilon, logits)), (-1, 1))


ROWS = (
    Transform(
        "epsilon_cutoff",
        epsilon_cutoff,
        "keep tokens with at least this probability",
        (EPSILON, TIES, MIN_KEEP),
        nested=False,
    ),
    Transform(
        "eta_cutoff",
        eta_cutoff,
        "keep tokens above a floor of this probability, which falls as the entropy rises",
        (ETA, TIES, MIN_KEEP),
        monotone=False,
    ),
)
