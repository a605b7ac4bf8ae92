"""Records out of files of every kind: told apart by their keys, in a fixed order, and errors that say where."""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort.distill.data import Chat, Corpus, Pair, Shape, data_checksum, plain_text, read_documents
from retort.distill.data.corpus import HubName
from retort.distill.recipe import corpus_of
from retort.errors import InputError, MissingExtraError, RetortError

ASKED = {"role": "user", "content": "What is a pear?"}
TOLD = {"role": "assistant", "content": "A fruit."}
ROWS = [{"prompt": "2+2=", "completion": "4"}, {"prompt": "3+3=", "completion": "6"}]
PAIRS = [Pair("2+2=", "4"), Pair("3+3=", "6")]


def read(path: Path | str, **shape: Any) -> list[Any]:
    return list(read_documents(Corpus(str(path), Shape(**shape))))


def lines(file: Path, *records: Any) -> Path:
    file.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return file


def test_records_are_told_apart_by_their_keys(tmp_path: Path) -> None:
    file = lines(
        tmp_path / "a.jsonl",
        {"text": "plain", "id": 7},
        {"prompt": "2+2=", "completion": "4", "text": None},
        {"messages": [ASKED, {**TOLD, "name": None}]},
        {"prompt": [ASKED], "completion": [TOLD]},
    )
    assert read(file) == [
        "plain", Pair("2+2=", "4"), Chat((ASKED, TOLD)), Chat((ASKED, TOLD), asked=1),
    ]  # fmt: skip


def test_other_names_are_mapped_and_an_ambiguous_record_is_not_guessed(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"question": "2+2=", "answer": "4", "text": "x", "messages": [ASKED]})
    assert read(file, columns={"prompt": "question", "completion": "answer"}) == [Pair("2+2=", "4")]
    assert read(file, format="messages") == [Chat((ASKED,))]
    assert read(file, columns={"text": "answer"}) == ["4"]
    with pytest.raises(InputError, match=r"line 1, can be read as text and as messages; say which with"):
        read(file)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"promt": "a", "completion": "b"}, r"a\.jsonl, line 2, has `promt`, `completion` \(did you mean prompt"),
        ({}, "line 2, has no keys"),
        ([1], "line 2, is not a JSON object but a list"),
        ({"text": 3}, "line 2: `text` is a int; it must be a string"),
        ({"prompt": "a", "completion": [TOLD]}, "`prompt` is a str and `completion` a list; both must be"),
        ({"messages": []}, "`messages` is a list of length 0; it must be a list of messages"),
        ({"messages": [ASKED, {"from": "user"}]}, "`messages` 2 is `from`; a message must have `role`"),
        ({"messages": ["hello"]}, "`messages` 1 is a str; a message must have"),
    ],
)  # fmt: skip
def test_a_wrong_record_is_named_with_its_line(record: Any, words: str, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"text": "right"}, record)
    with pytest.raises(InputError, match=words):
        read(file)


def test_a_mapped_key_that_is_not_there_is_named_as_it_was_mapped(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"q": "x", "answer": "y"})
    with pytest.raises(InputError, match="line 1, has `q`, `answer`; allowed are `question` with `answer`"):
        read(file, columns={"prompt": "question", "completion": "answer"})
    with pytest.raises(InputError, match="line 1, has `q`, `answer`; allowed are `text`, or `prompt` with"):
        read(file)


def test_every_kind_of_file_gives_the_same_records(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", *ROWS)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    (tmp_path / "c.json").write_text(json.dumps(ROWS))
    pq.write_table(pa.Table.from_pylist([{**one, "id": 1} for one in ROWS]), tmp_path / "d.parquet")
    for name in ("a.jsonl", "b.jsonl.gz", "c.json", "d.parquet"):
        assert read(tmp_path / name) == PAIRS, name
    # A folder: all of them, by name, at any depth; hidden files are none of ours.
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "e.txt").write_text("one\n\ntwo")
    (tmp_path / ".cache").write_text("x")
    assert read(tmp_path) == PAIRS * 4 + ["one", "two"]
    (tmp_path / "part" / "README.md").write_text("x")
    with pytest.raises(InputError, match=r"a folder that holds part/README.md; allowed are .txt"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="folder without files"):
        read(tmp_path / "empty")


def test_conversations_come_out_of_parquet_as_out_of_json(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{"messages": [ASKED, {**TOLD, "name": "x"}]}])
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [Chat((ASKED, {**TOLD, "name": "x"}))]


def test_parquet_is_read_batch_by_batch_and_only_the_columns_that_are_used(tmp_path: Path) -> None:
    rows = [{"text": f"text {number}", "embedding": [0.5] * 100} for number in range(2000)]
    rows[1500]["text"] = None
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=700)
    found = read_documents(str(tmp_path / "a.parquet"))
    assert [next(found) for _ in range(1500)][-1] == "text 1499"
    with pytest.raises(InputError, match=r"a\.parquet, row 1501, has no keys"):
        next(found)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b'{"text": "x"}', "holds an object; a .json file must be a list"),
        ("a.json", b"{", r"a\.json is not JSON"),
        ("a.jsonl", b'{"text": "x"}\n{"text": ', "line 2 is not JSON"),
        ("a.jsonl", b'{"text": "\xff"}', "UTF-8"),
        ("a.parquet", b"no table", "is not a Parquet file"),
        ("a.jsonl.gz", b"not compressed", "cannot be read"),
        ("a.csv", b"text\nx\n", r"allowed are \.txt"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RetortError, match=words):
        read(tmp_path / name)


