"""From text to rows of token ids, and the order in which training sees them.

Documents are packed one after another with the end token behind each, and cut into rows of a fixed length.
Nothing here depends on the arm: both arms of a seed read the same rows in the same order.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from retort.distill.losses import IGNORE_INDEX
from retort.errors import InputError

EMBEDDED_TEXT = Path(__file__).resolve().parents[1] / "embedded" / "text"
DOCUMENTS_AT_ONCE = 512  # a batch for the tokenizer: enough to use its threads, little beyond a token limit

Encode = Callable[[list[str]], list[list[int]]]


@dataclass(frozen=True)
class Rows:
    """Packed text: `ids` and `labels` are `[rows, length]`; labels equal ids and are IGNORE_INDEX where padded.

    `sources` `[rows, length, 2]` says of every token which document of the text it is from, and its offset there: how a
    cache is asked for its target. `contents` holds the hash of each document's ids, the end token included.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    sources: NDArray[np.int32] | None = None
    contents: dict[int, bytes] | None = None

    @property
    def num_targets(self) -> int:
        """How many positions are predicted: all unmasked ones but the first of each row."""
        return int((self.labels[:, 1:] != IGNORE_INDEX).sum())

    @property
    def digest(self) -> str:
        """SHA-256 of the contents; two texts that give the same rows are the same data."""
        digest = hashlib.sha256(str(self.ids.shape).encode())
        digest.update(np.ascontiguousarray(self.ids).tobytes())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        return digest.hexdigest()


class OrderedRows(Dataset[dict[str, torch.Tensor]]):
    """The rows in the order in which training reads them, each pass in another order drawn from the seed.

    One item for every row that the whole run needs. The trainer reads it from front to back, so the order
    hangs on the seed alone, a resumed run skips exactly what was read, and a longer run starts with the same
    rows as a shorter one.
    """

    def __init__(self, rows: Rows, num_rows: int, seed: int) -> None:
        self.rows = rows
        self.order = reading_order(len(rows.ids), num_rows, seed)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        row = self.order[index]
        item = {
            "input_ids": torch.from_numpy(self.rows.ids[row]),
            "labels": torch.from_numpy(self.rows.labels[row]),
        }
        if self.rows.sources is not None:
            item["sources"] = torch.from_numpy(self.rows.sources[row])
        return item


def reading_order(available: int, num_rows: int, seed: int) -> NDArray[np.int64]:
    """Indices `[num_rows]` into `available` rows: random passes one after another, every row once a pass."""
    generator = np.random.default_rng(seed)
    passes = [generator.permutation(available) for _ in range(-(-num_rows // available))]
    return np.concatenate(passes)[:num_rows]


def content_hash(ids: Sequence[int]) -> bytes:
    """16 bytes that stand for a document's token ids: equal texts under one tokenizer have equal ones."""
    return hashlib.blake2b(np.asarray(ids, np.int64).tobytes(), digest_size=16).digest()


def load_rows(
    path: str,
    encode: Encode,
    end_id: int,
    length: int,
    *,
    tokens: int | None,
    whole_rows: bool,
    with_sources: bool = False,
) -> Rows:
    """The text at `path` as rows of `length` tokens, from its first `tokens` tokens (None: all).

    `whole_rows`: drop the rest that does not fill a row (training, where every row should weigh the same);
    otherwise pad it and mask the padding (measuring, where every token counts). Raises InputError for a text
    that fills no row.
    """
    stream: list[int] = []
    lengths: list[int] = []
    contents: dict[int, bytes] = {}
    documents = read_documents(path)
    while tokens is None or len(stream) < tokens:
        batch = [document for _, document in zip(range(DOCUMENTS_AT_ONCE), documents, strict=False)]
        if not batch:
            break
        for ids in encode(batch):
            stream.extend(ids)
            stream.append(end_id)
            if with_sources:
                contents[len(lengths)] = content_hash([*ids, end_id])
                lengths.append(len(ids) + 1)
    try:
        rows = pack(stream[:tokens], length, pad_id=end_id, whole_rows=whole_rows)
    except InputError as error:
        raise InputError(f"text {path}: {error}") from None
    return (
        replace(rows, sources=_sources(lengths, rows.ids.shape), contents=contents) if with_sources else rows
    )


def _sources(lengths: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """`[rows, length, 2]` (document, offset) of the tokens of documents laid end to end; -1 where there is padding."""
    sizes = np.asarray(lengths, np.int64)
    documents = np.repeat(np.arange(len(sizes)), sizes)
    offsets = np.arange(len(documents)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = np.full((shape[0] * shape[1], 2), -1, np.int32)
    used = min(len(found), len(documents))
    found[:used, 0], found[:used, 1] = documents[:used], offsets[:used]
    return found.reshape(*shape, 2)


def pack(stream: Sequence[int], length: int, *, pad_id: int, whole_rows: bool) -> Rows:
    """Rows `[rows, length]` cut from a stream of token ids."""
    full, rest = divmod(len(stream), length)
    # A row of one token predicts nothing.
    padded = not whole_rows and rest > 1
    if full + padded == 0:
        raise InputError(
            f"{len(stream)} tokens do not fill one row of sequence_length {length}; give more text or shorter rows."
        )
    used = len(stream) if padded else full * length
    ids = np.full((full + padded) * length, pad_id, dtype=np.int64)
    ids[:used] = stream[:used]
    labels = np.full_like(ids, IGNORE_INDEX)
    labels[:used] = ids[:used]
    return Rows(ids.reshape(-1, length), labels.reshape(-1, length))


def read_documents(path: str) -> Iterator[str]:
    """The documents of a text file, one after another; `embedded:train` is a text that comes with the package."""
    file = resolve(path)
    if file.suffix == ".jsonl":
        yield from _read_json_lines(file)
        return
    if file.suffix != ".txt":
        raise InputError(
            f"text is {path!r}; allowed are .txt with blank lines between documents, and .jsonl with `text`."
        )
    for document in re.split(r"\n\s*\n", _read(file)):
        if document.strip():
            yield document.strip()


def resolve(path: str) -> Path:
    """The file behind `path`. Raises InputError where there is none."""
    if path.startswith("embedded:"):
        name = path.removeprefix("embedded:")
        names = sorted(one.stem for one in EMBEDDED_TEXT.glob("*.txt"))
        if name not in names:
            raise InputError(
                f"text is {path!r}; embedded texts are {', '.join(names) or 'none in this installation'}."
            )
        return EMBEDDED_TEXT / f"{name}.txt"
    if not Path(path).is_file():
        raise InputError(f"text {path!r} is not a file; give a .txt or .jsonl file, or embedded:train.")
    return Path(path)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"text {file} cannot be read as UTF-8: {error}") from None


def _read_json_lines(file: Path) -> Iterator[str]:
    for number, line in enumerate(_read(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"text {file}, line {number}, is not a JSON object with `text` ({error!r})."
            ) from None
        if not isinstance(text, str):
            raise InputError(
                f"text {file}, line {number}: `text` is a {type(text).__name__}; it must be a string."
            )
        yield text
