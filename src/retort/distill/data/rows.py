"""Rows of token ids, as training and measuring read them: what counts, what is seen, where each token is from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retort.distill.losses import IGNORE_INDEX
from retort.errors import InputError


@dataclass(frozen=True)
class Rows:
    """Text in rows: `ids` and `labels` `[rows, length]`; labels equal ids, IGNORE_INDEX where nothing is learned.

    `sources` `[rows, length, 2]` says of every token which document of the text it is from, and its offset there: how a
    cache is asked for its target. `contents` holds the hash of each document's ids, the end token included.

    `lengths` `[rows]`, where each row is one document: how many of its tokens are not padding. `positions`
    `[rows, length]`, where documents of one row do not see each other: each token's place in its document (from the
    row's start for one that began in the row before). Both are None for rows in which everything is seen.

    `documents` were read; of those, `truncated` were longer than a row and `dropped` had nothing to be learned.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    sources: NDArray[np.int32] | None = None
    contents: dict[int, bytes] | None = None
    lengths: NDArray[np.int64] | None = None
    positions: NDArray[np.int32] | None = None
    documents: int = 0
    truncated: int = 0
    dropped: int = 0

    @property
    def num_targets(self) -> int:
        """How many positions are predicted: all unmasked ones but the first of each row."""
        return int(self.targets_of_rows.sum())

    @property
    def targets_of_rows(self) -> NDArray[np.int64]:
        """How many positions are predicted in each row, `[rows]`."""
        counts: NDArray[np.int64] = (self.labels[:, 1:] != IGNORE_INDEX).sum(1)
        return counts

    @property
    def tokens_of_rows(self) -> NDArray[np.int64]:
        """How many tokens a model reads in each row, `[rows]`; padding of documents in rows of their own is none."""
        return np.full(len(self.ids), self.ids.shape[1]) if self.lengths is None else self.lengths

    @property
    def digest(self) -> str:
        """SHA-256 of the contents; two texts that give the same rows are the same data."""
        digest = hashlib.sha256(str(self.ids.shape).encode())
        for one in (self.ids, self.labels):
            digest.update(np.ascontiguousarray(one, np.int64).data)
        for name, seen in (("lengths", self.lengths), ("positions", self.positions)):
            if seen is not None:
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(seen, np.int64).data)
        return digest.hexdigest()

    def summary(self) -> dict[str, int]:
        """How much there is: documents, rows, tokens read, positions that count, documents cut and left out."""
        return {
            "documents": self.documents,
            "rows": len(self.ids),
            "tokens": int(self.tokens_of_rows.sum()),
            "targets": self.num_targets,
            "truncated": self.truncated,
            "dropped": self.dropped,
        }

    def batch(self, rows: Any) -> dict[str, Tensor]:
        """What a model is given of `rows` (a slice or indices), and `labels`, and `sources` if there are any.

        `attention_mask` hides padding, and columns that are padding in all of these rows are left out. `position_ids`
        begin anew with every document, and from that alone transformers builds the mask that keeps documents apart;
        with an attention_mask beside them it would not.
        """
        width = self.ids.shape[1] if self.lengths is None else int(self.lengths[rows].max())
        arrays: dict[str, NDArray[Any]] = {"input_ids": self.ids, "labels": self.labels}
        if self.positions is not None:
            arrays["position_ids"] = self.positions
        if self.sources is not None:
            arrays["sources"] = self.sources
        found = {name: torch.from_numpy(one[rows, :width]) for name, one in arrays.items()}
        if self.positions is not None:
            found["position_ids"] = found["position_ids"].long()
        if self.lengths is not None:
            mask = np.arange(width) < self.lengths[rows, None]
            found["attention_mask"] = torch.from_numpy(mask.astype(np.int64))
        return found


def pack(
    stream: Sequence[int] | NDArray[Any],
    length: int,
    *,
    pad_id: int,
    whole_rows: bool,
    learned: NDArray[np.bool_] | None = None,
) -> Rows:
    """Rows `[rows, length]` cut from a stream of token ids; `learned` says of each token whether it counts (None: all).

    `whole_rows`: drop the rest that does not fill a row; otherwise pad it and mask the padding. Raises InputError for a
    stream that fills no row.
    """
    full, rest = divmod(len(stream), length)
    # A row of one token predicts nothing.
    padded = not whole_rows and rest > 1
    if full + padded == 0:
        raise InputError(
            f"{len(stream)} tokens do not fill one row of sequence_length {length}; give more text or shorter rows."
        )
    used = len(stream) if padded else full * length
    ids = np.full((full + padded) * length, pad_id, dtype=np.int64)
    ids[:used] = stream[:used]
    if learned is None and used == len(ids):
        labels = ids  # not a copy: of a large text it would be half of the memory
    else:
        labels = np.full_like(ids, IGNORE_INDEX)
        labels[:used] = ids[:used]
        if learned is not None:
            labels[:used][~learned[:used]] = IGNORE_INDEX
    return Rows(ids.reshape(-1, length), labels.reshape(-1, length))
