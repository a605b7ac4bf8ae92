"""A text token by token: how likely each was, how sure the model is there, and what a chain would have done to it.

The text is given, or drawn by chain and seed as `generate` draws it. A given text costs one forward pass.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from retort.distribution.chain import Chain
from retort.distribution.context import Context, RowState
from retort.distribution.flips import flip_risk, text_flip_risk
from retort.distribution.reading import read_rows
from retort.distribution.softmax import softmax
from retort.errors import CapabilityError, InputError
from retort.lens.asking import ask
from retort.lens.conditions import Value
from retort.lens.partial_trace import PartialTrace, partial_trace
from retort.sampling.ending import Ending, check_request
from retort.sampling.params import SamplingParams
from retort.sampling.sampler import NOISE_SCALE, sample
from retort.sources.base import Capability, PartialSource, Source
from retort.sources.chat import Message
from retort.sources.positions import position_logits

Floats = NDArray[np.float64]
ROWS_AT_ONCE = 16
"""Positions described at a time: several float64 copies of their rows are held, better in the cache than beside it."""

MAX_TOKENS = 24


@dataclass(frozen=True)
class TracedToken:
    """One position of the text. Raw is the model's own distribution (τ = 1), processed what the chain leaves of it.

    `rank` counts from 1 among all tokens; `best` is the most likely token and `best_prob` its raw probability.
    Logprobs and entropies are nats; `logprob_processed` is None where the chain removes the token, and `removed_by` is
    then the stage that does. `margin`: raw logit of the best token minus the second. `kept_mass`: the share of
    softmax(logits / τ) that the chain keeps. `flip_risk`: chance that numerical noise makes another token the best one.
    """

    token: str
    id: int
    rank: int
    logprob_raw: float
    logprob_processed: float | None
    entropy_nats: float
    entropy_processed_nats: float
    margin: float
    kept: int
    kept_mass: float
    removed_by: str | None
    flip_risk: float
    best: str
    best_prob: float


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
    if text is None:
        ids, logits = _drawn(source, asked.ids, max_tokens, chain or Chain.of(temperature=0.0), seed)
        shown = source.decode([i for i in ids if i not in source.end_ids])
    else:
        ids = _text_ids(source, asked.text, asked.ids, text, rendered=asked.messages is not None)
        logits = position_logits(source, [*asked.ids, *ids[:-1]])[len(asked.ids) - 1 :]
        shown = text
    name = functools.cache(source.token_text)  # a text repeats its tokens
    tokens: list[TracedToken] = []
    for first in range(0, len(ids), ROWS_AT_ONCE):
        before = [*asked.ids, *ids[:first]]
        part = slice(first, first + ROWS_AT_ONCE)
        tokens += _traced(name, before, len(asked.ids), ids[part], logits[part], chain, noise_scale)
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


def _drawn(
    source: Source, prompt_ids: Sequence[int], max_tokens: int, chain: Chain, seed: int
) -> tuple[list[int], NDArray[np.floating]]:
    params = SamplingParams(chain=chain, seed=seed, max_tokens=max_tokens)
    check_request(source, prompt_ids, max_tokens)
    ending, decoder = Ending(source, (), max_tokens), source.start([prompt_ids])
    ids: list[int] = []
    rows: list[NDArray[np.floating]] = []
    states: Sequence[RowState | None] | None = None
    while ending.finish_reason(ids) is None:
        rows.append(np.array(decoder.logits[0]))
        drawn = sample(
            decoder.logits,
            params,
            [seed],
            len(ids),
            [[*prompt_ids, *ids]],
            prompt_lengths=[len(prompt_ids)],
            states=states,
        )
        states = drawn.states
        ids.append(int(drawn.ids[0]))
        if ending.finish_reason(ids) is None:
            decoder.advance([0], [ids[-1]])
    return ids, np.stack(rows)


def _traced(
    name: Callable[[int], str],
    before: Sequence[int],
    prompt_length: int,
    ids: Sequence[int],
    rows: NDArray[np.floating],
    chain: Chain | None,
    noise_scale: float,
) -> list[TracedToken]:
    """The tokens `ids`, whose logits are `rows` `[len(ids), vocab]`, after the tokens `before`."""
    raw = read_rows(rows, ids)
    margins = np.where(np.isfinite(raw.margin), raw.margin, 0.0)
    risks = np.where(np.isfinite(raw.margin), flip_risk(margins, noise_scale), 0.0)
    removed_by: list[str | None] = [None] * len(ids)
    after, masses = raw, np.ones(len(ids))
    if chain is not None and len(chain):
        logits = rows.astype(np.float64)
        processed, removed_by = _through(chain, logits, before, prompt_length, ids)
        after = read_rows(processed, ids)
        # At τ = 0 the share is of the distribution before it became one token.
        shares = softmax(logits, chain.temperature or 1.0)
        masses = np.minimum(np.sum(shares, axis=-1, where=processed > -np.inf), 1.0)
    return [
        TracedToken(
            token=name(int(token)),
            id=int(token),
            rank=int(raw.ranks[i]),
            logprob_raw=float(raw.log_probs[i]),
            logprob_processed=float(after.log_probs[i]) if after.log_probs[i] > -np.inf else None,
            entropy_nats=float(raw.entropy[i]),
            entropy_processed_nats=float(after.entropy[i]),
            margin=float(raw.margin[i]),
            kept=int(after.support[i]),
            kept_mass=float(masses[i]),
            removed_by=removed_by[i],
            flip_risk=float(risks[i]),
            best=name(int(raw.best[i])),
            best_prob=math.exp(raw.best_log_probs[i]),
        )
        for i, token in enumerate(ids)
    ]


def _through(
    chain: Chain, logits: Floats, before: Sequence[int], prompt_length: int, ids: Sequence[int]
) -> tuple[Floats, list[str | None]]:
    """The rows after the chain, and for each token the first stage that removes it."""
    removed_by: list[str | None] = [None] * len(ids)
    histories = [[*before, *ids[:end]] for end in range(len(ids))]
    context = Context(history=histories, prompt_lengths=[prompt_length] * len(ids))
    processed, places = logits, np.arange(len(ids))
    for stage in chain:
        processed = np.asarray(stage.apply(processed, context))
        gone = (processed[places, ids] == -np.inf) & (logits[places, ids] > -np.inf)
        removed_by = [
            str(stage) if lost and there is None else there
            for lost, there in zip(gone, removed_by, strict=True)
        ]
    return processed, removed_by


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
