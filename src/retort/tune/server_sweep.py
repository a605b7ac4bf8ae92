"""The sweep over a server: one request an answer, several at a time, each kept as soon as it is there.

A server keeps its logits to itself, so nothing is shared between temperatures: every answer is asked for. The
server may ignore the seed; repeats of one item have seeds of their own either way.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import astuple, dataclass
from pathlib import Path
from types import MappingProxyType

from retort.errors import SourceError
from retort.sources.server.server import Ask
from retort.sources.server.source import ServerSource
from retort.tune.samples import Rows
from retort.tune.score import Marker
from retort.tune.sweep import Place, Plan, ProgressCallback, request_seed

CONCURRENCY = 4
LARGEST_SEED = 2**31 - 1  # what servers take
IN_HAND = 4
"""Requests handed to each worker in advance: few, so that a stopped sweep does not wait for long."""

Key = tuple[int, int, int, int]
"""Item, prompt, repeat and setting, as numbers."""

Known = Mapping[tuple[int, int, int, float], "Answer"]
"""By item, prompt, repeat and temperature: what was answered before."""


@dataclass(frozen=True)
class Pace:
    """How fast a server may be asked: `concurrency` requests at once, and at most `per_minute` (None: no limit)."""

    concurrency: int = CONCURRENCY
    per_minute: float | None = None


def answers_of(rows: Rows, temperatures: Sequence[float]) -> dict[tuple[int, int, int, float], Answer]:
    """The answers in these rows of a sweep at these temperatures, for `known` of another sweep."""
    names = (
        "item", "prompt", "repeat", "setting", "text", "finish_reason", "prompt_tokens", "answer_tokens", "seconds",
    )  # fmt: skip
    columns = zip(*(rows.columns[name] for name in names), strict=True)
    return {
        (item, prompt, repeat, temperatures[setting]): Answer(*answer)
        for item, prompt, repeat, setting, *answer in columns
    }


@dataclass(frozen=True)
class Answer:
    """What a server answered: the text, why it ended, and what it cost (None where that is not known)."""

    text: str
    finish: str
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    seconds: float | None = None


@dataclass
class Tally:
    """What a run has paid so far, as its progress says it."""

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def add(self, answer: Answer) -> None:
        self.requests += 1
        self.prompt_tokens += answer.prompt_tokens or 0
        self.answer_tokens += answer.answer_tokens or 0

    def text(self, source: ServerSource) -> str:
        """In words: requests, tokens, and what the server refused for now."""
        said = [f"{self.requests:,} requests"]
        if self.answer_tokens:
            said.append(f"{self.prompt_tokens + self.answer_tokens:,} tokens")
        connection = source.server.connection
        if connection.repeated:
            limited = f", {connection.limited:,} for a rate limit" * bool(connection.limited)
            said.append(f"{connection.repeated:,} retries{limited}")
        return ", ".join(said)


class Journal:
    """The answers of a piece that is not finished: one JSON line each, on disk before the next is counted.

    A line that a kill cut short is dropped: its answer is asked for again.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.answers: dict[Key, Answer] = {}
        if file is not None and file.exists():
            lines = file.read_bytes().split(b"\n")
            for line in lines[:-1]:
                item, prompt, repeat, setting, *answer = json.loads(line)
                self.answers[item, prompt, repeat, setting] = Answer(*answer)
            whole = sum(len(line) + 1 for line in lines[:-1])
            if lines[-1]:
                with file.open("r+b") as there:
                    there.truncate(whole)

    def add(self, key: Key, answer: Answer) -> None:
        """Keep one answer."""
        self.answers[key] = answer
        if self.file is not None:
            try:
                with self.file.open("ab") as lines:
                    lines.write(json.dumps([*key, *astuple(answer)]).encode() + b"\n")
                    lines.flush()
                    os.fsync(lines.fileno())
            except OSError as problem:
                raise SourceError(
                    f"the answer cannot be written to {self.file} ({problem.strerror}); the answers before it are kept"
                ) from problem


def sweep_server(
    plan: Plan,
    source: ServerSource,
    on_progress: ProgressCallback | None,
    kept: Callable[[int], Rows | None] = lambda number: None,
    folder: Path | None = None,
    pace: Pace | None = None,
    known: Known = MappingProxyType({}),
) -> Iterator[tuple[int, Rows, bool]]:
    """As `sweep.sweep`, from a server: each piece's number, its answers, and whether they are new.

    With a folder the answers of an unfinished piece are in its journal there, and are not asked for again; nor are
    those that are `known` from another sweep of the same items and seed.
    Raises SourceError where a request fails after its retries; everything answered before is kept.
    """
    marker = Marker(plan.task.scorer, plan.items)
    pace = pace or Pace()
    gate = _Gate(pace.per_minute)
    total = plan.num_paths * len(plan.temperatures)
    tally = Tally()
    done = 0
    for number, places in enumerate(plan.pieces):
        rows = kept(number)
        is_new = rows is None
        if rows is None:
            file = None if folder is None else folder / f"piece-{number:06d}.jsonl"
            journal = Journal(file)
            for item, prompt, repeat in places:
                for setting, temperature in enumerate(plan.temperatures):
                    if (there := known.get((item, prompt, repeat, temperature))) is not None:
                        journal.answers.setdefault((item, prompt, repeat, setting), there)
            counted = _counted(done, total, on_progress, lambda: tally.text(source))
            _ask_all(plan, places, source, journal, gate, pace, counted, tally)
            rows = _rows(plan, places, journal, marker)
        done += len(rows)
        yield number, rows, is_new
        if folder is not None:
            # The piece itself is written by now.
            (folder / f"piece-{number:06d}.jsonl").unlink(missing_ok=True)


