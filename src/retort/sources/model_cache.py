"""Models that were converted once, kept under the user's cache folder: `retort models --cache` lists and clears them.

An entry is a folder named by the SHA-256 of the file it was made of, so a changed file is converted anew and a moved
one is found again. It is written under a temporary name and renamed when it is whole, and only where the disk has room.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retort.numerals import duration, megabytes

FORMAT = 2  # of what `gguf.convert` writes; another number makes other entries
ORIGIN_FILE = "retort-origin.json"
UNFINISHED = "unfinished-"
SPARE_BYTES = 500_000_000  # left free on the disk
WORTH_TELLING = 50_000_000  # bytes to write; less is done at once


@dataclass(frozen=True)
class CachedModel:
    """One entry: the folder, the file it was made of, and its size."""

    folder: Path
    origin: str
    size_bytes: int


def cache_folder() -> Path:
    """RETORT_CACHE, or `retort` below XDG_CACHE_HOME, or below ~/.cache."""
    named = os.environ.get("RETORT_CACHE")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "retort"


def cached_models() -> list[CachedModel]:
    """What is in the cache; a conversion that was stopped is listed with the origin "(unfinished)"."""
    root = cache_folder() / "models"
    found = sorted(root.iterdir()) if root.is_dir() else []
    return [
        CachedModel(folder, _origin(folder), sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()))
        for folder in found
        if folder.is_dir()
    ]


def clear_cache() -> list[CachedModel]:
    """Delete every entry; what was deleted."""
    entries = cached_models()
    for entry in entries:
        shutil.rmtree(entry.folder)
    shutil.rmtree(cache_folder() / "seen", ignore_errors=True)
    return entries


def converted(file: Path, needed_bytes: int, convert: Callable[[Path], None]) -> Path | None:
    """The entry for `file`, made by `convert(folder)` where there is none; None where the disk has no room for it.

    `needed_bytes` is about what `convert` writes. What it raises is raised, and nothing is left behind.
    """
    root = cache_folder() / "models"
    entry = root / f"{FORMAT}-{_digest(file)}"
    if (entry / ORIGIN_FILE).is_file():
        return entry
    try:
        root.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(root).free < needed_bytes + SPARE_BYTES:
            return None
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=root))
    except OSError:  # no home, or one that cannot be written to
        return None
    tells = needed_bytes >= WORTH_TELLING
    if tells:
        _tell(f"Converting {file.name} once ({megabytes(needed_bytes)} into {root}) …")
    began = time.monotonic()
    try:
        convert(unfinished)
        (unfinished / ORIGIN_FILE).write_text(json.dumps({"file": str(file.resolve())}), encoding="utf-8")
        for written in unfinished.iterdir():
            written.chmod(0o644)
        unfinished.chmod(0o755)  # mkdtemp keeps others out, and a cache may be shared
        # A folder is renamed as a whole: whoever finds an entry finds all of it.
        try:
            unfinished.rename(entry)
        except OSError:  # another process was first
            if not (entry / ORIGIN_FILE).is_file():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    if tells:
        _tell(
            f"Converted in {duration(time.monotonic() - began)}; `retort models --cache` lists and "
            f"clears converted models."
        )
    return entry


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _origin(folder: Path) -> str:
    try:
        return str(json.loads((folder / ORIGIN_FILE).read_text(encoding="utf-8"))["file"])
    except (OSError, ValueError, KeyError):
        return "(unfinished)"


def _digest(file: Path) -> str:
    """SHA-256 of the content. Read again only where size, time or inode are not those that were seen last."""
    stat = file.stat()
    state = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    note = cache_folder() / "seen" / hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:32]
    try:
        *known, digest = json.loads(note.read_text(encoding="utf-8"))
        if known == state:
            return str(digest)
    except (OSError, ValueError):
        pass
    with file.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()[:32]
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps([*state, digest]), encoding="utf-8")
    except OSError:
        pass  # read again next time
    return digest
