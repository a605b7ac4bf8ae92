"""Samples drawn at one setting, re-weighted to speak for another, and how many samples they are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retort.distribution.arrays import Array, as_floats, namespace, to_numpy
from retort.errors import InputError

SMALLEST_SHARE = 0.1
"""Re-weighting is refused if the samples are worth less than this share of their number."""


@dataclass(frozen=True)
class Reweighting:
    """Weights `[n]` that sum to one, and the effective sample size `(Σw)²/Σw²`, between 1 and n.

    `mean_weight`: of the weights before they are made to sum to one. It is 1 on average; far below 1, much of what the
    target would draw was never drawn, which the effective sample size cannot see.
    """

    weights: np.ndarray
    effective_sample_size: float
    mean_weight: float


def importance_weights(
    log_probs_target: Array, log_probs_source: Array, smallest_share: float = SMALLEST_SHARE
) -> Reweighting:
    """Weights `w = Π q_target/q_source` of samples drawn from the source setting, normalised to sum to one.

    Shapes: `[n]` log-probability of each whole sample under each setting, or `[n, positions]`, summed over
    positions (pad with 0). Processed log-probabilities, in nats. Call `check_support` too: samples alone
    cannot show what the source could never have drawn.
    Raises InputError where the source gives a sample no probability, where the target gives none to any, and
    where the effective sample size is below `smallest_share` of n. Source: Kong 1992 (effective sample size).
    """
    target, source = (
        to_numpy(as_floats(values)).astype(np.float64) for values in (log_probs_target, log_probs_source)
    )
    if target.shape != source.shape or target.ndim not in (1, 2):
        raise InputError(
            f"log-probabilities must have one shape, [n] or [n, positions], got {target.shape} and {source.shape}"
        )
    if target.ndim == 2:
        target, source = target.sum(axis=1), source.sum(axis=1)
    if np.isnan(target).any() or not np.isfinite(source).all():
        raise InputError(
            "every sample must have a finite log-probability under the setting that drew it, got NaN or -inf"
        )
    if (target == -math.inf).all():
        raise InputError("none of these samples is possible under the target setting; draw new ones there")
    log_weights = target - source
    weights = np.exp(log_weights - log_weights.max())
    with np.errstate(over="ignore"):
        mean_weight = float(np.exp(log_weights.max()) * weights.mean())
    weights /= weights.sum()
    size = 1.0 / float(np.sum(weights**2))
    if size < smallest_share * len(weights):
        raise InputError(
            f"the {len(weights)} samples are worth only {size:.1f} at the target setting, below "
            f"{smallest_share:.0%} of their number; the settings are too far apart, draw samples nearer to it"
        )
    return Reweighting(weights, size, mean_weight)


def check_support(processed_target: Array, processed_source: Array) -> None:
    """Nothing, if the source setting can draw every token that the target setting can; else raises
    InputError.

    Shapes: processed logits `[..., vocab]` of both settings at the same positions, removed tokens -inf.
    """
    target, source = as_floats(processed_target), as_floats(processed_source)
    if target.shape != source.shape:
        raise InputError(
            f"supports are compared at the same positions, got shapes {tuple(target.shape)} and {tuple(source.shape)}"
        )
    outside = (target > -math.inf) & (source == -math.inf)
    xp = namespace(target)
    if bool(xp.any(outside)):
        count = int(xp.sum(xp.astype(outside, xp.int64)))
        raise InputError(
            f"the target setting allows {count} tokens that the source setting removed, so its samples cannot "
            "speak for the target; draw from the wider setting"
        )
