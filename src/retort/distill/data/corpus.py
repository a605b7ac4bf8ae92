"""Which text is meant by a name: a file, a folder of files, an embedded text, or a Hugging Face dataset.

In: `notes.jsonl`, a folder, `embedded:train`, `hf:owner/name:config@split`, and how the records look. Out: records one
after another in a fixed order, with little in memory, and a checksum of the text and of how it is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from retort.distill.data.records import (
    FORMATS,
    NOT_CARRIED_OUT,
    TOOLS,
    Record,
    Shape,
    kind_of_record,
    record_of,
)
from retort.errors import InputError, MissingExtraError, SourceError
from retort.files import kind_of as kind_of_value
from retort.files import open_text, read_json, read_jsonl

HUB = "hf:"
SAVED = ("state.json", "dataset_dict.json")  # what `save_to_disk` leaves: one split, or several


@dataclass(frozen=True)
class HubName:
    """The parts of `hf:owner/name:config@split`; the split is `train` unless said."""

    name: str
    config: str | None
    split: str | None

    @classmethod
    def of(cls, path: str) -> HubName:
        """The parts of `path`. Raises InputError for one without a name."""
        name, _, split = path.removeprefix(HUB).partition("@")
        config = ""
        if not Path(name).exists():  # a folder's name may have a colon in it
            name, _, config = name.partition(":")
        if not name.strip():
            raise InputError(
                f"text is {path!r}; it must look like hf:owner/name, hf:owner/name:config@split."
            )
        return cls(name, config or None, split or None)

    @property
    def saved(self) -> bool:
        """Whether it is a folder that `save_to_disk` has written."""
        return any((Path(self.name) / one).is_file() for one in SAVED)

    @property
    def here(self) -> bool:
        """Whether nothing has to be fetched to read it."""
        return Path(self.name).is_dir()


def open_dataset(path: str) -> Any:
    """The dataset behind `path`, memory-mapped. Raises InputError in one sentence for whatever the library says."""
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("datasets", "data", f"Reading {path}") from None
    named = HubName.of(path)
    try:
        if not named.saved:
            return datasets.load_dataset(named.name, named.config, split=named.split or "train")
        found = datasets.load_from_disk(named.name)
    except Exception as error:  # the library's, the hub client's, the network's: dozens of kinds, one meaning
        first = str(error).strip().split("\n")[0]
        raise InputError(
            f"text {path} cannot be loaded by the datasets library ({type(error).__name__}: {first})."
        ) from None
    if isinstance(found, datasets.Dataset):
        if named.split is not None:
            raise InputError(f"text {path}: the folder holds one split alone; leave @{named.split} out.")
        return found
    split = named.split or "train"
    if split not in found:
        raise InputError(f"text {path}: there is no split {split}; splits are {', '.join(found)}.")
    return found[split]


def read_dataset(path: str, shape: Shape) -> Iterator[Record]:
    """The records of a dataset, in its order; only the columns that they are made of are read."""
    dataset = open_dataset(path)
    columns = wanted_columns(list(dataset.column_names), shape, path)
    tables = dataset.select_columns(columns).with_format("arrow").iter(batch_size=ROWS_AT_ONCE)
    return records_of_tables(tables, shape, path)


def dataset_checksum(path: str) -> str:
    """SHA-256 of the dataset's rows, as they are read."""
    dataset = open_dataset(path)
    digest = hashlib.sha256(str(dataset.features).encode())
    for table in dataset.with_format("arrow").iter(batch_size=ROWS_AT_ONCE):
        for row in table.to_pylist():
            digest.update(repr(row).encode())
    return digest.hexdigest()


EMBEDDED_TEXT = Path(__file__).resolve().parents[2] / "embedded" / "text"


@dataclass(frozen=True)
class Corpus:
    """A text by its path (or `embedded:NAME`, `hf:NAME`), and how its records are to be read."""

    path: str
    shape: Shape = field(default_factory=Shape)

    @classmethod
    def of(cls, data: str | Corpus) -> Corpus:
        return data if isinstance(data, Corpus) else cls(data)

    @property
    def here(self) -> bool:
        """Whether it can be read on this machine without fetching anything."""
        if self.path.startswith(HUB):
            return HubName.of(self.path).here
        try:
            resolve(self.path)
        except InputError:
            return False
        return True


def read_documents(data: str | Corpus) -> Iterator[Record]:
    """The records of a text, one after another: a plain text is a str, others are a Pair or a Chat.

    Their order is fixed: that of the file, and of a folder's files by name. Raises InputError for what cannot be read.
    """
    corpus = Corpus.of(data)
    if corpus.path.startswith(HUB):
        yield from read_dataset(corpus.path, corpus.shape)
        return
    for file in files_of(resolve(corpus.path)):
        yield from read_file(file, corpus.shape)


