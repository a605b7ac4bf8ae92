"""Truncations by entropy: typical_p keeps what is as surprising as expected, top_h what stays under a bound.

Legend: N rows, V vocabulary, B bins, M tokens of one bin, or candidates.
"""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, largest, namespace, token_ids
from retort.distribution.ranking import SLACK, cut, flat_rows, keep_first
from retort.distribution.softmax import Weights, finite, log_softmax
from retort.transforms.parameters import Parameter, choice, share
from retort.transforms.transform import column, only, transform
from retort.transforms.truncation import MIN_KEEP, TIES

MASS = share("typical_p", off=1.0)

BINS = 4096
"""Tokens are first sorted into this many bins by distance; only those of one bin are put in order."""

FARTHEST = 32.0
"""Distances of this many nats or more share the last bin: less than e^-32 of the mass for each token there."""


@transform(
    "keep the tokens whose surprise is nearest to the entropy, up to this share of the probability",
    MASS,
    TIES,
    MIN_KEEP,
    aliases=("typical", "typ_p", "typ"),
    nested=False,
)
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
    mass_N1 = column(p, logits)
    weights = Weights.of(flat_rows(logits))
    # Mass 1 keeps every token: the tail's mass may be less than the slack.
    keep_NV = _nearest(weights, mass_N1 * weights.total_N1 * (1.0 - SLACK), ties, min_keep) | (mass_N1 >= 1.0)
    return only(keep_NV, logits)


def _nearest(weights: Weights, needed_N1: Array, ties: str, min_keep: int) -> Array:
    """`[N, vocab]` True for the nearest tokens, until their weights reach what is needed and they are `min_keep`.

    Bins of rising distance are summed, so that only the tokens of the bin in which the set ends have to be sorted.
    """
    xp = namespace(needed_N1)
    # Above 0, or an empty first bin would hold "all that is needed" and nothing would be kept.
    needed_N1 = xp.clip(needed_N1, min=math.ulp(0.0))
    distance_NV = xp.abs(weights.gaps_NV - weights.mean_gap_N1)
    live_NV = weights.gaps_NV > -math.inf
    bin_NV = _bins(distance_NV)
    sums_NB = _sums_up_to(bin_NV, weights.weights_NV)
    ends_NB = sums_NB >= needed_N1
    counts_NB = xp.zeros_like(sums_NB)
    if min_keep > 1:
        counts_NB = _sums_up_to(bin_NV, xp.astype(live_NV, xp.float64))
        # A row may have fewer live tokens than min_keep: then all of them are enough.
        ends_NB = ends_NB & (counts_NB >= xp.clip(counts_NB[:, -1:], max=float(min_keep)))
    # Sums never fall, so counting the bins that reach the mass finds the first of them. The last one always does.
    end_N1 = BINS - 1 - xp.sum(xp.astype(ends_NB[:, :-1], xp.int64), axis=-1, keepdims=True)
    keep_NV = (bin_NV < end_N1) & live_NV
    # Row by row: how many tokens share the last bin differs, and there are few. Two stable sorts make the order:
    # by distance, then the more likely, then the lower id.
    for row in range(end_N1.shape[0]):
        end = int(end_N1[row, 0])
        ids_M = xp.nonzero((bin_NV[row] == end) & live_NV[row])[0]
        ids_M = ids_M[xp.argsort(-weights.gaps_NV[row][ids_M], stable=True)]
        ids_M = ids_M[xp.argsort(distance_NV[row][ids_M], stable=True)]
        # What the bins before hold is not recounted: their tokens are nearer, whatever their order.
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
    # Equal logits are all at distance 0: the lower bound keeps BINS / widest finite.
    widest_N1 = xp.clip(xp.max(distance_NV, axis=-1, keepdims=True), min=1e-290, max=FARTHEST)
    return xp.astype(xp.clip(distance_NV * (BINS / widest_N1), max=BINS - 1.0), xp.int64)


def _sums_up_to(bin_NV: Array, values_NV: Array) -> Array:
    """`[N, BINS]` sum of the values of each row in this bin and all before it."""
    xp = namespace(values_NV)
    num_rows = bin_NV.shape[0]
    # One count for all rows: row r has the places from r·BINS on.
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


SHARE = share("top_h", off=1.0)

ENTROPY = Parameter(
    "entropy",
    "kept (of what is kept, renormalised) or summed (its share of the row's)",
    default="kept",
    kind=choice("kept", "summed"),
)
AMONG = Parameter(
    "among", "a whole number of 1 or more, or 0 for all tokens", low=0, default=0, whole=True, for_all=True
)


