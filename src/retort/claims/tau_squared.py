"""Claim: τ² keeps the soft gradient's scale."""

import numpy as np

from retort.claims.claim import CANNOT_TELL, DOES_NOT_HOLD, ERROR_RATE, HOLDS, RESAMPLES, Claim, Measured
from retort.claims.evidence import Evidence, Floats
from retort.distribution import softmax

TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
WITHIN = 4.0


def _measure(evidence: Evidence) -> Measured:
    student = evidence.logits_of(evidence.small)
    norms = np.stack(
        [
            evidence.by_text(
                np.linalg.norm(softmax(student, temperature) - softmax(evidence.logits, temperature), axis=-1)
                / temperature
            )
            for temperature in TEMPERATURES
        ]
    )
    squared = norms * np.array(TEMPERATURES)[:, None] ** 2
    rng = np.random.default_rng(evidence.seed)
    drawn = rng.integers(norms.shape[1], size=(RESAMPLES, norms.shape[1]))
    ratios = [_ratio(squared[:, one]) for one in drawn]
    low, high = np.quantile(ratios, [ERROR_RATE / 2, 1 - ERROR_RATE / 2])
    numbers: dict[str, object] = {
        f"gradient_norm_with_tau_squared_at_{temperature:g}": float(row.mean())
        for temperature, row in zip(TEMPERATURES, squared, strict=True)
    }
    numbers |= {"largest_over_smallest_with": _ratio(squared), "largest_over_smallest_without": _ratio(norms)}
    kept = high < WITHIN and _ratio(norms) > high
    lost = low > WITHIN
    return Measured(
        HOLDS if kept else DOES_NOT_HOLD if lost else CANNOT_TELL, numbers, (float(low), float(high))
    )


def _ratio(norms: Floats) -> float:
    means = norms.mean(axis=1)
    return float(means.max() / means.min())


CLAIM = Claim(
    "tau-squared-keeps-the-scale",
    "Multiplying the soft loss by τ² keeps its gradient on one scale at every τ.",
    "Norm of the gradient of KL(teacher ‖ student) by the student's logits, `(q − p)/τ`, at τ = 1, 2, 4, 8, the "
    "small model as student: holds if with τ² the largest is within 4 times the smallest, and nearer together "
    "than without.",
    _measure,
)
