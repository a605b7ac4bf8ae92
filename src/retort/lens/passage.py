"""A text as the page shows it: at every position what stands there, what could stand there, and what was cut away.

The tokens after the prompt are given (`ids`), or drawn by chain and seed as `generate` draws them; all are described
alike, in the distribution that the model has at that position.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retort.distribution import Chain, Context, Distribution, flip_risk, softmax, text_flip_risk, top_ids
from retort.distribution.context import RowState
from retort.errors import CapabilityError
from retort.sampling import uniform_at
from retort.sampling.ending import Ending, check_request
from retort.sampling.params import SamplingParams
from retort.sampling.sampler import NOISE_SCALE, sample
from retort.sources.base import Capability, Source, check_token_ids

ALTERNATIVES = 8


@dataclass(frozen=True)
class Alternative:
    """A token that could stand here: its raw and processed probability (0 where the chain removes it)."""

    token: str
    id: int
    prob_raw: float
    prob_processed: float


@dataclass(frozen=True)
class PassageToken:
    """One position. `given`: the token was not drawn here but came with the request.

    Raw is the model's own distribution (τ = 1), processed what the chain leaves of it. `rank` counts from 1 among all
    tokens; `entropy_nats` and `margin` are raw; `logprob_processed` is None where the chain removes the token, and
    `removed_by` is then the stage that does. `kept_mass`: the share of softmax(logits / τ) that the chain keeps.
    `flip_risk`: chance that numerical noise makes another token the most likely one.
    """

    token: str
    id: int
    given: bool
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
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Passage:
    """A prompt and what follows. `text` is what follows as text; the totals are over its tokens."""

    model: str
    note: str | None
    prompt: str
    prompt_tokens: tuple[str, ...]
    chain: str
    seed: int
    finish_reason: str
    text: str
    tokens: tuple[PassageToken, ...]
    logprob_raw: float
    mean_entropy_nats: float
    flip_risk: float
    noise_scale: float


OnToken = Callable[[int, PassageToken], None]


def passage(
    source: Source,
    prompt: str,
    ids: Sequence[int] = (),
    *,
    max_tokens: int = 24,
    chain: Chain | None = None,
    seed: int = 0,
    noise_scale: float = NOISE_SCALE,
    on_token: OnToken | None = None,
) -> Passage:
    """The text `ids` after `prompt`, continued by drawing until it has `max_tokens` tokens or ends.

    Drawing is `generate`'s: the n-th token has the noise of (seed, n). `on_token(index, token)` is called as each
    becomes known. Raises InputError for a prompt that the source cannot take; CapabilityError without the whole
    vocabulary.
    """
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"A text is described token by token from the whole vocabulary, but {source.name} gives only its most "
            "probable tokens; use a model that runs here."
        )
    params = SamplingParams(chain=chain or Chain(()), seed=seed, max_tokens=max(max_tokens, len(ids), 1))
    prompt_ids = source.encode(prompt)
    check_request(source, prompt_ids, params.max_tokens)
    check_token_ids(source, ids)
    ending = Ending(source, (), params.max_tokens)
    decoder = source.start([prompt_ids])
    found: list[PassageToken] = []
    drawn: list[int] = []
    states: Sequence[RowState | None] | None = None
    while (reason := ending.finish_reason(drawn)) is None:
        logits = np.asarray(decoder.logits[0], dtype=np.float64)
        history = [*prompt_ids, *drawn]
        given = len(drawn) < len(ids)
        context = Context(
            [history], [len(prompt_ids)], functools.partial(uniform_at, [seed], [len(drawn)]), states
        )
        if given:
            token = int(ids[len(drawn)])
        else:
            lengths = [len(prompt_ids)]
            batch = sample(
                logits, params, [seed], len(drawn), [history], prompt_lengths=lengths, states=states
            )
            token = int(batch.ids[0])
        found.append(_describe(source, logits, context, token, given, params.resolved_chain, noise_scale))
        # A given token that the chain removes could not have been drawn: no stage learns from it.
        if found[-1].removed_by is None:
            states = params.resolved_chain.update(states, [token], logits[None], context)
        drawn.append(token)
        if on_token is not None:
            on_token(len(drawn) - 1, found[-1])
        if ending.finish_reason(drawn) is None:
            decoder.advance([0], [token])
    return Passage(
        model=source.name,
        note=source.note,
        prompt=prompt,
        prompt_tokens=tuple(source.token_text(one) for one in prompt_ids),
        chain=str(params.resolved_chain),
        seed=seed,
        finish_reason=reason,
        text=ending.text(drawn),
        tokens=tuple(found),
        logprob_raw=sum(one.logprob_raw for one in found),
        mean_entropy_nats=sum(one.entropy_nats for one in found) / len(found),
        flip_risk=text_flip_risk([one.flip_risk for one in found]),
        noise_scale=noise_scale,
    )


def _describe(
    source: Source,
    logits: np.ndarray,
    context: Context,
    token: int,
    given: bool,
    chain: Chain,
    noise_scale: float,
) -> PassageToken:
    raw = Distribution(logits)
    processed_logits = logits
    removed_by = None
    for stage in chain:
        processed_logits = stage.apply(processed_logits, context)
        if removed_by is None and processed_logits[token] == -np.inf and logits[token] > -np.inf:
            removed_by = str(stage)
    processed = Distribution(processed_logits)
    kept = processed_logits > -np.inf
    margin = float(raw.margin)
    ids = top_ids(logits, ALTERNATIVES)
    return PassageToken(
        token=source.token_text(token),
        id=token,
        given=given,
        rank=1 + int(np.sum(logits > logits[token])) + int(np.sum(logits[:token] == logits[token])),
        logprob_raw=float(raw.log_probs[token]),
        logprob_processed=float(processed.log_probs[token]) if kept[token] else None,
        entropy_nats=float(raw.entropy),
        entropy_processed_nats=float(processed.entropy),
        margin=margin,
        kept=int(kept.sum()),
        # At τ = 0 the share is of the distribution before it became one token.
        kept_mass=min(1.0, float(softmax(logits, chain.temperature or 1.0)[kept].sum())),
        removed_by=removed_by,
        flip_risk=float(flip_risk(np.array(margin), noise_scale)) if np.isfinite(margin) else 0.0,
        alternatives=tuple(
            Alternative(source.token_text(one), one, float(raw.probs[one]), float(processed.probs[one]))
            for one in map(int, ids)
            if logits[one] > -np.inf
        ),
    )
