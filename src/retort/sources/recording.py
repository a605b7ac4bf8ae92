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

`next` beside `top` is the token that came next where a given text was read, `ceiling` what bounds the other tokens
where the last one does not ("inf", "-inf" or nats). A logit of null is -inf. Logits are written with the fewest digits
that read back as the same number.

What is read may also be the answers of servers in any shape that `server/answers.py` knows: one JSON document, a list
of them, JSON Lines (logs of requests, OpenAI's batch output), or a stream as it came over the wire. Each position of an
answer is kept. Which it is is detected, and the note says it.
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

from retort.errors import SourceError, printable
from retort.files import parse_json, read_jsonl, read_text
from retort.sources.base import (
    LARGEST_VOCABULARY,
    Capability,
    Decoder,
    KnownToken,
    KnownTop,
    PartialSource,
    ReadToken,
    Source,
    WithoutVocabulary,
    check_advance,
    check_token_ids,
)
from retort.sources.chat import Message
from retort.sources.positions import position_logits

VERSION_KEY, VERSION = "retort_recording", 1
CONVERSATION = "messages"
TEXTS_NAMED = 3  # an error names so many of the prompts that are recorded
Prompt = str | tuple[Message, ...]


def recording(source: Source, path: str | Path | None) -> Source:
    """`source`, which also writes every row it gives to the file `path`; `source` itself where there is no path.

    A file that exists is added to if it is a recording of the same model, rows that it holds already are not written
    again. Raises SourceError for any other file that exists, and for a place where none can be written.
    """
    if path is None:
        return source
    if source.capability is Capability.FULL:
        return _RecordedFull(source, _Writer(Path(path), full_header(source)))
    return _RecordedPartial(cast(PartialSource, source), Path(path))


def full_header(source: Source) -> dict[str, Any]:
    """The first line of the recording of a source of the whole vocabulary."""
    return {
        VERSION_KEY: VERSION,
        "model": source.name,
        "known": Capability.FULL.value,
        "tokens": [source.token_text(token_id) for token_id in range(source.vocab_size)],
        "end_ids": sorted(source.end_ids),
        "max_context": source.max_context,
        "note": source.note,
    }


def top_header(source: PartialSource, vocabulary: int | None) -> dict[str, Any]:
    """The first line of the recording of a TOP_N source."""
    return {
        VERSION_KEY: VERSION,
        "model": source.name,
        "known": Capability.TOP_N.value,
        "vocabulary": vocabulary,
        "probe": source.probe
        if source.probe is None or isinstance(source.probe, dict)
        else dataclasses.asdict(source.probe),
        "note": source.note,
    }


def row_line(ids: Sequence[int], logits: NDArray[np.floating]) -> dict[str, Any]:
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


def top_line(prompt: Prompt, known: KnownTop) -> dict[str, Any]:
    """The line of one position of a TOP_N source."""
    said: dict[str, Any] = (
        {"text": prompt}
        if isinstance(prompt, str)
        else {CONVERSATION: [dataclasses.asdict(m) for m in prompt]}
    )
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
                return
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

    def __init__(self, source: Source, writer: _Writer) -> None:
        self._source, self._writer = source, writer
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
        self._writer.add(row_line(ids, logits))

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

    def next_tokens(self, prompt: Prompt, count: int | None = None) -> KnownTop:
        known = self._source.next_tokens(prompt, count)
        self._write(top_line(prompt, known), known)
        return known

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        for step in self._source.read(prompt, text):
            self._write({**top_line(step.before, step.known), "next": step.token}, step.known)
            yield step

    def _write(self, line: dict[str, Any], known: KnownTop) -> None:
        # Not before the first answer: only that tells the vocabulary, and a server that fails leaves no file.
        if self._writer is None:
            self._writer = _Writer(self._path, top_header(self._source, known.vocabulary))
        self._writer.add(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def load_recorded(path: str) -> Source:
    """The source in the file `path`; raises SourceError that says what is wrong with the file."""
    name = f"recorded:{path}"
    records = _records(path, name)
    first = records[0][1]
    if not isinstance(first, Mapping) or VERSION_KEY not in first:
        return _foreign(name, records)
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
    records: list[tuple[str, Any]]
    if text.lstrip().startswith(("data:", "event:", ":")):
        lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
        data = [
            (number, line.removeprefix("data:").strip()) for number, line in lines if line.startswith("data:")
        ]
        records = [
            (f"{name} line {number}", parse_json(line, f"{name} line {number}"))
            for number, line in data
            if line and line != "[DONE]"
        ]
        return records or [(name, {})]
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


class RecordedTop(WithoutVocabulary):
    """A TOP_N source that answers the prompts it was recorded with, and every prompt where none was recorded."""

    capability = Capability.TOP_N
    max_context: int | None = None
    end_ids: frozenset[int] = frozenset()

    def __init__(
        self,
        name: str,
        rows: Mapping[Prompt | None, KnownTop],
        *,
        vocabulary: int | None,
        probe: Any,
        note: str,
        following: Mapping[str, Sequence[tuple[str, KnownTop]]] | None = None,
        answers: Sequence[tuple[Prompt | None, Sequence[ReadToken]]] = (),
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

    def next_tokens(self, prompt: Prompt, count: int | None = None) -> KnownTop:
        if prompt in self._rows:
            return self._rows[prompt]
        if None in self._rows:
            return self._rows[None]
        raise _not_recorded(self.name, prompt, [row for row in self._rows if row is not None])

    def answered(self, prompt: Prompt, text: str | None = None) -> list[ReadToken] | None:
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
    found: dict[Prompt | None, KnownTop] = {}
    following: dict[str, list[tuple[str, KnownTop]]] = {}
    for row in rows:
        said = row.get("text")
        asked = said if said is not None else tuple(Message(**message) for message in row[CONVERSATION])
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


def _foreign(name: str, records: Sequence[tuple[str, Any]]) -> RecordedTop:
    """Answers of servers. A prompt in the answer is kept (`prompt` or `messages` beside it, as many logs write)."""
    from retort.sources.server.answers import Reply, complaint, is_error, read_reply, rounding_of

    found: dict[Prompt | None, KnownTop] = {}
    answers: list[tuple[Prompt | None, list[ReadToken]]] = []
    shapes: dict[str, None] = {}
    processed, errors, without = False, list[str](), 0

    def known(place: str, position: Any) -> KnownTop:
        wrong = complaint(position.known)
        if wrong is not None:
            raise SourceError(printable(f"{place} {wrong}; it cannot be used.", keep=""))
        return KnownTop(position.known, None, rounding_of(position.known), position.ceiling)

    def keep(place: str, asked: Sequence[Prompt | None], reply: Reply) -> None:
        nonlocal processed, without
        shapes[reply.shape] = None
        processed = processed or reply.processed
        # Where nothing was generated (an echo alone) the prompt's last position is what there is to keep.
        tops = [choice.positions for choice in reply.choices if choice.positions] or [
            reply.prompt_positions[-1:]
        ]
        if not any(tops):
            without += 1
        for positions in tops:
            steps = [
                ReadToken("", p.chosen.token if p.chosen else p.text, known(place, p))
                for p in positions
                if p.known
            ]
            # Each position answers the text before it: a recorded answer of ten tokens is ten looks.
            for key in asked if steps else ():
                so_far = key
                for step in steps:
                    found.setdefault(so_far, step.known)
                    if not isinstance(so_far, str):
                        break  # the beginning of an answer cannot be put behind messages
                    so_far += step.token
                if len(steps) > 1:
                    answers.append((key, steps))

    for place, asked, pieces in _answers_of(records):
        replies = []
        for piece in pieces:
            # A stream that ends in an error is left out whole: where it broke off is not where the text ended.
            if is_error(piece):
                errors.append(place)
                break
            replies.append(read_reply(piece, place))
        else:
            if replies:
                keep(place, asked, replies[0] if len(replies) == 1 else _one_reply(replies))
    if not found:
        lines = f" {len(errors)} of them are error messages." if errors else ""
        raise SourceError(
            f"{name} holds answers without logprobs; ask the server for logprobs and record again.{lines}"
        )
    several = [asked for asked, _ in answers].count(None) > 1
    note = _joined(
        f"Recorded in the shape {', '.join(shapes)}; it is not known whether its logprobs are the model's own.",
        "They are probabilities after the sampler's stages." if processed else None,
        "It does not record its prompt, so the prompt has no effect." if None in found else None,
        "It holds several answers without a prompt; the first is used." if several else None,
        f"{len(errors)} record{'s' * (len(errors) > 1)} of an error left out ({_places(errors)})."
        if errors
        else None,
        f"{without} answer{'s' * (without > 1)} without logprobs left out." if without else None,
        f"The vocabulary size is not recorded; intervals assume at most {LARGEST_VOCABULARY:,} tokens.",
    )
    return RecordedTop(name, found, vocabulary=None, probe=None, note=note, answers=answers)


def _places(errors: Sequence[str]) -> str:
    lines = [place.rpartition(" line ")[2] for place in errors if " line " in place]
    return (
        f"line{'s' * (len(lines) > 1)} {', '.join(lines[:5])}{', …' * (len(lines) > 5)}"
        if lines
        else "see the file"
    )


def _answers_of(
    records: Sequence[tuple[str, Any]],
) -> Iterator[tuple[str, list[Prompt | None], list[Any]]]:
    """Each answer: where it stands, what it was asked, and its record, or the pieces of its stream."""
    stream: tuple[str, list[Prompt | None], list[Any]] | None = None
    last_kind: object = None
    # Pieces of a stream stand one behind the other; another kind, a whole answer or a last piece ends it.
    for place, record in records:
        asked, response = _asked(record)
        pieces = response if isinstance(response, list) and response else [response]
        for piece in pieces:
            kind, is_last, piece = _stream_piece(piece)
            if kind is None:
                if stream is not None:
                    yield stream
                    stream = None
                yield place, asked, [piece]
                continue
            if stream is None or kind != last_kind:
                if stream is not None:
                    yield stream
                stream = (place, asked, [])
            last_kind = kind
            if piece is not None:
                stream[2].append(piece)
            if is_last:
                yield stream
                stream = None
    if stream is not None:
        yield stream


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


def _one_reply(replies: Sequence[Any]) -> Any:
    """The pieces of a stream as one answer."""
    firsts = [reply.choices[0] for reply in replies if reply.choices]
    if not firsts:
        return replies[0]
    reasons = [choice.finish_reason for choice in firsts if choice.finish_reason]
    choice = dataclasses.replace(
        firsts[0],
        text="".join(choice.text for choice in firsts),
        finish_reason=reasons[-1] if reasons else None,
        positions=tuple(position for choice in firsts for position in choice.positions),
    )
    return dataclasses.replace(replies[0], choices=(choice,))


def _asked(record: Any) -> tuple[list[Prompt | None], Any]:
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
            messages = place.get(key)
            if isinstance(messages, list) and messages and all(isinstance(m, Mapping) for m in messages):
                return [tuple(Message(str(m.get("role")), str(m.get("content"))) for m in messages)], response
    custom = record.get("custom_id")
    return [None, custom] if isinstance(custom, str) else [None], response


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
