"""How likely numerical noise is to flip the greedy token: why temperature 0 is not determinism."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from retort.distribution.arrays import Array, as_floats, to_numpy
from retort.distribution.ranking import top_ids
from retort.distribution.softmax import check_logits
from retort.errors import InputError

NOISE_SCALE = 1e-4
"""How far two logits of one row may move against each other between two runs of the same model, by default.

Float32 inference of models of ordinary size moves logits of magnitude 10 by 1e-6 to 1e-4 when the batch size, the
kernel or the order of summation changes. In bfloat16 it is 1e-2 to 1e-1: pass `noise_scale` what you measured.
"""

FARTHEST = 9.0
"""A rival more standard deviations behind than this overtakes with a chance below 1e-18."""

_erfc = np.vectorize(
    math.erfc, otypes=[np.float64]
)  # scipy's own is quicker, and longer to import than all of a look

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
    if total == 1.0:
        return 0.5 * math.erfc(float(gaps[0]) / (noise * math.sqrt(2.0)))
    levels, which = np.unique(gaps, return_inverse=True)
    times = np.bincount(which, counts)
    behind = 0.5 * _erfc(-(_NODES[:, None] + levels * (math.sqrt(2.0) / noise)) / math.sqrt(2.0))
    with np.errstate(divide="ignore"):
        return float(-np.sum(_DENSITY * np.expm1(np.log(behind) @ times)))
