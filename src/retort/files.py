"""Files that a user hands in: one reader for text, JSON and JSON Lines, with one sentence for whatever is wrong; and
`replacing`, which writes a file whole or not at all.

In: a path, and how the file is named in an error (its path by default). Out: text without a byte order mark, JSON
values, or JSON values with their line numbers. Lines end at a line feed only: U+2028 and its kind are part of a line.
A name that ends in .gz is unpacked. Every failure is a SourceError.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from retort.errors import SourceError

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
BYTE_ORDER_MARK = "\ufeff"


def read_text(path: str | Path, what: str | None = None) -> str:
    """The text of a file; line ends of other systems become line feeds."""
    with open_text(path, what) as file:
        return file.read()


def read_json(path: str | Path, what: str | None = None) -> Any:
    """The one JSON value that a file holds."""
    return parse_json(read_text(path, what), what or str(path))


def read_object(path: str | Path, what: str | None = None) -> dict[str, Any]:
    """The JSON object that a file holds."""
    value = read_json(path, what)
    if not isinstance(value, dict):
        raise SourceError(f"{what or path} contains {kind_of(value)}, not a JSON object.")
    return value


def read_jsonl(
    path: str | Path, what: str | None = None, *, unfinished: bool = False
) -> Iterator[tuple[int, Any]]:
    """The JSON value of each line with the line's number, counted from 1; blank lines are left out.

    With `unfinished`, a last line without a line feed that is not JSON is left out: a writer was stopped there.
    """
    with open_text(path, what) as file:
        for number, line in enumerate(file, 1):
            line = line.lstrip(BYTE_ORDER_MARK)  # in the middle too, where files were joined
            if not line.strip():
                continue
            try:
                value = parse_json(line, f"{what or path} line {number}")
            except SourceError:
                if unfinished and not line.endswith("\n"):
                    return
                raise
            yield number, value


def parse_json(text: str, where: str) -> Any:
    """The JSON value in `text`. Raises SourceError, beginning with `where`, with the place of what is wrong."""
    try:
        return json.loads(text.lstrip(BYTE_ORDER_MARK))
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text.strip() else ""
        raise SourceError(f"{where} is not JSON ({error.msg} at {line}column {error.colno}).") from None
    except RecursionError:
        raise SourceError(f"{where} is not readable JSON: it is nested too deeply.") from None
    except ValueError as error:  # a number of thousands of digits
        raise SourceError(f"{where} is not readable JSON ({str(error).partition(';')[0]}).") from None


@contextmanager
def open_text(path: str | Path, what: str | None = None) -> Iterator[IO[str]]:
    """The file, opened as UTF-8 text. What goes wrong while it is read within the `with` is a SourceError too."""
    file, name = Path(path).expanduser(), what or str(path)
    try:
        with file.open("rb") as raw:
            _check_head(raw.peek(len(LFS_POINTER)), name)  # peek: the reader below begins at the first byte
            unpacked = gzip.GzipFile(fileobj=raw) if file.suffix.lower() == ".gz" else raw
            with io.TextIOWrapper(cast(IO[bytes], unpacked), encoding="utf-8-sig") as text:
                yield text
    except FileNotFoundError:
        raise SourceError(f"{name} cannot be read: there is no such file.") from None
    except IsADirectoryError:
        raise SourceError(f"{name} cannot be read: it is a folder, not a file.") from None
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name} cannot be read as UTF-8 text ({error.reason} at byte {error.start:,})."
        ) from None
    except (OSError, EOFError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SourceError(f"{name} cannot be read ({said}).") from None


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A path beside `file` to write to, which takes its place when the block ends well.

    So at every moment the old file or the whole new one is there; two processes never write the same one. Errors come
    as they are, and nothing of an unfinished file is left.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(file)
    except BaseException:  # Ctrl-C too
        partial.unlink(missing_ok=True)
        raise


def write_json(file: Path, values: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with replacing(file) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def refuse_pointer(path: str | Path, what: str | None = None) -> None:
    """Raise SourceError where a file of any kind is a git-lfs pointer. A file that is missing is no pointer."""
    try:
        with Path(path).open("rb") as raw:
            head = raw.read(len(LFS_POINTER))
    except OSError:
        return
    if head == LFS_POINTER:
        _is_pointer(what or str(path))


def _check_head(head: bytes, name: str) -> None:
    if head.startswith(LFS_POINTER):
        _is_pointer(name)
    if head.startswith(UTF16_MARKS):
        raise SourceError(f"{name} cannot be read as UTF-8 text: it is UTF-16; save it as UTF-8.")


def _is_pointer(name: str) -> NoReturn:
    raise SourceError(f"{name} is a git-lfs pointer, not the file itself; fetch it with: git lfs pull")


def kind_of(value: Any) -> str:
    """What a JSON value is, as an error names it: an object, a list, a string, a number, true or false, null."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
