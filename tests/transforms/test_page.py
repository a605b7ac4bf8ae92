"""docs/transforms.md has an entry for every transform, in the table's order, with its range and its other names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retort.transforms import TRANSFORMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "transforms.md"
ENTRIES = dict(
    re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
)


def test_the_entries_are_the_table() -> None:
    assert list(ENTRIES) == list(TRANSFORMS)


@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_an_entry_says_what_the_table_says(name: str) -> None:
    row = TRANSFORMS[name]
    entry = " ".join(ENTRIES[name].split())
    for said in (row.main.allowed, "Source:", "**For:**", "**Not for:**", *(f"`{a}`" for a in row.aliases)):
        assert said in entry, said
    assert "Range" in entry and re.search(r"\d{4}|OpenAI|transformers|vLLM", entry)
