"""The models named at start, loaded when first asked for, and shared by all runs: one forward pass at a time.

Every run sees a model through its own `Borrowed`, which waits its turn before each pass and gives up as soon as its run
is stopped. So whatever is built on a source can be stopped between two passes, and a long run lets short ones in.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from retort.errors import InputError
from retort.sources.base import Decoder, KnownTop, Source


class Turns:
    """A lock that is taken in the order in which it was asked for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Inside, nobody else has it."""
        with self._guard:
            mine = None
            if self._taken:
                mine = threading.Event()
                self._waiting.append(mine)
            self._taken = True
        if mine is not None:
            mine.wait()
        try:
            yield
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._taken = False


class Models:
    """Sources by the MODEL strings that the studio was started with. No other string is ever loaded."""

    def __init__(self, names: Sequence[str], load: Callable[[str], Source]) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._load = load
        self._loaded: dict[str, Source] = {}
        self._turns = {name: Turns() for name in self.names}

    def loaded(self, name: str) -> Source | None:
        """The source if it is there already."""
        return self._loaded.get(name)

    def borrow(self, name: str, check: Callable[[], None]) -> Source:
        """The model for one run; `check` raises once the run is to stop. InputError for a model not named at start."""
        if name not in self.names:
            raise InputError(
                f"this studio was not started with the model {name!r}; it has {', '.join(self.names)}"
            )
        with self._turns[name].turn():
            check()
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            check()  # loading takes seconds, and the first pass after it is the dear one
        return Borrowed(self._loaded[name], self._turns[name], check)


class Borrowed:
    """A source that takes turns with other runs; see `retort.sources.base.Source`."""

    lanes = 1  # several threads would only wait for each other's turn

    def __init__(self, source: Source, turns: Turns, check: Callable[[], None]) -> None:
        self._source, self._turns, self._check = source, turns, check

    # Facts about the source need no turn: `__getattr__` asks it for them.
    name: str
    capability: Any
    vocab_size: int
    max_context: int | None
    end_ids: frozenset[int]
    note: str | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def encode(self, text: str) -> list[int]:
        with self._turns.turn():
            return self._source.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        with self._turns.turn():
            return self._source.decode(ids)

    def token_text(self, token_id: int) -> str:
        with self._turns.turn():
            return self._source.token_text(token_id)

    # What a source of the most probable tokens has; for any other there is no such attribute.
    @property
    def probe(self) -> Any:
        with self._turns.turn():
            self._check()
            return self._source.probe  # type: ignore[attr-defined]

    def next_tokens(self, prompt: Any, count: int | None = None) -> KnownTop:
        with self._turns.turn():
            self._check()
            return self._source.next_tokens(prompt, count)  # type: ignore[attr-defined]

    def start(self, prompts: Sequence[Sequence[int]]) -> Decoder:
        with self._turns.turn():
            self._check()  # after the wait, which may have been long
            return _BorrowedDecoder(self._source.start(prompts), self._turns, self._check)


class _BorrowedDecoder:
    def __init__(self, decoder: Decoder, turns: Turns, check: Callable[[], None]) -> None:
        self._decoder, self._turns, self._check = decoder, turns, check

    @property
    def logits(self) -> Any:
        return self._decoder.logits

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        with self._turns.turn():
            self._check()
            self._decoder.advance(parents, tokens)
