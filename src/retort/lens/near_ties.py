"""The tokens that numerical noise could put first: those whose logit lies within the noise of the best one's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retort.distribution.measures import swap_risk
from retort.sources.base import KnownTop, Source

MOST = 100
"""Near ties that are listed; a flat row has as many as the vocabulary has tokens."""


@dataclass(frozen=True)
class NearTie:
    """A token nearly as likely as the best one: the best raw logit minus its own, and the chance that noise swaps them.

    The chance is for the two of them alone, for Gaussian noise of standard deviation `noise_scale` on their gap.
    """

    token: str
    id: int
    margin: float
    flip_risk: float


@dataclass(frozen=True)
class PartialNearTie:
    """The same from rounded logprobs: the ends between which margin and chance lie; `id` where the server tells it."""

    token: str
    id: int | None
    margin_low: float
    margin_high: float
    flip_risk_low: float
    flip_risk_high: float


def near_ties(source: Source, logits: np.ndarray, noise_scale: float) -> tuple[tuple[NearTie, ...], int]:
    """The tokens of a row `[vocab]` within `noise_scale` of its best one, nearest first, and how many there are.

    The best one (of equals, the one with the lowest id) is not among them; at most `MOST` are listed.
    """
    best = int(logits.argmax())
    margins = logits[best] - logits
    near = np.flatnonzero(margins <= noise_scale)
    near = near[near != best]
    listed = near[np.argsort(margins[near], kind="stable")][:MOST]
    if len(listed) == 0:
        return (), 0
    risks = swap_risk(margins[listed], noise_scale)
    ties = tuple(
        NearTie(source.token_text(int(token)), int(token), float(margins[token]), float(risk))
        for token, risk in zip(listed, risks, strict=True)
    )
    return ties, len(near)


def partial_near_ties(known: KnownTop, noise_scale: float) -> tuple[tuple[PartialNearTie, ...], bool | None]:
    """The known tokens that may lie within `noise_scale` of the best one, and whether one does.

    Each logprob is known to `known.rounding`, a difference to twice that. None where the rounding leaves it open, or
    where only one of several tokens is known.
    """
    first, *others = known.tokens
    slack = 2.0 * known.rounding
    gaps = [max(first.logprob - token.logprob, 0.0) for token in others]
    ends = [(max(gap - slack, 0.0), gap + slack) for gap in gaps]
    near = [
        (token, low, high) for token, (low, high) in zip(others, ends, strict=True) if low <= noise_scale
    ][:MOST]
    if not near:
        return (), False if others or known.num_tokens == 1 else None
    ties = tuple(
        PartialNearTie(
            token.token,
            token.id,
            low,
            high,
            *map(float, swap_risk(np.array([high, low]), noise_scale)),
        )
        for token, low, high in near
    )
    return ties, True if any(high <= noise_scale for _, _, high in near) else None
