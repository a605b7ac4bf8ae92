"""What is steered by feedback from the text: mirostat 1 and 2 (a truncation), and adaptive_p (a target probability).

What they remember belongs to the text: a stage reads it from the row's state, and `next_mu` and `next_average` give the
one after a token. Surprise is in bits here, and nowhere else in retort: so are the tau that users know and mu, in the
paper and in llama.cpp. Legend: N rows, M candidates.
"""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, largest, like, namespace, widened
from retort.distribution.ranking import SLACK, flat_rows
from retort.distribution.softmax import Weights, finite
from retort.transforms.context import NOTHING_KNOWN, Context
from retort.transforms.parameters import Parameter, choice, share
from retort.transforms.transform import column, transform
from retort.transforms.truncation import above, top_k

LN_2 = math.log(2.0)

ZIPF_TOKENS = 100
"""Version 1 estimates the exponent of Zipf's law from this many of the most likely tokens (the paper's m)."""

VERSION = Parameter(
    "version",
    "1 or 2 (None or 0: off)",
    low=1,
    high=2,
    off_values=(0,),
    whole=True,
    for_all=True,
    setting="mirostat",
)
TAU = Parameter("tau", "a finite number of bits, 0 or more", low=0.0, default=5.0, setting="mirostat_tau")
ETA = Parameter("eta", "a finite number of 0 or more", low=0.0, default=0.1, setting="mirostat_eta")
SURPRISE = Parameter(
    "surprise",
    "model (of the distribution that comes in) or kept (of what is left of it)",
    default="model",
    kind=choice("model", "kept"),
)


def next_mu(mu: float | None, surprise: float, tau: float, eta: float) -> float:
    """`μ - η·(S - τ)`, all in bits: the bound after a token of surprise S. None is the start, 2·tau."""
    return (2.0 * tau if mu is None else mu) - eta * (surprise - tau)


def _next_mirostat(
    version: int,
    tau: float,
    eta: float,
    surprise: str,
    state: tuple[float, ...] | None,
    entering: float,
    leaving: float,
) -> tuple[float, ...]:
    """The state after a token with these log-probabilities (nats) before and after the stage."""
    observed = -(entering if surprise == "model" else leaving) / LN_2
    return (next_mu(state[0] if state else None, observed, tau, eta),)


@transform(
    "cut so that the mean surprise of the text comes to tau bits (version 1 or 2)",
    VERSION,
    TAU,
    ETA,
    SURPRISE,
    nested=False,
    once=True,
    needs=frozenset({"state"}),
    update=_next_mirostat,
)
def mirostat(
    logits: Array,
    version: Any,
    tau: Any = 5.0,
    eta: Any = 0.1,
    surprise: str = "model",
    *,
    context: Context = NOTHING_KNOWN,
) -> Array:
    """Logits with the tokens kept that mu, the row's bound on surprise, lets through; the others -inf.

    Version 2: `-log2 p_i ≤ μ` (ties with the bound stay). Version 1: the k most likely tokens, k from Zipf's law:
    `ŝ = Σ t_i·b_i / Σ t_i²` over the top 100, `t_i = ln((i+1)/i)`, `b_i = ln(p_i/p_{i+1})`;
    `k = floor((ε·2^μ / (1 - N^-ε))^(1/ŝ))`, `ε = ŝ - 1`, N the number of tokens not removed. Never fewer than one.
    μ is in bits, the row's own; it begins at 2·tau, and after each token `μ ← μ - eta·(S - tau)` (see `next_mu`), S the
    token's surprise: in the distribution that came in, as the paper has it, or with `surprise="kept"` in what was left,
    as llama.cpp does. A target below the surprise of the likeliest tokens, or above the entropy, is not reached; μ then
    moves on without bound, and takes as long to come back.
    Shapes `[..., vocab]`; version (1 or 2) one number, tau and eta numbers or `[...]`. None and 0 as version are off.
    Inside: float64. Raises InputError for unusable rows or settings out of range. Source: Basu, Ramachandran, Keskar,
    Varshney 2021, "Mirostat", algorithm 1 (arXiv 2007.14966); version 2 is the alternative that they discuss, with the
    bound on the surprise itself. Both as in llama.cpp but for `surprise`, and N there is the whole vocabulary.
    """
    mu_N1 = _bounds(logits, tau, context)
    if version == 2:
        return above(logits, Weights.of(flat_rows(logits)), -LN_2 * mu_N1)
    xp = namespace(logits)
    return top_k(logits, xp.reshape(zipf_counts(logits, mu_N1), logits.shape[:-1]))


