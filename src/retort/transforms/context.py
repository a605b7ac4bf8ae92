"""What a chain may know beside the logits: the tokens so far, each row's coins, and what a row remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retort.errors import InputError


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

    def with_history(self, history: Any) -> Context:
        """This context with another history; a flat list of ids is the history of one row."""
        return replace(self, history=history)

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
            raise InputError(
                f"{name} looks back at the tokens so far and got none; pass history, one list of token ids for each row"
            )
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
                f"{name} looks at the generated tokens alone; pass prompt_lengths, how many of each row's tokens "
                "are the prompt"
            )
        return self.token_rows()[row][self.prompt_lengths[row] :]

    def state(self, row: int, name: str) -> tuple[float, ...] | None:
        """What the stage `name` remembers of a row; None before its first token."""
        state = None if self.states is None else self.states[row]
        return None if state is None else state.of(name)
