"""The page's "?" texts are those of docs/glossary.md."""

from __future__ import annotations

import importlib.util
from pathlib import Path

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"


def test_the_page_has_the_glossary_of_the_docs() -> None:
    spec = importlib.util.spec_from_file_location("glossary", FRONTEND / "glossary.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (FRONTEND / "src" / "glossary.json").read_text(encoding="utf-8") == module.written(), (
        "frontend/src/glossary.json is stale: run python frontend/glossary.py, then npm run build"
    )
    terms = module.glossary((FRONTEND.parent / "docs" / "glossary.md").read_text(encoding="utf-8"))
    assert {"entropy", "raw", "processed", "margin", "kept-mass", "leakage"} <= set(terms)
    assert not any("](" in entry["text"] or "`" in entry["text"] for entry in terms.values())
