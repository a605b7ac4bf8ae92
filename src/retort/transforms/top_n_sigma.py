"""top_n_sigma: the logits within n standard deviations of the largest one, whatever the temperature."""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, namespace
from retort.distribution.ranking import SLACK, flat_rows
from retort.distribution.softmax import is_per_row, per_row
from retort.distribution.weights import finite, gaps
from retort.transforms.parameters import Parameter
from retort.transforms.transform import Transform, usable

SIGMAS = Parameter(
    "top_n_sigma",
    "a number above 0 (None, 0 or -1: off)",
    low=math.ulp(0.0),
    off_values=(0.0, -1.0),
    setting="top_n_sigma",
)


def top_n_sigma(logits: Array, n: Any) -> Array:
    """Logits with those kept that lie within n standard deviations of the largest, the others -inf.

    `max z - z_i ≤ n·σ·(1 + 2^-40)`; σ is the standard deviation (mean of squares, not N - 1) of the logits that have
    not been removed, so a stage before this one changes it. Of equal logits all are kept.
    A temperature divides both sides, so the same tokens stay at every τ > 0. That holds as long as the tokens that come
    in are the same: σ of the tokens that a hotter top_p lets in is another σ, and may be smaller.
    Shapes `[..., vocab]`; n a number or `[...]`. None, 0 and -1 keep everything. Inside: float64. Raises InputError for
    unusable rows or n that is not above 0. Source: Tang, Liu, Xu et al. 2024, "Top-nσ: not all logits are you need"
    (arXiv 2411.07641); σ over what is left as llama.cpp has it.
    """
    SIGMAS.check(n)
    logits = usable(logits)
    if n is None or (not is_per_row(n) and n <= 0.0):
        return logits
    xp = namespace(logits)
    n_N1 = xp.reshape(per_row(n, logits), (-1, 1))
    gaps_NV = gaps(flat_rows(logits))
    live_NV = gaps_NV > -math.inf
    num_live_N1 = xp.sum(xp.astype(live_NV, xp.float64), axis=-1, keepdims=True)
    mean_N1 = xp.sum(finite(gaps_NV), axis=-1, keepdims=True) / num_live_N1
    deviations_NV = xp.where(live_NV, gaps_NV - mean_N1, xp.zeros_like(gaps_NV))
    sigma_N1 = xp.sqrt(xp.sum(deviations_NV * deviations_NV, axis=-1, keepdims=True) / num_live_N1)
    keep_NV = (-gaps_NV <= n_N1 * sigma_N1 * (1.0 + SLACK)) | (n_N1 <= 0.0)
    return xp.where(xp.reshape(keep_NV, logits.shape), logits, -math.inf)


ROWS = (
    Transform(
        "top_n_sigma",
        top_n_sigma,
        "keep logits within this many standard deviations of the largest",
        (SIGMAS,),
        aliases=("top_nsigma", "nsigma"),
        monotone=False,
        temperature_free=True,
    ),
)
