"""The decode loop: texts drawn one token at a time, all rows together, each with its own settings.

A generator of events. Whoever drives it decides what becomes of them (a list of texts, a stream, a progress bar), and
closing it frees the decoder with its cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from retort.sampling.draw import SampleBatch, sample_rows
from retort.sampling.ending import Ending, FinishReason
from retort.sampling.params import SamplingParams
from retort.sampling.pieces import TextPieces
from retort.sources.base import Decoder, Source
from retort.transforms.context import RowState

NAMES_KEPT = 65_536
"""Token names looked up once in a run; asking the tokenizer costs more than drawing a short row."""


@dataclass(frozen=True)
class SampledToken:
    """One token of a text and what was done to draw it; see `SampleBatch` for the exact meaning of each number."""

    id: int
    token: str
    logprob_raw: float
    logprob_processed: float
    kept_mass: float
    entropy_nats: float
    near_tie: bool


@dataclass
class Text:
    """A text on its way. `history` is the prompt, then what was drawn; `state` what its chain remembers."""

    index: int
    prompt_ids: tuple[int, ...]
    params: SamplingParams
    ending: Ending
    ids: list[int] = field(default_factory=list)
    drawn: list[SampledToken] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    state: RowState | None = None

    def __post_init__(self) -> None:
        self.history = list(self.prompt_ids)
        self.pieces = TextPieces(self.ending)

    def take(self, token: SampledToken) -> None:
        """Add a token and see whether it is the last."""
        self.ids.append(token.id)
        self.history.append(token.id)
        self.drawn.append(token)
        self.finish_reason = self.ending.finish_reason(self.ids)


@dataclass(frozen=True)
class Event:
    """A token was drawn for `text`; `piece` is what can be shown of it now ("" unless pieces are asked for)."""

    text: Text
    token: SampledToken
    piece: str


def decode(source: Source, texts: Sequence[Text], noise_scale: float, *, pieces: bool) -> Iterator[Event]:
    """Draw these texts to their ends, all rows one token at a time; prompts that are equal are read once."""
    name = lru_cache(NAMES_KEPT)(source.token_text)
    prompts = list(dict.fromkeys(text.prompt_ids for text in texts))
    decoder: Decoder = source.start(prompts)
    row_of = {prompt: row for row, prompt in enumerate(prompts)}
    live = list(texts)
    # The decoder's row of each live text; several texts of one prompt share a row until their first token.
    rows = [row_of[text.prompt_ids] for text in live]
    while live:
        logits = decoder.logits
        drawn = sample_rows(
            # After the first token rows and texts are the same, and nothing needs to be copied.
            logits if rows == list(range(len(logits))) else logits[np.array(rows)],
            [text.params for text in live],
            positions=[len(text.ids) for text in live],
            history=[text.history for text in live],
            prompt_lengths=[len(text.prompt_ids) for text in live],
            states=[text.state for text in live],
            noise_scale=noise_scale,
        )
        for text, token, state in zip(live, sampled_tokens(drawn, name), drawn.states, strict=True):
            text.state = state
            text.take(token)
            piece = text.pieces.push(text.ids, over=text.finish_reason is not None) if pieces else ""
            yield Event(text, token, piece)
        going = [number for number, text in enumerate(live) if text.finish_reason is None]
        if going:
            decoder.advance([rows[number] for number in going], [live[number].ids[-1] for number in going])
        live = [live[number] for number in going]
        rows = list(range(len(live)))


def sampled_tokens(drawn: SampleBatch, name: Callable[[int], str]) -> Iterator[SampledToken]:
    """One record a row; columns become Python numbers at once, which costs a tenth of one by one."""
    columns = (
        drawn.ids,
        drawn.logprob_raw,
        drawn.logprob_processed,
        np.exp(drawn.log_kept_mass),
        drawn.entropy,
        drawn.near_tie,
    )
    for token_id, *numbers in zip(*(column.tolist() for column in columns), strict=True):
        yield SampledToken(token_id, name(token_id), *numbers)
