"""What people say about temperature, checked on the user's own model.

In: a model (perhaps its tuned and its smaller sibling), two tasks, results of distilling. Out: one verdict per claim.
Read `claim.py` first, then the tables of claims: `arithmetic.py` (theorems), `texts.py` (one distribution), `tasks.py`
(generated answers), `distilling.py`. `evidence.py` is what they are measured on, made once and shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retort.claims import arithmetic, distilling, tasks, texts
from retort.claims.claim import Claim, Measured, Verdict
from retort.claims.evidence import Evidence, Needs

CLAIMS: tuple[Claim, ...] = (*arithmetic.CLAIMS, *texts.CLAIMS, *tasks.CLAIMS, *distilling.CLAIMS)

__all__ = ["CLAIMS", "Claim", "Claims", "Evidence", "Measured", "Verdict", "check_claims"]


@dataclass(frozen=True)
class Claims:
    """The table: verdicts in the order of the claims. `items` and `samples`: how much was asked."""

    model: str
    instruct: str | None
    small: str | None
    seed: int
    items: int
    samples: int
    claims: tuple[Verdict, ...]


def check_claims(evidence: Evidence, claims: Sequence[Claim] = CLAIMS) -> Claims:
    """The verdict on each claim, in order. Raises RetortError where the model, a task or a file cannot be used."""
    found = []
    for number, claim in enumerate(claims):
        if evidence.on_progress is not None:
            evidence.on_progress(number, len(claims), claim.id)
        found.append(_verdict(claim, evidence))
    return Claims(
        evidence.source.name,
        None if evidence.instruct_source is None else evidence.instruct_source.name,
        None if evidence.small_source is None else evidence.small_source.name,
        evidence.seed,
        evidence.items,
        evidence.samples,
        tuple(found),
    )


def _verdict(claim: Claim, evidence: Evidence) -> Verdict:
    threshold = evidence.thresholds.get(claim.id, claim.threshold)
    try:
        measured = claim.measure(evidence, 0.0 if threshold is None else threshold)
    except Needs as need:
        measured = Measured(f"needs: {need}", {})
    return Verdict(
        claim.id,
        claim.statement,
        measured.verdict,
        dict(measured.numbers),
        measured.interval,
        claim.how,
        threshold,
        claim.kind,
    )
