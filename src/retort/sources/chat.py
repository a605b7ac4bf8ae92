"""What a verb is asked about: a text, or a conversation, and what the model sees of it.

In: a text, messages read from JSON, or messages made in Python. Out: `SeenPrompt`, the text and the token ids that go
into the model. A conversation is written with the model's own template. What a conversation holds reaches the template
or is refused by name: a template that leaves out a message, the tools or a message's tool calls would otherwise answer
another question than the one asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from retort.errors import CapabilityError, InputError, MissingExtraError, SourceError
from retort.files import parse_json
from retort.sources.model_folder import first_line

ASSISTANT = "assistant"
# Keys that link messages to one another and carry no text; templates are free to leave them out.
LINKS = frozenset({"tool_call_id", "id", "index"})
# Stands where a content ends, to find that place in what a template writes. No template changes plain letters.
MARK = "RetortMark7Q"


@dataclass(frozen=True)
class Message:
    """Who says what. The roles are the template's: user, assistant and system almost everywhere.

    `content` is the text of the message; `written` is the whole message as it was given, where it has more than a role
    and a text: content in parts, null, tool calls, a name.
    """

    role: str
    content: str
    # A mapping has no hash; equality still compares it.
    written: Mapping[str, Any] | None = field(default=None, hash=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The message as it is handed to a template, sent to a server, and written in JSON."""
        return {"role": self.role, "content": self.content} if self.written is None else dict(self.written)


class Conversation(tuple[Message, ...]):
    """Messages, and the tools that the model is told of. Without tools it equals the tuple of its messages."""

    tools: tuple[Mapping[str, Any], ...]

    def __new__(cls, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> Conversation:
        made = super().__new__(cls, messages)
        made.tools = tuple(tools)
        return made

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, tuple) and tuple(self) == tuple(other)
        return same and self.tools == getattr(other, "tools", ())

    def __ne__(self, other: object) -> bool:  # a tuple has its own, which would know nothing of the tools
        return not self == other

    __hash__ = tuple.__hash__


Prompt = str | Sequence[Message]
Question = str | tuple[Message, ...]
"""What `asked` makes of a prompt, and a source of answers or of the top N is asked: something that a dict can hold."""


@dataclass(frozen=True)
class SeenPrompt:
    """What the model sees: the text, its ids, the messages it was made of (None: it was given as text), and notes."""

    text: str
    ids: list[int]
    messages: tuple[Message, ...] | None = None
    notes: tuple[str, ...] = ()


@runtime_checkable
class ChatSource(Protocol):
    """A source that knows how its model wants a conversation written."""

    def render_chat(self, messages: Sequence[Message]) -> str | None:
        """The text that the model sees, up to where its answer goes on; None where a server does not tell.

        A source of the whole vocabulary also has `encode_rendered(text)`: the ids of that text, with no marker added
        that the template does not write.
        """


def prompt_for(source: Any, prompt: Prompt, chat: bool | None = None) -> SeenPrompt:
    """What the model of `source`, a source of the whole vocabulary, sees of `prompt`.

    `chat` as `asked` takes it. Raises CapabilityError for messages to a source without a chat template, SourceError
    where the template refuses them.
    """
    question = asked(prompt, chat)
    if isinstance(question, str):
        marker = getattr(source, "start_marker", None)
        doubled = marker is not None and question.startswith(marker)
        note = f"The prompt begins with {marker}, which {source.name} puts before every text; it is not repeated."
        return SeenPrompt(question, source.encode(question), None, (note,) if doubled else ())
    text = render(source, question)
    if text is None:
        raise CapabilityError(f"{source.name} does not report its chat template; give the prompt as text.")
    return SeenPrompt(text, source.encode_rendered(text), tuple(question))


