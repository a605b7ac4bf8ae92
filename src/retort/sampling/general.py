"""The general path of the sampler: any chain, in numpy and float64, for rows that share a chain. The law of the others.

Legend: G rows of a group that share a chain, V vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from retort.chain import Chain
from retort.distribution import entropy_of_log_probs, log_softmax, margin
from retort.distribution.arrays import as_floats, to_numpy
from retort.sampling.batches import SampleBatch
from retort.sampling.noise import gumbel, gumbel_at, uniform_at
from retort.transforms.context import Context, NothingLeftError, RowState

FEW = 4
"""Noise is computed for the kept tokens alone when they are fewer than one in this many."""

SMALL_VOCABULARY = 2048
"""Added to the vocabulary when asking whether the kept are few: many short rows are worth doing at once."""


def draw_group(
    logits_NV: Any,
    chain: Chain,
    rows: list[int],
    noise: Noise,
    context: Context,
    results: SampleBatch,
    states: list[RowState | None],
    *,
    on_device: bool = False,
) -> dict[int, str]:
    """Draw the rows that share a chain; write what happened into `results`, and what they remember into `states`.

    `context` is that of these rows. `on_device`: they are a tensor's on an accelerator, where the work is then done and
    from where only results come. Returns the rows of which the chain leaves nothing, each with its fault.
    """
    logits_GV = logits_NV[rows]
    if not on_device:
        # One contiguous copy, whatever the batch looked like: numpy may take another loop for strided input.
        logits_GV = to_numpy(as_floats(logits_GV)).astype(np.float64)
    try:
        columns = (_columns_on_device if on_device else _columns)(logits_GV, chain, rows, noise, context)
    except NothingLeftError as problem:
        if len(rows) == 1:
            return {rows[0]: problem.fault}
        faults: dict[int, str] = {}
        for place, row in enumerate(rows):
            alone = context_of_rows(context, [place])
            faults |= draw_group(logits_NV, chain, [row], noise, alone, results, states, on_device=on_device)
        return faults
    for name, column in columns.items():
        getattr(results, name)[rows] = column
    if "state" in chain.needs:
        following = chain.update(context.states, columns["ids"], logits_GV, context)
        for row, state in zip(rows, following, strict=True):
            states[row] = state
    return {}


def _columns(
    raw_GV: np.ndarray, chain: Chain, rows: list[int], noise: Noise, context: Context
) -> dict[str, np.ndarray]:
    """What the rows drew, `[G]` each, by the names of SampleBatch. Raises NothingLeftError."""
    processed_GV = chain.apply(raw_GV, context=context)
    raw_log_probs_GV = log_softmax(raw_GV)
    log_probs_GV = raw_log_probs_GV if processed_GV is raw_GV else log_softmax(processed_GV)
    kept_GV = processed_GV > -np.inf
    temperature = chain.temperature
    if temperature == 0.0:
        ids_G = np.argmax(processed_GV, axis=-1)
        margin_G, log_kept_mass_G = margin(raw_GV), np.zeros(len(rows))
    else:
        ids_G, leads_G = _draw(processed_GV, kept_GV, rows, noise)
        margin_G, log_kept_mass_G = temperature * leads_G, _log_kept_mass(raw_GV, kept_GV, temperature)
    each = np.arange(len(rows))
    return {
        "ids": ids_G,
        "logprob_raw": raw_log_probs_GV[each, ids_G],
        "logprob_processed": log_probs_GV[each, ids_G],
        "log_kept_mass": log_kept_mass_G,
        "entropy": entropy_of_log_probs(log_probs_GV),
        "margin": margin_G,
    }


def _columns_on_device(
    logits_GV: Any, chain: Chain, rows: list[int], noise: Noise, context: Context
) -> dict[str, np.ndarray]:
    """As `_columns`, by torch where the logits are."""
    from retort.sampling.torch import draw

    return draw(logits_GV, chain, *noise.places(rows), context)


def context_of_rows(context: Context, rows: Sequence[int]) -> Context:
    """The part of a context that concerns these rows."""
    uniforms = context.uniforms
    return Context(
        history=None if context.history is None else [context.history[row] for row in rows],
        prompt_lengths=None
        if context.prompt_lengths is None
        else [context.prompt_lengths[row] for row in rows],
        uniforms=None if uniforms is None else lambda stream: uniforms(stream)[list(rows)],
        states=None if context.states is None else [context.states[row] for row in rows],
    )


def _draw(
    processed_GV: np.ndarray, kept_GV: np.ndarray, rows: list[int], noise: Noise
) -> tuple[np.ndarray, np.ndarray]:
    """`[G]` winners of `processed + noise` (ties: lowest id) and `[G]` their lead over the runner-up (inf if none)."""
    num_tokens = processed_GV.shape[-1]
    ids_G, leads_G = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    few_G = np.count_nonzero(kept_GV, axis=-1) * FEW < num_tokens + SMALL_VOCABULARY
    few = np.flatnonzero(few_G)
    if len(few):
        ids_G[few], leads_G[few] = _draw_among_kept(processed_GV, kept_GV & few_G[:, None], few, rows, noise)
    for place in np.flatnonzero(~few_G):
        scores = processed_GV[place] + noise.row(rows[place], num_tokens)
        ids_G[place] = winner = np.argmax(scores)
        best = scores[winner]
        scores[winner] = -np.inf
        leads_G[place] = best - scores.max()
    return ids_G, leads_G


def _draw_among_kept(
    processed_GV: np.ndarray, kept_GV: np.ndarray, few: np.ndarray, rows: list[int], noise: Noise
) -> tuple[np.ndarray, np.ndarray]:
    """As `_draw`, for the rows `few` at once: noise and scores of their kept tokens only, one row after the other."""
    places, ids = np.nonzero(kept_GV)
    scores = processed_GV[places, ids] + noise.of(rows, places, ids)
    starts = np.searchsorted(places, few)
    best = np.maximum.reduceat(scores, starts)
    sizes = np.diff(starts, append=len(scores))
    hits = np.flatnonzero(scores == np.repeat(best, sizes))
    winners = hits[np.searchsorted(hits, starts)]
    scores[winners] = -np.inf
    return ids[winners], best - np.maximum.reduceat(scores, starts)


def _log_kept_mass(raw_GV: np.ndarray, kept_GV: np.ndarray, temperature: float) -> np.ndarray:
    """`[G]` ln Σ_{i kept} softmax(z/τ)_i; exactly 0 where every token that had any mass is kept."""
    log_mass_G = np.zeros(len(raw_GV))
    cut = np.flatnonzero((kept_GV != (raw_GV > -np.inf)).any(axis=-1))
    if len(cut):
        kept_log_probs = np.where(kept_GV[cut], log_softmax(raw_GV[cut], temperature), -np.inf)
        largest = kept_log_probs.max(axis=-1, keepdims=True)
        log_mass_G[cut] = largest[:, 0] + np.log(np.exp(kept_log_probs - largest).sum(axis=-1))
    return np.minimum(log_mass_G, 0.0)


class Noise:
    """The noise of a batch; rows that share seed and position compute it once."""

    def __init__(self, seeds: np.ndarray, positions: np.ndarray) -> None:
        self._seeds, self._positions = seeds, positions
        self._all = list(zip(seeds.tolist(), positions.tolist(), strict=True))
        self._uses = Counter(self._all)
        self._shared: dict[tuple[int, int], np.ndarray] = {}

    def of(self, rows: list[int], places: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Noise of token `ids[i]` in row `rows[places[i]]`, for every i."""
        at = np.array(rows)[places]
        return gumbel_at(self._seeds[at], self._positions[at], ids)

    def row(self, row: int, num_tokens: int) -> np.ndarray:
        """`[vocab]` noise of one row."""
        place = self._all[row]
        if self._uses[place] == 1:
            return gumbel(*place, num_tokens)
        if place not in self._shared:
            self._shared[place] = gumbel(*place, num_tokens)
        return self._shared[place]

    def places(self, rows: list[int]) -> tuple[list[int], list[int]]:
        """Seeds and positions of these rows."""
        chosen = [self._all[row] for row in rows]
        return [seed for seed, _ in chosen], [position for _, position in chosen]

    def coins(self, stream: int) -> np.ndarray:
        """`[n]` a uniform number of each row, of this stream."""
        return uniform_at(self._seeds, self._positions, stream)
