"""What a claim is: a sentence people say about temperature, how it is measured on a model, and the verdict's rule.

A verdict is never a matter of taste: every claim states one number and the threshold it must pass, and the interval of
that number decides. An interval that spans the threshold says "cannot tell".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retort.tune.statistics import mean_intervals, resampled_means

if TYPE_CHECKING:
    from retort.claims.evidence import Evidence

HOLDS = "holds"
DOES_NOT_HOLD = "does not hold"
CANNOT_TELL = "cannot tell"

RESAMPLES = 2000
ERROR_RATE = 0.05

Interval = tuple[float, float]


class Needs(Exception):
    """A claim cannot be measured without something that was not given; the message is what ("--small MODEL")."""


@dataclass(frozen=True)
class Measured:
    """What was found: the verdict, the numbers by name, and the interval (95 %) of the number that decided, if it has
    one."""

    verdict: str
    numbers: Mapping[str, Any]
    interval: Interval | None = None


@dataclass(frozen=True)
class Claim:
    """One claim. `how` says what is measured, over what, and which threshold decides."""

    id: str
    statement: str
    how: str
    measure: Callable[[Evidence], Measured]


@dataclass(frozen=True)
class Verdict:
    """One line of the table: a claim with what was found for one model. `measured` are the numbers by name."""

    id: str
    statement: str
    verdict: str
    measured: Mapping[str, Any] = field(default_factory=dict)
    interval: Interval | None = None
    how: str = ""


def decide(interval: Interval, threshold: float) -> str:
    """Holds if the whole interval lies above the threshold, does not hold if below, else it cannot be told."""
    low, high = interval
    if low > threshold:
        return HOLDS
    return DOES_NOT_HOLD if high < threshold else CANNOT_TELL


def interval_of_mean(values: NDArray[np.float64], seed: int) -> Interval:
    """Bootstrap interval (95 %) of the mean of independent values `[groups]`: prompts or items, not positions."""
    resampled = resampled_means(
        np.asarray(values, dtype=np.float64)[:, None], RESAMPLES, np.random.default_rng(seed)
    )
    low, high = mean_intervals(resampled, len(values), ERROR_RATE)[0]
    return float(low), float(high)
