"""One record of the data, and what it is in tokens: the one way in which a text becomes tokens.

In: a JSON object or a row of a table, and how records look (`Shape`). Its keys say whether it is a plain text (`str`),
a prompt with its completion (`Pair`) or a conversation (`Chat`). What a record asks for is carried out or refused:
tools and tool calls go to the chat template with their conversation.

Out (`Renderer`): token ids, and which of them are learned. A plain text, and a prompt with its completion written
directly behind it, end with the token that stands between documents. A conversation is what the chat template writes
and nothing else: it has marks of its own. With `completions_only` a token is learned if its last character stands in
the completion, or in an assistant's turn with what the template writes to end it; so a token that reaches from the
prompt into the completion is learned. Tokens are those of the whole text, as a model reads it, not of its pieces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    "chat_template_kwargs", "documents", "functions", "function_call", "images", "videos", "audios", "system",
)  # fmt: skip
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
        # Who names a kind's columns means that kind, even where a record has the keys of another as well.
        wanted = [one for one in asked if set(self.columns) & set(FORMATS[one])] if self.columns else asked
        found = [one for one in wanted if all(self.name(key) in keys for key in FORMATS[one])]
        if not found:
            names = [" with ".join(f"`{self.name(key)}`" for key in FORMATS[one]) for one in wanted or asked]
            shown = ", ".join(f"`{key}`" for key in list(keys)[:12]) or "no keys"
            known = {self.name(key) for one in wanted or asked for key in FORMATS[one]}
            close = next(filter(None, (did_you_mean(key, known) for key in keys if key not in known)), "")
            raise InputError(
                f"text {place}, has {shown}{close}; allowed are {', or '.join(names)}."
                " Records with other names are read with data.columns, as in columns: {prompt: question}."
            )
        return found

    def name(self, key: str) -> str:
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
    # Refused for conversations alone: beside a text, or a pair of strings, `system` or `images` is a column like any.
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
        said = part if isinstance(part, Mapping) else {"type": type(part).__name__}
        if said.get("type") != "text" or not isinstance(said.get("text"), str):
            kind = said.get("type")
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
    return (number >> 11) / 2**53  # 53 bits are what a float holds exactly, so it is never 1


def plain_text(record: Record, number: int) -> str:
    """The record as one text. Raises InputError for a conversation: it is none before a chat template wrote it down."""
    if isinstance(record, Chat):
        raise InputError(
            f"document {number} is a conversation, which only a model with a chat template can read as a text; give"
            " plain text, or prompt and completion as strings."
        )
    return record if isinstance(record, str) else record.prompt + record.completion


GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")


@dataclass(frozen=True)
class Rendered:
    """The token ids of a document, and for each whether it is learned; `learned` None: all are."""

    ids: list[int]
    learned: list[bool] | None = None


Render = Callable[[Sequence[Record], Sequence[int]], list[Rendered]]
"""Records, and their numbers in the data (for messages), to what each is in tokens."""


@dataclass(frozen=True)
class _Written:
    """A record as text; `spans` of it are learned, or the tokens that `mask` says."""

    text: str
    spans: tuple[tuple[int, int], ...] = ()
    mask: list[bool] | None = None


@dataclass(frozen=True)
class Renderer:
    """Writes records down as token ids with one tokenizer. `end_id` None: it has no token to end a document."""

    tokenizer: Any
    end_id: int | None
    completions_only: bool = False

    def __call__(self, records: Sequence[Record], numbers: Sequence[int]) -> list[Rendered]:
        """Each record rendered; `numbers` are theirs in the data, for messages.

        Raises InputError for a conversation that the chat template does not take, and, with `completions_only`, for a
        plain text, and for a template that does not show where one turn ends and the next begins.
        """
        if self.completions_only and not getattr(self.tokenizer, "is_fast", False):
            raise InputError(
                "completions_only is true, but this tokenizer does not tell which characters a token stands for; use"
                " its fast version, or set data.completions_only to false."
            )
        written = [self._written(record, number) for record, number in zip(records, numbers, strict=True)]
        asks = {"return_offsets_mapping": True} if self.completions_only else {}
        texts = [one.text for one in written]
        answer = self.tokenizer(texts, add_special_tokens=False, verbose=False, **asks)
        offsets = answer["offset_mapping"] if asks else [None] * len(written)
        return [
            self._ended(record, Rendered(ids, None if where is None else _learned(one, where)))
            for record, one, ids, where in zip(records, written, answer["input_ids"], offsets, strict=True)
        ]

    def _ended(self, record: Record, rendered: Rendered) -> Rendered:
        if self.end_id is None or isinstance(record, Chat):
            return rendered
        learned = None if rendered.learned is None else [*rendered.learned, True]
        return Rendered([*rendered.ids, self.end_id], learned)

    def _written(self, record: Record, number: int) -> _Written:
        """The record as text; what is learned of it is looked for only where it matters."""
        if isinstance(record, Chat):
            return self._chat(record, number)
        if isinstance(record, Pair):
            text = record.prompt + record.completion
            return _Written(text, ((len(record.prompt), len(text)),))
        if self.completions_only:
            raise InputError(
                f"completions_only is true, but document {number} is a plain text, which has no completion; give"
                " prompt and completion, or messages, or set data.completions_only to false."
            )
        return _Written(record)

    def _chat(self, chat: Chat, number: int) -> _Written:
        # What is told comes before what has to be found out: which messages are the answer, then the template's own
        # marks, and only then how the text grows.
        text = self._rendered(chat, chat.messages, number)
        self._need_written(chat, text, number)
        if not self.completions_only:
            return _Written(text)
        if chat.asked is not None:
            prompt = self._rendered(chat, chat.messages[: chat.asked], number, asks=True)
            _need_prefix(text, prompt, number, chat.asked)
            return _Written(text, ((len(prompt), len(text)),))
        if GENERATION.search(chat.template or self.tokenizer.chat_template or ""):
            mask = self._apply(
                chat, chat.messages, number, return_dict=True, return_assistant_tokens_mask=True
            )["assistant_masks"]
            return _Written(text, mask=[bool(one) for one in mask])
        return _Written(text, tuple(self._turns(chat, text, number)))

    def _need_written(self, chat: Chat, text: str, number: int) -> None:
        """Raise InputError where the template leaves out tools or tool calls: a model would never learn of them."""
        called = tuple(
            {key: one for key, one in message.items() if key != "tool_calls"} for message in chat.messages
        )
        left_out = {
            "tools": chat.tools is not None and replace(chat, tools=None),
            "tool_calls": called != tuple(map(dict, chat.messages)) and replace(chat, messages=called),
        }
        for name, without in left_out.items():
            if without and self._rendered(without, without.messages, number) == text:
                raise InputError(
                    f"document {number} has `{name}`, and the chat template ignores it; give a template "
                    "that writes it (data.chat_template), or remove it from the record."
                )

    def _turns(self, chat: Chat, text: str, number: int) -> list[tuple[int, int]]:
        """Where the assistant's turns stand, from how the text grows message by message."""
        turns = []
        # Written anew up to each turn: no template says where in its text a message stands.
        for place, message in enumerate(chat.messages):
            if message["role"] == ASSISTANT:
                before = self._rendered(chat, chat.messages[:place], number, asks=True) if place else ""
                after = self._rendered(chat, chat.messages[: place + 1], number)
                _need_prefix(text, before, number, place)
                _need_prefix(text, after, number, place + 1)
                turns.append((len(before), len(after)))
        return turns

    def _rendered(self, chat: Chat, messages: Sequence[Message], number: int, *, asks: bool = False) -> str:
        text: str = self._apply(chat, messages, number, tokenize=False, add_generation_prompt=asks)
        return text

    def _apply(self, chat: Chat, messages: Sequence[Message], number: int, **how: Any) -> Any:
        if not (chat.template or self.tokenizer.chat_template):
            raise InputError(
                f"document {number} is a conversation, and this tokenizer has no chat template; give a file with one as"
                " data.chat_template."
            )
        try:
            return self.tokenizer.apply_chat_template(
                [dict(one) for one in messages],
                chat_template=chat.template,
                tools=None if chat.tools is None else [dict(one) for one in chat.tools],
                **how,
            )
        except Exception as error:  # whatever the template raises: unknown roles, roles in the wrong order
            first = str(error).strip().split("\n")[0]
            raise InputError(
                f"document {number} cannot be written by the chat template ({first}); its roles are"
                f" {', '.join(str(one['role']) for one in messages)}."
            ) from None


def _learned(written: _Written, offsets: Sequence[tuple[int, int]]) -> list[bool]:
    """Of each token, by the characters `(first, last)` that it stands for, whether it is learned."""
    if written.mask is not None:
        return written.mask
    return [any(begin < last <= end for begin, end in written.spans) for _, last in offsets]


def _need_prefix(text: str, part: str, number: int, messages: int) -> None:
    """Raise InputError unless the text of the first messages begins the whole text: else its end says nothing."""
    if not text.startswith(part):
        raise InputError(
            f"completions_only is true, but the chat template writes the first {messages} messages of document {number}"
            " differently when more follow, so the assistant's turns cannot be found; use a template with"
            " {% generation %} marks (data.chat_template), or set data.completions_only to false."
        )
