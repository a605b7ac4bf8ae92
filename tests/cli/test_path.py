"""`retort path`: its drawings, its formats, its conditions, and the page in the browser."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

ASKED = (
    "path",
    "embedded:english",
    "the sky is",
    "--seed",
    "2",
    "--max-tokens",
    "8",
    "--temperature",
    "0:1:5",
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_tree_is_in_the_document_and_spells_its_texts(run_json) -> None:
    document = run_json(*ASKED)

    def spelled(branches, before):
        for branch in branches:
            assert branch["temperature_low"] <= branch["temperature_high"]
            tokens = [*before, *branch["tokens"]]
            if branch["leaf"] is None:
                yield from spelled(branch["branches"], tokens)
            else:
                yield branch["leaf"], [token for token in tokens if token != "</s>"]

    texts = dict(spelled(document["tree"], []))
    assert [" ".join(texts[place]) for place in range(len(texts))] == [
        one["text"] for one in document["leaves"]
    ]
    assert (document["messages"], document["rendered"]) == (None, None)


@pytest.mark.parametrize("view", ["table", "tree", "bands"])
def test_a_view_is_shown_alone_and_all_of_them_by_default(run, view) -> None:
    signs = {"table": "logprob, raw", "tree": "└ pilots", "bands": "│first"}
    alone, everything = run(*ASKED, "--view", view).stdout, run(*ASKED).stdout
    for name, sign in signs.items():
        assert (sign in alone) == (name == view)
        assert sign in everything


def test_the_stages_of_a_chain_are_named_with_whether_they_apply(run, run_json) -> None:
    asked = (*ASKED, "--chain", "temperature=0.8 | top_k=50")
    told = run_json(*asked)["stages"]
    assert [(one["stage"], one["applies"]) for one in told] == [
        ("temperature=0.8", False),
        ("top_k=50", True),
    ]
    for style in ("terminal", "markdown"):
        text = run(*asked, "--format", style).stdout.replace("\\", "")
        assert f"Stage 1, temperature=0.8, does not apply: {told[0]['why']}." in text
        assert f"Stage 2, top_k=50, applies: {told[1]['why']}." in text
    page = run(*asked, "--format", "html").stdout
    data = json.loads(page.split('id="retort-data">')[1].split("</script>")[0])
    assert data["path"]["stages"] == told
    assert run_json(*ASKED)["stages"] == []


def test_markdown_keeps_the_drawings_as_they_are(run) -> None:
    text = run(*ASKED, "--format", "markdown").stdout
    assert text.count("```text\n") == 2 and "| 0.7207 | 0.7806 | the pilots | end |" in text
    assert "\n  2 │          │first" in text


def test_the_html_is_the_page_with_its_path_view(run, here) -> None:
    assert run(*ASKED, "-o", "path.html").exit_code == 0
    text = Path("path.html").read_text(encoding="utf-8")
    data = json.loads(text.split('id="retort-data">')[1].split("</script>")[0])
    assert list(data) == ["version", "title", "path"]
    assert [one["text"] for one in data["path"]["leaves"]][-1] == "the pilots have a new business models"


def test_open_shows_the_page_beside_what_is_written(run, here, monkeypatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    result = run(*ASKED, "--open", "--json")
    assert (result.exit_code, result.stderr) == (0, "") and json.loads(result.stdout)["seed"] == 2
    assert run(*ASKED, "--open", "-o", "kept.html").exit_code == 0
    files = [Path(url2pathname(urlparse(address).path)) for address in opened]
    assert files[1] == Path("kept.html").resolve()
    assert all("retort-data" in file.read_text(encoding="utf-8") for file in files)


def test_open_without_a_browser_says_where_the_page_is(run, here, monkeypatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    result = run(*ASKED, "--open", "-o", "kept.html")
    assert result.exit_code == 0 and "no browser could be opened; the page is kept.html" in result.stderr


@pytest.mark.parametrize(("condition", "code"), [("texts > 4", 3), ("texts > 5", 0), ("width < 0.01", 3)])
def test_fail_if(run, condition, code) -> None:
    assert run(*ASKED, "--json", "--fail-if", condition).exit_code == code
    assert "can be asked of texts" in run(*ASKED, "--fail-if", "warmth > 1").stderr


def test_stdin_is_a_prompt(run_json) -> None:
    from click.testing import CliRunner

    from retort.cli.main import main

    arguments = ["-" if one == "the sky is" else one for one in ASKED]
    piped = CliRunner().invoke(main, [*arguments, "--json"], input="the sky is\n")
    assert json.loads(piped.stdout) == run_json(*ASKED)
