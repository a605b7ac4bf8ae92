"""Claim: entropy rises with temperature."""

import numpy as np

from retort.claims.claim import DOES_NOT_HOLD, HOLDS, Claim, Measured
from retort.claims.evidence import Evidence
from retort.distribution import entropy

TEMPERATURES = np.geomspace(0.05, 5.0, 16)


def _measure(evidence: Evidence) -> Measured:
    entropies = np.stack([entropy(evidence.logits, float(temperature)) for temperature in TEMPERATURES])
    falls = int((np.diff(entropies, axis=0) < -1e-9).sum())
    rise = evidence.by_text(entropy(evidence.logits, 1.5) - entropy(evidence.logits, 0.5))
    numbers = {
        "steps_checked": int(entropies.size - entropies.shape[1]),
        "falls": falls,
        "mean_rise_0.5_to_1.5_nats": float(rise.mean()),
    }
    return Measured(HOLDS if falls == 0 else DOES_NOT_HOLD, numbers, evidence.interval(rise))


CLAIM = Claim(
    "entropy-rises",
    "Entropy never falls as temperature rises.",
    "Entropy (nats, whole vocabulary) at every position, 16 temperatures from 0.05 to 5: holds if no step falls. The "
    "interval is of the mean rise from 0.5 to 1.5.",
    _measure,
)
