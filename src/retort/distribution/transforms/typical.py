"""typical_p: the tokens whose surprise is closest to what the distribution leads one to expect.

Legend: N rows, V vocabulary, M candidates, T rows that need a closer look.
"""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, largest, namespace, places_of_smallest
from retort.distribution.ranking import SLACK, flat_rows, is_first
from retort.distribution.softmax import is_per_row, per_row
from retort.distribution.transforms.parameters import Parameter, choice
from retort.distribution.transforms.transform import Transform, usable
from retort.distribution.transforms.truncation import MIN_KEEP
from retort.distribution.weights import Weights

MASS = Parameter(
    "typical_p",
    "a number from 0 to 1 (None or 1: off)",
    low=0.0,
    high=1.0,
    off_values=(1.0,),
    setting="typical_p",
)
TIES = Parameter("ties", "lowest (ids first) or all", default="lowest", kind=choice("lowest", "all"))

CANDIDATES = 1024
"""The set is sought among this many of the nearest tokens; rows that need more are sorted whole."""


def typical_p(logits: Array, p: Any, ties: str = "lowest", min_keep: int = 1) -> Array:
    """Logits with the smallest set of mass at least p kept, in order of |surprise - entropy|, the others -inf.

    Tokens come in rising order of `d_i = |-ln p_i - H|`, which is `|z_i - Σ_j p_j z_j|`: how far a logit lies from the
    expected logit (computed so; nats). Equal distances: the more likely token first, then the lowest id. Kept are the
    first `n = min{k : Σ_{i ≤ k} p_(i) ≥ p · (1 - 2^-40)}`, never fewer than `min_keep`; `ties="all"` keeps every token
    as near as the last of them. The most likely token may be removed.
    Shapes `[..., vocab]`; p a number or `[...]`. None and 1 keep everything. Inside: float64. Raises InputError for
    unusable rows or p outside [0, 1]. Source: Meister, Pimentel, Wiher, Cotterell 2022, "Locally typical sampling"
    (arXiv 2202.00666): the set of least `Σ |H + ln p_i|` with mass p.
    """
    MASS.check(p)
    logits = usable(logits)
    if p is None or (not is_per_row(p) and p >= 1.0):
        return logits
    xp = namespace(logits)
    rows_NV = flat_rows(logits)
    mass_N1 = xp.reshape(per_row(p, logits), (-1, 1))
    weights = Weights.of(rows_NV)
    mean_N1 = weights.mean_gap_N1
    distance_NV = xp.abs(weights.gaps_NV - mean_N1)
    count_N1, last_N1 = _cut(weights, distance_NV, mean_N1, mass_N1, min_keep)
    farthest_N1 = xp.abs(last_N1 - mean_N1)
    if ties == "all":
        keep_NV = distance_NV <= farthest_N1
    else:
        nearer_NV = distance_NV < farthest_N1
        missing_N1 = count_N1 - xp.sum(xp.astype(nearer_NV, xp.int64), axis=-1, keepdims=True)
        level_NV = xp.where(
            distance_NV == farthest_N1, weights.gaps_NV, xp.full_like(weights.gaps_NV, -math.inf)
        )
        keep_NV = nearer_NV | is_first(level_NV, missing_N1, last_N1)
    keep_NV = keep_NV | (mass_N1 >= 1.0)
    return xp.where(xp.reshape(keep_NV, logits.shape), logits, -math.inf)


def _cut(
    weights: Weights, distance_NV: Array, mean_N1: Array, mass_N1: Array, min_keep: int
) -> tuple[Array, Array]:
    """How many tokens are kept `[N, 1]`, and the gap of the last one in order `[N, 1]`."""
    xp = namespace(distance_NV)
    num_tokens = distance_NV.shape[-1]
    needed_N1 = mass_N1 * weights.total_N1 * (1.0 - SLACK)
    num_candidates = max(CANDIDATES, min_keep)
    if num_tokens <= 4 * num_candidates:
        count_N1, last_N1, _ = _cut_among(weights.gaps_NV, mean_N1, needed_N1, min_keep)
        return count_N1, last_N1
    nearest_NM = places_of_smallest(distance_NV, num_candidates)
    count_N1, last_N1, settled_N1 = _cut_among(
        xp.take_along_axis(weights.gaps_NV, nearest_NM, axis=-1), mean_N1, needed_N1, min_keep
    )
    wide_T = ~settled_N1[:, 0]
    if bool(xp.any(wide_T)):
        count_N1[wide_T], last_N1[wide_T], _ = _cut_among(
            weights.gaps_NV[wide_T], mean_N1[wide_T], needed_N1[wide_T], min_keep
        )
    return count_N1, last_N1


def _cut_among(gaps_NM: Array, mean_N1: Array, needed_N1: Array, min_keep: int) -> tuple[Array, Array, Array]:
    """The same among M tokens of each row, and whether no other token can be as near as the last one kept."""
    xp = namespace(gaps_NM)
    num_candidates = gaps_NM.shape[-1]
    falling_NM = largest(gaps_NM, num_candidates)
    distance_NM = xp.abs(falling_NM - mean_N1)
    # Distances fall and then rise along the row: two runs, which a stable merge sort joins in linear time.
    order_NM = xp.argsort(distance_NM, axis=-1, stable=True)
    reached_NM = xp.cumulative_sum(xp.exp(xp.take_along_axis(falling_NM, order_NM, axis=-1)), axis=-1)
    count_N1 = xp.sum(xp.astype(reached_NM < needed_N1, xp.int64), axis=-1, keepdims=True) + 1
    count_N1 = xp.clip(count_N1, min=min_keep)
    inside_N1 = xp.clip(count_N1, max=num_candidates)
    last_N1 = xp.take_along_axis(falling_NM, xp.take_along_axis(order_NM, inside_N1 - 1, axis=-1), axis=-1)
    nearer_N1 = xp.abs(last_N1 - mean_N1) < xp.max(distance_NM, axis=-1, keepdims=True)
    return inside_N1, last_N1, (count_N1 <= num_candidates) & nearer_N1


ROWS = (
    Transform(
        "typical_p",
        typical_p,
        "keep the tokens whose surprise is nearest to the entropy, up to this share of the probability",
        (MASS, TIES, MIN_KEEP),
        aliases=("typical", "typ_p", "typ"),
        nested=False,
    ),
)
