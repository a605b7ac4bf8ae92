"""How documents lie in rows: by hand, and what a model says of them there against what it says of each alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distill.data.chat_tokenizer import make_tokenizer
from distill.packing import packed_rows
from retort.distill import Recipe
from retort.distill.data import Chat, Corpus, Pair, Record, read_documents, share_of
from retort.distill.data.records import Rendered, Renderer
from retort.distill.data.rows import (
    OrderedRows,
    RowLayout,
    Rows,
    content_hash,
    load_texts,
    reading_order,
    rows_of,
    shares,
)
from retort.distill.measure import held_out_nll
from retort.distill.models import Teacher, need_separation
from retort.errors import CapabilityError, InputError, RetortError
from retort.sources.load import load
from tiny_models import ARCHITECTURES

END, VOCAB, OFF = 9, 40, -100


def render(records: Sequence[Record], numbers: Sequence[int]) -> list[Rendered]:
    """Digits are tokens; of a pair the completion is learned; an end behind each."""
    found = []
    for record in records:
        prompt, completion = (record.prompt, record.completion) if isinstance(record, Pair) else ("", record)
        ids = [int(one) for one in prompt + str(completion)] + [END]
        learned = [False] * len(prompt) + [True] * (len(ids) - len(prompt)) if prompt else None
        found.append(Rendered(ids, learned))
    return found


def rows(tmp_path: Path, records: list[Any], layout: RowLayout, **asked: Any) -> Rows:
    file = tmp_path / "data.jsonl"
    made = [
        {"text": one} if isinstance(one, str) else {"prompt": one[0], "completion": one[1]} for one in records
    ]
    file.write_text("".join(json.dumps(one) + "\n" for one in made))
    return rows_of(Corpus(str(file)), render, layout, **asked)


def test_a_document_a_row_is_padded_cut_and_counted(tmp_path: Path) -> None:
    found = rows(
        tmp_path, ["12", "345678", "", ("11111", "2"), ("34", "5")], RowLayout(5, END, packing=False), with_sources=True
    )  # fmt: skip
    # "" has an end token alone, which nothing predicts; of 11111 2 the row holds the prompt alone.
    assert (found.documents, found.truncated, found.dropped) == (5, 2, 2)
    assert found.ids.tolist() == [[1, 2, END, END, END], [3, 4, 5, 6, 7], [3, 4, 5, END, END]]
    assert found.labels.tolist() == [[1, 2, END, OFF, OFF], [3, 4, 5, 6, 7], [OFF, OFF, 5, END, OFF]]
    assert found.lengths is not None and found.lengths.tolist() == [3, 5, 4]
    assert found.sources is not None and found.sources[:, :, 0].tolist() == [
        [0, 0, 0, -1, -1], [1, 1, 1, 1, 1], [4, 4, 4, 4, -1],
    ]  # fmt: skip
    assert found.sources[2, :, 1].tolist() == [0, 1, 2, 3, -1] and set(found.contents or ()) == {
        0,
        1,
        2,
        3,
        4,
    }
    # Found in a cache by what the whole document is, not by what of it fits into the row.
    assert (found.contents or {})[1] == content_hash([3, 4, 5, 6, 7, 8, END])
    assert found.batch(slice(0, 2))["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert (found.num_targets, found.summary()["tokens"]) == (2 + 4 + 2, 12)


def test_a_document_of_which_only_the_first_token_would_be_learned_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo")
    learned = {"one": [True, False], "two": [False, True]}
    found = rows_of(
        Corpus(str(tmp_path / "a.txt")),
        lambda records, _: [Rendered([1, 2], learned[str(one)]) for one in records],
        RowLayout(4, END, packing=False),
    )
    assert found.dropped == 1 and found.labels.tolist() == [[OFF, 2]]


def test_a_limit_of_tokens_cuts_the_last_document(tmp_path: Path) -> None:
    found = rows(tmp_path, ["12", "345", "678"], RowLayout(5, END, packing=False), tokens=5)
    assert found.ids.tolist() == [[1, 2, END], [3, 4, END]] and found.lengths is not None
    assert found.labels.tolist() == [[1, 2, END], [3, 4, OFF]] and found.lengths.tolist() == [3, 2]


def test_prompts_in_packed_rows_are_masked_and_nothing_else_changes(tmp_path: Path) -> None:
    mixed = rows(tmp_path, ["12", ("34", "5"), "6"], RowLayout(3, END))
    plain = rows(tmp_path, ["12", "345", "6"], RowLayout(3, END))
    assert mixed.ids.tolist() == plain.ids.tolist() == [[1, 2, END], [3, 4, 5], [END, 6, END]]
    assert mixed.labels.tolist() == [[1, 2, END], [OFF, OFF, 5], [END, 6, END]]
    assert plain.labels is plain.ids or plain.labels.base is plain.ids.base  # one array, not two
    assert mixed.digest != plain.digest and mixed.num_targets == 5
    with pytest.raises(InputError, match="none of its 4 tokens counts for the loss"):
        rows(tmp_path, [("345", "")], RowLayout(2, END), tokens=3)


def test_separate_documents_begin_anew_and_nothing_says_their_first_token(tmp_path: Path) -> None:
    found = rows(
        tmp_path, ["12", "34567", "812"], RowLayout(4, END, separate=True, whole_rows=False), tokens=11
    )
    assert found.ids.tolist() == [[1, 2, END, 3], [4, 5, 6, 7], [END, 8, 1, END]]
    assert found.positions is not None
    assert found.positions.tolist() == [[0, 1, 2, 0], [0, 1, 2, 3], [0, 0, 1, 0]]
    assert found.labels.tolist() == [[OFF, 2, END, OFF], [OFF, 5, 6, 7], [OFF, OFF, 1, OFF]]
    assert found.digest != replace(found, positions=None).digest
    assert "attention_mask" not in found.batch([0])


def model_of(architecture: str) -> Any:
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(ARCHITECTURES[architecture](VOCAB), dtype=torch.float32).eval()


DOCUMENTS = ["1234", "567812", "31", "4455667", "88"]


@torch.no_grad()
def logits_by_document(model: Any, found: Rows, which: Any = slice(None)) -> dict[int, Tensor]:
    """`[tokens, vocab]` of each document, from rows in which none is cut."""
    inputs = found.batch(which)
    sources = inputs.pop("sources")[..., 0]
    inputs.pop("labels")
    logits = model(**inputs, use_cache=False).logits
    return {int(one): logits[sources == one] for one in sources.unique() if one >= 0}


SEPARATES = [name for name in ARCHITECTURES if name != "openai_gpt"]


@pytest.mark.parametrize("architecture", SEPARATES)
def test_a_document_is_read_alike_alone_padded_and_packed(architecture: str, tmp_path: Path) -> None:
    model = model_of(architecture)
    one_row = sum(len(one) + 1 for one in DOCUMENTS)
    alone = [
        logits_by_document(
            model, rows(tmp_path, [one], RowLayout(20, END, packing=False), with_sources=True)
        )[0]
        for one in DOCUMENTS
    ]
    padded = rows(tmp_path, DOCUMENTS, RowLayout(20, END, packing=False), with_sources=True)
    apart = rows(tmp_path, DOCUMENTS, RowLayout(one_row, END, separate=True), with_sources=True)
    together = rows(tmp_path, DOCUMENTS, RowLayout(one_row, END), with_sources=True)
    for found in (padded, apart):
        for number, logits in logits_by_document(model, found).items():
            torch.testing.assert_close(logits, alone[number], rtol=1e-4, atol=1e-4)
    # The wrong version, which is what plain packing is: neighbours are seen.
    assert not torch.allclose(logits_by_document(model, together)[3], alone[3], atol=1e-2)
    need_separation(model, "it")


class Deaf(nn.Module):
    """Takes position ids and ignores them, as a model does whose code knows nothing of packing."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def get_input_embeddings(self) -> Any:
        return self.model.get_input_embeddings()

    def forward(self, input_ids: Tensor, position_ids: Tensor | None = None, use_cache: bool = False) -> Any:
        return self.model(input_ids=input_ids, use_cache=use_cache)


