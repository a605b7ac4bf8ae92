"""Measures of one distribution: how uncertain it is, how far ahead the winner is, and how much a chain lets
through.

Each takes logits `[..., vocab]` (log-probabilities are logits too) and a temperature, and returns `[...]`.
Removed tokens are -inf and count for nothing: 0·ln 0 = 0. Inside: float64 for numpy, at least float32 for
torch. Entropies are in nats.
"""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, as_floats, detached, largest, namespace
from retort.distribution.ranking import flat_rows, keep_first, nucleus
from retort.distribution.softmax import check_logits, extremes, log_softmax, per_row, softmax, tempered
from retort.errors import InputError

LEAKAGE_MASS = 0.9
"""Leakage counts mass outside the set that holds this share of the distribution at temperature 1."""


def entropy(logits: Array, temperature: Any = 1.0) -> Array:
    """`[...]` entropy in nats of softmax(z/τ): `H = -Σ p ln p`. 0 at τ = 0, ln vocab for a uniform row."""
    return entropy_of_log_probs(log_softmax(logits, temperature))


def entropy_of_log_probs(log_probs: Array) -> Array:
    """`[...]` entropy in nats of normalised rows: `-Σ p ln p` with 0·ln 0 = 0, gradient too."""
    xp = namespace(log_probs)
    finite = xp.where(log_probs == -math.inf, xp.zeros_like(log_probs), log_probs)
    return xp.clip(-xp.sum(xp.exp(log_probs) * finite, axis=-1), min=0.0)


def effective_support(logits: Array, temperature: Any = 1.0) -> Array:
    """`[...]` `e^H`: the number of equally likely tokens that would be as uncertain."""
    entropies = entropy(logits, temperature)
    return namespace(entropies).exp(entropies)


def text_effective_support(entropies: Array) -> float:
    """`exp(mean H)` over the positions of a text, from their entropies `[positions]` in nats.

    Raises InputError for a text with no positions.
    """
    values = as_floats(entropies)
    return math.exp(float(namespace(values).mean(values)))


def support_size(logits: Array) -> Array:
    """`[...]` number of tokens with any probability, `#{q > 0}`: those whose logit is not -inf (int64)."""
    logits = as_floats(logits)
    check_logits(logits)
    xp = namespace(logits)
    return xp.sum(xp.astype(logits > -math.inf, xp.int64), axis=-1)


def margin(logits: Array) -> Array:
    """`[...]` gap between the two largest logits, `z₁ - z₂`; the odds of first to second at τ are
    `e^{margin/τ}`.

    inf where one token is left. Not scaled by temperature.
    """
    logits = as_floats(logits)
    check_logits(logits)
    xp = namespace(logits)
    if logits.shape[-1] == 1:
        return xp.full_like(logits[..., 0], math.inf)
    first_two = largest(flat_rows(logits), 2)
    return xp.reshape(first_two[:, 0] - first_two[:, 1], logits.shape[:-1])


def nucleus_size(logits: Array, mass: Any, temperature: Any = 1.0) -> Array:
    """`[...]` `n_p = min{k : top-k mass ≥ p}`: how many tokens hold the share `mass` at τ (int64).

    `mass` is a number from 0 to 1 or `[...]`; 1 is every token that has not been removed. Raises InputError otherwise.
    """
    _check_share(mass)
    logits = tempered(logits, temperature)
    check_logits(logits)
    rows_NV = flat_rows(logits)
    xp = namespace(rows_NV)
    count_N1, _ = nucleus(rows_NV, xp.reshape(per_row(mass, logits), (-1, 1)))
    live_N = xp.sum(xp.astype(rows_NV > -math.inf, xp.int64), axis=-1)
    return xp.reshape(xp.minimum(count_N1[:, 0], live_N), logits.shape[:-1])


def leakage(logits: Array, processed: Array, mass: float = LEAKAGE_MASS) -> Array:
    """`[...]` share of what is sampled that lies outside the τ = 1 nucleus: q-mass outside the top-`mass` set
    of p.

    Shapes: logits `[..., vocab]` raw, processed `[..., vocab]` logits after the chain; p = softmax(logits),
    q = softmax(processed). Raises InputError for shapes that differ. Source: FACTS.md, "Measures".
    """
    logits, processed = as_floats(logits), as_floats(processed)
    if logits.shape != processed.shape:
        raise InputError(
            f"leakage compares logits of one shape, got {tuple(logits.shape)} and {tuple(processed.shape)}"
        )
    _check_share(mass)
    check_logits(logits)
    q = softmax(processed)
    xp = namespace(q)
    inside = keep_first(
        detached(logits), *nucleus(flat_rows(logits), xp.reshape(per_row(mass, logits), (-1, 1)))
    )
    outside = inside == -math.inf
    return xp.sum(xp.where(outside, q, xp.zeros_like(q)), axis=-1)


def _check_share(mass: Any) -> None:
    least, most = extremes(mass, "the share of the mass")
    if not 0.0 <= least <= most <= 1.0:
        raise InputError(
            f"the share of the mass must be a number from 0 to 1, got {least if least < 0 else most:g}"
        )
