"""One prompt, several temperatures: what the model would say next, and what a chain would leave of it.

Three distributions are told apart everywhere: *raw* (the model's own, τ = 1), *tempered* (the whole vocabulary at
another τ), and *processed* (what is left after a chain, renormalised: what sampling draws from). A source that names
its most likely tokens only leaves every measure an interval; with the whole vocabulary its two ends are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from retort.blocks import Block, Cell, Column, columns, line, shown, table, token_label
from retort.chain.chain import Chain
from retort.distribution import Interval, PartialDistribution
from retort.distribution.bounds import log_of
from retort.distribution.distribution import Distribution
from retort.distribution.measures import NOISE_SCALE, as_interval, margin, swap_risk
from retort.errors import InputError
from retort.lens.asking import ask, asked_of, chain_of, heading, told_of
from retort.lens.compare import nearest_temperature
from retort.lens.distance import DISTANCES, distance
from retort.numerals import counted, decimals, number, probability
from retort.records import Measures, Record, exact, new_axes, titled
from retort.sources.base import Capability, KnownTop, PartialSource, Source
from retort.sources.chat import Conversation, Message, Prompt, asked
from retort.sources.load import Model, opened
from retort.transforms.context import Context

TEMPERATURES = (0.1, 1.0, 2.0)
TOP = 10
MOST_TIES = 100
"""Near ties that are listed; a flat row has as many as the vocabulary has tokens."""

SHOWN_TIES = 5
WIDEST_TOKEN = 22


@dataclass(frozen=True)
class TopToken:
    """One of the most likely tokens, with its logprob (nats) and prob in this distribution. `id` and `logit` (raw)
    are None if a server does not give them. `logprob_raw` is the logprob at τ = 1, from a server as given: the true
    value may be `Look.rounding` away.
    """

    token: str
    id: int | None
    logit: float | None
    logprob_raw: float
    logprob: Interval
    prob: Interval


@dataclass(frozen=True)
class LookRow:
    """The tempered distribution at one τ. `unseen` is the share of all tokens that the source does not name."""

    temperature: float
    entropy_nats: Interval
    effective_support: Interval
    unseen: Interval
    top: tuple[TopToken, ...]

    @property
    def entropy_low(self) -> float:
        """The low end of `entropy_nats`."""
        return float(self.entropy_nats.low)

    @property
    def entropy_high(self) -> float:
        """The high end of `entropy_nats`."""
        return float(self.entropy_nats.high)


@dataclass(frozen=True)
class LookStage:
    """What one stage of the chain did: tokens kept and removed, and the share of the mass entering it that it kept."""

    stage: str
    kept: int
    removed: int
    kept_mass: Interval


@dataclass(frozen=True)
class LookChain:
    """What a chain does to this row. `entropy_nats`, `effective_support` and `top` are of the processed distribution.

    `kept_mass` is the probability of the tokens that survive after everything that moves logits (bias, penalties,
    temperature), `kept_raw_mass` their raw one. `margin` is that of the chain's greedy choice: the gap of the two
    largest logits after bias and penalties, before the division by τ.
    """

    spec: str
    stages: tuple[LookStage, ...]
    kept: int
    kept_mass: Interval
    kept_raw_mass: Interval
    margin: Interval
    near_tie: bool | None
    warnings: tuple[str, ...]
    entropy_nats: Interval
    effective_support: Interval
    top: tuple[TopToken, ...]


@dataclass(frozen=True)
class NearTie:
    """A token nearly as likely as the best one: the best raw logit minus its own, and the chance that noise swaps them.

    The chance is for the two of them alone, for Gaussian noise of standard deviation `noise_scale` on their gap.
    """

    token: str
    id: int | None
    margin: Interval
    flip_risk: Interval


@dataclass(frozen=True)
class Against:
    """The other model and prompt, and the distance of its raw distribution B (τ = 1) from the first one's A; nats.

    `kl_ab` is KL(A ‖ B), inf where B excludes a token that A can give. `equivalent_temperature`: the τ at which B is
    nearest to A, where `kl_left` is left; None where no temperature makes them near, or one of them names its best
    tokens only.
    """

    model: str
    prompt: str | None
    kl_ab: Interval
    kl_ba: Interval
    jsd: Interval
    total_variation: Interval
    equivalent_temperature: float | None = None
    kl_left: float | None = None


@dataclass(frozen=True, repr=False)
class Look(Record):
    """What `look` found. `margin` is the raw logit difference of the two most likely tokens (nats at τ = 1).

    `known` is "full", or "top_n" for a source that names its `known_tokens` most likely tokens only, each logprob
    to `rounding`. `vocabulary` is None if it is not known; intervals then hold for up to `vocabulary_at_most` tokens.
    `near_tie`: numerical noise of `noise_scale` (logit units) could make another token the best one, None if rounding
    leaves it open; `near_ties` are those tokens (up to 100 of `near_ties_total`). `rendered` is what the model saw,
    where `prompt` was a conversation: then it is the same text. `against` and `other`: a second look to compare with,
    in the document only where there is one.
    """

    model: str
    prompt: str | None
    vocabulary: int | None
    vocabulary_at_most: int
    known: str
    known_tokens: int
    note: str | None
    margin: Interval
    rounding: float
    noise_scale: float
    near_tie: bool | None
    near_ties: tuple[NearTie, ...]
    near_ties_total: int
    rows: tuple[LookRow, ...]
    chain: LookChain | None
    probe: Any = None
    messages: tuple[Message, ...] | None = None
    rendered: str | None = None
    against: Against | None = None
    other: Look | None = None

    MEASURES: ClassVar[tuple[str, ...]] = ("entropy", "effective_support", "margin", "near_ties", "top_prob")
    CHAIN_MEASURES: ClassVar[tuple[str, ...]] = ("processed_entropy", "kept", "warnings")
    AGAINST_MEASURES: ClassVar[tuple[str, ...]] = DISTANCES

    def fields(self) -> dict[str, Any]:
        found = super().fields()
        if self.against is None:
            del found["against"], found["other"]
        return found

    def measures(self) -> Measures:
        found = {
            "entropy": [row.entropy_nats for row in self.rows],
            "effective_support": [row.effective_support for row in self.rows],
            "margin": [self.margin],
            "near_ties": [exact(self.near_ties_total)],
            "top_prob": [row.top[0].prob for row in self.rows if row.top],
        }
        if self.chain is not None:
            found["processed_entropy"] = [self.chain.entropy_nats]
            found["kept"] = [exact(self.chain.kept)]
            found["warnings"] = [exact(len(self.chain.warnings))]
        if self.against is not None:
            found |= {name: [getattr(self.against, name)] for name in self.AGAINST_MEASURES}
        return found

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per temperature and token."""
        return [
            {"temperature": row.temperature, **vars(token), "entropy_nats": row.entropy_nats}
            for row in self.rows
            for token in row.top
        ]

    def plot(self, axes: Any = None) -> Any:
        """The listed tokens' probabilities, a group of bars per temperature; a line marks an interval's two ends."""
        axes = new_axes(axes)
        height = 0.8 / len(self.rows)
        for place, row in enumerate(self.rows):
            ends = [(token.prob.low, token.prob.high) for token in row.top]
            where = [at + place * height for at in range(len(ends))]
            axes.barh(where, [low for low, _ in ends], height, label=f"τ = {row.temperature:g}")
            for at, (low, high) in zip(where, ends, strict=True):
                axes.plot([low, high], [at, at], color="black", linewidth=1)
        names = [token_label(token.token) for token in self.rows[0].top]
        axes.set_yticks([at + 0.4 - height / 2 for at in range(len(names))], labels=names, parse_math=False)
        axes.invert_yaxis()
        axes.set_xlabel("probability of the next token")
        titled(axes, f"{self.model} after {self.prompt!r}")
        axes.legend(loc="lower right")  # bars get shorter downwards
        return axes

    def blocks(self) -> Iterator[Block]:
        yield from self._own_blocks()
        if self.against is None or self.other is None:
            return
        yield from self.other._own_blocks()
        found = self.against
        yield line(
            f"The first is A, the second B, both raw (τ = 1): KL(A‖B) {shown(found.kl_ab)}, KL(B‖A) "
            f"{shown(found.kl_ba)}, Jensen-Shannon {shown(found.jsd)} nats; "
            f"{shown(found.total_variation, probability)} of the probability would have to move (total variation)."
        )
        yield from nearest_temperature(found)

    def _own_blocks(self) -> Iterator[Block]:
        said = "a conversation" if self.prompt is None else repr(self.prompt)
        yield from heading(self.model, said, self.rendered, self.note)
        if self.chain is not None:
            yield from _chain_blocks(self.chain)
            yield line("")
            yield line("Without the chain", "bold")
        scale = "τ = 1 is the model's own distribution (raw); every other τ is tempered, softmax(logits / τ)."
        if self.known == Capability.FULL.value:
            yield line(
                f"Next-token probabilities over the whole vocabulary ({self.vocabulary:,} tokens), before any "
                f"truncation. {scale} Logits are raw."
            )
        else:
            of = f"{self.vocabulary:,}" if self.vocabulary else f"at most {self.vocabulary_at_most:,}"
            yield line(
                f"{self.known_tokens:,} tokens of {of} are known, so most numbers are intervals with the true "
                "value inside. "
                f"{scale}"
            )
        yield _rows_table(self.rows)
        known_to = "" if self.margin.exact else f" nats, known to {number(2 * self.rounding, 1)}"
        yield line(
            f"Margin of the most likely token over the second: {shown(self.margin)}{known_to or ' (raw logits)'}. "
            "Effective support: the number of equally likely tokens that would be as uncertain, e^entropy."
        )
        yield from self._tie_blocks()

    def _tie_blocks(self) -> Iterator[Block]:
        """Which tokens noise could put first, and the chance of each; nothing where there are none."""
        if not self.near_ties:
            return
        sure = "Near tie" if self.near_tie else "Possibly a near tie, hidden by rounding"
        ties = ", ".join(
            f"{token_label(tie.token)} {shown(tie.margin)} below (chance {shown(tie.flip_risk, probability)})"
            for tie in self.near_ties[:SHOWN_TIES]
        )
        more = self.near_ties_total - SHOWN_TIES
        yield line(
            f"{sure}: {ties}{f', and {more:,} more' if more > 0 else ''}. Numerical noise of {self.noise_scale:g} in "
            "the logits, such as between two machines or batch sizes, could make another token the most likely one.",
            "yellow",
        )


