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

from retort.distill.data import Corpus, Record
from retort.distill.data.records import Pair
from retort.distill.data.rendering import Rendered
from retort.distill.data.rows import OrderedRows, RowLayout, Rows, content_hash, rows_of
from retort.distill.measure import held_out_nll
from retort.distill.models import Teacher, need_separation
from retort.errors import CapabilityError, InputError
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
