"""Why temperature 0 is not determinism: the same greedy texts replayed in ways that should not matter.

Batch size, padding, caching, threads and dtype change the order of summation or the rounding, and with it the logits by
a little. Where the two best tokens lie nearer than that (a near-tie), the greedy token flips, and everything after it
is another text. The noise is measured here, and with it the risk predicted from margins alone is set beside the flips
that really happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.blocks import Block, columns, line, token_label
from retort.distribution.measures import flip_risk, margin, noise_scale, text_flip_risk
from retort.lens.asking import Progress, default_beginnings, texts_of
from retort.numerals import number, percent
from retort.records import Record, new_axes, titled
from retort.sources.base import Source
from retort.sources.chat import prompt_for
from retort.sources.load import Model, opened
from retort.sources.replays import Replay, replays

Rows = NDArray[np.floating]
NEAR = 3.0
"""A near-tie is a margin within this many standard deviations of the noise: one flip in a thousand lies beyond."""

MOST_LISTED = 20
SHOWN = 5


@dataclass(frozen=True)
class ReplayReport:
    """One way of running the model, against the reference.

    - `noise`: root mean square change of the margin (logit units); `largest_change`: largest change of any logit.
    - `bitwise`: every logit is the same to the last bit.
    - `flips_predicted`, `flips_observed`: positions whose greedy token changes: the sum of the risks that the margins
      and the measured noise give, and the count.
    - `texts_predicted`, `texts_observed`: share of texts in which any position flips.
    - `no_distribution`: positions at which it gave NaN or infinite logits, as float16 does where a model overflows.
      They count as flips seen; noise, change and prediction are of the others.
    """

    name: str
    differs: str
    noise: float
    largest_change: float
    bitwise: bool
    flips_predicted: float
    flips_observed: int
    texts_predicted: float
    texts_observed: float
    no_distribution: int = 0


@dataclass(frozen=True)
class NarrowPlace:
    """A position where some replay could flip the greedy token: its text, place, both tokens and their margin."""

    text: int
    position: int
    before: str
    token: str
    runner_up: str
    margin: float
    risk: float
    flipped_in: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Determinism(Record):
    """What `determinism` found over the greedy continuations of `prompts` prompts; `advice` in words."""

    model: str
    prompts: int
    positions: int
    replays: tuple[ReplayReport, ...]
    near_ties: tuple[NarrowPlace, ...]
    advice: tuple[str, ...]

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per way of running the model."""
        return [dict(vars(report)) for report in self.replays]

    def plot(self, axes: Any = None) -> Any:
        """Flips predicted from the margins and the noise, beside those seen, for each way of running the model."""
        axes = new_axes(axes)
        places = range(len(self.replays))
        axes.bar(
            [at - 0.2 for at in places], [one.flips_predicted for one in self.replays], 0.4, label="predicted"
        )
        axes.bar([at + 0.2 for at in places], [one.flips_observed for one in self.replays], 0.4, label="seen")
        axes.set_xticks(places, labels=[one.name for one in self.replays], rotation=30)
        axes.set_ylabel("greedy tokens that change (count)")
        titled(axes, f"What changes in greedy texts of {self.model} when it is run otherwise")
        axes.legend()
        return axes

    def blocks(self) -> Iterator[Block]:
        yield line(f"{self.model}: {self.prompts} greedy texts, {self.positions} tokens", "bold", whole=True)
        yield line("Against the reference: each text by itself, all its tokens in one pass.")
        yield columns(
            self.replays,
            {
                "replay": lambda one: one.name,
                ">noise (logits)": lambda one: "none" if one.bitwise else number(one.noise),
                ">largest change": lambda one: number(one.largest_change),
                ">flips predicted": lambda one: number(one.flips_predicted),
                ">flips seen": lambda one: str(one.flips_observed),
                ">texts predicted": lambda one: percent(one.texts_predicted, 1),
                ">texts seen": lambda one: percent(one.texts_observed, 1),
            },
        )
        yield line(
            "Noise: root mean square change of the margin (most likely token over the second). Predicted: the chance "
            "that Gaussian noise of that size changes the most likely token, counting all rivals."
        )
        for tie in self.near_ties[:SHOWN]:
            flipped = f"; flipped by {', '.join(tie.flipped_in)}" if tie.flipped_in else ""
            yield line(
                f"Near tie after {tie.before[-40:]!r}: {token_label(tie.token)} over {token_label(tie.runner_up)} by "
                f"{number(tie.margin)}{flipped}",
                whole=True,
            )
        for sentence in self.advice:
            yield line(sentence)


