"""Quality against variety, and the turning point, on curves whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

from retort.tune.cells import on_frontier, turning_point
from retort.tune.settings import axis_of, temperature_axis

GRID = (0.0, 0.5, 1.0, 1.5, 2.0)


def test_frontier_by_hand() -> None:
    quality, variety = np.array([0.9, 0.9, 0.5, 0.4, 0.1]), np.array([0.1, 0.2, 0.8, 0.6, 0.9])
    assert on_frontier(quality, variety).tolist() == [False, True, True, False, True]
    assert on_frontier(np.array([0.5, 0.5]), np.array([0.5, 0.5])).tolist() == [True, True]


def curves(rng: np.random.Generator, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Novelty saturates at 1.0, incoherence takes off there."""
    novelty = np.array([0.1, 0.5, 0.9, 0.95, 1.0]) + noise * rng.normal(size=(40, 5))
    incoherence = np.array([1.0, 1.2, 1.6, 4.0, 7.0]) + noise * rng.normal(size=(40, 5))
    return novelty, incoherence


def test_the_turning_point_is_where_novelty_is_furthest_ahead() -> None:
    found = turning_point(temperature_axis(GRID), *curves(np.random.default_rng(0)))
    assert found is not None
    assert (found.point, found.interval) == (1.0, (1.0, 1.0))
    assert found.novelty[2] == pytest.approx(0.9, abs=0.02)


def test_an_unclear_turning_point_has_a_wide_interval() -> None:
    found = turning_point(temperature_axis(GRID), *curves(np.random.default_rng(0), noise=3.0))
    assert found is None or found.interval[0] < found.interval[1]


def test_where_there_is_none() -> None:
    novelty, incoherence = curves(np.random.default_rng(0))
    settings = axis_of([{"engine": str(n)} for n in range(5)])
    assert turning_point(settings, novelty, incoherence) is None
    assert turning_point(temperature_axis(GRID), np.ones((40, 5)), incoherence) is None
    assert turning_point(temperature_axis(GRID), novelty[:1], incoherence[:1]) is None
