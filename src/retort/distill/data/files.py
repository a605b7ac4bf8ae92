"""Records out of files, one after another: .txt, .jsonl, .json, .parquet and their .gz, with little in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from retort.distill.data.records import FORMATS, Record, Shape, record_of
from retort.errors import InputError
from retort.files import open_text, read_json, read_jsonl

ROWS_AT_ONCE = 512  # of a Parquet file: few enough for long texts, enough to decode columns at speed


def kind_of(file: Path) -> str | None:
    """The ending that says how to read the file; None for one that is no data."""
    name = file.name.lower()
    return next((ending for ending in READERS if name.endswith(ending)), None)


def read_file(file: Path, shape: Shape) -> Iterator[Record]:
    """The records of one file, in order. Raises InputError, with the line or row, for what cannot be read."""
    kind = kind_of(file)
    if kind is None:
        raise InputError(f"text is {str(file)!r}; allowed are {ALLOWED_FILES}.")
    try:
        yield from READERS[kind](file, shape)
    except (OSError, EOFError) as error:
        raise InputError(f"text {file} cannot be read: {error}") from None


def _text(file: Path, shape: Shape) -> Iterator[Record]:
    """Documents with blank lines between them; a document is what stands between, without space around it."""
    if shape.format not in (None, "text"):
        raise InputError(
            f"text {file} is plain text and data.format is {shape.format}; give .jsonl, .json or .parquet, or leave"
            " the format out."
        )
    lines: list[str] = []
    with open_text(file, f"text {file}") as opened:
        for line in opened:
            if line.strip():
                lines.append(line)
            elif lines:
                yield "".join(lines).strip()
                lines = []
    if lines:
        yield "".join(lines).strip()


def _json_lines(file: Path, shape: Shape) -> Iterator[Record]:
    for number, values in read_jsonl(file, f"text {file}"):
        yield record_of(values, shape, f"{file}, line {number}")


def _json_list(file: Path, shape: Shape) -> Iterator[Record]:
    """A list of objects. It is read whole: JSON has no lines to stop at."""
    values = read_json(file, f"text {file}")
    if not isinstance(values, list):
        raise InputError(
            f"text {file} holds a {type(values).__name__}; a .json file must be a list of objects."
        )
    for number, one in enumerate(values, start=1):
        yield record_of(one, shape, f"{file}, record {number}")


def _parquet(file: Path, shape: Shape) -> Iterator[Record]:
    import pyarrow.lib
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file) as opened:
            columns = wanted_columns(opened.schema_arrow.names, shape, str(file))
            batches = opened.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns)
            yield from records_of_tables(batches, shape, str(file))
    except pyarrow.lib.ArrowInvalid as error:
        raise InputError(
            f"text {file} is not a Parquet file that can be read: {' '.join(str(error).split())}"
        ) from None


def wanted_columns(names: list[str], shape: Shape, place: str) -> list[str]:
    """The columns that a record is made of: the others are not even decoded."""
    return [shape.name(key) for one in shape.formats(names, place) for key in FORMATS[one]]


def records_of_tables(tables: Any, shape: Shape, place: str) -> Iterator[Record]:
    """The records of Arrow tables or batches, rows counted from 1 through all of them."""
    number = 0
    for table in tables:
        for values in table.to_pylist():
            number += 1
            yield record_of(values, shape, f"{place}, row {number}")


READERS: dict[str, Callable[[Path, Shape], Iterator[Record]]] = {
    ".txt": _text,
    ".txt.gz": _text,
    ".jsonl": _json_lines,
    ".jsonl.gz": _json_lines,
    ".json": _json_list,
    ".json.gz": _json_list,
    ".parquet": _parquet,
}
ALLOWED_FILES = (
    ".txt with blank lines between documents, .jsonl, .json and .parquet with `text`, `prompt` and `completion`, or"
    " `messages`, and .gz of the first three"
)
