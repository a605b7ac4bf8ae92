"""Records to token ids, and which of those tokens are learned: the one way in which a text becomes tokens.

A plain text, and a prompt with its completion written directly behind it, end with the token that stands between
documents. A conversation is what the chat template writes and nothing else: it has marks of its own.

With `completions_only` a token is learned if its last character stands in the completion, or in an assistant's turn
with what the template writes to end it; so a token that reaches from the prompt into the completion is learned. Tokens
are those of the whole text, as a model reads it, not of its pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retort.distill.data.records import ASSISTANT, Chat, Message, Pair, Record
from retort.errors import InputError

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
        plain text and for a template whose turns cannot be told apart.
        """
        if self.completions_only and not getattr(self.tokenizer, "is_fast", False):
            raise InputError(
                "completions_only is true, but this tokenizer does not tell which characters a token "
                "stands for; use its fast version, or set data.completions_only to false."
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
                    f"that writes it (data.chat_template), or remove it from the record."
                )

    def _turns(self, chat: Chat, text: str, number: int) -> list[tuple[int, int]]:
        """Where the assistant's turns stand, from how the text grows message by message."""
        turns = []
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
