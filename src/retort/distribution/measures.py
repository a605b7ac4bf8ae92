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
- `flip_risk`: the chance that numerical noise makes another token the best one, all rivals counted; of the
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
from numpy.typing import NDArray

from retort.distribution.arrays import Array, Floats, as_floats, detached, largest, namespace, to_numpy
from retort.distribution.ranking import flat_rows, keep_first, nucleus, top_ids
from retort.distribution.softmax import check_logits, extremes, log_softmax, per_row, softmax, tempered
from retort.errors import CapabilityError, InputError

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

    def __float__(self) -> float:
        """The value, where it is known; raises CapabilityError where it is not."""
        if not self.exact:
            raise CapabilityError(
                f"This number is known only to lie between {self.low:g} and {self.high:g}; use its low and high."
            )
        return float(self.low)

    def __format__(self, spec: str) -> str:
        """One number where it is known, else both ends: `low … high`."""
        low, high = format(self.low, spec), format(self.high, spec)
        return low if self.exact else f"{low} … {high}"


def as_interval(value: Any) -> Interval:
    """`value` as it is if it is an Interval, else the one with both ends there: what a whole distribution measures."""
    return value if isinstance(value, Interval) else Interval(value, value)


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
    q = softmax(processed). Raises InputError for shapes that differ.
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


ELEMENTS_AT_ONCE = 2**16
"""Logits read at a time: two float64 copies of them must stay in a core's own cache."""

NOTHING = -750.0
"""e^x is 0 in float64 from here down, so −inf may stand as this where 0 · −inf would be NaN."""


@dataclass(frozen=True)
class RowsRead:
    """Arrays `[rows]`, float64 and int64; nats at τ = 1.

    - `log_probs`: of each row's token; -inf where it cannot come.
    - `best_log_probs`: of the token with the largest logit, `best` (the lowest id of equals).
    - `entropy`.
    - `margin`: the largest logit minus the second; inf where only one token can come.
    - `ranks`: the token's place, from 1, by falling logit, equals by rising id.
    - `support`: how many tokens can come.
    """

    log_probs: Floats
    best_log_probs: Floats
    entropy: Floats
    margin: Floats
    ranks: NDArray[np.int64]
    best: NDArray[np.int64]
    support: NDArray[np.int64]


