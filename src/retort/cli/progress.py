"""Progress on stderr with the time left: a live line on a terminal, elsewhere a plain line now and then."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from retort.numerals import decimals, duration

if TYPE_CHECKING:
    from rich.progress import Progress as LiveLine

SECONDS_BEFORE_FIRST = 0.5  # a job that is over sooner shows nothing
SECONDS_BETWEEN_LINES = 10.0
DUMB = ("dumb", "unknown")  # values of TERM, as rich reads them (Console.is_dumb_terminal)


class Progress:
    """A callback `(done, total, detail)` for long jobs; use it in a `with` block.

    Inside the block, what a library prints goes to stderr: stdout is for the result alone. `unit` follows the total,
    as in "12 of 40 documents"; with "%" it is "12%" alone. With `in_seconds` the job estimates its own seconds, and the
    time left, `total` minus `done`, is all that is shown of them: a second estimate from the speed so far would
    contradict it.
    `clock` and `stream` are there for tests.
    """

    def __init__(
        self,
        label: str,
        *,
        unit: str = "",
        in_seconds: bool = False,
        stream: IO[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._unit = unit
        self._in_seconds = in_seconds
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._start = clock()
        self._last_line = self._start
        self._live: LiveLine | None = None

    def __enter__(self) -> Self:
        self._stdout = redirect_stdout(sys.stderr)
        self._stdout.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stdout.__exit__(kind, problem, trace)
        if self._live is not None:
            self._live.stop()

    def __call__(self, done: float, total: float, detail: str = "") -> None:
        """Report that `done` of `total` is finished."""
        now = self._clock()
        # On a terminal that cannot move its cursor rich draws no live line, and says nothing at all.
        if self._stream.isatty() and os.environ.get("TERM", "").lower() not in DUMB:
            if self._live is not None or now - self._start >= SECONDS_BEFORE_FIRST:
                self._show(done, total, detail, now)
        elif now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            shown = [self._count(done, total), detail, self._left(done, total, now)]
            print(f"{self._label}: {', '.join(filter(None, shown))}", file=self._stream, flush=True)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Inside, stdout is itself again and the live line is out of the way: for results that come one by one."""
        if self._live is not None:
            self._live.stop()
        self._stdout.__exit__(None, None, None)
        try:
            yield
        finally:
            sys.stdout.flush()
            self._stdout.__enter__()
            if self._live is not None:
                self._live.start()

    def _count(self, done: float, total: float) -> str:
        if self._in_seconds:
            return ""
        if self._unit == "%":
            return f"{decimals(done, 0)}%"
        return f"{decimals(done, 0)} of {decimals(total, 0)}{self._unit}"

    def _left(self, done: float, total: float, now: float) -> str:
        return time_left(done if self._in_seconds else now - self._start, done, total)

    def _show(self, done: float, total: float, detail: str, now: float) -> None:
        if self._live is None:
            self._live = _live_line(self._stream)
            self._live.add_task(self._label, total=total, count="", detail="", left="")
            self._live.start()
        task = self._live.task_ids[0]
        count, left = self._count(done, total), self._left(done, total, now)
        self._live.update(task, completed=done, total=total, count=count, detail=detail, left=left)


def time_left(elapsed: float, done: float, total: float) -> str:
    """How long the rest takes if it goes on as it went, in words."""
    if done <= 0:
        return "time left unknown"
    seconds = elapsed / done * max(total - done, 0)
    return f"about {duration(seconds)} left"


def _live_line(stream: IO[str]) -> LiveLine:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[detail]}", markup=False),
        TextColumn("{task.fields[left]}"),
        console=Console(file=stream, markup=False),
        transient=True,
    )
