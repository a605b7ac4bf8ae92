"""What the docs and docstrings name is there: no page names a file that was renamed or removed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "tests", "benchmarks", "training", "docs", "frontend/src", ".ci")
OURS = [
    path.relative_to(ROOT).as_posix()
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
] + [
    path.relative_to(ROOT).as_posix()
    for folder in (ROOT, ROOT / "frontend")
    for path in folder.iterdir()
    if path.is_file()
]

# Named on purpose: files of engines and of other projects, and what users call their own.
OTHERS = re.compile(
    r"(vllm|sglang|srt|generation|google)/.*|FILE\.py|(tests/)?(test_)?sample_utils\.py|RESULTS\.md|hub\.py"
    r"|conversion/llama\.py|tools/server/README\.md|koboldcpp\.py"
)
NAME = re.compile(r"(?<![\w{}*<./-])((?:[\w-]+/)*[\w-]+\.(?:py|md))\b")


def missing_in(text: str) -> list[str]:
    """Files named in `text` that are neither here nor known to be somebody else's."""
    return [
        name
        for name in dict.fromkeys(NAME.findall(text))
        if not OTHERS.fullmatch(name) and not any(one == name or one.endswith(f"/{name}") for one in OURS)
    ]


def docstrings(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield ast.get_docstring(node) or ""


PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "LOG.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_files_that_exist(page: Path) -> None:
    assert missing_in(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("folder", ["src/retort", "tests"])
def test_docstrings_name_files_that_exist(folder: str) -> None:
    found = {
        str(file.relative_to(ROOT)): names
        for file in sorted((ROOT / folder).rglob("*.py"))
        if (names := missing_in("\n".join(docstrings(file.read_text(encoding="utf-8")))))
    }
    assert found == {}


def test_a_missing_file_is_noticed() -> None:
    assert missing_in("see `NOWHERE.md`, cli/nowhere.py, README.md and vllm/nowhere.py") == [
        "NOWHERE.md",
        "cli/nowhere.py",
    ]
