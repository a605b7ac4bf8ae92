"""Truncations that look at one token's rank or probability: top_k, top_p, min_p, the ε and η cutoffs, top_n_sigma, xtc.

Legend: N rows, V vocabulary, M candidates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, detached, largest, like, namespace, token_ids
from retort.distribution.ranking import ROUNDING, SLACK, flat_rows, keep_first, nucleus
from retort.distribution.softmax import Weights, finite, gaps, is_per_row, per_row
from retort.transforms.context import NOTHING_KNOWN, Context
from retort.transforms.parameters import IDS, Parameter, choice, share
from retort.transforms.transform import column, only, transform

MIN_KEEP = Parameter(
    "min_keep", "a whole number of 1 or more", low=1, default=1, whole=True, for_all=True, setting="min_keep"
)
"""However deep a truncation would cut, it keeps this many tokens (those with the largest logits)."""

K = Parameter(
    "top_k",
    "a whole number of 1 or more (None, 0 or -1: off)",
    low=1,
    off_values=(0, -1),
    off_from=2.0**53,  # more tokens than any vocabulary has: all are kept
    whole=True,
    setting="top_k",
)
TIES = Parameter("ties", "lowest (ids first) or all", default="lowest", kind=choice("lowest", "all"))

TOP_P = share("top_p", off=1.0)
P_TIES = Parameter(
    "ties", "lowest or highest (ids first), or all", default="lowest", kind=choice("lowest", "highest", "all")
)

MIN_P = share("min_p", off=0.0)


@transform("keep this many of the most likely tokens", K, TIES, temperature_free=True)
def top_k(logits: Array, k: Any, ties: str = "lowest") -> Array:
    """Logits with exactly the k largest kept (ties at the k-th place: lowest ids), the others -inf.

    `ties="all"` keeps every token that ties with the k-th. Shapes `[..., vocab]`; k a whole number or `[...]`. None,
    0, -1 keep everything. dtype as given.
    Raises InputError for unusable rows or k that is not a whole number of 1 or more.
    Source: Fan, Lewis, Dauphin 2018, section 5.
    """
    num_tokens = logits.shape[-1]
    if not is_per_row(k):
        # k as large as the vocabulary is no cut: the logits go back as they are, without a look at them.
        if k >= num_tokens:
            return logits
        count, limit = like(logits, [[k]]), k
    else:
        xp = namespace(logits)
        # A row that is off keeps all tokens, so that one partition serves rows with and without a cut.
        wanted = per_row(k, logits)
        wanted = xp.where((wanted <= 0) | (wanted > num_tokens), xp.full_like(wanted, num_tokens), wanted)
        count = xp.astype(xp.reshape(wanted, (-1, 1)), xp.int64)
        limit = int(xp.max(count)) if count.shape[0] else 1
    rows_NV = flat_rows(logits)
    xp = namespace(rows_NV)
    count_N1 = xp.broadcast_to(count, (rows_NV.shape[0], 1))
    candidates_NM = largest(rows_NV, limit)
    return keep_first(logits, count_N1, xp.take_along_axis(candidates_NM, count_N1 - 1, axis=-1), ties)


@transform(
    "keep the smallest set of tokens that holds this share of the probability",
    TOP_P,
    P_TIES,
    MIN_KEEP,
    aliases=("nucleus",),
)
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
    return keep_first(logits, *nucleus(flat_rows(logits), column(p, logits), min_keep), ties)


@transform("keep tokens with at least this share of the most likely token's probability", MIN_P, MIN_KEEP)
def min_p(logits: Array, p: Any, min_keep: int = 1) -> Array:
    """Logits with the tokens kept that have at least p times the largest probability, the others -inf.

    `p_i ≥ p · max_j p_j`, that is `z_i ≥ max z + ln p`; and the `min_keep` largest (lowest ids first) in any case.
    Shapes `[..., vocab]`; p a number or `[...]`. None and 0 keep everything. Raises InputError for unusable rows or p
    outside [0, 1]. Source: Nguyen et al. 2024, algorithm 1.
    """
    xp = namespace(logits)
    values = detached(logits)
    # In logits, where no probability is needed: a sum over the vocabulary would move the threshold by its rounding.
    maximum = xp.astype(xp.max(values, axis=-1, keepdims=True), xp.float64)
    with np.errstate(divide="ignore"):
        threshold = maximum + xp.log(per_row(p, logits)) - ROUNDING
    kept = xp.where(values >= threshold, logits, -math.inf)
    # The largest logit always passes, so only more than one token may have to be put back.
    return with_first(kept, logits, min_keep) if min_keep > 1 else kept


def with_first(kept: Array, logits: Array, min_keep: int, ties: str = "lowest") -> Array:
    """`kept` with the `min_keep` largest of `logits` put back where they were removed; `ties` as for `top_k`."""
    first = top_k(logits, min_keep, ties)
    return namespace(logits).where(first > -math.inf, first, kept)


EPSILON, ETA = share("epsilon_cutoff", off=0.0), share("eta_cutoff", off=0.0)


@transform("keep tokens with at least this probability", EPSILON, TIES, MIN_KEEP, nested=False)
def epsilon_cutoff(logits: Array, epsilon: Any, ties: str = "lowest", min_keep: int = 1) -> Array:
    """Logits with the tokens kept whose probability is at least epsilon, the others -inf.

    `p_i ≥ ε`; where fewer than `min_keep` tokens reach it, the `min_keep` most likely ones (ties: lowest ids, or all of
    them with `ties="all"`). Shapes `[..., vocab]`; epsilon a number or `[...]`. None and 0 keep everything. Inside:
    float64. Raises InputError for unusable rows or epsilon outside [0, 1]. Source: Hewitt, Manning, Liang 2022,
    "Truncation sampling as language model desmoothing" (arXiv 2210.15191), ε-sampling.
    """
    weights = Weights.of(flat_rows(logits))
    return above(logits, weights, _log(logits, epsilon), ties, min_keep)


@transform(
    "keep tokens above a threshold that falls as the entropy rises", ETA, TIES, MIN_KEEP, monotone=False
)
def eta_cutoff(logits: Array, epsilon: Any, ties: str = "lowest", min_keep: int = 1) -> Array:
    """Logits with the tokens kept whose probability is at least eta, a floor that falls with entropy, the others -inf.

    `p_i ≥ η`, `η = min(ε, √ε · e^{-H})`, H the entropy in nats of what comes in. Unlike epsilon_cutoff's, its set only
    grows with an earlier temperature: `d ln p_i/dτ = (E z - z_i)/τ²`, so a token that has passed ε goes on rising until
    its logit is the expected one, and from there on `-ln p_i ≤ H` keeps it. `min_keep`, `ties`, shapes, off-values,
    precision and errors as for `epsilon_cutoff`. Source: Hewitt, Manning, Liang 2022, η-sampling with α = √ε.
    """
    xp = namespace(logits)
    weights = Weights.of(flat_rows(logits))
    log_epsilon_N1 = _log(logits, epsilon)
    log_eta_N1 = xp.minimum(log_epsilon_N1, 0.5 * log_epsilon_N1 - weights.entropy_N1)
    return above(logits, weights, log_eta_N1, ties, min_keep)


def above(
    logits: Array, weights: Weights, log_floor_N1: Array, ties: str = "lowest", min_keep: int = 1
) -> Array:
    """Logits with the tokens kept that have `ln p_i ≥ log_floor` (nats), and the `min_keep` most likely."""
    # ROUNDING lets ten equal tokens pass a floor of 0.1, whatever the last bits of the two logarithms are.
    keep_NV = weights.gaps_NV >= log_floor_N1 + weights.log_total_N1 - ROUNDING
    return with_first(only(keep_NV, logits), logits, min_keep, ties)


def _log(logits: Array, share: Any) -> Array:
    """`[N, 1]` ln of a share; -inf where it is 0, which for a floor is off."""
    with np.errstate(divide="ignore"):
        return namespace(logits).log(column(share, logits))


SIGMAS = Parameter(
    "top_n_sigma",
    "a number above 0 (None, 0 or -1: off)",
    low=math.ulp(0.0),
    off_values=(0.0, -1.0),
    setting="top_n_sigma",
)


@transform(
    "keep logits within this many standard deviations of the largest",
    SIGMAS,
    aliases=("top_nsigma", "nsigma"),
    monotone=False,
    temperature_free=True,
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
    xp = namespace(logits)
    n_N1 = column(n, logits)
    gaps_NV = gaps(flat_rows(logits))
    # Removed tokens count neither in the mean nor in the number: 0 stands in for -inf, and is taken out again below.
    live_NV = gaps_NV > -math.inf
    num_live_N1 = xp.sum(xp.astype(live_NV, xp.float64), axis=-1, keepdims=True)
    mean_N1 = xp.sum(finite(gaps_NV), axis=-1, keepdims=True) / num_live_N1
    deviations_NV = xp.where(live_NV, gaps_NV - mean_N1, xp.zeros_like(gaps_NV))
    sigma_N1 = xp.sqrt(xp.sum(deviations_NV * deviations_NV, axis=-1, keepdims=True) / num_live_N1)
    # The slack is relative: both sides scale with 1/τ, so the same tokens stay at every temperature.
    keep_NV = (-gaps_NV <= n_N1 * sigma_N1 * (1.0 + SLACK)) | (n_N1 <= 0.0)
    return only(keep_NV, logits)


COIN_STREAM = 1
"""The stream of a row's noise that decides whether xtc acts; all streams are listed in sampling/noise.py."""

