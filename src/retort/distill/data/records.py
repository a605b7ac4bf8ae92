"""One record of the data: a plain text, a prompt with its completion, or a conversation. Its keys say which.

In: a JSON object or a row of a table, and how records look (`Shape`). Out: a `str`, a `Pair` or a `Chat`. What a record
asks for is carried out later or refused here: tools and tool calls go to the chat template with their conversation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from retort.errors import InputError, did_you_mean

# The keys of each kind of record; a record that has all of them is of that kind.
FORMATS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "prompt_completion": ("prompt", "completion"),
    "messages": ("messages",),
}
TOOLS = "tools"
# Keys beside them that ask a chat template, or training, for something that is not supported here.
NOT_CARRIED_OUT = (
    "chat_template_kwargs",
    "documents",
    "functions",
    "function_call",
    "images",
    "videos",
    "audios",
    "system",
)
ALLOWED = "`text`, `prompt` with `completion`, or `messages`"

ASSISTANT = "assistant"

Message: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """A prompt, and the completion that follows it directly: no space is put between them."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Chat:
    """A conversation, to be written down by a chat template (`template` None: that of the tokenizer).

    `asked`: how many messages from the front are the prompt; None where nothing says so, and the assistant's turns are
    what is learned. `tools`: the functions that the template tells the model of, as JSON schemas.
    """

    messages: tuple[Message, ...]
    asked: int | None = None
    template: str | None = None
    tools: tuple[Message, ...] | None = None


Record: TypeAlias = str | Pair | Chat


@dataclass(frozen=True)
class Shape:
    """How the records of a file are to be read: their kind (None: by their keys), names of keys, chat template."""

    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None

    def formats(self, keys: Collection[str], place: str) -> list[str]:
        """The kinds that a record with these keys can be. Raises InputError where there is none."""
        asked = [self.format] if self.format else list(FORMATS)
        wanted = [one for one in asked if set(self.columns) & set(FORMATS[one])] if self.columns else asked
        found = [one for one in wanted if all(self.name(key) in keys for key in FORMATS[one])]
        if not found:
            names = [" with ".join(f"`{self.name(key)}`" for key in FORMATS[one]) for one in wanted or asked]
            shown = ", ".join(f"`{key}`" for key in list(keys)[:12]) or "no keys"
            known = {self.name(key) for one in wanted or asked for key in FORMATS[one]}
            close = next(
                (hint for key in keys if key not in known and (hint := did_you_mean(key, known))), ""
            )
            raise InputError(
                f"text {place}, has {shown}{close}; allowed are {', or '.join(names)}."
                " Records with other names are read with data.columns, as in columns: {prompt: question}."
            )
        return found

    def name(self, key: str) -> str:
        """What `key` is called in these records."""
        return self.columns.get(key, key)

    @property
    def told(self) -> str:
        """Everything in words, empty if nothing was asked for: part of what a capture is known by."""
        columns = ",".join(f"{key}={value}" for key, value in sorted(self.columns.items()))
        parts = (self.format and f"format {self.format}", columns, self.template)
        return "; ".join(part for part in parts if part)


def record_of(values: Any, shape: Shape, place: str) -> Record:
    """The record in `values`, which stand at `place` (file and line). Raises InputError for what is none."""
    if not isinstance(values, Mapping):
        raise InputError(
            f"text {place}, is not a JSON object but a {type(values).__name__}; it must have {ALLOWED}."
        )
    # A table has every column in every row; what a row does not use is null there.
    there = [key for key, value in values.items() if value is not None]
    found = shape.formats(there, place)
    if len(found) > 1:
        raise InputError(
            f"text {place}, can be read as {' and as '.join(found)}; say which with data.format, as in"
            f" format: {found[-1]}."
        )
    one = {key: values[shape.name(key)] for key in FORMATS[found[0]]}
    asked_for = next(
        (name for name in NOT_CARRIED_OUT if values.get(name) and name not in shape.columns.values()), None
    )
    tools = _tools(values.get(TOOLS), place)
    if found[0] == "messages":
        _refuse(asked_for, place)
        return Chat(_messages(one["messages"], shape.name("messages"), place), None, shape.template, tools)
    if found[0] == "text":
        _refuse(TOOLS if tools else None, place)
        return _string(one["text"], shape.name("text"), place)
    prompt, completion = one["prompt"], one["completion"]
    if isinstance(prompt, str) and isinstance(completion, str):
        _refuse(TOOLS if tools else None, place)
        return Pair(prompt, completion)
    _refuse(asked_for, place)
    if isinstance(prompt, str) or isinstance(completion, str):
        raise InputError(
            f"text {place}: `{shape.name('prompt')}` is a {type(prompt).__name__} and"
            f" `{shape.name('completion')}` a {type(completion).__name__}; both must be strings, or both lists of"
            " messages."
        )
    asked = _messages(prompt, shape.name("prompt"), place)
    answer = _messages(completion, shape.name("completion"), place)
    return Chat((*asked, *answer), len(asked), shape.template, tools)


