"""When a draft token stands and how often, from the two distributions alone: the arithmetic of `speculative`.

p are the target's probabilities, q the draft's, both after their chains. Legend: G rows, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.errors import InputError


@dataclass(frozen=True)
class Judged:
    """`[g]` each: whether the draft token stands, the token there now, ln(p/q) of the draft token, ln of the coin."""

    stands: np.ndarray
    ids: np.ndarray
    log_ratio: np.ndarray
    log_coin: np.ndarray


def judge_residual(
    target_GV: np.ndarray,
    draft_GV: np.ndarray,
    drafted_G: np.ndarray,
    coins_G: np.ndarray,
    picks_G: np.ndarray,
) -> Judged:
    """The draft token x where `coin < p_x/q_x`, else the token that `pick` finds in `max(p - q, 0)`, normalised.

    Shapes: log-probabilities `[g, vocab]` (nats, float64), the others `[g]`; coins and picks uniform in (0, 1).
    P(x stands) + P(refused)·residual_x = min(p_x, q_x) + max(p_x - q_x, 0) = p_x. A pick finds a token by the sums of
    the residual in order of ids, so its law is right to the grain of the uniform, 2^-52.
    Raises InputError where q_x = 0: the draft cannot have drawn x. Source: Leviathan, Kalman, Matias 2023, algorithm 1.
    """
    each = np.arange(len(drafted_G))
    own_G = draft_GV[each, drafted_G]
    if not (own_G > -np.inf).all():
        token = int(drafted_G[np.argmin(own_G)])
        raise InputError(
            f"draft token {token} has probability 0 in the draft's own distribution, so it was not drawn from it; "
            "pass the logits and draft_params that it was drawn with"
        )
    log_ratio_G = target_GV[each, drafted_G] - own_G
    log_coin_G = np.log(coins_G)
    sums_GV = np.cumsum(np.maximum(np.exp(target_GV) - np.exp(draft_GV), 0.0), axis=-1)
    # Where p = q up to rounding nothing is left to draw from; the draft token then is a draw from p as it is.
    stands_G = (log_coin_G < log_ratio_G) | (sums_GV[:, -1] == 0.0)
    wanted_G1 = picks_G[:, None] * sums_GV[:, -1:]
    # Rounding may lift the product to the total itself, which no sum exceeds; the last token of the residual is meant.
    last_G = np.argmax(sums_GV >= sums_GV[:, -1:], axis=-1)
    picked_G = np.minimum((sums_GV <= wanted_G1).sum(axis=-1), last_G)
    return Judged(stands_G, np.where(stands_G, drafted_G, picked_G), log_ratio_G, log_coin_G)


def residual_rate(target_log_probs: Any, draft_log_probs: Any) -> np.ndarray:
    """`[...]` probability that a token drawn from the draft stands under "residual": `Σ_i min(p_i, q_i) = 1 - TV`.

    Shapes `[..., vocab]`, log-probabilities in nats; float64. Source: Leviathan, Kalman, Matias 2023, theorem 3.5.
    """
    return np.minimum(_probs(target_log_probs), _probs(draft_log_probs)).sum(axis=-1)


def coupled_rate(target_log_probs: Any, draft_log_probs: Any) -> np.ndarray:
    """`[...]` probability that a token drawn from the draft stands under "coupled".

    `Σ_i 1 / Σ_j max(p_j/p_i, q_j/q_i)`: token i wins both races over the same arrivals T if every other
    `T_j ≥ T_i·max(p_j/p_i, q_j/q_i)`, and the arrivals are exponential. Where the ratio p_j/q_j is above that of i the
    first term is the larger, else the second, so one sort by that ratio serves all i. At least `(1 - TV)/(1 + TV)`.
    Shapes `[..., vocab]`, log-probabilities in nats; float64.
    Source: Daliri, Musco, Suresh 2024 (the bound; the sum follows from the race).
    """
    target, draft = (np.asarray(values, dtype=np.float64) for values in (target_log_probs, draft_log_probs))
    known = np.maximum(target, draft) > -np.inf
    ratio = np.full(known.shape, -np.inf)
    np.subtract(target, draft, out=ratio, where=known)
    order = np.argsort(ratio, axis=-1)
    p, q = (np.take_along_axis(np.exp(values), order, axis=-1) for values in (target, draft))
    p_from_here = np.cumsum(p[..., ::-1], axis=-1)[..., ::-1]
    q_before = np.cumsum(q, axis=-1) - q
    both = (p > 0.0) & (q > 0.0)
    rates = np.zeros(both.shape)
    np.divide(p_from_here, p, out=rates, where=both)
    rates += np.divide(q_before, q, out=np.zeros(both.shape), where=both)
    return np.divide(1.0, rates, out=np.zeros(both.shape), where=both).sum(axis=-1)


def residual_chance(log_ratio: Any) -> np.ndarray:
    """`[...]` probability that a given draft token x stands under "residual": `min(1, p_x/q_x)`, from ln(p_x/q_x)."""
    return np.exp(np.minimum(log_ratio, 0.0))


def coupled_chance(target_GV: np.ndarray, draft_GV: np.ndarray, drafted_G: np.ndarray) -> np.ndarray:
    """`[G]` probability that a given draft token x stands under "coupled": `1 / Σ_j max(q_j, p_j·q_x/p_x)`.

    The chance that x wins both races, `coupled_rate`'s summand, over q_x, the chance that it wins the draft's.
    """
    each = np.arange(len(drafted_G))
    log_ratio_G = target_GV[each, drafted_G] - draft_GV[each, drafted_G]
    possible = log_ratio_G > -np.inf
    with np.errstate(over="ignore"):
        sums = np.exp(np.maximum(draft_GV, target_GV - np.where(possible, log_ratio_G, 0.0)[:, None])).sum(
            axis=-1
        )
    return np.where(possible, 1.0 / sums, 0.0)


def _probs(log_probs: Any) -> np.ndarray:
    return np.exp(np.asarray(log_probs, dtype=np.float64))
