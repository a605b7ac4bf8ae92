"""Claim: below 0.3 one gets the same answer."""

import numpy as np

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import Evidence, at
from retort.tune.samples import over_prompts

MOSTLY = 0.8


def _measure(evidence: Evidence) -> Measured:
    samples = evidence.exploit
    assert samples.answer is not None
    greedy = np.full(len(samples.item_ids) * samples.num_prompts, -1)
    place = samples.item * samples.num_prompts + samples.prompt
    cold = samples.setting == at(0.0)
    greedy[place[cold]] = samples.answer[cold]
    low = samples.setting == at(0.3)
    same = (samples.answer[low] == greedy[place[low]]).astype(np.float64)
    by_item = np.bincount(samples.item[low], weights=same) / np.bincount(samples.item[low])
    agreement = over_prompts(samples.agreement())
    interval = evidence.interval(by_item)
    numbers = {
        "same_as_greedy_at_0.3": float(by_item.mean()),
        "agreement_at_0.3": float(agreement[:, at(0.3)].mean()),
        "agreement_at_1": float(agreement[:, at(1.0)].mean()),
    }
    return Measured(decide(interval, MOSTLY), numbers, interval)


CLAIM = Claim(
    "same-answer-below-0.3",
    "At 0.3 and below one gets the same answer over and over.",
    "The exploit task: share of answers at τ = 0.3 that are the greedy answer (normalised), mean over items: "
    "holds if above 80 %.",
    _measure,
)
