"""The answers of a sweep as rows: one for each item, prompt, repeat and setting. What is kept on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retort.tune.samples import Samples
from retort.tune.settings import Axis

COLUMNS = (
    "setting",
    "item",
    "prompt",
    "repeat",
    "seed",
    "text",
    "answer",
    "tokens",
    "finish_reason",
    "logprob_raw",
    "score",
)


@dataclass
class Rows:
    """Rows by column, growing as answers come.

    - `setting`, `item`, `prompt`, `repeat`: whole numbers from 0; `seed`: the key of the row's noise.
    - `text` as generated, `answer` what the scorer compares, `tokens` the ids drawn, `finish_reason` as in `generate`.
    - `logprob_raw`: sum over the tokens, nats, under the model as it is (τ = 1, nothing removed). This and `tokens`
      are None from a server.
    - `score`: 1 right, 0 wrong.

    `forward_passes`: rows run through the model for them; `independent_passes`: with every temperature on its own.
    """

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    forward_passes: int = 0
    independent_passes: int = 0

    def __len__(self) -> int:
        return len(self.columns["score"])

    def add(self, **row: Any) -> None:
        """One more row; every column has a value."""
        assert row.keys() == self.columns.keys()
        for name, values in self.columns.items():
            values.append(row[name])


def as_samples(rows: Iterable[Rows], axis: Axis, item_ids: Sequence[str]) -> Samples:
    """Rows as the columns that are counted; equal answers get equal numbers."""
    names = ("setting", "item", "prompt", "answer", "score", "tokens", "logprob_raw")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for piece in rows:
        for name, values in columns.items():
            values.extend(piece.columns[name])
    codes: dict[str, int] = {}
    answer = [codes.setdefault(text, len(codes)) for text in columns["answer"]]
    return Samples(
        axis,
        tuple(item_ids),
        setting=np.array(columns["setting"], dtype=np.int64),
        item=np.array(columns["item"], dtype=np.int64),
        prompt=np.array(columns["prompt"], dtype=np.int64),
        answer=np.array(answer, dtype=np.int64),
        score=np.array(columns["score"], dtype=np.float64),
        num_tokens=_lengths(columns["tokens"]),
        logprob_raw=_numbers(columns["logprob_raw"]),
        texts=tuple(codes),
    )


def _lengths(tokens: Sequence[Sequence[int] | None]) -> np.ndarray | None:
    """How many tokens each answer has; None where that is not known of all of them."""
    if any(ids is None for ids in tokens):
        return None
    return np.array([len(ids) for ids in tokens if ids is not None], dtype=np.int64)


def _numbers(values: Sequence[float | None]) -> np.ndarray | None:
    """As float64; None where not all are known."""
    return None if any(value is None for value in values) else np.array(values, dtype=np.float64)
