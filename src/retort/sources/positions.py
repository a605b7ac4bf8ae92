"""The logits after every token of a text, which is what comparing models and tracing a text need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from retort.errors import CapabilityError
from retort.sources.base import Capability, PositionReader, Source, SpanDecoder, check_prompts

PREFIXES_AT_ONCE = 64
"""Rows of one batch where a source reads a text one token at a time."""


def position_logits(source: Source, ids: Sequence[int], keep: int | None = None) -> NDArray[np.floating]:
    """`[keep, vocab]` raw logits after each of the last `keep` of `ids` (default: all of them).

    One forward pass where the source is a PositionReader, two where its decoder reads several tokens at once, else one
    row a prefix. Raises InputError for ids that the source cannot take, CapabilityError for a source without the whole
    vocabulary.
    """
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"{source.name} gives only its most likely tokens; the logits at every position need the whole vocabulary"
        )
    check_prompts(source, [ids])
    keep = len(ids) if keep is None else keep
    # Of the class: what wraps a source to write down its rows hands on what it does not have itself.
    if hasattr(type(source), "read_positions"):
        return cast(PositionReader, source).read_positions(ids, keep)
    decoder = source.start([ids[: len(ids) - keep + 1]])
    if isinstance(decoder, SpanDecoder):
        first = np.array(decoder.logits[0])
        if keep == 1:
            return first[None]
        return np.concatenate([first[None], decoder.extend([0], [ids[len(ids) - keep + 1 :]])[0]])
    prefixes = [ids[: end + 1] for end in range(len(ids) - keep, len(ids))]
    return np.concatenate(
        [
            np.array(source.start(prefixes[start : start + PREFIXES_AT_ONCE]).logits)
            for start in range(0, len(prefixes), PREFIXES_AT_ONCE)
        ]
    )
