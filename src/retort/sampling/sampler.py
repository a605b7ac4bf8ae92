"""Draws the next token of every row of a batch, each row with its own settings, and says what was done.

A row's result depends on its logits, its settings, its seed and its position alone: bit for bit the same whether the
row is drawn by itself, in a batch, or in another order.

Legend: N rows of the batch, G rows of a group that share a chain, V vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from retort.distribution import Chain, bad_rows, entropy_of_log_probs, log_softmax, margin
from retort.distribution.arrays import as_floats, to_numpy
from retort.errors import InputError
from retort.sampling.noise import MAX_POSITION, MAX_SEED, gumbel, gumbel_at, whole_numbers
from retort.sampling.params import SamplingParams

NOISE_SCALE = 1e-4
"""How far two logits of one row may move against each other between two runs of the same model, by default.

Float32 inference of models of ordinary size moves logits of magnitude 10 by 1e-6 to 1e-4 when the batch size, the
kernel or the order of summation changes. In bfloat16 it is 1e-2 to 1e-1: pass `noise_scale` what you measured.
"""

GROUP_ELEMENTS = 2**20
"""Logits of a group worked on at a time (8 MB of float64), so that a large batch does not need several copies."""

FEW = 4
"""Noise is computed for the kept tokens alone when they are fewer than one in this many."""

SMALL_VOCABULARY = 2048
"""Added to the vocabulary when asking whether the kept are few: many short rows are worth doing at once."""


@dataclass(frozen=True)
class SampleBatch:
    """What was drawn: one entry a row, arrays `[n]`.

    - `ids`: the token drawn (-1 in a row that could not be sampled, whose other entries are NaN).
    - `logprob_raw`: its log-probability in nats under softmax(logits), before any transform.
    - `logprob_processed`: under the distribution that was sampled, after the whole chain.
    - `log_kept_mass`: ln of the share of softmax(logits / τ) that the chain's truncations keep; 0 if they keep all.
    - `entropy`: nats, of the distribution that was sampled.
    - `margin`: how far the winner's noisy score is above the runner-up's, in units of the logits:
      `τ · (s₁ - s₂)`, `s = processed logits + Gumbel noise`; at τ = 0 the difference of the two largest logits. inf if
      only one token was left.
    - `near_tie`: True where `margin` is at most `noise_scale`: numerical noise in the logits could change the token.
    """

    ids: np.ndarray
    logprob_raw: np.ndarray
    logprob_processed: np.ndarray
    log_kept_mass: np.ndarray
    entropy: np.ndarray
    margin: np.ndarray
    near_tie: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class BadRowsError(InputError):
    """Some rows of logits cannot be sampled: `rows` maps each to its fault, `results` has what the others gave."""

    def __init__(self, rows: dict[int, str], results: SampleBatch) -> None:
        named = "; ".join(f"row {row}: {fault}" for row, fault in list(rows.items())[:5])
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
        super().__init__(
            f"{len(rows)} of {len(results)} rows of logits cannot be sampled ({named}{more}); "
            "check the model that produced them. The other rows' results are in this error's `results`."
        )
        self.rows = rows
        self.results = results


def sample(
    logits: Any,
    params: SamplingParams | Sequence[SamplingParams],
    seeds: Sequence[int] | None = None,
    positions: int | Sequence[int] | None = None,
    history: Sequence[Sequence[int]] | None = None,
    *,
    noise_scale: float = NOISE_SCALE,
) -> SampleBatch:
    """The next token of every row: `argmax_i (processed_i + g_i)`, a draw from softmax(processed); ties: lowest id.

    `processed` is the row's chain applied to its logits, `g` the Gumbel noise of (seed, position, token id). A row
    whose temperature is 0 gives the largest logit, lowest id. Shapes: logits `[n, vocab]` or `[vocab]` (one row),
    numpy or torch; all work is in float64.
    `params`: for all rows, or one for each. `seeds`: one a row; by default each row's `params.seed`, and with one
    params for several rows seed, seed + 1, … `positions`: index of the token in the generated text, 0 by default.
    `history`: each row's tokens so far, for chains that look back.
    Raises InputError for arguments that do not fit, and BadRowsError (an InputError with the good rows' `results`) for
    rows with NaN, +inf or nothing but -inf. Source: Gumbel 1954; Maddison, Tarlow, Minka 2014, section 2.
    """
    logits_NV = _matrix(logits)
    num_rows = len(logits_NV)
    params_N = _one_each(params, num_rows)
    seeds_N = _seeds(params, params_N, seeds)
    positions_N = _positions(positions, num_rows)
    if history is not None and len(history) != num_rows:
        raise InputError(f"history must have one entry for each of {num_rows} rows, got {len(history)}")
    faults = {row[0]: fault for row, fault in bad_rows(logits_NV).items()} if num_rows else {}
    results = _empty_batch(num_rows)
    noise = _Noise(seeds_N, positions_N)
    for chain, rows in _groups(params_N, faults, logits_NV.shape[-1]):
        histories = None if history is None else [history[row] for row in rows]
        _sample_group(logits_NV, chain, rows, noise, histories, results)
    results.near_tie[:] = results.margin <= noise_scale
    if faults:
        raise BadRowsError(faults, results)
    return results


def _sample_group(
    logits_NV: np.ndarray,
    chain: Chain,
    rows: list[int],
    noise: _Noise,
    histories: list[Sequence[int]] | None,
    results: SampleBatch,
) -> None:
    """Draw the rows that share a chain and write what happened into `results`."""
    # One contiguous copy, whatever the batch looked like: numpy may take another loop for strided input.
    raw_GV = logits_NV[rows].astype(np.float64)
    processed_GV = chain.apply(raw_GV, histories)
    raw_log_probs_GV = log_softmax(raw_GV)
    log_probs_GV = raw_log_probs_GV if processed_GV is raw_GV else log_softmax(processed_GV)
    kept_GV = processed_GV > -np.inf
    temperature = chain.temperature
    if temperature == 0.0:
        ids_G = np.argmax(processed_GV, axis=-1)
        results.margin[rows] = margin(raw_GV)
        results.log_kept_mass[rows] = 0.0
    else:
        ids_G, leads_G = _draw(processed_GV, kept_GV, rows, noise)
        results.margin[rows] = temperature * leads_G
        results.log_kept_mass[rows] = _log_kept_mass(raw_GV, kept_GV, temperature)
    each = np.arange(len(rows))
    results.ids[rows] = ids_G
    results.logprob_raw[rows] = raw_log_probs_GV[each, ids_G]
    results.logprob_processed[rows] = log_probs_GV[each, ids_G]
    results.entropy[rows] = entropy_of_log_probs(log_probs_GV)


def _draw(
    processed_GV: np.ndarray, kept_GV: np.ndarray, rows: list[int], noise: _Noise
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
    processed_GV: np.ndarray, kept_GV: np.ndarray, few: np.ndarray, rows: list[int], noise: _Noise
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


class _Noise:
    """The noise of a batch; rows that share seed and position compute it once."""

    def __init__(self, seeds: list[int], positions: list[int]) -> None:
        self._seeds = whole_numbers(seeds, MAX_SEED, "seed")
        self._positions = whole_numbers(positions, MAX_POSITION, "position")
        self._places = list(zip(seeds, positions, strict=True))
        self._uses = Counter(self._places)
        self._shared: dict[tuple[int, int], np.ndarray] = {}

    def of(self, rows: list[int], places: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Noise of token `ids[i]` in row `rows[places[i]]`, for every i."""
        at = np.array(rows)[places]
        return gumbel_at(self._seeds[at], self._positions[at], ids)

    def row(self, row: int, num_tokens: int) -> np.ndarray:
        """`[vocab]` noise of one row."""
        place = self._places[row]
        if self._uses[place] == 1:
            return gumbel(*place, num_tokens)
        if place not in self._shared:
            self._shared[place] = gumbel(*place, num_tokens)
        return self._shared[place]


def _matrix(logits: Any) -> np.ndarray:
    logits = to_numpy(as_floats(logits))
    if logits.ndim > 2:
        raise InputError(
            f"sample takes logits of shape [n, vocab] or [vocab], got {logits.shape}; flatten them first"
        )
    return logits if logits.ndim == 2 else logits[None]


def _one_each(params: SamplingParams | Sequence[SamplingParams], num_rows: int) -> list[SamplingParams]:
    if isinstance(params, SamplingParams):
        return [params] * num_rows
    if len(params) != num_rows:
        raise InputError(
            f"got {len(params)} params for {num_rows} rows; give one for all rows, or one for each"
        )
    return list(params)


def _seeds(params: Any, params_N: list[SamplingParams], seeds: Sequence[int] | None) -> list[int]:
    num_rows = len(params_N)
    if seeds is None:
        # The same noise in every row would make all draws of one distribution equal.
        together = isinstance(params, SamplingParams)
        return [(row.seed + index * together) & MAX_SEED for index, row in enumerate(params_N)]
    if len(seeds) != num_rows:
        raise InputError(f"got {len(seeds)} seeds for {num_rows} rows; give one for each row")
    return list(seeds)


def _positions(positions: int | Sequence[int] | None, num_rows: int) -> list[int]:
    if positions is None or isinstance(positions, (int, np.integer)):
        return [int(positions or 0)] * num_rows
    if len(positions) != num_rows:
        raise InputError(
            f"got {len(positions)} positions for {num_rows} rows; give one for each row, or one number"
        )
    return list(positions)


def _groups(
    params_N: list[SamplingParams], faults: dict[int, str], vocab: int
) -> Iterator[tuple[Chain, list[int]]]:
    """Usable rows by chain, in pieces of a bounded number of logits."""
    by_chain: dict[Chain, list[int]] = {}
    # Building and hashing a chain costs more than drawing a short row, so each params object is asked once.
    rows_of: dict[int, list[int]] = {}
    for row, params in enumerate(params_N):
        if id(params) not in rows_of:
            rows_of[id(params)] = by_chain.setdefault(params.resolved_chain, [])
        if row not in faults:
            rows_of[id(params)].append(row)
    size = max(1, GROUP_ELEMENTS // vocab)
    for chain, rows in by_chain.items():
        for start in range(0, len(rows), size):
            yield chain, rows[start : start + size]


def _empty_batch(num_rows: int) -> SampleBatch:
    def column(name: str) -> np.ndarray:
        if name == "ids":
            return np.full(num_rows, -1, dtype=np.int64)
        return np.zeros(num_rows, dtype=bool) if name == "near_tie" else np.full(num_rows, np.nan)

    return SampleBatch(**{field.name: column(field.name) for field in fields(SampleBatch)})
