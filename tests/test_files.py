"""Files of users: byte order marks, line ends, pointers, and one sentence for whatever is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from retort.errors import SourceError, printable
from retort.files import (
    parse_json,
    read_json,
    read_jsonl,
    read_object,
    read_text,
    refuse_pointer,
    replacing,
)

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"


def written(folder: Path, data: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path, mark: str) -> None:
    assert read_text(written(tmp_path, f"{mark}A pear\r\nis\n")) == "A pear\nis\n"
    assert read_json(written(tmp_path, f"{mark}[1, 2]")) == [1, 2]
    assert list(read_jsonl(written(tmp_path, f'{mark}{{"a": 1}}\r\n\n{mark}[2]'))) == [
        (1, {"a": 1}),
        (3, [2]),
    ]


def test_lines_end_at_a_line_feed_only(tmp_path: Path) -> None:
    values = [f"a{sign}b" for sign in "\u2028\u2029\x85"]
    lines = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    assert [value for _, value in read_jsonl(written(tmp_path, lines))] == values


def test_gz_is_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress("\ufeff[1]\n[2]\n".encode()), "a.jsonl.gz")
    assert [value for _, value in read_jsonl(path)] == [[1], [2]]


def test_a_last_line_cut_off_is_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, '[1]\n{"text": "the sk')
    assert list(read_jsonl(path, unfinished=True)) == [(1, [1])]
    with pytest.raises(
        SourceError, match=r"^log line 2 is not JSON \(Unterminated string .* at column 10\)\.$"
    ):
        list(read_jsonl(path, "log"))
    with pytest.raises(SourceError, match="line 1 is not JSON"):
        list(read_jsonl(written(tmp_path, '{"a"\n[1]\n'), unfinished=True))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (POINTER, "the file is a git-lfs pointer, not the file itself; fetch it with: git lfs pull"),
        ("[1]".encode("utf-16"), "the file cannot be read as UTF-8 text: it is UTF-16; save it as UTF-8."),
        (b"[\xff]", "the file cannot be read as UTF-8 text (invalid start byte at byte 1)."),
        ("[1,\n]", "the file is not JSON (Expecting value at line 2, column 1)."),
        ("", "the file is not JSON (Expecting value at column 1)."),
        ("[" * 10**6, "the file is not readable JSON: it is nested too deeply."),
        ("9" * 5000, "the file is not readable JSON (Exceeds the limit"),
        ("[1]", "the file contains a list, not a JSON object."),
        ("null", "the file contains null, not a JSON object."),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, data: str | bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_object(written(tmp_path, data), "the file")
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_a_place_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^x cannot be read: there is no such file\.$"):
        read_text(tmp_path / "none", "x")
    with pytest.raises(SourceError, match="it is a folder, not a file"):
        read_text(tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        read_text(written(tmp_path, "not packed", "a.gz"))


def test_a_pointer_in_place_of_any_other_file(tmp_path: Path) -> None:
    refuse_pointer(tmp_path / "none")
    refuse_pointer(written(tmp_path, b"\x00\x01"))
    with pytest.raises(SourceError, match=r"^the weights is a git-lfs pointer"):
        refuse_pointer(written(tmp_path, POINTER), "the weights")


def test_json_in_an_answer_is_named_by_where_it_stands() -> None:
    assert parse_json("\ufeff1", "x") == 1
    with pytest.raises(SourceError, match=r"^the answer is not JSON"):
        parse_json("{", "the answer")


def test_control_characters_are_written_out() -> None:
    assert printable("\x1b[2Ja\u202eb\r\x00\x9b\ud800 é\U0001f600\n\t") == (
        "\\x1b[2Ja\\u202eb\\r\\x00\\x9b\\ud800 é\U0001f600\n\t"
    )
    assert printable("a\nb", keep="") == "a\\nb"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "new" / "report.html"
    with replacing(file) as partial:
        partial.write_text("first")
        assert not file.exists()
    with pytest.raises(ZeroDivisionError), replacing(file) as partial:
        partial.write_text("sec")
        raise ZeroDivisionError
    assert [one.name for one in file.parent.iterdir()] == ["report.html"] and file.read_text() == "first"
