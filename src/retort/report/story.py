"""What a page tells: the records of the verbs, the sentences drawn from them, and how each was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retort.blocks import Block, Cell, Column, line, table
from retort.records import Record

if TYPE_CHECKING:
    from retort.distill import DistillResult
    from retort.lens.look import Look
    from retort.lens.path import PathFound
    from retort.tune import Tuning


@dataclass(frozen=True)
class Finding:
    """One thing found, in plain words: a title of a few words, and sentences with numbers and intervals."""

    title: str
    text: str


@dataclass(frozen=True)
class Step:
    """One thing done: the command that does it alone, its seconds, and what was reused from an earlier run."""

    title: str
    command: str
    seconds: float
    reused: str | None = None


@dataclass(frozen=True)
class DrawsFound:
    """Short texts drawn after one prompt: for each temperature, the texts in order of their seeds."""

    model: str
    prompt: str
    seed: int
    rows: tuple[tuple[float, tuple[str, ...]], ...]

    def counts(self) -> list[tuple[float, list[tuple[str, int]]]]:
        """For each temperature the first words of its texts, the most frequent first."""
        return [
            (temperature, Counter(_first_word(text) for text in texts).most_common())
            for temperature, texts in self.rows
        ]

    def blocks(self) -> Iterator[Block]:
        """The most frequent first words, a line for each temperature."""
        for temperature, words in self.counts():
            told = ", ".join(f"{word} {count}" for word, count in words[:6])
            more = f", {len(words) - 6} others" if len(words) > 6 else ""
            yield line(f"τ = {temperature:g}: {told}{more}", whole=True)


def _first_word(text: str) -> str:
    words = text.split()
    return words[0].strip(".,;:!?\"'") if words else "(nothing)"


@dataclass(frozen=True)
class TuneFound:
    """A tuning, what its task asks, one of its prompts filled in, and how many items the whole task has."""

    tuning: Tuning
    description: str
    example: str
    items_in_task: int

    def blocks(self) -> Iterator[Block]:
        """The tuning, and whether it had only a part of the task's items."""
        if self.tuning.items < self.items_in_task:
            yield line(
                f"Here with {self.tuning.items} of the task's {self.items_in_task} items, evenly spread over its list, "
                "to be quick; the command above takes all."
            )
        yield from self.tuning.blocks()


@dataclass(frozen=True)
class DistillFound:
    """A distillation, and for each arm the mean learning curve over its seeds: (step, validation nats per token)."""

    result: DistillResult
    mean_curves: Mapping[str, tuple[tuple[int, float], ...]]


@dataclass(frozen=True, repr=False)
class Story(Record):
    """What `retort tour` found: everything its page shows. `entropies`: looks at many temperatures, as of `looks`."""

    version: str
    seed: int
    findings: tuple[Finding, ...]
    looks: tuple[Look, ...]
    entropies: tuple[Look, ...]
    draws: DrawsFound
    path: PathFound
    tunings: tuple[TuneFound, ...]
    distillation: DistillFound
    steps: tuple[Step, ...]
    next_commands: tuple[str, ...]
    kept_in: str
    report: str
    note: str | None = None

    def table_rows(self) -> list[dict[str, Any]]:
        return [{"finding": finding.title, "text": finding.text} for finding in self.findings]

    def blocks(self) -> Iterator[Block]:
        """What was found, what to type next, and where the page is."""
        yield line("What was found", "bold")
        if self.note is not None:
            yield line(f"Note: {self.note}", "yellow")
        titles = (Column(widest=20, fold=True), Column(fold=True))
        yield table(titles, ((Cell(one.title, "bold"), one.text) for one in self.findings))
        yield line("For your own model", "bold")
        for command in self.next_commands:
            yield line(command, whole=True)
        yield line(f"The pictures: {self.report}", "bold", whole=True)
