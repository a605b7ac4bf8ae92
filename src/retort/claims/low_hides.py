"""Claim: low temperature hides the runners-up."""

import numpy as np

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import Evidence
from retort.distribution import softmax

LOW = 0.3


def _measure(evidence: Evidence) -> Measured:
    here, low = (1 - softmax(evidence.logits, temperature).max(axis=-1) for temperature in (1.0, LOW))
    hidden = 1 - evidence.by_text(low) / np.maximum(evidence.by_text(here), 1e-300)
    interval = evidence.interval(hidden)
    numbers = {
        "runners_up_mass_at_1": float(here.mean()),
        f"runners_up_mass_at_{LOW}": float(low.mean()),
        "share_hidden": float(hidden.mean()),
    }
    return Measured(decide(interval, 0.5), numbers, interval)


CLAIM = Claim(
    "low-hides-runners-up",
    "A low temperature hides the runners-up.",
    "Probability of everything but the best token, at τ = 1 and τ = 0.3: holds if more than half of it is gone at 0.3 "
    "(mean over texts).",
    _measure,
)
