"""How likely numerical noise is to flip the greedy token: why temperature 0 is not determinism."""

from __future__ import annotations

import math

import numpy as np

from retort.distribution.arrays import Array, as_floats, to_numpy
from retort.distribution.ranking import top_ids
from retort.errors import InputError

NOISE_SCALE = 1e-4
"""How far two logits of one row may move against each other between two runs of the same model, by default.

Float32 inference of models of ordinary size moves logits of magnitude 10 by 1e-6 to 1e-4 when the batch size, the
kernel or the order of summation changes. In bfloat16 it is 1e-2 to 1e-1: pass `noise_scale` what you measured.
"""


_erfc = np.vectorize(
    math.erfc, otypes=[np.float64]
)  # scipy's own is quicker, and longer to import than all of a look


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


def flip_risk(margins: Array, noise: float) -> np.ndarray:
    """`[...]` P(noise > margin) for Gaussian noise of standard deviation `noise` on the gap: `½ erfc(m /
    (σ√2))`.

    Margins `[...]` are top-two gaps in logit units; a tie has risk ½, and without noise only a tie is at
    risk. Raises InputError for noise or margins that are negative or NaN.
    """
    values = to_numpy(margins) if hasattr(margins, "detach") else np.asarray(margins)
    values = values.astype(np.float64)
    if not noise >= 0.0 or not math.isfinite(noise):
        raise InputError(f"noise must be a finite standard deviation of 0 or more, got {noise}")
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
