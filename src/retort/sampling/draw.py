"""One draw: the next token of every row of a batch, each row with its own settings, and what was done to draw it.

A row's result depends on its logits, its settings, its seed and its position alone: bit for bit the same whether the
row is drawn by itself, in a batch, or in another order.

`sample` sorts the rows by their chain. `draw` draws the rows that share one, in float64, with numpy or, for tensors on
an accelerator, with torch where they are. Long rows under the usual truncations go through the compiled kernels instead
(`kernels/`), which take less time and give the same tokens; the numbers that come with them agree within 1e-6.

Legend: N rows of the batch, G rows of a group that share a chain, V vocabulary, B blocks of it, O opened blocks.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retort.chain import Chain
from retort.distribution import bad_rows, entropy_of_log_probs, log_softmax, margin
from retort.distribution.arrays import Array, as_floats, like, namespace, to_numpy
from retort.distribution.measures import NOISE_SCALE
from retort.errors import InputError
from retort.sampling import kernels
from retort.sampling.noise import (
    BLOCK_TOKENS,
    MAX_POSITION,
    MAX_SEED,
    block_noise,
    first_arrivals,
    uniform_at,
    whole_numbers,
)
from retort.sampling.params import SamplingParams
from retort.transforms.context import Context, NothingLeftError, RowState

__all__ = ["NOISE_SCALE", "BadRowsError", "SampleBatch", "Sampler", "draw", "sample"]

GROUP_ELEMENTS = 2**20
"""Logits of a group worked on at a time (8 MB of float64), so that a large batch does not need several copies."""

BOUND_SLACK = 1e-9
"""How far below the second best known score a block's best possible one may be and be looked at all the same: far more
than the last bit by which the logarithm may fail to fall as its argument rises."""

NO_FLOAT64 = ("mps",)
"""Device types without float64; their rows are drawn on the processor."""

COLUMNS = ("logprob_raw", "logprob_processed", "log_kept_mass", "entropy", "margin")


@dataclass(frozen=True)
class SampleBatch:
    """What was drawn: one entry per row, arrays `[n]`. `retort.distribution.measures` says what each name means.

    - `ids`: the token drawn (-1 in a row that could not be sampled, whose other entries are NaN).
    - `logprob_raw`: its log-probability in nats under softmax(logits), before any transform.
    - `logprob_processed`: under the distribution that was sampled, after the whole chain.
    - `log_kept_mass`: ln of the shaped probability (after bias, penalties and temperature, before anything is removed)
      of the tokens that survive the chain; 0 if it removes none. At τ = 0 one token survives, and it is that one's.
    - `entropy`: nats, of the distribution that was sampled.
    - `margin`: how far the winner is above the runner-up, in units of the logits. Of a draw `τ · (s₁ - s₂)`,
      `s = processed logits + Gumbel noise`, τ the temperature of this row (a dynamic one counts as what it was). Of a
      greedy row the gap between the two largest logits that enter τ = 0. inf if only one token was left.
    - `near_tie`: True where `margin` is at most `noise_scale`: numerical noise in the logits could change the token.
    - `states`: what each row's stages remember after this token (mirostat, adaptive_p), for the next call; None in rows
      whose chain remembers nothing.
    """

    ids: Any
    logprob_raw: Any
    logprob_processed: Any
    log_kept_mass: Any
    entropy: Any
    margin: Any
    near_tie: Any
    states: tuple[RowState | None, ...] = ()

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


Params = SamplingParams | Mapping[str, Any]


@dataclass(frozen=True)
class _Request:
    """What `sample` was asked for, checked: of each row its params, seed and position, and what its chain may read."""

    params_N: Sequence[SamplingParams]
    seeds_N: np.ndarray
    positions_N: np.ndarray
    history: Sequence[Sequence[int]] | None
    prompt_lengths: Sequence[int] | None
    states: Sequence[RowState | None] | None

    def context(self, rows: np.ndarray) -> Context:
        """What the chains of these rows read beside the logits."""
        history, lengths, states = self.history, self.prompt_lengths, self.states
        return Context(
            history=None if history is None else [history[row] for row in rows],
            prompt_lengths=None if lengths is None else [lengths[row] for row in rows],
            uniforms=lambda stream: uniform_at(self.seeds_N[rows], self.positions_N[rows], stream),
            states=None if states is None else [states[row] for row in rows],
        )


@dataclass(frozen=True)
class _Group:
    """The rows of one chain and what they drew, or the fault of each row that could not be drawn."""

    rows: np.ndarray
    drawn: SampleBatch | None = None
    faults: Mapping[int, str] | None = None


def sample(
    logits: Any,
    params: Params | Sequence[Params],
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
    whose temperature is 0 gives the largest logit, lowest id. Shapes: logits `[n, vocab]` or `[vocab]` (one row), numpy
    or torch. Whatever decides a token is float64.
    `params`: SamplingParams or a mapping of settings, for all rows or one for each. `seeds`: one per row; by default
    each row's `params.seed`, and with one params for several rows seed, seed + 1, …
    `positions`: index of the token in the generated text, 0 by default. Without the right positions a loop draws the
    same noise again and again: use `Sampler`, which counts them.
    `history`: each row's tokens so far, for chains that look back; `prompt_lengths`: how many of them are the prompt.
    `states`: the `states` of the batch before this one, for chains that remember; None is the start.
    The results are numpy arrays, or tensors where the logits are, if they are a tensor.
    Raises InputError for arguments that do not fit, and BadRowsError (an InputError with the good rows' `results`) for
    rows with NaN, +inf or nothing but -inf, and where the chain leaves no token. Source: Gumbel 1954; Maddison, Tarlow,
    Minka 2014, section 2.
    """
    if isinstance(logits, str):  # the command of this name takes a model and a prompt
        raise InputError(
            f"sample draws from logits, got the text {logits!r}; retort.generate(model, prompt) draws texts"
        )
    if positions is None:
        _warn_of_a_loop(params, seeds, history, prompt_lengths, logits)
    try:
        drawn = sample_rows(
            logits,
            params,
            seeds,
            positions,
            history,
            prompt_lengths=prompt_lengths,
            states=states,
            noise_scale=noise_scale,
        )
    except BadRowsError as problem:
        raise BadRowsError(problem.rows, _like(problem.results, logits)) from None
    return _like(drawn, logits)


