"""Plain text as packed rows, by a function that gives the token ids of documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retort.distill.data import Corpus, Record, plain_text
from retort.distill.data.records import Rendered
from retort.distill.data.rows import RowLayout, Rows, rows_of


def packed_rows(
    data: str,
    encode: Callable[[list[str]], list[list[int]]],
    end_id: int,
    length: int,
    *,
    tokens: int | None = None,
    whole_rows: bool,
    with_sources: bool = False,
) -> Rows:
    """The documents of `data`, each with the end token behind it, as rows of `length` tokens."""

    def render(records: Sequence[Record], numbers: Sequence[int]) -> list[Rendered]:
        texts = [plain_text(record, number) for number, record in zip(numbers, records, strict=True)]
        return [Rendered([*ids, end_id]) for ids in encode(texts)]

    layout = RowLayout(length, end_id, whole_rows=whole_rows)
    return rows_of(Corpus(data), render, layout, tokens=tokens, with_sources=with_sources)
