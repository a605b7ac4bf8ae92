"""What a verb is asked about: a text, or a conversation written with the model's own template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retort.errors import CapabilityError
from retort.sources.base import Capability, Source, needs_whole_vocabulary
from retort.sources.chat import Message, render

Prompt = str | Sequence[Message]


@dataclass(frozen=True)
class Asked:
    """The text that the model sees, its ids, and the messages it was made of (None: it was given as text)."""

    text: str
    ids: list[int]
    messages: tuple[Message, ...] | None


def ask(source: Source, prompt: Prompt) -> Asked:
    """The prompt for a source of the whole vocabulary. Raises CapabilityError for any other, and without a template."""
    if source.capability is not Capability.FULL:
        raise needs_whole_vocabulary(source, "To draw or follow a text")
    if isinstance(prompt, str):
        return Asked(prompt, source.encode(prompt), None)
    rendered = render(source, prompt)
    if rendered is None:
        raise CapabilityError(
            f"{source.name} does not tell how it writes a conversation; give the prompt as text."
        )
    chat: Any = source
    return Asked(rendered, chat.encode_rendered(rendered), tuple(prompt))
