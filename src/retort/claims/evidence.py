"""What the claims are measured on, made once and shared: logits at many positions, and answers to the two tasks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retort.chain import Chain
from retort.distribution.arrays import Floats
from retort.errors import InputError
from retort.lens.asking import default_prompts
from retort.sources.base import Source
from retort.sources.positions import position_logits
from retort.tune import Samples, Task, load_task, make_plan, normalise
from retort.tune.item import prompt_text, reworded
from retort.tune.samples import Rows, as_samples
from retort.tune.statistics import bounded_interval, mean_intervals, resampled_means
from retort.tune.sweep import LocalDrawer, Plan

Ends = tuple[float, float]
"""The two ends of a 95% interval. `retort.distribution.Interval` is another thing: what is known of one number."""
ProgressCallback = Callable[[float, float, str], None]
GRID = (0.0, 0.3, 0.7, 1.0, 1.3, 1.6, 2.0)
"""The temperatures that claims about answers name. No others: each one is a set of answers to draw."""

MOST_LOGITS = 2**23
"""Logits kept for the claims about positions: 64 MB of float64, 1,024 positions of an 8,192-token vocabulary."""

WHOLE = 100.0
"""Progress is told in per cent."""

LONGEST_TEXT = 64
"""Tokens of a text that are read, from its beginning."""

FEWEST_TEXTS = 16
"""Texts that are looked at however long the vocabulary is, where there are so many."""

LOGITS, EXPLOIT, EXPLORE, WORDINGS, TRIPLES, REPLAYS = (
    "logits", "exploit", "explore", "wordings", "triples", "replays",
)  # fmt: skip
"""The parts that claims are measured on (`Claim.uses`); with " of instruct" or " of small", those of a sibling."""

ROWS_PER_ANSWER = 4.0
"""Rows through the model for an answer, most of whose beginning is shared with other temperatures. A guess."""

ROWS = {LOGITS: 50.0, TRIPLES: 120.0, REPLAYS: 1000.0}
"""Rows of the parts that are not answers, as far as rows read together count. A guess."""

RESAMPLES = 2000
ERROR_RATE = 0.05

RULES: dict[str, Callable[[str], str]] = {
    "as it is": lambda prompt: prompt,
    "lower case": str.lower,
    "first letter in upper case": lambda prompt: prompt[:1].upper() + prompt[1:],
    "'Question:' in front": lambda prompt: f"Question: {prompt}",
    "'Answer briefly.' in front": lambda prompt: f"Answer briefly. {prompt}",
    "asked twice": lambda prompt: f"{prompt} ... {prompt}",
}
"""Wordings of a prompt by rule, so that nobody chose the ones that suit a claim."""


class Work:
    """Parts of a run by size, and a callback `(per cent done, 100, what is being done)`.

    A size is a guess of how many rows go through the model. A part counts once, however many claims share it; one that
    was not planned counts nothing.
    """

    def __init__(self, sizes: Mapping[str, float], on_progress: ProgressCallback | None = None) -> None:
        self._sizes = sizes
        self._on_progress = on_progress
        self._shares: dict[str, float] = {}

    def tell(self, part: str, share: float, detail: str) -> None:
        """`share` (0 to 1) of this part is done; it never goes back."""
        # A part that a second claim asks for again begins at 0; the bar must not.
        self._shares[part] = max(share, self._shares.get(part, 0.0))
        if self._on_progress is not None:
            done = sum(size * self._shares.get(name, 0.0) for name, size in self._sizes.items())
            self._on_progress(WHOLE * done / max(sum(self._sizes.values()), 1e-9), WHOLE, detail)


class Needs(Exception):
    """A claim cannot be measured without something that was not given; the message is what ("--small MODEL")."""


@dataclass
class Evidence:
    """A model, perhaps its instruction-tuned and its smaller sibling, and what they say.

    `items`: how many items of each task are asked (evenly spread over the task); `samples`: answers to each at every
    temperature of GRID; `prompts`: texts whose positions are looked at; `thresholds`: by a claim's id, in place of its
    own. What a claim asks for is computed at its first use.
    """

    source: Source
    instruct_source: Source | None = None
    small_source: Source | None = None
    tasks: Sequence[str] = ("exploit", "explore")
    distill_files: Sequence[Path] = ()
    items: int = 60
    samples: int = 6
    seed: int = 0
    on_progress: ProgressCallback | None = None
    prompts: Sequence[str] = field(default_factory=default_prompts)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    work: Work = field(default_factory=lambda: Work({}))
    _loaded: dict[str, Task] = field(default_factory=dict)
    _answers: dict[tuple[int, str], tuple[Source, Samples, list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises InputError where the models are not of one family: better now than after minutes of other claims."""
        for other in (self.instruct_source, self.small_source):
            if other is not None and other.vocab_size != self.source.vocab_size:
                raise InputError(
                    f"{other.name} has {other.vocab_size:,} tokens and {self.source.name} "
                    f"{self.source.vocab_size:,}; claims compare models of one family"
                )

    @property
    def instruct(self) -> Source:
        return _given(self.instruct_source, "--instruct MODEL")

    @property
    def small(self) -> Source:
        return _given(self.small_source, "--small MODEL")

    @cached_property
    def texts(self) -> list[tuple[list[int], int]]:
        """Token ids of the texts whose positions are looked at, and of how many of their last tokens.

        Texts are whole, as many as fit. Where the vocabulary is so long that few would, more texts have their last
        positions looked at: an interval is over texts, and of one or two it would say nothing.
        """
        room = MOST_LOGITS // self.source.vocab_size
        texts: list[list[int]] = []
        held = 0
        for prompt in self.prompts:
            try:
                ids = self.source.encode(prompt)[:LONGEST_TEXT]
            except InputError as problem:
                raise InputError(
                    f"{problem} Give texts that the model can read with --prompts FILE."
                ) from problem
            if held + len(ids) > room and len(texts) >= FEWEST_TEXTS:
                break
            texts.append(ids)
            held += len(ids)
        most = LONGEST_TEXT if held <= room else max(1, room // len(texts))
        return [(ids, min(len(ids), most)) for ids in texts]

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """`[positions]` number of the text a position belongs to."""
        return np.repeat(np.arange(len(self.texts)), [keep for _, keep in self.texts])

    @cached_property
    def logits(self) -> Floats:
        """`[positions, vocab]` raw logits of the model."""
        return self.logits_of(self.source)

    def logits_of(self, source: Source) -> Floats:
        """`[positions, vocab]` raw logits of a model of the family at the same positions."""
        rows = []
        part = self._named(LOGITS, source)
        for place, (ids, keep) in enumerate(self.texts):
            self.work.tell(part, place / len(self.texts), f"texts read by {source.name}")
            rows.append(position_logits(source, ids, keep).astype(np.float64))
        self.work.tell(part, 1.0, f"texts read by {source.name}")
        return np.concatenate(rows)

    def by_text(self, values: Floats) -> Floats:
        """`[texts]` mean over the positions of each text, which are not independent of each other."""
        return np.bincount(self.owner, weights=values) / np.bincount(self.owner)

    def interval(self, values: Floats) -> Ends:
        """Interval (95%) of the mean of independent values `[groups]`: texts or items, not positions. Bootstrap."""
        return interval_of_mean(values, self.seed)

    def task(self, goal: str) -> Task:
        """The task of that goal. Raises Needs where none was given."""
        for name in self.tasks:
            task = self._loaded.setdefault(name, load_task(name))
            if task.goal == goal:
                return task
        raise Needs(f"--tasks with a task of goal {goal}")

    @property
    def exploit(self) -> Samples:
        """Answers to the task with one right answer."""
        return self.answers(self.source, self.task("exploit"))

    @property
    def explore(self) -> Samples:
        """Answers to the task with many right answers."""
        return self.answers(self.source, self.task("explore"))

    @cached_property
    def _worded(self) -> tuple[Task, tuple[str, ...]]:
        task = self.task("exploit")
        if len(task.prompts) > 2:
            return task, tuple(prompt_text(prompt) for prompt in task.prompts)
        prompts = tuple(reworded(task.prompts[0], rule) for rule in RULES.values())
        return replace(task, prompts=prompts), tuple(RULES)

    @property
    def wordings(self) -> Samples:
        """Answers to the exploit task in its own wordings if it has three or more, else in those of RULES."""
        return self.answers(self.source, self._worded[0])

    @property
    def wording_names(self) -> tuple[str, ...]:
        """What each wording of `wordings` is: the rule, or the prompt itself."""
        return self._worded[1]

    def answers(self, source: Source, task: Task) -> Samples:
        """A model's answers to a task at every temperature of GRID, on the same noise."""
        return self.answers_with_texts(source, task)[0]

    def answers_with_texts(self, source: Source, task: Task) -> tuple[Samples, list[str]]:
        """The same, and the answers as they were generated; asked for again, they are not generated again."""
        part = self._named(self._part_of(task), source)
        # By identity: two models may have one name. The source is kept beside the answers, so that no other gets its
        # id.
        key = id(source), part
        if key not in self._answers:
            self._answers[key] = source, *self._drawn(source, task, part)
        return self._answers[key][1:]

    def _drawn(self, source: Source, task: Task, part: str) -> tuple[Samples, list[str]]:
        plan = self._plan(task)
        drawer, settings, total = LocalDrawer(plan, source), range(len(plan.axis)), plan.cost.answers
        rows: list[Rows] = []

        def counted(answers: int, _: str = "") -> None:
            done = sum(map(len, rows)) + answers
            self.work.tell(
                part, done / total, f"{done:,} of {total:,} answers to {task.name} by {source.name}"
            )

        counted(0)
        for number, places in enumerate(plan.pieces):
            rows.append(drawer.draw(number, places, settings, counted))
        counted(0)
        texts = [text for piece in rows for text in piece.columns["text"]]
        return as_samples(rows, plan.axis, [item.id for item in plan.items]), texts

    def _plan(self, task: Task) -> Plan:
        """The sweep of the items that are asked, at every temperature of GRID."""
        chosen = np.unique(
            np.linspace(0, len(task.items) - 1, min(self.items, len(task.items))).round().astype(int)
        )
        some = replace(task, items=tuple(task.items[number] for number in chosen))
        return make_plan(some, GRID, self.samples, self.seed, None, Chain(()))

    def planned(self, parts: Iterable[str]) -> dict[str, float]:
        """These parts, as far as what was given allows, with a guess of the rows of each that go through a model."""
        sizes: dict[str, float] = {}
        for part in dict.fromkeys(parts):
            kind, _, sibling = part.partition(" of ")
            if sibling and getattr(self, f"{sibling}_source") is None:
                continue
            try:
                if kind in ROWS:
                    sizes[part] = ROWS[kind]
                else:
                    task = self._worded[0] if kind == WORDINGS else self.task(kind)
                    name = f"{self._part_of(task)} of {sibling}" if sibling else self._part_of(task)
                    sizes[name] = ROWS_PER_ANSWER * self._plan(task).cost.answers
            except Needs:  # its claim says so; planned, it would keep the bar below 100
                continue
        return sizes

    def _part_of(self, task: Task) -> str:
        """The goal of a task that was given; else it is the exploit task in wordings made by rule."""
        return task.goal if any(task is one for one in self._loaded.values()) else WORDINGS

    def _named(self, kind: str, source: Source) -> str:
        siblings = ((self.instruct_source, "instruct"), (self.small_source, "small"))
        return next((f"{kind} of {name}" for other, name in siblings if source is other), kind)

    def known_things(self) -> frozenset[str]:
        """Every normalised reference of the tasks: what counts as naming a real thing, whatever was asked."""
        tasks = [self._loaded.setdefault(name, load_task(name)) for name in self.tasks]
        items = itertools.chain.from_iterable(task.items for task in tasks)
        return frozenset(normalise(reference) for item in items for reference in item.references)


def at(temperature: float) -> int:
    """The column of a temperature of GRID."""
    return GRID.index(temperature)


def _given(source: Source | None, option: str) -> Source:
    if source is None:
        raise Needs(option)
    return source


def interval_of_mean(values: Floats, seed: int) -> Ends:
    """Bootstrap interval (95%) of the mean of independent values `[groups]`; of one value, all numbers."""
    if len(values) < 2:
        return -math.inf, math.inf
    resampled = resampled_means(
        np.asarray(values, dtype=np.float64)[:, None], RESAMPLES, np.random.default_rng(seed)
    )
    low, high = mean_intervals(resampled, len(values), ERROR_RATE)[0]
    return float(low), float(high)


def percentiles(values: Sequence[float]) -> Ends:
    """The ends (95%) of resampled values."""
    low, high = np.quantile(values, [ERROR_RATE / 2, 1 - ERROR_RATE / 2])
    return float(low), float(high)


def share_interval(values: Floats) -> Ends:
    """Clopper and Pearson's interval (95%) of a share: resampling 24 of 24 would find nothing but 24 of 24."""
    low, high = bounded_interval(np.asarray(values, dtype=np.float64)[:, None], (0.0, 1.0), ERROR_RATE)[0]
    return float(low), float(high)
