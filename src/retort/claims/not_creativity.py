"""Claim: temperature is not creativity."""

import numpy as np

from retort.claims.claim import CANNOT_TELL, Claim, Measured, decide
from retort.claims.evidence import GRID, Evidence
from retort.tune import find_goal
from retort.tune.samples import over_prompts


def _measure(evidence: Evidence) -> Measured:
    samples = evidence.explore
    valid = find_goal("explore").item_scores(samples)
    distinct = over_prompts(samples.distinct())
    best = int(np.argmax(valid.mean(axis=0)))
    numbers = {
        "best_temperature": GRID[best],
        "valid_at_best": float(valid[:, best].mean()),
        f"valid_at_{GRID[-1]:g}": float(valid[:, -1].mean()),
        "different_at_best": float(distinct[:, best].mean()),
        f"different_at_{GRID[-1]:g}": float(distinct[:, -1].mean()),
    }
    if best == len(GRID) - 1:
        return Measured(CANNOT_TELL, numbers)
    more_different = distinct[:, -1] - distinct[:, best]
    lost = valid[:, best] - valid[:, -1]
    interval = evidence.interval(lost)
    verdict = decide(interval, 0.0) if more_different.mean() > 0 else CANNOT_TELL
    return Measured(verdict, numbers, interval)


CLAIM = Claim(
    "temperature-is-not-creativity",
    "Temperature is not a creativity dial: past some point it buys more different answers and fewer good ones.",
    "The explore task: from its best temperature to the hottest tried (2), different answers of an item rise and "
    "different valid ones fall; holds if the loss of valid ones is above 0. (The best is chosen on the same "
    "items, which favours it a little.)",
    _measure,
)
