"""One shard: a Parquet file with one row a position.

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

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from retort.distill.cache.codecs import Packed
from retort.errors import SourceError

ROW_GROUP = 2**16


@dataclass(frozen=True)
class Positions:
    """The columns of a shard; `rest` `[positions, 2]` is None for teachers that are known whole."""

    document: NDArray[np.int64]
    content: NDArray[np.uint8]  # [positions, 16]
    offset: NDArray[np.int32]
    token: NDArray[np.int32]
    entropy: NDArray[np.float16]
    target: Packed
    rest: NDArray[np.float16] | None = None


def write_shard(file: Path, positions: Positions, width: int | None) -> None:
    """Write the shard; equal positions give equal bytes."""
    num = len(positions.document)
    columns = {
        "document": pa.array(positions.document),
        "content": pa.Array.from_buffers(
            pa.binary(16), num, [None, pa.py_buffer(positions.content.tobytes())]
        ),
        "offset": pa.array(positions.offset),
        "token": pa.array(positions.token),
        "entropy": pa.array(positions.entropy),
        "target": _targets(positions.target, num, width),
    }
    if positions.rest is not None:
        columns["rest_low"] = pa.array(positions.rest[:, 0])
        columns["rest_high"] = pa.array(positions.rest[:, 1])
    pq.write_table(
        pa.table(columns),
        file.absolute(),  # a relative name with a colon in it would be taken for the address of a file system
        row_group_size=ROW_GROUP,
        use_dictionary=["document", "content"],
        column_encoding={
            "offset": "DELTA_BINARY_PACKED",
            "token": "BYTE_STREAM_SPLIT",
            "target": "PLAIN" if width is not None else "DELTA_LENGTH_BYTE_ARRAY",
        },
        compression={name: "none" if name == "target" else "zstd" for name in columns},
        write_statistics=False,
        store_schema=False,
    )


def read_shard(data: bytes, name: str) -> Positions:
    """The columns of a shard from its file's bytes. Raises SourceError where they are no such shard."""
    try:
        table = pq.read_table(pa.BufferReader(data)).combine_chunks()
        columns = {
            column: table.column(column).chunk(0)
            if len(table)
            else pa.array([], table.schema.field(column).type)
            for column in table.column_names
        }
        target = columns["target"]
        if pa.types.is_fixed_size_binary(target.type):
            width = target.type.byte_width
            body = np.frombuffer(target.buffers()[1], np.uint8)[: width * len(target)]
            packed = Packed(body, np.arange(1, len(target) + 1, dtype=np.int64) * width)
        else:
            ends = np.frombuffer(target.buffers()[1], np.int32)[: len(target) + 1].astype(np.int64)
            packed = Packed(
                np.frombuffer(target.buffers()[2], np.uint8)[ends[0] : ends[-1]], ends[1:] - ends[0]
            )
        content = np.frombuffer(columns["content"].buffers()[1], np.uint8)[: 16 * len(target)].reshape(-1, 16)
        rest = None
        if "rest_low" in columns:
            rest = np.stack([columns[name].to_numpy() for name in ("rest_low", "rest_high")], axis=1)
        plain = {
            column: columns[column].to_numpy(zero_copy_only=False)
            for column in ("document", "offset", "token", "entropy")
        }
        return _sound(Positions(**plain, content=content, target=packed, rest=rest))
    except (pa.ArrowException, KeyError, IndexError, ValueError, TypeError, OSError) as error:
        raise SourceError(f"shard {name} cannot be read: {' '.join(str(error).split())}") from None


def _sound(positions: Positions) -> Positions:
    """The columns, if they are of one length and of their types, and documents and offsets rise as they are written.

    Raises ValueError else: everything that looks a position up relies on it.
    """
    num = len(positions.document)
    for name, kind in (
        ("document", "int64"),
        ("offset", "int32"),
        ("token", "int32"),
        ("entropy", "float16"),
    ):
        column = getattr(positions, name)
        if column.dtype != np.dtype(kind) or len(column) != num:
            raise ValueError(f"column {name} is of {column.dtype}, not of {kind}, or has gaps")
    if positions.content.shape != (num, 16) or len(positions.target.ends) != num:
        raise ValueError("its columns are of different lengths")
    same = positions.document[1:] == positions.document[:-1]
    if (positions.document[1:] < positions.document[:-1]).any() or (positions.document[:1] < 0).any():
        raise ValueError("its documents are not in order")
    if (np.diff(positions.offset)[same] != 1).any() or (positions.offset < 0).any():
        raise ValueError("a document's offsets do not follow one another")
    ends = np.concatenate([np.zeros(1, np.int64), positions.target.ends])
    if (np.diff(ends) < 0).any() or ends[-1] != len(positions.target.data):
        raise ValueError("its records end before they begin")
    return positions


def _targets(packed: Packed, num: int, width: int | None) -> pa.Array:
    body = pa.py_buffer(np.ascontiguousarray(packed.data).tobytes())
    if width is not None:
        return pa.Array.from_buffers(pa.binary(width), num, [None, body])
    ends = np.concatenate([np.zeros(1, np.int32), packed.ends.astype(np.int32)])
    return pa.Array.from_buffers(pa.binary(), num, [None, pa.py_buffer(ends.tobytes()), body])


def write_tokens(file: Path, texts: list[str]) -> None:
    """Write the texts of all tokens, in the order of their ids."""
    table = pa.table({"text": pa.array(texts, pa.string())})
    pq.write_table(table, file.absolute(), compression="zstd", store_schema=False)


def read_tokens(file: Path) -> list[str]:
    """The texts of all tokens. Raises SourceError."""
    try:
        texts: list[str] = pq.read_table(file.absolute()).column("text").to_pylist()
        return texts
    except (pa.ArrowException, OSError, KeyError) as error:
        raise SourceError(f"{file} cannot be read: {' '.join(str(error).split())}") from None
