"""Two models, or two settings of one model, over the same texts: where they disagree, position by position.

Two sources of the whole vocabulary are compared at every position of every text, in both directions. The temperature of
B that would make them nearest is the equivalent temperature (see `equivalent.py`), and what no temperature removes is
`kl_left`. Where one side names its most probable tokens only, the position after each text is compared: tokens are
matched by id where both have the same ids, else by text, equal texts together, and what the rest may add is bounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from retort.blocks import Block, Column, line, shown, table, token_label
from retort.chain.chain import Chain
from retort.distribution import Interval
from retort.distribution.calibration import equivalent_temperature
from retort.distribution.divergences import jsd, kl, total_variation
from retort.distribution.measures import entropy
from retort.distribution.ranking import top_ids
from retort.distribution.softmax import log_softmax
from retort.errors import CapabilityError, InputError
from retort.lens.asking import chain_of
from retort.numerals import number, percent, probability
from retort.records import Measures, Record, exact, new_axes, titled
from retort.sources.base import Capability, KnownToken, KnownTop, PartialSource, Source
from retort.sources.chat import Conversation, asked, prompt_for
from retort.sources.load import Model, opened
from retort.sources.positions import position_logits
from retort.transforms.context import Context

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

ROWS_AT_ONCE = 64
"""Positions compared at a time: several float64 copies of their rows are held."""

MOST_LOGITS = 2**26
"""Logits of one model held at a time (512 MB of float64): 8,192 positions of an 8,192-token vocabulary."""

NAMED = 1000
"""Tokens of a source of the whole vocabulary that are matched with a list: past them there is next to nothing left."""

NOTHING = 1e-12
"""A rest below this is what rounding in float64 leaves of 1 − Σ p."""

SHOWN = 12  # positions in a table, those that differ most
DISTANCES = ("kl_ab", "kl_ba", "jsd", "total_variation")


@dataclass(frozen=True)
class Distance:
    """How far B is from A, in nats. `kl_ab` is KL(A ‖ B), inf where B excludes a token that A can give.

    `total_variation` is the share of probability that would have to move for A to become B. `equivalent_temperature`:
    the τ at which B is nearest to A, where `kl_left` is left; None where no temperature makes them near.
    """

    kl_ab: Interval
    kl_ba: Interval
    jsd: Interval
    total_variation: Interval
    equivalent_temperature: float | None
    kl_left: float | None


@dataclass(frozen=True)
class ComparedPosition:
    """One position: the token before it, and what A and B expect after it; divergences in nats.

    `parted` is True where their most likely tokens differ. Where one side names its most likely tokens only, it is the
    position after the text (`position` and `token` are None); `common` tokens are named by both, and
    `logprob_difference` is the largest among them, in nats.
    """

    prompt: int
    position: int | None
    token: str | None
    kl_ab: Interval
    kl_ba: Interval
    jsd: Interval
    total_variation: Interval
    entropy_a: Interval
    entropy_b: Interval
    top_a: str
    top_b: str
    parted: bool
    common: int | None = None
    logprob_difference: float | None = None


@dataclass(frozen=True)
class CompareTotals:
    """Means over positions; `parted` is a share. `equivalent_temperature`: the τ at which B's own distributions are
    nearest to A's (None where a chain was given, where one excludes what the other can give, or for a server).
    """

    kl_ab: Interval
    kl_ba: Interval
    jsd: Interval
    total_variation: Interval
    entropy_a: Interval
    entropy_b: Interval
    parted: float
    equivalent_temperature: float | None
    kl_left: float | None


@dataclass(frozen=True, repr=False)
class Compare(Record):
    """What `compare` found. `first_parted`: for each prompt the first position where the top tokens differ, or None.

    `known_a` and `known_b` are "full" or "top_n"; the probes are None for a model that runs here.
    """

    model_a: str
    model_b: str
    known_a: str
    known_b: str
    chain_a: str | None
    chain_b: str | None
    prompts: tuple[str, ...]
    positions: tuple[ComparedPosition, ...]
    first_parted: tuple[int | None, ...]
    totals: CompareTotals
    probe_a: Any = None
    probe_b: Any = None

    MEASURES: ClassVar[tuple[str, ...]] = (
        *DISTANCES, "entropy_a", "entropy_b", *(f"mean_{name}" for name in DISTANCES), "mean_entropy_a",
        "mean_entropy_b", "parted", "logprob_difference",
    )  # fmt: skip

    @property
    def whole(self) -> bool:
        """Whether both sides know the whole vocabulary."""
        return self.known_a == self.known_b == Capability.FULL.value

    def measures(self) -> Measures:
        names = (*DISTANCES, "entropy_a", "entropy_b")
        found = {name: [getattr(place, name) for place in self.positions] for name in names}
        found |= {f"mean_{name}": [getattr(self.totals, name)] for name in names}
        found["parted"] = [exact(self.totals.parted)]
        found["logprob_difference"] = [
            exact(place.logprob_difference)
            for place in self.positions
            if place.logprob_difference is not None
        ]
        return found

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per position."""
        return [dict(vars(place)) for place in self.positions]

    def plot(self, axes: Any = None) -> Any:
        """The total variation at each position; both ends where it is an interval."""
        axes = new_axes(axes)
        low = [place.total_variation.low for place in self.positions]
        high = [place.total_variation.high for place in self.positions]
        axes.bar(range(1, len(low) + 1), high, color="lightgrey", label="at most")
        axes.bar(range(1, len(low) + 1), low, label="at least" if low != high else "total variation")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("position in the texts")
        axes.set_ylabel("total variation (0: equal, 1: nothing in common)")
        if low != high:
            axes.legend()
        titled(axes, f"Where {self.model_a} and {self.model_b} disagree")
        return axes

    def blocks(self, show_all: bool = False) -> Iterator[Block]:
        if self.chain_a == self.chain_b:
            yield line(f"A is {self.model_a}, B is {self.model_b}", "bold", whole=True)
            if self.chain_a is not None:
                yield line(f"Both after {self.chain_a or '(the empty chain)'}", whole=True)
        else:
            chains = f"A is {self.chain_a or '(empty)'}, B is {self.chain_b or '(empty)'}"
            yield line(f"On {self.model_a}: {chains}", "bold", whole=True)
        count, texts = len(self.positions), len(self.prompts)
        listed = "every one" if show_all or not self.whole else "those that differ most"
        if self.whole:
            yield line(
                f"{count:,} position{'s' * (count != 1)} of {texts} text{'s' * (texts != 1)}, {listed}. "
                f"Divergences and entropies in nats; TV is the share of probability that differs.",
                whole=True,
            )
        else:
            yield line(
                "The raw distributions after each text, as far as both sides name their tokens; "
                "intervals contain the true value. Divergences in nats; TV is the share of probability that differs.",
                whole=True,
            )
        yield self._positions_table(show_all)
        if self.totals.equivalent_temperature is not None:
            yield line(
                f"B is nearest to A at τ = {number(self.totals.equivalent_temperature)}, where KL(A‖B) is still "
                f"{number(self.totals.kl_left)}. No temperature removes that."
            )

    def _positions_table(self, show_all: bool) -> Block:
        places = self.positions
        if self.whole and not show_all:
            places = tuple(sorted(places, key=lambda place: -place.total_variation.low)[:SHOWN])
        tokens = ["after", "A says", "B says"]
        headings: list[str | Column] = [
            Column("text", right=True) if self.whole else Column("text", widest=30),
            *(Column(name, widest=18) for name in (tokens if self.whole else tokens[1:])),
            *([] if self.whole else [">tokens in common", ">largest logprob difference"]),
            ">KL(A‖B)", ">KL(B‖A)", ">TV", ">entropy A", ">entropy B",
        ]  # fmt: skip

        def numbers(row: ComparedPosition | CompareTotals) -> list[str]:
            return [
                shown(row.kl_ab), shown(row.kl_ba), shown(row.total_variation, probability), shown(row.entropy_a),
                shown(row.entropy_b),
            ]  # fmt: skip

        rows: list[list[str]] = []
        for place in places:
            said = [
                token_label(place.top_a),
                token_label(place.top_b) if place.parted else "the same",
            ]
            if place.position is not None and place.token is not None:
                head = [f"{place.prompt + 1}:{place.position + 1}", token_label(place.token), *said]
            else:
                text = token_label(self.prompts[place.prompt])
                head = [text, *said, str(place.common), number(place.logprob_difference)]
            rows.append([*head, *numbers(place)])
        rows.append([""] * len(headings))
        disagree = f"{percent(self.totals.parted)} disagree"
        lead = ["mean", "", "", disagree] if self.whole else ["mean", "", disagree, "", ""]
        rows.append([*lead, *numbers(self.totals)])
        return table(headings, rows)


