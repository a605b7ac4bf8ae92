"""One position for the page: the whole row of logits without loss, and the names of its best tokens.

With it the page computes every temperature and chain by itself, and its numbers are Python's. The rest of the
vocabulary has logits but no names: an honest tail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from retort.chain import Chain
from retort.distribution import check_logits, top_ids
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
    positions of one vocabulary are compared by them). `chain` is where the page's controls begin. `history` are the ids
    so far, the first `prompt_length` of them the prompt's, and `history_ranks` their ranks in this row (-1: cannot
    come), so that the page can compute the stages that look back.
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
    history: tuple[int, ...] = ()
    history_ranks: tuple[int, ...] = ()
    prompt_length: int = 0


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
    prompt_ids = source.encode(prompt)
    ids = [*prompt_ids, *continuation]
    logits = source.start([ids]).logits[0]
    packed = pack_position(source, prompt, ids, logits, chain, named=named, every_id=every_id)
    return replace(packed, prompt_length=len(prompt_ids))


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
        history=tuple(map(int, prompt_ids)),
        history_ranks=ranks_of(logits, prompt_ids),
        prompt_length=len(prompt_ids),
    )


def ranks_of(logits: np.ndarray, ids: Sequence[int]) -> tuple[int, ...]:
    """The rank of each of these tokens in a row `[vocab]`, from 0, ties by lowest id; -1 for one that is -inf."""
    order = np.argsort(-np.asarray(logits, dtype=np.float64), kind="stable")
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return tuple(int(ranks[token]) if logits[token] > -np.inf else -1 for token in ids)