class NoPositions(Deaf):
    def forward(self, input_ids: Tensor, use_cache: bool = False) -> Any:  # type: ignore[override]
        return self.model(input_ids=input_ids, use_cache=use_cache)


def test_a_model_that_would_see_neighbours_all_the_same_is_refused() -> None:
    with pytest.raises(CapabilityError, match="in the student a document still sees the one before it"):
        need_separation(Deaf(model_of("llama")), "the student")
    with pytest.raises(CapabilityError, match="it takes no position ids"):
        need_separation(NoPositions(model_of("llama")), "it")


@pytest.mark.parametrize("teacher", [False, True])
def test_held_out_loss_hangs_neither_on_padding_nor_on_the_batch(
    teacher: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [*DOCUMENTS, ("123", "45"), ("2", "345678123")]
    model: Any = Teacher([model_of("llama")], VOCAB, torch.float32) if teacher else model_of("llama")
    wide = rows(tmp_path, records, RowLayout(30, END, packing=False))
    expected = held_out_nll(model, wide)
    more = {
        name: np.pad(getattr(wide, name), ((0, 0), (0, 7)), constant_values=fill)
        for name, fill in (("ids", 5), ("labels", OFF))
    }
    assert held_out_nll(model, replace(wide, **more)) == pytest.approx(expected, abs=1e-6)
    monkeypatch.setattr("retort.distill.measure.MEASURED_ROWS", 2)
    assert held_out_nll(model, wide) == pytest.approx(expected, abs=1e-6)
    # Packed and kept apart, the same positions are predicted from the same tokens.
    size = int(wide.tokens_of_rows.sum())
    apart = rows(tmp_path, records, RowLayout(size, END, separate=True))
    assert apart.num_targets == wide.num_targets
    assert held_out_nll(model, apart) == pytest.approx(expected, abs=1e-5)
    # Masks count: with the prompts' tokens among the targets it is another number.
    unmasked = rows(tmp_path, [*DOCUMENTS, "12345", "2345678123"], RowLayout(30, END, packing=False))
    assert held_out_nll(model, unmasked) != pytest.approx(expected, abs=1e-3)


def test_a_micro_batch_is_as_wide_as_its_longest_document(tmp_path: Path) -> None:
    from torch.utils.data import DataLoader

    found = rows(tmp_path, ["12", "345678", "3", "45"], RowLayout(20, END, packing=False), with_sources=True)
    ordered = OrderedRows(found, 4, seed=0)
    ordered.order = np.arange(4)
    first, second = DataLoader(ordered, batch_size=2)
    assert first["input_ids"].shape == (2, 7) and second["input_ids"].tolist() == [[3, END, END], [4, 5, END]]
    assert second["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]] and second["sources"].shape == (
        2,
        3,
        2,
    )
    assert (ordered.tokens, ordered.targets) == (3 + 7 + 2 + 3, 2 + 6 + 1 + 2)
    twice = OrderedRows(found, 8, seed=0)
    assert (twice.tokens, twice.targets) == (2 * ordered.tokens, 2 * ordered.targets)


# Text to rows, and the order in which they are read.

DATA_END = 99


def encode(documents: list[str]) -> list[list[int]]:
    return [[ord(letter) - ord("a") for letter in document] for document in documents]


def labels_of(
    file: Path, length: int, tokens: int | None = None, *, whole_rows: bool = True
) -> list[list[int]]:
    return packed_rows(
        str(file), encode, DATA_END, length, tokens=tokens, whole_rows=whole_rows
    ).labels.tolist()


def test_documents_are_packed_with_the_end_token_between(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("abc\n\n \n\nde\n")
    assert list(read_documents(str(file))) == ["abc", "de"]
    assert labels_of(file, 3) == [[0, 1, 2], [DATA_END, 3, 4]]
    assert labels_of(file, 3, whole_rows=False) == [
        [0, 1, 2],
        [DATA_END, 3, 4],
    ]  # one token left over predicts nothing
    assert labels_of(file, 5, whole_rows=False) == [[0, 1, 2, DATA_END, 3], [4, DATA_END, -100, -100, -100]]
    assert labels_of(file, 2, tokens=4) == [[0, 1], [2, DATA_END]]


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

    packed_rows(str(file), counting, DATA_END, 10, tokens=30, whole_rows=True)
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
        Rows(np.array(ids), np.array(ids)) for ids in ([[1, 2], [3, 4]], [[1, 2], [3, 4]], [[1, 2], [4, 3]])
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
        packed_rows(path, encode, DATA_END, 8, tokens=None, whole_rows=True)


# Held-out text kept from the training text: nothing that is asked stands on both sides.


def recipe(train: Path, **data: Any) -> Recipe:
    return Recipe.from_dict(
        {
            "teacher": "t", "student": "s", "data": {"train": str(train), "packing": False, **data},
            "sequence_length": 40, "targets": "cache",
        }
    )  # fmt: skip


def questions(rows: Any) -> set[str]:
    tokenizer = make_tokenizer()
    return {"".join(tokenizer.convert_ids_to_tokens(row)).split("=")[0] for row in rows.ids.tolist()}


def test_parts_share_no_question_and_leave_nothing_out(tmp_path: Path) -> None:
    file = tmp_path / "sums.jsonl"
    # Every question three times, with other answers.
    records = [{"prompt": f"{n}=", "completion": f"{answer}"} for answer in range(3) for n in range(300)]
    file.write_text("".join(json.dumps(one) + "\n" for one in records))
    texts = load_texts(recipe(file, validation=0.1, test=0.2), make_tokenizer(), 0)
    parts = [questions(one) for one in (texts.train, texts.validation, texts.test)]
    assert sum(len(one) for one in parts) == len(set().union(*parts)) == 300
    assert 10 < len(parts[1]) < 55 and 35 < len(parts[2]) < 90
    assert [one.documents for one in (texts.train, texts.validation) if one] == [
        3 * len(one) for one in parts[:2]
    ]
    # A cache is asked for documents by their number in the whole text.
    numbers = {int(one) for one in texts.train.sources[:, 0, 0]}
    assert len(numbers) == texts.train.documents and max(numbers) > 800
    # Another order of the file, the same sides.
    file.write_text("".join(json.dumps(one) + "\n" for one in records[::-1]))
    again = load_texts(recipe(file, validation=0.1, test=0.2), make_tokenizer(), 0)
    assert questions(again.validation) == parts[1]


def test_what_is_asked_decides() -> None:
    ask, tell = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    assert share_of(Pair("a", "b")) == share_of(Pair("a", "c")) != share_of(Pair("b", "b"))
    assert share_of(Chat((ask, tell))) == share_of(Chat((ask, {**tell, "content": "c"}), asked=1))
    assert share_of(Chat((ask, tell))) == share_of(Chat((ask, tell, ask, tell)))
    assert share_of("a") != share_of("b") and 0 <= share_of("a") < 1


def test_shares_are_checked() -> None:
    data = {"train": "a.txt", "validation": 0.5, "test": "b.txt"}
    assert shares(recipe(Path("a"), validation=0.25, test=0.25).data) == {
        "validation": (0, 0.25), "test": (0.25, 0.5), "train": (0.5, 1),
    }  # fmt: skip
    assert "test" not in shares(Recipe.from_dict({"teacher": "t", "student": "s", "data": data}).data)
    for wrong in (
        {"validation": 1.5},
        {"validation": 0},
        {"validation": 0.5, "test": 0.5},
        {"validation": True},
    ):
        with pytest.raises(InputError, match=r"data\.validation (is|and data\.test are)"):
            recipe(Path("a"), **wrong)
    with pytest.raises(InputError, match="must be measured on a text that it did not write"):
        Recipe.from_dict(
            {
                "teacher": "t", "student": "s", "output": "o",
                "data": {"train": {"from_teacher": "a.txt", "max_tokens": 3}, "validation": 0.1},
            }
        )  # fmt: skip
