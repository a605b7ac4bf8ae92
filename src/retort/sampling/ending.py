"""When a text ends, and what its text then is. The same rule for single texts and for temperature paths.

`ids` holds every token that was drawn, the one that ended the text included: its probability is part of the text's.
The text leaves out an end token, and is cut before a stop string.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source

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
            f"the prompt has {len(prompt_ids):,} tokens and max_tokens is {max_tokens:,}, but {source.name} holds "
            f"{source.max_context:,} tokens in all; {advice}"
        )
