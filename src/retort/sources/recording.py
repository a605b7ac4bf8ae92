"""Writing down what a source said (`--save FILE`), and saying it again without the model (`recorded:FILE`).

Our own recordings are JSON Lines. The first line describes the source; each further line is one position, or how a
text is cut into tokens. It is written and flushed as soon as it is known, so that whatever breaks off later, what came
before is kept:

    {"retort_recording": 1, "model": …, "known": "full", "tokens": […], "end_ids": […], "max_context": …, "note": …}
    {"text": "the sky is", "ids": [5, 12, 9]}
    {"ids": [5, 12, 9], "dtype": "float32", "logits": [1.5, null, …]}
    {"ids": [77], "decoded": " blue"}

    {"retort_recording": 1, "model": …, "known": "top_n", "vocabulary": 8192, "probe": {…}, "note": …}
    {"text": "the sky is", "rounding": 1e-05, "top": [{"token": " blue", "id": 77, "logprob": -0.7}, …]}

A conversation has `messages`, and `tools` where it has any, in place of `text`. `next` beside `top` is the token that
came next where a given text was read, `ceiling` what bounds the other tokens where the last one does not ("inf", "-inf"
or nats). A logit of null is -inf. Logits are written with the fewest digits that read back as the same number.

What is read may also be the answers of servers (`server/logs.py`): one JSON document, a list of them, JSON Lines, or a
stream as it came over the wire.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from retort.errors import SourceError
from retort.files import parse_json, read_jsonl, read_text
from retort.sources.base import (
    LARGEST_VOCABULARY,
    Capability,
    Decoder,
    KnownToken,
    KnownTop,
    LookupDecoder,
    PartialSource,
    ReadToken,
    Source,
    WithoutVocabulary,
    check_token_ids,
)
from retort.sources.chat import Conversation, Message, Question
from retort.sources.positions import position_logits

VERSION_KEY, VERSION = "retort_recording", 1
CONVERSATION = "messages"
TEXTS_NAMED = 3  # an error names so many of the prompts that are recorded


def recording(source: Source, path: str | Path | None) -> Source:
    """`source`, which also writes every row it gives to the file `path`; `source` itself where there is no path.

    A file that exists is added to if it is a recording of the same model, rows that it holds already are not written
    again. Raises SourceError for any other file that exists, and for a place where none can be written.
    """
    if path is None:
        return source
    if source.capability is Capability.FULL:
        return _RecordedFull(source, Path(path))
    return _RecordedPartial(cast(PartialSource, source), Path(path))


def _header(source: Source, **more: Any) -> dict[str, Any]:
    """The first line of a recording."""
    said = {VERSION_KEY: VERSION, "model": source.name, "known": source.capability.value}
    return {**said, **more, "note": source.note}


def _row_line(ids: Sequence[int], logits: NDArray[np.floating]) -> dict[str, Any]:
    """The line of one row of logits `[vocab]`."""
    single = logits.dtype != np.float64
    # The shortest text of a float32 is shorter than that of the float64 it is equal to.
    values = [
        float(str(value)) if single else float(value)
        for value in logits.astype(np.float32 if single else np.float64)
    ]
    return {
        "ids": [int(i) for i in ids],
        "dtype": "float32" if single else "float64",
        "logits": [value if math.isfinite(value) else None for value in values],
    }


def _top_line(prompt: Question, known: KnownTop) -> dict[str, Any]:
    """The line of one position of a TOP_N source."""
    said: dict[str, Any] = (
        {"text": prompt}
        if isinstance(prompt, str)
        else {CONVERSATION: [dataclasses.asdict(m) for m in prompt]}
    )
    if tools := getattr(prompt, "tools", ()):
        said["tools"] = [dict(tool) for tool in tools]
    bound = known.ceiling
    ceiling = {} if bound is None else {"ceiling": bound if math.isfinite(bound) else str(bound)}
    top = [dataclasses.asdict(token) for token in known.tokens]
    return {**said, "rounding": known.rounding, **ceiling, "top": top}


class _Writer:
    """Appends lines to one recording, each at once on disk and none twice."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path, self._written = path, set[str]()
        try:
            if path.exists():
                self._written = _lines_of_same_model(path, header)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_json(header), encoding="utf-8")
        except OSError as error:
            raise SourceError(
                f"{path} cannot be written ({error.strerror or error}); give another file."
            ) from error

    def add(self, line: Mapping[str, Any]) -> None:
        written = _json(line)
        if written in self._written:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(written)
        except OSError as error:
            raise SourceError(f"{self._path} cannot be written ({error.strerror or error}).") from error
        self._written.add(written)


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, allow_nan=False) + "\n"