def compare(
    model_a: Model,
    model_b: Model | None,
    prompts: str | Sequence[str],
    chain_a: Chain | str | None = None,
    chain_b: Chain | str | None = None,
    *,
    chat: bool | None = None,
    on_progress: Progress | None = None,
) -> Compare:
    """Both distributions at every position of every prompt, one forward pass per text and model.

    Without chains raw distributions are compared (τ = 1), with them the processed ones; `model_b` None is A again.
    `chat` True makes each prompt one message of the user, written with each model's own template. Where one side names
    its best tokens only, the raw distributions after each prompt are compared. Raises InputError
    for no prompts, for models that do not share their tokens, and for more positions than fit in memory;
    CapabilityError for a chain where a side has no whole vocabulary.
    """
    prompts = [prompts] if isinstance(prompts, str) else list(prompts)
    if not prompts:
        raise InputError("there are no prompts to compare over; give at least one.")
    source_a = opened(model_a)
    source_b = source_a if model_b is None else opened(model_b)
    through_a, through_b = chain_of(chain_a), chain_of(chain_b)
    matched = None
    if Capability.TOP_N in (source_a.capability, source_b.capability):
        if through_a is not None or through_b is not None:
            raise CapabilityError(
                "a chain needs the whole vocabulary of both models, which a server does not give."
            )
        positions = [
            compared_known(place, known_after(source_a, question), known_after(source_b, question))
            for place, question in enumerate(asked(prompt, chat) for prompt in prompts)
        ]
    else:
        positions, matched = _whole(source_a, source_b, prompts, through_a, through_b, chat, on_progress)
    return Compare(
        model_a=source_a.name,
        model_b=source_b.name,
        known_a=source_a.capability.value,
        known_b=source_b.capability.value,
        chain_a=None if through_a is None else str(through_a),
        chain_b=None if through_b is None else str(through_b),
        prompts=tuple(prompts),
        positions=tuple(positions),
        first_parted=tuple(
            next((one.position for one in positions if one.prompt == place and one.parted), None)
            for place in range(len(prompts))
        ),
        totals=_totals(positions, matched),
        probe_a=getattr(source_a, "probe", None),
        probe_b=getattr(source_b, "probe", None),
    )


