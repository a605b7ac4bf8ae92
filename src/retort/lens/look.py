"""One prompt, several temperatures: what the model would say next, and what a chain would leave of it.

Three distributions are told apart everywhere: *raw* (the model's own, τ = 1), *tempered* (the whole vocabulary at
another τ), and *processed* (what is left after a chain, renormalised: what sampling draws from).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retort.distribution.chain import Chain
from retort.distribution.context import Context
from retort.distribution.logits import Distribution
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source, next_token_logits


@dataclass(frozen=True)
class TopToken:
    """One of the most probable tokens: its raw logit, and logprob (nats) and prob in the distribution it stands in."""

    token: str
    id: int
    logit: float
    logprob: float
    prob: float


@dataclass(frozen=True)
class LookRow:
    """The tempered distribution at one τ, over the whole vocabulary."""

    temperature: float
    entropy_nats: float
    effective_support: float
    top: tuple[TopToken, ...]


@dataclass(frozen=True)
class LookStage:
    """What one stage of the chain did: tokens kept and removed, and the share of the mass entering it that it kept."""

    stage: str
    kept: int
    removed: int
    kept_mass: float


@dataclass(frozen=True)
class LookChain:
    """What a chain does to this row. The last three fields are of the processed distribution."""

    spec: str
    stages: tuple[LookStage, ...]
    kept: int
    warnings: tuple[str, ...]
    entropy_nats: float
    effective_support: float
    top: tuple[TopToken, ...]


@dataclass(frozen=True)
class Look:
    """What `look` found. `margin` is the raw logit difference of the two best tokens (nats at τ = 1)."""

    model: str
    prompt: str
    vocabulary: int
    known: str
    note: str | None
    margin: float
    rows: tuple[LookRow, ...]
    chain: LookChain | None


def look(
    source: Source,
    prompt: str,
    temperatures: Sequence[float] = (1.0,),
    chain: Chain | None = None,
    top: int = 10,
) -> Look:
    """The next-token distribution after `prompt` at each temperature, and the stages of `chain` if one is given.

    One forward pass serves all temperatures. τ never reorders tokens, so every row lists the same `top` tokens; tokens
    that can never come (logit -inf) are not listed. A chain without a temperature stage is read at τ = 1.
    Entropies in nats; float64 inside.
    Raises InputError for an empty list of temperatures, a negative one, or `top` below 1; CapabilityError for a source
    that does not give the whole vocabulary.
    """
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"look needs the whole vocabulary, but {source.name} gives only its most probable tokens "
            f"({source.capability.value}); use a model that runs here."
        )
    if len(temperatures) == 0:
        raise InputError("look got no temperature; give at least one, for instance 1.")
    if top < 1:
        raise InputError(f"top is the number of tokens to list and must be 1 or more, got {top}.")
    logits = np.asarray(next_token_logits(source, prompt), dtype=np.float64)
    raw = Distribution(logits=logits)
    ids = _best_ids(raw, top)
    tokens = [source.token_text(token_id) for token_id in ids]
    rows = []
    for temperature in temperatures:
        tempered = raw.at(temperature)
        rows.append(
            LookRow(
                temperature=float(temperature),
                entropy_nats=float(tempered.entropy),
                effective_support=float(tempered.effective_support),
                top=_top_tokens(ids, tokens, logits, tempered),
            )
        )
    return Look(
        model=source.name,
        prompt=prompt,
        vocabulary=source.vocab_size,
        known=source.capability.value,
        note=source.note,
        margin=float(raw.margin),
        rows=tuple(rows),
        chain=None if chain is None else _look_chain(source, prompt, logits, chain, top),
    )


def _look_chain(source: Source, prompt: str, logits: np.ndarray, chain: Chain, top: int) -> LookChain:
    prompt_ids = source.encode(prompt)
    context = Context(history=[prompt_ids], prompt_lengths=[len(prompt_ids)])
    explanation = chain.explain(logits, context=context)
    processed = Distribution(logits=explanation.processed)
    ids = _best_ids(processed, top)
    return LookChain(
        spec=explanation.spec,
        stages=tuple(
            LookStage(stage.stage, int(stage.kept), int(stage.removed), float(stage.kept_mass))
            for stage in explanation.stages
        ),
        kept=int(explanation.kept),
        warnings=tuple(explanation.warnings),
        entropy_nats=float(processed.entropy),
        effective_support=float(processed.effective_support),
        top=_top_tokens(ids, [source.token_text(i) for i in ids], logits, processed),
    )


def _best_ids(distribution: Distribution, count: int) -> list[int]:
    """The ids of the `count` most likely tokens that can come at all."""
    return [int(token_id) for token_id in distribution.top(count) if distribution.logits[token_id] > -np.inf]


def _top_tokens(
    ids: Sequence[int], tokens: Sequence[str], logits: np.ndarray, distribution: Distribution
) -> tuple[TopToken, ...]:
    log_probs, probs = np.asarray(distribution.log_probs), np.asarray(distribution.probs)
    return tuple(
        TopToken(token, token_id, float(logits[token_id]), float(log_probs[token_id]), float(probs[token_id]))
        for token_id, token in zip(ids, tokens, strict=True)
    )
