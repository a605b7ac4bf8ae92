"""One position for the page where only the most probable tokens are known: what is known, and what the source is.

With it the page bounds every temperature and chain by itself, and its intervals are those of `partial_look`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from retort.chain import Chain
from retort.lens.partial_compare import PartialComparedPosition, compared_position, known_top
from retort.lens.position import DEFAULT_CHAIN
from retort.sources.base import Capability, KnownTop, PartialSource, Source


@dataclass(frozen=True)
class PartialPosition:
    """The known tokens, most probable first: names, ids where they are told, logprobs (nats, τ = 1).

    Each logprob may be `rounding` nats away from the truth. `vocabulary` is None where it was not told; the intervals
    then hold for up to `vocabulary_at_most` tokens. `known`: "top_n", or "full" for a model that runs here, of which
    the best tokens are shown beside such a source.
    """

    known: str
    model: str
    prompt: str
    note: str | None
    chain: str
    vocabulary: int | None
    vocabulary_at_most: int
    rounding: float
    tokens: tuple[str, ...]
    ids: tuple[int | None, ...]
    logprobs: tuple[float, ...]
    probe: Any


@dataclass(frozen=True)
class PartialPair:
    """Two positions of which at least one is known in part, and what is certain about the distance between them."""

    known: str
    a: PartialPosition
    b: PartialPosition
    compared: PartialComparedPosition


def partial_position(source: PartialSource, prompt: str, chain: Chain = DEFAULT_CHAIN) -> PartialPosition:
    """The position after `prompt`; one request. Raises SourceError where the source cannot be asked."""
    return pack_partial_position(source, prompt, source.next_tokens(prompt), chain)


def partial_pair(source_a: Source, prompt_a: str, source_b: Source, prompt_b: str) -> PartialPair:
    """The raw positions after both prompts, as far as both are known.

    Raises SourceError, and InputError for a prompt that a model which runs here cannot take.
    """
    known_a, known_b = known_top(source_a, prompt_a), known_top(source_b, prompt_b)
    return PartialPair(
        known=Capability.TOP_N.value,
        a=pack_partial_position(source_a, prompt_a, known_a, Chain(())),
        b=pack_partial_position(source_b, prompt_b, known_b, Chain(())),
        compared=compared_position(0, known_a, known_b),
    )


def pack_partial_position(source: Source, prompt: str, known: KnownTop, chain: Chain) -> PartialPosition:
    """The position of which `known` is known already."""
    probe = cast(PartialSource, source).probe if source.capability is Capability.TOP_N else None
    known.at(1.0)  # refuses logprobs that no distribution has
    return PartialPosition(
        known=source.capability.value,
        model=source.name,
        prompt=prompt,
        note=source.note,
        chain=str(chain),
        vocabulary=known.vocabulary,
        vocabulary_at_most=known.num_tokens,
        rounding=known.rounding,
        tokens=tuple(token.token for token in known.tokens),
        ids=tuple(token.id for token in known.tokens),
        logprobs=tuple(token.logprob for token in known.tokens),
        probe=probe,
    )
