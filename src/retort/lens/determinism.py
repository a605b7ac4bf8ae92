"""Why temperature 0 is not determinism: the same greedy texts replayed in ways that should not matter.

Batch size, padding, caching, threads and dtype change the order of summation or the rounding, and with it the logits by
a little. Where the two best tokens lie nearer than that (a near-tie), the greedy token flips, and everything after it
is another text. The noise is measured here, and with it the risk predicted from margins alone is set beside the flips
that really happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.blocks import Block, line, table, token_label
from retort.distribution.measures import flip_risk, margin, noise_scale, text_flip_risk
from retort.errors import InputError
from retort.lens.asking import default_beginnings
from retort.numerals import number, percent
from retort.records import Record, new_axes, titled
from retort.sources.base import Source
from retort.sources.chat import prompt_for
from retort.sources.load import Model, opened
from retort.sources.replays import Replay, replays

ProgressCallback = Callable[[int, int, str], None]
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
        yield table(
            [
                "replay", ">noise (logits)", ">largest change", ">flips predicted", ">flips seen",
                ">texts predicted", ">texts seen",
            ],
            [
                [
                    report.name,
                    "none" if report.bitwise else number(report.noise),
                    number(report.largest_change),
                    number(report.flips_predicted),
                    str(report.flips_observed),
                    percent(report.texts_predicted, 1),
                    percent(report.texts_observed, 1),
                ]
                for report in self.replays
            ],
        )  # fmt: skip
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
    on_progress: ProgressCallback | None = None,
) -> Determinism:
    """Greedy texts after `prompts`, replayed in every way the source can be run, and what moved.

    Positions are those of the generated tokens: the last of the prompt to the last but one of the text.
    Without prompts, the first words of definitions that come with retort are continued. `chat`: each prompt is one
    message of the user, written with the model's template. Raises InputError for no
    prompts, a prompt the source cannot take, or a source that computes nothing.
    """
    source = opened(model)
    if prompts is None:
        prompts = default_beginnings()
    prompts = [prompts] if isinstance(prompts, str) else prompts
    if not prompts:
        raise InputError("there are no prompts to replay; give at least one")
    ways = replays(source)
    texts, starts = _greedy_texts(source, prompts, max_tokens, chat)
    runs: list[list[NDArray[np.floating]]] = []
    for place, way in enumerate(ways):
        logits = way.run(texts)
        runs.append([rows[start - 1 : -1] for rows, start in zip(logits, starts, strict=True)])
        if on_progress is not None:
            on_progress(place + 1, len(ways), way.name)
    reference = np.concatenate(runs[0])
    owner = np.repeat(np.arange(len(texts)), [len(rows) for rows in runs[0]])
    margins = margin(reference)
    reports, flipped, noises = [], [], []
    for way, run in zip(ways[1:], runs[1:], strict=True):
        replayed = np.concatenate(run)
        noise = noise_scale(reference, replayed)
        flips = replayed.argmax(axis=-1) != reference.argmax(axis=-1)
        risks = flip_risk(reference, noise)
        by_text = [text_flip_risk(risks[owner == text]) for text in range(len(texts))]
        finite = np.isfinite(reference) & np.isfinite(replayed)
        reports.append(
            ReplayReport(
                way.name,
                way.differs,
                noise,
                float(np.abs(np.where(finite, replayed, 0.0) - np.where(finite, reference, 0.0)).max()),
                bool(np.array_equal(reference, replayed)),
                float(risks.sum()),
                int(flips.sum()),
                float(np.mean(by_text)),
                float(np.mean([flips[owner == text].any() for text in range(len(texts))])),
            )
        )
        flipped.append(flips)
        noises.append(noise)
    ties = _near_ties(source, texts, starts, owner, reference, margins, max(noises), flipped, ways[1:])
    return Determinism(
        source.name, len(texts), len(owner), tuple(reports), ties, _advice(reports, len(texts))
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


def _near_ties(
    source: Source,
    texts: list[list[int]],
    starts: list[int],
    owner: NDArray[np.int64],
    reference: NDArray[np.floating],
    margins: NDArray[np.floating],
    noise: float,
    flipped: list[NDArray[np.bool_]],
    ways: Sequence[Replay],
) -> tuple[NarrowPlace, ...]:
    """The positions within NEAR standard deviations of the largest noise or that flipped, smallest margin first."""
    wanted = np.flatnonzero((margins <= NEAR * noise) | np.any(flipped, axis=0))
    wanted = wanted[np.argsort(margins[wanted], kind="stable")][:MOST_LISTED]
    first_of = np.searchsorted(owner, np.arange(len(texts)))
    found = []
    for place in wanted:
        text = int(owner[place])
        position = int(place - first_of[text])
        best, second = np.argsort(-reference[place], kind="stable")[:2]
        found.append(
            NarrowPlace(
                text,
                position,
                source.decode(texts[text][: starts[text] + position]),
                source.token_text(int(best)),
                source.token_text(int(second)),
                float(margins[place]),
                float(flip_risk(reference[place], noise)),
                tuple(way.name for way, flips in zip(ways, flipped, strict=True) if flips[place]),
            )
        )
    return tuple(found)


def _advice(reports: Sequence[ReplayReport], num_texts: int) -> tuple[str, ...]:
    """What would make these texts reproducible, from what was seen to move them."""
    said = []
    same = [report.name for report in reports if report.bitwise]
    if same:
        said.append(f"Bit for bit the same here: {', '.join(same)}.")
    for report in sorted(reports, key=lambda one: -one.noise):
        if report.flips_observed:
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
