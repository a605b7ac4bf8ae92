"""What a claim is: a sentence that people say about temperature, how it is measured, and the rule for the verdict.

A verdict is never a matter of taste. Every claim has one number, and its interval is compared with a threshold: all
above it "holds", all below it "does not hold", and an interval that spans the threshold "cannot tell". Three sentences
are theorems; they check the arithmetic of model and library and are marked so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retort.claims.evidence import Ends, Evidence, share_interval
from retort.distribution.arrays import Floats

HOLDS = "holds"
DOES_NOT_HOLD = "does not hold"
CANNOT_TELL = "cannot tell"

CLAIM = "claim"
ARITHMETIC = "check of the arithmetic"
"""A theorem: it can only fail where the numbers are computed wrongly."""


@dataclass(frozen=True)
class Measured:
    """The verdict, the numbers by name, and the number that decided with its interval (95%), if there is one.

    An array among the numbers stands for its mean.
    """

    verdict: str
    numbers: Mapping[str, Any]
    interval: Ends | None = None
    value: float | None = None


@dataclass(frozen=True)
class Claim:
    """One claim. `how` says what is measured, over what, and where the threshold comes from.

    `measure` gets the evidence and the threshold: the claim's own, or the one that the user asked for. A claim
    without a threshold has None. `quantity` names the number that decides, with its unit. `uses`: the parts of the
    evidence that it asks for, which progress counts.
    """

    id: str
    statement: str
    how: str
    measure: Callable[[Evidence, float], Measured]
    threshold: float | None = None
    kind: str = CLAIM
    quantity: str | None = None
    uses: tuple[str, ...] = ()


def claim(
    id: str,
    statement: str,
    how: str,
    *,
    threshold: float | None = None,
    kind: str = CLAIM,
    quantity: str | None = None,
    uses: tuple[str, ...] = (),
) -> Callable[[Callable[[Evidence, float], Measured]], Claim]:
    """Makes the function below it the claim that it measures."""
    return lambda measure: Claim(id, statement, how, measure, threshold, kind, quantity, uses)


@dataclass(frozen=True)
class Verdict:
    """One line of the table: a claim with what was found for one model. `measured` are the numbers by name.

    `value` and `interval` (95%) are of `quantity`, the number that is compared with `threshold`; None where a claim is
    decided without one.
    """

    id: str
    statement: str
    verdict: str
    measured: Mapping[str, Any] = field(default_factory=dict)
    interval: Ends | None = None
    how: str = ""
    threshold: float | None = None
    kind: str = CLAIM
    quantity: str | None = None
    value: float | None = None


def judged(
    evidence: Evidence, values: Floats, threshold: float, numbers: Mapping[str, Any], binary: bool = False
) -> Measured:
    """The verdict on the mean of independent values `[groups]`: texts or items. `binary`: each is 0 or 1."""
    interval = share_interval(values) if binary else evidence.interval(values)
    return Measured(decide(interval, threshold), numbers, known(interval), float(np.mean(values)))


def known(interval: Ends) -> Ends | None:
    """The interval, or None where it is all numbers: of one text or item."""
    return interval if all(map(math.isfinite, interval)) else None


def decide(interval: Ends, threshold: float) -> str:
    """Holds if the whole interval lies above the threshold, does not hold if below, else it cannot be told."""
    low, high = interval
    if low > threshold:
        return HOLDS
    return DOES_NOT_HOLD if high < threshold else CANNOT_TELL
