"""Texts drawn from a model that runs here, as the record that `retort sample` prints. A server's: served_sample.py."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from retort.blocks import Block, Cell, Column, line, table
from retort.errors import printable
from retort.lens.asking import heading
from retort.numerals import counted, number, probability
from retort.records import Measures, Record, exact, new_axes, titled
from retort.sampling.generate import Sample, SampledToken
from retort.sources.chat import Message

if TYPE_CHECKING:
    from retort.sampling.params import SamplingParams
    from retort.sampling.speculative import RoundCounts
    from retort.sources.base import Source
    from retort.sources.chat import SeenPrompt

WHAT_IS_SHOWN = (
    "Logprobs in nats, summed over the text: raw is the model's own (τ = 1, nothing removed), processed is of the "
    "distribution that was drawn from. Entropy: nats per token, processed. Kept: the smallest mass that "
    "truncation left at any token. A near tie can go the other way on another machine."
)


@dataclass(frozen=True)
class Drafted:
    """What a draft model did: how many of its tokens were judged and accepted, in how many passes of the model."""

    model: str
    method: str
    num_tokens: int
    target_passes: int
    drafted: int
    judged: int
    accepted: int
    acceptance: float | None
    tokens_per_pass: float

    @classmethod
    def of(cls, model: str, method: str, num_tokens: int, counts: RoundCounts) -> Drafted:
        """What `counts` counted."""
        return cls(
            model, method, num_tokens, counts.target_passes, counts.drafted, counts.judged, counts.accepted,
            counts.acceptance, counts.tokens_per_pass,
        )  # fmt: skip


@dataclass(frozen=True, repr=False)
class Samples(Record):
    """Texts and of every token how it was drawn; text i was drawn with seed + i.

    `chain`: what was drawn through. `messages` and `rendered`: of a conversation, else null. `draft`: with --draft.
    """

    model: str
    prompt: str
    seed: int
    chain: str
    samples: tuple[Sample, ...]
    messages: tuple[Message, ...] | None = None
    rendered: str | None = None
    draft: Drafted | None = None
    note: str | None = None

    MEASURES: ClassVar[tuple[str, ...]] = (
        "tokens", "logprob_raw", "logprob_processed", "entropy", "near_ties"
    )  # fmt: skip

    @classmethod
    def of(
        cls, model: str, source: Source, said: SeenPrompt, params: SamplingParams, samples: Sequence[Sample],
        draft: Drafted | None = None,
    ) -> Samples:  # fmt: skip
        """The record of what `generate` gave."""
        rendered = None if said.messages is None else said.text
        chain = str(params.resolved_chain)
        return cls(
            model, said.text, params.seed, chain, tuple(samples), said.messages, rendered, draft, source.note
        )

    def table_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "seed": self.seed + index, "text": sample.text, "finish_reason": sample.finish_reason,
                **_totals(sample.tokens),
            }
            for index, sample in enumerate(self.samples)
        ]  # fmt: skip

    def measures(self) -> Measures:
        rows = self.table_rows()
        return {name: [exact(row[name]) for row in rows] for name in self.MEASURES}

    def blocks(self) -> Iterator[Block]:
        yield from self.heading()
        yield texts_table(
            (self.seed + index, sample.text, account(sample.tokens, sample.finish_reason))
            for index, sample in enumerate(self.samples)
        )
        yield line(WHAT_IS_SHOWN)
        if self.draft is not None:
            drafted = self.draft
            share = "none" if drafted.acceptance is None else probability(drafted.acceptance)
            accepted = f"{drafted.accepted:,} of {drafted.judged:,} judged tokens were accepted ({share})"
            yield line(
                f"Drafted by {drafted.model}: {accepted}; {number(drafted.tokens_per_pass)} tokens for each pass of "
                "the model over a text.",
                whole=True,
            )

    def heading(self) -> Iterator[Block]:
        """What is known before the first token."""
        yield from heading(self.model, repr(self.prompt), self.rendered, self.note)
        yield line(f"Drawn through: {self.chain or 'nothing (the raw distribution)'}", whole=True)

    def plot(self, axes: Any = None) -> Any:
        """Each text's log-probability under the model as it grows, in nats."""
        axes = new_axes(axes)
        for index, sample in enumerate(self.samples):
            sums = [0.0]
            for token in sample.tokens:
                sums.append(sums[-1] + token.logprob_raw)
            axes.plot(range(len(sums)), sums, label=f"seed {self.seed + index}")
        axes.set_xlabel("tokens drawn")
        axes.set_ylabel("logprob of the text (nats, τ = 1)")
        titled(axes, f"{counted(len(self.samples), 'text')} of {self.model} after {self.prompt!r}")
        if len(self.samples) <= 10:
            axes.legend(frameon=False)
        return axes


def texts_table(texts: Iterable[tuple[int, str, str]]) -> Block:
    """Texts, each with its seed, and below it a line on how it was drawn."""
    rows: list[tuple[str, Cell]] = []
    for seed, text, how in texts:
        rows += [(f"seed {seed}", Cell(printable(text, keep=""), "bold")), ("", Cell(how))]
    return table(("", Column(fold=True)), rows)


def account(tokens: Sequence[SampledToken], finish_reason: str) -> str:
    """One line about how a text was drawn."""
    found = _totals(tokens)
    return (
        f"{counted(found['tokens'], 'token')}, {finish_reason}; logprob {number(found['logprob_raw'])} raw, "
        f"{number(found['logprob_processed'])} processed; entropy {number(found['entropy'])}; "
        f"kept {probability(found['kept_mass'])}; {counted(found['near_ties'], 'near tie')}"
    )


def _totals(tokens: Sequence[SampledToken]) -> dict[str, Any]:
    return {
        "tokens": len(tokens),
        "logprob_raw": math.fsum(token.logprob_raw for token in tokens),
        "logprob_processed": math.fsum(token.logprob_processed for token in tokens),
        "entropy": math.fsum(token.entropy_nats for token in tokens) / len(tokens),
        "kept_mass": min(token.kept_mass for token in tokens),
        "near_ties": sum(token.near_tie for token in tokens),
    }
