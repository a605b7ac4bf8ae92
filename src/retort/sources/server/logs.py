"""What servers answered, as it was saved: logs of requests, OpenAI's batch output, a stream as it came over the wire.

In: JSON values with where they stand, in any shape that `answers.py` knows. Out: what is known after each text. A
prompt in the answer is kept (`prompt` or `messages` beside it, as many logs write).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from retort.errors import InputError
from retort.sources.base import LARGEST_VOCABULARY, KnownTop, ReadToken
from retort.sources.chat import Conversation, Message, Question, message_of
from retort.sources.server.answers import Reply, is_error, read_reply
from retort.sources.server.candidates import Position, check_usable, rounding_of


@dataclass(frozen=True)
class Log:
    """What was asked (None: that is not recorded) → what is known of the next token; and the answers of several tokens.

    Each position answers the text before it: a recorded answer of ten tokens is ten looks.
    """

    known: Mapping[Question | None, KnownTop]
    answers: Sequence[tuple[Question | None, Sequence[ReadToken]]]
    errors: int
    note: str


def read_log(records: Sequence[tuple[str, Any]]) -> Log:
    """The answers in JSON values, each with where it stands. Raises SourceError for one that cannot be used."""
    errors: list[str] = []
    replies: list[Reply] = []
    found: dict[Question | None, KnownTop] = {}
    answers: list[tuple[Question | None, list[ReadToken]]] = []
    for place, asked, reply in _replies(records):
        if reply is None:
            errors.append(place)
            continue
        replies.append(reply)
        for positions in _texts_of(reply):
            steps = [
                ReadToken("", p.chosen.token if p.chosen else p.text, _usable(place, p))
                for p in positions
                if p.known
            ]
            for key in asked if steps else ():
                # What stood before each token is a question of its own, which the next position answers.
                so_far = key
                for step in steps:
                    found.setdefault(so_far, step.known)
                    if not isinstance(so_far, str):
                        break  # the beginning of an answer cannot be put behind messages
                    so_far += step.token
                if len(steps) > 1:
                    answers.append((key, steps))
    shapes = ", ".join(dict.fromkeys(reply.shape for reply in replies))
    processed = any(reply.processed for reply in replies)
    without = sum(not any(_texts_of(reply)) for reply in replies)
    several = [asked for asked, _ in answers].count(None) > 1
    said = (
        f"Recorded in the shape {shapes}; it is not known whether its logprobs are the model's own.",
        "They are probabilities after the sampler's stages." if processed else None,
        "It does not record its prompt, so the prompt has no effect." if None in found else None,
        "It holds several answers without a prompt; the first is used." if several else None,
        f"{len(errors)} record{'s' * (len(errors) > 1)} of an error left out ({_places(errors)})."
        if errors
        else None,
        f"{without} answer{'s' * (without > 1)} without logprobs left out." if without else None,
        f"The vocabulary size is not recorded; intervals assume at most {LARGEST_VOCABULARY:,} tokens.",
    )
    return Log(found, answers, len(errors), " ".join(sentence for sentence in said if sentence))


def _texts_of(reply: Reply) -> list[Sequence[Position]]:
    """The positions of each text; where nothing was generated (an echo alone) the prompt's last one."""
    return [choice.positions for choice in reply.choices if choice.positions] or [reply.prompt_positions[-1:]]


def _usable(place: str, position: Position) -> KnownTop:
    """What is known at a position; raises SourceError for logprobs that are none."""
    check_usable(position.known, place, "it")
    return KnownTop(position.known, None, rounding_of(position.known), position.ceiling)


def _replies(records: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, list[Question | None], Reply | None]]:
    """Each answer: where it stands, what it was asked, and the reply; None for an error.

    A stream that ends in an error is left out whole: where it broke off is not where the text ended.
    """
    for place, asked, pieces in _answers_of(records):
        if any(map(is_error, pieces)):
            yield place, asked, None
        elif pieces:
            yield place, asked, _one_reply([read_reply(piece, place) for piece in pieces])


def _places(errors: Sequence[str]) -> str:
    lines = [place.rpartition(" line ")[2] for place in errors if " line " in place]
    return (
        f"line{'s' * (len(lines) > 1)} {', '.join(lines[:5])}{', …' * (len(lines) > 5)}"
        if lines
        else "see the file"
    )


