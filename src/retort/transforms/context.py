"""What a chain may know beside the logits, and changes at a few tokens of a row: what looking back is made of.

Legend: N rows, V vocabulary, M changed (row, token) pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, is_numpy, like, namespace, to_numpy, widened
from retort.distribution.softmax import is_per_row
from retort.errors import InputError
from retort.transforms.parameters import LAST, OUTPUT


@dataclass(frozen=True)
class RowState:
    """What the stages with a memory (mirostat, adaptive_p) keep of one text: stage name → its numbers."""

    entries: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def of(self, name: str) -> tuple[float, ...] | None:
        """The numbers that the stage of this name keeps; None before the first token."""
        return dict(self.entries).get(name)

    def having(self, name: str, numbers: Sequence[float]) -> RowState:
        """This state with the numbers of one stage replaced."""
        return RowState(tuple({**dict(self.entries), name: tuple(map(float, numbers))}.items()))


@dataclass(frozen=True)
class Context:
    """What stages may read beside the logits; one entry a row, rows in order of the flattened leading axes.

    - `history`: token ids so far, prompt and generated. A single row `[vocab]` may give its ids alone.
    - `prompt_lengths`: how many of those are the prompt, for stages that look at the generated ones.
    - `uniforms`: stream number → `[rows]` numbers in [0, 1), each row's own; the chain knows no generator.
    - `states`: what each row's stages remember; None is the start.
    """

    history: Sequence[Sequence[int]] | None = None
    prompt_lengths: Sequence[int] | None = None
    uniforms: Callable[[int], np.ndarray] | None = None
    states: Sequence[RowState | None] | None = None

    def row(self, number: int) -> Context:
        """The context of one row of a batch, as a batch of one."""
        uniforms = self.uniforms
        return Context(
            history=None if self.history is None else [self.token_rows()[number]],
            prompt_lengths=None if self.prompt_lengths is None else [self.prompt_lengths[number]],
            uniforms=None if uniforms is None else lambda stream: uniforms(stream)[number : number + 1],
            states=None if self.states is None else [self.states[number]],
        )

    def check(self, num_rows: int, name: str, needs: frozenset[str]) -> None:
        """Nothing if everything that the transform `name` needs is here for each of `num_rows` rows.

        A state may be missing (it then starts). Raises InputError that says what to pass.
        """
        if "history" in needs and self.history is None:
            raise InputError(f"{name} needs the tokens so far; pass history, one list of token ids per row")
        if "noise" in needs and self.uniforms is None:
            raise InputError(f"{name} needs a random number for each row; pass a Context with uniforms")
        for what, given in (
            ("history", self.token_rows() if "history" in needs else None),
            ("prompt_lengths", self.prompt_lengths),
            ("states", self.states if "state" in needs else None),
        ):
            if given is not None and len(given) != num_rows:
                raise InputError(f"{what} must have one entry for each of {num_rows} rows, got {len(given)}")

    def token_rows(self) -> Sequence[Sequence[int]]:
        """The history, one sequence of ids for each row; raises InputError if it is not that."""
        if self.history is None:
            return ()
        if all(np.ndim(entry) == 0 for entry in self.history):
            # A flat list is one row's; an empty one is a row that has no tokens yet.
            return (self.history,)  # type: ignore[return-value]
        return self.history

    def generated(self, row: int, name: str) -> Sequence[int]:
        """The ids of a row after its prompt; raises InputError if nobody said where the prompt ends."""
        if self.prompt_lengths is None:
            raise InputError(
                f"{name} needs to know which tokens were generated; pass prompt_lengths, the number of "
                f"prompt tokens per row"
            )
        return self.token_rows()[row][self.prompt_lengths[row] :]

    def state(self, row: int, name: str) -> tuple[float, ...] | None:
        """What the stage `name` remembers of a row; None before its first token."""
        state = None if self.states is None else self.states[row]
        return None if state is None else state.of(name)

    def kept(self, num_rows: int, name: str) -> Iterator[tuple[int, tuple[float, ...]]]:
        """What the stage `name` remembers, of each row that it has seen a token of."""
        self.check(num_rows, name, frozenset({"state"}))
        for row in range(num_rows):
            if (state := self.state(row, name)) is not None:
                yield row, state


NOTHING_KNOWN = Context()
"""The context of logits of which no more is said."""


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
        return ids[max(0, len(ids) - count) :]  # ids[-0:] would be all of them
    return ids


def seen(logits: Array, context: Context, scope: str, name: str) -> Seen:
    """The tokens in the scope of every row of `[..., vocab]`; raises InputError for an id beyond the vocabulary.

    O(history) a row, whatever the vocabulary.
    """
    rows, ids, counts = [], [], []
    # Row by row, since histories differ in length; each token once, so that `changed` writes every place once.
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
    # widened and reshape may both hand back the caller's own array.
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
