"""The folder of a cache: its manifest, its shards as whole files or none, and what keeps two captures apart.

The manifest says where targets come from and names each shard with its checksum; any mismatch is refused with the two
values side by side. Files are written beside their place, forced to the disk, and renamed. `NAME.seconds.json` beside
the folder says how long the capture took: it is no part of a cache, since no two runs take the same time.

A shard is a Parquet file with one row per position:

| column | type | what |
|---|---|---|
| document | int64 | number of the document in the data |
| content | 16 bytes | hash of the document's token ids |
| offset | int32 | place in the document |
| token | int32 | the token that comes there |
| entropy | float16 | of the teacher at the capture's tau, in nats |
| target | bytes | what the codec kept: of one width, but for `sampled` |
| rest_low, rest_high | float16 | only from a server: bounds on what the unseen tokens weigh |

Keys repeat and rise, which Parquet stores in next to nothing; targets are packed already and left as they are.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from retort.distill.data.corpus import Corpus, checksum, read_documents
from retort.errors import InputError, SourceError, from_pydantic
from retort.files import read_object
from retort.sources.base import LARGEST_VOCABULARY

ROW_GROUP = 2**16

One = TypeVar("One")

# Called after every shard with (tokens so far, documents so far, documents in all).
OnShard = Callable[[int, int, int], None]

FORMAT = 4
READABLE = (1, 2, 3, 4)
"""A record means and is written the same in all of them; 4 is tempered by torch, 2 and 3 were by compiled code of our
own, and the last bits differ, so an unfinished capture of one cannot be resumed as another. Since 4 several teachers
are averaged at the capture's tau; before, they were averaged at 1 and then tempered.
"""
PARTIAL = ".partial"
TIMES = ".seconds.json"  # after the name of the folder, and beside it
MANIFEST, TOKENS = "manifest.json", "tokens.parquet"
NOT_TOLD = "not told by the server"

STRICT = ConfigDict(strict=True, extra="forbid")

# What may differ between two runs that are the same capture: a file may have been moved.
NOT_COMPARED = ("data",)


@dataclass(frozen=True, config=STRICT)
class Origin:
    """Everything that decides the bytes of a cache; two captures with equal origins are equal files."""

    format: int
    teacher: str
    teacher_revision: str
    tokenizer: str
    vocabulary: Annotated[int, Field(ge=1, le=LARGEST_VOCABULARY)]
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    codec: str
    seed: int
    dtype: str
    data: str
    data_sha256: str
    context: int
    batch_tokens: int
    shard_tokens: int
    teachers: int = 1

    def differences(self, other: Origin) -> list[str]:
        """`name: ours / theirs` for all that differs, ours first."""
        return [
            f"{one.name} {getattr(self, one.name)} / {getattr(other, one.name)}"
            for one in fields(self)
            if one.name not in NOT_COMPARED and getattr(self, one.name) != getattr(other, one.name)
        ]


@dataclass(frozen=True, config=STRICT)
class Shard:
    """One Parquet file: which documents it holds, how many positions, its size and SHA-256."""

    file: Annotated[str, Field(pattern=r"^shard-\d+\.parquet$")]
    first_document: int
    documents: int
    tokens: int
    bytes: int
    sha256: str


@dataclass(frozen=True, config=STRICT)
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
        values = asdict(self)
        if self.server is None:
            del values["server"]  # as manifests were before servers could teach
        with whole_file(folder / MANIFEST) as partial:
            partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest in `folder`. Raises InputError where there is none, SourceError where it is damaged."""
        file = folder / MANIFEST
        if not file.is_file():
            raise InputError(
                f"{folder} is not a cache: it has no {MANIFEST}; make one with `retort capture`."
            )
        try:
            values = read_object(file)
            origin = values["origin"]
            if origin["format"] not in READABLE:
                raise InputError(
                    f"{folder} is a cache of format {origin['format']}, and this version of retort reads formats 1 to"
                    f" {FORMAT}; capture it again, or use the version that wrote it."
                )
            # Until then how many there are was told by the name alone.
            if origin["format"] < 4:
                origin["teachers"] = 1 + origin["teacher"].count(" + ")
            # As JSON and not as values: strict as it is, pydantic takes a list for a tuple only from JSON.
            return TypeAdapter(cls).validate_json(json.dumps(values))
        except (SourceError, ValidationError, KeyError, TypeError, AttributeError) as error:
            reason = from_pydantic(error, "it") if isinstance(error, ValidationError) else error
            raise SourceError(
                f"{file} is damaged ({str(reason).rstrip('.')}); restore it from a copy, or capture again."
            ) from None


