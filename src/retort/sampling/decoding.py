"""The decode loop: texts drawn one token at a time, all rows together, each with its own settings; and when one ends.

`Ending` is the rule for when a text ends and what its text then is, the same for single texts and temperature paths:
`ids` holds every token that was drawn, the one that ended the text included, because its probability is part of the
text's; the text leaves out an end token, and is cut before a stop string. `TextPieces` is a text as it grows: pieces
that never have to be taken back. `decode` is a generator of events. Whoever drives it decides what becomes of them (a
list of texts, a stream, a progress bar), and closing it frees the decoder with its cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, Protocol

import numpy as np

from retort.errors import CapabilityError, InputError
from retort.sampling.draw import SampleBatch, sample_rows
from retort.sampling.params import SamplingParams
from retort.sources.base import Capability, Decoder, Source
from retort.transforms.context import RowState

FinishReason = Literal["length", "end", "stop"]

REPLACEMENT = "\ufffd"  # how decoders show bytes that are no character, or not yet
LONGEST_UNFINISHED = 3  # tokens of a character that lacks its last byte

SPARE_TOKENS = 8
"""Looked at beyond a stop string's own length: tokens that show no text (markers, parts of a character)."""


class Tokens(Protocol):
    """What the rule must know of tokens: which end a text, and what text they are. Every Source does."""

    @property
    def end_ids(self) -> frozenset[int]: ...
    def decode(self, ids: Sequence[int]) -> str: ...


@dataclass(frozen=True)
class Ending:
    """The rule: end tokens of the source, then stop strings, then the number of tokens."""

    source: Tokens
    stop: tuple[str, ...]
    max_tokens: int
    include_stop: bool = False  # the text then ends with the stop string instead of before it

    def finish_reason(self, ids: Sequence[int]) -> FinishReason | None:
        """Why the text of these generated tokens is over; None if it goes on."""
        if not ids:
            return None
        if ids[-1] in self.source.end_ids:
            return "end"
        if self.stop and self._stops(ids):
            return "stop"
        return "length" if len(ids) >= self.max_tokens else None

    def text(self, ids: Sequence[int]) -> str:
        """The text of generated tokens, without an end token and cut before (or after) the first stop string."""
        if ids and ids[-1] in self.source.end_ids:
            ids = ids[:-1]
        text = self._decode(ids)
        found = [(place, len(string)) for string in self.stop if (place := text.find(string)) >= 0]
        if not found:
            return text
        place, length = min(found)
        return text[: place + length * self.include_stop]

    def _decode(self, ids: Sequence[int]) -> str:
        text = self.source.decode(ids)
        if not text.endswith(REPLACEMENT):
            return text
        # Cut off inside a character: decoders with byte fallback then turn every byte token before it into a sign too,
        # characters that were whole included.
        for cut in range(1, min(LONGEST_UNFINISHED, len(ids)) + 1):
            whole = self.source.decode(ids[:-cut])
            if not whole.endswith(REPLACEMENT):
                return whole + self.source.decode(ids[-cut:])
        return text

    def _stops(self, ids: Sequence[int]) -> bool:
        # A token shows at least one byte, so a string that the last token completed begins this many tokens back at
        # most. Decoding only these keeps a long text linear; the whole text then confirms the few hits.
        window = max(len(string.encode()) for string in self.stop) + SPARE_TOKENS
        tail = self.source.decode(ids[-window:])
        for _ in range(LONGEST_UNFINISHED):
            # Begins inside a character: decoders with byte fallback then lose the characters after it too.
            if not tail.startswith(REPLACEMENT):
                break
            window += 1
            tail = self.source.decode(ids[-window:])
        if not any(string in tail for string in self.stop):
            return False
        text = self._decode(ids)
        return any(string in text for string in self.stop)


def check_request(source: Source, prompt_ids: Sequence[int], max_tokens: int) -> None:
    """Nothing if `source` can continue this prompt by `max_tokens`; else one clear error, before any work is done.

    Raises CapabilityError for a source that does not give the whole vocabulary, InputError for a prompt that leaves too
    little room in the context. Whether a prompt without tokens can be continued is the source's to say, in `start`.
    """
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"{source.name} gives only its most likely tokens, and sampling needs the whole vocabulary; "
            "use a local model"
        )
    if source.max_context is not None and len(prompt_ids) + max_tokens > source.max_context:
        room = source.max_context - len(prompt_ids)
        advice = f"lower max_tokens to {room} or shorten the prompt" if room > 0 else "shorten the prompt"
        raise InputError(
            f"the prompt has {len(prompt_ids):,} tokens and max_tokens is {max_tokens:,}, but "
            f"{source.name} reads at most {source.max_context:,} tokens in all; {advice}"
        )


@dataclass
class TextPieces:
    """What may be shown of one growing text. Only the tokens since `_start` are decoded again, so a text costs O(n)."""

    ending: Ending
    given: int = 0  # characters given out so far
    _start: int = 0  # the first token that is still decoded
    _settled: int = 0  # characters of the decoded tokens that have been moved to `_waiting` or given out
    _seen: int = 0  # tokens at the last call
    _waiting: str = field(default="")  # settled, but possibly the beginning of a stop string

    def push(self, ids: Sequence[int], over: bool = False) -> str:
        """The text that the tokens since the last call allow to show; `over`: all that is left of the finished text.

        `ids` are all generated tokens so far.
        """
        if over:
            piece = self.ending.text(ids)[self.given :]
        else:
            self._waiting += self._new_text(ids)
            held = held_back(self._waiting, self.ending.stop)
            piece = self._waiting[: len(self._waiting) - held]
            self._waiting = self._waiting[len(piece) :]
        self.given += len(piece)
        return piece

    def _new_text(self, ids: Sequence[int]) -> str:
        decode = self.ending.source.decode
        text = decode(ids[self._start :])
        # Every sign at the end waits: decoders with byte fallback show one for each byte of an unfinished character,
        # and for the characters right before it.
        end = max(len(text.rstrip(REPLACEMENT)), self._settled)
        new = text[self._settled : end]
        self._settled = end
        if end == len(text):
            # Decode on from the latest tokens alone. One that shows text must lead, because decoders strip the space of
            # a first word.
            shown = decode(ids[self._seen :])
            if shown and text.endswith(shown):
                self._start, self._settled = self._seen, len(shown)
        self._seen = len(ids)
        return new


def held_back(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a stop string."""
    longest = 0
    for stop in stops:
        for length in range(min(len(stop) - 1, len(text)), longest, -1):
            if text.endswith(stop[:length]):
                longest = length
                break
    return longest


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
    # All rows take one token a turn: a pass over eight rows costs about as much as two over one.
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
