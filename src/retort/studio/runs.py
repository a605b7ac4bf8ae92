"""Runs: work on the models, in threads of its own, that reports as it goes, can be stopped, and ends with its tab.

A run nobody listens to any more is stopped after a short grace, so that a page that was reloaded finds its run again
and one that was closed frees its work. Results are kept as bytes, the least recently used given up first.

The models are those named at start, loaded when first asked for, and shared by all runs: one forward pass at a time.
Every run sees a model through its own `Borrowed`, which waits its turn before each pass and gives up as soon as its run
is stopped. So whatever is built on a source can be stopped between two passes, and a long run lets short ones in.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from retort.errors import InputError, RetortError
from retort.sources.base import Decoder, KnownTop, Source

LOG = logging.getLogger("retort.studio")
OVER = ("done", "failed", "stopped")
AT_ONCE = 4
MOST_WAITING = 24
GRACE_SECONDS = 5.0
KEPT_BYTES = 256 * 2**20
KEPT_RUNS = 500


class Stopped(Exception):
    """Raised inside a run's thread once it is to stop."""


class Busy(Exception):
    """Too many runs wait already."""


class Run:
    """One piece of work. Its events are numbered, so that a listener who was cut off can go on where it was."""

    def __init__(self, kind: str, loop: asyncio.AbstractEventLoop, key: str | None = None) -> None:
        self.id = secrets.token_urlsafe(16)
        self.kind = kind
        self.key = key
        self.state = "waiting"  # then running, then one of OVER
        self.result: bytes | None = None
        self.error: str | None = None
        self.listeners = 0
        self.loop = loop
        self._stop = threading.Event()
        self._events: list[tuple[int, str, Any]] = []
        self._numbers = 0
        self._guard = threading.Lock()
        self._news: set[asyncio.Event] = set()
        self.leave_timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        return self.state in OVER

    def check(self) -> None:
        """Raises Stopped if the run is to stop; called by the work between its steps."""
        if self._stop.is_set():
            raise Stopped

    def stop(self) -> None:
        self._stop.set()

    def progress(self, done: float, total: float, detail: str = "") -> None:
        """Tell the listeners how far it is; also the place where long work without a model's passes is stopped."""
        self.check()
        self.tell("progress", {"done": done, "total": total, "detail": detail}, replaces=True)

    def tell(self, name: str, data: Any, *, replaces: bool = False) -> None:
        """An event to all listeners, now and later; with `replaces`, in the place of the last one of its name.

        An event of OVER's names ends the run.
        """
        with self._guard:
            if replaces:
                self._events = [event for event in self._events if event[1] != name]
            self._numbers += 1
            self._events.append((self._numbers, name, data))
            # Under the guard, so that no listener sees a run that is over without the event that says so.
            if name in OVER:
                self.state = name
        self.loop.call_soon_threadsafe(self._wake)

    def _after(self, number: int) -> tuple[list[tuple[int, str, Any]], bool]:
        """The events after `number`, and whether none will follow them."""
        with self._guard:
            return [event for event in self._events if event[0] > number], self.over

    def _wake(self) -> None:
        for news in self._news:
            news.set()

    async def follow(self, number: int) -> AsyncIterator[tuple[int, str, Any]]:
        """Events after `number`, as they come, until the run is over."""
        news = asyncio.Event()
        self._news.add(news)
        try:
            while True:
                news.clear()  # before the events are taken: one that comes while they are sent sets it again
                events, over = self._after(number)
                for event in events:
                    number = event[0]
                    yield event
                if over:
                    return
                await news.wait()
        finally:
            self._news.discard(news)


