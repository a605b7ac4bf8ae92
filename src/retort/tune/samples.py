"""The answers of a sweep: `Rows` as they come and are kept on disk, `Samples` as columns that are counted.

One entry is one answer, so a sweep of a million answers is a few arrays, and everything below is sorting and counting:
no model, no text. Legend: N answers, I items, P prompt variants, S settings; a *cell* is one item, prompt and setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.tune.settings import Axis

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COUNTED = (
    "setting",
    "item",
    "prompt",
    "answer",
    "score",
    "num_tokens",
    "logprob_raw",
    "prompt_tokens",
    "seconds",
)
"""The columns of `Samples` with an entry for each answer."""


@dataclass(frozen=True)
class Samples:
    """The answers of a sweep, one entry each in `[N]` arrays.

    `setting`, `item`: indices into `axis` and `item_ids`. `prompt`: number of the prompt variant. `answer`: equal
    numbers for equal answers of one sweep; None where the answers' texts are not known. `score`: 1 right, 0 wrong, or
    anything between. `num_tokens`, `logprob_raw`: an answer's length, and its summed log-probability in nats under the
    model as it is (τ = 1, nothing removed); None where they are not known. `texts`: by number of the answer, what it
    says; None where that is not known. `prompt_tokens`: the prompt's length; `seconds`: how long the answer took; None
    where they are not known.
    """

    axis: Axis
    item_ids: tuple[str, ...]
    setting: Ints
    item: Ints
    prompt: Ints
    answer: Ints | None
    score: Floats
    num_tokens: Ints | None = None
    logprob_raw: Floats | None = None
    texts: Sequence[str] | None = None
    prompt_tokens: Ints | None = None
    seconds: Floats | None = None

    def __len__(self) -> int:
        return len(self.score)

    @property
    def num_prompts(self) -> int:
        """How many prompt variants every item was asked through."""
        return int(self.prompt.max()) + 1 if len(self) else 1

    def of_prompt(self, number: int) -> Samples:
        """The answers through one of the prompts, as if it was the only one."""
        if self.num_prompts == 1:
            return self  # with all that has been counted
        there = self.where(self.prompt == number)
        return replace(there, prompt=np.zeros(len(there), dtype=np.int64))

    def where(self, wanted: NDArray[np.bool_]) -> Samples:
        there: dict[str, Any] = {name: values for name in COUNTED if (values := vars(self)[name]) is not None}
        return replace(self, **{name: values[wanted] for name, values in there.items()})

    def in_groups(self, size: int) -> Samples:
        """Each cell's answers in groups of this size, each as if it was a prompt of its own; a rest is left out."""
        order = np.argsort(self.cell, kind="stable")
        sizes = self.cell_sizes.ravel()
        # An answer's place in its cell, in the order in which they came.
        rank = np.empty(len(self), dtype=np.int64)
        rank[order] = np.arange(len(self)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        groups = max(int(sizes.max()) // size, 1)
        whole = (rank // size) < np.minimum(sizes // size, groups)[self.cell]
        return replace(self, prompt=self.prompt * groups + rank // size).where(whole)

    def majority_scores(self) -> Floats:
        """`[I, P, S]` score of the answer that most answers of a cell give, the mean over those that tie."""
        cells, counts, which = self._groups
        # Equal answers may have been scored differently where they were recorded elsewhere.
        scores = np.bincount(which, weights=self.score) / counts
        most = np.zeros(self._num_cells, dtype=np.int64)
        np.maximum.at(most, cells, counts)
        top = counts == most[cells]
        sums = np.bincount(cells[top], weights=scores[top], minlength=self._num_cells)
        return self._over_cells(_shares(sums, np.bincount(cells[top], minlength=self._num_cells)))

    @cached_property
    def cell(self) -> Ints:
        """`[N]` number of each answer's cell, `(item · P + prompt) · S + setting`."""
        return (self.item * self.num_prompts + self.prompt) * len(self.axis) + self.setting

    @cached_property
    def cell_sizes(self) -> Ints:
        """`[I, P, S]` answers in each cell."""
        return self._over_cells(np.bincount(self.cell, minlength=self._num_cells))

    @cached_property
    def cell_scores(self) -> Floats:
        """`[I, P, S]` mean score of each cell; NaN in an empty one."""
        return _shares(self._summed(self.score), self.cell_sizes)

    def distinct(self, wanted: NDArray[np.bool_] | None = None) -> Floats:
        """`[I, P, S]` number of different answers in each cell, among the `[N]` wanted ones (None: all)."""
        cells, _, which = self._groups
        if wanted is not None:
            is_wanted = np.zeros(len(cells), dtype=np.bool_)
            is_wanted[which[wanted]] = True
            cells = cells[is_wanted]
        return self._over_cells(np.bincount(cells, minlength=self._num_cells)).astype(np.float64)

    def distinct_share(self) -> Floats:
        """`[I, P, S]` share of each cell's answers that are different; NaN in an empty one."""
        return _shares(self.distinct(), self.cell_sizes)

    def agreement(self) -> Floats:
        """`[I, P, S]` share of pairs of a cell's answers that are equal, `Σ_a C(n_a, 2)/C(N, 2)`; NaN below two."""
        cells, counts, _ = self._groups
        pairs = np.bincount(cells, weights=counts * (counts - 1) / 2, minlength=self._num_cells)
        return _shares(self._over_cells(pairs), self.cell_sizes * (self.cell_sizes - 1) / 2)

    def mean_tokens(self) -> Floats:
        """`[I, P, S]` mean length of a cell's answers in tokens."""
        assert self.num_tokens is not None, "ask for this only where lengths are known"
        return _shares(self._summed(self.num_tokens), self.cell_sizes)

    def raw_nll(self) -> Floats:
        """`[I, P, S]` nats per token of a cell's answers under the raw model: `−Σ ln p / Σ tokens`, incoherence."""
        assert self.num_tokens is not None and self.logprob_raw is not None, "ask for this only where known"
        return _shares(self._summed(-self.logprob_raw), self._summed(self.num_tokens))

    def _summed(self, values: np.ndarray) -> Floats:
        return self._over_cells(np.bincount(self.cell, weights=values, minlength=self._num_cells))

    @property
    def _num_cells(self) -> int:
        return len(self.item_ids) * self.num_prompts * len(self.axis)

    def _over_cells(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(len(self.item_ids), self.num_prompts, len(self.axis))

    @cached_property
    def _groups(self) -> tuple[Ints, Ints, Ints]:
        """Equal answers of one cell as one group: each group's cell and number of answers, and each answer's group.

        Sorted once for all that is counted of the texts: it is the longest part of concluding a million answers.
        """
        assert self.answer is not None, "ask for this only where the answers' texts are known"
        # One number for a cell and an answer: there are far fewer pairs of these than int64 can count.
        kinds = int(self.answer.max(initial=0)) + 1
        groups, which, counts = np.unique(
            self.cell * kinds + self.answer, return_inverse=True, return_counts=True
        )
        return groups // kinds, counts, which


@dataclass(frozen=True)
class Origin:
    """Where the answers come from, as the record says it; the passes are None where no model was run.

    `answers_of_grid`: of a sweep with a budget, how many answers the whole grid would have had; None without one.
    `prompts`, `asked`: the templates, and what each item puts into them, in words; empty where they are not known.
    """

    task: str
    model: str
    seed: int = 0
    chain: str = ""
    forward_passes: int | None = None
    independent_passes: int | None = None
    answers_of_grid: int | None = None
    prompts: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


def over_prompts(values_IPS: Floats) -> Floats:
    """`[I, S]` mean over an item's prompt variants, of the cells that have a value; NaN where none has."""
    return mean_of_known(values_IPS, axis=1)


def mean_of_known(values: Floats, axis: int) -> Floats:
    """The mean along an axis of what is not NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    return _shares(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis))


def _shares(numbers: np.ndarray, totals: np.ndarray) -> Floats:
    """`numbers / totals`, NaN where there is nothing to share."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(totals > 0, numbers / totals, np.nan)


COLUMNS = {
    "setting": "int32", "item": "int32", "prompt": "int32", "repeat": "int32", "seed": "uint64", "text": "string",
    "answer": "string", "tokens": "list", "finish_reason": "string", "logprob_raw": "float64", "score": "float64",
    "prompt_tokens": "int32", "answer_tokens": "int32", "seconds": "float64",
}  # fmt: skip
"""What is kept of an answer, and as what; the list is of int32."""

COST = ("prompt_tokens", "answer_tokens", "seconds")


@dataclass
class Rows:
    """Rows by column, growing as answers come.

    - `setting`, `item`, `prompt`, `repeat`: whole numbers from 0; `seed`: the key of the row's noise.
    - `text` as generated, `answer` what the scorer compares, `tokens` the ids drawn, `finish_reason` as in `generate`.
    - `logprob_raw`: sum over the tokens, nats, under the model as it is (τ = 1, nothing removed). This and `tokens`
      are None from a server.
    - `score`: 1 right, 0 wrong.
    - `prompt_tokens`, `answer_tokens`, `seconds`: what an answer cost; None where that is not known.

    `forward_passes`: rows run through the model for them; `independent_passes`: with every temperature on its own.
    """

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    forward_passes: int = 0
    independent_passes: int = 0

    def __len__(self) -> int:
        return len(self.columns["score"])

    def add(self, **row: Any) -> None:
        """One more row; what an answer cost may be left out, every other column has a value."""
        assert COLUMNS.keys() - set(COST) <= row.keys() <= COLUMNS.keys()
        for name, values in self.columns.items():
            values.append(row.get(name))

    def each(self) -> Iterator[dict[str, Any]]:
        """The rows one by one, by the names of their columns."""
        return (dict(zip(COLUMNS, row, strict=True)) for row in zip(*self.columns.values(), strict=True))


def as_samples(rows: Iterable[Rows], axis: Axis, item_ids: Sequence[str]) -> Samples:
    """Rows as the columns that are counted; equal answers get equal numbers."""
    pieces = list(rows)

    def column(name: str) -> list[Any]:
        return [value for piece in pieces for value in piece.columns[name]]

    answer, texts = numbered(column("answer"))
    return Samples(
        axis,
        tuple(item_ids),
        setting=np.array(column("setting"), dtype=np.int64),
        item=np.array(column("item"), dtype=np.int64),
        prompt=np.array(column("prompt"), dtype=np.int64),
        answer=answer,
        score=np.array(column("score"), dtype=np.float64),
        num_tokens=_known(column("answer_tokens"), np.int64),
        logprob_raw=_known(column("logprob_raw"), np.float64),
        texts=texts,
        prompt_tokens=_known(column("prompt_tokens"), np.int64),
        seconds=_known(column("seconds"), np.float64),
    )


def numbered(values: Iterable[Any]) -> tuple[Ints, tuple[Any, ...]]:
    """Equal numbers for equal values, in the order in which they come first; and the value of each number."""
    codes: dict[Any, int] = {}
    numbers = [codes.setdefault(value, len(codes)) for value in values]
    return np.array(numbers, dtype=np.int64), tuple(codes)


def _known(values: Sequence[float | None], dtype: type) -> np.ndarray | None:
    """The values; None where not all are known."""
    return None if any(value is None for value in values) else np.array(values, dtype=dtype)
