"""A text as the page shows it: at every position what stands there, what could stand there, and what was cut away.

The tokens after the prompt are given (`ids`), or drawn by chain and seed as `generate` draws them; all are described
alike, in the distribution that the model has at that position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retort.chain import Chain
from retort.distribution import softmax, text_flip_risk, top_ids
from retort.distribution.measures import NOISE_SCALE
from retort.errors import CapabilityError
from retort.lens.traced import TracedToken, traced
from retort.lens.walk import Step, walk
from retort.sampling.ending import Ending
from retort.sampling.params import SamplingParams
from retort.sources.base import Capability, Source

ALTERNATIVES = 8


@dataclass(frozen=True)
class Alternative:
    """A token that could stand here: its raw and processed probability (0 where the chain removes it)."""

    token: str
    id: int
    prob_raw: float
    prob_processed: float


@dataclass(frozen=True)
class PassageToken(TracedToken):
    """One position. `given`: the token came with the request; `alternatives`: the most likely, by falling logit."""

    given: bool
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
    found: list[PassageToken] = []
    for step in walk(source, prompt_ids, params, ids):
        found.append(_token(source, step, params.resolved_chain, noise_scale))
        if on_token is not None:
            on_token(len(found) - 1, found[-1])
    drawn, reason = [one.id for one in found], step.finish_reason
    assert reason is not None, "a walk ends for a reason"
    return Passage(
        model=source.name,
        note=source.note,
        prompt=prompt,
        prompt_tokens=tuple(source.token_text(one) for one in prompt_ids),
        chain=str(params.resolved_chain),
        seed=seed,
        finish_reason=reason,
        text=Ending(source, (), params.max_tokens).text(drawn),
        tokens=tuple(found),
        logprob_raw=sum(one.logprob_raw for one in found),
        mean_entropy_nats=sum(one.entropy_nats for one in found) / len(found),
        flip_risk=text_flip_risk([one.flip_risk for one in found]),
        noise_scale=noise_scale,
    )


def _token(source: Source, step: Step, chain: Chain, noise_scale: float) -> PassageToken:
    rows = step.logits[None]
    (token,), processed = traced(source.token_text, [step.token], rows, chain, step.context, noise_scale)
    raw, left = softmax(rows)[0], softmax(processed)[0]
    return PassageToken(
        **vars(token),
        given=step.given,
        alternatives=tuple(
            Alternative(source.token_text(one), one, float(raw[one]), float(left[one]))
            for one in map(int, top_ids(step.logits, ALTERNATIVES))
            if step.logits[one] > -np.inf
        ),
    )