class Runs:
    """All runs of one studio."""

    def __init__(self, *, grace: float = GRACE_SECONDS) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="retort-run")
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._same: dict[str, str] = {}  # key of a request → the run that answers it
        self._grace = grace

    def get(self, run_id: str) -> Run | None:
        """The run, if it is known. Who asks after a run still wants it, so its grace begins anew."""
        run = self._runs.get(run_id)
        if run is not None:
            self._runs.move_to_end(run_id)  # `_forget` begins at the other end
            if run.listeners == 0 and not run.over:
                self._leave_later(run)
        return run

    def start(self, kind: str, work: Callable[[Run], Any], key: str | None = None) -> Run:
        """A run of `work`, or the one that has answered the same request (`key`) already. Raises Busy."""
        known = self._runs.get(self._same.get(key, "")) if key is not None else None
        # Not one that is still at work: the tab that shares it could stop it under the other.
        if known is not None and known.state == "done":
            return known
        if sum(not run.over for run in self._runs.values()) >= AT_ONCE + MOST_WAITING:
            raise Busy
        run = Run(kind, asyncio.get_running_loop(), key)
        self._runs[run.id] = run
        if key is not None:
            self._same[key] = run.id
        self._leave_later(run)  # a tab that is closed before it listens must free the work, too
        self._pool.submit(self._do, run, work)
        return run

    def _do(self, run: Run, work: Callable[[Run], Any]) -> None:
        try:
            run.check()
            run.state = "running"
            # As bytes, here: writing a large record in the loop's thread would hold up every other request.
            result = json.dumps(work(run), allow_nan=False, separators=(",", ":")).encode("utf-8")
            run.check()
            run.result = result
            self._end(run, "done", {})
        except Stopped:
            self._end(run, "stopped", {})
        except RetortError as problem:
            self._end(run, "failed", {"message": " ".join(str(problem).split())})
        except Exception as problem:  # a defect of ours must not take the studio with it, nor hide
            LOG.exception("the run %s (%s) failed", run.id, run.kind)
            self._end(run, "failed", {"message": f"internal error: {type(problem).__name__}: {problem}"})

    def _end(self, run: Run, state: str, data: dict[str, Any]) -> None:
        run.error = data.get("message")
        run.tell(state, data)
        run.loop.call_soon_threadsafe(self._forget)

    def _forget(self) -> None:
        """Give up the oldest finished runs beyond what is kept. In the loop's thread, as all that touches `_runs`."""
        finished = [run for run in list(self._runs.values()) if run.over]
        held = sum(len(run.result or b"") for run in finished)
        for run in finished[:-1]:  # the one that was used last stays, however large it is
            if held <= KEPT_BYTES and len(self._runs) <= KEPT_RUNS:
                return
            held -= len(run.result or b"")
            self._runs.pop(run.id, None)
            if run.key is not None and self._same.get(run.key) == run.id:
                del self._same[run.key]

    async def listen(self, run: Run, after: int) -> AsyncIterator[tuple[int, str, Any]]:
        """Follow a run; when its last listener has gone, the run has a short grace and is then stopped."""
        run.listeners += 1
        if run.leave_timer is not None:
            run.leave_timer.cancel()
            run.leave_timer = None
        try:
            async for event in run.follow(after):
                yield event
        finally:
            run.listeners -= 1
            if run.listeners == 0 and not run.over:
                self._leave_later(run)

    def _leave_later(self, run: Run) -> None:
        def leave() -> None:
            if run.listeners == 0:
                run.stop()

        if run.leave_timer is not None:
            run.leave_timer.cancel()
        run.leave_timer = asyncio.get_running_loop().call_later(self._grace, leave)

    def working(self) -> int:
        """How many runs are not over."""
        return sum(not run.over for run in self._runs.values())

    def close(self) -> None:
        """Stop everything; threads end at their next step."""
        for run in self._runs.values():
            run.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)


# The models


class Turns:
    """A lock that is taken in the order in which it was asked for.

    `threading.Lock` gives no order: a long run that asks again right after each pass could keep a short one out.
    """

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
                if self._waiting:  # handed over without being free in between, so nobody can step in
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

    # What a source of the most likely tokens has; for any other there is no such attribute.
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
