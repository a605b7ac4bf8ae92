"""Every error a user can meet. Each message is a sentence: what, the value received, what is allowed, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Control characters of both blocks, line and paragraph separators, marks that turn the direction of writing, and
# halves of surrogate pairs, which no terminal or file can take.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class RetortError(Exception):
    """Base of all errors that retort raises on purpose; the command line prints its message and exits 2."""


class InputError(RetortError, ValueError):
    """A value that cannot be used: an option out of range, logits with NaN, an empty prompt."""


class CapabilityError(RetortError):
    """The source cannot give what the operation needs, for instance the whole vocabulary from a top-20 server."""


class SourceError(RetortError):
    """A model, tokenizer or file that is missing, damaged or of the wrong kind."""


class MissingExtraError(RetortError):
    """An optional library is not installed.

    The message names the extra that brings it.
    """

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed; install it with: pip install 'retort-lm[{extra}]'"
        )
        self.library = library
        self.extra = extra


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """ " (did you mean …?)" if a known name is near, else nothing: for the end of what was wrong in a message.

    Keys of a YAML file need not be texts, so whatever comes is compared as it is written.
    """
    near = difflib.get_close_matches(str(name), [str(one) for one in known], n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def printable(text: str, keep: str = "\n\t") -> str:
    """`text` of a model, a server or a file as it can be shown: control characters are written out, as in \\x1b[2J.

    Nothing that a terminal would obey is left. The characters in `keep` stay.
    """
    return UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text
    )
