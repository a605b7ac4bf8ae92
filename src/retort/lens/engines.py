"""What the same settings mean in several engines, side by side, at one place of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from retort.blocks import Block, Column, line, table, token_label
from retort.chain.chain import Chain
from retort.chain.engines import ENGINES, Engine, find_engine
from retort.distribution.distribution import Distribution
from retort.distribution.divergences import total_variation
from retort.distribution.ranking import top_ids
from retort.errors import CapabilityError, InputError
from retort.numerals import number, probability
from retort.records import Record, new_axes, titled
from retort.sampling.params import SETTINGS, SamplingParams
from retort.sources.base import Capability, Source
from retort.sources.chat import prompt_for
from retort.sources.load import Model, opened, own_settings, with_breakers
from retort.transforms.context import Context

OURS = "retort"
"""The name under which retort's own default order stands beside the engines."""

REMOVED_SHOWN = 5
"""Of the tokens that a stage removes, so many are named: the most likely ones."""


@dataclass(frozen=True)
class EngineStage:
    """One stage in an engine: how many tokens it leaves and removes, the likeliest of these, and the mass it moves."""

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
    """The same settings after one prompt in several engines. `tokens`: the likeliest ones, and what becomes of them."""

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
        yield line(f"{self.model} after {self.prompt!r}", "bold", whole=True)
        if self.note is not None:
            yield line(f"Note: {self.note}", whole=True)
        for reading in self.engines:
            yield line("")
            yield from _reading_blocks(reading)
        yield line("")
        yield self._tokens_table()
        if self.total_variation:
            yield line("")
            yield table(
                ["two engines", ">total variation", ">only the first keeps", ">only the second keeps"],
                [
                    [
                        " and ".join(pair.engines),
                        probability(pair.total_variation),
                        f"{pair.only_first:,}",
                        f"{pair.only_second:,}",
                    ]
                    for pair in self.total_variation
                ],
            )
            yield line("Total variation: the share of draws that would differ between the two.")

    def _tokens_table(self) -> Block:
        headings = [Column("token", widest=22), Column("raw, τ = 1", right=True)]
        headings += [Column(reading.engine, right=True) for reading in self.engines]
        rows = [
            [
                token_label(token.token),
                probability(token.prob_raw),
                *(probability(prob) if prob > 0 else "-" for prob in token.probs),
            ]
            for token in self.tokens
        ]
        return table(headings, [*rows, ["possible tokens", "", *(f"{one.kept:,}" for one in self.engines)]])


