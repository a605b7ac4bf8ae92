"""top_k, top_p and min_p: truncations that keep the first tokens in order of their logits.

Legend: N rows, V vocabulary, M candidates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, detached, largest, like, namespace
from retort.distribution.ranking import ROUNDING, flat_rows, keep_first, nucleus
from retort.distribution.softmax import is_per_row, per_row
from retort.transforms.parameters import Parameter, choice
from retort.transforms.transform import Transform, usable

MIN_KEEP = Parameter(
    "min_keep", "a whole number of 1 or more", low=1, default=1, whole=True, setting="min_keep"
)
"""However deep a truncation would cut, it keeps this many tokens (those with the largest logits)."""

K = Parameter(
    "top_k",
    "a whole number of 1 or more (None, 0 or -1: off)",
    low=1,
    off_values=(0, -1),
    whole=True,
    setting="top_k",
)
K_TIES = Parameter("ties", "lowest (ids first) or all", default="lowest", kind=choice("lowest", "all"))

TOP_P = Parameter(
    "top_p", "a number from 0 to 1 (None or 1: off)", low=0.0, high=1.0, off_values=(1.0,), setting="top_p"
)
P_TIES = Parameter(
    "ties", "lowest or highest (ids first), or all", default="lowest", kind=choice("lowest", "highest", "all")
)

MIN_P = Parameter(
    "min_p", "a number from 0 to 1 (None or 0: off)", low=0.0, high=1.0, off_values=(0.0,), setting="min_p"
)


def top_k(logits: Array, k: Any, ties: str = "lowest") -> Array:
    """Logits with exactly the k largest kept (ties at the k-th place: lowest ids), the others -inf.

    `ties="all"` keeps every token that ties with the k-th. Shapes `[..., vocab]`; k a whole number or `[...]`. None,
    0, -1 keep everything. dtype as given.
    Raises InputError for unusable rows or k that is not a whole number of 1 or more.
    Source: Fan, Lewis, Dauphin 2018, section 5.
    """
    K.check(k)
    logits = usable(logits)
    if k is None:
        return logits
    num_tokens = logits.shape[-1]
    if not is_per_row(k):
        if k <= 0 or k >= num_tokens:
            return logits
        count, limit = like(logits, [[int(k)]]), int(k)
    else:
        xp = namespace(logits)
        wanted = per_row(k, logits)
        wanted = xp.where((wanted <= 0) | (wanted > num_tokens), xp.full_like(wanted, num_tokens), wanted)
        count = xp.astype(xp.reshape(wanted, (-1, 1)), xp.int64)
        limit = int(xp.max(count)) if count.shape[0] else 1
    rows_NV = flat_rows(logits)
    xp = namespace(rows_NV)
    count_N1 = xp.broadcast_to(count, (rows_NV.shape[0], 1))
    candidates_NM = largest(rows_NV, limit)
    return keep_first(logits, count_N1, xp.take_along_axis(candidates_NM, count_N1 - 1, axis=-1), ties)


def top_p(logits: Array, p: Any, ties: str = "lowest", min_keep: int = 1) -> Array:
    """Logits with the smallest set of mass at least p kept (largest first, ties: lowest ids), the others
    -inf.

    The nucleus: tokens by falling logit, ties by lowest id; weights `w = exp(z - max z)` in float64, whatever the
    dtype; `n = min{k : Σ_{i ≤ k} w_(i) ≥ p · Σ w · (1 - 2^-40)}`, never fewer than `min_keep`. The slack of 2^-40 makes
    a set whose mass is exactly p the nucleus in whatever order the weights are summed.
    `ties`: which of the tokens that tie at the edge are kept: "lowest" or "highest" ids first, or "all" of them.
    Shapes `[..., vocab]`; p a number or `[...]`. None and 1 keep everything. Raises InputError for unusable rows or p
    outside [0, 1]. Source: Holtzman et al. 2020, eq. 2 and 3.
    """
    TOP_P.check(p)
    logits = usable(logits)
    if p is None or (not is_per_row(p) and p >= 1.0):
        return logits
    rows_NV = flat_rows(logits)
    mass_N1 = namespace(logits).reshape(per_row(p, logits), (-1, 1))
    return keep_first(logits, *nucleus(rows_NV, mass_N1, min_keep), ties)


def min_p(logits: Array, p: Any, min_keep: int = 1) -> Array:
    """Logits with the tokens kept that have at least p times the largest probability, the others -inf.

    `p_i ≥ p · max_j p_j`, that is `z_i ≥ max z + ln p`; and the `min_keep` largest (lowest ids first) in any case.
    Shapes `[..., vocab]`; p a number or `[...]`. None and 0 keep everything. Raises InputError for unusable rows or p
    outside [0, 1]. Source: Nguyen et al. 2024, algorithm 1.
    """
    MIN_P.check(p)
    logits = usable(logits)
    if p is None or (not is_per_row(p) and p == 0.0):
        return logits
    xp = namespace(logits)
    values = detached(logits)
    maximum = xp.astype(xp.max(values, axis=-1, keepdims=True), xp.float64)
    with np.errstate(divide="ignore"):
        threshold = maximum + xp.log(per_row(p, logits)) - ROUNDING
    return with_first(xp.where(values >= threshold, logits, -math.inf), logits, min_keep)


def with_first(kept: Array, logits: Array, min_keep: int) -> Array:
    """`kept` with the `min_keep` largest of `logits` (ties: lowest ids) put back where they were removed."""
    if min_keep <= 1:
        return kept
    first = top_k(logits, min_keep)
    return namespace(logits).where(first > -math.inf, first, kept)


ROWS = (
    Transform(
        "top_k",
        top_k,
        "keep this many of the most likely tokens",
        (K, K_TIES),
        temperature_free=True,
    ),
    Transform(
        "top_p",
        top_p,
        "keep the smallest set of tokens that holds this share of the probability",
        (TOP_P, P_TIES, MIN_KEEP),
        aliases=("nucleus",),
    ),
    Transform(
        "min_p",
        min_p,
        "keep tokens with at least this share of the most likely token's probability",
        (MIN_P, MIN_KEEP),
    ),
)
