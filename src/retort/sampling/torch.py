"""The draw for rows that live on an accelerator: the same tokens as on the processor, and only results are moved.

Plain torch operations, for any device that has int64 and float64. All work is in float64. The noise has the bits that
`noise.py` gives, and temperature and penalties are single IEEE operations, so scores are equal to the last bit. Sums of
exponentials are added in another order: reported numbers then differ by 1e-12 at most from those of `general.py`, and a
cut by probability (top-p, typical, …) could differ where a token's mass lies within that of its threshold.

A row is won without looking at most of its noise: a block of 64 tokens is opened only if its largest logit, arriving
with the block's first token, could be among the best two.

Legend: G rows of a group that share a chain, V vocabulary, B blocks of it, O opened blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from retort.chain import Chain
from retort.distribution import entropy_of_log_probs, log_softmax, margin
from retort.sampling.noise import BLOCK_TOKENS
from retort.sampling.philox import LOW_WORD
from retort.sampling.torch_noise import block_arrivals, later_arrivals, negated_log
from retort.transforms.context import Context

COLUMNS = ("ids", "logprob_raw", "logprob_processed", "log_kept_mass", "entropy", "margin")
"""What `draw` gives of each row: the columns of `SampleBatch` by the same names."""

SLACK = 1e-9
"""How far below the second best known score a block's best possible one may be and be looked at all the same: far more
than the last bit by which the logarithm may fail to fall as its argument rises."""

NO_FLOAT64 = ("mps",)
"""Device types without float64; their rows are drawn on the processor."""


def lives_here(logits: Any) -> bool:
    """True for a torch tensor on a device where `draw` is the way to go: any but the processor, if it has float64."""
    device = getattr(logits, "device", None)
    return isinstance(device, torch.device) and device.type not in ("cpu", "meta", *NO_FLOAT64)


def draw(
    logits_GV: torch.Tensor,
    chain: Chain,
    seeds: Sequence[int],
    positions: Sequence[int],
    context: Context | None = None,
) -> dict[str, np.ndarray]:
    """The columns COLUMNS of rows `[g, vocab]` that share a chain, each drawn with its own seed and position.

    Rows must be usable (a finite maximum); the meaning of each column is that of `SampleBatch`. Results come to the
    host in one transfer. Raises InputError as the chain does.
    """
    raw_GV = logits_GV.detach().to(torch.float64)
    processed_GV = chain.apply(raw_GV, context=context)
    raw_log_probs_GV = log_softmax(raw_GV)
    log_probs_GV = raw_log_probs_GV if processed_GV is raw_GV else log_softmax(processed_GV)
    temperature = chain.temperature
    if temperature == 0.0:
        ids_G = processed_GV.argmax(dim=-1)
        margin_G = margin(raw_GV)
        log_kept_mass_G = torch.zeros_like(margin_G)
    else:
        ids_G, lead_G = _win(processed_GV, seeds, positions)
        margin_G = temperature * lead_G
        log_kept_mass_G = _log_kept_mass(raw_GV, processed_GV > -math.inf, temperature)
    columns = (
        ids_G.to(
            torch.float64
        ),  # ids are below 2^53, so one block of float64 carries everything over at once
        raw_log_probs_GV.gather(1, ids_G[:, None])[:, 0],
        log_probs_GV.gather(1, ids_G[:, None])[:, 0],
        log_kept_mass_G,
        entropy_of_log_probs(log_probs_GV),
        margin_G,
    )
    moved = torch.stack(columns).cpu().numpy()
    return {
        name: row.astype(np.int64) if name == "ids" else row for name, row in zip(COLUMNS, moved, strict=True)
    }


def _win(
    processed_GV: torch.Tensor, seeds: Sequence[int], positions: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """`[G]` winners of `processed + noise` (ties: lowest id) and `[G]` their lead over the runner-up (inf if none)."""
    device = processed_GV.device
    num_rows, num_tokens = processed_GV.shape
    num_blocks = -(-num_tokens // BLOCK_TOKENS)
    padding = num_blocks * BLOCK_TOKENS - num_tokens
    blocks_GBK = torch.nn.functional.pad(processed_GV, (0, padding), value=-math.inf).view(
        num_rows, num_blocks, BLOCK_TOKENS
    )
    words = np.asarray(list(seeds), dtype=np.uint64)
    key = tuple(
        torch.from_numpy(part.astype(np.int64)).to(device)
        for part in (words & np.uint64(LOW_WORD), words >> np.uint64(32))
    )
    key_G1 = (key[0][:, None], key[1][:, None])
    positions_G1 = torch.tensor(list(positions), dtype=torch.int64, device=device)[:, None]
    first_GB, winner_GB = block_arrivals(key_G1, positions_G1, torch.arange(num_blocks, device=device)[None])
    noise_GB = negated_log(first_GB)
    bound_GB = blocks_GBK.amax(dim=-1) + noise_GB
    # The first arrivals are tokens with known scores. Of those the second best is no better than the true runner-up.
    known_GB = blocks_GBK.view(num_rows, -1).gather(1, winner_GB) + noise_GB
    enough_G1 = known_GB.topk(2, dim=-1).values[:, 1:] if num_blocks > 1 else known_GB - math.inf
    slack_G1 = SLACK * enough_G1.abs().clamp(min=1.0).nan_to_num(posinf=0.0)
    row_O, block_O = ((bound_GB >= enough_G1 - slack_G1) & (bound_GB > -math.inf)).nonzero(as_tuple=True)

    within = torch.arange(BLOCK_TOKENS, device=device)
    ids_OK = block_O[:, None] * BLOCK_TOKENS + within
    pairs = block_O[:, None] * (BLOCK_TOKENS // 2) + within[: BLOCK_TOKENS // 2]
    later_OK = later_arrivals((key_G1[0][row_O], key_G1[1][row_O]), positions_G1[row_O], pairs).flatten(1)
    later_OK = torch.where(ids_OK == winner_GB[row_O, block_O][:, None], 0.0, later_OK)
    scores_OK = blocks_GBK[row_O, block_O] + negated_log(first_GB[row_O, block_O][:, None] + later_OK)

    best_G = _by_row(scores_OK.amax(dim=-1), row_O, num_rows, "amax", -math.inf)
    candidates_OK = torch.where(scores_OK == best_G[row_O][:, None], ids_OK, num_tokens)
    ids_G = _by_row(candidates_OK.amin(dim=-1), row_O, num_rows, "amin", num_tokens)
    others_OK = scores_OK.masked_fill(ids_OK == ids_G[row_O][:, None], -math.inf)
    return ids_G, best_G - _by_row(others_OK.amax(dim=-1), row_O, num_rows, "amax", -math.inf)


def _by_row(
    values_O: torch.Tensor, row_O: torch.Tensor, num_rows: int, how: str, start: float
) -> torch.Tensor:
    """`[G]` largest ("amax") or smallest ("amin") value of each row's opened blocks."""
    result = torch.full((num_rows,), start, dtype=values_O.dtype, device=values_O.device)
    return result.scatter_reduce(0, row_O, values_O, how)


def _log_kept_mass(raw_GV: torch.Tensor, kept_GV: torch.Tensor, temperature: float) -> torch.Tensor:
    """`[G]` ln Σ_{i kept} softmax(z/τ)_i; exactly 0 where every token that had any mass is kept."""
    cut_G = (kept_GV != (raw_GV > -math.inf)).any(dim=-1)
    kept = torch.where(kept_GV, log_softmax(raw_GV, temperature), -math.inf)
    return torch.where(cut_G, torch.logsumexp(kept, dim=-1).clamp(max=0.0), 0.0)