COLUMNS = {
    "document": pa.int64(),
    "content": pa.binary(16),
    "offset": pa.int32(),
    "token": pa.int32(),
    "entropy": pa.float16(),
}
"""What a shard has of each position beside `target`, and of a server's teacher `rest_low` and `rest_high`."""


def write_shard(file: Path, positions: pa.Table) -> None:
    """Write the shard; equal positions give equal bytes."""
    fixed = pa.types.is_fixed_size_binary(positions.schema.field("target").type)
    pq.write_table(
        positions,
        file.absolute(),  # a relative name with a colon in it would be taken for the address of a file system
        row_group_size=ROW_GROUP,
        use_dictionary=["document", "content"],
        column_encoding={
            "offset": "DELTA_BINARY_PACKED",
            "token": "BYTE_STREAM_SPLIT",  # ids have 0 in their upper bytes, which zstd finds if they stand together
            "target": "PLAIN" if fixed else "DELTA_LENGTH_BYTE_ARRAY",
        },
        compression={name: "none" if name == "target" else "zstd" for name in positions.column_names},
        write_statistics=False,
        store_schema=False,
    )


def read_shard(folder: Path, shard: Shard) -> pa.Table:
    """The positions of a shard. Raises SourceError for another file than the manifest's, or one that is no shard."""
    try:
        positions = pq.read_table(pa.BufferReader(shard_bytes(folder, shard))).combine_chunks()
        _need_sound(positions)
    except (pa.ArrowException, KeyError, ValueError, TypeError, OSError) as error:
        raise SourceError(
            f"shard {folder / shard.file} cannot be read: {' '.join(str(error).split())}"
        ) from None
    return positions


def rest_of(positions: pa.Table) -> NDArray[np.float16]:
    """`[positions, 2]`: between what the tokens that a server left out weigh at tau."""
    return np.stack([positions[name].to_numpy() for name in ("rest_low", "rest_high")], axis=1)


def _need_sound(positions: pa.Table) -> None:
    """Raise ValueError unless the columns are of their types, and documents and offsets rise as they are written.

    Everything that looks a position up relies on it.
    """
    for name, kind in COLUMNS.items():
        if positions.schema.field(name).type != kind or positions[name].null_count:
            raise ValueError(
                f"column {name} is of {positions.schema.field(name).type}, not of {kind}, or has gaps"
            )
    target = positions.schema.field("target").type
    if (
        not (pa.types.is_binary(target) or pa.types.is_fixed_size_binary(target))
        or positions["target"].null_count
    ):
        raise ValueError(f"its records are of {target}, not bytes, or one is missing")
    document, offset = positions["document"].to_numpy(), positions["offset"].to_numpy()
    if (document[1:] < document[:-1]).any() or (document[:1] < 0).any():
        raise ValueError("its documents are not in order")
    if (np.diff(offset)[document[1:] == document[:-1]] != 1).any() or (offset < 0).any():
        raise ValueError("a document's offsets do not follow one another")


def read_tokens(file: Path) -> list[str]:
    """The texts of all tokens. Raises SourceError."""
    try:
        texts: list[str] = pq.read_table(file.absolute()).column("text").to_pylist()
        return texts
    except (pa.ArrowException, OSError, KeyError) as error:
        raise SourceError(f"{file} cannot be read: {' '.join(str(error).split())}") from None


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """A temporary name to write under; what is there takes its place at `file` once every byte is on the disk.

    Raises SourceError where the disk is full or refuses; what stood at `file` before is then still there. Beyond
    `files.replacing` it holds against a power cut, which a capture of days may meet, and says what a full disk kept.
    """
    partial = file.with_name(f".{file.name}{PARTIAL}")
    try:
        yield partial
        # Before the rename: a file system may write the new name first, and the bytes never.
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(file)
        # The new name is in the folder's own blocks: without this a power cut could leave the file and lose its name.
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        written_bytes = partial.stat().st_size if partial.exists() else 0
        partial.unlink(missing_ok=True)
        raise SourceError(
            f"{file} cannot be written: {error.strerror or error} after {written_bytes:,} bytes of it, and"
            f" {shutil.disk_usage(file.parent).free:,} bytes are free there now; every shard that was finished is kept."
            " Make room, then run the same command with --resume."
        ) from error


