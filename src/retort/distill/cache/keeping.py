"""The most probable tokens of many rows, draws from the others, and whole rows in half precision, over all threads.

Straight from raw logits, tempered on the way, or from probabilities; the compiled part is selecting.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from retort.distill.cache.rounding import in_threads


@dataclass(frozen=True)
class Kept:
    """`ids` and `log_probs` `[rows, kept]`, in nats, falling, ties by the lower id; `drawn` `[rows, draws]`, tokens
    that share `masses` `[rows]` evenly; `entropy` `[rows]` in nats, of logits alone.
    """

    ids: NDArray[np.uint32]
    log_probs: NDArray[np.float32]
    drawn: NDArray[np.uint32]
    masses: NDArray[np.float32]
    entropy: NDArray[np.float32]


def keep(
    rows: NDArray[np.float32],
    temperature: float | None,
    kept: int,
    coins: NDArray[np.float64] | None = None,
    draws: int = 0,
) -> Kept:
    """Of `[rows, vocab]` logits at `temperature`, or of probabilities (None): `kept` best tokens and `draws` others.

    `coins` `[rows]` in [0, 1) decide the draws.
    """
    from retort.distill.cache.selecting import keep_tokens

    num, vocab_size = rows.shape
    ids, probs = np.empty((num, kept), np.uint32), np.empty((num, kept), np.float32)
    drawn, masses = np.empty((num, draws), np.uint32), np.zeros(num, np.float32)
    entropy = np.zeros(num, np.float32)
    given = np.zeros(num) if coins is None else coins

    def one(part: slice) -> None:
        keep_tokens(
            rows[part], temperature or 1.0, temperature is not None, given[part], ids[part], probs[part], drawn[part],
            masses[part], entropy[part],
        )  # fmt: skip

    in_threads(one, num, vocab_size)
    with np.errstate(divide="ignore"):  # ln 0 = -inf is filling where fewer tokens can come than are kept
        log_probs = np.log(probs)
    return Kept(ids, log_probs, drawn, masses, entropy)


def whole_rows(
    logits: NDArray[np.float32], temperature: float
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """`[rows, vocab]` log-probabilities at tau = 1 in half precision, and the entropies at `temperature` in nats."""
    from retort.distill.cache.selecting import log_probs_and_entropy

    found, entropy = np.empty(logits.shape, np.float16), np.empty(len(logits), np.float32)

    def one(part: slice) -> None:
        exact = np.empty(logits[part].shape, np.float32)
        log_probs_and_entropy(logits[part], temperature, exact, entropy[part])
        # torch rounds to half precision on vectors, numpy number by number.
        torch.from_numpy(found[part]).copy_(torch.from_numpy(exact))

    in_threads(one, len(logits), logits.shape[1])
    return found, entropy