def _ask_all(
    plan: Plan,
    places: Sequence[Place],
    source: ServerSource,
    journal: Journal,
    gate: _Gate,
    pace: Pace,
    counted: Callable[[int], None],
    tally: Tally,
) -> None:
    keys = [(*place, setting) for place in places for setting in range(len(plan.temperatures))]
    missing = [key for key in keys if key not in journal.answers]
    counted(len(keys) - len(missing))
    waiting = iter(missing)
    running: dict[Future[Answer], Key] = {}
    pool = ThreadPoolExecutor(pace.concurrency, thread_name_prefix="retort-tune")
    try:
        while True:
            while len(running) < pace.concurrency * IN_HAND and (key := next(waiting, None)) is not None:
                running[pool.submit(_ask, plan, source, key, gate)] = key
            if not running:
                return
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            failed = None
            for future in finished:
                key = running.pop(future)
                problem = future.exception()
                if problem is None:
                    journal.add(key, future.result())
                    tally.add(future.result())
                else:
                    failed = problem
            counted(len(keys) - len(missing) + sum(key in journal.answers for key in missing))
            if failed is not None:
                raise failed
    except SourceError as problem:
        where = "" if journal.file is None else f" in {journal.file.parent}; continue with --resume"
        raise SourceError(
            f"{problem} {len(journal.answers)} answers of this piece are kept{where}."
        ) from problem
    finally:
        gate.open()
        pool.shutdown(wait=True, cancel_futures=True)
        for future, key in running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                journal.add(key, future.result())
                tally.add(future.result())


def _ask(plan: Plan, source: ServerSource, key: Key, gate: _Gate) -> Answer:
    item, prompt, repeat, setting = key
    gate.wait()
    start = time.monotonic()
    reply = source.server.ask(
        Ask(
            plan.task.question(plan.items[item], prompt),
            max_tokens=plan.task.max_tokens,
            temperature=plan.temperatures[setting],
            top_logprobs=0,
            seed=request_seed(plan.seed, plan.items[item].id, repeat) & LARGEST_SEED,
            stop=plan.task.stop,
        )
    )
    if not reply.choices:
        raise SourceError(f"{source.name} answered without a choice.")
    choice, usage = reply.choices[0], reply.usage
    return Answer(
        choice.text,
        choice.finish_reason or "",
        prompt_tokens=None if usage is None else usage.prompt,
        answer_tokens=None if usage is None else usage.completion,
        seconds=time.monotonic() - start,
    )


def _rows(plan: Plan, places: Sequence[Place], journal: Journal, marker: Marker) -> Rows:
    """The piece's rows, in the order of places and settings, whatever order the answers came in."""
    rows = Rows()
    for item, prompt, repeat in places:
        for setting in range(len(plan.temperatures)):
            given = journal.answers[item, prompt, repeat, setting]
            answer, score = marker.mark(item, given.text)
            rows.add(
                setting=setting,
                item=item,
                prompt=prompt,
                repeat=repeat,
                seed=request_seed(plan.seed, plan.items[item].id, repeat) & LARGEST_SEED,
                text=given.text,
                answer=answer,
                tokens=None,
                finish_reason=given.finish,
                logprob_raw=None,
                score=score,
                prompt_tokens=given.prompt_tokens,
                answer_tokens=given.answer_tokens,
                seconds=given.seconds,
            )
    return rows


def _counted(
    start: int, total: int, on_progress: ProgressCallback | None, said: Callable[[], str]
) -> Callable[[int], None]:
    return lambda done: None if on_progress is None else on_progress(start + done, total, said())


class _Gate:
    """Lets requests through no faster than `per_minute`."""

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 0.0 if per_minute is None else 60.0 / per_minute
        self._next = time.monotonic()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Return when the next request may be sent; at once after `open`."""
        if not self._interval:
            return
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._interval
        self._stopped.wait(max(0.0, at - time.monotonic()))

    def open(self) -> None:
        """Let everything through: the sweep is over, or has failed."""
        self._stopped.set()
