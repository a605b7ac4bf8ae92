"""Two models, or two settings of one model, over the same texts: where they disagree, position by position.

Two sources of the whole vocabulary are compared at every position of every text, in both directions. The temperature of
B that would make them nearest is the equivalent temperature (see `equivalent.py`), and what no temperature removes is
`kl_left`. Where one side names its most likely tokens only, the position after each text is compared
(`distance.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from retort.blocks import Block, Column, Writers, columns, line, shown, token_label
from retort.chain.chain import Chain
from retort.distribution import Interval
from retort.distribution.arrays import Floats
from retort.distribution.measures import entropy_of_log_probs
from retort.distribution.softmax import log_softmax
from retort.errors import CapabilityError, InputError
from retort.lens.asking import Progress, chain_of, texts_of
from retort.lens.distance import (
    DISTANCES,
    distance_of_lists,
    distances,
    exactly,
    known_top,
    matched_temperature,
)
from retort.numerals import counted, number, percent, probability
from retort.records import Measures, Record, exact, new_axes, titled, total
from retort.sources.base import Capability, KnownTop, PartialSource, Source
from retort.sources.chat import Conversation, asked, prompt_for
from retort.sources.load import Model, opened
from retort.sources.positions import position_logits
from retort.transforms.context import Context

ROWS_AT_ONCE = 64
"""Positions compared at a time: several float64 copies of their rows are held."""

MOST_LOGITS = 2**26
"""Logits of one model held at a time (512 MB of float64): 8,192 positions of an 8,192-token vocabulary."""

SHOWN = 12  # positions in a table, those that differ most
MEASURED = (*DISTANCES, "entropy_a", "entropy_b")


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
    equivalent_temperature: float | None = None
    kl_left: float | None = None


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
        *MEASURED, *(f"mean_{name}" for name in MEASURED), "parted", "logprob_difference",
    )  # fmt: skip

    @property
    def whole(self) -> bool:
        """Whether both sides know the whole vocabulary."""
        return self.known_a == self.known_b == Capability.FULL.value

    def measures(self) -> Measures:
        found = {name: [getattr(place, name) for place in self.positions] for name in MEASURED}
        found |= {f"mean_{name}": [getattr(self.totals, name)] for name in MEASURED}
        found["parted"] = [exact(self.totals.parted)]
        largest = (place.logprob_difference for place in self.positions)
        found["logprob_difference"] = [exact(one) for one in largest if one is not None]
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
        if self.whole:
            listed = "every one" if show_all else "those that differ most"
            yield line(
                f"{counted(len(self.positions), 'position')} of {counted(len(self.prompts), 'text')}, {listed}. "
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
        yield from nearest_temperature(self.totals)

    def _positions_table(self, show_all: bool) -> Block:
        says: Writers = {
            Column("A says", widest=18): lambda at: token_label(at.top_a),
            Column("B says", widest=18): lambda at: token_label(at.top_b) if at.parted else "the same",
        }
        distances: Writers = {
            ">KL(A‖B)": lambda at: shown(at.kl_ab),
            ">KL(B‖A)": lambda at: shown(at.kl_ba),
            ">TV": lambda at: shown(at.total_variation, probability),
            ">entropy A": lambda at: shown(at.entropy_a),
            ">entropy B": lambda at: shown(at.entropy_b),
        }
        means = [write(self.totals) for write in distances.values()]
        disagree = f"{percent(self.totals.parted)} disagree"
        cells: Writers
        if self.whole:
            cells = {
                ">text": lambda at: f"{at.prompt + 1}:{at.position + 1}",
                Column("after", widest=18): lambda at: token_label(at.token),
                **says,
                **distances,
            }
            means = ["mean", "", "", disagree, *means]
        else:
            cells = {
                Column("text", widest=30): lambda at: token_label(self.prompts[at.prompt]),
                **says,
                ">tokens in common": lambda at: str(at.common),
                ">largest logprob difference": lambda at: number(at.logprob_difference),
                **distances,
            }
            means = ["mean", "", disagree, "", "", *means]
        places: Sequence[ComparedPosition] = self.positions
        if self.whole and not show_all:
            places = sorted(places, key=lambda place: -place.total_variation.low)[:SHOWN]
        return columns(places, cells, [""] * len(cells), means)


def nearest_temperature(found: Any) -> Iterator[Block]:
    """The sentence on `equivalent_temperature` and `kl_left`, where there are any."""
    if found.equivalent_temperature is not None:
        yield line(
            f"B is nearest to A at τ = {number(found.equivalent_temperature)}, where KL(A‖B) is still "
            f"{number(found.kl_left)}. No temperature removes that."
        )


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
    its best tokens only, the raw distributions after each prompt are compared. Raises InputError for no prompts, for
    models that do not share their tokens, and for more positions than fit in memory; CapabilityError for a chain where
    a side has no whole vocabulary.
    """
    prompts = texts_of(prompts, "compare over")
    source_a = opened(model_a)
    source_b = source_a if model_b is None else opened(model_b)
    through_a, through_b = chain_of(chain_a), chain_of(chain_b)
    matched: dict[str, Any] = {}
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
    means: dict[str, Any] = {
        name: total((getattr(at, name) for at in positions), len(positions)) for name in MEASURED
    }
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
        totals=CompareTotals(
            **means,
            parted=sum(at.parted for at in positions) / len(positions),
            **matched,
        ),
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


