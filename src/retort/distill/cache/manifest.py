"""What a cache says about itself: where its targets come from, and each shard with its checksum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from retort.distill.cache.files import write_whole
from retort.errors import InputError, SourceError

FORMAT = 3
READABLE = (1, 2, 3)
"""1 was rounded from probabilities that torch had computed, 2 from those of tempering.py; since 3 the records of topk,
topk+tail and dense come from selecting.py too (equal probabilities by the lower id). The last bits differ, so a capture
of one that is not finished cannot be resumed as another; what a record means is the same.
"""
MANIFEST = "manifest.json"
NOT_TOLD = "not told by the server"

# What may differ between two runs that are the same capture: a file may have been moved.
NOT_COMPARED = ("data",)


@dataclass(frozen=True)
class Origin:
    """Everything that decides the bytes of a cache; two captures with equal origins are equal files."""

    format: int
    teacher: str
    teacher_revision: str
    tokenizer: str
    vocabulary: int
    temperature: float
    codec: str
    seed: int
    dtype: str
    data: str
    data_sha256: str
    context: int
    batch_tokens: int
    shard_tokens: int

    def differences(self, other: Origin) -> list[str]:
        """`name: ours / theirs` for all that differs, ours first."""
        return [
            f"{one.name} {getattr(self, one.name)} / {getattr(other, one.name)}"
            for one in fields(self)
            if one.name not in NOT_COMPARED and getattr(self, one.name) != getattr(other, one.name)
        ]


@dataclass(frozen=True)
class Shard:
    """One Parquet file: which documents it holds, how many positions, its size and SHA-256."""

    file: str
    first_document: int
    documents: int
    tokens: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The origin, the shards that are finished, whether that is all of them, and what a server was found to give.

    `server` is None for teachers that run here: those are known whole.
    """

    origin: Origin
    shards: tuple[Shard, ...]
    complete: bool
    server: Mapping[str, Any] | None = None

    @property
    def tokens(self) -> int:
        return sum(shard.tokens for shard in self.shards)

    @property
    def documents(self) -> int:
        return sum(shard.documents for shard in self.shards)

    @property
    def bytes_per_token(self) -> float:
        """Size of the shards, keys and all, over the positions in them."""
        return sum(shard.bytes for shard in self.shards) / max(self.tokens, 1)

    def write(self, folder: Path) -> None:
        """Replace the manifest in `folder`, at once."""
        values = {**asdict(self), "shards": [asdict(shard) for shard in self.shards]}
        if self.server is None:
            del values["server"]  # as manifests were before servers could teach
        text = json.dumps(values, indent=1) + "\n"
        write_whole(folder / MANIFEST, lambda partial: _write_text(partial, text))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest in `folder`. Raises InputError where there is none, SourceError where it is damaged."""
        file = folder / MANIFEST
        if not file.is_file():
            raise InputError(
                f"{folder} is not a cache: it has no {MANIFEST}; make one with `retort capture`."
            )
        try:
            values: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            found = values["origin"]["format"]
            if found not in READABLE:
                raise InputError(
                    f"{folder} is a cache of format {found}, and this version of retort reads formats 1 to {FORMAT};"
                    " capture it again, or use the version that wrote it."
                )
            shards = tuple(Shard(**shard) for shard in values["shards"])
            return cls(Origin(**values["origin"]), shards, bool(values["complete"]), values.get("server"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise SourceError(
                f"{file} is damaged ({error!r}); restore it from a copy, or capture again."
            ) from None


def _write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
