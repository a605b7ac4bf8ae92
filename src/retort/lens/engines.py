"""What the same settings mean in several engines, side by side, at one place of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from retort.blocks import Block, Column, Writers, columns, line, table, token_label
from retort.chain.chain import Chain
from retort.chain.engines import ENGINES, find_engine
from retort.chain.stage import StageReport
from retort.distribution.distribution import Distribution
from retort.distribution.divergences import total_variation
from retort.distribution.ranking import top_ids
from retort.errors import InputError
from retort.lens.asking import ask, heading
from retort.numerals import number, probability
from retort.records import Record, new_axes, titled
from retort.sampling.params import SETTINGS, SamplingParams
from retort.sources.base import Source
from retort.sources.load import Model, opened, own_settings, with_breakers
from retort.transforms.context import Context

OURS = "retort"
"""The name under which retort's own default order stands beside the engines."""

REMOVED_SHOWN = 5
"""Of the tokens that a stage removes, so many are named: the most likely ones."""

DETAILED = 2
"""Up to so many engines, the terminal shows a table of the stages of each; the record always has them."""

SAME = 1e-9
"""Total variation up to which two engines' distributions are the same: the order of float64 operations differs."""

TIES = re.compile(r"(\w+)\(([^,()]+), ties=\w+\)")

MOVED = (
    "Probability moved: the share of a stage's input that ends on other tokens (total variation). For a truncation it "
    "is the share that is removed."
)


Groups = dict[str, list[int]]
"""By the label that tables show, the places of engines that sample from the same distribution."""


@dataclass(frozen=True)
class EngineStage:
    """One stage in an engine: tokens left and removed, the most likely removed ones, and the probability it moves."""

    stage: str
    kept: int
    removed: int
    removed_tokens: tuple[str, ...]
    kept_mass: float
    moved: float