def sample_rows(
    logits: Any,
    params: Params | Sequence[Params],
    seeds: Sequence[int] | None = None,
    positions: int | Sequence[int] | None = None,
    history: Sequence[Sequence[int]] | None = None,
    *,
    prompt_lengths: Sequence[int] | None = None,
    states: Sequence[RowState | None] | None = None,
    noise_scale: float = NOISE_SCALE,
) -> SampleBatch:
    """As `sample`, with numpy arrays whatever the logits are: for loops of our own, which know their positions."""
    logits = _matrix(logits)
    num_rows = len(logits)
    for name, given in (("history", history), ("prompt_lengths", prompt_lengths), ("states", states)):
        _check_length(name, given, num_rows)
    each, one_for_all = _params(params, num_rows)
    request = _Request(
        each,
        _seeds(each, one_for_all, num_rows, seeds),
        _positions(positions, num_rows),
        history,
        prompt_lengths,
        states,
    )
    groups: list[_Group] = []
    for chain, rows in _by_chain(each):
        if kernels.refusal(logits, chain) is None:
            groups += _compiled(logits, chain, rows, request)
        else:
            groups += _general(logits, chain, rows, request)
    results = _joined(groups, num_rows, states, noise_scale)
    faults = {row: fault for group in groups for row, fault in (group.faults or {}).items()}
    if faults:
        raise BadRowsError(dict(sorted(faults.items())), results)
    return results


