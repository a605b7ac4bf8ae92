"""One position of a text: how likely its token was, how sure the model is there, and what a chain does to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.chain.chain import Chain
from retort.distribution.measures import flip_risk, margin, read_rows
from retort.transforms.context import Context

Rows = NDArray[np.floating]


@dataclass(frozen=True)
class TracedToken:
    """One position of the text. Raw is the model's own distribution (τ = 1), processed what the chain leaves of it.

    `rank` counts from 1 among all tokens; `best` is the most likely token and `best_prob` its raw probability.
    Logprobs and entropies are nats; `logprob_processed` is None where the chain removes the token, and `removed_by` is
    then the stage that does. `kept_mass`: the shaped probability of the tokens that the chain keeps. `margin`: logit of
    the best token minus the second, and `flip_risk`: chance that numerical noise makes another one the best, both after
    the chain's bias and penalties (raw without a chain).
    """

    token: str
    id: int
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
    best: str
    best_prob: float


def traced(
    name: Callable[[int], str],
    ids: Sequence[int],
    rows: Rows,
    chain: Chain | None,
    context: Context,
    noise_scale: float,
) -> tuple[list[TracedToken], Rows]:
    """The tokens `ids`, whose logits are `rows` `[len(ids), vocab]`, and the rows after the chain.

    `name` gives a token's text; `context` has a row for each token.
    """
    raw = read_rows(rows, ids)
    risks, margins = flip_risk(rows, noise_scale), raw.margin
    removed_by: list[str | None] = [None] * len(ids)
    after, processed, masses = raw, rows, np.ones(len(ids))
    if chain is not None and len(chain):
        logits = rows.astype(np.float64)
        processed, removed_by = _through(chain, logits, context, ids)
        after = read_rows(processed, ids)
        run = chain.run(logits, context=context)
        masses = np.exp(run.log_kept_mass)
        risks, margins = flip_risk(run.undivided, noise_scale), margin(run.undivided)
    columns = (
        map(int, ids), raw.ranks.tolist(), raw.log_probs.tolist(), after.log_probs.tolist(), raw.entropy.tolist(),
        after.entropy.tolist(), margins.tolist(), after.support.tolist(), masses.tolist(), removed_by,
        risks.tolist(), raw.best.tolist(), raw.best_log_probs.tolist(),
    )  # fmt: skip
    tokens = [
        TracedToken(
            token=name(token),
            id=token,
            rank=rank,
            logprob_raw=logprob,
            logprob_processed=logprob_after if logprob_after > -math.inf else None,
            entropy_nats=entropy,
            entropy_processed_nats=entropy_after,
            margin=margin,
            kept=kept,
            kept_mass=mass,
            removed_by=removed,
            flip_risk=risk,
            best=name(best),
            best_prob=math.exp(best_logprob),
        )
        for token, rank, logprob, logprob_after, entropy, entropy_after, margin, kept, mass, removed, risk, best,
        best_logprob in zip(*columns, strict=True)
    ]  # fmt: skip
    return tokens, processed


def _through(
    chain: Chain, logits: NDArray[np.float64], context: Context, ids: Sequence[int]
) -> tuple[NDArray[np.float64], list[str | None]]:
    """The rows after the chain, and for each token the first stage that removes it."""
    removed_by: list[str | None] = [None] * len(ids)
    processed, places = logits, np.arange(len(ids))
    for stage in chain:
        processed = np.asarray(stage.apply(processed, context))
        gone = (processed[places, ids] == -np.inf) & (logits[places, ids] > -np.inf)
        removed_by = [
            str(stage) if lost and there is None else there
            for lost, there in zip(gone, removed_by, strict=True)
        ]
    return processed, removed_by
