"""docs/glossary.md as src/glossary.json, for the "?" beside every number of the page: each term has one home.

`python frontend/glossary.py` writes it; a test compares (tests/studio/test_glossary.py).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "docs" / "glossary.md"
FILE = HERE / "src" / "glossary.json"
ENTRY = re.compile(
    r"^(?P<term>[^\n:#]+?) \{#(?P<id>[\w-]+)\}\n: (?P<text>.+?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL
)


def glossary(markdown: str) -> dict[str, dict[str, str]]:
    """By id: the term and its plain text, without links, stars and back quotes."""
    found = {}
    for entry in ENTRY.finditer(markdown):
        text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(entry["text"].split()))
        found[entry["id"]] = {"term": entry["term"], "text": re.sub(r"[*`]", "", text)}
    return found


def written() -> str:
    """The file as it must be."""
    return json.dumps(glossary(SOURCE.read_text(encoding="utf-8")), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
