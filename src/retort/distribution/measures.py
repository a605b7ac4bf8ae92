"""Measures of one distribution, and what each of their names means everywhere in retort.

One position of a text has three distributions:

- *raw*: `softmax(z)` of the model's own logits z, at τ = 1, nothing removed.
- *shaped*: raw after what a chain moves and before what it removes: bias, penalties, DRY and the temperature, in the
  chain's order, applied to every token. A dynamic temperature counts as the number that it was on this row. τ = 0
  removes tokens instead of dividing, so it counts as a cut; so does a ban by rule (bad words, a grammar, a bias of
  -inf). adaptive_p, which replaces the logits of what is left, is no part of it.
- *processed*: what the whole chain leaves, renormalised; the token is drawn from this one.

Their measures:

- `kept_mass` of a *stage*: the share of the mass entering the stage that is on the tokens leaving it.
- `kept_mass` of a *token, sample or chain* (`log_kept_mass` is its logarithm): the shaped probability of the tokens
  that survive the chain. At τ = 0 it is the shaped probability of the one token left; 1 where nothing is removed.
- `kept_raw_mass`: the raw probability of the tokens that survive the chain.
- `margin`, in logits: by how much the chosen token won. Of a greedy choice, the gap between the two largest logits that
  enter the temperature of 0, so after bias and penalties. Of a draw, the lead of the winner in `z' + τ·g`: z' are the
  logits before the division by τ, τ is the temperature of this row and g its noise, so it is τ times the lead in
  `z'/τ + g`. Of a row on which nothing is drawn, the gap of its two largest raw logits. inf where one token is left.
- `near_tie`: margin ≤ the noise scale.
- `flip_risk`: the chance that numerical noise makes another token the best one, all rivals counted (`flips.py`); of the
  logits that enter a greedy choice, raw ones where there is no chain. Of a text: `1 - Π(1 - r_t)`.
- `entropy_nats`: of the distribution that the record names: raw at τ = 1, tempered in the column of another τ;
  `entropy_processed_nats` is always that of processed.

A measure that is only known in part is an `Interval`; an exact one has low equal to high.

The functions take logits `[..., vocab]` (log-probabilities are logits too) and a temperature, and return `[...]`.
Removed tokens are -inf and count for nothing: 0·ln 0 = 0. Inside: float64 for numpy, at least float32 for torch.
Entropies are in nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, as_floats, detached, largest, namespace
from retort.distribution.ranking import flat_rows, keep_first, nucleus
from retort.distribution.softmax import check_logits, extremes, log_softmax, per_row, softmax, tempered
from retort.errors import InputError

LEAKAGE_MASS = 0.9
"""Leakage counts mass outside the set that holds this share of the distribution at temperature 1."""


@dataclass(frozen=True)
class Interval:
    """Smallest and largest value that agrees with what is known: numbers, or arrays of one shape."""

    low: Any
    high: Any

    @property
    def width(self) -> Any:
        """`high - low`: how much is unknown; 0 where both ends are the same infinity."""
        with np.errstate(invalid="ignore"):
            return np.where(np.equal(self.low, self.high), 0.0, np.subtract(self.high, self.low))[()]

    @property
    def exact(self) -> bool:
        """True where the value is known: low equals high, everywhere in an array."""
        return bool(np.all(np.equal(self.low, self.high)))


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
