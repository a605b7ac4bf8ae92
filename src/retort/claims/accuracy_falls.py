"""Claim: accuracy falls with temperature where there is one right answer."""

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import GRID, Evidence, at
from retort.tune import find_goal


def _measure(evidence: Evidence) -> Measured:
    scores = find_goal("exploit").item_scores(evidence.exploit)
    lost = scores[:, at(0.0)] - scores[:, -1]
    to_one = scores[:, at(0.0)] - scores[:, at(1.0)]
    interval = evidence.interval(lost)
    numbers: dict[str, object] = {
        f"score_at_{temperature:g}": float(scores[:, number].mean())
        for number, temperature in enumerate(GRID)
    }
    numbers |= {
        "lost_from_0_to_1": float(to_one.mean()),
        "lost_from_0_to_1_interval": evidence.interval(to_one),
    }
    return Measured(decide(interval, 0.0), numbers, interval)


CLAIM = Claim(
    "accuracy-falls",
    "Where there is one right answer, accuracy falls as temperature rises.",
    "The exploit task: share of right answers at τ = 0 less that at τ = 2, paired by item: holds if above 0. "
    "Beside it the same from 0 to 1, where it is often small.",
    _measure,
)
