"""Files that are whole or not there: written beside their place, forced to the disk, renamed; and their checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retort.errors import InputError, SourceError

PARTIAL = ".partial"


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


def checksum(file: Path) -> str:
    """SHA-256 of a file's bytes. Raises SourceError where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from error


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
            f"another capture is writing into {folder}; wait for it, or take another folder."
        ) from None
    finally:
        os.close(held)
