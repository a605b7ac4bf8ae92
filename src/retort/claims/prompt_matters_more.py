"""Claim: the prompt matters more than the temperature."""

from retort.claims.claim import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Measured
from retort.claims.evidence import Evidence
from retort.tune.variance import variance_shares


def _measure(evidence: Evidence) -> Measured:
    found = variance_shares(evidence.wordings, evidence.seed)
    if found is None:
        return Measured(CANNOT_TELL, {"reason": "all answers score the same, or there are too few"})
    shares = {one.lever: one for one in found}
    prompt, setting = shares["prompt"], shares["setting"]
    numbers: dict[str, object] = {f"{one.lever}_share": one.share for one in found}
    numbers["temperature_interval"] = list(setting.share_ci)
    if prompt.share_ci[0] > setting.share_ci[1]:
        verdict = HOLDS
    else:
        verdict = DOES_NOT_HOLD if prompt.share_ci[1] < setting.share_ci[0] else CANNOT_TELL
    return Measured(verdict, numbers, prompt.share_ci)


CLAIM = Claim(
    "prompt-matters-more",
    "The prompt matters more than the temperature.",
    "The exploit task in several wordings at temperatures from 0 to 2: shares of the variance of scores (crossed "
    "random effects, interval over items): holds if the wording's interval lies above the temperature's. The "
    "interval shown is the wording's.",
    _measure,
)