def _lines_of_same_model(path: Path, header: Mapping[str, Any]) -> set[str]:
    with path.open(encoding="utf-8") as file:
        first = file.readline()
        try:
            there = json.loads(first)
        except ValueError:
            there = None
        if not isinstance(there, dict) or VERSION_KEY not in there:
            raise SourceError(f"{path} exists and is not a recording of retort; give another file.")
        for key in ("model", "known"):
            if there.get(key) != header[key]:
                raise SourceError(
                    f"{path} is a recording of {there.get('model')} ({there.get('known')}), not of {header['model']} "
                    f"({header['known']}); give another file."
                )
        lines = set(file)
    # A run that was killed may have left half a line: what is added must not run on from it.
    if lines and not all(line.endswith("\n") for line in lines):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")  # a line that was cut off stays alone; reading skips it
    return lines


class _RecordedFull:
    """A source of the whole vocabulary that writes down each row it computes."""

    capability = Capability.FULL
    lanes = 1  # one file: threads would write into each other's lines

    def __init__(self, source: Source, path: Path) -> None:
        self._source = source
        # All of them, since a replay has no tokenizer and any token may be among the most likely.
        tokens = [source.token_text(token_id) for token_id in range(source.vocab_size)]
        ends = sorted(source.end_ids)
        header = _header(source, tokens=tokens, end_ids=ends, max_context=source.max_context)
        self._writer = _Writer(path, header)
        self.name, self.vocab_size, self.max_context = source.name, source.vocab_size, source.max_context
        self.end_ids, self.note = source.end_ids, source.note
        self.token_text = source.token_text

    def encode(self, text: str) -> list[int]:
        return self._tokens(text, self._source.encode(text))

    def encode_rendered(self, text: str) -> list[int]:
        return self._tokens(text, self._source.encode_rendered(text))  # type: ignore[attr-defined]  # chat sources have it

    def decode(self, ids: Sequence[int]) -> str:
        text = self._source.decode(ids)
        self._writer.add({"ids": [int(i) for i in ids], "decoded": text})
        return text

    def _tokens(self, text: str, ids: list[int]) -> list[int]:
        self._writer.add({"text": text, "ids": [int(i) for i in ids]})
        return ids

    def start(self, prompts: Sequence[Sequence[int]]) -> Decoder:
        return _RecordedDecoder(self, self._source.start(prompts), [tuple(prompt) for prompt in prompts])

    def read_positions(self, ids: Sequence[int], keep: int) -> NDArray[np.floating]:
        rows = position_logits(self._source, ids, keep)
        for end, row in enumerate(rows, len(ids) - keep + 1):
            self.write(ids[:end], row)
        return rows

    def write(self, ids: Sequence[int], logits: NDArray[np.floating]) -> None:
        self._writer.add(_row_line(ids, logits))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)  # what only some sources have, such as a chat template


class _RecordedDecoder:
    def __init__(self, source: _RecordedFull, decoder: Decoder, texts: list[tuple[int, ...]]) -> None:
        self._source, self._decoder, self._texts = source, decoder, texts
        self._write()

    @property
    def logits(self) -> NDArray[np.floating]:
        return self._decoder.logits

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        self._decoder.advance(parents, tokens)
        self._texts = [
            (*self._texts[parent], int(token)) for parent, token in zip(parents, tokens, strict=True)
        ]
        self._write()

    def _write(self) -> None:
        for ids, row in zip(self._texts, self._decoder.logits, strict=True):
            self._source.write(ids, row)