def look(
    model: Model,
    prompt: Prompt,
    temperatures: Sequence[float] = TEMPERATURES,
    chain: Chain | str | None = None,
    top: int = TOP,
    *,
    noise_scale: float = NOISE_SCALE,
    against: Model | None = None,
    against_prompt: Prompt | None = None,
    chat: bool | None = None,
) -> Look:
    """The next-token distribution after `prompt` at each temperature, and the stages of `chain` if one is given.

    One forward pass serves all temperatures. τ never reorders tokens, so every row lists the same `top` tokens; tokens
    that can never come (logit -inf) are not listed. A chain without a temperature stage is read at τ = 1. A prompt of
    messages is written with the model's own chat template; `chat` True makes a text one message of the user, False
    makes messages plain text. `noise_scale`: how far two logits may move against each other between two runs of the
    model (see `NOISE_SCALE`). `against`, `against_prompt`: another model, the same model after another prompt, or both,
    and how far it is from this. Entropies in nats; float64 inside.
    Raises InputError for an empty list of temperatures, a negative one, or `top` below 1; CapabilityError for a chain
    that cannot be decided from what a source knows, and for messages where a source has no chat template.
    """
    if len(temperatures) == 0:
        raise InputError("look got no temperature; give at least one, for instance 1.")
    if top < 1:
        raise InputError(f"top is the number of tokens to list and must be 1 or more, got {top}.")
    through, question = chain_of(chain), asked(prompt, chat)

    def look_at(source: Source, question: str | Conversation) -> tuple[Look, _Row]:
        row = _row(source, question, top)
        return _look(row, temperatures, through, top, noise_scale), row

    source = opened(model)
    first, row = look_at(source, question)
    if against is None and against_prompt is None:
        return first
    second = source if against is None else opened(against)
    other, other_row = look_at(second, question if against_prompt is None else asked(against_prompt, chat))
    apart = distance(source, row.found, second, other_row.found)
    return replace(first, other=other, against=Against(other.model, other.prompt, **apart))


