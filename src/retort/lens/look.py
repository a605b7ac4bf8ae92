"""One prompt, several temperatures: what the model would say next, and what a chain would leave of it.

Three distributions are told apart everywhere: *raw* (the model's own, τ = 1), *tempered* (the whole vocabulary at
another τ), and *processed* (what is left after a chain, renormalised: what sampling draws from). A source that names
its most probable tokens only leaves every measure an interval; with the whole vocabulary its two ends are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from retort.blocks import Block, Cell, Column, line, shown, table, token_label
from retort.chain.chain import Chain
from retort.chain.explain import Explanation
from retort.distribution import Interval
from retort.distribution.distribution import Distribution
from retort.distribution.measures import NOISE_SCALE, margin, swap_risk
from retort.errors import InputError
from retort.lens.asking import ask, chain_of, rendered
from retort.lens.compare import Distance, distance_of_known, distance_of_rows, known_top, share_tokens
from retort.numerals import decimals, number, probability
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
    equivalent_temperature: float | None
    kl_left: float | None


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
    AGAINST_MEASURES: ClassVar[tuple[str, ...]] = ("kl_ab", "kl_ba", "jsd", "total_variation")

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
        if found.equivalent_temperature is not None:
            yield line(
                f"B is nearest to A at τ = {number(found.equivalent_temperature)}, where KL(A‖B) is still "
                f"{number(found.kl_left)}. No temperature removes that."
            )

    def _own_blocks(self) -> Iterator[Block]:
        said = "a conversation" if self.prompt is None else repr(self.prompt)
        yield line(f"{self.model} after {said}", "bold", whole=True)
        if self.rendered is not None:
            yield line(f"What the model sees: {token_label(self.rendered)}", whole=True)
        if self.note is not None:
            yield line(f"Note: {self.note}", whole=True)
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
    model (see `NOISE_SCALE`). `against`, `against_prompt`: another model,
    the same model after another prompt, or both, and how far it is from this. Entropies in nats; float64 inside.
    Raises InputError for an empty list of temperatures, a negative one, or `top` below 1; CapabilityError for a chain
    that cannot be decided from what a source knows, and for messages where a source has no chat template.
    """
    if len(temperatures) == 0:
        raise InputError("look got no temperature; give at least one, for instance 1.")
    if top < 1:
        raise InputError(f"top is the number of tokens to list and must be 1 or more, got {top}.")
    source, through = opened(model), chain_of(chain)
    question = asked(prompt, chat)
    first, raw = _look(source, question, temperatures, through, top, noise_scale)
    if against is None and against_prompt is None:
        return first
    second = source if against is None else opened(against)
    other_question = question if against_prompt is None else asked(against_prompt, chat)
    other, other_raw = _look(second, other_question, temperatures, through, top, noise_scale)
    distance = _distance(source, raw, second, other_raw)
    return Look(
        **{
            **vars(first),
            "other": other,
            "against": Against(other.model, other.prompt, **vars(distance)),
        }
    )


Raw = np.ndarray | KnownTop
"""What was found out about a position: all logits `[vocab]`, or the most probable tokens."""


def _look(
    source: Source,
    prompt: str | Conversation,
    temperatures: Sequence[float],
    chain: Chain | None,
    top: int,
    noise_scale: float,
) -> tuple[Look, Raw]:
    if source.capability is Capability.FULL:
        return _whole_look(source, prompt, temperatures, chain, top, noise_scale)
    return _top_look(cast(PartialSource, source), prompt, temperatures, chain, top, noise_scale)


def _distance(a: Source, raw_a: Raw, b: Source, raw_b: Raw) -> Distance:
    if isinstance(raw_a, np.ndarray) and isinstance(raw_b, np.ndarray):
        if a is not b and not share_tokens(a, b, np.argsort(-raw_a)[:TOP].tolist()):
            raise InputError(
                f"{a.name} and {b.name} have different tokens (vocabularies of {a.vocab_size:,} and "
                f"{b.vocab_size:,}), so their distributions cannot be compared; look at each."
            )
        return distance_of_rows(raw_a, raw_b)
    return distance_of_known(known_top(a, raw_a), known_top(b, raw_b))