def rows_of_both(
    a: Source, b: Source, texts: Sequence[Sequence[int]], on_progress: Progress | None = None
) -> Iterator[tuple[Floats, Floats]]:
    """For each text the raw logits `[positions, vocab]` of both models, in float64."""
    for place, ids in enumerate(texts):
        of_a = position_logits(a, ids).astype(np.float64)
        # One model with two chains is read once.
        yield of_a, of_a if b is a else position_logits(b, ids).astype(np.float64)
        if on_progress is not None:
            on_progress(place + 1, len(texts), "prompts")


def _whole(
    source_a: Source,
    source_b: Source,
    prompts: Sequence[str],
    chain_a: Chain | None,
    chain_b: Chain | None,
    chat: bool | None,
    on_progress: Progress | None,
) -> tuple[list[ComparedPosition], dict[str, Any]]:
    texts = shared_ids(source_a, source_b, prompts, chat)
    # All rows are held at once only where the equivalent temperature is looked for.
    matching = chain_a is None and chain_b is None and source_a is not source_b
    check_size(source_a, sum(map(len, texts)) if matching else max(map(len, texts)))
    positions: list[ComparedPosition] = []
    rows: list[tuple[Floats, Floats]] = []
    for place, (raw_a, raw_b) in enumerate(rows_of_both(source_a, source_b, texts, on_progress)):
        ids = texts[place]
        a, b = (_processed(raw, ids, chain) for raw, chain in ((raw_a, chain_a), (raw_b, chain_b)))
        for first in range(0, len(ids), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            positions += _compared(source_a, source_b, place, first, ids[part], a[part], b[part])
        if matching:
            rows.append((raw_a, raw_b))
    if not matching:
        return positions, {}
    return positions, matched_temperature(*(np.concatenate(side) for side in zip(*rows, strict=True)))


def _processed(logits: Floats, ids: Sequence[int], chain: Chain | None) -> Floats:
    """`[positions, vocab]` after `chain`, each row with the text up to it as its history."""
    if chain is None:
        return logits
    histories = [list(ids[: end + 1]) for end in range(len(ids))]
    # All of the text is prompt: nothing was generated, so a stage that looks at the output alone sees nothing.
    context = Context(history=histories, prompt_lengths=[len(history) for history in histories])
    return np.asarray(chain.apply(logits, context=context), dtype=np.float64)


def _compared(
    source_a: Source, source_b: Source, prompt: int, first: int, ids: Sequence[int], a: Floats, b: Floats
) -> list[ComparedPosition]:
    log_a, log_b = log_softmax(a), log_softmax(b)
    measured = distances(log_a, log_b)
    measured |= {"entropy_a": entropy_of_log_probs(log_a), "entropy_b": entropy_of_log_probs(log_b)}
    top_a, top_b = log_a.argmax(axis=-1), log_b.argmax(axis=-1)
    return [
        ComparedPosition(
            prompt=prompt,
            position=first + row,
            token=source_a.token_text(token),
            **exactly(measured, row),
            top_a=source_a.token_text(int(top_a[row])),
            top_b=source_b.token_text(int(top_b[row])),
            parted=bool(top_a[row] != top_b[row]),
        )
        for row, token in enumerate(ids)
    ]


# Where one side names its most likely tokens only


def known_after(source: Source, prompt: str | Conversation) -> KnownTop:
    """The most likely tokens after `prompt`; `NAMED` of them, and exact, of a source of the whole vocabulary."""
    if source.capability is Capability.TOP_N:
        return cast(PartialSource, source).next_tokens(prompt)
    logits = source.start([prompt_for(source, prompt).ids]).logits[0]
    return known_top(source, np.asarray(logits, dtype=np.float64))


def compared_known(prompt: int, a: KnownTop, b: KnownTop) -> ComparedPosition:
    """What is certain about two positions; `prompt` is the number that it gets."""
    return ComparedPosition(
        prompt=prompt,
        position=None,
        token=None,
        **distance_of_lists(a, b),
        entropy_a=a.at(1.0).entropy,
        entropy_b=b.at(1.0).entropy,
        top_a=a.tokens[0].token,
        top_b=b.tokens[0].token,
    )
