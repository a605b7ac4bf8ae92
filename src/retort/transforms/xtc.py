"""xtc (exclude top choices): now and then, all likely tokens but the least likely of them are taken away."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, like, namespace, token_ids
from retort.distribution.ranking import ROUNDING, flat_rows
from retort.distribution.softmax import is_per_row, per_row
from retort.distribution.weights import Weights
from retort.transforms.context import Context
from retort.transforms.parameters import Parameter
from retort.transforms.transform import Transform, usable

COIN_STREAM = 1
"""The stream of a row's noise that decides whether xtc acts; all streams are listed in sampling/noise.py."""

PROBABILITY = Parameter(
    "probability",
    "a number from 0 to 1 (None or 0: off)",
    low=0.0,
    high=1.0,
    off_values=(0.0,),
    setting="xtc_probability",
)
THRESHOLD = Parameter(
    "threshold", "a number from 0 to 1", low=0.0, high=1.0, default=0.1, setting="xtc_threshold"
)


def xtc(logits: Array, probability: Any, threshold: Any = 0.1, *, context: Context | None = None) -> Array:
    """Logits with all likely tokens but the least likely of them -inf, with this probability; else as they are.

    Likely: `p_i ≥ threshold`. In a row whose coin falls `u < probability` and that has two likely tokens or more, only
    the one of smallest probability stays (ties: the lowest id), and all that are not likely. So no row is emptied, and
    a threshold above 0.5 never acts. `u` is `context.uniforms(1)`, one number in [0, 1) a row; probability 1 needs
    none.
    Shapes `[..., vocab]`; probability and threshold numbers or `[...]`. None and 0 are off. Inside: float64. Raises
    InputError for unusable rows, settings outside [0, 1], or no uniforms. Source: p-e-w 2024 (text-generation-webui,
    pull request 6335).
    """
    PROBABILITY.check(probability)
    THRESHOLD.check(threshold)
    logits = usable(logits)
    if probability is None or (not is_per_row(probability) and probability == 0.0):
        return logits
    xp = namespace(logits)
    acts_N1 = _coins(logits, probability, context)
    if not bool(xp.any(acts_N1)):
        return logits
    with np.errstate(divide="ignore"):
        log_threshold_N1 = xp.reshape(xp.log(per_row(threshold, logits)), (-1, 1))
    weights = Weights.of(flat_rows(logits))
    gaps_NV = weights.gaps_NV
    likely_NV = gaps_NV >= log_threshold_N1 + weights.log_total_N1 - ROUNDING
    likely_NV = likely_NV & (gaps_NV > -math.inf)
    unlikely_first_NV = xp.where(likely_NV, -gaps_NV, xp.full_like(gaps_NV, -math.inf))
    stays_N1 = xp.argmax(unlikely_first_NV, axis=-1, keepdims=True)
    # A row without a likely token has nothing to lose; one with a single likely token keeps it as its least likely.
    lost_NV = acts_N1 & likely_NV & (token_ids(gaps_NV) != stays_N1)
    return xp.where(xp.reshape(lost_NV, logits.shape), -math.inf, logits)


def _coins(logits: Array, probability: Any, context: Context | None) -> Array:
    """`[N, 1]` True for the rows in which xtc acts."""
    xp = namespace(logits)
    probability_N1 = xp.reshape(per_row(probability, logits), (-1, 1))
    if bool(xp.all((probability_N1 <= 0.0) | (probability_N1 >= 1.0))):
        return probability_N1 >= 1.0
    context = context or Context()
    context.check(probability_N1.shape[0], "xtc", frozenset({"noise"}))
    assert context.uniforms is not None
    coins_N1 = like(logits, np.reshape(context.uniforms(COIN_STREAM), (-1, 1)), dtype=xp.float64)
    return coins_N1 < probability_N1


ROWS = (
    Transform(
        "xtc",
        xtc,
        "with this probability, remove every token above the threshold but the least likely of them",
        (PROBABILITY, THRESHOLD),
        nested=False,
        needs=frozenset({"noise"}),
    ),
)