def remove_partial(folder: Path) -> None:
    """Remove what a killed run left under temporary names."""
    for left in folder.glob(f".*{PARTIAL}"):
        left.unlink(missing_ok=True)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder against a second capture into it; the hold ends with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system: two captures into one folder are the user's to avoid
        yield
        return
    # The folder itself is locked: a file for that would be one that is not part of a cache.
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError(
            f"another capture is writing into {folder}; wait for it, or use another folder."
        ) from None
    finally:
        os.close(held)


def refuse_full_folder(folder: Path, resume: bool) -> None:
    """Before the teacher is loaded: a wrong folder should not cost minutes."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the cache.")
    there = [] if not folder.is_dir() else sorted(one.name for one in folder.iterdir())
    if not resume and there:
        hint = "pass --resume to continue it" if MANIFEST in there else "empty it"
        raise InputError(f"{folder} is not empty ({', '.join(there[:3])}); {hint}, or use another folder.")
    strange = [name for name in there if not name.endswith((".parquet", PARTIAL)) and name != MANIFEST]
    if strange:
        raise InputError(f"{folder} holds {strange[0]}, which is not part of a cache; use another folder.")


def begin(
    folder: Path,
    origin: Origin,
    token_texts: Callable[[], list[str]],
    server: Mapping[str, Any] | None = None,
) -> Manifest:
    """The manifest to go on from, after checking that it is of this capture and that its shards are sound."""
    if not (folder / MANIFEST).is_file():
        # Whatever lies here without a manifest was left by a run that was killed at once, perhaps of another teacher.
        keep_tokens(folder, token_texts())
        _times(folder).unlink(missing_ok=True)
        manifest = Manifest(origin, (), complete=False, server=server)
        manifest.write(folder)
        return manifest
    manifest = Manifest.read(folder)
    same = origin
    # Nothing is left to compute, so it does not matter that this version would round otherwise. Averages of several
    # teachers of before are another teacher at every τ but 1.
    if manifest.complete and (manifest.origin.teachers == 1 or origin.temperature == 1):
        same = replace(origin, format=manifest.origin.format)
    differences = manifest.origin.differences(same)
    if differences:
        raise InputError(
            f"{folder} cannot be resumed: its settings differ (there / now):"
            f" {'; '.join(differences)}. Use the same settings, or another folder."
        )
    # All of them before anything is computed: a damaged shard found after hours would have been there from the start.
    for shard in manifest.shards:
        if (folder / shard.file).is_file():
            shard_bytes(folder, shard)
    return manifest


def shard_bytes(folder: Path, shard: Shard) -> bytes:
    """The shard's file. Raises SourceError unless it has the size and the SHA-256 of the manifest."""
    file = folder / shard.file
    if not file.is_file():
        raise SourceError(f"{shard.file} is missing from {folder}; capture it again with --resume.")
    data = file.read_bytes()
    found = hashlib.sha256(data).hexdigest() if len(data) == shard.bytes else None
    if found != shard.sha256:
        difference = (
            f"is {len(data):,} bytes long and {MANIFEST} says {shard.bytes:,}"
            if found is None
            else f"has SHA-256 {found} and {MANIFEST} says {shard.sha256}"
        )
        raise SourceError(
            f"{file} {difference}: it is damaged. Nothing else was touched; restore it from a copy, or delete this one"
            " file and run the capture with --resume."
        )
    return data


