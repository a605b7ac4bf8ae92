"""Which tokens stand in a text, one after another: drawn as `generate` draws them, given, or told by a server.

Each comes with what was known at its position: the row of logits and what a chain can know there, or a list of the most
probable tokens. `trace.py` and `page.py` say what that means for the token.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.chain.chain import Chain
from retort.distribution.softmax import check_logits
from retort.errors import CapabilityError
from retort.sampling.decoding import Ending, FinishReason, check_request
from retort.sampling.draw import sample_rows
from retort.sampling.noise import uniform_at
from retort.sampling.params import SamplingParams
from retort.sources.base import PartialSource, ReadToken, Source, check_token_ids
from retort.sources.chat import Conversation, SeenPrompt
from retort.transforms.context import Context, RowState

Rows = NDArray[np.floating]
States = Sequence[RowState | None] | None

GREEDY = Chain.of(temperature=0.0)


@dataclass(frozen=True)
class Step:
    """A token, the raw logits `[vocab]` of its position, what the chain could know there, whether the token was given,
    and why the text ends with it, if it does.
    """

    token: int
    logits: Rows
    context: Context
    given: bool
    finish_reason: FinishReason | None


def walk(
    source: Source, prompt_ids: Sequence[int], params: SamplingParams, given: Sequence[int] = ()
) -> Iterator[Step]:
    """The tokens `given` after the prompt, then drawn ones, until the text ends.

    The n-th token has the noise of (seed, n), its coins too, and the stages remember the tokens before it. Raises
    InputError for a prompt that the source cannot take, and for ids that it does not have.
    """
    check_request(source, prompt_ids, params.max_tokens)
    check_token_ids(source, given)
    ending, decoder = Ending(source, (), params.max_tokens), source.start([prompt_ids])
    seed, ids, lengths = params.seed or 0, list[int](), [len(prompt_ids)]
    states: States = None
    reason: FinishReason | None = None
    while reason is None:
        # A copy: no decoder promises to leave its old rows alone, and the Step keeps this one.
        place, row = len(ids), np.array(decoder.logits[0])
        context = context_at(prompt_ids, ids, range(place, place + 1), seed, states)
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


def context_at(
    prompt_ids: Sequence[int], ids: Sequence[int], places: range, seed: int, states: States = None
) -> Context:
    """What a chain can know where the tokens `ids[place]` stand: a row for each place."""
    return Context(
        history=[[*prompt_ids, *ids[:place]] for place in places],
        prompt_lengths=[len(prompt_ids)] * len(places),
        uniforms=functools.partial(uniform_at, [seed] * len(places), list(places)),
        states=states,
    )


def learned(chain: Chain, states: States, token: int, row: Rows, context: Context) -> States:
    """What the stages remember after `token`. Nothing, if the chain removes it: it cannot be drawn."""
    if "state" not in chain.needs or chain.apply(row[None], context=context)[0, token] == -np.inf:
        return states
    return chain.update(states, [token], row[None], context)


def text_ids(source: Source, seen: SeenPrompt, text: str) -> list[int]:
    """The ids of `text` behind the prompt: as the model would read both together, where that keeps the prompt's ids."""
    if seen.messages is None:
        # A tokenizer may join the first letters of the text to the prompt's last token; then the text is encoded by
        # itself.
        both, before = source.encode(seen.text + text), list(seen.ids)
        if both[: len(before)] == before and len(both) > len(before):
            return both[len(before) :]
    # What an empty text encodes to is what every text begins with (a marker): it does not belong behind the prompt.
    alone, start = source.encode(text), source.encode("")
    return alone[len(start) :] if start and alone[: len(start)] == start else alone


def read_steps(
    source: PartialSource, prompt: str | Conversation, text: str | None, max_tokens: int
) -> Iterator[ReadToken]:
    """The tokens of `text`, or of the answer that was recorded, or else of the greedy text."""
    recorded = getattr(source, "answered", None)
    if recorded is not None:
        steps = recorded(prompt, text)
        if steps is not None:
            yield from steps[:max_tokens] if text is None else steps
            return
    if not isinstance(prompt, str):
        raise CapabilityError(
            f"{source.name} cannot continue its own answer, so a conversation cannot be traced; give the "
            f"prompt as text."
        )
    if text is not None:
        yield from source.read(prompt, text)
        return
    for step in greedy_steps(source, prompt, (), max_tokens):
        if not step.token:
            return  # a marker without text ends it, and cannot be written behind the prompt
        yield step


def greedy_steps(source: PartialSource, prompt: str, given: Sequence[str], count: int) -> Iterator[ReadToken]:
    """What is known of each position, and the token there: given, or the most likely one. One request for each."""
    for place in range(count):
        # A server takes text, so the token is written behind the prompt and read again: it may become part of another
        # one.
        known = source.next_tokens(prompt)
        token = given[place] if place < len(given) else known.tokens[0].token
        yield ReadToken(prompt, token, known)
        prompt += token