def draw(
    logits_GV: Array,
    chain: Chain,
    seeds_G: Sequence[int] | np.ndarray,
    positions_G: Sequence[int] | np.ndarray,
    context: Context | None = None,
) -> SampleBatch:
    """The next token of rows `[g, vocab]` that share a chain, numpy or torch; what each number is, `SampleBatch` says.

    All work is in float64 and where the logits are; results come to the host in one transfer. Noise, temperature and
    penalties are single IEEE operations, so numpy's and torch's scores are equal to the last bit. Sums of exponentials
    are added in another order by torch: reported numbers then differ by 1e-12 at most, and a cut by probability
    (top-p, typical, …) could differ where a token's mass lies within that of its threshold.
    `states` are those before. Rows must be usable. Raises InputError as the chain does.
    """
    xp = namespace(logits_GV)
    raw_GV = xp.astype(logits_GV.detach() if hasattr(logits_GV, "detach") else logits_GV, xp.float64)
    run = chain.run(raw_GV, context=context)
    temperature_G = run.temperature + xp.zeros_like(raw_GV[:, 0])  # one for all rows, or each row's own
    # A chain that changes nothing gives its input back, the same object: then one softmax serves both columns.
    raw_log_probs_GV = log_softmax(raw_GV)
    log_probs_GV = raw_log_probs_GV if run.processed is raw_GV else log_softmax(run.processed)
    greedy_G = temperature_G == 0.0
    if bool(xp.all(greedy_G)):
        ids_G = xp.argmax(run.processed, axis=-1)
        margin_G = margin(run.undivided)
    else:
        # The same 64 bits under a signed name: torch hardly does unsigned arithmetic, and products wrap alike.
        seeds = np.asarray(seeds_G, dtype=np.uint64).view(np.int64)
        positions = np.asarray(positions_G, dtype=np.uint64).view(np.int64)
        ids_G, lead_G = _win(run.processed, like(raw_GV, seeds), like(raw_GV, positions))
        with np.errstate(invalid="ignore"):  # 0·inf, replaced below
            margin_G = temperature_G * lead_G
        if bool(xp.any(greedy_G)):
            margin_G = xp.where(greedy_G, margin(run.undivided), margin_G)
    # No stage has removed a token: the mass is 1, and no sum is needed to say so.
    whole = run.processed is run.shaped
    log_kept_mass_G = xp.zeros_like(margin_G) if whole else run.log_kept_mass
    columns = (
        xp.astype(ids_G, xp.float64),  # exact below 2^53, so that one block carries everything over at once
        xp.take_along_axis(raw_log_probs_GV, ids_G[:, None], axis=-1)[:, 0],
        xp.take_along_axis(log_probs_GV, ids_G[:, None], axis=-1)[:, 0],
        log_kept_mass_G,
        entropy_of_log_probs(log_probs_GV),
        margin_G,
    )
    ids, *numbers = to_numpy(xp.stack(columns))
    states = (None,) * len(ids) if context is None or context.states is None else tuple(context.states)
    return _batch(ids.astype(np.int64), numbers, states)


