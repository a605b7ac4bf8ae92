"""The order in which training sees rows: it hangs on the seed alone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from retort.distill.data.rows import Rows


class OrderedRows(Dataset[dict[str, torch.Tensor]]):
    """The rows in the order in which training reads them, each pass in another order drawn from the seed.

    One item for every row that the whole run needs. The trainer reads it from front to back, so the order
    hangs on the seed alone, a resumed run skips exactly what was read, and a longer run starts with the same
    rows as a shorter one.
    """

    def __init__(self, rows: Rows, num_rows: int, seed: int) -> None:
        self.rows = rows
        self.order = reading_order(len(rows.ids), num_rows, seed)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        """The rows of a micro-batch, as torch's loader asks for them: only as wide as the longest of them."""
        batch = self.rows.batch(self.order[indices])
        return [{name: one[place] for name, one in batch.items()} for place in range(len(indices))]

    @property
    def tokens(self) -> int:
        """How many tokens are read in all, every pass counted."""
        return int(self.rows.tokens_of_rows[self.order].sum())

    @property
    def targets(self) -> int:
        """How many of them are predicted and count in the loss."""
        return int(self.rows.targets_of_rows[self.order].sum())


def reading_order(available: int, num_rows: int, seed: int) -> NDArray[np.int64]:
    """Indices `[num_rows]` into `available` rows: random passes one after another, every row once a pass."""
    generator = np.random.default_rng(seed)
    passes = [generator.permutation(available) for _ in range(-(-num_rows // available))]
    return np.concatenate(passes)[:num_rows]
