"""Text to rows, and the order in which they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.packing import packed_rows
from retort.distill.data import read_documents
from retort.distill.data.records import Renderer
from retort.distill.data.rows import RowLayout, pack, reading_order, rows_of
from retort.errors import RetortError
from retort.sources.load import load

END = 99


def encode(documents: list[str]) -> list[list[int]]:
    return [[ord(letter) - ord("a") for letter in document] for document in documents]


def labels_of(
    file: Path, length: int, tokens: int | None = None, *, whole_rows: bool = True
) -> list[list[int]]:
    return packed_rows(str(file), encode, END, length, tokens=tokens, whole_rows=whole_rows).labels.tolist()


def test_documents_are_packed_with_the_end_token_between(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("abc\n\n \n\nde\n")
    assert list(read_documents(str(file))) == ["abc", "de"]
    assert labels_of(file, 3) == [[0, 1, 2], [END, 3, 4]]
    assert labels_of(file, 3, whole_rows=False) == [
        [0, 1, 2],
        [END, 3, 4],
    ]  # one token left over predicts nothing
    assert labels_of(file, 5, whole_rows=False) == [[0, 1, 2, END, 3], [4, END, -100, -100, -100]]
    assert labels_of(file, 2, tokens=4) == [[0, 1], [2, END]]


@pytest.mark.parametrize(
    ("path", "tokens", "whole_rows", "digest"),
    [
        ("embedded:train", 40_000, True, "065f46e1e6cc7e799223e84a51e43831a18d67d87c0fcccdc06093ae0f17db69"),
        (
            "embedded:validation",
            1000,
            False,
            "69fe87d3d983a58457c06a0961609299b0499ca80476d34552f9bfab0946d7cd",
        ),
    ],
)
def test_rows_of_plain_text_are_those_of_earlier_versions(
    path: str, tokens: int, whole_rows: bool, digest: str
) -> None:
    """Finished arms are found by these; they were written down before records, masks and padding were read."""
    source: Any = load("embedded:base")
    end = source.tokenizer.eos_token_id
    layout = RowLayout(128, end, whole_rows=whole_rows)
    assert rows_of(path, Renderer(source.tokenizer, end), layout, tokens=tokens).digest == digest


def test_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "text.jsonl"
    file.write_text('{"text": "a\\n\\nb", "id": 1}\n\n{"text": "c"}\n')
    assert list(read_documents(str(file))) == ["a\n\nb", "c"]
    file.write_text('{"text": "a"}\n{"txt": "b"}\n')
    with pytest.raises(RetortError, match="line 2"):
        list(read_documents(str(file)))


def test_a_token_limit_stops_reading(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("\n\n".join(["ab"] * 5000))
    seen = 0

    def counting(documents: list[str]) -> list[list[int]]:
        nonlocal seen
        seen += len(documents)
        return encode(documents)

    packed_rows(str(file), counting, END, 10, tokens=30, whole_rows=True)
    assert seen < 1000


def test_every_pass_reads_every_row_once_in_an_order_of_the_seed() -> None:
    order = reading_order(7, 24, seed=3)
    assert [sorted(order[start : start + 7]) for start in (0, 7, 14)] == [list(range(7))] * 3
    assert len(order) == 24 and not np.array_equal(order[:7], order[7:14])
    # A longer run begins like a shorter one.
    assert np.array_equal(reading_order(7, 10, seed=3), order[:10])
    assert not np.array_equal(reading_order(7, 24, seed=4), order)


def test_digest_follows_contents() -> None:
    first, same, other = (
        pack(stream, 2, pad_id=END, whole_rows=True) for stream in ([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 4, 3])
    )
    assert first.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("absent.txt", "not a file"),
        ("embedded:nothing", "embedded texts are"),
        ("short.txt", "do not fill one row of sequence_length 8"),
        ("bytes.txt", "UTF-8"),
        ("text.csv", "allowed are .txt"),
    ],
)
def test_refuses(path: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.txt").write_text("abc")
    Path("bytes.txt").write_bytes(b"\xff\xfe\xff")
    Path("text.csv").write_text("a,b")
    with pytest.raises(RetortError, match=words):
        packed_rows(path, encode, END, 8, tokens=None, whole_rows=True)
