"""`retort path`: its drawings, its formats, its conditions, and the page in the browser."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

from retort.cli.path_drawing import bands_text, column_owners
from retort.report.story import PathFound
from retort.sampling.path import Leaf, TemperaturePath

ASKED = (
    "path",
    "embedded:english",
    "the sky is",
    "--seed",
    "2",
    "--max-tokens",
    "8",
    "--temperatures",
    "0:1:5",
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def leaf(low: float, high: float, text: str) -> Leaf:
    return Leaf(low, high, (low,), text, tuple(map(ord, text)), "length", -1.0)


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
    assert [one["text"] for one in data["path"]["path"]["leaves"]][
        -1
    ] == "the pilots have a new business models"


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


@pytest.mark.parametrize(("condition", "code"), [("texts > 4", 1), ("texts > 5", 0), ("width < 0.01", 1)])
def test_fail_if(run, condition, code) -> None:
    assert run(*ASKED, "--json", "--fail-if", condition).exit_code == code
    assert "can be asked of texts" in run(*ASKED, "--fail-if", "warmth > 1").stderr


def test_columns_belong_to_texts_and_a_narrow_one_gets_one_where_there_is_room() -> None:
    leaves = (leaf(0, 0.01, "a"), leaf(0.4, 1, "b"))
    assert column_owners(leaves, 10) == [1, None, None, None, *[2] * 6]
    crowded = (leaf(0, 0.96, "a"), leaf(0.97, 0.98, "b"), leaf(0.99, 1, "c"))
    assert column_owners(crowded, 4) == [1, 1, 1, 2]  # two texts within one column: the first has it


def test_wide_characters_do_not_move_the_bands() -> None:
    leaves = (leaf(0, 0.5, "日本"), leaf(0.5, 1, "日x"))
    found = PathFound("m", None, "p", 0, 2, (("日", "本"), ("日", "x")), TemperaturePath(leaves, 1, 1))
    _, first, second, axis = bands_text(found, 24).plain.splitlines()
    assert (first.rstrip(), second.rstrip()) == ("  1 │日", "  2 │本       │x")
    assert axis.strip().startswith("0") and axis.endswith("1")


def test_stdin_is_a_prompt(run_json) -> None:
    from click.testing import CliRunner

    from retort.cli.main import main

    arguments = ["-" if one == "the sky is" else one for one in ASKED]
    piped = CliRunner().invoke(main, [*arguments, "--json"], input="the sky is\n")
    assert json.loads(piped.stdout) == run_json(*ASKED)
