"""A recipe's texts in rows: what it trains on, and what its students are measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort.distill.data import Corpus, Layout, Renderer, Rows, rows_of
from retort.distill.recipe import Recipe


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
    render = Renderer(tokenizer, end_id, data.completions_only)
    shape = data.shape

    def rows(text: str | Corpus, tokens: int | None, *, whole_rows: bool, with_sources: bool = False) -> Rows:
        corpus = Corpus(text, shape) if isinstance(text, str) else text
        layout = Layout(recipe.sequence_length, end_id, data.packing, data.separate_documents, whole_rows)
        return rows_of(corpus, render, layout, tokens=tokens, with_sources=with_sources)

    train = data.train if isinstance(data.train, str) else Corpus(str(written))
    return Texts(
        train=rows(train, data.tokens, whole_rows=True, with_sources=recipe.targets is not None),
        validation=rows(data.validation, data.validation_tokens, whole_rows=False),
        test=None if data.test is None else rows(data.test, data.test_tokens, whole_rows=False),
    )
