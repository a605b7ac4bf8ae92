"""Reading a cache: any position of any document, in any order, by any number of workers.

A position is found by its document and its offset in it, never by its place in a batch, so shuffling, packing, batch
size and the number of workers are the reader's own affair. A shard's checksum is compared before its first record is
used.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retort.distill.cache.codecs import Layout, Targets, find_codec
from retort.distill.cache.folder import (
    NOT_TOLD,
    TOKENS,
    Manifest,
    read_shard,
    read_tokens,
    rest_of,
    seconds_of,
)
from retort.distill.cache.rounding import Places
from retort.distill.cache.teacher import document_seed
from retort.errors import InputError, SourceError

SHARDS_IN_MEMORY = 64  # at 65,536 positions of some 40 bytes, 170 MB
DECODED_AT_ONCE = 4096  # by `verify`: whole rows of 8,192 tokens are 67 MB then


@dataclass(frozen=True)
class _Loaded:
    """A shard in memory, with the row at which each of its documents begins and the seed of its coins."""

    positions: pa.Table
    documents: NDArray[np.int64]
    begins: NDArray[np.int64]
    seeds: NDArray[np.uint64]

    def at(self, rows: NDArray[np.int64]) -> pa.Table:
        """The records of these rows, not yet decoded, and what decoding needs of each."""
        seeds = self.seeds[np.searchsorted(self.begins, rows, side="right") - 1]
        found = self.positions.select(["target", "offset", "entropy"]).take(rows)
        return found.append_column("seed", pa.array(seeds))


class Cache:
    """A folder that `retort capture` has written."""

    def __init__(self, folder: str | Path) -> None:
        """Open it, finished or not (`need_complete`). Raises InputError for a folder that is no cache."""
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)
        self.origin = self.manifest.origin
        self.codec = find_codec(self.origin.codec)
        self.layout = Layout(self.origin.vocabulary, self.origin.temperature, self.origin.seed)
        self._firsts = [shard.first_document for shard in self.manifest.shards]
        # A cache of this object alone: one on the method would be shared, and keep every folder's shards alive.
        self._shard = lru_cache(SHARDS_IN_MEMORY)(self._load)
        self._checked: set[tuple[int, bytes]] = set()  # documents whose text was compared

    def __reduce__(self) -> tuple[type[Cache], tuple[Path]]:
        """For workers in other processes: the folder, not the shards in memory."""
        return Cache, (self.folder,)

    @property
    def digest(self) -> str:
        """Changes whenever what is stored does."""
        # It is part of the key of finished arms: a field more in Origin would train all of them again.
        parts = [str(self.origin), *(shard.sha256 for shard in self.manifest.shards)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    @property
    def seconds(self) -> float | None:
        """How long the capture took, in all its runs; None where the folder does not say."""
        return seconds_of(self.folder)

    def need_complete(self) -> None:
        if not self.manifest.complete:
            raise InputError(
                f"{self.folder} is not finished: {self.manifest.tokens:,} tokens of"
                f" {self.manifest.documents:,} documents are there. Run its capture with --resume."
            )

    def need_tokenizer(self, tokenizer: str, name: str) -> None:
        """Raise InputError unless `tokenizer`, a hash, is the one whose ids are stored here."""
        if self.origin.tokenizer == NOT_TOLD:
            raise InputError(
                f"{self.folder} names tokens by text, because {self.origin.teacher} gave no ids, so no "
                f"student can use it; capture again with --tokenizer, the folder or hub id of a model "
                f"with the teacher's tokenizer."
            )
        if tokenizer != self.origin.tokenizer:
            raise InputError(
                f"{self.folder} holds targets over the tokens of {self.origin.teacher} (tokenizer"
                f" {self.origin.tokenizer[:16]}, {self.origin.vocabulary:,} tokens), but {name} has tokenizer"
                f" {tokenizer[:16]}; a student must use the teacher's tokenizer, or capture with another teacher."
            )

    def need_temperature(self, temperature: float) -> None:
        """Raise InputError unless the targets hold at `temperature`: only `dense` ones hold at any."""
        several = self.origin.teachers > 1
        if several and self.origin.format < 4 and temperature != 1:
            raise InputError(
                f"{self.folder} was captured by an earlier version, which averaged several teachers "
                f"before tempering them: at temperatures other than 1 that is another teacher. Capture again."
            )
        if (self.codec.text != "dense" or several) and temperature != self.origin.temperature:
            raise InputError(
                f"{self.folder} was captured at temperature {self.origin.temperature:g} and training asks for"
                f" {temperature:g}. Draws at one τ are biased at another, and a top k cannot be "
                f"tempered. Use the cache's temperature, or capture again (codec dense of one teacher "
                f"works at every τ)."
            )

    def targets(self, documents: Any, offsets: Any, contents: dict[int, bytes] | None = None) -> Targets:
        """What the teacher says at each (document, offset), in the order asked; both are `[N]` whole numbers.

        `contents` maps documents to the hash of their token ids: where it is given, a document that is another
        text than the one captured is refused. Raises InputError for a position that is not there, SourceError
        for a damaged shard. A server tells nothing of a document's first token and end: there all weights are 0,
        so that the soft term of the loss is 0.
        """
        documents, offsets = np.asarray(documents, np.int64), np.asarray(offsets, np.int64)
        wanted = np.searchsorted(self._firsts, documents, side="right") - 1
        order, parts, untold = [], [], []
        # Nothing asked is asked of the first shard, so that the answer has its columns.
        for number in np.unique(wanted).tolist() or [0]:
            where = np.flatnonzero(wanted == number)
            if number < 0:
                raise InputError(f"document {documents[where[0]]} is not in {self.folder}.")
            shard = self._shard(number)
            rows, without = self._rows_in(shard, documents[where], offsets[where], contents)
            order.append(where)
            parts.append(shard.at(rows))
            untold.append(without)
        # Decoded at once, in the order asked: a record costs little, a call for each shard much.
        back = np.argsort(np.concatenate(order))  # of a permutation: its inverse
        found = self._decoded(pa.concat_tables(parts).take(back))
        found.weights[np.concatenate(untold)[back]] = 0.0
        return found

    def document(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The tokens of a document that were predicted, and their offsets."""
        rows = self._rows_of(number)
        return rows["token"].to_numpy(), rows["offset"].to_numpy().astype(np.int64)

    def rest(self, number: int) -> NDArray[np.float16] | None:
        """`[positions, 2]` bounds on what the tokens that a server did not name weigh at tau; None for others."""
        rows = self._rows_of(number)
        return None if self.manifest.server is None else rest_of(rows)

    def token_texts(self) -> list[str]:
        return read_tokens(self.folder / TOKENS)

    def verify(self) -> None:
        """Read every shard whole: sizes, checksums, columns, and what every record means.

        Raises SourceError naming the first bad one.
        """
        for number, shard in enumerate(self.manifest.shards):
            loaded = self._load(number)
            if len(loaded.positions) != shard.tokens:
                raise SourceError(
                    f"{self.folder / shard.file} holds {len(loaded.positions):,} positions and the manifest"
                    f" says {shard.tokens:,}; delete it and run the capture with --resume."
                )
            vocabulary, tokens = self.origin.vocabulary, loaded.positions["token"].to_numpy()
            try:
                if (tokens < 0).any() or (tokens >= vocabulary).any():
                    raise SourceError(f"a token is none of {vocabulary:,}")
                for begin in range(0, shard.tokens, DECODED_AT_ONCE):
                    rows = np.arange(begin, min(begin + DECODED_AT_ONCE, shard.tokens))
                    self.codec.check(self._decoded(loaded.at(rows)), vocabulary)
            except SourceError as error:
                raise SourceError(
                    f"{self.folder / shard.file} does not hold what its codec, {self.codec.text}, writes: {error}."
                    " Delete it and run the capture with --resume."
                ) from None

    def _rows_in(
        self,
        shard: _Loaded,
        documents: NDArray[np.int64],
        offsets: NDArray[np.int64],
        contents: dict[int, bytes] | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The row of each position in the shard, and where a server told nothing (any row then)."""
        places = np.searchsorted(shard.documents, documents)
        # Behind the last document there is none to compare with: the last one, which is another, stands in.
        found = shard.documents[np.minimum(places, len(shard.documents) - 1)] == documents
        if not found.all():
            raise InputError(
                f"document {documents[~found][0]} is not in {self.folder}, which holds"
                f" {self.manifest.documents:,} documents; capture the text that the student is trained on."
            )
        begins, ends = shard.begins[places], shard.begins[places + 1]
        # Offsets of a document follow one another (checked when the shard was read), from 0 or 1 on.
        first = shard.positions["offset"].to_numpy()[begins]
        rows = begins + offsets - first
        outside = (rows < begins) | (rows >= ends)
        untold = np.zeros(len(rows), np.bool_)
        if self.manifest.server is not None:
            # Its documents begin with the second token and end before the end marker; students are asked for both.
            untold = (offsets >= 0) & ((offsets < first) | (rows == ends))
            rows, outside = np.where(untold, begins, rows), outside & ~untold
        if outside.any():
            raise InputError(
                f"document {documents[outside][0]} has no position {offsets[outside][0]} in "
                f"{self.folder}; its text is not the captured one."
            )
        if contents is not None:
            # Compared once for each document: a training asks for it in every pass.
            asked = {(document, contents[document]) for document in set(documents.tolist())}
            for document, content in asked - self._checked:
                self._check_content(document, content)
            self._checked |= asked
        return rows, untold

    def _check_content(self, document: int, content: bytes) -> None:
        stored = self._rows_of(document)["content"][0].as_py()
        if stored != content:
            raise InputError(
                f"document {document} is not the text captured in {self.folder} (hash"
                f" {content.hex()[:16]} now, {stored.hex()[:16]} there); capture the text that students are trained on."
            )

    def _decoded(self, rows: pa.Table) -> Targets:
        seeds, offsets, entropy = (rows[name].to_numpy() for name in ("seed", "offset", "entropy"))
        offsets, entropy = offsets.astype(np.int64), entropy.astype(np.float32)
        records = rows["target"].combine_chunks()
        return self.codec.decode(records, self.layout, Places(seeds, offsets), entropy)

    def _rows_of(self, document: int) -> pa.Table:
        """The positions of a document."""
        shard = self._shard(max(bisect_right(self._firsts, document) - 1, 0))
        place = int(np.searchsorted(shard.documents, document))
        if place == len(shard.documents) or shard.documents[place] != document:
            raise InputError(f"document {document} is not in {self.folder}.")
        return shard.positions.slice(shard.begins[place], shard.begins[place + 1] - shard.begins[place])

    def _load(self, number: int) -> _Loaded:
        positions = read_shard(self.folder, self.manifest.shards[number])
        documents, begins = np.unique(positions["document"].to_numpy(), return_index=True)
        seeds = [
            document_seed(self.origin.seed, document, content)
            for document, content in zip(
                documents.tolist(), positions["content"].take(begins).to_pylist(), strict=True
            )
        ]
        return _Loaded(
            positions,
            documents,
            np.append(begins, len(positions)).astype(np.int64),
            np.asarray(seeds, np.uint64),
        )
