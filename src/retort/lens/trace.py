"""A text token by token: how likely each was, how sure the model is there, and what a chain would have done to it.

The text is given, or drawn by chain and seed as `generate` draws it; a recording of one answer gives that answer. A
given text costs one forward pass. A source that names its most likely tokens only leaves measures as intervals.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from retort.blocks import Block, Column, Line, Writers, columns, line, shown, spaced, token_label
from retort.chain.chain import Chain
from retort.chain.explain import Explanation
from retort.chain.stage import Step
from retort.distribution import Interval, PartialDistribution
from retort.distribution.bounds import log_of
from retort.distribution.measures import NOISE_SCALE, flip_risk, margin, read_rows, text_flip_risk
from retort.errors import CapabilityError, InputError, printable
from retort.lens.asking import ask, asked_of, chain_of, heading, told_of
from retort.lens.walk import GREEDY, Rows, States, context_at, learned, read_steps, text_ids, walk
from retort.numerals import counted, probability
from retort.records import Measures, Record, exact, new_axes, titled, total
from retort.sampling.kernels.threads import share
from retort.sampling.params import SamplingParams
from retort.sources.base import Capability, PartialSource, ReadToken, Source
from retort.sources.chat import Message, Prompt, asked
from retort.sources.load import Model, opened
from retort.sources.positions import position_logits
from retort.transforms.context import Context

ROWS_AT_ONCE = 50
"""Positions a thread describes at a time."""

ROWS_THROUGH_CHAIN = 16
"""The same where a chain is applied: its stages hold several float64 copies of their rows."""

MAX_TOKENS = 24

# Upper limit of a token's surprise in nats → its colour; beyond the last it is red.
SURPRISE = ((0.7, "green"), (2.3, "yellow"), (4.6, "dark_orange3"))
BEYOND = "red"


@dataclass(frozen=True)
class TracedToken:
    """One position of the text. Raw is the model's own distribution (τ = 1), processed what the chain leaves of it.

    `rank` counts from 1 among all tokens; `best` is the most likely token and `best_prob` its raw probability.
    Logprobs and entropies are nats; `logprob_processed` is None where the chain removes the token, and `removed_by` is
    then the stage that does. `kept_mass`: the probability, after everything that moves logits, of the tokens that the
    chain keeps. `margin`: logit of the most likely token minus the second, and `flip_risk`: chance that numerical
    noise makes another token the most likely one, all rivals counted; both after the chain's bias and penalties,
    before the temperature.

    Of a source that names its most likely tokens only, `rank` is None for a token that is not among them, and the low
    end of its `logprob_raw` -inf where it is not named at all; a logprob that it names is the number it gave, which may
    be `Trace.rounding` off. What is processed, and `kept`, are None where the chain cannot be decided.
    """

    token: str
    id: int | None
    rank: int | None
    logprob_raw: Interval
    logprob_processed: Interval | None
    entropy_nats: Interval
    entropy_processed_nats: Interval | None
    margin: Interval
    kept: int | None
    kept_mass: Interval | None
    removed_by: str | None
    flip_risk: Interval
    best: str
    best_prob: Interval


@dataclass(frozen=True)
class TraceTotals:
    """Over the tokens: sums of logprobs (nats; processed is None where one is None), means of entropy and kept mass.

    `perplexity` is e^(−mean raw logprob); `removed` counts tokens that the chain would not have given; `flip_risk` is
    the chance that noise changes a greedy text of these positions anywhere. `unknown` counts the tokens that are not
    among those that the source names.
    """

    tokens: int
    unknown: int
    logprob_raw: Interval
    logprob_processed: Interval | None
    perplexity: Interval
    entropy_nats: Interval
    kept_mass: Interval | None
    removed: int
    flip_risk: Interval


@dataclass(frozen=True, repr=False)
class Trace(Record):
    """What `trace` found. `given`: the text was given and not drawn. `known` is "full" or "top_n"."""

    model: str
    prompt: str | None
    text: str
    known: str
    note: str | None
    chain: str | None
    given: bool
    seed: int | None
    noise_scale: float
    rounding: float
    tokens: tuple[TracedToken, ...]
    totals: TraceTotals
    probe: Any = None
    messages: tuple[Message, ...] | None = None
    rendered: str | None = None

    MEASURES: ClassVar[tuple[str, ...]] = (
        "entropy", "margin", "rank", "logprob", "kept_mass", "flip_risk", "perplexity", "mean_entropy", "removed",
    )  # fmt: skip

    def measures(self) -> Measures:
        """Each token's value, and totals of the text."""
        totals = self.totals
        return {
            "entropy": [token.entropy_nats for token in self.tokens],
            "margin": [token.margin for token in self.tokens],
            "rank": [exact(token.rank) for token in self.tokens if token.rank is not None],
            "logprob": [token.logprob_raw for token in self.tokens],
            "kept_mass": [token.kept_mass for token in self.tokens if token.kept_mass is not None],
            "flip_risk": [totals.flip_risk],
            "perplexity": [totals.perplexity],
            "mean_entropy": [totals.entropy_nats],
            "removed": [exact(totals.removed)],
        }

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per token."""
        return [dict(vars(token)) for token in self.tokens]

    def plot(self, axes: Any = None) -> Any:
        """Surprise (−logprob) and entropy of each token, nats; where an interval is known, its end that is finite."""
        axes = new_axes(axes)
        places = range(len(self.tokens))
        axes.bar(places, [-token.logprob_raw.high for token in self.tokens], label="surprise, −logprob")
        axes.plot(places, [token.entropy_nats.high for token in self.tokens], "k.-", label="entropy")
        axes.set_xticks(
            places,
            labels=[printable(token.token, keep="") for token in self.tokens],
            rotation=60,
            parse_math=False,
        )
        axes.set_ylabel("nats")
        titled(axes, f"{self.model} after {self.prompt!r}, token by token")
        axes.margins(y=0.2)  # the legend gets its own room
        axes.legend(loc="upper center", ncols=2, frameon=False)
        return axes

    def blocks(self) -> Iterator[Block]:
        said = "a conversation" if self.prompt is None else repr(self.prompt)
        yield from heading(self.model, said, self.rendered, self.note)
        if self.chain is not None:
            yield line(f"Chain: {self.chain or '(empty)'}", whole=True)
        joint = spaced(token.token for token in self.tokens)
        yield Line(
            tuple(
                (printable(one.token, keep="") + joint, _colour(-one.logprob_raw.high)) for one in self.tokens
            )
        )
        yield line(
            "Logprobs and entropies are nats of the model's own distribution (raw). Colour: how "
            "surprising the token is, from green (probability above one half) through yellow and orange "
            "to red (below one in a hundred)."
        )
        yield self._tokens_table()
        totals = self.totals
        unknown = f", {totals.unknown} outside the known tokens" if totals.unknown else ""
        removed = "" if self.chain is None else f", {totals.removed} that the chain removes"
        yield line(
            f"{counted(totals.tokens, 'token')}{unknown}: logprob {shown(totals.logprob_raw)} raw, perplexity "
            f"{shown(totals.perplexity)}, mean entropy {shown(totals.entropy_nats)} nats{removed}. Chance that noise "
            f"of {self.noise_scale:g} changes the most likely token anywhere: {shown(totals.flip_risk, probability)}."
        )

    def _tokens_table(self) -> Block:
        processed: Writers = {">processed": lambda at: shown(at.logprob_processed)}
        kept: Writers = {
            ">kept": lambda at: "?" if at.kept_mass is None else shown(at.kept_mass, probability)
        }
        last: Writers = {Column("removed by", widest=24): lambda at: at.removed_by or ""}
        if self.chain is None:
            processed, kept = {}, {}
            last = {
                Column("best", widest=24): lambda at: (
                    "" if at.rank == 1 else f"{token_label(at.best)} {shown(at.best_prob, probability)}"
                )
            }
        return columns(
            self.tokens,
            {
                Column("token", widest=18): lambda at: token_label(at.token),
                ">rank": lambda at: "beyond" if at.rank is None else f"{at.rank:,}",
                ">logprob": lambda at: shown(at.logprob_raw),
                **processed,
                ">entropy": lambda at: shown(at.entropy_nats),
                ">margin": lambda at: shown(at.margin),
                **kept,
                ">flip risk": lambda at: shown(at.flip_risk, probability),
                **last,
            },
        )


def trace(
    model: Model,
    prompt: Prompt,
    text: str | None = None,
    *,
    max_tokens: int = MAX_TOKENS,
    chain: Chain | str | None = None,
    seed: int = 0,
    noise_scale: float = NOISE_SCALE,
    chat: bool | None = None,
) -> Trace:
    """The tokens of `text` after `prompt`, or of a text of up to `max_tokens` tokens that is drawn.

    Drawn is as `generate` draws, by `chain` and `seed`; greedily where there is no chain, and of a source that names
    its best tokens only. A recording of an answer gives the text that was answered. Raises InputError for an empty text
    and where the model's context is too short, CapabilityError for what such a source cannot tell.
    """
    source, through = opened(model), chain_of(chain)
    if text == "":
        raise InputError("the text is empty; give the text to trace, or leave it out to have one drawn.")
    question, rounding = asked(prompt, chat), 0.0
    tokens: Sequence[TracedToken]
    if source.capability is Capability.TOP_N:
        steps = list(read_steps(cast(PartialSource, source), question, text, max_tokens))
        tokens = [known_token(step, through, noise_scale) for step in steps]
        if not tokens:
            raise InputError("the model ends the text at once, so there is nothing to trace.")
        rounding, asked_for = max(step.known.rounding for step in steps), asked_of(source, question)
        written, own_noise = "".join(token.token for token in tokens), False
    else:
        seen = ask(source, question)
        asked_for, own_noise = asked_of(source, question, seen), through is not None
        if text is None:
            params = SamplingParams(
                chain=GREEDY if through is None else through, seed=seed, max_tokens=max_tokens
            )
            walked = list(walk(source, seen.ids, params))
            ids, rows = [step.token for step in walked], np.stack([step.logits for step in walked])
            written = source.decode([i for i in ids if i not in source.end_ids])
        else:
            ids = text_ids(source, seen, text)
            rows = position_logits(source, [*seen.ids, *ids[:-1]], len(ids))
        tokens = _described(source, seen.ids, ids, rows, through, seed, noise_scale)
    return Trace(
        **told_of(source),
        **asked_for,
        text=written if text is None else text,
        chain=None if through is None else str(through),
        given=text is not None,
        # A greedy text and one that a server wrote have no noise of ours.
        seed=seed if text is None and own_noise else None,
        noise_scale=noise_scale,
        rounding=rounding,
        tokens=tuple(tokens),
        totals=totals_of(tokens),
    )


def totals_of(tokens: Sequence[TracedToken]) -> TraceTotals:
    """Over the tokens of a text; of no tokens, what no tokens have."""

    def every(name: str, divisor: float = 1.0) -> Interval | None:
        found = [getattr(token, name) for token in tokens]
        return None if None in found else total(found, divisor)

    count = max(len(tokens), 1)
    raw = total(token.logprob_raw for token in tokens)
    risks = [token.flip_risk for token in tokens]
    return TraceTotals(
        tokens=len(tokens),
        unknown=sum(token.logprob_raw.low == -math.inf for token in tokens),
        logprob_raw=raw,
        logprob_processed=every("logprob_processed"),
        perplexity=Interval(_exp(-raw.high / count), _exp(-raw.low / count)),
        entropy_nats=total((token.entropy_nats for token in tokens), count),
        kept_mass=every("kept_mass", count),
        removed=sum(token.removed_by is not None for token in tokens),
        flip_risk=Interval(
            text_flip_risk([risk.low for risk in risks]), text_flip_risk([risk.high for risk in risks])
        ),
    )


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _colour(surprise: float) -> str:
    return next((colour for limit, colour in SURPRISE if surprise <= limit), BEYOND)


# With the whole vocabulary


def described(
    name: Callable[[int], str],
    ids: Sequence[int],
    rows: Rows,
    chain: Chain | None,
    context: Context,
    noise_scale: float,
) -> tuple[list[TracedToken], Rows]:
    """The tokens `ids`, whose logits are `rows` `[len(ids), vocab]`, and the rows after the chain.

    `name` gives a token's text; `context` has a row for each token.
    """
    raw, places = read_rows(rows, ids), np.arange(len(ids))
    removed_by: dict[int, str] = {}
    # Without a chain the greedy choice is made of the model's own logits, and what is processed is what is raw.
    after, processed, masses, undivided, margins = raw, rows, np.ones(len(ids)), rows, raw.margin
    if chain is not None and len(chain):

        def note(step: Step) -> None:
            lost = (step.after[places, ids] == -np.inf) & (step.before[places, ids] > -np.inf)
            removed_by.update(dict.fromkeys(np.flatnonzero(lost).tolist(), str(step.stage)))

        run = chain.run(rows.astype(np.float64), context=context, on_step=note)
        processed, undivided, masses = np.asarray(run.processed), run.undivided, np.exp(run.log_kept_mass)
        after, margins = read_rows(processed, ids), margin(undivided)
    risks = flip_risk(undivided, noise_scale)
    tokens = [
        TracedToken(
            token=name(token),
            id=token,
            rank=int(raw.ranks[at]),
            logprob_raw=exact(raw.log_probs[at]),
            logprob_processed=exact(after.log_probs[at]) if after.log_probs[at] > -math.inf else None,
            entropy_nats=exact(raw.entropy[at]),
            entropy_processed_nats=exact(after.entropy[at]),
            margin=exact(margins[at]),
            kept=int(after.support[at]),
            kept_mass=exact(masses[at]),
            removed_by=removed_by.get(at),
            flip_risk=exact(risks[at]),
            best=name(int(raw.best[at])),
            best_prob=exact(math.exp(raw.best_log_probs[at])),
        )
        for at, token in enumerate(map(int, ids))
    ]
    return tokens, processed


def _described(
    source: Source,
    prompt_ids: Sequence[int],
    ids: Sequence[int],
    rows: Rows,
    chain: Chain | None,
    seed: int,
    noise_scale: float,
) -> list[TracedToken]:
    """All tokens, in parts by as many threads as the rows are worth; one by one where the chain remembers."""
    name = functools.cache(source.token_text)  # a text repeats its tokens
    parts: dict[int, list[TracedToken]] = {}
    remembers = chain is not None and "state" in chain.needs
    count = 1 if remembers else ROWS_THROUGH_CHAIN if chain else ROWS_AT_ONCE
    states: States = None
    firsts = iter(range(0, len(ids), count))  # of one iterator each thread gets other numbers

    def work(_: Any = None) -> None:
        nonlocal states
        for first in firsts:
            places = range(first, min(first + count, len(ids)))
            part, context = slice(first, places.stop), context_at(prompt_ids, ids, places, seed, states)
            parts[first], _ = described(name, ids[part], rows[part], chain, context, noise_scale)
            if remembers and chain is not None:
                states = learned(chain, states, ids[first], rows[first], context)

    # What a stage remembers after a token depends on that token's row: in order, one at a time.
    if remembers:
        work()
    else:
        share(work, len(ids), rows.shape[1], 0)
    return [token for first in sorted(parts) for token in parts[first]]


# With the most likely tokens only


def known_token(step: ReadToken, chain: Chain | None, noise_scale: float) -> TracedToken:
    """What is known of the token that stands at one position."""
    known = step.known
    at = known.at(1.0)
    place = next((i for i, token in enumerate(known.tokens) if token.token == step.token), None)
    chosen = None if place is None else known.tokens[place]
    found = _explained(chain, at)
    removed_by = processed = None
    if found is not None:
        removed_by = next(
            (
                stage.stage
                for stage in found.stages
                # A token that is not named goes with all unknown ones, at the first stage that keeps named tokens only.
                if (stage.kept <= len(known.tokens) if place is None else place in stage.removed_ids)
            ),
            None,
        )
        if place is not None and removed_by is None:
            processed = Interval(log_of(found.probs.low[place]), log_of(found.probs.high[place]))
    best = known.tokens[0]
    return TracedToken(
        token=step.token,
        id=None if chosen is None else chosen.id,
        # A drawn token beside the list is named, and unknown ones may still be above it.
        rank=None if place is None or place >= at.num_ranked else place + 1,
        logprob_raw=Interval(-math.inf, at.ceiling) if chosen is None else exact(chosen.logprob),
        logprob_processed=processed,
        entropy_nats=at.entropy,
        entropy_processed_nats=None if found is None else found.entropy,
        margin=at.margin,
        kept=None if found is None else found.kept,
        kept_mass=None if found is None else found.kept_mass,
        removed_by=removed_by,
        flip_risk=at.flip_risk(noise_scale),
        best=best.token,
        best_prob=exact(math.exp(best.logprob)),
    )


def _explained(chain: Chain | None, at: PartialDistribution) -> Explanation | None:
    """What the chain does; None for what cannot be decided."""
    try:
        return (Chain(()) if chain is None else chain).explain(at)
    except CapabilityError:
        return None