def _win(processed_GV: Array, seeds_G: Array, positions_G: Array) -> tuple[Array, Array]:
    """`[G]` winners of `processed + noise` (ties: lowest id) and `[G]` their lead over the runner-up (inf if none).

    Most of the noise is never made: a block of 64 tokens is opened only if its largest logit, arriving with the block's
    first token, could be among the best two.
    """
    xp = namespace(processed_GV)
    num_rows, num_tokens = processed_GV.shape
    num_blocks = -(-num_tokens // BLOCK_TOKENS)
    blocks_B = like(processed_GV, np.arange(num_blocks))
    padded_GV = processed_GV
    # Tokens beyond the vocabulary's end are -inf and never win, though one of them may be a block's first arrival.
    if num_tokens < num_blocks * BLOCK_TOKENS:
        rest = xp.zeros_like(processed_GV[:, :1]) - math.inf
        rest = xp.broadcast_to(rest, (num_rows, num_blocks * BLOCK_TOKENS - num_tokens))
        padded_GV = xp.concat((processed_GV, rest), axis=-1)
    blocks_GBK = xp.reshape(padded_GV, (num_rows, num_blocks, BLOCK_TOKENS))
    first_GB, winners_GB = first_arrivals(seeds_G[:, None], positions_G[:, None], blocks_B)
    noise_GB = -xp.log(first_GB)
    bound_GB = xp.max(blocks_GBK, axis=-1) + noise_GB
    # The scores of first arrivals are known. The second best of them is no better than the true runner-up.
    known_GB = xp.take_along_axis(padded_GV, winners_GB, axis=-1) + noise_GB
    # A block is passed over only if it can hold neither the winner nor the runner-up, which the margin needs.
    if num_blocks > 1:
        others_GB = xp.where(blocks_B == xp.argmax(known_GB, axis=-1)[:, None], -math.inf, known_GB)
        enough_G1 = xp.max(others_GB, axis=-1, keepdims=True)
        enough_G1 = enough_G1 - BOUND_SLACK * xp.clip(xp.abs(enough_G1), min=1.0, max=1e300)
    else:
        enough_G1 = xp.zeros_like(bound_GB[:, :1]) - math.inf
    # A block of removed tokens alone has the bound -inf, and would be opened where `enough` is -inf as well.
    opened_GB = (bound_GB >= enough_G1) & (bound_GB > -math.inf)
    row_O, block_O = xp.nonzero(opened_GB)
    noise_OK = block_noise(
        seeds_G[row_O], positions_G[row_O], block_O, first_GB[row_O, block_O], winners_GB[row_O, block_O]
    )
    scores_OK = blocks_GBK[row_O, block_O] + noise_OK
    # The opened blocks of each row side by side, so that the best of a row is the best along an axis.
    counts_G = xp.sum(xp.astype(opened_GB, xp.int64), axis=-1)
    place_O = xp.cumulative_sum(xp.ones_like(row_O)) - 1 - (xp.cumulative_sum(counts_G) - counts_G)[row_O]
    most = int(xp.max(counts_G))
    scores_GMK = xp.zeros_like(blocks_GBK[:, :1]) - math.inf
    scores_GMK = xp.repeat(scores_GMK, most, axis=1)
    scores_GMK[row_O, place_O] = scores_OK
    block_GM = like(processed_GV, np.zeros((num_rows, most), dtype=np.int64))
    block_GM[row_O, place_O] = block_O
    scores_GL = xp.reshape(scores_GMK, (num_rows, most * BLOCK_TOKENS))
    # Blocks stand in order, so the first of equal scores is the one with the lowest id.
    at_G1 = xp.argmax(scores_GL, axis=-1)[:, None]
    best_G = xp.take_along_axis(scores_GL, at_G1, axis=-1)[:, 0]
    block_G1 = xp.take_along_axis(block_GM, at_G1 // BLOCK_TOKENS, axis=-1)
    ids_G = (block_G1 * BLOCK_TOKENS + at_G1 % BLOCK_TOKENS)[:, 0]
    slots_L = like(processed_GV, np.arange(most * BLOCK_TOKENS))
    others_GL = xp.where(slots_L == at_G1, -math.inf, scores_GL)
    return ids_G, best_G - xp.max(others_GL, axis=-1)


def _compiled(logits: Any, chain: Chain, rows: np.ndarray, request: _Request) -> list[_Group]:
    """The rows drawn by the kernels."""
    drawn = kernels.draw_rows(logits, chain, rows, request.seeds_N[rows], request.positions_N[rows])
    states = (None,) * len(rows) if request.states is None else tuple(request.states[row] for row in rows)
    batch = _batch(drawn.ids, drawn.numbers, states)
    faults = {int(row): bad_rows(logits[int(row)])[()] for row in rows[drawn.ids < 0]}
    return [_Group(rows, batch, faults)]


def _general(logits: Any, chain: Chain, rows: np.ndarray, request: _Request) -> list[_Group]:
    """The rows drawn by `draw`, a bounded number of logits at a time."""
    groups = []
    size = max(1, GROUP_ELEMENTS // logits.shape[1])
    # The chain makes several float64 copies of what it is given, so a large batch goes through in pieces.
    for start in range(0, len(rows), size):
        piece = rows[start : start + size]
        rows_GV = logits if len(piece) == len(logits) else logits[piece.tolist()]
        if not _on_accelerator(logits):
            # One contiguous copy, whatever the batch looked like: numpy may take another loop for strided input.
            rows_GV = np.ascontiguousarray(to_numpy(as_floats(rows_GV)), dtype=np.float64)
        faults = {int(piece[place[0]]): fault for place, fault in bad_rows(rows_GV).items()}
        if faults:
            groups.append(_Group(piece[:0], faults=faults))
            good = [place for place, row in enumerate(piece) if row not in faults]
            piece, rows_GV = piece[good], rows_GV[good]
        groups += _usable(rows_GV, chain, piece, request)
    return groups


def _usable(rows_GV: Array, chain: Chain, rows: np.ndarray, request: _Request) -> list[_Group]:
    """The rows drawn by `draw`; where the chain leaves nothing of some, one by one."""
    if len(rows) == 0:
        return []
    context = request.context(rows)
    try:
        drawn = draw(rows_GV, chain, request.seeds_N[rows], request.positions_N[rows], context)
    except NothingLeftError as problem:
        # The error does not name every row, so each is tried alone and the good ones are drawn.
        if len(rows) == 1:
            return [_Group(rows[:0], faults={int(rows[0]): problem.fault})]
        return [
            group
            for place in range(len(rows))
            for group in _usable(rows_GV[place : place + 1], chain, rows[place : place + 1], request)
        ]
    if "state" in chain.needs:
        drawn = replace(drawn, states=chain.update(context.states, drawn.ids, rows_GV, context))
    return [_Group(rows, drawn)]


def _joined(
    groups: Sequence[_Group], num_rows: int, states: Sequence[RowState | None] | None, noise_scale: float
) -> SampleBatch:
    """One batch of what the groups drew; rows that were not drawn have the id -1, NaN, and the state before."""
    first = groups[0].drawn if len(groups) == 1 else None
    if first is not None and len(first) == num_rows:
        return first if noise_scale == NOISE_SCALE else replace(first, near_tie=first.margin <= noise_scale)
    ids = np.full(num_rows, -1, dtype=np.int64)
    numbers = np.full((len(COLUMNS), num_rows), np.nan)
    after: list[RowState | None] = [None] * num_rows if states is None else list(states)
    for group in groups:
        if group.drawn is not None:
            ids[group.rows] = group.drawn.ids
            for column, name in zip(numbers, COLUMNS, strict=True):
                column[group.rows] = getattr(group.drawn, name)
            for row, state in zip(group.rows.tolist(), group.drawn.states, strict=True):
                after[row] = state
    return _batch(ids, numbers, tuple(after), noise_scale)


def _batch(
    ids: np.ndarray,
    numbers: Sequence[np.ndarray] | np.ndarray,
    states: tuple[RowState | None, ...],
    noise_scale: float = NOISE_SCALE,
) -> SampleBatch:
    """A batch from its ids and its numbers in the order of COLUMNS."""
    columns: dict[str, Any] = dict(zip(COLUMNS, numbers, strict=True))
    return SampleBatch(ids=ids, **columns, near_tie=columns["margin"] <= noise_scale, states=states)


def _by_chain(params_N: Sequence[SamplingParams]) -> Iterator[tuple[Chain, np.ndarray]]:
    """Each chain with its rows."""
    if len(set(map(id, params_N))) == 1:
        yield params_N[0].resolved_chain, np.arange(len(params_N))
        return
    # Building and hashing a chain costs more than drawing a short row, so each params object is asked once.
    by_chain: dict[Chain, list[int]] = {}
    rows_of: dict[int, list[int]] = {}
    for row, params in enumerate(params_N):
        if id(params) not in rows_of:
            rows_of[id(params)] = by_chain.setdefault(params.resolved_chain, [])
        rows_of[id(params)].append(row)
    for chain, rows in by_chain.items():
        yield chain, np.array(rows)


def _on_accelerator(logits: Any) -> bool:
    return not isinstance(logits, np.ndarray) and logits.device.type not in ("cpu", "meta", *NO_FLOAT64)


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
        as_floats(logits)  # raises the error for a vocabulary of no tokens
    logits = logits.detach() if hasattr(logits, "detach") else logits
    return logits if logits.ndim == 2 else logits[None]


def _check_length(name: str, given: Sequence[Any] | None, num_rows: int) -> None:
    if given is not None and len(given) != num_rows:
        raise InputError(f"{name} must have one entry for each of {num_rows} rows, got {len(given)}")


def _params(params: Params | Sequence[Params], num_rows: int) -> tuple[Sequence[SamplingParams], bool]:
    """Params of each row, and whether one was given for all."""
    if isinstance(params, SamplingParams):
        return [params] * num_rows, True
    if isinstance(params, Mapping):
        return [SamplingParams.from_dict(params)] * num_rows, True
    if isinstance(params, str) or not isinstance(params, Sequence):
        raise InputError(
            f"params must be SamplingParams or a mapping of settings, for all rows or one for each, "
            f"got {type(params).__name__}"
        )
    if len(params) != num_rows:
        raise InputError(
            f"got {len(params)} params for {num_rows} rows; give one for all rows, or one for each"
        )
    return [
        one if isinstance(one, SamplingParams) else SamplingParams.from_dict(one) for one in params
    ], False


def _seeds(
    each: Sequence[SamplingParams], one_for_all: bool, num_rows: int, seeds: Sequence[int] | None
) -> np.ndarray:
    """`[n]` uint64."""
    if seeds is not None:
        if len(seeds) != num_rows:
            raise InputError(f"got {len(seeds)} seeds for {num_rows} rows; give one for each row")
        return whole_numbers(seeds, MAX_SEED, "seed")
    if one_for_all and num_rows:
        first = each[0].seed
        if first + num_rows - 1 > MAX_SEED:
            raise InputError(
                f"seed {first} is too large for {num_rows} rows: each takes the next seed, and they end at 2^64 - 1; "
                f"give a seed of at most {MAX_SEED - num_rows + 1}"
            )
        # The same noise in every row would make all draws of one distribution equal.
        return np.arange(num_rows, dtype=np.uint64) + np.uint64(first)
    return np.array([one.seed for one in each], dtype=np.uint64)


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


class Sampler:
    """Draws token after token for the sequences of a batch, and keeps each one's position, history and state.

        sampler = Sampler({"temperature": 0.8, "top_p": 0.9, "seed": 7}, prompts=[[1, 2, 3]])
        token = sampler(logits).ids        # logits [sequences, vocab], numpy or torch; the ids are of the same kind

    `params`: SamplingParams or a mapping of settings, for all sequences or one for each. Sequence i of one params uses
    its seed + i, so a text is the one that `generate` gives with that seed. `prompts`: each sequence's token ids, a
    list or a `[n, width]` array without padding; only chains that look back (penalties, DRY, …) need them.
    The number of sequences is that of the first logits. `keep` says which of them go on.
    """

    def __init__(
        self,
        params: Params | Sequence[Params],
        prompts: Any = None,
        *,
        seeds: Sequence[int] | None = None,
        noise_scale: float = NOISE_SCALE,
    ) -> None:
        """Raises InputError for settings that are not allowed."""
        self._given, self._seeds_given = params, seeds
        if isinstance(params, (SamplingParams, Mapping)):
            self._given = _params(params, 1)[0][0]
        self._noise_scale = noise_scale
        if hasattr(prompts, "tolist"):
            prompts = prompts.tolist()
        self._prompts = None if prompts is None else [list(map(int, prompt)) for prompt in prompts]
        self._begun = False
        self._params: Sequence[SamplingParams] = ()
        self._seeds: list[int] = []
        self._states: list[RowState | None] = []
        self._lengths: list[int] = []
        self.positions: list[int] = []
        self.history: list[list[int]] = []

    def __call__(self, logits: Any) -> SampleBatch:
        """The next token of every sequence; see `sample`, which also says what is raised. Nothing moves on an error."""
        matrix = _matrix(logits)
        if not self._begun:
            self._begin(len(matrix))
        elif len(matrix) != len(self.history):
            raise InputError(
                f"this sampler draws {len(self.history)} sequences, got logits of {len(matrix)} rows; "
                "call keep(rows) for the sequences that continue, or make a new Sampler"
            )
        drawn = sample_rows(
            matrix,
            self._params,
            self._seeds,
            self.positions,
            self.history,
            prompt_lengths=self._lengths,
            states=self._states,
            noise_scale=self._noise_scale,
        )
        for tokens, token in zip(self.history, drawn.ids.tolist(), strict=True):
            tokens.append(token)
        self.positions = [position + 1 for position in self.positions]
        self._states = list(drawn.states)
        return _like(drawn, logits)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these sequences alone, in this order; one may come twice, and then draws the same tokens."""
        chosen = [int(row) for row in rows]
        wrong = [row for row in chosen if not 0 <= row < len(self.history)]
        if wrong:
            raise InputError(f"keep takes rows from 0 to {len(self.history) - 1}, got {wrong[0]}")
        self._params = [self._params[row] for row in chosen]
        self._seeds = [self._seeds[row] for row in chosen]
        self._states = [self._states[row] for row in chosen]
        self._lengths = [self._lengths[row] for row in chosen]
        self.positions = [self.positions[row] for row in chosen]
        self.history = [list(self.history[row]) for row in chosen]

    def _begin(self, num_rows: int) -> None:
        self._params, one_for_all = _params(self._given, num_rows)
        self._seeds = _seeds(self._params, one_for_all, num_rows, self._seeds_given).tolist()
        _check_length("prompts", self._prompts, num_rows)
        self.history = self._prompts or [[] for _ in range(num_rows)]
        self._lengths = [len(prompt) for prompt in self.history]
        self.positions, self._states = [0] * num_rows, [None] * num_rows
        self._begun = True


def _like(drawn: SampleBatch, logits: Any) -> SampleBatch:
    """The batch as tensors on the device of `logits`, if they are a tensor."""
    if not hasattr(logits, "data_ptr"):
        return drawn
    # Asked once and not for each column: the answer takes as long as the copy.
    to_tensor, device = namespace(logits).asarray, logits.device

    def moved(column: np.ndarray) -> Any:
        # Apple's devices have no float64.
        if column.dtype == np.float64 and device.type in NO_FLOAT64:
            column = column.astype(np.float32)
        return to_tensor(column, device=device)

    columns = {name: moved(getattr(drawn, name)) for name in ("ids", *COLUMNS, "near_tie")}
    return replace(drawn, **columns)


SAME_CALLS = 3
"""So many calls in a row with one seed, no positions and other logits each time look like somebody's decode loop."""

_last_call: tuple[Any, bytes, int] = (None, b"", 0)
_warned = False


def _seed_of(params: Any) -> Any:
    """The seeds that params name: a new dict or new params with the same seed are the same noise again."""
    if isinstance(params, Mapping):
        return params.get("seed", 0)
    return tuple(map(_seed_of, params)) if isinstance(params, list | tuple) else getattr(params, "seed", None)


def _warn_of_a_loop(params: Any, seeds: Any, history: Any, prompt_lengths: Any, logits: Any) -> None:
    """Say once that a loop without positions draws the same noise at every step, where this looks like one."""
    global _last_call, _warned
    if _warned:
        return
    # A history longer than its prompt says that tokens were drawn before, so position 0 is wrong at the first call.
    grown = history is not None and prompt_lengths is not None
    grown = grown and any(
        len(tokens) > length for tokens, length in zip(history, prompt_lengths, strict=False)
    )
    asked = (
        _seed_of(params),
        None if seeds is None else tuple(map(int, seeds)),
        tuple(getattr(logits, "shape", ())),
    )
    # Eight logits tell a next step from the same row asked twice, which is no loop (a test of reproducibility, say).
    seen = to_numpy(as_floats(_matrix(logits)[:1, :8])).tobytes()
    calls = _last_call[2] + 1 if _last_call[0] == asked and _last_call[1] != seen else 1
    _last_call = (asked, seen, calls)
    if grown or calls >= SAME_CALLS:
        _warned = True
        warnings.warn(
            "retort.sample was called repeatedly with the same seeds and without positions, so every step "
            "uses the same noise; use retort.Sampler, which counts positions, or pass positions",
            UserWarning,
            stacklevel=3,
        )
