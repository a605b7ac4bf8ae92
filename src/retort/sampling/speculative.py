"""Speculative decoding: which tokens of a cheap draft model stand, what comes after them, and the loop that uses it.

A draft model proposes k tokens, the target model reads them all in one pass, and then at least one token is known, up
to k + 1. With either method the law of the text is what the target's chain says, whatever the draft is:

- "coupled": every token is the one that the target draws by itself with this seed, and a draft token stands if it is
  that one. Draft and target are drawn with the same noise, so they often agree. The text is *the same* as without a
  draft, token for token. It needs no more than the draft's ids: any guess is a draft. A token of the draft stands with
  probability `Σ_i 1 / Σ_j max(p_j/p_i, q_j/q_i)`, which is at least (1 - TV)/(1 + TV).
- "residual": a draft token x stands with probability min(1, p_x/q_x); else a token of the law max(p - q, 0), scaled to
  sum to one, takes its place. A token of the draft stands with probability 1 - TV, and no method can do better. The
  text is another draw from the same law than without a draft.

p and q are the target's and the draft's distributions after their whole chains, TV their total variation distance.

Every number used is keyed by (seed, position): the Gumbel noise of draft and target, and from two streams of their own
the coin that judges a draft token and the uniform that picks from the residual. So a text depends on nothing else in
its batch.

Sources: Leviathan, Kalman, Matias 2023, algorithm 1, and Chen et al. 2023, algorithm 2 (residual); Daliri, Musco,
Suresh 2024, "Coupling without communication and drafter-invariant speculative decoding" (coupled, and its bound).

Legend: N texts, A texts whose draft tokens stood so far, G rows of them worked on together, V vocabulary.

A round of the loop: the draft proposes some tokens for every text, the target reads them all in one pass, `verify` says
which stand and draws one more, and both decoders take back what does not. Each text's rounds depend on nothing but its
own settings and lengths, so it is the same in any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from retort.chain import Chain
from retort.distribution import log_softmax
from retort.distribution.arrays import as_floats, to_numpy
from retort.errors import CapabilityError, InputError
from retort.sampling.decoding import NAMES_KEPT, Event, Text, check_request, sampled_tokens
from retort.sampling.draw import GROUP_ELEMENTS, NOISE_SCALE, SampleBatch, sample_rows
from retort.sampling.noise import STREAM_ACCEPT, STREAM_RESIDUAL, uniform_at
from retort.sampling.params import SamplingParams
from retort.sources.base import Source, SpanDecoder
from retort.transforms.context import Context, RowState


@dataclass(frozen=True)
class Judged:
    """`[g]` each: whether the draft token stands, the token there now, ln(p/q) of the draft token, ln of the coin."""

    stands: np.ndarray
    ids: np.ndarray
    log_ratio: np.ndarray
    log_coin: np.ndarray


def judge_residual(
    target_GV: np.ndarray,
    draft_GV: np.ndarray,
    drafted_G: np.ndarray,
    coins_G: np.ndarray,
    picks_G: np.ndarray,
) -> Judged:
    """The draft token x where `coin < p_x/q_x`, else the token that `pick` finds in `max(p - q, 0)`, normalised.

    Shapes: log-probabilities `[g, vocab]` (nats, float64), the others `[g]`; coins and picks uniform in (0, 1).
    P(x stands) + P(refused)·residual_x = min(p_x, q_x) + max(p_x - q_x, 0) = p_x. A pick finds a token by the sums of
    the residual in order of ids, so its law is right to the grain of the uniform, 2^-52.
    Raises InputError where q_x = 0: the draft cannot have drawn x. Source: Leviathan, Kalman, Matias 2023, algorithm 1.
    """
    each = np.arange(len(drafted_G))
    own_G = draft_GV[each, drafted_G]
    if not (own_G > -np.inf).all():
        token = int(drafted_G[np.argmin(own_G)])
        raise InputError(
            f"draft token {token} has probability 0 in the draft's own distribution, so it was not drawn from it; "
            "pass the logits and draft_params that it was drawn with"
        )
    log_ratio_G = target_GV[each, drafted_G] - own_G
    log_coin_G = np.log(coins_G)
    sums_GV = np.cumsum(np.maximum(np.exp(target_GV) - np.exp(draft_GV), 0.0), axis=-1)
    # Where p = q up to rounding nothing is left to draw from; the draft token then is a draw from p as it is.
    stands_G = (log_coin_G < log_ratio_G) | (sums_GV[:, -1] == 0.0)
    wanted_G1 = picks_G[:, None] * sums_GV[:, -1:]
    # Rounding may lift the product to the total itself, which no sum exceeds; the last token of the residual is meant.
    last_G = np.argmax(sums_GV >= sums_GV[:, -1:], axis=-1)
    picked_G = np.minimum((sums_GV <= wanted_G1).sum(axis=-1), last_G)
    return Judged(stands_G, np.where(stands_G, drafted_G, picked_G), log_ratio_G, log_coin_G)


def residual_rate(target_log_probs: Any, draft_log_probs: Any) -> np.ndarray:
    """`[...]` probability that a token drawn from the draft stands under "residual": `Σ_i min(p_i, q_i) = 1 - TV`.

    Shapes `[..., vocab]`, log-probabilities in nats; float64. Source: Leviathan, Kalman, Matias 2023, theorem 3.5.
    """
    return np.minimum(_probs(target_log_probs), _probs(draft_log_probs)).sum(axis=-1)


def coupled_rate(target_log_probs: Any, draft_log_probs: Any) -> np.ndarray:
    """`[...]` probability that a token drawn from the draft stands under "coupled".

    `Σ_i 1 / Σ_j max(p_j/p_i, q_j/q_i)`: token i wins both races over the same arrivals T if every other
    `T_j ≥ T_i·max(p_j/p_i, q_j/q_i)`, and the arrivals are exponential. Where the ratio p_j/q_j is above that of i the
    first term is the larger, else the second, so one sort by that ratio serves all i. At least `(1 - TV)/(1 + TV)`.
    Shapes `[..., vocab]`, log-probabilities in nats; float64.
    Source: Daliri, Musco, Suresh 2024 (the bound; the sum follows from the race).
    """
    target, draft = (np.asarray(values, dtype=np.float64) for values in (target_log_probs, draft_log_probs))
    known = np.maximum(target, draft) > -np.inf
    # A token that neither can draw has no ratio; wherever it stands in the order, it adds 0 to the sums.
    ratio = np.full(known.shape, -np.inf)
    np.subtract(target, draft, out=ratio, where=known)
    order = np.argsort(ratio, axis=-1)
    p, q = (np.take_along_axis(np.exp(values), order, axis=-1) for values in (target, draft))
    p_from_here = np.cumsum(p[..., ::-1], axis=-1)[..., ::-1]
    q_before = np.cumsum(q, axis=-1) - q
    both = (p > 0.0) & (q > 0.0)
    # A token that only one of the two can draw is never drawn by both: its summand is 0, not 1/0.
    rates = np.zeros(both.shape)
    np.divide(p_from_here, p, out=rates, where=both)
    rates += np.divide(q_before, q, out=np.zeros(both.shape), where=both)
    return np.divide(1.0, rates, out=np.zeros(both.shape), where=both).sum(axis=-1)


def residual_chance(log_ratio: Any) -> np.ndarray:
    """`[...]` probability that a given draft token x stands under "residual": `min(1, p_x/q_x)`, from ln(p_x/q_x)."""
    return np.exp(np.minimum(log_ratio, 0.0))


def coupled_chance(target_GV: np.ndarray, draft_GV: np.ndarray, drafted_G: np.ndarray) -> np.ndarray:
    """`[G]` probability that a given draft token x stands under "coupled": `1 / Σ_j max(q_j, p_j·q_x/p_x)`.

    The chance that x wins both races, `coupled_rate`'s summand, over q_x, the chance that it wins the draft's.
    """
    each = np.arange(len(drafted_G))
    log_ratio_G = target_GV[each, drafted_G] - draft_GV[each, drafted_G]
    # p_x = 0: x cannot stand. 0 in place of -inf keeps the sum a number until it is replaced.
    possible = log_ratio_G > -np.inf
    with np.errstate(over="ignore"):
        sums = np.exp(np.maximum(draft_GV, target_GV - np.where(possible, log_ratio_G, 0.0)[:, None])).sum(
            axis=-1
        )
    return np.where(possible, 1.0 / sums, 0.0)


def _probs(log_probs: Any) -> np.ndarray:
    return np.exp(np.asarray(log_probs, dtype=np.float64))


Method = Literal["coupled", "residual"]
METHODS: tuple[Method, ...] = ("coupled", "residual")


@dataclass(frozen=True)
class Draft:
    """One text and what was proposed for it.

    - `ids`: the draft tokens, drawn as `sample` draws with `draft_params` (the target's `params` by default) and the
      same seed and positions; none is allowed. `logits` `[k, vocab]`: the draft model's before each of them.
    - `params`: the target's; `seed`: that of `params` by default. `position`: of the first draft token in the generated
      text.
    - `history`: all tokens before the first draft token, for chains that look back; `prompt_length`: how many of them
      are the prompt. `state`: what the target's stages remember before the first draft token, for chains that do
      (mirostat, adaptive_p); `draft_states`: what the draft's remembered before each, `state` by default.
    """

    ids: Sequence[int]
    params: SamplingParams
    logits: Any = None
    draft_params: SamplingParams | None = None
    seed: int | None = None
    position: int = 0
    history: Sequence[int] | None = None
    prompt_length: int | None = None
    state: RowState | None = None
    draft_states: Sequence[RowState | None] = ()


@dataclass(frozen=True)
class Verdict:
    """What one text goes on with: `accepted` of its draft tokens, and one token more.

    - `tokens`: `accepted + 1` entries, of each what `SampleBatch` says, in the target's distribution. Where the coin of
      "residual" judged a draft token, `margin` is τ times what `ln(p/q)` could move before the coin fell the other way.
    - `acceptance` `[accepted + 1]`: the probability with which the draft token at this place stands, given p, q and the
      token. NaN where there was none and, under "coupled", where no draft logits were given.
    - `state`: what the target's stages remember after these tokens.
    """

    accepted: int
    tokens: SampleBatch
    acceptance: np.ndarray
    state: RowState | None


def verify(
    target_logits: Sequence[Any],
    drafts: Sequence[Draft],
    *,
    method: Method = "coupled",
    noise_scale: float = NOISE_SCALE,
) -> list[Verdict]:
    """Which of each text's draft tokens stand, and the token after them: each a draw from the target's distribution.

    Shapes: `target_logits` holds for each text `[k + 1, vocab]`, the target's logits before each of its k draft tokens
    and after the last, numpy or torch. All work is in float64.
    Raises InputError for arguments that do not fit and for a draft token that its own distribution cannot give, and
    BadRowsError as `sample` does. Sources: at the head of this file.
    """
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    rows = [_matrix(logits) for logits in target_logits]
    _check(rows, drafts, method)
    alive = list(range(len(drafts)))
    states = [draft.state for draft in drafts]
    steps: list[tuple[list[int], SampleBatch, np.ndarray]] = []
    # Place by place, all texts together: what a text's chain sees at a place depends on what stood at those before.
    while len(alive):
        number = len(steps)
        target_AV = np.stack([rows[text][number] for text in alive])
        here = [_Place(drafts[text], number, states[text]) for text in alive]
        context = _context(here)
        tokens = sample_rows(
            target_AV,
            [place.draft.params for place in here],
            seeds=[place.seed for place in here],
            positions=[place.position for place in here],
            history=context.history,
            prompt_lengths=context.prompt_lengths,
            states=context.states,
            noise_scale=noise_scale,
        )
        # Coupled: the draft's token stands if the target drew it by itself; for "residual" the coins decide below. The
        # place after the last draft token has the id -1, which is never drawn, so every text ends there at the latest.
        stands = tokens.ids == [place.id for place in here]
        acceptance = np.full(len(alive), np.nan)
        for group, target_GV, draft_GV in _distributions(target_AV, here):
            drafted_G = np.array([here[i].id for i in group])
            if method == "coupled":
                acceptance[group] = coupled_chance(target_GV, draft_GV, drafted_G)
                continue
            seeds, positions = [here[i].seed for i in group], [here[i].position for i in group]
            judged = judge_residual(
                target_GV,
                draft_GV,
                drafted_G,
                uniform_at(seeds, positions, STREAM_ACCEPT),
                uniform_at(seeds, positions, STREAM_RESIDUAL),
            )
            stands[group], acceptance[group] = judged.stands, residual_chance(judged.log_ratio)
            tokens = _with_judged(tokens, group, target_AV, target_GV, judged, here, noise_scale)
        for text, state in zip(alive, tokens.states, strict=True):
            states[text] = state
        steps.append((alive, tokens, acceptance))
        alive = [text for text, stood in zip(alive, stands, strict=True) if stood]
    return _verdicts(states, steps)


@dataclass(frozen=True)
class _Place:
    """One place of a text's draft, and what the target remembers there; the last, after all drafts, has the id -1."""

    draft: Draft
    number: int
    state: RowState | None

    @property
    def id(self) -> int:
        return int(self.draft.ids[self.number]) if self.number < len(self.draft.ids) else -1

    @property
    def draft_state(self) -> RowState | None:
        return self.draft.draft_states[self.number] if self.draft.draft_states else self.draft.state

    @property
    def seed(self) -> int:
        return self.draft.params.seed if self.draft.seed is None else self.draft.seed

    @property
    def position(self) -> int:
        return self.draft.position + self.number


def _context(places: Sequence[_Place], *, of_draft: bool = False) -> Context:
    """What the target's or the draft's chains may read at these places."""
    drafts = [place.draft for place in places]
    histories = [(*(place.draft.history or ()), *place.draft.ids[: place.number]) for place in places]
    lengths = [draft.prompt_length or 0 for draft in drafts]
    seeds, positions = [place.seed for place in places], [place.position for place in places]
    return Context(
        history=None if all(draft.history is None for draft in drafts) else histories,
        prompt_lengths=None if all(draft.prompt_length is None for draft in drafts) else lengths,
        uniforms=lambda stream: uniform_at(seeds, positions, stream),
        states=[place.draft_state if of_draft else place.state for place in places],
    )


def _distributions(
    target_AV: np.ndarray, places: Sequence[_Place]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Places with a draft token and draft logits: which they are, and the target's and the draft's log-probabilities.

    Places that share their chains come together, in pieces of a bounded number of logits.
    """
    # Making a chain costs more than a short row, so each pair of params is asked once.
    chains: dict[tuple[int, int], tuple[Chain, Chain]] = {}
    alike: dict[tuple[Chain, Chain], list[int]] = {}
    for i, place in enumerate(places):
        if place.id >= 0 and place.draft.logits is not None:
            target, draft = place.draft.params, place.draft.draft_params or place.draft.params
            pair = (id(target), id(draft))
            if pair not in chains:
                chains[pair] = target.resolved_chain, draft.resolved_chain
            alike.setdefault(chains[pair], []).append(i)
    size = max(1, GROUP_ELEMENTS // target_AV.shape[1])
    for (target_chain, draft_chain), group in alike.items():
        for start in range(0, len(group), size):
            piece = group[start : start + size]
            here = [places[i] for i in piece]
            draft_GV = np.stack([_matrix(place.draft.logits)[place.number] for place in here])
            yield (
                np.array(piece),
                _processed(target_AV[piece], target_chain, _context(here)),
                _processed(draft_GV, draft_chain, _context(here, of_draft=True)),
            )


def _processed(logits_GV: np.ndarray, chain: Chain, context: Context) -> np.ndarray:
    """Log-probabilities (nats, float64) after the whole chain."""
    return log_softmax(chain.apply(logits_GV.astype(np.float64), context=context))


def _with_judged(
    tokens: SampleBatch,
    group: np.ndarray,
    target_AV: np.ndarray,
    target_GV: np.ndarray,
    judged: Judged,
    places: Sequence[_Place],
    noise_scale: float,
) -> SampleBatch:
    """What the target would have drawn, with what was judged, and what is remembered after it, in its place."""

    def put(column: np.ndarray, values: Any) -> np.ndarray:
        column = column.copy()
        column[group] = values
        return column

    # Two logits of a row differ as their log-probabilities do, so no softmax of the raw row is needed again.
    own = target_AV[group, judged.ids].astype(np.float64) - target_AV[group, tokens.ids[group]]
    margin, states = tokens.margin, list(tokens.states)
    chain = places[group[0]].draft.params.resolved_chain
    # A greedy target draws no coin that matters: its margin is that of the logits.
    if chain.temperature > 0.0:
        margin = put(margin, chain.temperature * np.abs(judged.log_ratio - judged.log_coin))
    if "state" in chain.needs:
        context = _context([places[i] for i in group])
        after = chain.update(context.states, judged.ids, target_AV[group], context)
        for i, state in zip(group, after, strict=True):
            states[i] = state
    return replace(
        tokens,
        ids=put(tokens.ids, judged.ids),
        logprob_raw=put(tokens.logprob_raw, tokens.logprob_raw[group] + own),
        logprob_processed=put(tokens.logprob_processed, target_GV[np.arange(len(group)), judged.ids]),
        margin=margin,
        near_tie=margin <= noise_scale,
        states=tuple(states),
    )


def _verdicts(
    states: Sequence[RowState | None], steps: Sequence[tuple[list[int], SampleBatch, np.ndarray]]
) -> list[Verdict]:
    """The steps' columns, put together text by text."""
    if not steps:
        return []
    text = np.array([text for alive, _, _ in steps for text in alive])
    # Steps hold all texts of one place; a stable sort by text puts each one's places together, in their order.
    order = np.argsort(text, kind="stable")
    ends = np.cumsum(np.bincount(text, minlength=len(states)))
    columns: dict[str, Any] = {
        field.name: np.concatenate([getattr(tokens, field.name) for _, tokens, _ in steps])[order]
        for field in fields(SampleBatch)
        if field.name != "states"
    }
    acceptance = np.concatenate([chances for _, _, chances in steps])[order]
    verdicts = []
    for start, end, state in zip((0, *ends[:-1]), ends, states, strict=True):
        own = SampleBatch(**{name: column[start:end] for name, column in columns.items()})
        verdicts.append(Verdict(int(end - start) - 1, own, acceptance[start:end], state))
    return verdicts


def _matrix(logits: Any) -> np.ndarray:
    return to_numpy(as_floats(logits))


def _check(rows: Sequence[np.ndarray], drafts: Sequence[Draft], method: Method) -> None:
    """Nothing if the logits fit the drafts; else raises InputError naming the text."""
    if len(rows) != len(drafts):
        raise InputError(
            f"got target logits for {len(rows)} texts and {len(drafts)} drafts; give one of each for each text"
        )
    for text, (row, draft) in enumerate(zip(rows, drafts, strict=True)):
        count, vocab = len(draft.ids), row.shape[-1]
        if row.shape != (count + 1, vocab):
            raise InputError(
                f"text {text} has {count} draft tokens, so its target logits are [{count + 1}, vocab]; got {row.shape}"
            )
        if not all(0 <= token < vocab for token in draft.ids):
            raise InputError(
                f"the draft tokens of text {text} must be ids from 0 to {vocab - 1:,}, got {list(draft.ids)}"
            )
        if draft.logits is None:
            if method == "residual" and count:
                raise InputError(
                    'method "residual" needs the draft\'s logits; "coupled" judges a draft by its ids alone'
                )
        elif tuple(draft.logits.shape) != (count, vocab):
            raise InputError(
                f"the draft logits of text {text} must be [{count}, {vocab}], one row a draft token and the target's "
                f"vocabulary; got {tuple(draft.logits.shape)}"
            )


@dataclass(frozen=True)
class Speculation:
    """A draft model and how it is used.

    - `draft`: a source with the target's tokens, cheaper than it. `num_tokens`: proposed a round, 1 or more.
    - `method`: "coupled" gives the text that the target gives without a draft; "residual" another draw from the same
      law, of which more of the draft stands. See `retort.sampling.speculative`.
    - `params`: how the draft is drawn; each text's own by default, which is what makes it agree most often.
    - `on_round(index, drafted, accepted)`: called after each of the target's passes over text `index`.
    """

    draft: Source
    num_tokens: int = 4
    method: Method = "coupled"
    params: SamplingParams | None = None
    on_round: Callable[[int, int, int], None] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.num_tokens, bool) or not isinstance(self.num_tokens, int) or self.num_tokens < 1:
            raise InputError(f"num_tokens must be a whole number of 1 or more, got {self.num_tokens!r}")
        if self.method not in METHODS:
            raise InputError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")


@dataclass
class RoundCounts:
    """Counts all rounds of a run, as the `on_round` of a Speculation: what a draft saved."""

    target_passes: int = 0
    drafted: int = 0
    judged: int = 0
    accepted: int = 0

    def __call__(self, index: int, drafted: int, accepted: int) -> None:
        self.target_passes += 1
        self.drafted += drafted
        self.judged += accepted + (accepted < drafted)
        self.accepted += accepted

    @property
    def acceptance(self) -> float | None:
        """Share of the judged draft tokens that stood (what follows a refused one is not judged); None if none was."""
        return self.accepted / self.judged if self.judged else None

    @property
    def tokens_per_pass(self) -> float:
        """Tokens that a pass of the target over a text gave; without a draft it gives 1."""
        return 1.0 + self.accepted / self.target_passes if self.target_passes else 1.0


def decode_speculatively(
    source: Source, speculation: Speculation, texts: Sequence[Text], noise_scale: float, *, pieces: bool
) -> Iterator[Event]:
    """Draw these texts to their ends, as `decode` does, with a draft's help; the target reads prompts once.

    Raises CapabilityError where target or draft reads one token at a time, InputError where the draft cannot hold the
    texts or has other tokens.
    """
    name = lru_cache(NAMES_KEPT)(source.token_text)
    prompts = list(dict.fromkeys(text.prompt_ids for text in texts))
    _check_draft(source, speculation.draft, texts)
    target, drafter = _start(source, prompts), _start(speculation.draft, prompts)
    row_of = {prompt: row for row, prompt in enumerate(prompts)}
    live = [_Row(text, row_of[text.prompt_ids], row_of[text.prompt_ids]) for text in texts]
    spans = [target.logits[row.target][None] for row in live]
    while live:
        verdicts = verify(
            spans,
            [row.as_draft(speculation) for row in live],
            method=speculation.method,
            noise_scale=noise_scale,
        )
        for row, verdict in zip(live, verdicts, strict=True):
            if speculation.on_round is not None:
                speculation.on_round(row.text.index, len(row.proposed), verdict.accepted)
            for token in sampled_tokens(verdict.tokens, name):
                row.text.take(token)
                # What stands behind an end token or stop string was judged in vain, and is no part of the text.
                over = row.text.finish_reason is not None
                yield Event(row.text, token, row.text.pieces.push(row.text.ids, over=over) if pieces else "")
                if over:
                    break
            row.settle(verdict.accepted, verdict.state)
        live = [row for row in live if row.text.finish_reason is None]
        if live:
            _propose(drafter, live, speculation, source.vocab_size)
            spans = target.extend(
                [row.target for row in live],
                [[row.text.ids[-1], *row.proposed] for row in live],
                [row.target_drop for row in live],
            )
            for number, row in enumerate(live):
                row.target = number


@dataclass
class _Row:
    """A text with its rows in both decoders.

    Before a round the target has read all of the text but its newest token, and `target_drop` tokens more; the draft
    has read all but `unread`, and `drafter_drop` tokens more. `read` counts the proposed tokens that the draft read.
    """

    text: Text
    target: int
    drafter: int
    target_drop: int = 0
    drafter_drop: int = 0
    unread: list[int] = field(default_factory=list)
    proposed: list[int] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)
    states: list[RowState | None] = field(default_factory=list)
    read: int = 0

    def as_draft(self, speculation: Speculation) -> Draft:
        text = self.text
        logits = np.stack(self.logits) if self.logits else None
        return Draft(
            self.proposed,
            text.params,
            logits,
            speculation.params,
            text.params.seed,
            len(text.ids),
            text.history,
            len(text.prompt_ids),
            text.state,
            self.states,
        )

    def settle(self, accepted: int, state: RowState | None) -> None:
        """Note what the decoders have to take back and to read, after `accepted` of the proposed tokens stood."""
        self.text.state = state
        # The draft never reads the last token that it proposed, so of that one there is nothing to take back.
        stood = min(accepted, self.read)
        self.target_drop = len(self.proposed) - accepted
        self.drafter_drop += self.read - stood
        self.unread += self.text.ids[len(self.text.ids) - (accepted + 1 - stood) :]


