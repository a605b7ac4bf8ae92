"""typical_p: the tokens whose surprise is closest to what the distribution leads one to expect.

Legend: N rows, V vocabulary, B bins, M tokens of one bin.
"""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, namespace, token_ids
from retort.distribution.ranking import SLACK, flat_rows
from retort.distribution.softmax import is_per_row, per_row
from retort.distribution.weights import Weights
from retort.transforms.parameters import Parameter, choice
from retort.transforms.transform import Transform, usable
from retort.transforms.truncation import MIN_KEEP

MASS = Parameter(
    "typical_p",
    "a number from 0 to 1 (None or 1: off)",
    low=0.0,
    high=1.0,
    off_values=(1.0,),
    setting="typical_p",
)
TIES = Parameter("ties", "lowest (ids first) or all", default="lowest", kind=choice("lowest", "all"))

BINS = 4096
"""Tokens are first sorted into this many bins by distance; only those of one bin are put in order."""

FARTHEST = 32.0
"""Distances of this many nats or more share the last bin: less than e^-32 of the mass for each token there."""


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
    mass_N1 = xp.reshape(per_row(p, logits), (-1, 1))
    weights = Weights.of(flat_rows(logits))
    keep_NV = _nearest(weights, mass_N1 * weights.total_N1 * (1.0 - SLACK), ties, min_keep) | (mass_N1 >= 1.0)
    return xp.where(xp.reshape(keep_NV, logits.shape), logits, -math.inf)


def _nearest(weights: Weights, needed_N1: Array, ties: str, min_keep: int) -> Array:
    """`[N, vocab]` True for the nearest tokens, until their weights reach what is needed and they are `min_keep`.

    Bins of rising distance are summed, so that only the tokens of the bin in which the set ends have to be sorted.
    """
    xp = namespace(needed_N1)
    needed_N1 = xp.clip(needed_N1, min=math.ulp(0.0))
    distance_NV = xp.abs(weights.gaps_NV - weights.mean_gap_N1)
    live_NV = weights.gaps_NV > -math.inf
    bin_NV = _bins(distance_NV)
    sums_NB = _sums_up_to(bin_NV, weights.weights_NV)
    ends_NB = sums_NB >= needed_N1
    counts_NB = xp.zeros_like(sums_NB)
    if min_keep > 1:
        counts_NB = _sums_up_to(bin_NV, xp.astype(live_NV, xp.float64))
        ends_NB = ends_NB & (counts_NB >= xp.clip(counts_NB[:, -1:], max=float(min_keep)))
    end_N1 = BINS - 1 - xp.sum(xp.astype(ends_NB[:, :-1], xp.int64), axis=-1, keepdims=True)
    keep_NV = (bin_NV < end_N1) & live_NV
    for row in range(end_N1.shape[0]):
        end = int(end_N1[row, 0])
        ids_M = xp.nonzero((bin_NV[row] == end) & live_NV[row])[0]
        ids_M = ids_M[xp.argsort(-weights.gaps_NV[row][ids_M], stable=True)]
        ids_M = ids_M[xp.argsort(distance_NV[row][ids_M], stable=True)]
        missing = needed_N1[row, 0] - (sums_NB[row, end - 1] if end else 0.0)
        count = _first_reaching(weights.weights_NV[row][ids_M], missing)
        count = max(count, min_keep - (int(counts_NB[row, end - 1]) if end else 0))
        if ties == "all":
            level = distance_NV[row][ids_M[:count][-1]]
            count = int(xp.sum(xp.astype(distance_NV[row][ids_M] <= level, xp.int64)))
        keep_NV[row, ids_M[:count]] = True
    return keep_NV


def _bins(distance_NV: Array) -> Array:
    """`[N, vocab]` the bin of each distance, int64, rising with the distance; equal ones share a bin."""
    xp = namespace(distance_NV)
    widest_N1 = xp.clip(xp.max(distance_NV, axis=-1, keepdims=True), min=1e-290, max=FARTHEST)
    return xp.astype(xp.clip(distance_NV * (BINS / widest_N1), max=BINS - 1.0), xp.int64)


def _sums_up_to(bin_NV: Array, values_NV: Array) -> Array:
    """`[N, BINS]` sum of the values of each row in this bin and all before it."""
    xp = namespace(values_NV)
    num_rows = bin_NV.shape[0]
    places_NV = bin_NV + BINS * xp.reshape(token_ids(values_NV.T), (-1, 1))
    sums = xp.bincount(
        xp.reshape(places_NV, (-1,)), weights=xp.reshape(values_NV, (-1,)), minlength=num_rows * BINS
    )
    return xp.cumulative_sum(xp.reshape(sums, (num_rows, BINS)), axis=-1)


def _first_reaching(weights_M: Array, needed: Any) -> int:
    """How many of these weights, in this order, make up what is needed; 0 if nothing is."""
    xp = namespace(weights_M)
    if needed <= 0.0:
        return 0
    short = int(xp.sum(xp.astype(xp.cumulative_sum(weights_M) < needed, xp.int64)))
    return min(short + 1, weights_M.shape[0])


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
