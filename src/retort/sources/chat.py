"""A conversation as a list of messages: read from JSON, checked, and rendered with a model's own template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from retort.errors import CapabilityError, InputError
from retort.files import parse_json


@dataclass(frozen=True)
class Message:
    """Who says what. The roles are the template's: user, assistant and system almost everywhere."""

    role: str
    content: str


@runtime_checkable
class ChatSource(Protocol):
    """A source that knows how its model wants a conversation written."""

    def render_chat(self, messages: Sequence[Message]) -> str | None:
        """The text that the model sees, up to where its answer begins; None where a server does not tell.

        A source of the whole vocabulary also has `encode_rendered(text)`: the ids of that text, with no marker added
        that the template does not write.
        """


def read_messages(text: str, name: str) -> tuple[Message, ...]:
    """The messages in a JSON text: a list of {"role", "content"}, or an object with such a list under "messages".

    Raises InputError, beginning with `name`.
    """
    value = parse_json(text, name)
    if isinstance(value, dict):
        value = value.get("messages")
    if not isinstance(value, list) or not value:
        raise InputError(
            f'{name} holds no messages; give a list such as [{{"role": "user", "content": "What is a pear?"}}].'
        )
    return tuple(_message(entry, place, name) for place, entry in enumerate(value))


def parse_message(text: str) -> Message:
    """The message written as `role:text`. Raises InputError where there is no role before a colon."""
    role, colon, content = text.partition(":")
    if not colon or not role.strip() or not role.strip().isidentifier():
        raise InputError(
            f"a message is written role:text, for instance 'user:What is a pear?', got {text!r}."
        )
    return Message(role.strip(), content.lstrip())


def render(source: object, messages: Sequence[Message]) -> str | None:
    """What the model of `source` sees of `messages`. Raises CapabilityError for a source without a chat template."""
    if not isinstance(source, ChatSource):
        raise CapabilityError(
            f"{getattr(source, 'name', 'This source')} has no chat template; give the prompt as plain text."
        )
    return source.render_chat(messages)


def _message(entry: Any, place: int, name: str) -> Message:
    role, content = (entry.get("role"), entry.get("content")) if isinstance(entry, dict) else (None, None)
    if not isinstance(role, str) or not role or not isinstance(content, str):
        raise InputError(f"{name}: message {place} must have a role and a content, both strings.")
    return Message(role, content)
