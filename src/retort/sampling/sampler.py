"""Draws the next token of every row of a batch, each row with its own settings, and says what was done.

A row's result depends on its logits, its settings, its seed and its position alone: bit for bit the same whether the
row is drawn by itself, in a batch, or in another order.

Large vocabularies under the usual truncations go through compiled kernels (`fast.py`), all else through `general.py`.
Both give the same token for the same noise; the numbers that come with it agree within 3e-6 nats.

Legend: N rows of the batch, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from retort.chain import Chain
from retort.distribution import bad_rows
from retort.distribution.arrays import as_floats
from retort.distribution.measures import NOISE_SCALE
from retort.errors import InputError
from retort.sampling.batches import COLUMNS, BadRowsError, SampleBatch, empty_batch
from retort.sampling.fast import contiguous_pieces, draw_rows, fault_of, kind_of, plans_for, rows_in_memory
from retort.sampling.general import Noise, context_of_rows, draw_group
from retort.sampling.noise import MAX_POSITION, MAX_SEED, whole_numbers
from retort.sampling.params import SamplingParams
from retort.transforms.context import Context, RowState

__all__ = ["GROUP_ELEMENTS", "NOISE_SCALE", "BadRowsError", "SampleBatch", "sample"]

GROUP_ELEMENTS = 2**20
"""Logits of a group worked on at a time (8 MB of float64), so that a large batch does not need several copies."""


def sample(
    logits: Any,
    params: SamplingParams | Sequence[SamplingParams],
    seeds: Sequence[int] | None = None,
    positions: int | Sequence[int] | None = None,
    history: Sequence[Sequence[int]] | None = None,
    *,
    prompt_lengths: Sequence[int] | None = None,
    states: Sequence[RowState | None] | None = None,
    noise_scale: float = NOISE_SCALE,
) -> SampleBatch:
    """The next token of every row: `argmax_i (processed_i + g_i)`, a draw from softmax(processed); ties: lowest id.

    `processed` is the row's chain applied to its logits, `g` the Gumbel noise of (seed, position, token id). A row
    whose temperature is 0 gives the largest logit, lowest id. Shapes: logits `[n, vocab]` or `[vocab]` (one row),
    numpy or torch. Whatever decides a token is float64; sums over a large vocabulary are float32 within 64 tokens.
    `params`: for all rows, or one for each. `seeds`: one a row; by default each row's `params.seed`, and with one
    params for several rows seed, seed + 1, … `positions`: index of the token in the generated text, 0 by default.
    `history`: each row's tokens so far, for chains that look back; `prompt_lengths`: how many of them are the prompt.
    `states`: the `states` of the batch before this one, for chains that remember; None is the start.
    Raises InputError for arguments that do not fit, and BadRowsError (an InputError with the good rows' `results`) for
    rows with NaN, +inf or nothing but -inf, and where the chain leaves no token. Source: Gumbel 1954; Maddison, Tarlow,
    Minka 2014, section 2.
    """
    logits = _matrix(logits)
    num_rows = logits.shape[0]
    if not (history is prompt_lengths is states is None):
        _check_lengths(num_rows, history=history, prompt_lengths=prompt_lengths, states=states)
    if not isinstance(params, SamplingParams) and len(params) != num_rows:
        raise InputError(
            f"got {len(params)} params for {num_rows} rows; give one for all rows, or one for each"
        )
    seeds_N = _seeds(params, num_rows, seeds)
    positions_N = _positions(positions, num_rows)
    kind = kind_of(logits)
    faults: dict[int, str] = {}
    if kind is None:
        rows, columns = np.empty(0, dtype=np.int64), []
    else:
        rows, plan_of_row, plans = plans_for(params, num_rows)
        columns = _draw_fast(logits, kind, rows, plan_of_row, plans, seeds_N, positions_N, faults)
    if kind is not None and len(rows) == num_rows:
        remembered = (None,) * num_rows if states is None else tuple(states)
        ids, raw, processed, kept_mass, entropy, margin = columns
        near_tie = margin <= noise_scale
        results = SampleBatch(ids, raw, processed, kept_mass, entropy, margin, near_tie, remembered)
    else:
        results = empty_batch(num_rows)
        for name, column in zip(("ids", *COLUMNS), columns, strict=False):
            getattr(results, name)[rows] = column
        rest = np.setdiff1d(np.arange(num_rows), rows).tolist()
        following: list[RowState | None] = [None] * num_rows if states is None else list(states)
        noise = Noise(seeds_N, positions_N)
        context = Context(history, prompt_lengths, noise.coins, states)
        _draw_general(logits, rest, _one_each(params, num_rows), noise, context, results, following, faults)
        results.near_tie[:] = results.margin <= noise_scale
        results = replace(results, states=tuple(following))
    if faults:
        raise BadRowsError(dict(sorted(faults.items())), results)
    return results


def _draw_fast(
    logits: Any,
    kind: int,
    rows: np.ndarray,
    plan_of_row: np.ndarray | int,
    plans: np.ndarray,
    seeds_N: np.ndarray,
    positions_N: np.ndarray,
    faults: dict[int, str],
) -> list[np.ndarray]:
    """`[rows]` each: ids, then the numbers of COLUMNS, by the kernels; bad rows are added to `faults`."""
    if len(rows) < len(seeds_N):
        seeds_N, positions_N = seeds_N[rows], positions_N[rows]
    jobs = np.empty((len(rows), 4), dtype=np.int64)
    jobs[:, 0], jobs[:, 1], jobs[:, 2], jobs[:, 3] = (
        rows,
        plan_of_row,
        seeds_N.view(np.int64),
        positions_N.view(np.int64),
    )
    memory = rows_in_memory(logits, kind)
    if memory is not None:
        drawn, numbers = draw_rows(memory, jobs, plans)
    else:
        drawn, numbers = np.empty((2, len(rows)), dtype=np.int64), np.empty((len(COLUMNS), len(rows)))
        for places, copy in contiguous_pieces(logits, rows):
            here = jobs[places]
            here[:, 0] = np.arange(len(here))
            piece = rows_in_memory(copy, kind)
            assert piece is not None
            drawn[:, places], numbers[:, places] = draw_rows(piece, here, plans)
    if np.count_nonzero(drawn[1]):
        for row in rows[drawn[1] != 0].tolist():
            faults[row] = fault_of(logits, row)
    return [drawn[0], *numbers]


def _draw_general(
    logits: Any,
    rows: list[int],
    params_N: list[SamplingParams],
    noise: Noise,
    context: Context,
    results: SampleBatch,
    states: list[RowState | None],
    faults: dict[int, str],
) -> None:
    """Draw these rows chain by chain; writes to `results` and `states`, and bad rows to `faults`."""
    if not rows:
        return
    on_device = _on_accelerator(logits)
    rows_NV = logits if len(rows) == len(logits) else logits[rows]
    faults |= {rows[place[0]]: fault for place, fault in bad_rows(rows_NV).items()}
    for chain, group in _groups(rows, params_N, faults, logits.shape[-1]):
        here = context_of_rows(context, group)
        faults |= draw_group(logits, chain, group, noise, here, results, states, on_device=on_device)


def _on_accelerator(logits: Any) -> bool:
    if isinstance(logits, np.ndarray) or logits.device.type == "cpu":
        return False
    from retort.sampling.torch import lives_here

    return lives_here(logits)


def _matrix(logits: Any) -> Any:
    """`[n, vocab]`, a numpy array or a tensor, of any float type; a single row becomes a batch of one."""
    if not isinstance(logits, np.ndarray) and not hasattr(logits, "data_ptr"):
        logits = as_floats(logits)
    if not 1 <= logits.ndim <= 2:
        shape = tuple(logits.shape)
        raise InputError(
            f"sample takes logits of shape [n, vocab] or [vocab], got {shape}; flatten them first"
        )
    if logits.shape[-1] == 0:
        as_floats(logits)
    return logits if logits.ndim == 2 else logits[None]


def _check_lengths(num_rows: int, **each: Sequence[Any] | None) -> None:
    for name, given in each.items():
        if given is not None and len(given) != num_rows:
            raise InputError(f"{name} must have one entry for each of {num_rows} rows, got {len(given)}")


def _one_each(params: SamplingParams | Sequence[SamplingParams], num_rows: int) -> list[SamplingParams]:
    return [params] * num_rows if isinstance(params, SamplingParams) else list(params)


def _seeds(params: Any, num_rows: int, seeds: Sequence[int] | None) -> np.ndarray:
    """`[n]` uint64."""
    if seeds is not None:
        if len(seeds) != num_rows:
            raise InputError(f"got {len(seeds)} seeds for {num_rows} rows; give one for each row")
        return whole_numbers(seeds, MAX_SEED, "seed")
    if isinstance(params, SamplingParams):
        if num_rows == 1:
            return np.array([params.seed], dtype=np.uint64)
        # The same noise in every row would make all draws of one distribution equal. The sum wraps at 2^64.
        return np.arange(num_rows, dtype=np.uint64) + np.uint64(params.seed)
    return np.array([one.seed for one in params], dtype=np.uint64)


def _positions(positions: int | Sequence[int] | None, num_rows: int) -> np.ndarray:
    """`[n]` uint64."""
    if positions is None:
        return np.zeros(num_rows, dtype=np.uint64)
    if isinstance(positions, (int, np.integer)):
        return np.full(num_rows, whole_numbers(int(positions), MAX_POSITION, "position"))
    if len(positions) != num_rows:
        raise InputError(
            f"got {len(positions)} positions for {num_rows} rows; give one for each row, or one number"
        )
    return whole_numbers(positions, MAX_POSITION, "position")


def _groups(
    rows: list[int], params_N: list[SamplingParams], faults: dict[int, str], vocab: int
) -> Iterator[tuple[Chain, list[int]]]:
    """Usable rows by chain, in pieces of a bounded number of logits."""
    by_chain: dict[Chain, list[int]] = {}
    # Building and hashing a chain costs more than drawing a short row, so each params object is asked once.
    rows_of: dict[int, list[int]] = {}
    for row in rows:
        params = params_N[row]
        if id(params) not in rows_of:
            rows_of[id(params)] = by_chain.setdefault(params.resolved_chain, [])
        if row not in faults:
            rows_of[id(params)].append(row)
    size = max(1, GROUP_ELEMENTS // vocab)
    for chain, group in by_chain.items():
        for start in range(0, len(group), size):
            yield chain, group[start : start + size]
