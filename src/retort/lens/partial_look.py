"""`look` where only the most probable tokens are known: every measure is an interval that holds the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.chain.chain import Chain
from retort.distribution.bounds import PartialDistribution
from retort.distribution.measures import NOISE_SCALE, Interval
from retort.lens.near_ties import PartialNearTie, partial_near_ties
from retort.sources.base import KnownTop, PartialSource
from retort.sources.chat import Message, render


@dataclass(frozen=True)
class PartialToken:
    """One known token: its logprob at τ = 1 as the source gave it (nats), and prob in the distribution it stands in."""

    token: str
    id: int | None
    logprob_raw: float
    prob_low: float
    prob_high: float


@dataclass(frozen=True)
class PartialRow:
    """The tempered distribution at one τ. `unseen` is the share of all tokens that are not known."""

    temperature: float
    entropy_low: float
    entropy_high: float
    effective_support_low: float
    effective_support_high: float
    unseen_low: float
    unseen_high: float
    top: tuple[PartialToken, ...]


@dataclass(frozen=True)
class PartialLookStage:
    """What one stage of the chain did: tokens kept and removed, and the share of the mass entering it that it kept."""

    stage: str
    kept: int
    removed: int
    kept_mass_low: float
    kept_mass_high: float


@dataclass(frozen=True)
class PartialLookChain:
    """What a chain does. The last five fields are of the processed distribution, exact once a stage has truncated."""

    spec: str
    stages: tuple[PartialLookStage, ...]
    kept: int
    warnings: tuple[str, ...]
    entropy_low: float
    entropy_high: float
    effective_support_low: float
    effective_support_high: float
    top: tuple[PartialToken, ...]


@dataclass(frozen=True)
class PartialLook:
    """What `look` found on a TOP_N source. `vocabulary` is None where it was not told; the wide ends of the intervals
    then hold for up to `vocabulary_at_most` tokens. `margin` is exact to the `rounding` of the logprobs (nats).
    `near_tie`: numerical noise of `noise_scale` could make another token the best one, None where the rounding leaves
    it open; `near_ties` are the known tokens of which it may be so.
    """

    model: str
    prompt: str | None
    vocabulary: int | None
    vocabulary_at_most: int
    known: str
    known_tokens: int
    note: str | None
    margin: float
    rounding: float
    noise_scale: float
    near_tie: bool | None
    near_ties: tuple[PartialNearTie, ...]
    rows: tuple[PartialRow, ...]
    chain: PartialLookChain | None
    probe: Any
    messages: tuple[Message, ...] | None = None
    rendered: str | None = None


def partial_look(
    source: PartialSource,
    prompt: str | Sequence[Message],
    temperatures: Sequence[float],
    chain: Chain | None,
    top: int,
    noise_scale: float = NOISE_SCALE,
) -> PartialLook:
    """As `look`, from the most probable tokens alone. Raises CapabilityError for a chain that cannot be decided."""
    messages = None if isinstance(prompt, str) else tuple(prompt)
    known = source.next_tokens(prompt if isinstance(prompt, str) else tuple(prompt), top)
    raw = known.at(1.0)
    rendered = None if messages is None else render(source, messages)
    ties, near_tie = partial_near_ties(known, noise_scale)
    return PartialLook(
        model=source.name,
        prompt=prompt if isinstance(prompt, str) else rendered,
        vocabulary=known.vocabulary,
        vocabulary_at_most=known.num_tokens,
        known=source.capability.value,
        known_tokens=len(known.tokens),
        note=source.note,
        margin=middle(raw.margin),
        rounding=known.rounding,
        noise_scale=float(noise_scale),
        near_tie=near_tie,
        near_ties=ties,
        rows=tuple(_row(known, raw.at(temperature), top) for temperature in temperatures),
        chain=None if chain is None else _chain(known, raw, chain, top),
        probe=source.probe,
        messages=messages,
        rendered=rendered,
    )


def _row(known: KnownTop, at: PartialDistribution, top: int) -> PartialRow:
    return PartialRow(
        temperature=at.temperature,
        entropy_low=at.entropy.low,
        entropy_high=at.entropy.high,
        effective_support_low=at.effective_support.low,
        effective_support_high=at.effective_support.high,
        unseen_low=at.unseen.low,
        unseen_high=at.unseen.high,
        top=_tokens(known, at.probs.low, at.probs.high, top),
    )


def _chain(known: KnownTop, raw: PartialDistribution, chain: Chain, top: int) -> PartialLookChain:
    found = chain.explain(raw)
    entropy = (found.entropy.low, found.entropy.high)
    tokens = tuple(
        token for token in _tokens(known, found.probs.low, found.probs.high, top) if token.prob_high > 0.0
    )
    return PartialLookChain(
        spec=found.spec,
        stages=tuple(
            PartialLookStage(
                stage.stage,
                stage.kept,
                stage.removed,
                float(stage.kept_mass.low),
                float(stage.kept_mass.high),
            )
            for stage in found.stages
        ),
        kept=found.kept,
        warnings=found.warnings,
        entropy_low=entropy[0],
        entropy_high=entropy[1],
        effective_support_low=float(np.exp(entropy[0])),
        effective_support_high=float(np.exp(entropy[1])),
        top=tokens,
    )


def middle(margin: Interval) -> float:
    """One number for a margin: halfway between its ends, or its low end where there is no high one."""
    return float(0.5 * (margin.low + margin.high) if math.isfinite(margin.high) else margin.low)


def _tokens(known: KnownTop, low: np.ndarray, high: np.ndarray, top: int) -> tuple[PartialToken, ...]:
    listed = zip(known.tokens[:top], low, high, strict=False)
    return tuple(
        PartialToken(token.token, token.id, token.logprob, float(least), float(most))
        for token, least, most in listed
    )
