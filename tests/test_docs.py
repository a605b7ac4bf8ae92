"""The docs are true: examples run, what they print is what they say, links lead somewhere, generated pages are fresh.

In README.md and docs/: ` ```python ` blocks are run, one page in one namespace. In ` ```console ` blocks every line
`$ retort …` is run; if output stands below it, it is compared (`...` stands for anything, spaces count as one).
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from retort.cli.main import main
from retort.cli.reference import reference

ROOT = Path(__file__).resolve().parent.parent
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page.is_file()]
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SKY = {
    "tokens": ["blue", "cloudy", "clear", "dark", "green", "cheese"],
    "logits": [15.2, 10.1, 8.4, 6.2, 2.1, -4.8],
}


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line it begins on."""

    language: str
    text: str
    line: int


def blocks(markdown: str, language: str) -> list[Block]:
    """The fenced blocks of one language."""
    found = []
    for match in re.finditer(r"^```(\S*)[^\n]*\n(.*?)^```\s*$", markdown, re.MULTILINE | re.DOTALL):
        if match[1] == language:
            found.append(Block(language, match[2], markdown.count("\n", 0, match.start()) + 1))
    return found


def run_console(text: str) -> list[str]:
    """What is wrong with a console block: commands that fail, and output that differs."""
    problems = []
    for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        typed, _, expected = session.partition("\n")
        program, *arguments = shlex.split(typed, comments=True)
        if program != "retort":
            problems.append(f"only retort is run in a console block, not {program}: use ```sh")
            continue
        result = CliRunner().invoke(main, arguments)
        if result.exit_code != 0:
            problems.append(f"$ {typed}\nexit {result.exit_code}: {result.output}")
        elif expected.strip() and not doctest.OutputChecker().check_output(expected, result.stdout, LOOSE):
            problems.append(f"$ {typed}\nexpected:\n{expected}\ngot:\n{result.stdout}")
    return problems


def run_python(sources: list[str]) -> str:
    """Runs these blocks one after another in one namespace; gives what they print."""
    namespace: dict[str, object] = {"__name__": "docs"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for source in sources:
            exec(compile(source, "docs", "exec"), namespace)
    return printed.getvalue()


def dead_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    return [link for link in targets if "://" not in link and not (page.parent / link).exists()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, with the sky.json that the pages tell the reader to make."""
    (tmp_path / "sky.json").write_text(json.dumps(SKY))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_console_examples(page: Path, folder: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "console"):
        assert run_console(block.text) == [], f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples(page: Path, folder: Path) -> None:
    run_python([block.text for block in blocks(page.read_text(encoding="utf-8"), "python")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_the_page_of_the_command_line_is_fresh() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "docs/cli.md is stale: run `make docs`"


def test_these_checks_can_fail(folder: Path) -> None:
    assert run_console("$ retort look logits:sky.json x --temperature 1\n... 99.27% ...\n") == []
    assert "got:" in run_console("$ retort look logits:sky.json x --temperature 1\n98.00%\n")[0]
    assert "exit 2" in run_console("$ retort look logits:none.json x\n")[0]
    assert "use ```sh" in run_console("$ make run\n")[0]
    assert run_python(["a = 1", "print(a + 1)"]) == "2\n"
    with pytest.raises(AssertionError):
        run_python(["assert 1 == 2"])
    page = folder / "page.md"
    page.write_text("[here](sky.json) [web](https://example.org) [gone](none.md#part)")
    assert dead_links(page) == ["none.md"]
    assert [(b.text, b.line) for b in blocks("a\n```python\nx\n```\n```sh\ny\n```\n", "python")] == [
        ("x\n", 2)
    ]
