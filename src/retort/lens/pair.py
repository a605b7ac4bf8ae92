"""Two positions side by side for the page: two models after one prompt, or one model after two prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retort.chain import Chain
from retort.lens.position import DEFAULT_CHAIN, Position, position
from retort.sources.base import Source


@dataclass(frozen=True)
class Pair:
    """`comparable`: both have one vocabulary, so that distances between them have a meaning."""

    a: Position
    b: Position
    comparable: bool


def pair(
    source_a: Source,
    prompt_a: str,
    source_b: Source,
    prompt_b: str,
    chain_a: Chain = DEFAULT_CHAIN,
    chain_b: Chain | None = None,
    *,
    continuation: Sequence[int] = (),
) -> Pair:
    """The positions after both prompts, with the ids of all ranks. Raises what `position` raises."""
    same = source_a.name == source_b.name
    a = position(source_a, prompt_a, chain_a, continuation=continuation, every_id=True)
    if same and prompt_a == prompt_b:
        b = Position(**{**vars(a), "chain": str(chain_b or chain_a)})
    else:
        b = position(source_b, prompt_b, chain_b or chain_a, continuation=continuation, every_id=True)
    return Pair(a, b, same or _one_vocabulary(source_a, source_b, (*a.ids, *b.ids)))


def _one_vocabulary(a: Source, b: Source, ids: Sequence[int]) -> bool:
    """Whether both models mean the same tokens by these ids; the best ones of both are looked at."""
    return a.vocab_size == b.vocab_size and all(a.token_text(one) == b.token_text(one) for one in set(ids))
