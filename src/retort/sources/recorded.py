"""`recorded:FILE`: what a model or server said earlier, looked at again without it.

One JSON document or JSON Lines, in the shape of our own recordings (see `recording.py`), or responses of OpenAI chat
and completions, llama.cpp or vLLM (see `logprob_shapes.py`). Which it is is detected, and the note says it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from retort.errors import SourceError
from retort.sources.base import (
    LARGEST_VOCABULARY,
    Capability,
    KnownToken,
    KnownTop,
    ReadToken,
    Source,
    check_advance,
    check_token_ids,
    needs_whole_vocabulary,
)
from retort.sources.chat import Message
from retort.sources.recording import CONVERSATION, VERSION, VERSION_KEY
from retort.sources.server.logprob_shapes import Position, complaint, read_reply, rounding_of

TEXTS_NAMED = 3  # an error names so many of the prompts that are recorded


def load_recorded(path: str) -> Source:
    """The source in the file `path`; raises SourceError that says what is wrong with the file."""
    name = f"recorded:{path}"
    file = Path(path).expanduser()
    if not file.is_file():
        raise SourceError(f"{name}: there is no file {path}.")
    records = _records(file, name)
    if isinstance(records[0], Mapping) and VERSION_KEY in records[0]:
        header, rows = records[0], records[1:]
        if header[VERSION_KEY] != VERSION:
            raise SourceError(
                f"{name} is a recording of version {header[VERSION_KEY]}; this retort reads {VERSION}."
            )
        try:
            return (
                RecordedRows(name, header, rows)
                if header["known"] == "full"
                else _own_top(name, header, rows)
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{name} is damaged ({type(error).__name__}: {error}); record it again."
            ) from error
    return _foreign(name, records)


def _records(file: Path, name: str) -> list[Any]:
    """Every JSON document of the file: one, a list of them, or one a line. A last line that was cut off is left out."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{name} cannot be read ({error}).") from error
    try:
        whole = json.loads(text)
        records = whole if isinstance(whole, list) else [whole]
    except ValueError:
        records = []
        lines = [line for line in text.splitlines() if line.strip()]
        for number, line in enumerate(lines, 1):
            try:
                records.append(json.loads(line))
            except ValueError as error:
                if number == len(lines) and records:
                    break
                raise SourceError(f"{name}, line {number} is not JSON ({error}).") from None
    if not records:
        raise SourceError(f"{name} is empty.")
    return records


