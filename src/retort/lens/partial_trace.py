"""`trace` where only the most probable tokens are known: exact for a token among them, bounded for any other.

A text that is not given is the greedy one, asked for token by token, so that a recording of it replays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from retort.chain.chain import Chain
from retort.distribution.measures import text_flip_risk
from retort.errors import CapabilityError, InputError
from retort.lens.conditions import Value
from retort.lens.partial_look import middle
from retort.sources.base import KnownTop, PartialSource, ReadToken


@dataclass(frozen=True)
class PartialTracedToken:
    """One position. `rank` and `logprob_raw` are None for a token that is not among the known ones; its logprob is then
    at most `logprob_at_most`. `kept`, `kept_mass_low` and `_high` are None where the chain cannot be decided.
    """

    token: str
    id: int | None
    rank: int | None
    logprob_raw: float | None
    logprob_at_most: float
    entropy_low: float
    entropy_high: float
    margin: float
    kept: int | None
    kept_mass_low: float | None
    kept_mass_high: float | None
    removed_by: str | None
    flip_risk: float
    best: str
    best_prob: float


@dataclass(frozen=True)
class PartialTraceTotals:
    """Over the tokens. `unknown` counts those that are not among the known ones; with any, `logprob_raw` is None and
    `logprob_raw_high` bounds it.
    """

    tokens: int
    unknown: int
    logprob_raw: float | None
    logprob_raw_high: float
    entropy_low: float
    entropy_high: float
    removed: int
    flip_risk: float


@dataclass(frozen=True)
class PartialTrace:
    """What `trace` found on a TOP_N source."""

    model: str
    prompt: str
    text: str
    known: str
    note: str | None
    chain: str | None
    given: bool
    noise_scale: float
    tokens: tuple[PartialTracedToken, ...]
    totals: PartialTraceTotals
    probe: Any


def partial_trace(
    source: PartialSource,
    prompt: str,
    text: str | None,
    *,
    max_tokens: int,
    chain: Chain | None,
    noise_scale: float,
) -> PartialTrace:
    """The tokens of `text`, or of the greedy text of `max_tokens` tokens.

    Numerical noise is at least what the source's own logprobs are known to. Raises CapabilityError where the source
    does not tell how a given text is cut into tokens.
    """
    if text == "":
        raise InputError("the text is empty; give the text to trace, or leave it out to have the greedy one.")
    steps = source.read(prompt, text) if text is not None else _greedy(source, prompt, max_tokens)
    tokens = tuple(traced_token(step, chain, noise_scale) for step in steps)
    if not tokens:
        raise InputError("the text has no token here: the model ends it at once.")
    return PartialTrace(
        model=source.name,
        prompt=prompt,
        text="".join(token.token for token in tokens) if text is None else text,
        known=source.capability.value,
        note=source.note,
        chain=None if chain is None else str(chain),
        given=text is not None,
        noise_scale=noise_scale,
        tokens=tokens,
        totals=totals_of(tokens),
        probe=source.probe,
    )


def partial_trace_measures(found: PartialTrace) -> dict[str, list[Value]]:
    """What a condition can ask: each token's value, and totals of the text."""
    totals = found.totals
    return {
        "entropy": [(token.entropy_low, token.entropy_high) for token in found.tokens],
        "margin": [token.margin for token in found.tokens],
        "logprob": [
            (-math.inf, token.logprob_at_most) if token.logprob_raw is None else token.logprob_raw
            for token in found.tokens
        ],
        "flip_risk": [totals.flip_risk],
        "mean_entropy": [(totals.entropy_low, totals.entropy_high)],
        "removed": [totals.removed],
    }


def _greedy(source: PartialSource, prompt: str, max_tokens: int) -> Iterator[ReadToken]:
    text = prompt
    for _ in range(max_tokens):
        known = source.next_tokens(text)
        best = known.tokens[0]
        if not best.token:
            return  # a marker without text ends it, and cannot be written behind the prompt
        yield ReadToken(text, best.token, known)
        text += best.token


def traced_token(step: ReadToken, chain: Chain | None, noise_scale: float) -> PartialTracedToken:
    """What is known of the token that stands at one position."""
    known: KnownTop = step.known
    at = known.at(1.0)
    place = next((i for i, token in enumerate(known.tokens) if token.token == step.token), None)
    chosen = None if place is None else known.tokens[place]
    kept, mass, removed_by = _through(known, chain, place)
    noise = max(noise_scale, known.rounding)
    return PartialTracedToken(
        token=step.token,
        id=None if chosen is None else chosen.id,
        rank=None if place is None else place + 1,
        logprob_raw=None if chosen is None else chosen.logprob,
        logprob_at_most=known.tokens[-1].logprob if chosen is None else chosen.logprob,
        entropy_low=at.entropy.low,
        entropy_high=at.entropy.high,
        margin=middle(at.margin),
        kept=kept,
        kept_mass_low=None if mass is None else mass[0],
        kept_mass_high=None if mass is None else mass[1],
        removed_by=removed_by,
        flip_risk=at.flip_risk(noise).high,
        best=known.tokens[0].token,
        best_prob=math.exp(known.tokens[0].logprob),
    )


def _through(
    known: KnownTop, chain: Chain | None, place: int | None
) -> tuple[int | None, tuple[float, float] | None, str | None]:
    """How many tokens the chain keeps, the shaped mass of these, and the stage that removes the
    token of rank `place` + 1; None for what cannot be decided.
    """
    if chain is None:
        return known.num_tokens, (1.0, 1.0), None
    try:
        found = chain.explain(known.at(1.0))
    except CapabilityError:
        return None, None, None
    rank = len(known.tokens) if place is None else place  # at least this many tokens are more likely
    removed_by = next((stage.stage for stage in found.stages if rank >= stage.kept), None)
    return found.kept, (found.kept_mass.low, found.kept_mass.high), removed_by


def totals_of(tokens: Sequence[PartialTracedToken]) -> PartialTraceTotals:
    """Over the tokens of a text, at least one."""
    known = [token.logprob_raw for token in tokens if token.logprob_raw is not None]
    return PartialTraceTotals(
        tokens=len(tokens),
        unknown=len(tokens) - len(known),
        logprob_raw=math.fsum(known) if len(known) == len(tokens) else None,
        logprob_raw_high=math.fsum(token.logprob_at_most for token in tokens),
        entropy_low=math.fsum(token.entropy_low for token in tokens) / len(tokens),
        entropy_high=math.fsum(token.entropy_high for token in tokens) / len(tokens),
        removed=sum(token.removed_by is not None for token in tokens),
        flip_risk=text_flip_risk([token.flip_risk for token in tokens]),
    )