def _propose(drafter: SpanDecoder, rows: Sequence[_Row], speculation: Speculation, vocab_size: int) -> None:
    """Draw each row's next draft tokens, at most as many as it can use."""
    known = speculation.draft.vocab_size
    counts = []
    for row in rows:
        row.proposed, row.logits, row.read = [], [], 0
        # The draft remembers what the target does before this round, and from there on its own tokens.
        row.states = [row.text.state]
        room = row.text.params.max_tokens - len(row.text.ids) - 1
        # The draft cannot read on after a token that it does not have.
        counts.append(min(speculation.num_tokens, room) if max(row.unread) < known else 0)
    for step in range(max(counts)):
        # The first step reads what the draft has not seen of the text, and takes back what was refused; each further
        # one reads the token just proposed. Rows that want no more tokens get none, and keep their logits.
        news = [
            (row.proposed[-1:] if step else row.unread) if step < count else []
            for row, count in zip(rows, counts, strict=True)
        ]
        drop = [row.drafter_drop if new and not step else 0 for row, new in zip(rows, news, strict=True)]
        drafter.extend([row.drafter for row in rows], news, drop)
        for number, (row, new) in enumerate(zip(rows, news, strict=True)):
            row.drafter = number
            if new and step == 0:
                row.unread, row.drafter_drop = [], 0
            elif new:
                row.read += 1
        drawing = [number for number, count in enumerate(counts) if step < count]
        logits = _fitted(drafter.logits[drawing], vocab_size)
        texts = [rows[number].text for number in drawing]
        drawn = sample_rows(
            logits,
            [speculation.params or text.params for text in texts],
            seeds=[text.params.seed for text in texts],
            positions=[len(text.ids) + step for text in texts],
            history=[[*rows[number].text.history, *rows[number].proposed] for number in drawing],
            prompt_lengths=[len(text.prompt_ids) for text in texts],
            states=[rows[number].states[-1] for number in drawing],
        )
        for number, token, row_V, state in zip(
            drawing, drawn.ids.tolist(), logits, drawn.states, strict=True
        ):
            rows[number].proposed.append(token)
            rows[number].states.append(state)
            # "coupled" judges by ids alone, so the draft's logits need not be kept.
            if speculation.method == "residual":
                rows[number].logits.append(row_V)