class RecordedTop:
    """A TOP_N source that answers the prompts it was recorded with, and every prompt where none was recorded."""

    capability = Capability.TOP_N
    max_context: int | None = None
    end_ids: frozenset[int] = frozenset()

    def __init__(
        self,
        name: str,
        rows: Mapping[str | tuple[Message, ...] | None, KnownTop],
        *,
        vocabulary: int | None,
        probe: Any,
        note: str,
        following: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`rows` from what was asked (None: not recorded) to what was answered; `following` from a text to the tokens
        that came next in texts that were read.
        """
        self.name, self.probe, self.note = name, probe, note
        self._rows, self._vocabulary = dict(rows), vocabulary
        self._following = dict(following or {})

    @property
    def vocab_size(self) -> int:
        return self._vocabulary or LARGEST_VOCABULARY

    def next_tokens(self, prompt: str | tuple[Message, ...], count: int | None = None) -> KnownTop:
        if prompt in self._rows:
            return self._rows[prompt]
        if None in self._rows:
            return self._rows[None]
        raise _not_recorded(self.name, prompt, [row for row in self._rows if row is not None])

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        # A token may reach from the prompt into the text, so the reading may have begun before the prompt's end.
        starts = [start for start in self._following if prompt.startswith(start)]
        before, end = max(starts, key=len, default=prompt), prompt + text
        while len(before) < len(end):
            fitting = [token for token in self._following.get(before, ()) if end.startswith(before + token)]
            if not fitting:
                raise SourceError(
                    f"{self.name} was not recorded while {text!r} was read after {prompt!r}; record it so, or leave "
                    "the text out to trace the greedy one."
                )
            yield ReadToken(before, fitting[0], self._rows[before])
            before += fitting[0]

    def encode(self, text: str) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def decode(self, ids: Sequence[int]) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def token_text(self, token_id: int) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def start(self, prompts: Sequence[Sequence[int]]) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")


class RecordedRows:
    """A source of the whole vocabulary that answers the texts it was recorded with."""

    capability = Capability.FULL

    def __init__(self, name: str, header: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
        self.name, self.model = name, str(header["model"])
        self.tokens = [str(token) for token in header["tokens"]]
        self.vocab_size = len(self.tokens)
        self.end_ids = frozenset(int(i) for i in header["end_ids"])
        self.max_context: int | None = header["max_context"]
        self.note: str | None = _joined(f"Recorded from {self.model}.", header.get("note"))
        self._texts: dict[str, list[int]] = {}
        self._decoded: dict[tuple[int, ...], str] = {}
        self._rows: dict[tuple[int, ...], NDArray[np.floating]] = {}
        for row in rows:
            ids = tuple(int(i) for i in row["ids"])
            if "text" in row:
                self._texts.setdefault(row["text"], list(ids))
                continue
            if "decoded" in row:
                self._decoded[ids] = str(row["decoded"])
                continue
            values = [-np.inf if value is None else value for value in row["logits"]]
            if len(values) != self.vocab_size:
                raise ValueError(f"a row of {len(values)} logits for {self.vocab_size} tokens")
            self._rows[ids] = np.array(values, np.dtype(row["dtype"]))

    def encode(self, text: str) -> list[int]:
        """The ids that the model made of `text`; SourceError for a text that is not in the recording."""
        if text not in self._texts:
            raise _not_recorded(self.name, text, list(self._texts))
        return list(self._texts[text])

    def decode(self, ids: Sequence[int]) -> str:
        check_token_ids(self, ids)
        written = self._decoded.get(tuple(int(i) for i in ids))
        return "".join(self.tokens[i] for i in ids if i not in self.end_ids) if written is None else written

    def token_text(self, token_id: int) -> str:
        check_token_ids(self, [token_id])
        return self.tokens[token_id]

    def row(self, ids: Sequence[int]) -> NDArray[np.floating]:
        """`[vocab]` logits after the tokens `ids`; SourceError where they were not recorded."""
        found = self._rows.get(tuple(ids))
        if found is None:
            raise SourceError(
                f"{self.name} ends before {self.decode(ids)!r}: that was never computed while it was recorded; "
                f"ask {self.model} itself."
            )
        return found

    def start(self, prompts: Sequence[Sequence[int]]) -> ReplayDecoder:
        return ReplayDecoder(self, [tuple(prompt) for prompt in prompts])


class ReplayDecoder:
    """The recorded rows of a batch of texts."""

    def __init__(self, source: RecordedRows, texts: list[tuple[int, ...]]) -> None:
        self._source = source
        self._read(texts)

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        check_advance(self._source, len(self._texts), parents, tokens)
        self._read([(*self._texts[p], int(t)) for p, t in zip(parents, tokens, strict=True)])

    def _read(self, texts: list[tuple[int, ...]]) -> None:
        rows = [self._source.row(text) for text in texts]
        self._texts = texts
        self.logits = np.stack(rows) if rows else np.empty((0, self._source.vocab_size), np.float32)


def _own_top(name: str, header: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> RecordedTop:
    found: dict[str | tuple[Message, ...] | None, KnownTop] = {}
    following: dict[str, list[str]] = {}
    for row in rows:
        said = row.get("text")
        asked = said if said is not None else tuple(Message(**message) for message in row[CONVERSATION])
        tokens = tuple(KnownToken(t["token"], float(t["logprob"]), t.get("id")) for t in row["top"])
        found[asked] = KnownTop(tokens, header["vocabulary"], float(row["rounding"]))
        if isinstance(asked, str) and "next" in row:
            following.setdefault(asked, []).append(str(row["next"]))
    if not found:
        raise SourceError(f"{name} holds no position; record it again.")
    note = _joined(f"Recorded from {header['model']}.", header.get("note"))
    return RecordedTop(
        name,
        found,
        vocabulary=header["vocabulary"],
        probe=header.get("probe"),
        note=note,
        following=following,
    )


def _foreign(name: str, records: Sequence[Any]) -> RecordedTop:
    """Responses of servers. A prompt in the response is kept (`prompt` or `messages` beside it, as many logs write)."""
    found: dict[str | tuple[Message, ...] | None, KnownTop] = {}
    shapes: dict[str, None] = {}
    processed = False
    for record in records:
        asked, response = _asked(record)
        reply = read_reply(response, name)
        shapes[reply.shape] = None
        processed = processed or reply.processed
        positions = [p for choice in reply.choices for p in choice.positions[:1]] or list(
            reply.prompt_positions[-1:]
        )
        for position in positions[:1]:
            found.setdefault(asked, _checked(position, name))
    if not found:
        raise SourceError(
            f"{name} holds responses without logprobs; ask the server for logprobs and record again."
        )
    note = _joined(
        f"Recorded in the shape {', '.join(shapes)}; nobody probed whether its logprobs are the model's own.",
        "They are probabilities from after the sampler's stages." if processed else None,
        "Which prompt it belongs to is not recorded: the prompt has no effect." if None in found else None,
        f"The vocabulary is not recorded; the wide ends of the intervals assume at most {LARGEST_VOCABULARY:,} tokens.",
    )
    return RecordedTop(name, found, vocabulary=None, probe=None, note=note)


def _asked(record: Any) -> tuple[str | tuple[Message, ...] | None, Any]:
    """What was asked, and the response: `{"request": …, "response": …}`, a prompt within the response, or neither."""
    if not isinstance(record, Mapping):
        return None, record
    response = record.get("response") if isinstance(record.get("response"), Mapping) else record
    for place in (record.get("request"), record, response):
        if not isinstance(place, Mapping):
            continue
        if isinstance(place.get("prompt"), str):
            return place["prompt"], response
        messages = place.get("messages")
        if isinstance(messages, list) and messages:
            return tuple(Message(str(m.get("role")), str(m.get("content"))) for m in messages), response
    return None, response


def _checked(position: Position, name: str) -> KnownTop:
    wrong = complaint(position.top)
    if wrong is not None:
        raise SourceError(f"{name} {wrong}; it cannot be used.")
    return KnownTop(position.top, None, rounding_of(position.top))


def _not_recorded(name: str, prompt: object, there: Sequence[object]) -> SourceError:
    named = ", ".join(
        repr(text if isinstance(text, str) else "a conversation") for text in there[:TEXTS_NAMED]
    )
    more = f" and {len(there) - TEXTS_NAMED} more" if len(there) > TEXTS_NAMED else ""
    return SourceError(
        f"{name} was not recorded with the prompt {prompt!r}; it holds {named or 'none'}{more}."
    )


def _joined(*sentences: str | None) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