def _reading_blocks(reading: EngineReading) -> Iterator[Block]:
    yield line(f"{reading.engine}: {reading.spec or '(nothing)'}", "bold", whole=True)
    if reading.unread:
        yield line(f"Does not apply: {', '.join(reading.unread)}", "yellow", whole=True)
    if reading.stages:
        yield table(
            [
                Column("stage", widest=34, fold=True),
                ">kept",
                ">removed",
                ">mass moved",
                "likeliest removed",
            ],
            [
                [
                    stage.stage,
                    f"{stage.kept:,}",
                    f"{stage.removed:,}",
                    probability(stage.moved),
                    " ".join(token_label(token) for token in stage.removed_tokens),
                ]
                for stage in reading.stages
            ],
        )
    yield line(
        f"{reading.kept:,} token{'s' * (reading.kept != 1)} possible; entropy of the sampled "
        f"distribution: {number(reading.entropy_nats)} nats."
    )
    for warning in reading.warnings:
        yield line(f"Warning: {warning}", "yellow")


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
    the model's template.
    float64 inside, entropies in nats. Raises InputError for no engine, an unknown or repeated one, settings that are
    not allowed, a chain among them, or `top` below 1; CapabilityError for a source without the whole vocabulary.
    """
    source = opened(model)
    said, request = _settings(settings)
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"explain needs the whole vocabulary, but {source.name} gives only its most probable tokens "
            f"({source.capability.value}); use a model that runs here."
        )
    names = [OURS if name.strip().lower() == OURS else find_engine(name).name for name in engines]
    if not names or len(set(names)) < len(names):
        raise InputError(f"explain compares engines, each once, got {', '.join(names) or 'none'}")
    if top < 1:
        raise InputError(f"top is the number of tokens to list and must be 1 or more, got {top}.")
    prompt_ids = prompt_for(source, prompt, chat).ids
    logits = np.asarray(source.start([prompt_ids]).logits[0], dtype=np.float64)
    context = Context(history=[prompt_ids], prompt_lengths=[len(prompt_ids)])
    ending = sorted(source.end_ids)
    readings, distributions = [], []
    for name in names:
        if name == OURS:
            ours = {name: value for name, value in said.items() if name != "samplers"}
            chain = Chain.of(**{"temperature": None, **ours}).ending_at(ending)
            reading, distribution = _read(source, None, chain, (), logits, context)
        else:
            engine = find_engine(name)
            there = engine.filled(said, own_settings(source)) if defaults else dict(said)
            there = with_breakers(there, engine.name, source)
            chain = Chain(engine.stages(there)).ending_at(ending)
            reading, distribution = _read(source, engine, chain, engine.unread(there), logits, context)
            refused = engine.refused({**there, **request})
            reading = replace(reading, warnings=(*refused, *engine.idle(there), *reading.warnings))
        readings.append(reading)
        distributions.append(distribution)
    return Engines(
        model=source.name,
        prompt=prompt,
        note=source.note,
        vocabulary=source.vocab_size,
        settings=dict(said),
        engines=tuple(readings),
        total_variation=_pairs(readings, distributions),
        tokens=_tokens(source, Distribution(logits=logits), distributions, top),
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
    off = {} if isinstance(settings, SamplingParams) else _said_to_be_off(settings)
    return {**SamplingParams.said(named)[1], **off}, named


def _said_to_be_off(settings: Mapping[str, Any]) -> dict[str, None]:
    """A setting that is None is off, also where `defaults` would fill in what was not given."""
    return {name: None for name, value in settings.items() if value is None and name in SETTINGS}


def _read(
    source: Source,
    engine: Engine | None,
    chain: Chain,
    unread: tuple[str, ...],
    logits: np.ndarray,
    context: Context,
) -> tuple[EngineReading, Distribution]:
    explanation = chain.explain(logits, context=context)
    distribution = Distribution(logits=explanation.processed)
    ids = top_ids(explanation.processed, explanation.kept)
    stages = tuple(
        EngineStage(
            report.stage,
            report.kept,
            report.removed,
            tuple(source.token_text(token) for token in report.removed_ids[:REMOVED_SHOWN]),
            float(report.kept_mass),
            float(report.moved or 0.0),
        )
        for report in explanation.stages
    )
    reading = EngineReading(
        engine=OURS if engine is None else engine.name,
        version="the default order" if engine is None else engine.version,
        spec=explanation.spec,
        kept=explanation.kept,
        ids=tuple(ids.tolist()),
        entropy_nats=float(distribution.entropy),
        unread=unread,
        stages=stages,
        warnings=explanation.warnings,
        notes=() if engine is None else engine.notes,
    )
    return reading, distribution


def _pairs(
    readings: Sequence[EngineReading], distributions: Sequence[Distribution]
) -> tuple[EnginePair, ...]:
    return tuple(
        EnginePair(
            engines=(readings[one].engine, readings[other].engine),
            total_variation=float(
                total_variation(distributions[one].log_probs, distributions[other].log_probs)
            ),
            only_first=len(set(readings[one].ids) - set(readings[other].ids)),
            only_second=len(set(readings[other].ids) - set(readings[one].ids)),
        )
        for one, other in combinations(range(len(readings)), 2)
    )


def _tokens(
    source: Source, raw: Distribution, distributions: Sequence[Distribution], top: int
) -> tuple[EngineToken, ...]:
    ids = [int(token) for token in raw.top(top) if raw.logits[int(token)] > -np.inf]
    return tuple(
        EngineToken(
            token,
            source.token_text(token),
            float(raw.probs[token]),
            tuple(float(distribution.probs[token]) for distribution in distributions),
        )
        for token in ids
    )
