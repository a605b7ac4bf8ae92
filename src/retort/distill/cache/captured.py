"""What a cache holds, as the record that `retort capture` and `retort cache` print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from retort.blocks import Block, Column, line, table, token_label
from retort.distill.cache.codecs import find_codec
from retort.distill.cache.folder import Manifest
from retort.distill.cache.reader import Cache
from retort.numerals import counted, decimals, interval, number, probability
from retort.records import Measures, Record, exact, new_axes, titled

SHOWN_TOKENS = 4
SHOWN_OF_A_CHECKSUM = 16


@dataclass(frozen=True)
class TargetWeight:
    """A token of the soft targets and its weight (its probability at the cache's τ, as the codec tells it)."""

    token: str
    token_id: int
    weight: float


@dataclass(frozen=True)
class CapturedRow:
    """One position: its token, the teacher's entropy before it (nats, at τ) and the largest weights.

    Of a server's teacher the entropy is not known (null); `rest_low` and `rest_high` bound the mass that it left out.
    """

    document: int
    offset: int
    token: str
    token_id: int
    entropy: float | None
    rest_low: float | None
    rest_high: float | None
    top: tuple[TargetWeight, ...]


@dataclass(frozen=True, repr=False)
class Captured(Record):
    """What a folder of soft targets holds. `server`: what a teacher on a server was found to give, else null.

    `verified`: every shard was read whole and is sound. `rows`: the first positions; `retort capture` gives none.
    """

    MEASURES: ClassVar[tuple[str, ...]] = ("tokens", "documents", "bytes_per_token")

    cache: str
    tokens: int
    documents: int
    bytes_per_token: float
    codec: str
    unbiased: bool
    bias: str
    variance: str
    teacher: str
    teacher_revision: str
    temperature: float
    vocabulary: int
    tokenizer: str
    seed: int
    dtype: str
    context: int
    data: str
    data_sha256: str
    shards: int
    complete: bool
    server: Mapping[str, Any] | None
    verified: bool
    rows: tuple[CapturedRow, ...]

    @classmethod
    def of(cls, manifest: Manifest, folder: str | PathLike[str]) -> Captured:
        """The record of a manifest, without rows."""
        origin = manifest.origin
        kind = find_codec(origin.codec)
        return cls(
            cache=str(folder), tokens=manifest.tokens, documents=manifest.documents,
            bytes_per_token=manifest.bytes_per_token, codec=origin.codec, unbiased=kind.unbiased, bias=kind.bias,
            variance=kind.variance, teacher=origin.teacher, teacher_revision=origin.teacher_revision,
            temperature=origin.temperature, vocabulary=origin.vocabulary, tokenizer=origin.tokenizer, seed=origin.seed,
            dtype=origin.dtype, context=origin.context, data=origin.data, data_sha256=origin.data_sha256,
            shards=len(manifest.shards), complete=manifest.complete,
            server=None if manifest.server is None else dict(manifest.server), verified=False, rows=(),
        )  # fmt: skip

    def measures(self) -> Measures:
        return {name: [exact(getattr(self, name))] for name in self.MEASURES}

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per position shown, or one of the whole where none is."""
        if not self.rows:
            whole = {name: value for name, value in self.fields().items() if name not in ("server", "rows")}
            return [whole]
        return [
            {
                "document": row.document, "offset": row.offset, "token": row.token, "token_id": row.token_id,
                "entropy": row.entropy, "top": row.top[0].token if row.top else None,
                "top_weight": row.top[0].weight if row.top else None,
            }
            for row in self.rows
        ]  # fmt: skip

    def blocks(self) -> Iterator[Block]:
        yield line(
            f"{counted(self.tokens, 'token')} of {counted(self.documents, 'document')} in "
            f"{counted(self.shards, 'shard')}, {decimals(self.bytes_per_token, 1)} bytes per token",
            "bold",
        )
        state = "complete" if self.complete else "not finished: run the capture with --resume"
        said = [
            ("teacher", f"{self.teacher} ({self.dtype}, revision {_short(self.teacher_revision)})"),
            ("temperature", f"{self.temperature:g}"),
            ("codec", self.codec),
            ("bias", self.bias),
            ("variance", self.variance),
            ("vocabulary", f"{counted(self.vocabulary, 'token')} (tokenizer {_short(self.tokenizer)})"),
            ("seed", str(self.seed)),
            ("data", self.data),
            ("state", state + ", every shard verified" * self.verified),
            *_of_the_server(self.server),
        ]
        yield table(("", Column(fold=True)), said)
        if self.rows:
            yield self._positions()

    def _positions(self) -> Block:
        rest = self.server is not None
        rows = (
            (
                str(row.document), str(row.offset), token_label(row.token),
                "not told" if row.entropy is None else number(row.entropy), *[_rest(row)] * rest,
                ", ".join(f"{token_label(one.token)} {decimals(one.weight)}" for one in row.top),
            )
            for row in self.rows
        )  # fmt: skip
        weights = Column("largest weights", fold=True)
        return table((">document", ">offset", "token", ">entropy", *["rest"] * rest, weights), rows)

    def plot(self, axes: Any = None) -> Any:
        """The teacher's entropy at the positions shown, in bars; of a server, what its top tokens leave untold."""
        axes = new_axes(axes)
        told = [row.rest_high if row.entropy is None else row.entropy for row in self.rows]
        places = range(len(self.rows))
        axes.bar(places, [0.0 if value is None else value for value in told])
        tokens = [token_label(row.token) for row in self.rows]
        axes.set_xticks(places, labels=tokens, rotation=60, parse_math=False)
        entropy = f"entropy of the teacher before the token (nats, τ = {self.temperature:g})"
        axes.set_ylabel(entropy if self.server is None else "mass not told, at most")
        titled(axes, f"First positions of {self.cache}")
        return axes


def captured(cache: Cache, folder: str | PathLike[str], *, rows: int = 0, verify: bool = False) -> Captured:
    """What `cache` holds with its first `rows` positions; with `verify`, every shard is read whole first."""
    if verify:
        cache.verify()
    return replace(Captured.of(cache.manifest, folder), verified=verify, rows=_first_rows(cache, rows))


def _short(checksum: str) -> str:
    return checksum[:SHOWN_OF_A_CHECKSUM]


def _rest(row: CapturedRow) -> str:
    return "–" if row.rest_low is None or row.rest_high is None else interval((row.rest_low, row.rest_high))


def _of_the_server(server: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What a server was found to give, and how much of the distribution it did not tell."""
    if server is None:
        return []
    probe = server["probe"]
    by_text = "named by their texts: for looking, not for training (--tokenizer)"
    rows = [
        ("logprobs", f"{probe['logprobs']}, as the server was found to give them before it was used"),
        ("tokens", server["tokenizer"] or by_text),
    ]
    if "rest_low" in server:
        rest = interval((server["rest_low"], server["rest_high"]), probability)
        rows.append(("not told", f"{rest} of the probability at τ, on average"))
    return rows + [("note", note) for note in probe["notes"]]


def _first_rows(cache: Cache, count: int) -> tuple[CapturedRow, ...]:
    if count == 0 or not cache.manifest.shards:
        return ()
    texts = cache.token_texts()
    document = cache.manifest.shards[0].first_document
    tokens, offsets = cache.document(document)
    tokens, offsets = tokens[:count], offsets[:count]
    found = cache.targets(np.full(len(offsets), document), offsets)
    rest = cache.rest(document)
    rows = []
    for place, (token, offset) in enumerate(zip(tokens.tolist(), offsets.tolist(), strict=True)):
        if found.log_probs is not None:
            weights = np.exp(found.log_probs[place].astype(np.float32))
            ids = np.arange(cache.origin.vocabulary)
        else:
            weights, ids = found.weights[place], found.ids[place]
        # Falling weight, ties by id, so that the same cache always shows the same.
        best = np.lexsort((ids, -weights))[:SHOWN_TOKENS]
        low, high = (None, None) if rest is None else (float(rest[place, 0]), float(rest[place, 1]))
        entropy = float(found.entropy[place]) if rest is None else None
        top = tuple(
            TargetWeight(texts[ids[one]], int(ids[one]), float(weights[one])) for one in best if weights[one]
        )
        rows.append(CapturedRow(document, offset, texts[token], token, entropy, low, high, top))
    return tuple(rows)
