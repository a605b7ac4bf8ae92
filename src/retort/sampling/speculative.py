"""Speculative decoding's judgement: which tokens of a cheap draft model stand, and what comes after them.

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
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from retort.chain import Chain
from retort.distribution import log_softmax
from retort.distribution.arrays import as_floats, to_numpy
from retort.errors import InputError
from retort.sampling.acceptance import Judged, coupled_chance, judge_residual, residual_chance
from retort.sampling.draw import GROUP_ELEMENTS, NOISE_SCALE, SampleBatch, sample_rows
from retort.sampling.noise import STREAM_ACCEPT, STREAM_RESIDUAL, uniform_at
from retort.sampling.params import SamplingParams
from retort.transforms.context import Context, RowState

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
        following = list(tokens.states)
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
            _write(tokens, group, target_AV, target_GV, judged, here, following, noise_scale)
        for text, state in zip(alive, following, strict=True):
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
    histories = [
        (*(draft.history or ()), *draft.ids[: place.number])
        for draft, place in zip(drafts, places, strict=True)
    ]
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


def _write(
    tokens: SampleBatch,
    group: np.ndarray,
    target_AV: np.ndarray,
    target_GV: np.ndarray,
    judged: Judged,
    places: Sequence[_Place],
    following: list[RowState | None],
    noise_scale: float,
) -> None:
    """Put what was judged, and what is remembered after it, in the place of what the target would have drawn."""
    own = target_AV[group, judged.ids].astype(np.float64) - target_AV[group, tokens.ids[group]]
    tokens.logprob_raw[group] += own
    tokens.ids[group] = judged.ids
    tokens.logprob_processed[group] = target_GV[np.arange(len(group)), judged.ids]
    chain = places[group[0]].draft.params.resolved_chain
    if "state" in chain.needs:
        context = _context([places[i] for i in group])
        for i, state in zip(
            group, chain.update(context.states, judged.ids, target_AV[group], context), strict=True
        ):
            following[i] = state
    if (
        chain.temperature > 0.0
    ):  # a greedy target draws no coin that matters: its margin is that of the logits
        tokens.margin[group] = chain.temperature * np.abs(judged.log_ratio - judged.log_coin)
        tokens.near_tie[group] = tokens.margin[group] <= noise_scale


def _verdicts(
    states: Sequence[RowState | None], steps: Sequence[tuple[list[int], SampleBatch, np.ndarray]]
) -> list[Verdict]:
    """The steps' columns, put together text by text."""
    if not steps:
        return []
    text = np.array([text for alive, _, _ in steps for text in alive])
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