def _refuse(asked_for: str | None, place: str) -> None:
    if asked_for is not None:
        raise InputError(
            f"text {place}, has `{asked_for}`, which is not supported here: only `{TOOLS}` of conversations reach the"
            " chat template. Take it out of the record, or write the conversation as prompt and completion."
        )


def _tools(value: Any, place: str) -> tuple[Message, ...] | None:
    """The functions that a record offers; None where it offers none. A text is read as JSON, as in tables."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            raise InputError(
                f"text {place}: `{TOOLS}` is text that is not JSON; give a list of tools."
            ) from None
    if not value:
        return None
    if not isinstance(value, Sequence) or not all(isinstance(one, Mapping) for one in value):
        raise InputError(
            f"text {place}: `{TOOLS}` is a {type(value).__name__}; it must be a list of JSON objects."
        )
    return tuple(value)


def _string(value: Any, key: str, place: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"text {place}: `{key}` is a {type(value).__name__}; it must be a string.")
    return value


def _messages(value: Any, key: str, place: str) -> tuple[Message, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InputError(
            f"text {place}: `{key}` is a {type(value).__name__}{' of length 0' if value == [] else ''};"
            " it must be a list of messages, each with `role` and `content`."
        )
    return tuple(_message(one, f"`{key}` {number}", place) for number, one in enumerate(value, start=1))


def _message(value: Any, named: str, place: str) -> Message:
    kept = {name: one for name, one in value.items() if one is not None} if isinstance(value, Mapping) else {}
    if kept.get("tool_calls") and "content" not in kept:
        kept["content"] = ""  # a call without words: templates would write None, or stop
    if isinstance(kept.get("content"), list):
        kept["content"] = _joined(kept["content"], named, place)
    for name in ("role", "content"):
        if not isinstance(kept.get(name), str):
            found = ", ".join(f"`{one}`" for one in kept) if kept else f"a {type(value).__name__}"
            raise InputError(
                f"text {place}: {named} is {found}; a message must have `role` and `content`, both strings."
            )
    return kept


def _joined(parts: list[Any], named: str, place: str) -> str:
    """The text of content that is given in parts."""
    for part in parts:
        if (
            not isinstance(part, Mapping)
            or part.get("type") != "text"
            or not isinstance(part.get("text"), str)
        ):
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise InputError(
                f"text {place}: {named} has a part of type {kind!r}; only parts of text can be read."
            )
    return "".join(part["text"] for part in parts)


def kind_of_record(record: Record) -> str:
    """Its name in FORMATS; a prompt and completion are one whether they are strings or messages."""
    if isinstance(record, str):
        return "text"
    return "messages" if isinstance(record, Chat) and record.asked is None else "prompt_completion"


def share_of(record: Record) -> float:
    """A number in [0, 1) drawn from what is asked: the text, the prompt, or the messages before the first answer.

    Records that ask the same thing get the same number, so texts split by it share no question and no document.
    """
    if isinstance(record, Chat):
        answers = (place for place, one in enumerate(record.messages) if one["role"] == ASSISTANT)
        first = next(answers, len(record.messages)) if record.asked is None else record.asked
        asked = json.dumps([dict(one) for one in record.messages[:first]], sort_keys=True)
    else:
        asked = record if isinstance(record, str) else record.prompt
    number = int.from_bytes(hashlib.blake2b(asked.encode(), digest_size=8).digest(), "little")
    return (number >> 11) / 2**53


def plain_text(record: Record, number: int) -> str:
    """The record as one text. Raises InputError for a conversation: it is none before a chat template wrote it down."""
    if isinstance(record, Chat):
        raise InputError(
            f"document {number} is a conversation, which only a model with a chat template can read as a text; give"
            " plain text, or prompt and completion as strings."
        )
    return record if isinstance(record, str) else record.prompt + record.completion