@dataclass(frozen=True)
class _Row:
    """The tokens after a prompt as far as they are known: all of them, by id, or a list, by place.

    `told`: the fields of the record that say what is known. `gaps` `[tokens]`: by how much a token's logit is below the
    best one; inf for the best one itself, which is no rival. `named`: a token's text, id, raw logit and raw logprob.
    """

    found: np.ndarray | KnownTop
    raw: Distribution | PartialDistribution
    told: dict[str, Any]
    gaps: Interval
    named: Callable[[int], tuple[str, int | None, float | None, float]]
    context: Context | None = None


def _row(source: Source, question: str | Conversation, top: int) -> _Row:
    """One forward pass, or one request."""
    if source.capability is not Capability.FULL:
        return _listed(source, question, cast(PartialSource, source).next_tokens(question, top))
    seen = ask(source, question)
    logits = np.asarray(source.start([seen.ids]).logits[0], dtype=np.float64)
    raw, best = Distribution(logits=logits), logits.argmax()
    gaps = logits[best] - logits
    gaps[best] = math.inf
    size = dict.fromkeys(("vocabulary", "vocabulary_at_most", "known_tokens"), source.vocab_size)
    return _Row(
        found=logits,
        raw=raw,
        told=told_of(source) | asked_of(source, question, seen) | size | {"rounding": 0.0},
        gaps=Interval(gaps, gaps),
        named=lambda one: (source.token_text(one), one, float(logits[one]), float(raw.log_probs[one])),
        context=Context(history=[seen.ids], prompt_lengths=[len(seen.ids)]),
    )


