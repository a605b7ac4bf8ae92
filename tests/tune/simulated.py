"""Simulated scores per item and setting, with shared noise, for the statistical tests of tune."""

from __future__ import annotations

import numpy as np


def simulated_scores(
    rng: np.random.Generator, num_items: int, effects: np.ndarray, samples: int = 4, shared: float = 0.6
) -> np.ndarray:
    """`[items, settings]` shares of right answers among `samples`, as a sweep gives them.

    Items differ in difficulty; a setting adds its effect to the chance of a right answer, kept inside [0, 1] by drawing
    difficulties that leave room. A share `shared` of the draws uses one uniform number for all settings, which is what
    common noise does.
    """
    room = float(np.abs(effects).max())
    chance = rng.uniform(room, 1 - room, size=(num_items, 1, 1)) + effects
    common = rng.random((num_items, samples, 1))
    own = rng.random((num_items, samples, len(effects)))
    uniform = np.where(rng.random(own.shape) < shared, common, own)
    return (uniform < chance).mean(axis=1)
