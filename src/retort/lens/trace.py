"""A text token by token: how likely each was, how sure the model is there, and what a chain would have done to it.

The text is given, or drawn by chain and seed as `generate` draws it. A given text costs one forward pass.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from retort.chain.chain import Chain
from retort.distribution.measures import NOISE_SCALE, text_flip_risk
from retort.errors import CapabilityError, InputError
from retort.lens.asking import ask
from retort.lens.conditions import Value
from retort.lens.partial_trace import PartialTrace, partial_trace
from retort.lens.traced import TracedToken, traced
from retort.lens.walk import GREEDY, States, context_of, learned, walk
from retort.sampling.kernels.threads import share
from retort.sampling.params import SamplingParams
from retort.sources.base import Capability, PartialSource, Source
from retort.sources.chat import Message
from retort.sources.positions import position_logits

ROWS_AT_ONCE = 50
"""Positions a thread describes at a time."""

ROWS_THROUGH_CHAIN = 16
"""The same where a chain is applied: its stages hold several float64 copies of their rows."""

MAX_TOKENS = 24


@dataclass(frozen=True)
class TraceTotals:
    """Over the tokens: sums of logprobs (nats; processed is None if a token is removed), means of the rest.

    `perplexity` is e^(−mean raw logprob); `removed` counts tokens that the chain would not have given; `flip_risk` is
    the chance that noise changes a greedy text of these positions anywhere.
    """

    tokens: int
    logprob_raw: float
    logprob_processed: float | None
    perplexity: float
    entropy_nats: float
    kept_mass: float
    removed: int
    flip_risk: float


@dataclass(frozen=True)
class Trace:
    """What `trace` found. `given`: the text was given and not drawn."""

    model: str
    prompt: str
    text: str
    known: str
    note: str | None
    chain: str | None
    given: bool
    seed: int | None
    noise_scale: float
    tokens: tuple[TracedToken, ...]
    totals: TraceTotals
    messages: tuple[Message, ...] | None = None
    rendered: str | None = None


def trace(
    source: Source,
    prompt: str | Sequence[Message],
    text: str | None = None,
    *,
    max_tokens: int = MAX_TOKENS,
    chain: Chain | None = None,
    seed: int = 0,
    noise_scale: float = NOISE_SCALE,
) -> Trace | PartialTrace:
    """The tokens of `text` after `prompt`, or of a text of up to `max_tokens` tokens that is drawn.

    Drawn is as `generate` draws, by `chain` and `seed`; greedily where there is no chain. A source that knows its most
    probable tokens only gives a `PartialTrace`, of the greedy text where none is given. Raises InputError for an empty
    text and where the model's context is too short, CapabilityError for what such a source cannot tell.
    """
    if source.capability is Capability.TOP_N:
        if not isinstance(prompt, str):
            raise CapabilityError(
                f"{source.name} cannot be given the beginning of its own answer, so a conversation cannot be traced "
                "there; give the prompt as text."
            )
        known = cast(PartialSource, source)
        return partial_trace(known, prompt, text, max_tokens=max_tokens, chain=chain, noise_scale=noise_scale)
    asked = ask(source, prompt)
    rows: NDArray[np.floating]
    if text is None:
        drawing = chain or GREEDY
        steps = list(walk(source, asked.ids, SamplingParams(chain=drawing, seed=seed, max_tokens=max_tokens)))
        ids, rows = [step.token for step in steps], np.stack([step.logits for step in steps])
        shown = source.decode([i for i in ids if i not in source.end_ids])
    else:
        ids = _text_ids(source, asked.text, asked.ids, text, rendered=asked.messages is not None)
        rows = position_logits(source, [*asked.ids, *ids[:-1]], len(ids))
        shown = text
    tokens = _described(source, asked.ids, ids, rows, chain, seed, noise_scale)
    return Trace(
        model=source.name,
        prompt=asked.text,
        text=shown,
        known=source.capability.value,
        note=source.note,
        chain=None if chain is None else str(chain),
        given=text is not None,
        seed=seed if text is None and chain is not None else None,
        noise_scale=noise_scale,
        tokens=tuple(tokens),
        totals=_totals(tokens),
        messages=asked.messages,
        rendered=None if asked.messages is None else asked.text,
    )


def trace_measures(found: Trace) -> dict[str, list[Value]]:
    """What a condition can ask: each token's value, and totals of the text."""
    measures: dict[str, list[Value]] = {
        "entropy": [token.entropy_nats for token in found.tokens],
        "margin": [token.margin for token in found.tokens],
        "rank": [token.rank for token in found.tokens],
        "logprob": [token.logprob_raw for token in found.tokens],
        "kept_mass": [token.kept_mass for token in found.tokens],
    }
    totals = found.totals
    return measures | {
        "flip_risk": [totals.flip_risk],
        "perplexity": [totals.perplexity],
        "mean_entropy": [totals.entropy_nats],
        "removed": [totals.removed],
    }


