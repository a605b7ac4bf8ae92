"""One prompt, several temperatures: what the model would say next, and what a chain would leave of it.

Three distributions are told apart everywhere: *raw* (the model's own, τ = 1), *tempered* (the whole vocabulary at
another τ), and *processed* (what is left after a chain, renormalised: what sampling draws from).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from retort.chain.chain import Chain
from retort.distribution.distribution import Distribution
from retort.distribution.measures import NOISE_SCALE
from retort.errors import InputError
from retort.lens.asking import ask
from retort.lens.conditions import Value
from retort.lens.near_ties import NearTie, near_ties
from retort.lens.partial_look import PartialLook, partial_look
from retort.sources.base import Capability, PartialSource, Source, needs_whole_vocabulary
from retort.sources.chat import Message
from retort.transforms.context import Context


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
    """What `look` found. `margin` is the raw logit difference of the two best tokens (nats at τ = 1).

    `near_tie`: numerical noise of `noise_scale` (logit units) could make another token the best one; `near_ties` are
    those tokens (up to 100 of `near_ties_total`).

    `rendered` is what the model really saw, where `prompt` was asked as a conversation: then it is the same text.
    """

    model: str
    prompt: str
    vocabulary: int
    known: str
    note: str | None
    margin: float
    noise_scale: float
    near_tie: bool
    near_ties: tuple[NearTie, ...]
    near_ties_total: int
    rows: tuple[LookRow, ...]
    chain: LookChain | None
    messages: tuple[Message, ...] | None = None
    rendered: str | None = None


def look(
    source: Source,
    prompt: str | Sequence[Message],
    temperatures: Sequence[float] = (1.0,),
    chain: Chain | None = None,
    top: int = 10,
    *,
    noise_scale: float = NOISE_SCALE,
) -> Look | PartialLook:
    """The next-token distribution after `prompt` at each temperature, and the stages of `chain` if one is given.

    One forward pass serves all temperatures. τ never reorders tokens, so every row lists the same `top` tokens; tokens
    that can never come (logit -inf) are not listed. A chain without a temperature stage is read at τ = 1. A prompt of
    messages is written with the model's own chat template. A source that knows its most probable tokens only gives a
    `PartialLook`, whose measures are intervals. `noise_scale`: how far two logits may move against each other between
    two runs of the model (see `sampling.NOISE_SCALE`). Entropies in nats; float64 inside.
    Raises InputError for an empty list of temperatures, a negative one, or `top` below 1; CapabilityError for a chain
    that cannot be decided from what a source knows, and for messages where a source has no chat template.
    """
    if source.capability is Capability.FULL:
        return full_look(source, prompt, temperatures, chain, top, noise_scale=noise_scale)
    _check(temperatures, top)
    return partial_look(cast(PartialSource, source), prompt, temperatures, chain, top, noise_scale)


def full_look(
    source: Source,
    prompt: str | Sequence[Message],
    temperatures: Sequence[float] = (1.0,),
    chain: Chain | None = None,
    top: int = 10,
    *,
    noise_scale: float = NOISE_SCALE,
) -> Look:
    """As `look`, for a source of the whole vocabulary; CapabilityError for any other."""
    if source.capability is not Capability.FULL:
        raise needs_whole_vocabulary(source, "This look")
    _check(temperatures, top)
    asked = ask(source, prompt)
    logits = np.asarray(source.start([asked.ids]).logits[0], dtype=np.float64)
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
    ties, total = near_ties(source, logits, noise_scale)
    return Look(
        model=source.name,
        prompt=asked.text,
        vocabulary=source.vocab_size,
        known=source.capability.value,
        note=source.note,
        margin=float(raw.margin),
        noise_scale=float(noise_scale),
        near_tie=total > 0,
        near_ties=ties,
        near_ties_total=total,
        rows=tuple(rows),
        chain=None if chain is None else _look_chain(source, asked.ids, logits, chain, top),
        messages=asked.messages,
        rendered=None if asked.messages is None else asked.text,
    )


def _check(temperatures: Sequence[float], top: int) -> None:
    if len(temperatures) == 0:
        raise InputError("look got no temperature; give at least one, for instance 1.")
    if top < 1:
        raise InputError(f"top is the number of tokens to list and must be 1 or more, got {top}.")


def _look_chain(
    source: Source, prompt_ids: Sequence[int], logits: np.ndarray, chain: Chain, top: int
) -> LookChain:
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


def look_measures(found: Look | PartialLook) -> dict[str, list[Value]]:
    """What a condition can ask of a look; of the processed distribution too, where there is a chain."""
    if isinstance(found, PartialLook):
        measures: dict[str, list[Value]] = {
            "entropy": [(row.entropy_low, row.entropy_high) for row in found.rows],
            "effective_support": [
                (row.effective_support_low, row.effective_support_high) for row in found.rows
            ],
            "margin": [found.margin],
            "top_prob": [(row.top[0].prob_low, row.top[0].prob_high) for row in found.rows if row.top],
        }
        if found.chain is not None:
            measures["processed_entropy"] = [(found.chain.entropy_low, found.chain.entropy_high)]
    else:
        measures = {
            "entropy": [row.entropy_nats for row in found.rows],
            "effective_support": [row.effective_support for row in found.rows],
            "margin": [found.margin],
            "near_ties": [found.near_ties_total],
            "top_prob": [row.top[0].prob for row in found.rows if row.top],
        }
        if found.chain is not None:
            measures["processed_entropy"] = [found.chain.entropy_nats]
    if found.chain is not None:
        measures["kept"] = [found.chain.kept]
        measures["warnings"] = [len(found.chain.warnings)]
    return measures
