"""How far a model's probabilities of the choices come true, and the temperature at which they do best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retort.distribution.calibration import brier, ece, nll
from retort.distribution.matching import calibrated_temperature

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How far the choices' probabilities come true, as the model is (τ = 1) and at the temperature that suits best.

    `temperature`: where the mean negative log-likelihood of the right choice is smallest (Guo et al. 2017), over
    `questions` (items × prompts) that have one right choice; `at_bound`: it lies at or beyond the range searched.
    `nll` in nats, `brier` from 0 to 2, `ece` the expected calibration error in `bins` equal bins: before and after.
    The temperature was chosen on these same questions, so "after" flatters a little.
    """

    temperature: float
    at_bound: bool
    questions: int
    nll: tuple[float, float]
    brier: tuple[float, float]
    ece: tuple[float, float]
    bins: int


def calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration | None:
    """The calibration of `[questions, choices]` logits (-inf where there is no choice), given the right ones.

    `labels` `[questions]`: the right choice's number. None for fewer questions than a calibration error has bins.
    """
    if len(labels) < BINS:
        return None
    best = calibrated_temperature(logits, labels)
    before, after = (
        (nll(logits, labels, t), brier(logits, labels, t), ece(logits, labels, t, BINS).value)
        for t in (1.0, best.temperature)
    )
    return Calibration(
        best.temperature,
        best.at_bound,
        len(labels),
        (before[0], after[0]),
        (before[1], after[1]),
        (before[2], after[2]),
        BINS,
    )
