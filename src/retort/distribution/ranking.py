"""Tokens in order of their logits: the first n, the nucleus of a given mass, and the rule for ties (lowest id
first).

Nothing here sorts a whole vocabulary unless it must. Legend: N rows, V vocabulary, M candidates, T rows with
ties.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from retort.distribution.arrays import Array, detached, largest, namespace

ROUNDING = 1e-12
"""A token that stands exactly on a threshold is kept even if float64 rounding puts it this far below."""

SLACK = 2.0**-40
"""A nucleus may stop this share of the wanted mass early: more than the order of summation can change a sum.

The compiled sampler takes it from here; the page has its own (frontend/src/math/window.ts).
"""

CANDIDATES = 1024
"""A cut is sought among this many of the largest logits; rows that need more are sorted whole."""


def flat_rows(logits: Array) -> Array:
    """`[N, vocab]` view of `[..., vocab]`, without gradient history."""
    return namespace(logits).reshape(detached(logits), (-1, logits.shape[-1]))


def nucleus(rows_NV: Array, mass_N1: Array, min_keep: int = 1) -> tuple[Array, Array]:
    """Size `[N, 1]` of each row's nucleus of the given mass, and the smallest logit in it `[N, 1]`.

    `n = min{k : Σ_{i ≤ k} w_(i) ≥ mass · Σ w · (1 - SLACK)}`, `w = exp(z - max z)` in float64; `min_keep` at least.
    """
    rows_NV = _packed(rows_NV)
    xp = namespace(rows_NV)
    maximum_N1 = xp.max(rows_NV, axis=-1, keepdims=True)
    weights_NV = xp.astype(rows_NV, xp.float64, copy=False) - maximum_N1
    total_N1 = xp.sum(xp.exp(weights_NV, out=weights_NV), axis=-1, keepdims=True)

    def decide(candidates_NM: Array, rows: Any) -> tuple[Array, Array]:
        weights_NM = xp.exp(xp.astype(candidates_NM, xp.float64) - maximum_N1[rows])
        short_NM = xp.cumulative_sum(weights_NM, axis=-1) < mass_N1[rows] * total_N1[rows] * (1.0 - SLACK)
        # Mass 1 means every token: the tail's mass can be smaller than any rounding allowance.
        short_NM = short_NM | (mass_N1[rows] >= 1.0)
        count_N1 = xp.sum(xp.astype(short_NM, xp.int64), axis=-1, keepdims=True) + 1
        count_N1 = xp.where(count_N1 < min_keep, xp.full_like(count_N1, min_keep), count_N1)
        num_candidates = candidates_NM.shape[-1]
        count_N1 = xp.where(count_N1 > num_candidates, xp.full_like(count_N1, num_candidates), count_N1)
        return count_N1, ~short_NM[:, -1:]

    return cut(rows_NV, decide, max(CANDIDATES, min_keep))


def cut(
    rows_NV: Array, decide: Callable[[Array, Any], tuple[Array, Array]], num_candidates: int = CANDIDATES
) -> tuple[Array, Array]:
    """How many tokens `[N, 1]` of each row are kept from the top, and the logit of the last one `[N, 1]`.

    `decide(candidates_NM, rows)` looks at the largest logits, falling, of the rows at this index: how many are kept
    `[n, 1]`, from 1 to M, and whether the cut falls among them `[n, 1]`.
    """
    xp = namespace(rows_NV)
    num_tokens = rows_NV.shape[-1]

    def among(rows: Any, count: int) -> tuple[Array, Array, Array]:
        candidates_NM = largest(rows_NV[rows], count)
        count_N1, settled_N1 = decide(candidates_NM, rows)
        return count_N1, xp.take_along_axis(candidates_NM, count_N1 - 1, axis=-1), settled_N1

    if num_tokens <= 4 * num_candidates:
        return among(slice(None), num_tokens)[:2]
    count_N1, smallest_N1, settled_N1 = among(slice(None), num_candidates)
    # Only rows whose cut falls beyond the candidates are sorted whole: at ordinary settings those are the flat ones.
    flat_N = ~settled_N1[:, 0]
    if bool(xp.any(flat_N)):
        count_N1[flat_N], smallest_N1[flat_N], _ = among(flat_N, num_tokens)
    return count_N1, smallest_N1


def _packed(rows_NV: Array) -> Array:
    """The rows without most of their removed tokens `[N, L]`, so that a stage after a top_k does not pay for them."""
    xp = namespace(rows_NV)
    live_NV = rows_NV > -math.inf
    live_N = xp.sum(xp.astype(live_NV, xp.int64), axis=-1)
    most = int(xp.max(live_N)) if live_N.shape[0] else 0
    if most > rows_NV.shape[-1] // 2 or most == 0:
        return rows_NV
    # Live tokens move to the front of their row in the order of their ids, so ties still go to the lowest.
    row, token = xp.nonzero(live_NV)
    first_N = xp.cumulative_sum(live_N) - live_N
    place = xp.cumulative_sum(xp.ones_like(row)) - 1 - first_N[row]
    packed_NL = xp.full_like(rows_NV[:, :most], -math.inf)
    packed_NL[row, place] = rows_NV[row, token]
    return packed_NL


def keep_first(logits: Array, count_N1: Array, smallest_N1: Array, ties: str = "lowest") -> Array:
    """Logits with the first `count` by (logit, lowest id) kept; `smallest` is the last one's logit.

    `ties`: among tokens that tie for the last places, "lowest" or "highest" ids are kept, or "all" of them.
    """
    rows_NV = flat_rows(logits)
    xp = namespace(rows_NV)
    keep_NV = rows_NV >= smallest_N1
    reaching_N1 = xp.sum(xp.astype(keep_NV, xp.int64), axis=-1, keepdims=True)
    tied_N = ((reaching_N1 > count_N1) & (smallest_N1 > -math.inf))[:, 0]
    if ties != "all" and bool(xp.any(tied_N)):
        tie_TV = rows_NV[tied_N] == smallest_N1[tied_N]
        surplus_T1 = (reaching_N1 - count_N1)[tied_N]
        # Tied tokens are numbered by rising id; those that are too many have the highest numbers, or the lowest.
        order_TV = xp.cumulative_sum(xp.astype(tie_TV, xp.int64), axis=-1)
        lost_TV = order_TV > order_TV[:, -1:] - surplus_T1 if ties == "lowest" else order_TV <= surplus_T1
        keep_NV[tied_N] = keep_NV[tied_N] & ~(tie_TV & lost_TV)
    return xp.where(xp.reshape(keep_NV, logits.shape), logits, -math.inf)


def top_ids(logits: Array, count: int) -> Array:
    """`[..., count]` ids of the largest logits, falling, ties by lowest id; removed tokens come last."""
    rows_NV = flat_rows(logits)
    xp = namespace(rows_NV)
    num_tokens = rows_NV.shape[-1]
    count = min(count, num_tokens)
    smallest_N1 = largest(rows_NV, count)[:, -1:]
    keep_NV = rows_NV >= smallest_N1
    if bool(xp.all(xp.sum(xp.astype(keep_NV, xp.int64), axis=-1) == count)):
        # nonzero names them by rising id, and a stable sort leaves equal ones in that order.
        ids_NM = xp.reshape(xp.nonzero(keep_NV)[1], (rows_NV.shape[0], count))
        values_NM = xp.take_along_axis(rows_NV, ids_NM, axis=-1)
        order_NM = xp.argsort(-values_NM, axis=-1, stable=True)
        ids_NM = xp.take_along_axis(ids_NM, order_NM, axis=-1)
    else:
        # A tie at the last place: only a stable sort of the whole row puts its lowest ids first.
        ids_NM = xp.argsort(-rows_NV, axis=-1, stable=True)[:, :count]
    return xp.reshape(ids_NM, (*logits.shape[:-1], count))
