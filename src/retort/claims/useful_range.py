"""Claim: the useful range is about 0.5 to 1.2."""

from retort.claims.claim import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Measured
from retort.claims.evidence import Evidence
from retort.tune import find_goal, recommend

LOW, HIGH = 0.5, 1.2


def _measure(evidence: Evidence) -> Measured:
    numbers: dict[str, object] = {}
    regions = []
    for goal, samples in (("exploit", evidence.exploit), ("explore", evidence.explore)):
        found, _ = recommend(samples.axis, find_goal(goal).item_scores(samples), goal, seed=evidence.seed)
        numbers |= {f"{goal}_region": list(found.region), f"{goal}_best": found.best}
        regions.append(found.region)
    outside = [region for region in regions if region[1] < LOW or region[0] > HIGH]
    inside = [region for region in regions if region[0] >= LOW and region[1] <= HIGH]
    verdict = HOLDS if len(inside) == 2 else DOES_NOT_HOLD if outside else CANNOT_TELL
    return Measured(verdict, numbers)


CLAIM = Claim(
    "useful-range",
    "The useful range of temperatures is about 0.5 to 1.2.",
    "For both tasks, the temperatures that cannot be told from the best (all pairs together, 95 %): holds if "
    "both regions lie inside 0.5 to 1.2, does not hold if either lies outside of it altogether.",
    _measure,
)