def asked(prompt: Prompt, chat: bool | None = None) -> str | Conversation:
    """The text or the conversation that is meant. None: text is text and messages are a conversation.

    True makes a text one message of the user. False makes messages a plain text: their contents, separated by blank
    lines, without roles. Raises InputError where that would leave out tools or tool calls.
    """
    if isinstance(prompt, str):
        return Conversation([Message("user", prompt)]) if chat else prompt
    conversation = prompt if isinstance(prompt, Conversation) else Conversation(prompt)
    if chat is not False:
        return conversation
    more = [key for message in conversation for key in message.to_dict() if key not in ("role", "content")]
    if conversation.tools or more:
        named = "tools" if conversation.tools else more[0]
        raise InputError(
            f"The messages have {named}, which only a chat template can write; leave out --no-chat, or {named}."
        )
    return "\n\n".join(message.content for message in conversation)


def render(source: object, messages: Sequence[Message]) -> str | None:
    """What the model of `source` sees of `messages`. Raises CapabilityError for a source without a chat template."""
    if not isinstance(source, ChatSource):
        raise CapabilityError(
            f"{getattr(source, 'name', 'This source')} has no chat template; give the prompt as plain text."
        )
    return source.render_chat(messages)


Template = Callable[[list[dict[str, Any]], list[dict[str, Any]], bool], str]
"""Messages, tools, and whether the answer shall be opened, to text. Raises whatever the template raises."""


def jinja_template(template: str, markers: Mapping[str, str]) -> Template:
    """A Hugging Face chat template, with the names it may use; `markers` are bos_token, eos_token, ….

    As transformers renders it: sandboxed, blocks trimmed. Raises MissingExtraError without Jinja.
    """
    try:
        from jinja2 import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise MissingExtraError("jinja2", "models", "Writing a conversation") from error

    def refuse(said: str) -> None:
        raise TemplateError(said)

    def as_json(value: Any, indent: int | None = None) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = as_json
    environment.globals |= {
        "raise_exception": refuse,
        "strftime_now": lambda form: datetime.now().strftime(form),
    }

    def apply(messages: list[dict[str, Any]], tools: list[dict[str, Any]], opens_answer: bool) -> str:
        compiled = environment.from_string(template)
        return compiled.render(
            messages=messages, tools=tools or None, add_generation_prompt=opens_answer, **markers
        )

    return apply


def write_chat(name: str, template: Template, messages: Sequence[Message], *, finished: bool = False) -> str:
    """The conversation as `template` writes it. A last message of the assistant is continued, not closed.

    `finished` closes it and opens no answer: a conversation to be learned from.

    Raises SourceError where the template refuses the messages, or leaves out a message, a key of one, or the tools.
    """
    tools = [dict(tool) for tool in getattr(messages, "tools", ())]
    written = [message.to_dict() for message in messages]
    continues = not finished and bool(written) and written[-1]["role"] == ASSISTANT
    if continues and written[-1].get("tool_calls"):
        raise SourceError(
            f"The last message calls tools, so {name} has nothing to continue; add the tool's answer."
        )

    def apply(entries: Entries, with_tools: Entries = tools) -> str:
        try:
            return template(entries, with_tools, not (continues or finished))
        except Exception as error:  # whatever a template raises: unknown roles, roles in the wrong order
            raise SourceError(
                f"The chat template of {name} refuses these messages: {first_line(error)}"
            ) from error

    written = [_with_plain_content(written, place, apply) for place in range(len(written))]
    text = apply(written)
    _check_nothing_left_out(name, text, written, tools, apply)
    if continues:
        # What a template writes behind the last content closes the message: the answer goes on in front of that.
        marked = _having(written, len(written) - 1, content=f"{written[-1]['content']}{MARK}")
        return apply(marked).partition(MARK)[0]
    return text


Entries = list[dict[str, Any]]


def _having(entries: Entries, place: int, **changed: Any) -> Entries:
    """The messages with some keys of one changed."""
    return [*entries[:place], {**entries[place], **changed}, *entries[place + 1 :]]