@dataclass(frozen=True)
class EngineReading:
    """The distribution that one engine samples from with the settings.

    `spec`: its chain. `ids`: the `kept` possible tokens, most likely first. `entropy_nats`: of the distribution
    that is sampled, after the whole chain, renormalised. `unread`: settings that it does not apply. `notes`: where the
    engine does more than a chain can say.
    """

    engine: str
    version: str
    spec: str
    kept: int
    ids: tuple[int, ...]
    entropy_nats: float
    unread: tuple[str, ...]
    stages: tuple[EngineStage, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class EnginePair:
    """Two engines: the total variation of what they sample from, and how many tokens only one of them can say."""

    engines: tuple[str, str]
    total_variation: float
    only_first: int
    only_second: int


@dataclass(frozen=True)
class EngineToken:
    """One token, its probability in the model itself (τ = 1), and in each engine, in the engines' order."""

    id: int
    token: str
    prob_raw: float
    probs: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class Engines(Record):
    """The same settings after one prompt in several engines. `tokens`: the most likely, and what becomes of them."""

    model: str
    prompt: str
    note: str | None
    vocabulary: int
    settings: Mapping[str, Any]
    engines: tuple[EngineReading, ...]
    total_variation: tuple[EnginePair, ...]
    tokens: tuple[EngineToken, ...]

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per token: its probability in the model itself and in each engine."""
        names = [reading.engine for reading in self.engines]
        return [
            {
                "id": token.id,
                "token": token.token,
                "prob_raw": token.prob_raw,
                **{f"prob_{name}": prob for name, prob in zip(names, token.probs, strict=True)},
            }
            for token in self.tokens
        ]

    def plot(self, axes: Any = None) -> Any:
        """The probability of each listed token in each engine."""
        axes = new_axes(axes)
        width = 0.8 / len(self.engines)
        for place, reading in enumerate(self.engines):
            at = [token + (place - (len(self.engines) - 1) / 2) * width for token in range(len(self.tokens))]
            axes.bar(at, [token.probs[place] for token in self.tokens], width, label=reading.engine)
        axes.set_xticks(
            range(len(self.tokens)),
            labels=[token_label(token.token) for token in self.tokens],
            parse_math=False,
        )
        axes.set_ylabel("probability of being drawn")
        titled(axes, f"{self.model} after {self.prompt!r}, the same settings")
        axes.legend()
        return axes

    def blocks(self) -> Iterator[Block]:
        yield from heading(self.model, repr(self.prompt), None, self.note)
        groups = self._groups()
        yield line(_told(len(self.engines), len(groups)))
        yield line("")
        yield self._orders_table(groups)
        yield from self._idle_settings()
        if len(self.engines) <= DETAILED:
            for reading in self.engines:
                yield from _stages_blocks(reading)
            yield line(MOVED)
        yield line("")
        yield self._tokens_table(groups)
        yield from self._distances(groups)
        yield from self._warnings(groups)

    def _groups(self) -> Groups:
        """The engines that sample from the same distribution together, in the order of their first ones."""
        different = {pair.engines for pair in self.total_variation if pair.total_variation > SAME}
        members: list[list[int]] = []
        for place, reading in enumerate(self.engines):
            # An engine joins the first group whose first engine samples as it does.
            same = (one for one in members if (self.engines[one[0]].engine, reading.engine) not in different)
            joined = next(same, None)
            if joined is None:
                members.append([place])
            else:
                joined.append(place)
        # Letters save columns only where some engines agree.
        if len(members) == len(self.engines):
            return {reading.engine: [place] for place, reading in enumerate(self.engines)}
        return {chr(ord("A") + number): places for number, places in enumerate(members)}

    def _orders_table(self, groups: Groups) -> Block:
        labels = {place: label for label, places in groups.items() for place in places}
        group: Writers = {"group": lambda place: labels[place]} if len(groups) < len(labels) else {}
        return columns(
            labels,
            {
                **group,
                "engine": lambda place: self.engines[place].engine,
                Column("its stages, in order", widest=60, fold=True): lambda place: (
                    self.engines[place].spec or "(no stage)"
                ),
                "tokens left after each": lambda place: (
                    ", ".join(f"{stage.kept:,}" for stage in self.engines[place].stages) or "all"
                ),
            },
            lead=len(group) + 1,
        )

    def _idle_settings(self) -> Iterator[Block]:
        by: dict[str, list[str]] = {}
        for reading in self.engines:
            if reading.unread:
                by.setdefault(", ".join(reading.unread), []).append(reading.engine)
        for names, engines in by.items():
            yield line(f"Does not apply {names}: {', '.join(engines)}.", "yellow")

    def _tokens_table(self, groups: Groups) -> Block:
        first = [places[0] for places in groups.values()]
        rows = [
            [
                token_label(token.token),
                probability(token.prob_raw),
                *(probability(token.probs[place]) if token.probs[place] > 0 else "-" for place in first),
            ]
            for token in self.tokens
        ]
        rows.append(["tokens possible", "", *(f"{self.engines[place].kept:,}" for place in first)])
        rows.append(["entropy, nats", "", *(number(self.engines[place].entropy_nats) for place in first)])
        return table([Column("token", widest=22), ">model, τ = 1", *(f">{label}" for label in groups)], rows)

    def _distances(self, groups: Groups) -> Iterator[Block]:
        """How far the groups are apart: a sentence for two of them, a square table for more."""
        if len(groups) < 2:
            return
        by = {frozenset(pair.engines): pair for pair in self.total_variation}

        def between(one: str, other: str) -> EnginePair:
            return by[frozenset(self.engines[groups[label][0]].engine for label in (one, other))]

        yield line("")
        if len(groups) == 2:
            first, second = groups
            pair = between(first, second)
            yield line(
                f"{probability(pair.total_variation)} of the draws would differ between {first} and {second} (total "
                f"variation). Tokens that only {first} can give: {pair.only_first:,}; only {second}: "
                f"{pair.only_second:,}."
            )
            return
        yield line("Total variation: the share of draws that would differ between the two.")
        distances = [
            ["-" if one == other else probability(between(one, other).total_variation) for other in groups]
            for one in groups
        ]
        yield table(
            ["", *(f">{label}" for label in groups)],
            [[label, *row] for label, row in zip(groups, distances, strict=True)],
        )

    def _warnings(self, groups: Groups) -> Iterator[Block]:
        """Each warning once, with the engines that it is for; ties, in which engines differ, are left out of it."""
        by: dict[str, list[str]] = {}
        for reading in self.engines:
            for warning in reading.warnings:
                said = warning if len(self.engines) == 1 else TIES.sub(r"\1=\2", warning)
                by.setdefault(said, []).append(reading.engine)
        labels = {
            tuple(sorted(self.engines[place].engine for place in places)): label
            for label, places in groups.items()
        }
        for said, engines in by.items():
            of = labels.get(tuple(sorted(engines)), ", ".join(engines))
            of = "" if len(engines) == len(self.engines) else f" ({of})"
            yield line(f"Warning{of}: {said}", "yellow")


def _told(engines: int, groups: int) -> str:
    sampled = "The probabilities below are of what is sampled: after all stages, renormalised."
    if engines == 1:
        return sampled
    if groups == 1:
        return f"With these settings all {engines} engines sample from the same distribution. {sampled}"
    return f"With these settings {engines} engines sample from {groups} different distributions. {sampled}"


def _stages_blocks(reading: EngineReading) -> Iterator[Block]:
    if not reading.stages:
        return
    yield line("")
    yield columns(
        reading.stages,
        {
            Column(f"{reading.engine}: stage", widest=34, fold=True): lambda stage: stage.stage,
            ">tokens kept": lambda stage: f"{stage.kept:,}",
            ">removed": lambda stage: f"{stage.removed:,}",
            ">probability moved": lambda stage: probability(stage.moved),
            "most likely removed": lambda stage: " ".join(map(token_label, stage.removed_tokens)),
        },
    )


def explain(
    model: Model,
    prompt: str,
    settings: Mapping[str, Any] | SamplingParams | None = None,
    engines: Sequence[str] = tuple(ENGINES),
    *,
    defaults: bool = False,
    top: int = 10,
    chat: bool | None = None,
) -> Engines:
    """What `settings` mean after `prompt` in each engine. `settings`: a mapping in any engine's names, or params.

    One forward pass. A setting that an engine does not apply is left out there and named in `unread`. `defaults`: use
    the engine's defaults, and the model's own settings where the engine reads them, for settings that are not given.
    "retort" among the engines is retort's default order. `chat`: the prompt is one message of the user, written with
    the model's template. float64 inside, entropies in nats. Raises InputError for no engine, an unknown or repeated
    one, settings that are not allowed, a chain among them, or `top` below 1; CapabilityError for a source without the
    whole vocabulary.
    """
    source = opened(model)
    said, request = _settings(settings)
    prompt_ids = ask(source, prompt, chat, "explain").ids
    names = [OURS if name.strip().lower() == OURS else find_engine(name).name for name in engines]
    if not names or len(set(names)) < len(names):
        raise InputError(f"explain compares engines, each once, got {', '.join(names) or 'none'}")
    if top < 1:
        raise InputError(f"top is the number of tokens to list and must be 1 or more, got {top}.")
    logits = np.asarray(source.start([prompt_ids]).logits[0], dtype=np.float64)
    context = Context(history=[prompt_ids], prompt_lengths=[len(prompt_ids)])
    ending = sorted(source.end_ids)
    readings, distributions = [], []
    for name in names:
        chain, told, warnings = _in_engine(name, source, said, request, defaults)
        # min_tokens forbids the ids that end a text, and the model says which these are.
        found = chain.ending_at(ending).explain(logits, context=context)
        distribution = Distribution(logits=found.processed)
        distributions.append(distribution)
        readings.append(
            EngineReading(
                **told,
                spec=found.spec,
                kept=found.kept,
                ids=tuple(top_ids(found.processed, found.kept).tolist()),
                entropy_nats=float(distribution.entropy),
                stages=tuple(_stage(source, report) for report in found.stages),
                warnings=(*warnings, *found.warnings),
            )
        )
    raw = Distribution(logits=logits)
    listed = [token for token in raw.top(top).tolist() if logits[token] > -np.inf]
    return Engines(
        model=source.name,
        prompt=prompt,
        note=source.note,
        vocabulary=source.vocab_size,
        settings=dict(said),
        engines=tuple(readings),
        total_variation=tuple(
            EnginePair(
                engines=(one.engine, other.engine),
                total_variation=float(total_variation(of_one.log_probs, of_other.log_probs)),
                only_first=len(set(one.ids) - set(other.ids)),
                only_second=len(set(other.ids) - set(one.ids)),
            )
            for (one, of_one), (other, of_other) in combinations(zip(readings, distributions, strict=True), 2)
        ),
        tokens=tuple(
            EngineToken(
                id=token,
                token=source.token_text(token),
                prob_raw=float(raw.probs[token]),
                probs=tuple(float(distribution.probs[token]) for distribution in distributions),
            )
            for token in listed
        ),
    )


def _in_engine(
    name: str, source: Source, said: Mapping[str, Any], request: Mapping[str, Any], defaults: bool
) -> tuple[Chain, dict[str, Any], tuple[str, ...]]:
    """The engine's chain, what its reading says of it, and what it would refuse or ignore."""
    if name == OURS:
        # An order of llama.cpp's samplers; retort's default order is its own.
        ours = {name: value for name, value in said.items() if name != "samplers"}
        told = {"engine": OURS, "version": "the default order", "unread": (), "notes": ()}
        return Chain.of(**{"temperature": None, **ours}), told, ()
    engine = find_engine(name)
    there = engine.filled(said, own_settings(source)) if defaults else dict(said)
    there = with_breakers(there, engine.name, source)
    told = {
        "engine": engine.name, "version": engine.version, "unread": engine.unread(there), "notes": engine.notes
    }  # fmt: skip
    warnings = (*engine.refused({**there, **request}), *engine.idle(there))
    return Chain(engine.stages(there)), told, warnings


def _stage(source: Source, report: StageReport) -> EngineStage:
    return EngineStage(
        report.stage,
        report.kept,
        report.removed,
        tuple(map(source.token_text, report.removed_ids[:REMOVED_SHOWN])),
        float(report.kept_mass),
        float(report.moved or 0.0),
    )


def _settings(settings: Mapping[str, Any] | SamplingParams | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of transforms, under our names (None: said to be off), and all that was asked for."""
    if settings is None:
        return {}, {}
    if isinstance(settings, SamplingParams):
        named = {**settings.settings, **({} if settings.chain is None else {"chain": settings.chain})}
    else:
        named = SamplingParams.named(settings)
    if named.get("chain") is not None:
        raise InputError("a chain has its own order in every engine; give single settings.")
    # A setting that is None is off, also where `defaults` would fill in what was not given.
    off = {}
    if not isinstance(settings, SamplingParams):
        off = {name: None for name, value in settings.items() if value is None and name in SETTINGS}
    return {**SamplingParams.said(named)[1], **off}, named
