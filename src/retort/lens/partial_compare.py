"""`compare` where one side gives its most probable tokens only: what is certain about the distance.

After each prompt the tokens that both sides name are matched by their text. What the rest may add is bounded: its whole
mass on each side may lie on the same tokens or on different ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from retort.distribution.ranking import top_ids
from retort.distribution.softmax import log_softmax
from retort.errors import InputError
from retort.lens.conditions import Value
from retort.sources.base import Capability, KnownToken, KnownTop, PartialSource, Source, next_token_logits

NAMED = 1000
"""Tokens of a source of the whole vocabulary that are matched: past them there is next to nothing left."""


@dataclass(frozen=True)
class PartialComparedPosition:
    """The position after one prompt. `common`: tokens that both sides name; `logprob_difference`: the largest among
    them, in nats. `kl_ab_low`: at least this much, whatever the unnamed tokens do.
    """

    prompt: int
    common: int
    logprob_difference: float
    total_variation_low: float
    total_variation_high: float
    kl_ab_low: float
    kl_ba_low: float
    top_a: str
    top_b: str
    parted: bool


@dataclass(frozen=True)
class PartialComparison:
    """What `compare_partial` found. The probes are None for a model that runs here."""

    model_a: str
    model_b: str
    known_a: str
    known_b: str
    prompts: tuple[str, ...]
    positions: tuple[PartialComparedPosition, ...]
    probe_a: Any
    probe_b: Any


def compare_partial(source_a: Source, source_b: Source, prompts: Sequence[str]) -> PartialComparison:
    """The raw distributions after each prompt, as far as both are known. Raises InputError for no prompts."""
    if not prompts:
        raise InputError("there are no prompts to compare over; give at least one.")
    positions = tuple(
        compared_position(number, known_top(source_a, prompt), known_top(source_b, prompt))
        for number, prompt in enumerate(prompts)
    )
    return PartialComparison(
        model_a=source_a.name,
        model_b=source_b.name,
        known_a=source_a.capability.value,
        known_b=source_b.capability.value,
        prompts=tuple(prompts),
        positions=positions,
        probe_a=getattr(source_a, "probe", None),
        probe_b=getattr(source_b, "probe", None),
    )


def partial_measures(found: PartialComparison) -> dict[str, list[Value]]:
    """What a condition can ask, one value a prompt."""
    return {
        "total_variation": [(p.total_variation_low, p.total_variation_high) for p in found.positions],
        "logprob_difference": [p.logprob_difference for p in found.positions],
        "kl_ab": [(p.kl_ab_low, math.inf) for p in found.positions],
        "kl_ba": [(p.kl_ba_low, math.inf) for p in found.positions],
        "parted": [sum(p.parted for p in found.positions) / len(found.positions)],
    }


def known_top(source: Source, prompt: str) -> KnownTop:
    """The most probable tokens after `prompt`; `NAMED` of them, and exact, of a source of the whole vocabulary."""
    if source.capability is Capability.TOP_N:
        return cast(PartialSource, source).next_tokens(prompt)
    logits = np.asarray(next_token_logits(source, prompt), dtype=np.float64)
    log_probs = log_softmax(logits)
    ids = [int(i) for i in top_ids(logits, NAMED) if logits[i] > -np.inf]
    return KnownTop(
        tuple(KnownToken(source.token_text(i), float(log_probs[i]), i) for i in ids), source.vocab_size
    )


def compared_position(prompt: int, a: KnownTop, b: KnownTop) -> PartialComparedPosition:
    """What is certain about the distance of two positions; `prompt` is the number that it gets."""
    there = {token.token: token.logprob for token in b.tokens}
    pairs = [(token.logprob, there[token.token]) for token in a.tokens if token.token in there]
    p, q = (_Shares.of([pair[side] for pair in pairs], one.rounding) for side, one in enumerate((a, b)))
    # The rest of each may lie where the other has none.
    apart = float(np.maximum(p.high - q.low, q.high - p.low)[:-1].sum()) + float(p.high[-1] + q.high[-1])
    return PartialComparedPosition(
        prompt=prompt,
        common=len(pairs),
        logprob_difference=max((abs(first - second) for first, second in pairs), default=math.inf),
        total_variation_low=0.5 * float(np.maximum(np.maximum(p.low - q.high, q.low - p.high), 0.0).sum()),
        total_variation_high=min(0.5 * apart, 1.0),
        kl_ab_low=_least_kl(p, q),
        kl_ba_low=_least_kl(q, p),
        top_a=a.tokens[0].token,
        top_b=b.tokens[0].token,
        parted=a.tokens[0].token != b.tokens[0].token,
    )


@dataclass(frozen=True)
class _Shares:
    """Between which probabilities each matched token lies, and last all other tokens as one."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, log_probs: Sequence[float], rounding: float) -> _Shares:
        low, high = (np.exp(np.asarray(log_probs, np.float64) + slack) for slack in (-rounding, rounding))
        rest = [max(1.0 - float(side.sum()), 0.0) for side in (high, low)]
        return cls(np.append(low, rest[0]), np.append(high, rest[1]))


def _least_kl(p: _Shares, q: _Shares) -> float:
    """The least KL(p ‖ q) in nats that the shares allow.

    Other tokens as one: no finer division can make it smaller (the log sum inequality). KL is the sum of
    p ln(p/q) - p + q, whose terms are never negative and least where p and q are nearest, so each is taken there.
    """
    above, below = p.low > q.high, p.high < q.low
    least = 0.0
    for first, second in (
        *zip(p.low[above], q.high[above], strict=True),
        *zip(p.high[below], q.low[below], strict=True),
    ):
        if second == 0.0:
            return math.inf
        least += (first * math.log(first / second) if first > 0.0 else 0.0) - first + second
    return float(least)
