"""What a batch of draws gives: one column for each number, one entry for each row; and the error that carries one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retort.errors import InputError

if TYPE_CHECKING:
    from retort.transforms.context import RowState

COLUMNS = ("logprob_raw", "logprob_processed", "log_kept_mass", "entropy", "margin")
"""The columns of numbers, in the order in which the compiled path writes them."""


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
    - `states`: what each row's stages remember after this token (mirostat, adaptive_p), for the next call; None in rows
      whose chain remembers nothing.
    """

    ids: np.ndarray
    logprob_raw: np.ndarray
    logprob_processed: np.ndarray
    log_kept_mass: np.ndarray
    entropy: np.ndarray
    margin: np.ndarray
    near_tie: np.ndarray
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


def empty_batch(num_rows: int) -> SampleBatch:
    """A batch whose rows all say that nothing was drawn: id -1, NaN elsewhere."""
    numbers = np.full((len(COLUMNS), num_rows), np.nan)
    ids, near_tie = np.full(num_rows, -1, dtype=np.int64), np.zeros(num_rows, dtype=bool)
    raw, processed, kept_mass, entropy, margin = numbers
    return SampleBatch(ids, raw, processed, kept_mass, entropy, margin, near_tie, (None,) * num_rows)
