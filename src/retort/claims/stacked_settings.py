"""Claim: stacked settings are more restrictive than any of them alone."""

import numpy as np

from retort.chain import Chain
from retort.claims.claim import DOES_NOT_HOLD, Claim, Measured, decide
from retort.claims.evidence import Evidence

STACK = Chain("temperature=2 | top_k=5 | top_p=0.3")
OFTEN = 0.1


def _measure(evidence: Evidence) -> Measured:
    alone = [Chain("temperature=2 | top_k=5"), Chain("temperature=2 | top_p=0.3")]
    together = _kept(STACK, evidence)
    least = np.minimum(*(_kept(chain, evidence) for chain in alone))
    fewer = evidence.by_text((together < least).astype(np.float64))
    interval = evidence.interval(fewer)
    numbers = {
        "kept_together": float(together.mean()),
        "kept_by_the_stricter_alone": float(least.mean()),
        "share_of_positions_with_fewer": float((together < least).mean()),
        "positions_with_more": int((together > least).sum()),
    }
    verdict = DOES_NOT_HOLD if (together > least).any() else decide(interval, OFTEN)
    return Measured(verdict, numbers, interval)


def _kept(chain: Chain, evidence: Evidence) -> np.ndarray:
    return np.asarray((chain.apply(evidence.logits) > -np.inf).sum(axis=-1))


CLAIM = Claim(
    "stacked-settings-restrict",
    "Stacked settings are more restrictive than any of them alone.",
    f"Tokens kept by `{STACK}` against the stricter of its truncations alone: holds if it never keeps more, and "
    "fewer at more than a tenth of the positions (mean over texts).",
    _measure,
)
