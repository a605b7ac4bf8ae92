"""The tokens that a row has seen, and changes at a few tokens of a row: what penalties and bans are made of.

Legend: N rows, V vocabulary, M changed (row, token) pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, is_numpy, like, namespace, to_numpy, widened
from retort.distribution.softmax import is_per_row
from retort.errors import InputError
from retort.transforms.context import Context
from retort.transforms.token_settings import LAST, OUTPUT


class NothingLeftError(InputError):
    """A stage that removed every token of a row; `fault` says so without naming the row."""

    def __init__(self, message: str, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True)
class Seen:
    """Each token that a row has seen: `rows`, `ids` and how often (`counts`), arrays `[M]`, a pair comes once."""

    rows: np.ndarray
    ids: np.ndarray
    counts: np.ndarray


def looked_at(context: Context, row: int, scope: str, name: str) -> Sequence[int]:
    """The ids of a row that a transform of this scope looks at: all, the generated ones, or the last n."""
    if scope == OUTPUT:
        return context.generated(row, name)
    ids = context.token_rows()[row]
    if scope.startswith(LAST):
        count = int(scope.removeprefix(LAST))
        return ids[max(0, len(ids) - count) :]
    return ids


def seen(logits: Array, context: Context, scope: str, name: str) -> Seen:
    """The tokens in the scope of every row of `[..., vocab]`; raises InputError for an id beyond the vocabulary.

    O(history) a row, whatever the vocabulary.
    """
    rows, ids, counts = [], [], []
    for row in range(math.prod(logits.shape[:-1])):
        distinct, times = np.unique(
            np.asarray(looked_at(context, row, scope, name), dtype=np.int64), return_counts=True
        )
        rows.append(np.full(len(distinct), row))
        ids.append(distinct)
        counts.append(times)
    together = Seen(*(np.concatenate([np.empty(0, np.int64), *parts]) for parts in (rows, ids, counts)))
    check_ids(together.ids, logits.shape[-1], name)
    return together


def check_ids(ids: Any, num_tokens: int, name: str) -> None:
    """Nothing if every id is a token of the vocabulary; else raises InputError."""
    ids = np.asarray(ids, dtype=np.int64)
    wrong = ids[(ids < 0) | (ids >= num_tokens)]
    if wrong.size:
        raise InputError(
            f"{name} got the token id {int(wrong.flat[0])}, but the logits have {num_tokens} tokens "
            f"(ids 0 to {num_tokens - 1})"
        )


def changed(logits: Array, rows: np.ndarray, ids: np.ndarray, change: Callable[[Array], Array]) -> Array:
    """A copy of `[..., vocab]` with `change(values [M])` in place of the logits of these (row, token) pairs.

    float64 for numpy, at least float32 for torch.
    """
    xp = namespace(logits)
    wide = widened(logits)
    rows_NV = xp.reshape(wide, (-1, logits.shape[-1]))
    rows_NV = rows_NV.copy() if is_numpy(rows_NV) else rows_NV.clone()
    places = (like(logits, rows), like(logits, ids))
    rows_NV[places] = xp.astype(change(rows_NV[places]), rows_NV.dtype)
    return xp.reshape(rows_NV, logits.shape)


def of_rows(value: Any, rows: np.ndarray, logits: Array) -> Any:
    """A setting for the rows of some pairs `[M]`: the number itself, or each pair's row's number."""
    if not is_per_row(value):
        return value
    xp = namespace(logits)
    numbers = xp.reshape(like(logits, value, dtype=xp.float64), (-1,))
    num_rows = math.prod(logits.shape[:-1])
    if numbers.shape[0] != num_rows:
        raise InputError(f"a setting given for each row needs {num_rows} numbers, got {numbers.shape[0]}")
    return numbers[like(logits, rows)]


def without(logits: Array, rows: np.ndarray, ids: np.ndarray, name: str) -> Array:
    """`logits` with these (row, token) pairs removed (-inf); raises InputError naming rows with nothing left."""
    if len(ids) == 0:
        return logits
    keep_NV = np.ones((math.prod(logits.shape[:-1]), logits.shape[-1]), dtype=bool)
    keep_NV[rows, ids] = False
    return masked(logits, keep_NV.reshape(logits.shape), name)


def masked(logits: Array, keep: np.ndarray, name: str) -> Array:
    """`logits` where `keep` is True and -inf elsewhere; raises InputError naming rows with nothing left."""
    return something_left(namespace(logits).where(like(logits, keep), logits, -math.inf), name)


def something_left(logits: Array, name: str) -> Array:
    """The logits, if every row has a token that is not removed; else raises InputError naming the rows."""
    alive = to_numpy(namespace(logits).any(logits > -math.inf, axis=-1))
    empty = np.flatnonzero(~alive.reshape(-1))
    if len(empty):
        named = ", ".join(map(str, empty[:5].tolist()))
        raise NothingLeftError(
            f"{name} removes every token of row{'s' * (len(empty) > 1)} {named}, so none can be chosen; "
            "allow at least one",
            f"{name} removes every token",
        )
    return logits
