"""The same texts through the same model again, in other ways that should not matter: what moves is numerical noise.

A way of running returns, for every text, the raw logits after each of its tokens. The first is the reference.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from retort.errors import InputError
from retort.sources.base import Source
from retort.sources.positions import position_logits
from retort.sources.transformers import TransformersSource

Texts = Sequence[Sequence[int]]
Logits = list[NDArray[np.floating]]


@dataclass(frozen=True)
class Replay:
    """A way of running a model over texts: its name, what differs from the reference, and the run itself."""

    name: str
    differs: str
    run: Callable[[Texts], Logits]


def replays(source: Source) -> tuple[Replay, ...]:
    """The ways in which `source` can be run, the reference (each text alone, all tokens in one pass) first.

    Raises InputError for a source that computes nothing, such as a table: it has no numerical noise.
    """
    if not isinstance(source, TransformersSource):
        raise InputError(
            f"{source.name} looks up its logits and does not compute them, so every replay is the same; "
            f"use a neural model"
        )
    ways = (
        ("alone", "each text by itself, all its tokens in one pass", _alone),
        ("token by token", "one token per pass, with the KV cache", _stepwise),
        ("batch", "all texts in one batch, padded at the left", _batch),
        ("one thread", "another number of threads", _other_threads),
        ("bfloat16", "weights and arithmetic in bfloat16", partial(_as_dtype, dtype="bfloat16")),
        ("float16", "weights and arithmetic in float16", partial(_as_dtype, dtype="float16")),
    )
    return tuple(Replay(name, differs, partial(run, source)) for name, differs, run in ways)


def _alone(source: Source, texts: Texts) -> Logits:
    return [position_logits(source, text) for text in texts]


def _stepwise(source: Source, texts: Texts) -> Logits:
    found = []
    for text in texts:
        decoder = source.start([text[:1]])
        rows = [np.array(decoder.logits[0])]
        for token in text[1:]:
            decoder.advance([0], [token])
            rows.append(np.array(decoder.logits[0]))
        found.append(np.stack(rows))
    return found


def _batch(source: TransformersSource, texts: Texts) -> Logits:
    decoder = source.start([text[:1] for text in texts])
    first = np.array(decoder.logits)
    rest = decoder.extend(list(range(len(texts))), [text[1:] for text in texts])
    return [np.concatenate([first[row : row + 1], rest[row]]) for row in range(len(texts))]


def _other_threads(source: TransformersSource, texts: Texts) -> Logits:
    """One thread; where that is what there is already, two."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if before != 1 else 2)
    try:
        return _alone(source, texts)
    finally:
        torch.set_num_threads(before)


def _as_dtype(source: TransformersSource, texts: Texts, dtype: str) -> Logits:
    import torch

    other = copy.copy(source)
    # What is set here computes the logits from then on, also where our own network did (`LlamaSource.model`).
    other.model = copy.deepcopy(source.model).to(getattr(torch, dtype))
    return _alone(other, texts)