# With the whole vocabulary


def _whole_look(
    source: Source,
    prompt: str | Conversation,
    temperatures: Sequence[float],
    chain: Chain | None,
    top: int,
    noise_scale: float,
) -> tuple[Look, np.ndarray]:
    seen = ask(source, prompt)
    logits = np.asarray(source.start([seen.ids]).logits[0], dtype=np.float64)
    raw = Distribution(logits=logits)

    def tokens(distribution: Distribution) -> tuple[TopToken, ...]:
        log_probs, probs = np.asarray(distribution.log_probs), np.asarray(distribution.probs)
        own = np.asarray(raw.log_probs)
        return tuple(
            TopToken(
                source.token_text(i), i, float(logits[i]), float(own[i]), exact(log_probs[i]), exact(probs[i])
            )
            for i in map(int, (raw if distribution.temperature == 0 else distribution).top(top))
            if (logits if distribution.temperature == 0 else distribution.logits)[i] > -np.inf
        )

    rows = tuple(
        _row(float(temperature), exact(at.entropy), exact(0.0), tokens(at))
        for temperature, at in ((one, raw.at(one)) for one in temperatures)
    )
    ties, total = _near_ties(source.token_text, logits, noise_scale)
    found = Look(
        model=source.name,
        prompt=seen.text,
        vocabulary=source.vocab_size,
        vocabulary_at_most=source.vocab_size,
        known=source.capability.value,
        known_tokens=source.vocab_size,
        note=source.note,
        margin=exact(raw.margin),
        rounding=0.0,
        noise_scale=float(noise_scale),
        near_tie=total > 0,
        near_ties=ties,
        near_ties_total=total,
        rows=rows,
        chain=None if chain is None else _whole_chain(seen.ids, logits, chain, noise_scale, tokens),
        messages=seen.messages,
        rendered=None if seen.messages is None else seen.text,
    )
    return found, logits


def _whole_chain(
    prompt_ids: Sequence[int],
    logits: np.ndarray,
    chain: Chain,
    noise_scale: float,
    tokens: Callable[[Distribution], tuple[TopToken, ...]],
) -> LookChain:
    context = Context(history=[prompt_ids], prompt_lengths=[len(prompt_ids)])
    found = chain.explain(logits, context=context)
    gap = exact(margin(chain.run(logits, context=context).undivided))
    return _chain(found, gap, noise_scale, tokens(Distribution(logits=found.processed)))


def _near_ties(
    name: Callable[[int], str], logits: np.ndarray, noise_scale: float
) -> tuple[tuple[NearTie, ...], int]:
    """The tokens of a row `[vocab]` within `noise_scale` of its best one, nearest first, and how many there are.

    The best one (of equals, the one with the lowest id) is not among them; at most `MOST_TIES` are listed.
    """
    best = int(logits.argmax())
    gaps = logits[best] - logits
    near = np.flatnonzero(gaps <= noise_scale)
    near = near[near != best]
    listed = near[np.argsort(gaps[near], kind="stable")][:MOST_TIES]
    if len(listed) == 0:
        return (), 0
    risks = swap_risk(gaps[listed], noise_scale)
    ties = tuple(
        NearTie(name(int(token)), int(token), exact(gaps[token]), exact(risk))
        for token, risk in zip(listed, risks, strict=True)
    )
    return ties, len(near)


# With the most probable tokens only