PROBABILITY = share("probability", off=0.0, setting="xtc_probability")
THRESHOLD = Parameter(
    "threshold", "a number from 0 to 1", low=0.0, high=1.0, default=0.1, setting="xtc_threshold"
)

XTC_MIN_KEEP = replace(MIN_KEEP, setting=None)
XTC_TIES = Parameter(
    "ties", "lowest (id stays) or all (stay)", default="lowest", kind=choice("lowest", "all")
)
LIKELY = Parameter(
    "likely",
    "reached (a probability of the threshold counts) or passed (it does not)",
    default="reached",
    kind=choice("reached", "passed"),
)
PROTECTED = Parameter(
    "protected", "token ids, such as 2 or [2 13]", default=(), setting="xtc_special_tokens", kind=IDS
)


@transform(
    "with this probability, remove every token above the threshold but the least likely of them",
    PROBABILITY,
    THRESHOLD,
    XTC_MIN_KEEP,
    XTC_TIES,
    LIKELY,
    PROTECTED,
    nested=False,
    needs=frozenset({"noise"}),
)
def xtc(
    logits: Array,
    probability: Any,
    threshold: Any = 0.1,
    min_keep: int = 1,
    ties: str = "lowest",
    likely: str = "reached",
    protected: Sequence[int] = (),
    *,
    context: Context = NOTHING_KNOWN,
) -> Array:
    """Logits with all likely tokens but the least likely of them -inf, with this probability; else as they are.

    Likely: `p_i ≥ threshold` (`likely="passed"`: above it). In a row whose coin falls `u < probability` and that has
    two likely tokens or more, only the one of smallest probability stays (ties: the lowest id, or all of them), the
    `protected` ones, and all that are not likely. So no row is emptied, and a threshold above 0.5 never acts. A row of
    which fewer than `min_keep` tokens would be left stays as it is. `u` is `context.uniforms(1)`, one number in [0, 1)
    for each row; probability 1 needs none.
    Shapes `[..., vocab]`; probability and threshold numbers or `[...]`. None and 0 are off. Inside: float64. Raises
    InputError for unusable rows, settings outside [0, 1], or no uniforms. Source: p-e-w 2024 (text-generation-webui,
    pull request 6335); min_keep as in llama.cpp (src/llama-sampler.cpp), the other three as in mlx-lm's apply_xtc.
    """
    xp = namespace(logits)
    acts_N1 = _coins(logits, probability, context)
    if not bool(xp.any(acts_N1)):
        return logits
    weights = Weights.of(flat_rows(logits))
    gaps_NV = weights.gaps_NV
    limit_N1 = _log(logits, threshold) + weights.log_total_N1
    likely_NV = gaps_NV > limit_N1 + ROUNDING if likely == "passed" else gaps_NV >= limit_N1 - ROUNDING
    # A threshold of 0 has the floor -inf, which removed tokens reach, too; one of them would be "the least likely".
    likely_NV = likely_NV & (gaps_NV > -math.inf)
    unlikely_first_NV = xp.where(likely_NV, -gaps_NV, xp.full_like(gaps_NV, -math.inf))
    stays_N1 = xp.argmax(unlikely_first_NV, axis=-1, keepdims=True)
    # A row without a likely token has nothing to lose; one with a single likely token keeps it as its least likely.
    stays_NV = token_ids(gaps_NV) == stays_N1
    if ties == "all":
        stays_NV = gaps_NV == xp.take_along_axis(gaps_NV, stays_N1, axis=-1)
    for token in protected:
        stays_NV = stays_NV | (token_ids(gaps_NV) == token)
    lost_NV = acts_N1 & likely_NV & ~stays_NV
    if min_keep > 1:
        left_NV = (gaps_NV > -math.inf) & ~lost_NV
        # All or nothing, as llama.cpp has it: tokens are not put back one by one.
        lost_NV = lost_NV & (xp.sum(xp.astype(left_NV, xp.int64), axis=-1, keepdims=True) >= min_keep)
    return only(~lost_NV, logits)


def _coins(logits: Array, probability: Any, context: Context) -> Array:
    """`[N, 1]` True for the rows in which xtc acts."""
    xp = namespace(logits)
    probability_N1 = column(probability, logits)
    # Where no row needs a coin none is asked for, so that `xtc(1.0)` works on a bare row of logits.
    if bool(xp.all((probability_N1 <= 0.0) | (probability_N1 >= 1.0))):
        return probability_N1 >= 1.0
    context.check(probability_N1.shape[0], "xtc", frozenset({"noise"}))
    assert context.uniforms is not None
    coins_N1 = like(logits, np.reshape(context.uniforms(COIN_STREAM), (-1, 1)), dtype=xp.float64)
    return coins_N1 < probability_N1