def _answers_of(
    records: Sequence[tuple[str, Any]],
) -> Iterator[tuple[str, list[Question | None], list[Any]]]:
    """Each answer: where it stands, what it was asked, and its record, or the pieces of its stream."""
    answer: tuple[str, list[Question | None], list[Any]] | None = None
    last_kind: object = None
    # Pieces of a stream stand one behind the other; another kind, a whole answer or a last piece ends it. OpenAI's have
    # an id for each stream, the others end with a piece that says so.
    for place, record in records:
        asked, response = _asked(record)
        for piece in response if isinstance(response, list) and response else [response]:
            kind, is_last, content = _stream_piece(piece)
            if answer is not None and kind != last_kind:
                yield answer
                answer = None
            answer, last_kind = answer or (place, asked, []), kind
            if content is not None or kind is None:
                answer[2].append(content)
            if is_last or kind is None:
                yield answer
                answer = None
    if answer is not None:
        yield answer


def _stream_piece(record: Any) -> tuple[object, bool, Any]:
    """Which stream a record is a piece of (None: it is a whole answer), whether it is the last, and what is read."""
    if not isinstance(record, Mapping):
        return None, False, record
    kind = record.get("type")
    if isinstance(kind, str) and kind.startswith("response."):
        # OpenAI's stream says everything twice: as it comes, and at its end once more as a whole.
        if kind != "response.output_text.delta":
            return "responses", kind == "response.completed", None
        part = {"text": record.get("delta"), "logprobs": record.get("logprobs")}
        return "responses", False, {"output": [{"content": [part]}]}
    choices = record.get("choices")
    if record.get("object") in ("chat.completion.chunk", "text_completion.chunk") or (
        isinstance(choices, list)
        and any(isinstance(choice, Mapping) and "delta" in choice for choice in choices)
    ):
        return ("openai", record.get("id")), False, record if choices else None
    if isinstance(record.get("done"), bool):
        return "ollama", record["done"], record
    if isinstance(record.get("token"), Mapping):
        return "tgi", record.get("generated_text") is not None, record
    return None, False, record


def _one_reply(replies: Sequence[Reply]) -> Reply:
    """The pieces of a stream as one answer."""
    if len(replies) == 1:
        return replies[0]
    firsts = [reply.choices[0] for reply in replies if reply.choices]
    if not firsts:
        return replies[0]
    reasons = [choice.finish_reason for choice in firsts if choice.finish_reason]
    choice = replace(
        firsts[0],
        text="".join(choice.text for choice in firsts),
        finish_reason=reasons[-1] if reasons else None,
        positions=tuple(position for choice in firsts for position in choice.positions),
    )
    return replace(replies[0], choices=(choice,))


def _message(entry: Mapping[str, Any]) -> Message:
    """As `chat.read_messages` has it, so that the same request finds its answer; what that refuses, as it stands."""
    try:
        return message_of(entry, "a message")
    except InputError:
        return Message(str(entry.get("role")), str(entry.get("content")))


def _are_objects(value: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _asked(record: Any) -> tuple[list[Question | None], Any]:
    """What was asked, and the answer: `{"request": …, "response": …}`, a prompt within the answer, or neither.

    A line of OpenAI's batch output has no prompt; its `custom_id` stands for one.
    """
    if not isinstance(record, Mapping):
        return [None], record
    response = record.get("response") if isinstance(record.get("response"), Mapping | list) else record
    if isinstance(response, Mapping) and isinstance(response.get("body"), Mapping):
        response = response["body"]
    # From the outside in: what a log says of the request counts before what the answer repeats.
    for place in (record.get("request"), record.get("body"), record, response):
        if not isinstance(place, Mapping):
            continue
        for key in ("prompt", "input"):
            if isinstance(place.get(key), str):
                return [place[key]], response
        for key in ("messages", "input"):
            messages, tools = place.get(key), place.get("tools")
            if _are_objects(messages):
                said = Conversation(list(map(_message, messages)), tools if _are_objects(tools) else ())
                return [said], response
    custom = record.get("custom_id")
    return [None, custom] if isinstance(custom, str) else [None], response