@transform(
    "keep the most likely tokens whose entropy stays under this share of the row's",
    SHARE,
    ENTROPY,
    AMONG,
    nested=False,
)
def top_h(logits: Array, alpha: Any, entropy: str = "kept", among: int = 0) -> Array:
    """Logits with the longest run of most likely tokens kept whose own entropy is at most alpha times the row's.

    Tokens by falling logit, ties by lowest id; `q_n` is the distribution of the first n, renormalised. Kept are the
    first `n = max{k : H(q_k) ≤ α · H(p) · (1 + 2^-40)}`, entropies in nats. `H(q_k)` rises with k, so of all runs from
    the top this is the one of most mass under the bound. (Over all sets of tokens, the paper's problem, most mass is
    NP-hard; this is its greedy algorithm.) A uniform row of V tokens keeps `V^α`.
    `entropy="summed"`: the bound is on `Σ -p_i ln p_i` over the first n instead, so a uniform row keeps α·V tokens, and
    `among` makes the row's `among` most likely tokens all that there is; transformers does both, with 100.
    Shapes `[..., vocab]`; alpha a number or `[...]`. None and 1 keep everything; 0 keeps one token. Inside: float64.
    Raises InputError for unusable rows or alpha outside [0, 1]. Source: Baghaei Potraghloo, Azizi, Kundu, Pedram 2025,
    "Top-H decoding" (arXiv 2509.02510), the greedy algorithm; the authors' code and transformers leave out the
    renormalisation.
    """
    xp = namespace(logits)
    rows_NV = flat_rows(logits)
    alpha_N1 = column(alpha, logits)
    if among:
        rows_NV = largest(rows_NV, min(among, rows_NV.shape[-1]))
    if entropy == "summed":
        return keep_first(logits, *_summed(rows_NV, alpha_N1))
    limit_N1 = alpha_N1 * _entropy(rows_NV) * (1.0 + SLACK)
    # A row of 1 is off. With an entropy of 0 in float64 it would be cut to one token all the same.
    limit_N1 = xp.where(alpha_N1 >= 1.0, xp.full_like(limit_N1, math.inf), limit_N1)
    return keep_first(logits, *cut(rows_NV, lambda first_NM, rows: _under(first_NM, limit_N1[rows])))


def _summed(rows_NV: Array, alpha_N1: Array) -> tuple[Array, Array]:
    """As `cut`, where the bound is on the sum of the kept tokens' terms of the row's entropy."""
    xp = namespace(rows_NV)
    sorted_NV = largest(rows_NV, rows_NV.shape[-1])
    log_probs_NV = log_softmax(xp.astype(sorted_NV, xp.float64))
    terms_NV = -xp.exp(log_probs_NV) * finite(log_probs_NV)
    reached_NV = xp.cumulative_sum(terms_NV, axis=-1)
    within_NV = reached_NV <= alpha_N1 * reached_NV[:, -1:] * (1.0 + SLACK)
    count_N1 = xp.sum(xp.astype(within_NV, xp.int64), axis=-1, keepdims=True)
    # The first token alone may be over the bound; it stays.
    count_N1 = xp.where(count_N1 < 1, xp.full_like(count_N1, 1), count_N1)
    return count_N1, xp.take_along_axis(sorted_NV, count_N1 - 1, axis=-1)


def _entropy(rows_NV: Array) -> Array:
    """`[N, 1]` entropy of each row, right to the last digits even where nearly all the mass is on one token."""
    xp = namespace(rows_NV)
    weights = Weights.of(rows_NV)
    # ln Σ w as log1p of all but the winner's 1: added to it, weights below 1e-16 would vanish.
    winner_N1 = xp.argmax(rows_NV, axis=-1, keepdims=True)
    others_NV = xp.where(
        token_ids(rows_NV) == winner_N1, xp.zeros_like(weights.weights_NV), weights.weights_NV
    )
    return xp.log1p(xp.sum(others_NV, axis=-1, keepdims=True)) - weights.mean_gap_N1


def _under(candidates_NM: Array, limit_N1: Array) -> tuple[Array, Array]:
    """How many of the largest logits, falling, stay under a limit of entropy `[N, 1]`, and whether they pass it."""
    xp = namespace(candidates_NM)
    gaps_NM = xp.astype(candidates_NM, xp.float64) - xp.astype(candidates_NM[:, :1], xp.float64)
    weights_NM = xp.exp(gaps_NM)
    # Without the 1 of the largest: 1 + 1e-20 is 1, and the entropy of such a pair is not 0.
    others_NM = xp.cumulative_sum(weights_NM[:, 1:], axis=-1)
    spread_NM = xp.cumulative_sum(-weights_NM[:, 1:] * finite(gaps_NM[:, 1:]), axis=-1)
    entropy_NM = xp.log1p(others_NM) + spread_NM / (1.0 + others_NM)
    # Weights that are 0 in float64 add no entropy, so a bound of 0 has to be said to be passed.
    passed_NM = (entropy_NM > limit_N1) | (limit_N1 <= 0.0)
    # Entropies rise with n, up to rounding: from the first that is over the bound on, all count as over it.
    passed_NM = xp.cumulative_sum(xp.astype(passed_NM, xp.int64), axis=-1) > 0
    # `passed` has a column from the second token on, so at least the first is kept.
    count_N1 = candidates_NM.shape[-1] - xp.sum(xp.astype(passed_NM, xp.int64), axis=-1, keepdims=True)
    return count_N1, xp.any(passed_NM, axis=-1, keepdims=True)