def _fitted(logits: np.ndarray, vocab_size: int) -> np.ndarray:
    """`[n, vocab_size]`: models of one family may pad their vocabularies differently; what is missing cannot come."""
    if logits.shape[1] >= vocab_size:
        return logits[:, :vocab_size]
    padding = np.full((len(logits), vocab_size - logits.shape[1]), -np.inf, logits.dtype)
    return np.concatenate([logits, padding], axis=1)


def _start(source: Source, prompts: Sequence[Sequence[int]]) -> SpanDecoder:
    decoder = source.start(prompts)
    if not isinstance(decoder, SpanDecoder):
        raise CapabilityError(
            f"{source.name} reads one token at a time, so drafting saves it nothing; "
            "use models of the transformers library as target and draft"
        )
    return decoder


def _check_draft(source: Source, draft: Source, texts: Sequence[Text]) -> None:
    """Nothing if the draft can hold these texts and reads the prompts' tokens as the target does."""
    for text in texts:
        if max(text.prompt_ids, default=0) >= draft.vocab_size or (
            draft.decode(text.prompt_ids) != source.decode(text.prompt_ids)
        ):
            raise InputError(
                f"the draft {draft.name} does not read the prompt's tokens as {source.name} does; "
                "give a smaller model with the same tokenizer"
            )
        check_request(draft, text.prompt_ids, text.params.max_tokens)
