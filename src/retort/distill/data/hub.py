"""Hugging Face datasets, by the library of that name: `hf:owner/name[:config][@split]`, or a folder that it saved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.distill.data.files import ROWS_AT_ONCE, records_of_tables, wanted_columns
from retort.distill.data.records import Record, Shape
from retort.errors import InputError, MissingExtraError

PREFIX = "hf:"
SAVED = ("state.json", "dataset_dict.json")  # what `save_to_disk` leaves: one split, or several


@dataclass(frozen=True)
class Named:
    """The parts of `hf:owner/name:config@split`; the split is `train` unless said."""

    name: str
    config: str | None
    split: str | None

    @classmethod
    def of(cls, path: str) -> Named:
        """The parts of `path`. Raises InputError for one without a name."""
        name, _, split = path.removeprefix(PREFIX).partition("@")
        config = ""
        if not Path(name).exists():
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
    named = Named.of(path)
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
