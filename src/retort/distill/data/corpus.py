"""Which texts are meant by a name: a file, a folder of files, an embedded text, a Hugging Face dataset, or a recipe.

A recipe stands for the text that it trains on, read as it says, so a capture can be given the recipe of the training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from retort.distill.data import hub
from retort.distill.data.files import ALLOWED_FILES, kind_of, read_file
from retort.distill.data.records import Record, Shape, kind_of_record
from retort.errors import InputError

EMBEDDED_TEXT = Path(__file__).resolve().parents[2] / "embedded" / "text"
RECIPES = (".yaml", ".yml")


@dataclass(frozen=True)
class Corpus:
    """A text by its path (or `embedded:NAME`, `hf:NAME`), and how its records are to be read."""

    path: str
    shape: Shape = field(default_factory=Shape)

    @classmethod
    def of(cls, data: str | Corpus) -> Corpus:
        """The corpus behind what a user wrote; a recipe's is its `data.train`."""
        if isinstance(data, Corpus):
            return data
        if not data.lower().endswith(RECIPES):
            return cls(data)
        from retort.distill.recipe import Recipe

        recipe = Recipe.load(data).data
        if not isinstance(recipe.train, str):
            raise InputError(
                f"recipe {data} trains on what its teacher writes; give the file that retort distill keeps of it, in"
                " teacher-text under the recipe's output."
            )
        return cls(recipe.train, recipe.shape)

    @property
    def here(self) -> bool:
        """Whether it can be read on this machine without fetching anything."""
        if self.path.startswith(hub.PREFIX):
            return hub.Named.of(self.path).here
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
    if corpus.path.startswith(hub.PREFIX):
        yield from hub.read_dataset(corpus.path, corpus.shape)
        return
    for file in files_of(resolve(corpus.path)):
        yield from read_file(file, corpus.shape)


def first_kinds(corpus: Corpus, most: int) -> tuple[int, tuple[str, ...]]:
    """How many records there are among the first `most`, and of which kinds. Raises InputError where there is none."""
    found = [kind_of_record(one) for one in islice(read_documents(corpus), most)]
    if not found:
        raise InputError(f"text {corpus.path} holds no record.")
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
    found = sorted(
        (one for one in place.rglob("*") if one.is_file() and not _hidden(one.relative_to(place))),
        key=lambda one: one.relative_to(place).as_posix(),
    )
    if any((place / name).is_file() for name in hub.SAVED):
        raise InputError(f"text {place} is a folder that the datasets library saved; write hf:{place}.")
    if not found:
        raise InputError(f"text {place} is a folder without files; allowed are {ALLOWED_FILES}.")
    strange = next((one for one in found if kind_of(one) is None), None)
    if strange is not None:
        raise InputError(
            f"text {place} is a folder that holds {strange.relative_to(place)}; allowed are {ALLOWED_FILES}."
            " Move other files out, since none is left out in silence."
        )
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def data_checksum(data: str | Corpus) -> str:
    """SHA-256 of the data and of how it is read: that of the file's own bytes for a file that is read by its keys."""
    from retort.distill.cache.files import checksum

    corpus = Corpus.of(data)
    if corpus.path.startswith(hub.PREFIX):
        parts = [hub.dataset_checksum(corpus.path)]
    else:
        place = resolve(corpus.path)
        files = files_of(place)
        if place.is_file() and not corpus.shape.told:
            return checksum(place)
        parts = [f"{one.relative_to(place).as_posix()} {checksum(one)}" for one in files]
    return hashlib.sha256("\n".join([*parts, corpus.shape.told]).encode()).hexdigest()
