"""A text as the page shows it where only the most probable tokens are known: exact for those, bounded for the rest.

The text is the greedy one, asked for token by token; tokens may be given before it, so that a text can be branched.
What the chain would leave at each position is told where the known tokens decide it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from retort.chain import Chain
from retort.errors import CapabilityError
from retort.lens.partial_trace import PartialTracedToken, PartialTraceTotals, totals_of, traced_token
from retort.sampling.draw import NOISE_SCALE
from retort.sources.base import PartialSource, ReadToken
from retort.sources.server.logprob_shapes import UNDECODED

ALTERNATIVES = 20


@dataclass(frozen=True)
class PartialAlternative:
    """A known token that could stand here, with its raw probability (τ = 1), which rounding leaves between two ends."""

    token: str
    id: int | None
    prob_low: float
    prob_high: float


@dataclass(frozen=True)
class PartialPassageToken(PartialTracedToken):
    """One position. `given`: the token came with the request; `known_tokens`: how many are known there.

    `unseen_low` and `unseen_high` are the ends of the share of all others.
    """

    given: bool
    known_tokens: int
    unseen_low: float
    unseen_high: float
    alternatives: tuple[PartialAlternative, ...]


@dataclass(frozen=True)
class PartialPassage:
    """A prompt and what follows, with the totals over its tokens."""

    known: str
    model: str
    note: str | None
    prompt: str
    chain: str
    finish_reason: str
    text: str
    tokens: tuple[PartialPassageToken, ...]
    totals: PartialTraceTotals
    noise_scale: float
    vocabulary: int | None
    vocabulary_at_most: int
    probe: Any


OnPartialToken = Callable[[int, PartialPassageToken], None]


def partial_passage(
    source: PartialSource,
    prompt: str,
    given: Sequence[str] = (),
    *,
    max_tokens: int = 24,
    chain: Chain | None = None,
    noise_scale: float = NOISE_SCALE,
    on_token: OnPartialToken | None = None,
) -> PartialPassage:
    """The tokens `given` after `prompt`, continued greedily until there are `max_tokens` or the text ends.

    One request a token. `on_token(index, token)` is called as each becomes known. Raises SourceError, and
    CapabilityError where the source answers conversations only: it cannot go on in its own answer.
    """
    if not writes_on(source):
        raise CapabilityError(
            f"{source.name} answers conversations only and cannot be given the beginning of its own answer, so no text "
            "can be followed there; look at a position."
        )
    found: list[PartialPassageToken] = []
    text, reason = prompt, "length"
    while len(found) < max(max_tokens, len(given), 1):
        known = source.next_tokens(text)
        token = given[len(found)] if len(found) < len(given) else known.tokens[0].token
        if not token or UNDECODED in token:
            # A marker without text ends it; neither it nor a part of a character can be written behind the prompt.
            reason = "bytes" if token else "stop"
            break
        traced = traced_token(ReadToken(text, token, known), chain, noise_scale)
        at = known.at(1.0)
        probs, unseen = at.probs, at.unseen
        listed = zip(known.tokens[:ALTERNATIVES], probs.low, probs.high, strict=False)
        found.append(
            PartialPassageToken(
                **{field.name: getattr(traced, field.name) for field in fields(traced)},
                given=len(found) < len(given),
                known_tokens=len(known.tokens),
                unseen_low=unseen.low,
                unseen_high=unseen.high,
                alternatives=tuple(
                    PartialAlternative(one.token, one.id, float(low), float(high))
                    for one, low, high in listed
                ),
            )
        )
        text += token
        if on_token is not None:
            on_token(len(found) - 1, found[-1])
    return PartialPassage(
        known=source.capability.value,
        model=source.name,
        note=source.note,
        prompt=prompt,
        chain="" if chain is None else str(chain),
        finish_reason=reason,
        text=text[len(prompt) :],
        tokens=tuple(found),
        totals=totals_of(found) if found else _NOTHING,
        noise_scale=noise_scale,
        vocabulary=known.vocabulary,
        vocabulary_at_most=known.num_tokens,
        probe=source.probe,
    )


_NOTHING = PartialTraceTotals(0, 0, 0.0, 0.0, 0.0, 0.0, 0, 0.0)


def writes_on(source: PartialSource) -> bool:
    """Whether the source can be given the beginning of its own answer: one that takes conversations alone cannot."""
    return getattr(source.probe, "endpoint", None) != "chat"