def zipf_counts(logits: Array, mu_N1: Array) -> Array:
    """`[N, 1]` how many tokens version 1 keeps at each row's μ (bits); from 1 to all that are not removed."""
    xp = namespace(logits)
    rows_NV = flat_rows(logits)
    num_live_N1 = xp.sum(xp.astype(rows_NV > -math.inf, xp.float64), axis=-1, keepdims=True)
    exponent_N1 = zipf_exponent(rows_NV)
    log_live_N1 = xp.log(num_live_N1)
    # ∫ x^-s from 1 to N, the weight of all tokens if the first has weight 1: -expm1(-ε ln N)/ε, and ln N at ε = 0.
    excess_N1 = exponent_N1 - 1.0
    flat = xp.abs(excess_N1) < 1e-9
    safe_N1 = xp.where(flat, xp.ones_like(excess_N1), excess_N1)
    norm_N1 = xp.where(flat, log_live_N1, -xp.expm1(-safe_N1 * log_live_N1) / safe_N1)
    # The norm of one token is ln 1 = 0, of which there is no logarithm.
    alone_N1 = num_live_N1 < 2.0
    room_N1 = LN_2 * mu_N1 - xp.log(xp.where(alone_N1, xp.ones_like(norm_N1), norm_N1))
    # With ŝ = 0 every token has the same surprise: all are within the bound, or none is.
    steep_N1 = xp.clip(exponent_N1, min=1e-300)
    log_count_N1 = xp.clip(room_N1 / steep_N1, min=0.0)
    log_count_N1 = xp.where(log_count_N1 > log_live_N1, log_live_N1, log_count_N1)
    count_N1 = xp.floor(xp.exp(log_count_N1) * (1.0 + SLACK))
    return xp.where(count_N1 > num_live_N1, num_live_N1, count_N1)


def zipf_exponent(rows_NV: Array) -> Array:
    """`[N, 1]` least-squares estimate ŝ of the exponent in `p_i ∝ i^-s` from the likeliest tokens; 0 for one token."""
    xp = namespace(rows_NV)
    first_NM = xp.astype(largest(rows_NV, min(ZIPF_TOKENS, rows_NV.shape[-1])), xp.float64)
    # A pair with a removed token counts for nothing: its step is set to 0, in both sums.
    live_NM = first_NM[:, 1:] > -math.inf
    ratios_NM = finite(first_NM)[:, :-1] - finite(first_NM)[:, 1:]
    ranks_M = xp.astype(like(rows_NV, range(1, first_NM.shape[-1])), xp.float64)
    steps_NM = xp.where(live_NM, xp.log1p(1.0 / ranks_M), xp.zeros_like(ratios_NM))
    squares_N1 = xp.sum(steps_NM * steps_NM, axis=-1, keepdims=True)
    products_N1 = xp.sum(steps_NM * ratios_NM, axis=-1, keepdims=True)
    return products_N1 / xp.where(squares_N1 > 0.0, squares_N1, xp.ones_like(squares_N1))


def _bounds(logits: Array, tau: Any, context: Context) -> Array:
    """`[N, 1]` each row's μ in bits."""
    mu_N1 = 2.0 * column(tau, logits)
    for row, state in context.kept(mu_N1.shape[0], "mirostat"):
        mu_N1[row, 0] = state[0]
    return mu_N1


