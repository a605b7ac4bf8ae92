"""Every claim measured on one model, in order; what a claim needs and was not given is its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retort.claims.claim import Claim, Needs, Verdict
from retort.claims.evidence import Evidence


@dataclass(frozen=True)
class Claims:
    """The table: verdicts in the order of the claims. `items`, `samples`, `positions`: how much was measured."""

    model: str
    instruct: str | None
    small: str | None
    seed: int
    items: int
    samples: int
    claims: tuple[Verdict, ...]


def check_claims(evidence: Evidence, claims: Sequence[Claim]) -> Claims:
    """The verdict on each claim. Raises RetortError where the model, a task or a file cannot be used."""
    found = []
    for number, claim in enumerate(claims):
        if evidence.on_progress is not None:
            evidence.on_progress(number, len(claims), claim.id)
        try:
            measured = claim.measure(evidence)
        except Needs as need:
            found.append(Verdict(claim.id, claim.statement, f"needs: {need}", how=claim.how))
            continue
        found.append(
            Verdict(
                claim.id,
                claim.statement,
                measured.verdict,
                dict(measured.numbers),
                measured.interval,
                claim.how,
            )
        )
    return Claims(
        evidence.source.name,
        None if evidence.instruct_source is None else evidence.instruct_source.name,
        None if evidence.small_source is None else evidence.small_source.name,
        evidence.seed,
        evidence.items,
        evidence.samples,
        tuple(found),
    )