def first_kinds(corpus: Corpus, most: int) -> tuple[int, tuple[str, ...]]:
    """How many records there are among the first `most`, and of which kinds. Raises InputError where there is none."""
    found = [kind_of_record(one) for one in islice(read_documents(corpus), most)]
    if not found:
        raise InputError(f"text {corpus.path} contains no record.")
    return len(found), tuple(dict.fromkeys(found))


def resolve(path: str) -> Path:
    """The file or folder behind `path`. Raises InputError where there is none."""
    if path.startswith("embedded:"):
        name = path.removeprefix("embedded:")
        names = sorted(one.stem for one in EMBEDDED_TEXT.glob("*.txt"))
        if name not in names:
            raise InputError(
                f"text is {path!r}; embedded texts are {', '.join(names) or 'none in this installation'}."
            )
        return EMBEDDED_TEXT / f"{name}.txt"
    if not Path(path).exists():
        raise InputError(
            f"text {path!r} is not a file or folder here; give one, embedded:train, or hf:owner/name."
        )
    return Path(path)


def files_of(place: Path) -> list[Path]:
    """The files to read: the one at `place`, or all of a folder, by name, at any depth. Hidden ones are left out.

    A file of another kind is refused: left out in silence, it would be missed by nobody.
    """
    if not place.is_dir():
        return [place]
    # By name as text: Windows compares paths without case, and the order decides every row of a training.
    found = sorted(
        (one for one in place.rglob("*") if one.is_file() and not _hidden(one.relative_to(place))),
        key=lambda one: one.relative_to(place).as_posix(),
    )
    if any((place / name).is_file() for name in SAVED):
        raise InputError(f"text {place} is a folder that the datasets library saved; write hf:{place}.")
    if not found:
        raise InputError(f"text {place} is a folder without files; allowed are {ALLOWED_FILES}.")
    strange = next((one for one in found if kind_of(one) is None), None)
    if strange is not None:
        raise InputError(
            f"text {place} is a folder that holds {strange.relative_to(place)}; allowed are {ALLOWED_FILES}."
            " Move other files out; none is skipped silently."
        )
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def data_checksum(data: str | Corpus) -> str:
    """SHA-256 of the data and of how it is read: that of the file's own bytes for a file that is read by its keys."""
    corpus = Corpus.of(data)
    if corpus.path.startswith(HUB):
        parts = [dataset_checksum(corpus.path)]
    else:
        place = resolve(corpus.path)
        files = files_of(place)
        if place.is_file() and not corpus.shape.told:
            return checksum(place)
        parts = [f"{one.relative_to(place).as_posix()} {checksum(one)}" for one in files]
    return hashlib.sha256("\n".join([*parts, corpus.shape.told]).encode()).hexdigest()


ROWS_AT_ONCE = 512  # of a Parquet file: few enough for long texts, enough to decode columns at speed


def kind_of(file: Path) -> str | None:
    """The ending that says how to read the file; None for one that is no data."""
    name = file.name.lower()
    return next((ending for ending in READERS if name.endswith(ending)), None)


def checksum(file: Path) -> str:
    """SHA-256 of a file's bytes. Raises SourceError where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from error


def read_file(file: Path, shape: Shape) -> Iterator[Record]:
    """The records of one file, in order. Raises InputError, with the line or row, for what cannot be read."""
    kind = kind_of(file)
    if kind is None:
        raise InputError(f"text is {str(file)!r}; allowed are {ALLOWED_FILES}.")
    yield from READERS[kind](file, shape)


def _text(file: Path, shape: Shape) -> Iterator[Record]:
    """Documents with blank lines between them; a document is what stands between, without space around it."""
    if shape.format not in (None, "text"):
        raise InputError(
            f"text {file} is plain text and data.format is {shape.format}; give .jsonl, .json or .parquet, or leave"
            " the format out."
        )
    with open_text(file, f"text {file}") as opened:
        for is_text, lines in groupby(opened, key=lambda line: bool(line.strip())):
            if is_text:
                yield "".join(lines).strip()


def _json_lines(file: Path, shape: Shape) -> Iterator[Record]:
    for number, values in read_jsonl(file, f"text {file}"):
        yield record_of(values, shape, f"{file}, line {number}")


def _json_list(file: Path, shape: Shape) -> Iterator[Record]:
    """A list of objects. It is read whole: JSON has no lines to stop at."""
    values = read_json(file, f"text {file}")
    if not isinstance(values, list):
        raise InputError(
            f"text {file} holds {kind_of_value(values)}; a .json file must be a list of objects (objects on lines of"
            " their own are .jsonl)."
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
    """The columns that a record is made of, or that ask for something: the others are not even decoded."""
    made = [shape.name(key) for one in shape.formats(names, place) for key in FORMATS[one]]
    return [*made, *(name for name in (TOOLS, *NOT_CARRIED_OUT) if name in names and name not in made)]


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
