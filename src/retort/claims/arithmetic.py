"""Theorems about softmax and truncation, checked on the model's own logits: they fail only if a number is wrong."""

from __future__ import annotations

import numpy as np

from retort.chain import Chain
from retort.claims.claim import ARITHMETIC, DOES_NOT_HOLD, HOLDS, Measured, claim, known
from retort.claims.evidence import LOGITS, Evidence
from retort.distribution import entropy, log_softmax

ORDER_TEMPERATURES = (0.05, 0.3, 0.7, 1.5, 3.0, 10.0)
ENTROPY_TEMPERATURES = np.geomspace(0.05, 5.0, 16)
STACK = ("top_k=5", "top_p=0.3", "min_p=0.05")


@claim(
    "never-reorders",
    "Temperature never reorders tokens: a less likely token stays less likely.",
    "A theorem. Neighbours in the order of raw logits, at every position of the texts and six temperatures from "
    "0.05 to 10: none may change places.",
    kind=ARITHMETIC,
    uses=(LOGITS,),
)
def never_reorders(evidence: Evidence, _threshold: float) -> Measured:
    falling = -np.sort(-evidence.logits, axis=-1)
    # Columns of tokens that cannot come would compare -inf with -inf; the sort has put them last.
    falling = falling[:, np.isfinite(falling).all(axis=0)]
    reordered = sum(
        int((np.diff(log_softmax(falling, temperature), axis=-1) > 0).sum())
        for temperature in ORDER_TEMPERATURES
    )
    pairs = falling.shape[0] * (falling.shape[1] - 1) * len(ORDER_TEMPERATURES)
    return Measured(_if(reordered == 0), {"pairs_checked": pairs, "reordered": reordered})


@claim(
    "entropy-rises",
    "Entropy never falls as temperature rises.",
    "A theorem. Entropy (nats, whole vocabulary) at every position, 16 temperatures from 0.05 to 5: no step may "
    "fall. The interval is of the mean rise from 0.5 to 1.5.",
    kind=ARITHMETIC,
    quantity="mean rise from τ = 0.5 to 1.5, nats",
    uses=(LOGITS,),
)
def entropy_rises(evidence: Evidence, _threshold: float) -> Measured:
    entropies = np.stack(
        [entropy(evidence.logits, float(temperature)) for temperature in ENTROPY_TEMPERATURES]
    )
    # A flat row's entropy is ln V at every τ, where float64 may fall by its last digits.
    falls = int((np.diff(entropies, axis=0) < -1e-9).sum())
    rise = evidence.by_text(entropy(evidence.logits, 1.5) - entropy(evidence.logits, 0.5))
    numbers = {
        "steps_checked": int(entropies.size - entropies.shape[1]),
        "falls": falls,
        "mean_rise_0.5_to_1.5_nats": rise,
    }
    return Measured(_if(falls == 0), numbers, known(evidence.interval(rise)), float(rise.mean()))


@claim(
    "never-keeps-more",
    "Adding a truncation to a chain never brings a removed token back.",
    f"A theorem. {' | '.join(STACK)}, stage after stage, at every position.",
    kind=ARITHMETIC,
    uses=(LOGITS,),
)
def never_keeps_more(evidence: Evidence, _threshold: float) -> Measured:
    kept = Chain(" | ".join(STACK[:1])).apply(evidence.logits)
    more = 0
    for count in range(2, len(STACK) + 1):
        longer = Chain(" | ".join(STACK[:count])).apply(evidence.logits)
        more += int(((longer > -np.inf) & (kept == -np.inf)).sum())
        kept = longer
    return Measured(
        _if(more == 0), {"tokens_checked": kept.size * (len(STACK) - 1), "tokens_that_came_back": more}
    )


def _if(holds: bool) -> str:
    return HOLDS if holds else DOES_NOT_HOLD


CLAIMS = (never_reorders, entropy_rises, never_keeps_more)