def _with_plain_content(entries: Entries, place: int, apply: Callable[..., str]) -> dict[str, Any]:
    """The message at a place, its parts as one text and null as no text where the template takes neither.

    One part is its text. Several stay parts for a template that reads them; the others get them joined by line breaks,
    as vLLM and llama.cpp do.
    """
    content = entries[place].get("content")
    if isinstance(content, str):
        return entries[place]
    as_text = _having(entries, place, content=_text_of(content))
    if content is None or len(content) != 1:
        # Jinja prints a value that a template does not look into as Python would: where that text stands in what the
        # template writes, it took the parts for a text.
        shown = str(content)
        try:
            if apply(entries).count(shown) <= apply(as_text).count(shown):
                return entries[place]
        except SourceError:
            pass  # it reads texts only
    return as_text[place]


def _check_nothing_left_out(
    name: str, text: str, entries: Entries, tools: Entries, apply: Callable[..., str]
) -> None:
    """Raise SourceError for the first thing without which the template would write the same text."""
    trials: list[tuple[str, Entries, Entries]] = [("the tools", entries, [])] if tools else []
    for place, entry in enumerate(entries):
        if _text_of(entry.get("content")):
            trials.append(
                (f"message {place} ({entry['role']})", _having(entries, place, content=MARK), tools)
            )
        for key in entry.keys() - LINKS - {"role", "content"}:
            if entry[key]:
                without = {other: value for other, value in entry.items() if other != key}
                others = [*entries[:place], without, *entries[place + 1 :]]
                trials.append((f"{key!r} of message {place}", others, tools))
    # A template is a program: whether it reads a thing shows in what it writes without it.
    for what, others, with_tools in trials:
        try:
            same = apply(others, with_tools) == text
        except SourceError:  # the template needs it
            continue
        if same:
            raise SourceError(
                f"The chat template of {name} leaves out {what}; leave it out yourself, or use a model whose "
                f"template writes it."
            )


def _text_of(content: Any) -> str:
    if content is None:
        return ""
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


def read_messages(text: str, name: str) -> Conversation:
    """The messages in a JSON text: a list of {"role", "content"}, or an object with "messages" and perhaps "tools".

    Raises SourceError for a text that is not JSON and InputError for one that holds no messages, beginning with `name`.
    """
    return conversation_of(parse_json(text, name), name)


def conversation_of(value: Any, name: str) -> Conversation:
    """The conversation in a JSON value, as `read_messages` takes it. Raises InputError, beginning with `name`."""
    tools: Any = None
    if isinstance(value, Mapping):
        value, tools = value.get("messages"), value.get("tools")
    if not isinstance(value, list) or not value:
        raise InputError(
            f'{name} holds no messages; give a list such as [{{"role": "user", "content": "What is a pear?"}}].'
        )
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise InputError(f"{name}: tools must be a list of objects, got {type(tools).__name__}.")
    return Conversation(
        [message_of(entry, f"{name}: message {i}") for i, entry in enumerate(value)], tools or ()
    )


def message_of(entry: Any, named: str) -> Message:
    """The message in a JSON object. Raises InputError, beginning with `named`."""
    role = entry.get("role") if isinstance(entry, Mapping) else None
    if not isinstance(role, str) or not role:
        raise InputError(f"{named} must have a role and a content.")
    content = entry.get("content")
    if content is None and not entry.get("tool_calls"):
        raise InputError(
            f"{named} must have a role and a content; only a message with tool_calls may lack one."
        )
    if not isinstance(content, str | list | None):
        raise InputError(f"{named}: content must be a text or a list of parts, got {type(content).__name__}.")
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
        if kind != "text" or not isinstance(part.get("text"), str):
            raise InputError(f"{named} has a part of type {kind!r}; only parts of type 'text' can be read.")
    plain = isinstance(content, str) and entry.keys() == {"role", "content"}
    return Message(role, _text_of(content), None if plain else dict(entry))


def parse_message(text: str) -> Message:
    """The message written as `role:text`. Raises InputError where there is no role before a colon."""
    role, colon, content = text.partition(":")
    if not colon or not role.strip() or not role.strip().isidentifier():
        raise InputError(
            f"a message is written role:text, for instance 'user:What is a pear?', got {text!r}."
        )
    return Message(role.strip(), content.lstrip())