def _listed(source: Source, question: str | Conversation, known: KnownTop) -> _Row:
    log_probs = np.array([token.logprob for token in known.tokens])
    gaps = np.maximum(log_probs[0] - log_probs, 0.0)
    gaps[0] = math.inf
    # Both logprobs of a gap are rounded.
    slack = 2.0 * known.rounding
    size = {
        "vocabulary": known.vocabulary,
        "vocabulary_at_most": known.num_tokens,
        "known_tokens": len(known.tokens),
        "rounding": known.rounding,
    }
    return _Row(
        found=known,
        raw=known.at(1.0),
        told=told_of(source) | asked_of(source, question) | size,
        gaps=Interval(np.maximum(gaps - slack, 0.0), gaps + slack),
        named=lambda at: (known.tokens[at].token, known.tokens[at].id, None, known.tokens[at].logprob),
    )


def _look(
    row: _Row, temperatures: Sequence[float], chain: Chain | None, top: int, noise_scale: float
) -> Look:
    rows = []
    for temperature in temperatures:
        at = row.raw.at(temperature)
        entropy = as_interval(at.entropy)
        support = Interval(math.exp(entropy.low), math.exp(entropy.high))
        unseen = at.unseen if isinstance(at, PartialDistribution) else exact(0.0)
        listed = _top_tokens(row, at, as_interval(at.probs), top)
        rows.append(LookRow(at.temperature, entropy, support, unseen, listed))
    gap = as_interval(row.raw.margin)
    ties, total = _near_ties(row, noise_scale)
    return Look(
        **row.told,
        margin=gap,
        noise_scale=float(noise_scale),
        near_tie=_is_near_tie(gap, noise_scale),
        near_ties=ties,
        near_ties_total=total,
        rows=tuple(rows),
        chain=None if chain is None else _through(row, chain, top, noise_scale),
    )


def _top_tokens(
    row: _Row, left: Distribution | PartialDistribution, probs: Interval, top: int
) -> tuple[TopToken, ...]:
    """The most likely tokens of a whole row of those that can come, or the first of a list; `probs` by id or place."""
    if isinstance(left, Distribution):
        log_probs = left.log_probs
        places = [token for token in left.top(top).tolist() if left.logits[token] > -math.inf]
        logs = {place: exact(log_probs[place]) for place in places}
    else:
        places = list(range(min(top, row.told["known_tokens"])))
        logs = {place: Interval(log_of(probs.low[place]), log_of(probs.high[place])) for place in places}
    return tuple(
        TopToken(*row.named(one), logs[one], Interval(float(probs.low[one]), float(probs.high[one])))
        for one in places
    )


