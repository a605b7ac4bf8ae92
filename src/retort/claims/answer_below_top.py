"""Claim: the right answer can be below the top."""

import numpy as np

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import Evidence, at


def _measure(evidence: Evidence) -> Measured:
    scores = evidence.exploit.cell_scores.mean(axis=1)
    wrong = scores[:, at(0.0)] == 0.0
    reached = wrong & (scores[:, 1:] > 0.0).any(axis=1)
    interval = evidence.interval(reached.astype(np.float64))
    numbers = {
        "items": len(scores),
        "greedy_wrong": float(wrong.mean()),
        "right_only_above_0": float(reached.mean()),
        "of_the_wrong_ones": float(reached.sum() / max(wrong.sum(), 1)),
    }
    return Measured(decide(interval, 0.0), numbers, interval)


CLAIM = Claim(
    "answer-below-the-top",
    "The right answer can be below the top: greedy never gives it, a higher temperature can.",
    "Items of the exploit task that greedy answers wrongly and some answer at a higher temperature gets right, "
    "as a share of all items: holds if that is more than none.",
    _measure,
)
