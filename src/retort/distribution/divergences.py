"""How far one distribution is from another, in nats: KL, Jensen-Shannon(β), skew KL, total variation. The
only copy.

All take normalised log-probabilities `[..., vocab]`, p first, and return `[...]`. KL(p ‖ q) is `kl(p, q)`;
the other direction is `kl(q, p)`. In distillation p is the teacher for forward KL. -inf marks a removed
token; 0·ln 0 = 0. Inside: float64 for numpy. torch keeps at least float32, is differentiable in both
arguments, and is not checked for normalisation (that would stall a device inside a training step).
"""

from __future__ import annotations

import math

import numpy as np

from retort.distribution.arrays import Array, as_floats, is_numpy, namespace, widened
from retort.distribution.softmax import check_log_probs
from retort.errors import InputError


def kl(log_probs_p: Array, log_probs_q: Array) -> Array:
    """`[...]` Kullback-Leibler divergence KL(p ‖ q) = `Σ p (ln p - ln q)` in nats.

    inf where q lacks a token that p has. For numpy it is summed as `Σ (p ln(p/q) - p + q)`, the same number
    for normalised rows, of which no term is negative, so that no clamp is needed and nearly equal rows keep
    their digits. Raises InputError for shapes that do not match, or (numpy) rows that are not normalised.
    Source: Kullback and Leibler 1951, eq. 2.4.
    """
    p, q = _pair(log_probs_p, log_probs_q)
    return _kl(p, q)


def jsd(log_probs_p: Array, log_probs_q: Array, beta: float = 0.5) -> Array:
    """`[...]` Jensen-Shannon divergence `β KL(p ‖ m) + (1 - β) KL(q ‖ m)`, m = β p + (1 - β) q, in nats.

    β = 0 gives KL(p ‖ q) and β = 1 gives KL(q ‖ p): the limits of JSD(β)/β and of JSD(β)/(1 - β), since
    JSD(β) itself vanishes there. The mixture is formed in log space. Raises InputError as `kl` does, and for
    β outside [0, 1]. Source: Agarwal et al. 2024 (GKD), eq. 1, with p the teacher.
    """
    if not 0.0 <= beta <= 1.0:
        raise InputError(f"beta must be a number from 0 (KL(p ‖ q)) to 1 (KL(q ‖ p)), got {beta}")
    p, q = _pair(log_probs_p, log_probs_q)
    if beta == 0.0:
        return _kl(p, q)
    if beta == 1.0:
        return _kl(q, p)
    mixture = _log_mixture(p, q, beta)
    return beta * _kl(p, mixture) + (1.0 - beta) * _kl(q, mixture)


def skew_kl(log_probs_p: Array, log_probs_q: Array, alpha: float = 0.1) -> Array:
    """`[...]` skew divergence KL(p ‖ α p + (1 - α) q) in nats; finite for every α > 0, and KL(p ‖ q) at α =
    0.

    `skew_kl(q, p)` is the reverse one. Raises InputError as `kl` does, and for α outside [0, 1].
    Source: Ko et al. 2024 (DistiLLM), eq. 4.
    """
    if not 0.0 <= alpha <= 1.0:
        raise InputError(f"alpha must be a number from 0 (plain KL) to 1, got {alpha}")
    p, q = _pair(log_probs_p, log_probs_q)
    return _kl(p, q if alpha == 0.0 else p if alpha == 1.0 else _log_mixture(p, q, alpha))


def total_variation(log_probs_p: Array, log_probs_q: Array) -> Array:
    """`[...]` total variation `½ Σ |p - q|`, from 0 to 1: the most by which the two differ on any set of
    tokens.

    Raises InputError as `kl` does.
    """
    p, q = _pair(log_probs_p, log_probs_q)
    xp = namespace(p)
    return 0.5 * xp.sum(xp.abs(xp.exp(p) - xp.exp(q)), axis=-1)


def _pair(log_probs_p: Array, log_probs_q: Array) -> tuple[Array, Array]:
    p, q = widened(as_floats(log_probs_p)), widened(as_floats(log_probs_q))
    if p.shape[-1] != q.shape[-1]:
        raise InputError(
            f"the two distributions must be over the same tokens, got vocabularies of {p.shape[-1]} and "
            f"{q.shape[-1]}; pad the smaller one's logits with -inf (never 0)"
        )
    if is_numpy(p) != is_numpy(q):
        raise InputError(
            "the two distributions must both be numpy arrays or both torch tensors, got one of each"
        )
    if is_numpy(p):
        check_log_probs(p, "the first distribution")
        check_log_probs(q, "the second distribution")
    return p, q


def _kl(p: Array, q: Array) -> Array:
    xp = namespace(p)
    probs_p = xp.exp(p)
    # Not p > -inf: a probability that underflows to 0 must count as 0 even against a removed token.
    present = probs_p > 0.0
    if not is_numpy(p):
        log_ratio = xp.where(present, p - q, xp.zeros_like(p))
        return xp.sum(probs_p * log_ratio, axis=-1)
    with np.errstate(invalid="ignore", over="ignore"):
        log_ratio = np.where(present, q - p, 0.0)
        # Near p = q the three terms cancel; expm1 keeps their difference. Far away exp(q - p) could overflow.
        near = np.abs(log_ratio) < 1.0
        close = probs_p * (np.expm1(np.where(near, log_ratio, 0.0)) - log_ratio)
        terms = np.where(near & present, close, np.exp(q) - probs_p - probs_p * log_ratio)
    return np.sum(terms, axis=-1)


def _log_mixture(p: Array, q: Array, share_of_p: float) -> Array:
    """ln(s p + (1 - s) q), where -inf in both stays -inf without a NaN in the gradient."""
    xp = namespace(p)
    neither = (p == -math.inf) & (q == -math.inf)
    # logaddexp(-inf, -inf) has a NaN gradient even where its result is not used, so one of the two is made finite.
    second = xp.where(neither, xp.zeros_like(q), q) + math.log1p(-share_of_p)
    return xp.where(neither, -math.inf, xp.logaddexp(p + math.log(share_of_p), second))