def _near_ties(row: _Row, noise_scale: float) -> tuple[tuple[NearTie, ...], int]:
    """The tokens that may lie within `noise_scale` of the best one, nearest first, and how many there are.

    At most `MOST_TIES` are listed.
    """
    near = np.flatnonzero(row.gaps.low <= noise_scale)
    listed = near[np.argsort(row.gaps.high[near], kind="stable")][:MOST_TIES]
    low, high = row.gaps.low[listed], row.gaps.high[listed]
    # The wider the gap, the smaller the risk, so the ends change places.
    ends = np.stack([low, high, swap_risk(high, noise_scale), swap_risk(low, noise_scale)], axis=1)
    ties = tuple(
        NearTie(*row.named(token)[:2], Interval(least, most), Interval(less, more))
        for token, (least, most, less, more) in zip(listed.tolist(), ends.tolist(), strict=True)
    )
    return ties, len(near)


def _through(row: _Row, chain: Chain, top: int, noise_scale: float) -> LookChain:
    found = chain.explain(row.raw, context=row.context)
    listed = _top_tokens(row, found.left, found.probs, top)
    if isinstance(row.raw, Distribution):
        gap = exact(margin(chain.run(row.raw.logits, context=row.context).undivided))
    else:
        gap = row.raw.margin
        # Of a list the chain removes tokens too, and the table is of what is left.
        listed = tuple(one for one in listed if one.prob.high > 0.0)
    return LookChain(
        spec=found.spec,
        stages=tuple(
            LookStage(stage.stage, stage.kept, stage.removed, stage.kept_mass) for stage in found.stages
        ),
        kept=found.kept,
        kept_mass=found.kept_mass,
        kept_raw_mass=found.kept_raw_mass,
        margin=gap,
        near_tie=_is_near_tie(gap, noise_scale),
        warnings=found.warnings,
        entropy_nats=found.entropy,
        effective_support=found.effective_support,
        top=listed,
    )


def _is_near_tie(gap: Interval, noise_scale: float) -> bool | None:
    """None where the gap is not known well enough."""
    return True if gap.high <= noise_scale else False if gap.low > noise_scale else None


def _prob_cell(prob: Interval) -> Cell:
    if prob.exact:
        return Cell(f"{probability(prob.low):>7}", share=prob.low)
    return Cell(shown(prob, probability))


def _rows_table(rows: tuple[LookRow, ...]) -> Block:
    # A server gives no logits; then the column holds logprobs.
    whole = rows[0].top and rows[0].top[0].logit is not None
    names = {0.0: "greedy", 1.0: "raw"}
    headings = [
        Column("token", widest=WIDEST_TOKEN),
        ">logit" if whole else ">logprob",
        *(Column(f"τ = {row.temperature:g}, {names.get(row.temperature, 'tempered')}") for row in rows),
    ]
    cells: list[list[str | Cell]] = [
        [
            token_label(token.token),
            decimals(token.logprob_raw) if token.logit is None else decimals(token.logit, 2),
            *(_prob_cell(row.top[place].prob) for row in rows),
        ]
        for place, token in enumerate(rows[0].top)
    ]
    cells.append([""] * len(headings))
    if not whole:
        cells.append(["all others unseen", "", *(shown(row.unseen, probability) for row in rows)])
    for name, field in (("entropy, nats", "entropy_nats"), ("effective support", "effective_support")):
        cells.append([name, "", *(f"{shown(getattr(row, field)):>7}" for row in rows)])
    return table(headings, cells, lead=2)


def _chain_blocks(chain: LookChain) -> Iterator[Block]:
    yield line(f"Chain: {chain.spec or '(empty)'}", "bold", whole=True)
    yield columns(
        chain.stages,
        {
            "stage": lambda stage: stage.stage,
            ">tokens kept": lambda stage: f"{stage.kept:,}",
            ">removed": lambda stage: f"{stage.removed:,}",
            ">kept mass of its input": lambda stage: shown(stage.kept_mass, probability),
        },
    )
    yield line(
        f"Processed (what sampling draws from, renormalised): {counted(chain.kept, 'token')}, "
        f"entropy {shown(chain.entropy_nats)} nats, effective support {shown(chain.effective_support)}."
    )
    yield columns(
        chain.top,
        {
            Column("token", widest=WIDEST_TOKEN): lambda one: token_label(one.token),
            "processed": lambda one: _prob_cell(one.prob),
        },
    )
    for warning in chain.warnings:
        yield line(f"Warning: {warning}", "yellow")
