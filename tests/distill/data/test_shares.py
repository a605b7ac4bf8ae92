"""Held-out text kept from the training text: nothing that is asked stands on both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill.data.chat_tokenizer import make_tokenizer
from retort.distill import Recipe
from retort.distill.data import Chat, Pair, share_of
from retort.distill.data.rows import load_texts, shares
from retort.errors import InputError


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