def _text_ids(
    source: Source, prompt: str, prompt_ids: Sequence[int], text: str, *, rendered: bool
) -> list[int]:
    """The ids of `text` behind the prompt: as the model would read both together, where that keeps the prompt's ids."""
    if not text:
        raise InputError("the text is empty; give the text to trace, or leave it out to have one drawn.")
    if not rendered:
        both = source.encode(prompt + text)
        if list(both[: len(prompt_ids)]) == list(prompt_ids) and len(both) > len(prompt_ids):
            return both[len(prompt_ids) :]
    alone, start = source.encode(text), source.encode("")
    return alone[len(start) :] if start and alone[: len(start)] == start else alone


def _described(
    source: Source,
    prompt_ids: Sequence[int],
    ids: Sequence[int],
    rows: NDArray[np.floating],
    chain: Chain | None,
    seed: int,
    noise_scale: float,
) -> list[TracedToken]:
    """All tokens, in parts by as many threads as the rows are worth; one by one where the chain remembers."""
    name = functools.cache(source.token_text)  # a text repeats its tokens
    parts: dict[int, list[TracedToken]] = {}
    remembers = chain is not None and "state" in chain.needs
    count = 1 if remembers else ROWS_THROUGH_CHAIN if chain else ROWS_AT_ONCE
    states: States = None

    def describe(first: int) -> None:
        nonlocal states
        places = range(first, min(first + count, len(ids)))
        part, context = slice(places.start, places.stop), context_of(prompt_ids, ids, places, seed, states)
        parts[first], _ = traced(name, ids[part], rows[part], chain, context, noise_scale)
        if remembers and chain is not None:
            states = learned(chain, states, ids[first], rows[first], context)

    firsts = iter(range(0, len(ids), count))  # of one iterator each thread gets other numbers

    def work(_: NDArray[np.float64]) -> None:
        for first in firsts:
            describe(first)

    if remembers:
        work(np.empty(0))
    else:
        share(work, len(ids), rows.shape[1], 0)
    return [token for first in sorted(parts) for token in parts[first]]


def _totals(tokens: Sequence[TracedToken]) -> TraceTotals:
    raw = math.fsum(token.logprob_raw for token in tokens)
    processed = [token.logprob_processed for token in tokens if token.logprob_processed is not None]
    mean = -raw / len(tokens)
    return TraceTotals(
        tokens=len(tokens),
        logprob_raw=raw,
        logprob_processed=math.fsum(processed) if len(processed) == len(tokens) else None,
        perplexity=math.exp(mean) if mean < 700 else math.inf,
        entropy_nats=math.fsum(token.entropy_nats for token in tokens) / len(tokens),
        kept_mass=math.fsum(token.kept_mass for token in tokens) / len(tokens),
        removed=sum(token.removed_by is not None for token in tokens),
        flip_risk=text_flip_risk([token.flip_risk for token in tokens]),
    )