# With the whole vocabulary of both


def shared_ids(
    source_a: Source, source_b: Source, texts: Iterable[str], chat: bool | None = None
) -> list[list[int]]:
    """The ids of each text, which are the same in both models; InputError for models that do not share their tokens."""
    found = []
    for text in texts:
        ids = prompt_for(source_a, text, chat).ids
        other = ids if source_b is source_a else prompt_for(source_b, text, chat).ids
        if source_a.vocab_size != source_b.vocab_size or list(ids) != list(other):
            raise InputError(
                f"{source_a.name} and {source_b.name} have different tokens (vocabularies of "
                f"{source_a.vocab_size:,} and {source_b.vocab_size:,}), so they cannot be compared token by token; "
                "compare models of one family, or look at each."
            )
        found.append(list(ids))
    return found


def check_size(source: Source, num_positions: int) -> None:
    """Raise InputError where the logits of so many positions are more than is held at a time."""
    most = max(1, MOST_LOGITS // source.vocab_size)
    if num_positions > most:
        raise InputError(
            f"the prompts have {num_positions:,} positions, and at most {most:,} of {source.vocab_size:,} logits each "
            "are held at a time; give fewer or shorter prompts."
        )


def share_tokens(a: Source, b: Source, ids: Iterable[int]) -> bool:
    """Whether both models mean the same tokens, judged by the size of the vocabulary and by these ids."""
    return a.vocab_size == b.vocab_size and all(a.token_text(one) == b.token_text(one) for one in set(ids))


def distance_of_rows(a: Floats, b: Floats) -> Distance:
    """How far the distribution of logits `b` `[vocab]` is from that of `a`."""
    log_a, log_b = log_softmax(a), log_softmax(b)
    matched = _equivalent(a, b)
    return Distance(
        kl_ab=exact(kl(log_a, log_b)),
        kl_ba=exact(kl(log_b, log_a)),
        jsd=exact(jsd(log_a, log_b)),
        total_variation=exact(total_variation(log_a, log_b)),
        equivalent_temperature=None if matched is None else matched[0],
        kl_left=None if matched is None else matched[1],
    )


def _whole(
    source_a: Source,
    source_b: Source,
    prompts: Sequence[str],
    chain_a: Chain | None,
    chain_b: Chain | None,
    chat: bool | None,
    on_progress: Progress | None,
) -> tuple[list[ComparedPosition], tuple[float, float] | None]:
    texts = shared_ids(source_a, source_b, prompts, chat)
    # All rows are held at once only where the equivalent temperature is looked for.
    matching = chain_a is None and chain_b is None and source_a is not source_b
    check_size(source_a, sum(map(len, texts)) if matching else max(map(len, texts)))
    positions: list[ComparedPosition] = []
    rows: list[tuple[Floats, Floats]] = []
    for place, ids in enumerate(texts):
        raw_a = position_logits(source_a, ids).astype(np.float64)
        raw_b = raw_a if source_b is source_a else position_logits(source_b, ids).astype(np.float64)
        a, b = (_processed(raw, ids, chain) for raw, chain in ((raw_a, chain_a), (raw_b, chain_b)))
        for first in range(0, len(ids), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            positions += _compared(source_a, source_b, place, first, ids[part], a[part], b[part])
        if matching:
            rows.append((raw_a, raw_b))
        if on_progress is not None:
            on_progress(place + 1, len(prompts), "prompts")
    if not matching:
        return positions, None
    return positions, _equivalent(*(np.concatenate(side) for side in zip(*rows, strict=True)))


def _processed(logits: Floats, ids: Sequence[int], chain: Chain | None) -> Floats:
    """`[positions, vocab]` after `chain`, each row with the text up to it as its history."""
    if chain is None:
        return logits
    histories = [list(ids[: end + 1]) for end in range(len(ids))]
    context = Context(history=histories, prompt_lengths=[len(history) for history in histories])
    return np.asarray(chain.apply(logits, context=context), dtype=np.float64)


def _compared(
    source_a: Source, source_b: Source, prompt: int, first: int, ids: Sequence[int], a: Floats, b: Floats
) -> list[ComparedPosition]:
    log_a, log_b = log_softmax(a), log_softmax(b)
    measured = {
        "kl_ab": kl(log_a, log_b),
        "kl_ba": kl(log_b, log_a),
        "jsd": jsd(log_a, log_b),
        "total_variation": total_variation(log_a, log_b),
        "entropy_a": entropy(a),
        "entropy_b": entropy(b),
    }
    top_a, top_b = log_a.argmax(axis=-1), log_b.argmax(axis=-1)
    return [
        ComparedPosition(
            prompt=prompt,
            position=first + row,
            token=source_a.token_text(token),
            top_a=source_a.token_text(int(top_a[row])),
            top_b=source_b.token_text(int(top_b[row])),
            parted=bool(top_a[row] != top_b[row]),
            kl_ab=exact(measured["kl_ab"][row]),
            kl_ba=exact(measured["kl_ba"][row]),
            jsd=exact(measured["jsd"][row]),
            total_variation=exact(measured["total_variation"][row]),
            entropy_a=exact(measured["entropy_a"][row]),
            entropy_b=exact(measured["entropy_b"][row]),
        )
        for row, token in enumerate(ids)
    ]


def _equivalent(a: Floats, b: Floats) -> tuple[float, float] | None:
    try:
        found = equivalent_temperature(a, b)
    except InputError:  # A can give a token that B excludes: no temperature makes them near
        return None
    return found.temperature, found.residual


def _totals(positions: Sequence[ComparedPosition], matched: tuple[float, float] | None) -> CompareTotals:
    def mean(values: Iterable[float]) -> float:
        return math.fsum(values) / len(positions)

    means = {
        name: Interval(
            mean(getattr(one, name).low for one in positions),
            mean(getattr(one, name).high for one in positions),
        )
        for name in (*DISTANCES, "entropy_a", "entropy_b")
    }
    return CompareTotals(
        **means,
        parted=mean(one.parted for one in positions),
        equivalent_temperature=None if matched is None else matched[0],
        kl_left=None if matched is None else matched[1],
    )


# Where one side names its most probable tokens only


def known_after(source: Source, prompt: str | Conversation) -> KnownTop:
    """The most probable tokens after `prompt`; `NAMED` of them, and exact, of a source of the whole vocabulary."""
    if source.capability is Capability.TOP_N:
        return cast(PartialSource, source).next_tokens(prompt)
    logits = source.start([prompt_for(source, prompt).ids]).logits[0]
    return known_top(source, np.asarray(logits, dtype=np.float64))


def known_top(source: Source, found: Floats | KnownTop) -> KnownTop:
    """The most probable tokens of logits `[vocab]`; what is a list already stays as it is."""
    if isinstance(found, KnownTop):
        return found
    log_probs = log_softmax(found)
    ids = [int(i) for i in top_ids(found, NAMED) if found[i] > -np.inf]
    return KnownTop(
        tuple(KnownToken(source.token_text(i), float(log_probs[i]), i) for i in ids), source.vocab_size
    )


def compared_known(prompt: int, a: KnownTop, b: KnownTop) -> ComparedPosition:
    """What is certain about two positions; `prompt` is the number that it gets."""
    matched = _Matched.of(a, b)
    distance = _bounded(matched)
    return ComparedPosition(
        prompt=prompt,
        position=None,
        token=None,
        kl_ab=distance.kl_ab,
        kl_ba=distance.kl_ba,
        jsd=distance.jsd,
        total_variation=distance.total_variation,
        entropy_a=a.at(1.0).entropy,
        entropy_b=b.at(1.0).entropy,
        top_a=a.tokens[0].token,
        top_b=b.tokens[0].token,
        parted=matched.key(a.tokens[0]) != matched.key(b.tokens[0]),
        common=matched.common,
        logprob_difference=matched.logprob_difference,
    )


def distance_of_known(a: KnownTop, b: KnownTop) -> Distance:
    """What is certain about the distance of B from A."""
    return _bounded(_Matched.of(a, b))


@dataclass(frozen=True)
class _Shares:
    """Between which probabilities each matched token lies, and last all other tokens as one."""

    low: Floats
    high: Floats

    @classmethod
    def of(cls, known: KnownTop, pooled: dict[Any, float], keys: Sequence[Any]) -> _Shares:
        log_probs = np.array([pooled[key] for key in keys])
        low, high = np.exp(log_probs - known.rounding), np.minimum(np.exp(log_probs + known.rounding), 1.0)
        if len(keys) == len(pooled) and len(known.tokens) == known.vocabulary:
            return cls(np.append(low, 0.0), np.append(high, 0.0))  # nothing else can come
        least, most = 1.0 - float(high.sum()), max(1.0 - float(low.sum()), NOTHING)
        return cls(np.append(low, least if least > NOTHING else 0.0), np.append(high, most))


@dataclass(frozen=True)
class _Matched:
    """The shares of what both sides name: by id where both have the same ids, else by text, equal texts as one.

    By text, tokens that are not named may have a named text too: their mass may then lie on any of the matched ones.
    """

    by_id: bool
    p: _Shares
    q: _Shares
    common: int
    logprob_difference: float

    @classmethod
    def of(cls, a: KnownTop, b: KnownTop) -> _Matched:
        by_id = _same_ids(a, b)
        pooled_a, pooled_b = (_pooled(one, by_id) for one in (a, b))
        keys = [key for key in pooled_a if key in pooled_b]
        apart = max((abs(pooled_a[key] - pooled_b[key]) for key in keys), default=math.inf)
        p, q = _Shares.of(a, pooled_a, keys), _Shares.of(b, pooled_b, keys)
        return cls(by_id, p, q, len(keys), apart)

    def key(self, token: KnownToken) -> Any:
        return token.id if self.by_id else token.token


def _same_ids(a: KnownTop, b: KnownTop) -> bool:
    """Whether both sides give ids, and those that both name stand for the same texts."""
    texts = {token.id: token.token for token in a.tokens}
    if None in texts or any(token.id is None for token in b.tokens):
        return False
    shared = [token for token in b.tokens if token.id in texts]
    if a.vocabulary is not None and b.vocabulary is not None and a.vocabulary != b.vocabulary:
        return False
    return bool(shared) and all(texts[token.id] == token.token for token in shared)


def _pooled(known: KnownTop, by_id: bool) -> dict[Any, float]:
    """The logprob of each id or text, equal ones together."""
    found: dict[Any, float] = {}
    for token in known.tokens:
        key = token.id if by_id else token.token
        found[key] = float(np.logaddexp(found[key], token.logprob)) if key in found else token.logprob
    return found


def _bounded(matched: _Matched) -> Distance:
    p, q = matched.p, matched.q
    whole = p.high[-1] == q.high[-1] == 0.0  # each token of both is named and matched
    if whole and np.array_equal(p.low, p.high) and np.array_equal(q.low, q.high):
        with np.errstate(divide="ignore"):
            known = distance_of_rows(np.log(p.low[:-1]), np.log(q.low[:-1]))
        return replace(known, equivalent_temperature=None, kl_left=None)
    if matched.by_id or whole:
        low = 0.5 * float(np.maximum(np.maximum(p.low - q.high, q.low - p.high), 0.0).sum())
        kl_ab, kl_ba = _least_kl(p, q), _least_kl(q, p)
    else:
        low = max(_excess(p, q), _excess(q, p))
        kl_ab, kl_ba = _least_kl_by_text(p, q), _least_kl_by_text(q, p)
    # Equal numbers that were summed in another order do not differ.
    low, kl_ab, kl_ba = (max(least - NOTHING, 0.0) for least in (low, kl_ab, kl_ba))
    # The rest of each may lie where the other has none.
    apart = float(np.maximum(p.high - q.low, q.high - p.low)[:-1].sum()) + float(p.high[-1] + q.high[-1])
    high = max(min(0.5 * apart, 1.0), low)
    return Distance(
        kl_ab=Interval(kl_ab, math.inf),
        kl_ba=Interval(kl_ba, math.inf),
        # Pinsker's inequality for both halves, and the largest divergence of what lies apart (Lin 1991).
        jsd=Interval(0.5 * low**2, math.log(2.0) * high),
        total_variation=Interval(low, high),
        equivalent_temperature=None,
        kl_left=None,
    )


def _least_kl(p: _Shares, q: _Shares) -> float:
    """The least KL(p ‖ q) in nats that the shares allow.

    Other tokens as one: no finer division can make it smaller (the log sum inequality). KL is the sum of
    p ln(p/q) - p + q, whose terms are never negative and least where p and q are nearest, so each is taken there.
    """
    above, below = p.low > q.high, p.high < q.low
    least = 0.0
    for first, second in (
        *zip(p.low[above], q.high[above], strict=True),
        *zip(p.high[below], q.low[below], strict=True),
    ):
        if second == 0.0:
            return math.inf
        least += (first * math.log(first / second) if first > 0.0 else 0.0) - first + second
    return float(least)


def _excess(p: _Shares, q: _Shares) -> float:
    """At least so much more probability has p than q on the texts where it has more.

    TV ≥ P(S) − Q(S) for any set S of texts; all that q does not name may lie in S.
    """
    above = p.low[:-1] > q.high[:-1]
    return float((p.low[:-1] - q.high[:-1])[above].sum()) - float(q.high[-1])


def _least_kl_by_text(p: _Shares, q: _Shares) -> float:
    """The least KL(p ‖ q) by what both certainly put on a set of texts: KL is at least that of the two halves."""
    more, fewer = p.low[:-1] > q.high[:-1], p.high[:-1] < q.low[:-1]
    p_more, q_more = float(p.low[:-1][more].sum()), float(q.high[:-1][more].sum() + q.high[-1])
    p_fewer, q_fewer = float(p.high[:-1][fewer].sum() + p.high[-1]), float(q.low[:-1][fewer].sum())
    return max(
        _binary_kl(p_more, q_more) if p_more > q_more else 0.0,
        _binary_kl(p_fewer, q_fewer) if p_fewer < q_fewer else 0.0,
    )


def _binary_kl(p: float, q: float) -> float:
    """KL of a coin with probability p from one with probability q."""
    p, q = min(max(p, 0.0), 1.0), min(max(q, 0.0), 1.0)
    return sum(
        first * math.log(first / second) if second > 0.0 else math.inf
        for first, second in ((p, q), (1.0 - p, 1.0 - q))
        if first > 0.0
    )
