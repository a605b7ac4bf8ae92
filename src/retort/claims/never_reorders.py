"""Claim: temperature never reorders tokens."""

import numpy as np

from retort.claims.claim import DOES_NOT_HOLD, HOLDS, Claim, Measured
from retort.claims.evidence import Evidence
from retort.distribution import log_softmax

TEMPERATURES = (0.05, 0.3, 0.7, 1.5, 3.0, 10.0)


def _measure(evidence: Evidence) -> Measured:
    falling = -np.sort(-evidence.logits, axis=-1)
    falling = falling[:, np.isfinite(falling).all(axis=0)]
    reordered = 0
    for temperature in TEMPERATURES:
        log_probs = log_softmax(falling, temperature)
        reordered += int((np.diff(log_probs, axis=-1) > 0).sum())
    pairs = falling.shape[0] * (falling.shape[1] - 1) * len(TEMPERATURES)
    return Measured(
        HOLDS if reordered == 0 else DOES_NOT_HOLD, {"pairs_checked": pairs, "reordered": reordered}
    )


CLAIM = Claim(
    "never-reorders",
    "Temperature never reorders tokens: a less likely token stays less likely.",
    "Neighbours in the order of raw logits, at every position of the texts and six temperatures from 0.05 to 10: "
    "holds if none changes places.",
    _measure,
)
