"""A text as it grows: pieces that never have to be taken back.

A piece never ends in half a character (a token may be part of one), and never holds the beginning of what may become a
stop string. Together the pieces are the text that `Ending.text` gives for all the ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from retort.sampling.ending import Ending

REPLACEMENT = "\ufffd"  # how decoders show bytes that are no character, or not yet
LONGEST_UNFINISHED = (
    3  # bytes of a character that lacks its last one; some decoders show each as a sign of its own
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