def test_plain_text_has_no_other_format(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    assert read(tmp_path / "a.txt", format="text") == ["one"]
    with pytest.raises(InputError, match=r"is plain text and data\.format is messages"):
        read(tmp_path / "a.txt", format="messages")


@given(st.text(alphabet="ab \n\r\t\x0c\u2028", max_size=30))
def test_documents_read_line_by_line_are_those_between_blank_lines(text: str) -> None:
    """The definition, over the whole text at once, as against reading it in pieces."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.txt"
        file.write_bytes(text.encode())
        whole = file.read_text(encoding="utf-8")
        expected = [one.strip() for one in re.split(r"\n\s*\n", whole) if one.strip()]
        assert read(file) == expected


def test_the_checksum_is_the_files_own_unless_it_is_read_otherwise(tmp_path: Path) -> None:
    import hashlib

    file = lines(tmp_path / "a.jsonl", *ROWS)
    plain = data_checksum(str(file))
    assert plain == hashlib.sha256(file.read_bytes()).hexdigest()
    mapped = data_checksum(Corpus(str(file), Shape(columns={"text": "prompt"})))
    folder = data_checksum(str(tmp_path))
    lines(tmp_path / "b.jsonl", *ROWS)
    assert len({plain, mapped, folder, data_checksum(str(tmp_path))}) == 4


def test_a_recipe_stands_for_the_text_that_it_trains_on(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"q": "2+2=", "a": "4"})
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"teacher: t\nstudent: s\ndata:\n  train: {file}\n  validation: v.txt\n"
        "  columns: {prompt: q, completion: a}\n"
    )
    assert list(read_documents(corpus_of(str(recipe)))) == [Pair("2+2=", "4")]
    assert data_checksum(corpus_of(str(recipe))) == data_checksum(
        Corpus(str(file), Shape(columns={"prompt": "q", "completion": "a"}))
    )


def test_only_a_conversation_is_no_plain_text() -> None:
    """What a server, or a teacher without chat template, is given."""
    assert plain_text("a", 0) == "a" and plain_text(Pair("2+2=", "4"), 0) == "2+2=4"
    with pytest.raises(InputError, match="document 3 is a conversation"):
        plain_text(Chat((ASKED,)), 3)


def test_names_of_datasets() -> None:
    assert HubName.of("hf:owner/name") == HubName("owner/name", None, None)
    assert HubName.of("hf:owner/name:small@validation") == HubName("owner/name", "small", "validation")
    with pytest.raises(InputError, match="must look like hf:owner/name"):
        HubName.of("hf:@train")


class FakeDataset:
    """What hub.py uses of `datasets.Dataset`, over a table."""

    def __init__(self, table: pa.Table) -> None:
        self.table, self.features = table, table.schema

    @property
    def column_names(self) -> list[str]:
        return list(self.table.column_names)

    def select_columns(self, names: list[str]) -> FakeDataset:
        return FakeDataset(self.table.select(names))

    def with_format(self, kind: str) -> FakeDataset:
        assert kind == "arrow"
        return self

    def iter(self, batch_size: int) -> Any:
        return iter(self.table.to_batches(max_chunksize=batch_size))


def fake_library(monkeypatch: pytest.MonkeyPatch, load: Any, from_disk: Any = None) -> None:
    library = ModuleType("datasets")
    library.Dataset = FakeDataset  # type: ignore[attr-defined]
    library.load_dataset = load  # type: ignore[attr-defined]
    library.load_from_disk = from_disk  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)


def test_a_dataset_of_the_hub_is_loaded_by_its_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def load(name: str, config: str | None, *, split: str) -> FakeDataset:
        asked.append((name, config, split))
        if name == "owner/absent":
            raise FileNotFoundError("it is not there\nmore")
        return FakeDataset(pa.Table.from_pylist([{**one, "id": 1} for one in ROWS]))

    splits = {
        "train": FakeDataset(pa.Table.from_pylist(ROWS)),
        "rest": FakeDataset(pa.Table.from_pylist(ROWS[:1])),
    }
    fake_library(monkeypatch, load, lambda name: splits if "splits" in name else splits["train"])
    assert read("hf:owner/name:small@test") == PAIRS and asked == [("owner/name", "small", "test")]
    with pytest.raises(
        InputError, match=r"hf:owner/absent cannot be loaded .*FileNotFoundError: it is not there\)"
    ):
        read("hf:owner/absent")
    for name, file in (("splits", "dataset_dict.json"), ("one", "state.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("{}")
    assert read(f"hf:{tmp_path}/splits@rest") == PAIRS[:1] and read(f"hf:{tmp_path}/one") == PAIRS
    with pytest.raises(InputError, match="no split test; splits are train, rest"):
        read(f"hf:{tmp_path}/splits@test")
    with pytest.raises(InputError, match="holds one split alone; leave @rest out"):
        read(f"hf:{tmp_path}/one@rest")
    with pytest.raises(InputError, match="the datasets library saved; write hf:"):
        read(tmp_path / "one")
    assert data_checksum(f"hf:{tmp_path}/one") != data_checksum(f"hf:{tmp_path}/splits@rest")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"retort-lm\[data\]"):
        read("hf:owner/name")


def test_a_folder_that_the_real_library_saved(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the datasets library (extra: data) is not installed")
    made = datasets.Dataset.from_list([{"messages": [ASKED, TOLD], "id": number} for number in range(3)])
    made.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": made, "rest": made.select([0])}).save_to_disk(str(tmp_path / "splits"))
    chat = Chat((ASKED, TOLD))
    assert read(f"hf:{tmp_path}/one") == [chat] * 3
    assert read(f"hf:{tmp_path}/splits@rest") == [chat]
    assert data_checksum(f"hf:{tmp_path}/one") == data_checksum(f"hf:{tmp_path}/splits")
    made.to_parquet(str(tmp_path / "plain" / "train.parquet"))
    assert read(f"hf:{tmp_path}/plain") == [chat] * 3
