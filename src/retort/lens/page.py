"""What the page is sent: a position, a text, and two positions side by side, so that it can compute by itself.

A model that runs here sends the whole row of logits without loss (`packing.py`) and the names of its best tokens: the
page computes every temperature and chain, and its numbers are Python's. A source that names its best tokens only sends
these, and the page's intervals are those of `look`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from retort.chain.chain import Chain
from retort.distribution import Interval
from retort.distribution.measures import NOISE_SCALE
from retort.distribution.ranking import top_ids
from retort.distribution.softmax import check_logits, log_softmax, softmax
from retort.errors import CapabilityError, InputError
from retort.lens.asking import told_of
from retort.lens.compare import ComparedPosition, compared_known, known_after
from retort.lens.distance import share_tokens
from retort.lens.packing import PackedIds, PackedLogits, pack, pack_ids
from retort.lens.path import TEMPERATURES as PATH_TEMPERATURES
from retort.lens.path import path
from retort.lens.trace import TracedToken, TraceTotals, described, known_token, totals_of
from retort.lens.walk import Step, greedy_steps, walk
from retort.records import exact
from retort.sampling.decoding import Ending
from retort.sampling.params import SamplingParams
from retort.sources.base import UNDECODED, Capability, KnownTop, PartialSource, ReadToken, Source
from retort.sources.load import Model, opened
from retort.sources.positions import position_logits

NAMED = 1000
"""Tokens that a page can name unless it is asked for more."""

DEFAULT_CHAIN = Chain.of(temperature=1.0)
"""Where the page's controls begin: the model's own distribution, no token removed."""

ALTERNATIVES, KNOWN_ALTERNATIVES = 8, 20
SPELLED = 18
"""Tokens of one vocabulary that are looked for in another one: as many as the page lists."""


@dataclass(frozen=True)
class Position:
    """What comes after the tokens `history`, for the page. `known` is "full" or "top_n".

    `ids` and `tokens` name the most likely tokens by rank. With the whole vocabulary `logits` holds every row's value,
    and `rank_ids`, where asked for, the ids of all ranks (two positions of one vocabulary are compared by them); else
    `logprobs` (nats, τ = 1, each to `rounding`) are those of `tokens`. `chain` is where the page's controls begin.
    `history` are the ids so far, the first `prompt_length` of them the prompt's, and `history_ranks` their ranks in
    this row (-1: cannot come), so that the page can compute the stages that look back.
    """

    known: str
    model: str
    prompt: str
    vocabulary: int | None
    vocabulary_at_most: int
    note: str | None
    chain: str
    ids: tuple[int | None, ...]
    tokens: tuple[str, ...]
    prompt_tokens: tuple[str, ...] = ()
    logits: PackedLogits | None = None
    rank_ids: PackedIds | None = None
    history: tuple[int, ...] = ()
    history_ranks: tuple[int, ...] = ()
    prompt_length: int = 0
    logprobs: tuple[float, ...] | None = None
    rounding: float = 0.0
    probe: Any = None


@dataclass(frozen=True)
class Spelled:
    """A text that is a token of another vocabulary, in the tokens of this one. `logprob`: the sum of theirs, raw."""

    text: str
    tokens: tuple[str, ...]
    logprob: float


@dataclass(frozen=True)
class Pair:
    """Two positions. `comparable`: both have one vocabulary, so that distances between them have a meaning.

    `known` is "top_n" where one of them is known in part: then both are lists, and `compared` says what is certain.
    `spelled`: of two vocabularies, what A and what B give the other's tokens that they write in other pieces.
    """

    known: str
    a: Position
    b: Position
    comparable: bool
    compared: ComparedPosition | None = None
    spelled: tuple[tuple[Spelled, ...], tuple[Spelled, ...]] = ((), ())


@dataclass(frozen=True)
class Alternative:
    """A token that could stand here: its raw and its processed probability (0 where the chain removes it, None where
    that is not known).
    """

    token: str
    id: int | None
    prob_raw: Interval
    prob_processed: Interval | None


@dataclass(frozen=True)
class PassageToken(TracedToken):
    """One position. `given`: the token came with the request; `known_tokens`: how many the source names there, `unseen`
    the share of all others; `alternatives`: the most likely tokens, by falling logit.
    """

    given: bool
    known_tokens: int
    unseen: Interval
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Passage:
    """A prompt and what follows. `text` is what follows as text; the totals are over its tokens."""

    known: str
    model: str
    note: str | None
    prompt: str
    prompt_tokens: tuple[str, ...]
    chain: str
    seed: int | None
    finish_reason: str
    text: str
    tokens: tuple[PassageToken, ...]
    totals: TraceTotals
    noise_scale: float
    vocabulary: int | None
    vocabulary_at_most: int
    probe: Any = None


@dataclass(frozen=True)
class Draws:
    """What draws at one temperature said."""

    temperature: float
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Tour:
    """The row that the page's tour moves: a model's first answer, the right one, and what draws said."""

    position: Position
    first: str
    right: str
    draws: tuple[Draws, ...]


OnToken = Callable[[int, PassageToken], None]


def position(
    model: Model,
    prompt: str,
    chain: Chain = DEFAULT_CHAIN,
    *,
    continuation: Sequence[int] = (),
    named: int = NAMED,
    every_id: bool = False,
) -> Position:
    """The position after `prompt` and the tokens `continuation`; one forward pass, or one request.

    Raises InputError for a prompt that the source cannot take, `named` below 1, and a continuation where the source
    takes no ids.
    """
    source = opened(model)
    if source.capability is Capability.TOP_N:
        if continuation:
            raise InputError(
                f"{source.name} does not accept token ids; put the preceding text in the prompt, or in "
                f"given as texts of tokens"
            )
        return _known_position(source, prompt, cast(PartialSource, source).next_tokens(prompt), chain)
    prompt_ids = source.encode(prompt)
    ids = [*prompt_ids, *continuation]
    logits = source.start([ids]).logits[0]
    packed = pack_position(source, prompt, ids, logits, chain, named=named, every_id=every_id)
    return replace(packed, prompt_length=len(prompt_ids))


def pack_position(
    source: Source,
    prompt: str,
    prompt_ids: Sequence[int],
    logits: np.ndarray,
    chain: Chain = DEFAULT_CHAIN,
    *,
    named: int = NAMED,
    every_id: bool = False,
) -> Position:
    """The position whose logits `[vocab]` are known already."""
    if named < 1:
        raise InputError(f"named is the number of tokens to name and must be 1 or more, got {named}")
    check_logits(logits)
    packed = pack(logits)
    order = top_ids(logits, packed.count if every_id else min(named, packed.count))
    return Position(
        **told_of(source),
        prompt=prompt,
        vocabulary=source.vocab_size,
        vocabulary_at_most=source.vocab_size,
        chain=str(chain),
        ids=tuple(order[:named].tolist()),
        tokens=tuple(source.token_text(int(token)) for token in order[:named]),
        prompt_tokens=tuple(source.token_text(token) for token in prompt_ids),
        logits=packed,
        rank_ids=pack_ids(order) if every_id else None,
        history=tuple(map(int, prompt_ids)),
        history_ranks=ranks_of(logits, prompt_ids),
        prompt_length=len(prompt_ids),
    )


def ranks_of(logits: np.ndarray, ids: Sequence[int]) -> tuple[int, ...]:
    """The rank of each of these tokens in a row `[vocab]`, from 0, ties by lowest id; -1 for one that is -inf."""
    order = np.argsort(-np.asarray(logits, dtype=np.float64), kind="stable")
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return tuple(int(ranks[token]) if logits[token] > -np.inf else -1 for token in ids)


def _known_position(source: Source, prompt: str, known: KnownTop, chain: Chain) -> Position:
    """The position as a list of the most likely tokens; also of a model that runs here, beside such a source."""
    known.at(1.0)  # refuses logprobs that no distribution has
    return Position(
        **told_of(source),
        prompt=prompt,
        vocabulary=known.vocabulary,
        vocabulary_at_most=known.num_tokens,
        chain=str(chain),
        ids=tuple(token.id for token in known.tokens),
        tokens=tuple(token.token for token in known.tokens),
        logprobs=tuple(token.logprob for token in known.tokens),
        rounding=known.rounding,
    )


def pair(
    model_a: Model,
    prompt_a: str,
    model_b: Model,
    prompt_b: str,
    chain_a: Chain = DEFAULT_CHAIN,
    chain_b: Chain | None = None,
    *,
    continuation: Sequence[int] = (),
) -> Pair:
    """The positions after both prompts, with the ids of all ranks. Raises what `position` raises."""
    source_a, source_b = opened(model_a), opened(model_b)
    if Capability.TOP_N in (source_a.capability, source_b.capability):
        # The model that runs here is cut to a list too, so that the page has one way to compare.
        known_a, known_b = known_after(source_a, prompt_a), known_after(source_b, prompt_b)
        return Pair(
            Capability.TOP_N.value,
            _known_position(source_a, prompt_a, known_a, Chain(())),
            _known_position(source_b, prompt_b, known_b, Chain(())),
            True,
            compared_known(0, known_a, known_b),
        )
    # By name: one model that was opened twice is one model.
    same = source_a.name == source_b.name
    a = position(source_a, prompt_a, chain_a, continuation=continuation, every_id=True)
    if same and prompt_a == prompt_b:
        # One position, two chains: the row is computed once.
        b = replace(a, chain=str(chain_b or chain_a))
    else:
        b = position(source_b, prompt_b, chain_b or chain_a, continuation=continuation, every_id=True)
    best = [one for one in (*a.ids, *b.ids) if one is not None]
    comparable = same or share_tokens(source_a, source_b, best)
    spelled: tuple[tuple[Spelled, ...], tuple[Spelled, ...]] = ((), ())
    if not comparable and not continuation:
        spelled = (spelled_in(source_a, prompt_a, a, b), spelled_in(source_b, prompt_b, b, a))
    return Pair(Capability.FULL.value, a, b, comparable, spelled=spelled)


def spelled_in(source: Source, prompt: str, own: Position, other: Position) -> tuple[Spelled, ...]:
    """The other side's best tokens that `own` does not name, as `source` would write them after the prompt.

    A text that changes how the prompt itself is cut into tokens is left out, and so is one that cannot be written.
    """
    before = source.encode(prompt)
    found = []
    for text in other.tokens[:SPELLED]:
        if text in own.tokens or UNDECODED in text or not text:
            continue
        try:
            ids = source.encode(prompt + text)
        except InputError:  # a vocabulary of whole words does not have it
            continue
        rest = ids[len(before) :]
        pieces = tuple(source.token_text(one) for one in rest)
        if ids[: len(before)] != before or "".join(pieces) != text:
            continue
        # The logits after a token say what comes next, so the last token is not read.
        rows = log_softmax(position_logits(source, ids[:-1], len(rest)).astype(np.float64))
        logprob = float(rows[np.arange(len(rest)), rest].sum())
        found.append(Spelled(text, pieces, logprob))
    return tuple(found)


def passage(
    model: Model,
    prompt: str,
    ids: Sequence[int] = (),
    *,
    given: Sequence[str] = (),
    max_tokens: int = 24,
    chain: Chain | None = None,
    seed: int = 0,
    noise_scale: float = NOISE_SCALE,
    on_token: OnToken | None = None,
) -> Passage:
    """The text after `prompt` that begins with the tokens `ids`, continued until it has `max_tokens` tokens or ends.

    Drawing is `generate`'s: the n-th token has the noise of (seed, n). A source that names its best tokens only takes
    the beginning as texts of tokens, `given`, and continues greedily, one request per token. `on_token(index, token)`
    is called as each becomes known. Raises InputError for a beginning of the other kind, CapabilityError if the source
    answers conversations only: it cannot go on in its own answer.
    """
    source = opened(model)
    whole = source.capability is Capability.FULL
    # The beginning of the other kind, which would be left out.
    if len(given if whole else ids):
        takes, refused = "texts of tokens (given)", "token ids (continuation)"
        if whole:
            takes, refused = "ids after a prompt (continuation)", takes
        raise InputError(f"{source.name} takes {takes}, not {refused}")
    found: list[PassageToken] = []
    reason, through, num_tokens = "length", chain, max(max_tokens, len(ids), len(given), 1)

    def tell(token: PassageToken) -> None:
        found.append(token)
        if on_token is not None:
            on_token(len(found) - 1, token)

    if whole:
        params = SamplingParams(chain=Chain(()) if chain is None else chain, seed=seed, max_tokens=num_tokens)
        through, prompt_ids = params.resolved_chain, source.encode(prompt)
        for step in walk(source, prompt_ids, params, ids):
            tell(_passage_token(source, step, through, noise_scale))
            reason = step.finish_reason or reason
        text = Ending(source, (), num_tokens).text([cast(int, one.id) for one in found])
        prompt_tokens = tuple(map(source.token_text, prompt_ids))
        vocabulary: int | None = source.vocab_size
        at_most = source.vocab_size
    else:
        if not writes_on(source):
            raise CapabilityError(
                f"{source.name} only answers conversations and cannot continue its own answer, so a text "
                f"cannot be shown; look at a position."
            )
        for read in greedy_steps(cast(PartialSource, source), prompt, given, num_tokens):
            vocabulary, at_most = read.known.vocabulary, read.known.num_tokens
            if not read.token or UNDECODED in read.token:
                # A marker without text ends it; neither it nor a part of a character can be written behind the prompt.
                reason = "bytes" if read.token else "stop"
                break
            tell(_known_passage_token(read, chain, noise_scale, len(found) < len(given)))
        text, prompt_tokens = "".join(one.token for one in found), (prompt,)
    return Passage(
        **told_of(source),
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        chain="" if through is None else str(through),
        seed=seed if whole else None,
        finish_reason=reason,
        text=text,
        tokens=tuple(found),
        totals=totals_of(found),
        noise_scale=noise_scale,
        vocabulary=vocabulary,
        vocabulary_at_most=at_most,
    )


def views(
    model: Model,
    prompt: str,
    *,
    chain: Chain | None = None,
    temperatures: Sequence[float] = PATH_TEMPERATURES,
    seed: int = 0,
    max_tokens: int = 24,
    against: Model | None = None,
    against_prompt: str | None = None,
) -> dict[str, Any]:
    """View → its record, as a page about what `model` would say after `prompt` has them.

    The next position, a text, the text at every temperature, and two positions side by side where another model or
    prompt is given. A server has no path, and one that answers conversations only no text.
    """
    source = opened(model)
    through = DEFAULT_CHAIN if chain is None else chain
    found: dict[str, Any] = {"position": position(source, prompt, through)}
    if source.capability is Capability.FULL or writes_on(source):
        found["text"] = passage(source, prompt, max_tokens=max_tokens, chain=through, seed=seed)
    if source.capability is Capability.FULL:  # the path's texts need the whole vocabulary at every token
        found["path"] = path(source, prompt, temperatures, chain=through, seed=seed, max_tokens=max_tokens)
    if against is not None or against_prompt is not None:
        other = source if against is None else opened(against)
        found["compare"] = pair(source, prompt, other, against_prompt or prompt, through)
    return found


def writes_on(source: Source) -> bool:
    """Whether the source can be given the beginning of its own answer: one that takes conversations alone cannot."""
    return getattr(getattr(source, "probe", None), "endpoint", None) != "chat"


def _passage_token(source: Source, step: Step, chain: Chain, noise_scale: float) -> PassageToken:
    rows = step.logits[None]
    (token,), processed = described(source.token_text, [step.token], rows, chain, step.context, noise_scale)
    raw, left = softmax(rows)[0], softmax(processed)[0]
    return PassageToken(
        **vars(token),
        given=step.given,
        known_tokens=source.vocab_size,
        unseen=exact(0.0),
        alternatives=tuple(
            Alternative(source.token_text(one), one, exact(raw[one]), exact(left[one]))
            for one in map(int, top_ids(step.logits, ALTERNATIVES))
            if step.logits[one] > -np.inf
        ),
    )


def _known_passage_token(
    step: ReadToken, chain: Chain | None, noise_scale: float, given: bool
) -> PassageToken:
    at = step.known.at(1.0)
    listed = zip(step.known.tokens[:KNOWN_ALTERNATIVES], at.probs.low, at.probs.high, strict=False)
    return PassageToken(
        **vars(known_token(step, chain, noise_scale)),
        given=given,
        known_tokens=len(step.known.tokens),
        unseen=at.unseen,
        alternatives=tuple(
            Alternative(one.token, one.id, Interval(float(low), float(high)), None)
            for one, low, high in listed
        ),
    )