class _RecordedPartial:
    """A TOP_N source that writes down each position it is asked for."""

    def __init__(self, source: PartialSource, path: Path) -> None:
        self._source, self._path = source, path
        self._writer: _Writer | None = None

    def next_tokens(self, prompt: Question, count: int | None = None) -> KnownTop:
        known = self._source.next_tokens(prompt, count)
        self._write(_top_line(prompt, known), known)
        return known

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        for step in self._source.read(prompt, text):
            self._write({**_top_line(step.before, step.known), "next": step.token}, step.known)
            yield step

    def _write(self, line: dict[str, Any], known: KnownTop) -> None:
        # Not before the first answer: only that tells the vocabulary, and a server that fails leaves no file.
        if self._writer is None:
            probe = self._source.probe  # of a recording it is JSON already
            probe = probe if probe is None or isinstance(probe, dict) else dataclasses.asdict(probe)
            header = _header(self._source, vocabulary=known.vocabulary, probe=probe)
            self._writer = _Writer(self._path, header)
        self._writer.add(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def load_recorded(path: str) -> Source:
    """The source in the file `path`; raises SourceError that says what is wrong with the file."""
    name = f"recorded:{path}"
    records = _records(path, name)
    first = records[0][1]
    if not isinstance(first, Mapping) or VERSION_KEY not in first:
        from retort.sources.server.logs import read_log

        log = read_log(records)
        if not log.known:
            lines = f" {log.errors} of them are error messages." if log.errors else ""
            raise SourceError(
                f"{name} holds answers without logprobs; ask the server for logprobs and record again.{lines}"
            )
        return RecordedTop(name, log.known, vocabulary=None, probe=None, note=log.note, answers=log.answers)
    if first[VERSION_KEY] != VERSION:
        raise SourceError(
            f"{name} is a recording of version {first[VERSION_KEY]}; this retort reads {VERSION}."
        )
    rows = [row for _, row in records[1:]]
    try:
        return RecordedRows(name, first, rows) if first["known"] == "full" else _own_top(name, first, rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{name} is damaged ({type(error).__name__}: {error}); record it again.") from error


def _records(path: str, name: str) -> list[tuple[str, Any]]:
    """Every JSON document of the file with where it stands: one, a list of them, one a line, or a stream of events."""
    text = read_text(path, name)
    if not text.strip():
        raise SourceError(f"{name} is empty.")
    if text.lstrip().startswith(("data:", "event:", ":")):
        return _events(text, name) or [(name, {})]
    records: list[tuple[str, Any]]
    # One document first: a pretty-printed answer has many lines that are no JSON by themselves.
    try:
        whole = parse_json(text, name)
        records = [(name, one) for one in (whole if isinstance(whole, list) else [whole])]
    except SourceError:
        if "\n" not in text.strip():
            raise
        records = [(f"{name} line {number}", one) for number, one in read_jsonl(path, name, unfinished=True)]
    if not records:
        raise SourceError(f"{name} is empty.")
    return records


def _events(text: str, name: str) -> list[tuple[str, Any]]:
    """The JSON behind each `data:` of a stream, as server-sent events write it; `[DONE]` ends OpenAI's."""
    found = []
    # Not splitlines: a text may hold U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        field, _, data = line.strip().partition(":")
        if field == "data" and data.strip() not in ("", "[DONE]"):
            place = f"{name} line {number}"
            found.append((place, parse_json(data.strip(), place)))
    return found


class RecordedTop(WithoutVocabulary):
    """A TOP_N source that answers the prompts it was recorded with, and every prompt where none was recorded."""

    capability = Capability.TOP_N
    max_context: int | None = None
    end_ids: frozenset[int] = frozenset()

    def __init__(
        self,
        name: str,
        rows: Mapping[Question | None, KnownTop],
        *,
        vocabulary: int | None,
        probe: Any,
        note: str,
        following: Mapping[str, Sequence[tuple[str, KnownTop]]] | None = None,
        answers: Sequence[tuple[Question | None, Sequence[ReadToken]]] = (),
    ) -> None:
        """`rows` from what was asked (None: not recorded) to what was answered; `following` from a text to the tokens
        that came next in texts that were read, with what was known there; `answers` of several tokens, each with what
        it was asked.
        """
        self.name, self.probe, self.note = name, probe, note
        self._rows, self._vocabulary = dict(rows), vocabulary
        self._following, self._answers = dict(following or {}), tuple(answers)

    @property
    def vocab_size(self) -> int:
        return self._vocabulary or LARGEST_VOCABULARY

    def next_tokens(self, prompt: Question, count: int | None = None) -> KnownTop:
        if prompt in self._rows:
            return self._rows[prompt]
        if None in self._rows:
            return self._rows[None]
        raise _not_recorded(self.name, prompt, [row for row in self._rows if row is not None])

    def answered(self, prompt: Question, text: str | None = None) -> list[ReadToken] | None:
        """The steps of the answer of several tokens that was recorded for `prompt`, or without any prompt.

        With `text`, those of an answer that begins with it, up to its end; None where there is no such answer.
        """
        # An answer to this prompt comes before one that was saved without any, which fits every prompt.
        own = [steps for asked, steps in self._answers if asked == prompt]
        for steps in own or [steps for asked, steps in self._answers if asked is None]:
            start = prompt if isinstance(prompt, str) else ""
            found, so_far = [], ""
            for step in steps:
                if so_far == text:
                    break
                found.append(ReadToken(start + so_far, step.token, step.known))
                so_far += step.token
            if text is None or so_far == text:
                return found
        return None

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        answer = self.answered(prompt, text)
        if answer is not None:
            yield from answer
            return
        # A token may reach from the prompt into the text, so the reading may have begun before the prompt's end.
        starts = [start for start in self._following if prompt.startswith(start)]
        before, end = max(starts, key=len, default=prompt), prompt + text
        while len(before) < len(end):
            # Several readings may have passed here; the first whose token agrees with the text is followed.
            fitting = [step for step in self._following.get(before, ()) if end.startswith(before + step[0])]
            if not fitting:
                raise SourceError(
                    f"{self.name} was not recorded while {text!r} was read after {prompt!r}; record "
                    f"that, or leave the text out to trace the greedy one."
                )
            yield ReadToken(before, *fitting[0])
            before += fitting[0][0]


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
            # A line says how a text was cut into tokens, what ids decode to, or one row of logits; its keys show which.
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
                f"{self.name} ends before {self.decode(ids)!r}: this was not recorded; ask {self.model} itself."
            )
        return found

    def start(self, prompts: Sequence[Sequence[int]]) -> LookupDecoder:
        return LookupDecoder(self, prompts, self.row)


def _own_top(name: str, header: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> RecordedTop:
    found: dict[Question | None, KnownTop] = {}
    following: dict[str, list[tuple[str, KnownTop]]] = {}
    for row in rows:
        said = row.get("text")
        asked = _conversation(row) if said is None else said
        tokens = tuple(KnownToken(t["token"], float(t["logprob"]), t.get("id")) for t in row["top"])
        ceiling = None if "ceiling" not in row else float(row["ceiling"])
        known = KnownTop(tokens, header["vocabulary"], float(row["rounding"]), ceiling)
        found.setdefault(asked, known)
        if isinstance(asked, str) and "next" in row:
            following.setdefault(asked, []).append((str(row["next"]), known))
    if not found:
        raise SourceError(f"{name} contains no position; record it again.")
    return RecordedTop(
        name,
        found,
        vocabulary=header["vocabulary"],
        probe=header.get("probe"),
        note=_joined(f"Recorded from {header['model']}.", header.get("note")),
        following=following,
    )


def _conversation(row: Mapping[str, Any]) -> Conversation:
    return Conversation([Message(**message) for message in row[CONVERSATION]], row.get("tools", ()))


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
