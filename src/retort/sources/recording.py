"""Writing what a source said, so that it can be said again without the model: `--save FILE`, `recorded:FILE`.

JSON Lines. The first line describes the source; each further line is one position, or how a text is cut into tokens. It
is written and flushed as soon as it is known, so that whatever breaks off later, what came before is kept:

    {"retort_recording": 1, "model": …, "known": "full", "tokens": […], "end_ids": […], "max_context": …, "note": …}
    {"text": "the sky is", "ids": [5, 12, 9]}
    {"ids": [5, 12, 9], "dtype": "float32", "logits": [1.5, null, …]}
    {"ids": [77], "decoded": " blue"}

    {"retort_recording": 1, "model": …, "known": "top_n", "vocabulary": 8192, "probe": {…}, "note": …}
    {"text": "the sky is", "rounding": 1e-05, "top": [{"token": " blue", "id": 77, "logprob": -0.7}, …]}

`next` beside `top` is the token that came next where a given text was read. A logit of null is -inf. Logits are written
with the fewest digits that read back as the same number.
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
from retort.sources.base import Capability, Decoder, KnownTop, PartialSource, ReadToken, Source
from retort.sources.chat import Message
from retort.sources.positions import position_logits

VERSION_KEY, VERSION = "retort_recording", 1
CONVERSATION = "messages"


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


def top_line(prompt: str | tuple[Message, ...], known: KnownTop) -> dict[str, Any]:
    """The line of one position of a TOP_N source."""
    said: dict[str, Any] = (
        {"text": prompt}
        if isinstance(prompt, str)
        else {CONVERSATION: [dataclasses.asdict(m) for m in prompt]}
    )
    return {**said, "rounding": known.rounding, "top": [dataclasses.asdict(token) for token in known.tokens]}


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
    if lines and not all(line.endswith("\n") for line in lines):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")  # a line that was cut off stays alone; reading skips it
    return lines


class _RecordedFull:
    """A source of the whole vocabulary that writes down each row it computes."""

    capability = Capability.FULL

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

    def next_tokens(self, prompt: str | tuple[Message, ...], count: int | None = None) -> KnownTop:
        known = self._source.next_tokens(prompt, count)
        self._write(top_line(prompt, known), known)
        return known

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        for step in self._source.read(prompt, text):
            self._write({**top_line(step.before, step.known), "next": step.token}, step.known)
            yield step

    def _write(self, line: dict[str, Any], known: KnownTop) -> None:
        if self._writer is None:
            self._writer = _Writer(self._path, top_header(self._source, known.vocabulary))
        self._writer.add(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)
