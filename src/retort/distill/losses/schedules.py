"""A temperature that changes over the steps of a training: the table SCHEDULES from names to shapes."""

from __future__ import annotations

import math
from collections.abc import Callable

from retort.errors import InputError

# Share of the way from the first temperature to the last, by the share of the steps that are done.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 0.0,
    "linear": lambda done: done,
    "cosine": lambda done: 0.5 - 0.5 * math.cos(math.pi * done),
}


def scheduled_temperature(schedule: str, first: float, last: float, step: int, steps: int) -> float:
    """τ at `step` of `steps`, from `first` to `last`, moving in 1/τ.

    The distribution is a function of 1/τ, in which equal steps change the logits' scale equally; moving in τ itself
    would spend nearly all steps at temperatures that look alike. Raises InputError for a schedule or τ that is
    not allowed.
    """
    if schedule not in SCHEDULES:
        raise InputError(f"temperature schedule is {schedule!r}; allowed are {', '.join(SCHEDULES)}.")
    if not (0 < first < math.inf and 0 < last < math.inf):
        raise InputError(f"temperatures go from {first} to {last}; both must be numbers above 0.")
    done = min(max(step / max(steps - 1, 1), 0.0), 1.0)
    share = SCHEDULES[schedule](done)
    return 1.0 / ((1.0 - share) / first + share / last)
