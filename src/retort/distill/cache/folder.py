"""The folder of a cache: its manifest, its shards as whole files or none, and what keeps two captures apart.

The manifest says where targets come from and names each shard with its checksum; any mismatch is refused with the two
values side by side. Files are written beside their place, forced to the disk, and renamed. `NAME.seconds.json` beside
the folder says how long the capture took: it is no part of a cache, since no two runs take the same time.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from retort.distill.cache.shards import Positions, write_shard, write_tokens
from retort.distill.data.corpus import checksum
from retort.errors import InputError, SourceError
from retort.files import read_object
from retort.sources.base import LARGEST_VOCABULARY

PARTIAL = ".partial"
FORMAT = 4
READABLE = (1, 2, 3, 4)
"""A record means and is written the same in all of them; 4 is tempered by torch, 2 and 3 were by compiled code of our
own, and the last bits differ, so an unfinished capture of one cannot be resumed as another. Since 4 several teachers
are averaged at the capture's tau; before, they were averaged at 1 and then tempered.
"""
TIMES = ".seconds.json"  # after the name of the folder, and beside it
MANIFEST, TOKENS = "manifest.json", "tokens.parquet"
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
    teachers: int = 1

    def __post_init__(self) -> None:
        for one in fields(self):
            wanted = {"int": int, "float": (int, float), "str": str}[str(one.type)]
            value = getattr(self, one.name)
            if not isinstance(value, wanted) or isinstance(value, bool):  # type: ignore[arg-type]
                raise TypeError(f"{one.name} is {value!r}")
        if not 1 <= self.vocabulary <= LARGEST_VOCABULARY or not 0 < self.temperature < math.inf:
            raise ValueError(f"vocabulary is {self.vocabulary} and temperature {self.temperature}")

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

    def __post_init__(self) -> None:
        if re.fullmatch(r"shard-\d+\.parquet", self.file) is None:
            raise ValueError(f"file is {self.file!r}")


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
            values: Mapping[str, Any] = read_object(file)
            found = values["origin"]["format"]
            if found not in READABLE:
                raise InputError(
                    f"{folder} is a cache of format {found}, and this version of retort reads formats 1 to {FORMAT};"
                    " capture it again, or use the version that wrote it."
                )
            origin = dict(values["origin"])
            if found < 4:
                origin["teachers"] = 1 + origin["teacher"].count(" + ")
            shards = tuple(Shard(**shard) for shard in values["shards"])
            return cls(Origin(**origin), shards, bool(values["complete"]), values.get("server"))
        except InputError:
            raise
        except (SourceError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(
                f"{file} is damaged ({str(error).rstrip('.') or error!r}); restore it from a copy, or capture again."
            ) from None


def _write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def write_whole(file: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file under a temporary name, and give it its own once every byte is on the disk.

    Raises SourceError where the disk is full or refuses; what stood at `file` before is then still there.
    """
    partial = file.with_name(f".{file.name}{PARTIAL}")
    try:
        write(partial)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(file)
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
        if not (folder / TOKENS).is_file():
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
    for shard in manifest.shards:
        check_shard(folder, shard)
    return manifest


def check_shard(folder: Path, shard: Shard, *, may_be_missing: bool = True) -> None:
    """Raise SourceError unless the shard's file has the size and the SHA-256 of the manifest."""
    file = folder / shard.file
    if not file.is_file():
        if may_be_missing:
            return
        raise SourceError(f"{shard.file} is missing from {folder}; capture it again with --resume.")
    size = file.stat().st_size
    found = checksum(file) if size == shard.bytes else None
    if found != shard.sha256:
        difference = (
            f"is {size:,} bytes long and {MANIFEST} says {shard.bytes:,}"
            if found is None
            else f"has SHA-256 {found} and {MANIFEST} says {shard.sha256}"
        )
        raise SourceError(
            f"{file} {difference}: it is damaged. Nothing else was touched; restore it from a copy, or delete this one"
            " file and run the capture with --resume."
        )


def keep_shard(
    folder: Path, file: str, first_document: int, documents: int, positions: Positions, width: int | None
) -> Shard:
    """Write the positions of some documents as `file`; what the manifest says of it."""
    write_whole(folder / file, lambda partial: write_shard(partial, positions, width))
    return Shard(
        file=file,
        first_document=first_document,
        documents=documents,
        tokens=len(positions.document),
        bytes=(folder / file).stat().st_size,
        sha256=checksum(folder / file),
    )


def keep_tokens(folder: Path, texts: list[str]) -> None:
    """Write the texts of all tokens, so that a cache can be looked at without its teacher."""
    write_whole(folder / TOKENS, lambda partial: write_tokens(partial, texts))


def add_seconds(folder: Path, seconds: float) -> None:
    """Count the time that a run took, on top of those before."""
    text = json.dumps({"seconds": (seconds_of(folder) or 0.0) + seconds}) + "\n"
    write_whole(_times(folder), lambda partial: _write_text(partial, text))


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