WIDTH = 0.3
"""Distances between probabilities are counted in this unit."""

PEAK = 5.0
SHARPNESS = 10.0
"""Logit of a token at the target, and how steeply it falls from there. All three are llama.cpp's."""

TARGET = share("target", off=-1.0, setting="adaptive_target")
DECAY = Parameter(
    "decay", "a number from 0 to 0.99", low=0.0, high=0.99, default=0.9, setting="adaptive_decay"
)


def next_average(
    state: tuple[float, ...] | None, probability: float, target: float, decay: float
) -> tuple[float, float]:
    """`(Σ decay^j p_{t-j}, Σ decay^j)` after a token of this probability; None: an endless past at the target."""
    # Sums of the geometric series of an endless past: Σ decay^j is 1/(1 - decay).
    total, weight = state if state else (target / (1.0 - decay), 1.0 / (1.0 - decay))
    return probability + decay * total, 1.0 + decay * weight


def _next_adaptive_p(
    target: float, decay: float, state: tuple[float, ...] | None, entering: float, leaving: float
) -> tuple[float, ...]:
    """The state after a token with this log-probability (nats) before the stage."""
    return next_average(state, math.exp(entering), target, decay)


@transform(
    "prefer tokens whose probability is near this target, and steer the average to it",
    TARGET,
    DECAY,
    nested=False,
    truncates=False,
    once=True,
    needs=frozenset({"state"}),
    update=_next_adaptive_p,
)
def adaptive_p(logits: Array, target: Any, decay: Any = 0.9, *, context: Context = NOTHING_KNOWN) -> Array:
    """New logits that are highest for the tokens whose probability is nearest to the row's adapted target.

    `z'_i = 5 - 10·d²/(1 + d)`, `d = |p_i - a| / 0.3`, p the probabilities that come in; removed tokens stay removed and
    none is removed. `a = clip(2·target - average, 0, 1)`, `average = Σ_j decay^j p_{t-j} / Σ_j decay^j` over the tokens
    chosen so far, as if an endless text at the target had come before. The order of the logits is lost, so it belongs
    at the end of a chain, after a truncation: without one, thousands of tokens of probability near 0 tie.
    Shapes `[..., vocab]`; target and decay numbers or `[...]`. None and -1 as target are off. Inside: float64; without
    gradient. Raises InputError for unusable rows or settings out of range. Source: MrJackSpade and ddh0 2025, as in
    llama.cpp (pull request 17927), with its constants.
    """
    xp = namespace(logits)
    rows_NV = flat_rows(logits)
    weights = Weights.of(rows_NV)
    target_N1 = column(target, logits)
    distance_NV = xp.abs(weights.weights_NV / weights.total_N1 - _adapted(logits, target_N1, context)) / WIDTH
    shaped_NV = PEAK - SHARPNESS * distance_NV * distance_NV / (1.0 + distance_NV)
    shaped_NV = xp.where(rows_NV > -math.inf, shaped_NV, xp.full_like(shaped_NV, -math.inf))
    # A row whose target is off, in a batch where others are on.
    shaped_NV = xp.where(target_N1 < 0.0, xp.astype(rows_NV, xp.float64), shaped_NV)
    return xp.reshape(xp.astype(shaped_NV, widened(logits).dtype), logits.shape)


def _adapted(logits: Array, target_N1: Array, context: Context) -> Array:
    """`[N, 1]` the probability aimed at now: as far beyond the target as the average lies before it."""
    average_N1 = target_N1 + 0.0  # a copy, which is written below
    for row, state in context.kept(target_N1.shape[0], "adaptive_p"):
        average_N1[row, 0] = state[0] / state[1]
    return namespace(logits).clip(2.0 * target_N1 - average_N1, min=0.0, max=1.0)
