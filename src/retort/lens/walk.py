"""A text step by step, as `generate` draws it, each token with the logits it was drawn from.

The n-th token has the noise of (seed, n), its coins too, and the stages remember the tokens before it: `context_of` and
`learned` say so in one place for texts that are drawn and for texts that are given.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.chain.chain import Chain
from retort.distribution.softmax import check_logits
from retort.sampling.draw import sample_rows
from retort.sampling.ending import Ending, FinishReason, check_request
from retort.sampling.noise import uniform_at
from retort.sampling.params import SamplingParams
from retort.sources.base import Source, check_token_ids
from retort.transforms.context import Context, RowState

GREEDY = Chain.of(temperature=0.0)
States = Sequence[RowState | None] | None


@dataclass(frozen=True)
class Step:
    """A token, the raw logits `[vocab]` of its position, what the chain could know there, whether the token was given,
    and why the text ends with it, if it does.
    """

    token: int
    logits: NDArray[np.floating]
    context: Context
    given: bool
    finish_reason: FinishReason | None


def walk(
    source: Source, prompt_ids: Sequence[int], params: SamplingParams, given: Sequence[int] = ()
) -> Iterator[Step]:
    """The tokens `given` after the prompt, then drawn ones, until the text ends.

    Raises InputError for a prompt that the source cannot take, and for ids that it does not have.
    """
    check_request(source, prompt_ids, params.max_tokens)
    check_token_ids(source, given)
    ending, decoder = Ending(source, (), params.max_tokens), source.start([prompt_ids])
    seed, ids, lengths = params.seed or 0, list[int](), [len(prompt_ids)]
    states: States = None
    reason: FinishReason | None = None
    while reason is None:
        place, row = len(ids), np.array(decoder.logits[0])
        context = context_of(prompt_ids, ids, range(place, place + 1), seed, states)
        if place < len(given):
            ids.append(int(given[place]))
        elif params.resolved_chain == GREEDY:
            # What sample gives, without loading its compiled kernels for it.
            check_logits(row)
            ids.append(int(row.argmax()))
        else:
            history = [[*prompt_ids, *ids]]
            drawn = sample_rows(
                row[None], params, [seed], place, history, prompt_lengths=lengths, states=states
            )
            ids.append(int(drawn.ids[0]))
        states = learned(params.resolved_chain, states, ids[-1], row, context)
        reason = ending.finish_reason(ids)
        yield Step(ids[-1], row, context, place < len(given), reason)
        if reason is None:
            decoder.advance([0], [ids[-1]])


def context_of(
    prompt_ids: Sequence[int], ids: Sequence[int], places: range, seed: int, states: States = None
) -> Context:
    """What a chain can know where the tokens `ids[place]` stand: a row for each place."""
    return Context(
        history=[[*prompt_ids, *ids[:place]] for place in places],
        prompt_lengths=[len(prompt_ids)] * len(places),
        uniforms=functools.partial(uniform_at, [seed] * len(places), list(places)),
        states=states,
    )


def learned(chain: Chain, states: States, token: int, row: NDArray[np.floating], context: Context) -> States:
    """What the stages remember after `token`. Nothing, if the chain removes it: it cannot be drawn."""
    if "state" not in chain.needs or chain.apply(row[None], context=context)[0, token] == -np.inf:
        return states
    return chain.update(states, [token], row[None], context)
