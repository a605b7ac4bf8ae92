"""The sweep over a server: one request an answer, several at a time, each kept as soon as it is there.

A server keeps its logits to itself, so nothing is shared between temperatures: every answer is asked for. The
server may ignore the seed; repeats of one item have seeds of their own either way.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import MappingProxyType

from retort.errors import SourceError
from retort.sources.server.connection import ParameterRefused
from retort.sources.server.server import Ask
from retort.sources.server.source import ServerSource
from retort.tune.budget import Spending
from retort.tune.item import Marker
from retort.tune.plan import Place, Plan, request_seed
from retort.tune.samples import Rows
from retort.tune.sweep import Counted

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


@dataclass(frozen=True)
class Answer:
    """What a server answered: the text, why it ended, and what it cost (None where that is not known); as in `Rows`."""

    text: str
    finish_reason: str
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    seconds: float | None = None


def answers_of(pieces: Iterable[Rows], temperatures: Sequence[float]) -> Known:
    """The answers of a sweep at these temperatures, for `known` of another sweep."""
    names = [field.name for field in fields(Answer)]
    return {
        (row["item"], row["prompt"], row["repeat"], temperatures[row["setting"]]): Answer(
            *(row[name] for name in names)
        )
        for rows in pieces
        for row in rows.each()
    }


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
                # Off the file too, or the next answer would be written behind it, on its line.
                with file.open("r+b") as there:
                    there.truncate(whole)

    def add(self, key: Key, answer: Answer) -> None:
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


class BudgetSpent(Exception):
    """The next request could pass the budget; what was answered before is kept."""


class ServerDrawer:
    """Asks a server. With a folder the answers of a piece that is not finished are in its journal there, and those of a
    trial in one of their own: neither they nor those `known` from another sweep of the same items and seed are asked
    for again.

    Raises SourceError where a request fails after its retries (ParameterRefused where the model takes no temperature),
    and BudgetSpent where `spending` allows no more.
    """

    def __init__(
        self,
        plan: Plan,
        source: ServerSource,
        pace: Pace,
        folder: Path | None = None,
        known: Known = MappingProxyType({}),
        spending: Spending | None = None,
    ) -> None:
        self._plan, self._source, self._pace, self._folder = plan, source, pace, folder
        self._known, self._spending = known, spending
        self._marker = Marker(plan.task.scorer, plan.items)
        self._gate = _Gate(pace.per_minute)
        self._tally = Tally()
        self._sends_seeds = True
        self._trial = self._journal("trial")
        self._pay(self._trial.answers)

    def draw(
        self, number: int, places: Sequence[Place], settings: Sequence[int], counted: Counted | None = None
    ) -> Rows:
        journal = self._journal(f"piece-{number:06d}")
        self._pay(journal.answers)
        keys = [(*place, setting) for place in places for setting in settings]
        for key in keys:
            coarse = self._known.get((*key[:3], self._plan.temperatures[key[3]])) if self._known else None
            if there := coarse or self._trial.answers.get(key):
                # In memory alone: on disk they are in a recording and a journal of their own until this piece is.
                journal.answers.setdefault(key, there)
        self._ask_all(keys, journal, counted)
        return self._rows(keys, journal)

    def trial(self, places: Sequence[Place], settings: Sequence[int]) -> Rows:
        keys = [(*place, setting) for place in places for setting in settings]
        self._ask_all(keys, self._trial, None)
        return self._rows(keys, self._trial)

    def _journal(self, name: str) -> Journal:
        return Journal(None if self._folder is None else self._folder / f"{name}.jsonl")

    def _pay(self, answers: Mapping[Key, Answer]) -> None:
        if self._spending is not None:
            for key, answer in answers.items():
                self._spending.add(key, answer.prompt_tokens, answer.answer_tokens)

    def _ask_all(self, keys: Sequence[Key], journal: Journal, counted: Counted | None) -> None:
        waiting = deque(key for key in keys if key not in journal.answers)
        running: dict[Future[Answer], Key] = {}
        spending = self._spending

        def count() -> None:
            if counted is not None:
                counted(len(keys) - len(waiting) - len(running), self._tally.text(self._source))

        def keep(future: Future[Answer], key: Key) -> None:
            journal.add(key, future.result())
            self._tally.add(future.result())
            self._pay({key: future.result()})

        count()
        pool = ThreadPoolExecutor(self._pace.concurrency, thread_name_prefix="retort-tune")
        try:
            # Ends where nothing runs: all is answered, or the budget allows no more.
            while True:
                # Few in hand: a stopped sweep waits for those that run, and a budget counts each at its most.
                while (
                    waiting
                    and len(running) < self._pace.concurrency * IN_HAND
                    and (spending is None or spending.is_safe(len(running)))
                ):
                    key = waiting.popleft()
                    running[pool.submit(self._ask, key, self._sends_seeds)] = key
                if not running:
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                failed = None
                for future in finished:
                    key = running.pop(future)
                    if (problem := future.exception()) is None:
                        keep(future, key)
                    elif isinstance(problem, ParameterRefused) and problem.parameters == ("seed",):
                        # Repeats differ without one, too; only their being the same next time is lost.
                        self._sends_seeds = False
                        waiting.append(key)
                    else:
                        failed = problem
                # Not before all that has finished is kept: it is paid.
                if failed is not None:
                    raise failed
                count()
            if waiting:
                raise BudgetSpent
        except ParameterRefused:
            raise  # as it is: run.py asks again without the temperature
        except SourceError as problem:
            where = "" if journal.file is None else f" in {journal.file.parent}; continue with --resume"
            raise SourceError(
                f"{problem} {len(journal.answers)} answers of this piece are kept{where}."
            ) from problem
        finally:
            if running:
                self._gate.open()  # stopped on the way: what waits for its turn goes now, or is cancelled
            pool.shutdown(wait=True, cancel_futures=True)
            # Requests cannot be called back once they are sent: their answers are paid, and kept like the others.
            for future, key in running.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    keep(future, key)

    def _ask(self, key: Key, with_seed: bool) -> Answer:
        item, prompt, repeat, setting = key
        plan, source = self._plan, self._source
        self._gate.wait()
        # After the gate: the wait for a turn is the user's limit, not the server's latency.
        start = time.monotonic()
        reply = source.server.ask(
            Ask(
                plan.task.question(plan.items[item], prompt),
                max_tokens=plan.task.max_tokens,
                temperature=plan.temperatures[setting] if plan.temperatures else None,
                top_logprobs=0,
                seed=self._seed(item, repeat) if with_seed else None,
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

    def _seed(self, item: int, repeat: int) -> int:
        return request_seed(self._plan.seed, self._plan.items[item].id, repeat) & LARGEST_SEED

    def _rows(self, keys: Sequence[Key], journal: Journal) -> Rows:
        """The rows of these answers, in this order, whatever order they came in."""
        rows = Rows()
        for key in keys:
            item, prompt, repeat, setting = key
            given = journal.answers[key]
            answer, score = self._marker.mark(item, given.text)
            rows.add(
                setting=setting,
                item=item,
                prompt=prompt,
                repeat=repeat,
                seed=self._seed(item, repeat),
                answer=answer,
                score=score,
                tokens=None,
                logprob_raw=None,
                **vars(given),
            )
        return rows


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
        # A turn is taken under the lock and waited for outside, while others take theirs. Turns that nobody took are
        # lost, so that a pause is not followed by a burst.
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._interval
        self._stopped.wait(max(0.0, at - time.monotonic()))

    def open(self) -> None:
        """Let everything through: the sweep has failed."""
        self._stopped.set()