def write_cache(
    folder: Path,
    origin: Origin,
    corpus: Corpus,
    token_texts: Callable[[], list[str]],
    shards: Callable[[Sequence[Shard]], Iterator[Shard | tuple[int, pa.Table]]],
    on_shard: OnShard | None,
    server: Mapping[str, Any] | None = None,
) -> Manifest:
    """Write every shard that is not there yet, in order, and the manifest after each.

    `shards(finished)` gives each shard in its order: the finished one, or a number of documents with their positions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with only_writer(folder):
        manifest = begin(folder, origin, token_texts, server)
        # A finished cache of an older format stays one, whatever version looks whether it is finished.
        origin = replace(origin, format=manifest.origin.format)
        remove_partial(folder)
        finished = manifest.shards
        if manifest.server is not None:
            # Asked again, a server may say something else: nothing behind a missing shard is kept.
            finished = tuple(takewhile(lambda one: (folder / one.file).is_file(), finished))
        total = 0 if on_shard is None else sum(1 for _ in read_documents(corpus))
        made: list[Shard] = []
        for number, one in enumerate(shards(finished)):
            shard = one if isinstance(one, Shard) else keep_shard(folder, shard_file(number), *one)
            before = finished[number] if number < len(finished) else None
            if before is not None and before != shard:
                raise SourceError(
                    f"{shard.file} was missing and has been captured again, but its SHA-256 is {shard.sha256} and"
                    f" {MANIFEST} says {before.sha256}; the cache was written on another machine or with "
                    "another number of threads. Capture into a new folder."
                )
            made.append(shard)
            manifest = replace(manifest, origin=origin, shards=tuple(made), complete=False)
            # After the shard: a kill between the two leaves a file that the manifest does not name: it is made again. A
            # file that it names already was only missing, and is now what it says.
            if before is None:
                manifest.write(folder)
            if on_shard is not None:
                on_shard(manifest.tokens, manifest.documents, total)
        if not made:
            raise InputError(f"data {origin.data} contains no document of two tokens or more; give text.")
        if manifest.server is not None:
            manifest = replace(manifest, server={**manifest.server, **_mean_rest(folder, made)})
        manifest = replace(manifest, complete=True)
        manifest.write(folder)
        add_seconds(folder, time.perf_counter() - began)
        return manifest


def _mean_rest(folder: Path, shards: Sequence[Shard]) -> dict[str, float]:
    """The means over all positions of both bounds: what students of this cache are not taught."""
    rests = [rest_of(read_shard(folder, one)) for one in shards]
    low, high = np.sum([rest.sum(0, dtype=np.float64) for rest in rests], axis=0) / sum(map(len, rests))
    return {"rest_low": float(low), "rest_high": float(high)}


def keep_shard(folder: Path, file: str, documents: int, positions: pa.Table) -> Shard:
    """Write the positions of some documents as `file`; what the manifest says of it."""
    with whole_file(folder / file) as partial:
        write_shard(partial, positions)
    return Shard(
        file=file,
        first_document=positions["document"][0].as_py(),
        documents=documents,
        tokens=len(positions),
        bytes=(folder / file).stat().st_size,
        sha256=checksum(folder / file),
    )


def shard_file(number: int) -> str:
    return f"shard-{number:05d}.parquet"


def in_shards(
    documents: Iterator[One], tokens_of: Callable[[One], int], shard_tokens: int
) -> Iterator[list[One]]:
    """The documents of each shard: as many as it takes to reach `shard_tokens`."""
    batch: list[One] = []
    tokens = 0
    for document in documents:
        batch.append(document)
        tokens += tokens_of(document)
        if tokens >= shard_tokens:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def keep_tokens(folder: Path, texts: list[str]) -> None:
    """Write the texts of all tokens, so that a cache can be looked at without its teacher."""
    table = pa.table({"text": pa.array(texts, pa.string())})  # a table without rows is of strings, too
    with whole_file(folder / TOKENS) as partial:
        pq.write_table(table, partial.absolute(), compression="zstd", store_schema=False)


def add_seconds(folder: Path, seconds: float) -> None:
    """Count the time that a run took, on top of those before."""
    told = {"seconds": (seconds_of(folder) or 0.0) + seconds}
    with whole_file(_times(folder)) as partial:
        partial.write_text(json.dumps(told) + "\n", encoding="utf-8")


def seconds_of(folder: Path) -> float | None:
    """Seconds that the capture took in all runs; None where nothing says so (captures of before, moved folders)."""
    try:
        seconds = json.loads(_times(folder).read_text(encoding="utf-8"))["seconds"]
        return float(seconds) if 0 <= seconds < math.inf else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _times(folder: Path) -> Path:
    whole = folder.resolve()
    return whole.with_name(whole.name + TIMES)