def determinism(
    model: Model,
    prompts: str | Sequence[str] | None = None,
    *,
    max_tokens: int = 24,
    chat: bool | None = None,
    on_progress: Progress | None = None,
) -> Determinism:
    """Greedy texts after `prompts`, replayed in every way the source can be run, and what moved.

    Positions are those of the generated tokens: the last of the prompt to the last but one of the text. Without
    prompts, the first words of definitions that come with retort are continued. `chat`: each prompt is one message of
    the user, written with the model's template. Raises InputError for no prompts, a prompt the source cannot take, or a
    source that computes nothing.
    """
    source = opened(model)
    prompts = texts_of(default_beginnings() if prompts is None else prompts, "replay")
    ways = replays(source)
    texts, starts = _greedy_texts(source, prompts, max_tokens, chat)
    runs: list[Rows] = []
    for place, way in enumerate(ways):
        logits = way.run(texts)
        runs.append(
            # The row after token i chose token i + 1: from the last token of the prompt to the last but one of the
            # text.
            np.concatenate([rows[start - 1 : -1] for rows, start in zip(logits, starts, strict=True)])
        )
        if on_progress is not None:
            on_progress(place + 1, len(ways), way.name)
    reference, *replayed = runs
    # Which text each row belongs to: one row for each generated token.
    owner = np.repeat(
        np.arange(len(texts)), [len(text) - start for text, start in zip(texts, starts, strict=True)]
    )
    usable = [np.isfinite(rows.max(axis=-1)) for rows in replayed]  # the largest of a row with NaN is NaN
    flips = [
        (rows.argmax(axis=-1) != reference.argmax(axis=-1)) | ~good
        for rows, good in zip(replayed, usable, strict=True)
    ]
    reports = [
        _report(way, reference, rows, good, flipped, owner)
        for way, rows, good, flipped in zip(ways[1:], replayed, usable, flips, strict=True)
    ]
    noise = max(report.noise for report in reports)
    margins = margin(reference)
    # The positions within NEAR standard deviations of the largest noise or that flipped, smallest margin first.
    near = np.flatnonzero((margins <= NEAR * noise) | np.any(flips, axis=0))
    ties = []
    for place in near[np.argsort(margins[near], kind="stable")][:MOST_LISTED].tolist():
        text = int(owner[place])
        position = place - int(np.searchsorted(owner, text))
        best, second = np.argsort(-reference[place], kind="stable")[:2]
        ties.append(
            NarrowPlace(
                text,
                position,
                source.decode(texts[text][: starts[text] + position]),
                source.token_text(int(best)),
                source.token_text(int(second)),
                float(margins[place]),
                float(flip_risk(reference[place], noise)),
                tuple(report.name for report, flipped in zip(reports, flips, strict=True) if flipped[place]),
            )
        )
    return Determinism(
        source.name, len(texts), len(owner), tuple(reports), tuple(ties), _advice(reports, len(texts))
    )


def _report(
    way: Replay,
    reference: Rows,
    replayed: Rows,
    usable: NDArray[np.bool_],
    flipped: NDArray[np.bool_],
    owner: NDArray[np.int64],
) -> ReplayReport:
    """What a replay changed: rows `[positions, vocab]`; for each position whether the replay gave a distribution there,
    whether it flipped, and its text."""
    risks = np.zeros(len(reference))
    # Rows without a distribution would make the noise NaN; they are counted, and left out of it.
    noise = noise_scale(reference[usable], replayed[usable]) if usable.any() else 0.0
    risks[usable] = flip_risk(reference[usable], noise)
    of_text = [owner == text for text in range(int(owner.max()) + 1)]
    # A token that is -inf in both has not changed, and -inf minus -inf is NaN.
    finite = np.isfinite(reference) & np.isfinite(replayed) & usable[:, None]
    change = np.where(finite, replayed, 0.0) - np.where(finite, reference, 0.0)
    return ReplayReport(
        name=way.name,
        differs=way.differs,
        noise=noise,
        largest_change=float(np.abs(change).max()),
        bitwise=bool(np.array_equal(reference, replayed)),
        flips_predicted=float(risks.sum()),
        flips_observed=int(flipped.sum()),
        texts_predicted=float(np.mean([text_flip_risk(risks[own]) for own in of_text])),
        texts_observed=float(np.mean([flipped[own].any() for own in of_text])),
        no_distribution=int((~usable).sum()),
    )


def _greedy_texts(
    source: Source, prompts: Sequence[str], max_tokens: int, chat: bool | None
) -> tuple[list[list[int]], list[int]]:
    """Every prompt with its greedy continuation, and where the continuation begins."""
    from retort.sampling.generate import generate
    from retort.sampling.params import SamplingParams

    encoded = [prompt_for(source, prompt, chat).ids for prompt in prompts]
    greedy = generate(source, encoded, SamplingParams(temperature=0.0, max_tokens=max_tokens))
    texts = [[*ids, *sample.ids] for ids, sample in zip(encoded, greedy, strict=True)]
    return texts, [len(ids) for ids in encoded]


def _advice(reports: Sequence[ReplayReport], num_texts: int) -> tuple[str, ...]:
    """What would make these texts reproducible, from what was seen to move them."""
    said = []
    same = [report.name for report in reports if report.bitwise]
    if same:
        said.append(f"Bit for bit the same here: {', '.join(same)}.")
    for report in sorted(reports, key=lambda one: -one.noise):
        if report.no_distribution:
            said.append(
                f"{report.name} gave no distribution (NaN or infinite logits) at {report.no_distribution} positions: "
                "the model overflows in it."
            )
        elif report.flips_observed:
            said.append(
                f"{report.name} ({report.differs}) changed {percent(report.texts_observed)} of {num_texts} texts: "
                "keep it fixed for runs that must agree."
            )
    if not any(report.flips_observed for report in reports):
        said.append(
            "No replay changed a greedy token here; with more or longer texts the predicted risks above add up."
        )
    said.append(
        "To repeat a text exactly, use the same weights, dtype, batch, padding, number of threads, "
        "machine and library versions. A fixed seed fixes the sampling noise, not the logits."
    )
    return tuple(said)
