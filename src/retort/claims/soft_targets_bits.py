"""Claim: soft targets carry more bits than labels."""

import math

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import Evidence
from retort.distribution import entropy, softmax

THRESHOLD_BITS = 0.1


def _measure(evidence: Evidence) -> Measured:
    bits = evidence.by_text(entropy(evidence.logits) / math.log(2))
    spread = 1 - (softmax(evidence.logits) ** 2).sum(axis=-1)
    interval = evidence.interval(bits)
    numbers = {
        "bits_a_position": float(bits.mean()),
        "label_gradient_variance": float(spread.mean()),
    }
    return Measured(decide(interval, THRESHOLD_BITS), numbers, interval)


CLAIM = Claim(
    "soft-targets-carry-more-bits",
    "A soft target tells a student more than a label does.",
    "Mean entropy of the model's distribution (bits a position, τ = 1): what a label drawn from it leaves "
    "unsaid. Holds if above 0.1 bits. Beside it the variance of the gradient that drawing a label adds, 1 − Σ "
    "p², which a soft target does not have.",
    _measure,
)
