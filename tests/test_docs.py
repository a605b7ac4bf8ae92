"""The docs are true: examples run, what they print is what they say, links lead somewhere, generated pages are fresh.

In README.md and docs/: ` ```python ` blocks are run, one page in one namespace; a ` ```text ` block right below one is
what it prints. In ` ```console ` blocks every line `$ retort …` is run; if output stands below it, it is compared.
In both `...` stands for anything, and spaces and line breaks count as one. Blocks run in a folder that has sky.json and
docs/examples/. One below the line `<!-- neural -->` needs torch and `embedded:base`; it is skipped where that model has
not been made yet. (A mark on the fence itself would be no fence for the site.)
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import shlex
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from retort.cli.main import main
from retort.cli.reference import reference
from retort.sources.embedded import MODELS_FOLDER

ROOT = Path(__file__).resolve().parent.parent
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page.is_file()]
NEURAL_PAGES = [page for page in PAGES if "<!-- neural -->\n" in page.read_text(encoding="utf-8")]
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SKY = {
    "tokens": ["blue", "cloudy", "clear", "dark", "green", "cheese"],
    "logits": [15.2, 10.1, 8.4, 6.2, 2.1, -4.8],
}


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, the line it begins on, and what it prints (python with text below)."""

    language: str
    text: str
    line: int
    neural: bool = False
    printed: str | None = None


FENCE = re.compile(
    r"^(?P<marks><!-- neural -->\n)?```(?P<language>\S*)\n(?P<text>.*?)^```[ ]*$"
    r"(?:\n+```text\n(?P<printed>.*?)^```[ ]*$)?",
    re.MULTILINE | re.DOTALL,
)


def blocks(markdown: str, language: str) -> list[Block]:
    """The fenced blocks of one language."""
    found = []
    for match in FENCE.finditer(markdown):
        if match["language"] == language:
            line = markdown.count("\n", 0, match.start()) + 1
            found.append(Block(language, match["text"], line, match["marks"] is not None, match["printed"]))
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


def run_python(page_blocks: list[Block]) -> list[str]:
    """Runs these blocks one after another in one namespace; says which print something else than the page says."""
    problems = []
    namespace: dict[str, object] = {"__name__": "docs"}
    for block in page_blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.text, f"docs, line {block.line}", "exec"), namespace)
        expected = block.printed
        if expected is not None and not doctest.OutputChecker().check_output(
            expected, printed.getvalue(), LOOSE
        ):
            problems.append(f"line {block.line}, expected:\n{expected}\ngot:\n{printed.getvalue()}")
    return problems


def dead_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    return [link for link in targets if "://" not in link and not (page.parent / link).exists()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, with the sky.json that the pages tell the reader to make, and the examples that ship."""
    (tmp_path / "sky.json").write_text(json.dumps(SKY))
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_console_examples(page: Path, folder: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "console"):
        if not block.neural:
            assert run_console(block.text) == [], f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples(page: Path, folder: Path) -> None:
    plain = [block for block in blocks(page.read_text(encoding="utf-8"), "python") if not block.neural]
    assert run_python(plain) == [], page.name


@pytest.mark.parametrize("page", NEURAL_PAGES, ids=lambda page: page.name)
def test_neural_examples(page: Path, folder: Path) -> None:
    if not (MODELS_FOLDER / "base" / "retort.json").is_file():
        pytest.skip("embedded:base has not been made yet: make models")
    markdown = page.read_text(encoding="utf-8")
    for block in blocks(markdown, "console"):
        if block.neural:
            assert run_console(block.text) == [], f"{page.name}:{block.line}"
    assert run_python([block for block in blocks(markdown, "python") if block.neural]) == [], page.name


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
    assert "docs/examples" in run_console("$ retort look logits:docs/examples/sky.json x\nno\n")[0]
    assert "use ```sh" in run_console("$ make run\n")[0]
    first, second = Block("python", "a = 1", 1), Block("python", "print(a + 1)", 2, printed="2\n")
    assert run_python([first, second]) == []
    assert "got:\n2" in run_python([first, replace(second, printed="3\n")])[0]
    with pytest.raises(AssertionError):
        run_python([Block("python", "assert 1 == 2", 1)])
    page = folder / "page.md"
    page.write_text("[here](sky.json) [web](https://example.org) [gone](none.md#part)")
    assert dead_links(page) == ["none.md"]
    assert blocks("a\n```python\nx\n```\n```sh\ny\n```\n", "python") == [Block("python", "x\n", 2)]
    page_text = "<!-- neural -->\n```console\n$ x\n```\n```python\nx\n```\n\n```text\n2\n```\n"
    assert blocks(page_text, "console") == [Block("console", "$ x\n", 1, neural=True)]
    assert blocks(page_text, "python") == [Block("python", "x\n", 5, printed="2\n")]
