"""A recipe's texts in rows: what it trains on, and what its students are measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.distill.data import Corpus, Layout, Renderer, Rows, rows_of, share_of
from retort.distill.recipe import Recipe
from retort.distill.recipe_data import Data


@dataclass(frozen=True)
class Texts:
    """The rows to train on, those for the curves, and those for the final numbers (None: no such text)."""

    train: Rows
    validation: Rows
    test: Rows | None

    def summary(self) -> dict[str, dict[str, int]]:
        """Of each text its documents, rows, tokens and targets, and how many documents were cut short or left out."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: rows.summary() for name, rows in named.items() if rows is not None}


def load_texts(recipe: Recipe, tokenizer: Any, end_id: int, written: Path | None = None) -> Texts:
    """The texts of `recipe` in rows; `end_id` ends a document and fills what is left of a row.

    `written`: the file to train on where `data.train` is one that the teacher wrote.

    Training text knows of each token where it is from if targets are taken from a cache. Raises InputError for texts
    that cannot be read, or that fill no row.
    """
    data = recipe.data
    render, shape = Renderer(tokenizer, end_id, data.completions_only), data.shape
    parts = shares(data)

    def rows(part: str, tokens: int | None) -> Rows:
        train, given = part == "train", getattr(data, part)
        path = data.train if isinstance(given, float) else given
        low, high = parts.get(part, (0.0, 1.0))
        return rows_of(
            Corpus(path, shape) if isinstance(path, str) else Corpus(str(written)),
            render,
            Layout(recipe.sequence_length, end_id, data.packing, data.separate_documents, whole_rows=train),
            tokens=tokens,
            with_sources=train and recipe.targets is not None,
            keep=(lambda record: low <= share_of(record) < high) if part in parts else None,
        )

    return Texts(
        train=rows("train", data.tokens),
        validation=rows("validation", data.validation_tokens),
        test=None if data.test is None else rows("test", data.test_tokens),
    )


def shares(data: Data) -> dict[str, tuple[float, float]]:
    """Which part of [0, 1) each text takes of the training text: held-out ones from 0, one behind the other.

    A text of its own is not in it; nor is the training text where nothing is taken from it.
    """
    found: dict[str, tuple[float, float]] = {}
    end = 0.0
    for part in ("validation", "test"):
        share = getattr(data, part)
        if isinstance(share, float):
            found[part] = (end, end + share)
            end += share
    return found | {"train": (end, 1.0)} if found else {}
