"""Quality against variety: which settings no other beats at both, and where incoherence begins to outrun novelty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.tune.samples import Floats
from retort.tune.settings import Axis
from retort.tune.statistics import resampled_means

RESAMPLES = 1000
ERROR_RATE = 0.05


@dataclass(frozen=True)
class TurningPoint:
    """The setting up to which more heat buys more novelty than incoherence, and its interval (bootstrap over items).

    Novelty is the share of an item's answers that differ, incoherence their raw negative log-likelihood (nats a token,
    τ = 1), both scaled to run from 0 to 1 over the settings tried. The point is where novelty is furthest ahead of
    incoherence; beyond it, a step adds more of its share of incoherence than of novelty (the knee: Satopaa et al.
    2011, "Finding a kneedle in a haystack"). It depends on the range tried.
    """

    point: float
    interval: tuple[float, float]
    novelty: tuple[float, ...]
    incoherence: tuple[float, ...]


def on_frontier(quality: Floats, variety: Floats) -> NDArray[np.bool_]:
    """`[settings]` True where no other setting has as much of both and more of one (the Pareto frontier)."""
    as_good = (quality[None] >= quality[:, None]) & (variety[None] >= variety[:, None])
    better = (quality[None] > quality[:, None]) | (variety[None] > variety[:, None])
    return ~np.asarray((as_good & better).any(axis=1))


def turning_point(
    axis: Axis, novelty_IS: Floats, incoherence_IS: Floats, seed: int = 0
) -> TurningPoint | None:
    """Where incoherence begins to outrun novelty along an ordered axis, from `[items, settings]` of both.

    None without an order, below three settings or two items, or where either does not change at all.
    """
    num_items, num_settings = novelty_IS.shape
    if not axis.ordered or num_settings < 3 or num_items < 2:
        return None
    together = np.concatenate([novelty_IS, incoherence_IS], axis=1)
    means = together.mean(axis=0)
    if min(np.ptp(means[:num_settings]), np.ptp(means[num_settings:])) <= 0.0:
        return None
    resampled = resampled_means(together, RESAMPLES, np.random.default_rng(seed))
    places = _knees(resampled, num_settings)
    low, high = np.quantile(places, [ERROR_RATE / 2, 1 - ERROR_RATE / 2], method="nearest")
    here = int(_knees(means[None], num_settings)[0])
    return TurningPoint(
        axis.points[here],
        (axis.points[int(low)], axis.points[int(high)]),
        tuple(means[:num_settings].tolist()),
        tuple(means[num_settings:].tolist()),
    )


def _knees(means: Floats, num_settings: int) -> NDArray[np.int64]:
    """For each row `[novelty …, incoherence …]`, the setting at which scaled novelty is furthest ahead."""
    novelty, incoherence = _scaled(means[:, :num_settings]), _scaled(means[:, num_settings:])
    return np.argmax(novelty - incoherence, axis=1)


def _scaled(values: Floats) -> Floats:
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    return (values - low) / np.maximum(high - low, 1e-12)
