"""One position for the page: the whole row of logits without loss, and the names of its best tokens.

With it the page computes every temperature and chain by itself, and its numbers are Python's. The rest of the
vocabulary has logits but no names: an honest tail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retort.distribution import Chain, check_logits, top_ids
from retort.errors import CapabilityError, InputError
from retort.lens.packing import PackedIds, PackedLogits, pack, pack_ids
from retort.sources.base import Capability, Source

NAMED = 1000
"""Tokens that a page can name unless it is asked for more."""

DEFAULT_CHAIN = Chain.of(temperature=1.0, top_p=0.9)


@dataclass(frozen=True)
class Position:
    """What comes after `prompt_ids`, for the page.

    `ids` and `tokens` name the best tokens by rank; `rank_ids`, where asked for, has the ids of all ranks (two
    positions of one vocabulary are compared by them). `chain` is where the page's controls begin.
    """

    model: str
    prompt: str
    prompt_tokens: tuple[str, ...]
    vocabulary: int
    note: str | None
    chain: str
    logits: PackedLogits
    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    rank_ids: PackedIds | None = None


def position(
    source: Source,
    prompt: str,
    chain: Chain = DEFAULT_CHAIN,
    *,
    continuation: Sequence[int] = (),
    named: int = NAMED,
    every_id: bool = False,
) -> Position:
    """The position after `prompt` and the tokens `continuation`; one forward pass.

    Raises InputError for a prompt that the source cannot take, or `named` below 1; CapabilityError for a source
    without the whole vocabulary.
    """
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"The page's sliders need the whole vocabulary, but {source.name} gives only its most probable tokens; "
            "use a model that runs here, or retort look, which gives intervals."
        )
    ids = [*source.encode(prompt), *continuation]
    return pack_position(
        source, prompt, ids, source.start([ids]).logits[0], chain, named=named, every_id=every_id
    )


def pack_position(
    source: Source,
    prompt: str,
    prompt_ids: Sequence[int],
    logits: np.ndarray,
    chain: Chain = DEFAULT_CHAIN,
    *,
    named: int = NAMED,
    every_id: bool = False,
) -> Position:
    """The position whose logits `[vocab]` are known already."""
    if named < 1:
        raise InputError(f"named is the number of tokens to name and must be 1 or more, got {named}")
    check_logits(logits)
    packed = pack(logits)
    order = top_ids(logits, packed.count if every_id else min(named, packed.count))
    return Position(
        model=source.name,
        prompt=prompt,
        prompt_tokens=tuple(source.token_text(token) for token in prompt_ids),
        vocabulary=source.vocab_size,
        note=source.note,
        chain=str(chain),
        logits=packed,
        ids=tuple(order[:named].tolist()),
        tokens=tuple(source.token_text(int(token)) for token in order[:named]),
        rank_ids=pack_ids(order) if every_id else None,
    )