def _top_look(
    source: PartialSource,
    prompt: str | Conversation,
    temperatures: Sequence[float],
    chain: Chain | None,
    top: int,
    noise_scale: float,
) -> tuple[Look, KnownTop]:
    messages, seen = None if isinstance(prompt, str) else prompt, rendered(source, prompt)
    known = source.next_tokens(prompt, top)
    raw = known.at(1.0)
    ties = near_ties_of_known(known, noise_scale)
    rows = []
    for temperature in temperatures:
        at = raw.at(temperature)
        tokens = _known_tokens(known, at.probs.low, at.probs.high, top)
        rows.append(_row(at.temperature, at.entropy, at.unseen, tokens))
    found = Look(
        model=source.name,
        prompt=prompt if isinstance(prompt, str) else seen,
        vocabulary=known.vocabulary,
        vocabulary_at_most=known.num_tokens,
        known=source.capability.value,
        known_tokens=len(known.tokens),
        note=source.note,
        margin=raw.margin,
        rounding=known.rounding,
        noise_scale=float(noise_scale),
        near_tie=_is_near_tie(raw.margin, noise_scale),
        near_ties=ties,
        near_ties_total=len(ties),
        rows=tuple(rows),
        chain=None if chain is None else _top_chain(known, chain, top, noise_scale),
        probe=source.probe,
        messages=messages,
        rendered=seen,
    )
    return found, known


def _top_chain(known: KnownTop, chain: Chain, top: int, noise_scale: float) -> LookChain:
    raw = known.at(1.0)
    found = chain.explain(raw)
    listed = _known_tokens(known, found.probs.low, found.probs.high, top)
    return _chain(found, raw.margin, noise_scale, tuple(one for one in listed if one.prob.high > 0.0))


def _known_tokens(known: KnownTop, low: np.ndarray, high: np.ndarray, top: int) -> tuple[TopToken, ...]:
    def log(prob: float) -> float:
        return math.log(prob) if prob > 0.0 else -math.inf

    listed = zip(known.tokens[:top], low, high, strict=False)
    return tuple(
        TopToken(
            one.token,
            one.id,
            None,
            one.logprob,
            Interval(log(least), log(most)),
            Interval(float(least), float(most)),
        )
        for one, least, most in listed
    )


def near_ties_of_known(known: KnownTop, noise_scale: float) -> tuple[NearTie, ...]:
    """The known tokens that may lie within `noise_scale` of the best one; a gap is known to twice the rounding."""
    first, *others = known.tokens
    slack = 2.0 * known.rounding
    gaps = [max(first.logprob - token.logprob, 0.0) for token in others]
    near = [
        (token, Interval(max(gap - slack, 0.0), gap + slack))
        for token, gap in zip(others, gaps, strict=True)
        if gap - slack <= noise_scale
    ][:MOST_TIES]
    return tuple(
        NearTie(
            token.token,
            token.id,
            gap,
            Interval(*map(float, swap_risk(np.array([gap.high, gap.low]), noise_scale))),
        )
        for token, gap in near
    )


# Shared by both


def _row(temperature: float, entropy: Interval, unseen: Interval, top: tuple[TopToken, ...]) -> LookRow:
    return LookRow(temperature, entropy, _support(entropy), unseen, top)


def _chain(found: Explanation, gap: Interval, noise_scale: float, top: tuple[TopToken, ...]) -> LookChain:
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
        top=top,
    )


def _is_near_tie(gap: Interval, noise_scale: float) -> bool | None:
    """None where the gap is not known well enough."""
    return True if gap.high <= noise_scale else False if gap.low > noise_scale else None


def _support(entropy: Interval) -> Interval:
    return Interval(math.exp(entropy.low), math.exp(entropy.high))


def _prob_cell(prob: Interval) -> Cell:
    if prob.exact:
        return Cell(f"{probability(prob.low):>7}", share=prob.low)
    return Cell(shown(prob, probability))


def _rows_table(rows: tuple[LookRow, ...]) -> Block:
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
    yield table(
        ["stage", ">tokens kept", ">removed", ">kept mass of its input"],
        [
            [stage.stage, f"{stage.kept:,}", f"{stage.removed:,}", shown(stage.kept_mass, probability)]
            for stage in chain.stages
        ],
    )
    yield line(
        f"Processed (what sampling draws from, renormalised): {chain.kept:,} token{'s' * (chain.kept != 1)}, "
        f"entropy {shown(chain.entropy_nats)} nats, effective support {shown(chain.effective_support)}."
    )
    yield table(
        [Column("token", widest=WIDEST_TOKEN), "processed"],
        [[token_label(token.token), _prob_cell(token.prob)] for token in chain.top],
    )
    for warning in chain.warnings:
        yield line(f"Warning: {warning}", "yellow")