def read_rows(logits: Any, ids: Any) -> RowsRead:
    """What rows `[rows, vocab]` of any floating dtype say of the tokens `ids` `[rows]`. float64 inside.

    Raises InputError for shapes that do not fit, and for a row that holds NaN or +inf, or nothing above -inf.
    """
    rows, tokens = to_numpy(logits), np.asarray(ids, dtype=np.int64)
    if rows.ndim != 2 or tokens.shape != rows.shape[:1]:
        raise InputError(
            f"reading takes rows [n, vocab] and ids [n], got shapes {rows.shape}, {tokens.shape}"
        )
    count, vocab = rows.shape
    numbers = np.empty((4, count))
    wholes = np.empty((3, count), dtype=np.int64)
    step = max(1, ELEMENTS_AT_ONCE // vocab)
    scratch = np.empty((2, min(step, count), vocab))
    # A few rows at a time, all measures of them at once: each of five passes over a large array would wait for memory.
    for first in range(0, count, step):
        part = slice(first, first + step)
        _read(rows[part], tokens[part], scratch, numbers[:, part], wholes[:, part])
    return RowsRead(*numbers, *wholes)


def _read(
    rows: NDArray[Any], tokens: NDArray[np.int64], scratch: Floats, numbers: Floats, wholes: NDArray[np.int64]
) -> None:
    places = np.arange(len(rows))
    x, weights = scratch[0, : len(rows)], scratch[1, : len(rows)]
    best = rows.argmax(axis=1)
    largest = rows[places, best].astype(np.float64)
    if not np.isfinite(largest).all():  # argmax finds NaN, too
        raise InputError(
            "rows of logits must be free of NaN and +inf and leave some token; check the model that made them"
        )
    np.subtract(rows, largest[:, None], out=x, dtype=np.float64)
    np.exp(x, out=weights)
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore"):
        # Σ w·x as a product of matrices makes no third array; a removed token makes it 0 · −inf, which is NaN.
        moment = np.matmul(x[:, None, :], weights[:, :, None])[:, 0, 0]
    support = np.full(len(rows), rows.shape[1])
    for row in np.flatnonzero(np.isnan(moment)):  # 0 · −inf: some token cannot come
        moment[row] = np.dot(np.maximum(x[row], NOTHING), weights[row])
        support[row] = np.count_nonzero(x[row] > -np.inf)
    log_total = np.log(total)
    chosen = rows[places, tokens]
    # Row by row: counting along an axis goes through a slow sum of booleans.
    ranks = [
        1
        if token == first
        else 1 + np.count_nonzero(row[:token] >= own) + np.count_nonzero(row[token + 1 :] > own)
        for row, token, first, own in zip(rows, tokens.tolist(), best.tolist(), chosen, strict=True)
    ]
    numbers[0] = x[places, tokens] - log_total
    numbers[1] = -log_total
    numbers[2] = np.maximum(log_total - moment / total, 0.0)
    x[places, best] = -np.inf
    # x counts from the largest logit, so without the best token its maximum is the margin with a minus; inf if none is
    # left.
    numbers[3] = -x.max(axis=1)
    wholes[:] = ranks, best, support


NOISE_SCALE = 1e-4
"""How far two logits of one row may move against each other between two runs of the same model, by default.

Float32 inference of models of ordinary size moves logits of magnitude 10 by 1e-6 to 1e-4 when the batch size, the
kernel or the order of summation changes. In bfloat16 it is 1e-2 to 1e-1: pass `noise_scale` what you measured.
"""

FARTHEST = 9.0
"""A rival more standard deviations behind than this overtakes with a chance below 1e-18."""

# scipy's own is quicker, and longer to import than all of a look.
_erfc = np.vectorize(math.erfc, otypes=[np.float64])

# Nodes of the trapezoid rule over the best token's own noise: its error is far below 1e-9, since all derivatives of the
# integrand vanish at both ends.
_NODES = np.linspace(-FARTHEST, FARTHEST, 145)
_DENSITY = np.exp(-0.5 * _NODES**2)
_DENSITY /= _DENSITY.sum()


def noise_scale(logits: Array, replayed: Array) -> float:
    """Root mean square change of the top-two gap between two runs over the same text (logit units).

    Shapes: both `[positions, vocab]`, from a replay in another dtype, batch size or order. The gap followed
    is between the two tokens that lead in `logits`. Raises InputError for shapes that differ.
    """
    first, second = (to_numpy(as_floats(values)).astype(np.float64) for values in (logits, replayed))
    if first.shape != second.shape:
        raise InputError(f"a replay must have the shape of the original {first.shape}, got {second.shape}")
    leaders = top_ids(first, 2)
    if leaders.shape[-1] < 2:
        raise InputError("a gap needs at least two tokens, got a vocabulary of one")
    gaps = [np.diff(np.take_along_axis(values, leaders, axis=-1), axis=-1) for values in (first, second)]
    return math.sqrt(float(np.mean((gaps[0] - gaps[1]) ** 2)))


def flip_risk(logits: Array, noise: float) -> NDArray[np.float64]:
    """`[...]` chance that noise makes another token than the best one the largest, from logits `[..., vocab]`.

    Each logit moves by an independent Gaussian of standard deviation `noise`/√2, so each gap between two by `noise`.
    With m_i the gaps to the best token in units of noise/√2, the risk is `1 - ∫ φ(x) Π_i Φ(x + m_i) dx`: one rival
    gives `½ erfc(m/(noise·√2))`, n tied tokens give `1 - 1/n`. Noise 0 is the limit: only ties are at risk.
    Raises InputError for noise that is negative or not finite, and for unusable rows.
    """
    rows = to_numpy(as_floats(logits))
    check_logits(rows)
    check_noise(noise)
    flat = rows.reshape(-1, rows.shape[-1])
    risks = np.empty(len(flat))
    # Row by row: how many rivals are near enough to matter differs, and is a handful of 128,000.
    for place, row in enumerate(flat):
        gaps = row.max() - row[row >= row.max() - FARTHEST * noise].astype(np.float64)
        risks[place] = _risk(np.sort(gaps)[1:], np.ones(len(gaps) - 1), noise)
    return risks.reshape(rows.shape[:-1])


def risk_of_gaps(gaps: Array, noise: float, counts: Array = 1.0) -> float:
    """As `flip_risk` for one token, whose rivals lie `gaps` `[rivals]` below it, `counts` of them at each gap."""
    values = np.asarray(gaps, dtype=np.float64)
    check_noise(noise)
    if not (values >= 0.0).all():
        raise InputError("gaps must be 0 or more, got a negative one or NaN")
    near = values <= FARTHEST * noise
    return _risk(
        values[near], np.broadcast_to(np.asarray(counts, dtype=np.float64), values.shape)[near], noise
    )


def swap_risk(margins: Array, noise: float) -> NDArray[np.float64]:
    """`[...]` chance that one rival this far behind overtakes, whatever the others do: `½ erfc(m / (noise·√2))`.

    Raises InputError for noise or margins that are negative or NaN.
    """
    values = np.asarray(to_numpy(margins) if hasattr(margins, "detach") else margins, dtype=np.float64)
    check_noise(noise)
    if not (values >= 0.0).all():
        raise InputError("margins must be 0 or more, got a negative one or NaN; use margin(logits)")
    if noise == 0.0:
        return np.where(values == 0.0, 0.5, 0.0)
    return 0.5 * _erfc(values / (noise * math.sqrt(2.0)))


def text_flip_risk(risks: Array) -> float:
    """Chance that a text of these positions `[positions]` changes somewhere: `1 - Π (1 - r_t)`, 0 for no positions."""
    values = np.asarray(risks, dtype=np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise InputError("risks must be probabilities from 0 to 1, got one outside")
    with np.errstate(divide="ignore"):
        # In logarithms: 1 - Π(1 - r) would lose risks below 1e-16. A risk of 1 is ln 0, and the text's risk is 1.
        return float(-np.expm1(np.sum(np.log1p(-values))))


def check_noise(noise: float) -> None:
    """Nothing if `noise` is a finite standard deviation of 0 or more; else raises InputError."""
    if not noise >= 0.0 or not math.isfinite(noise):
        raise InputError(f"noise must be a finite standard deviation of 0 or more, got {noise}")


def _risk(gaps: NDArray[np.float64], counts: NDArray[np.float64], noise: float) -> float:
    """The risk from the gaps of the rivals that are near enough to count."""
    total = float(counts.sum())
    if total == 0.0:
        return 0.0
    if noise == 0.0 or not gaps.any():
        tied = float(counts[gaps == 0.0].sum())
        return tied / (tied + 1.0)
    # One rival has a closed form, so the integral is not needed.
    if total == 1.0:
        return 0.5 * math.erfc(float(gaps[0]) / (noise * math.sqrt(2.0)))
    # Rivals at one gap share a factor, Φ(x + m) to the power of their number: a list's unknown tokens are thousands at
    # one.
    levels, which = np.unique(gaps, return_inverse=True)
    times = np.bincount(which, counts)
    # [nodes, levels] chance Φ(x + m) that a rival at this gap stays behind the best token's own noise x.
    behind = 0.5 * _erfc(-(_NODES[:, None] + levels * (math.sqrt(2.0) / noise)) / math.sqrt(2.0))
    with np.errstate(divide="ignore"):
        # 1 - Π Φ^n as -expm1(Σ n ln Φ), which keeps the digits of a small risk.
        return float(-np.sum(_DENSITY * np.expm1(np.log(behind) @ times)))
