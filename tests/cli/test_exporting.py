"""`--format`, `-o` and `--fail-if`: the same finding as a table, Markdown, HTML and JSON, and as an exit code."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from retort.blocks import line, markdown
from retort.cli.exporting import Condition
from retort.cli.main import main
from retort.distribution import Interval
from retort.errors import CapabilityError, InputError


class Checker(HTMLParser):
    """Every element that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


ASKED = ("look", "logits:sky.json", "x", "--temperature", "1,2", "--chain", "top_p=0.9")


def test_markdown_holds_the_table_and_escapes_tokens(run, sky, tmp_path) -> None:
    Path("odd.json").write_text(json.dumps({"tokens": ["a|b", "*c*", "<d>"], "logits": [2, 1, 0]}))
    text = run(*ASKED, "--format", "markdown").stdout
    assert "| 'blue' | 15.20 |" in text and "| --- | ---: |" in text and "**Chain: top\\_p=0.9**" in text
    odd = run("look", "logits:odd.json", "x", "--format", "markdown").stdout
    rows = [line for line in odd.splitlines() if line.startswith("| 'a")]
    assert rows[0].startswith("| 'a\\|b' |") and "'\\*c\\*'" in odd and "'\\<d\\>'" in odd


def test_html_is_whole_and_escapes_tokens(run, sky, tmp_path) -> None:
    Path("odd.json").write_text(json.dumps({"tokens": ["<script>", "b"], "logits": [2, 1]}))
    text = run("look", "logits:odd.json", "x", "--format", "html").stdout
    assert "&lt;script&gt;" in text and "<script>" not in text
    assert text.startswith("<!doctype html>") and Checker(text).open == []


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.md", "**logits"), ("a.html", "<!doctype html>"), ("a.json", "{"), ("a.txt", "logits")],
)
def test_the_ending_of_the_file_says_the_format(run, sky, name, begins) -> None:
    result = run(*ASKED, "-o", name)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"Written: {name}\n")
    assert Path(name).read_text().startswith(begins)
    assert run(*ASKED, "--format", "json", "-o", name).exit_code == 0
    assert json.loads(Path(name).read_text())["margin"] == pytest.approx(5.1)


def test_json_twice_and_a_place_that_cannot_be_written(run, sky) -> None:
    assert "cannot be combined" in run(*ASKED, "--json", "--format", "html").stderr
    result = run(*ASKED, "-o", "no/such/folder/a.md")
    assert result.exit_code == 2 and "cannot be written" in result.stderr


@pytest.mark.parametrize(
    ("condition", "code"),
    [("entropy > 0.4", 3), ("entropy > 3", 0), ("margin < 6", 3), ("kept == 1", 3), ("top_prob<0.5", 0)],
)
def test_fail_if_sets_the_exit_code_and_says_why(run, sky, condition, code) -> None:
    result = run(*ASKED, "--json", "--fail-if", condition)
    assert result.exit_code == code
    assert json.loads(result.stdout)["known"] == "full"  # the document is there either way
    assert ("holds" in result.stderr) == bool(code)


def test_fail_if_of_nothing_known_is_a_mistake(run, sky) -> None:
    for condition, said in (("warmth > 1", "can be asked of entropy"), ("entropy", "name > number")):
        result = run(*ASKED, "--fail-if", condition)
        assert result.exit_code == 2 and said in result.stderr


def test_trace_and_compare_on_the_command_line(run, run_json) -> None:
    document = run_json("trace", "embedded:english", "the sky is", "--text", " blue", "--chain", "top_k=1")
    (token,) = document["tokens"]
    assert (token["token"].strip(), token["rank"], document["totals"]["tokens"]) == ("blue", 1, 1)
    shown = run(
        "trace", "embedded:english", "the sky is", "--max-tokens", "3", "--chain", "temperature=1 | top_k=2"
    )
    assert (shown.exit_code, shown.stderr) == (0, "")
    for said in ("removed by", "flip risk", "perplexity", "Colour"):
        assert said in shown.stdout
    both = ("compare", "embedded:english", "the sky is", "--chain", "top_k=2", "--chain", "top_k=3")
    document = run_json(*both)
    assert document["chain_b"] == "top_k=3"
    assert document["positions"][-1]["kl_ba"] is None  # infinite: top_k=2 removes what top_k=3 keeps
    assert document["positions"][-1]["kl_ab"] > 0
    assert "On embedded:english: A is top_k=2, B is top_k=3" in run(*both).stdout
    assert run(*both, "--fail-if", "total_variation > 0").exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "embedded:english"], "give MODEL_A, MODEL_B and PROMPTS"),
        (
            ["compare", "embedded:english", "--chain", "top_k=1", "--chain", "top_k=2"],
            "give MODEL and PROMPTS",
        ),
        (["compare", "a", "b", *["--chain", "top_k=1"] * 3], "once or twice"),
        (["compare", "embedded:english", "embedded:english", ""], "the prompt is empty"),
        (
            ["trace", "embedded:english", "the sky is", "--text", " blue", "--max-tokens", "3"],
            "give one of them",
        ),
        (["trace", "embedded:english", "the sky is", "--text", ""], "the text is empty"),
    ],
)
def test_mistakes_are_one_line(run, arguments, said) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert said in result.stderr


def test_prompts_from_a_file(run_json, tmp_path) -> None:
    (tmp_path / "texts.txt").write_text("the sky is\n\nonce in a\n")
    document = run_json("compare", "embedded:english", "embedded:english", str(tmp_path / "texts.txt"))
    assert document["prompts"] == ["the sky is", "once in a"]
    assert document["totals"]["total_variation"] == 0


def test_similar_words_and_classes(run, run_json, tmp_path) -> None:
    document = run_json(
        "similar", "embedded:english", "red", "blue", "run", "--template", "the {}", "--temperature", "1,4"
    )
    assert document["words"] == ["red", "blue", "run"]
    assert [at["temperature"] for at in document["by_temperature"]] == [1, 4]
    assert len(document["merges"]) == 2
    path = tmp_path / "classes.json"
    path.write_text(json.dumps({"classes": ["cat", "dog"], "logits": [[3, 1], [1, 3]]}))
    shown = run("similar", "--classes", str(path))
    assert (shown.exit_code, shown.stderr) == (0, "")
    for said in ("the classes of", "Clusters, nearest first", "cat  +  dog"):
        assert said in shown.stdout
    assert run("similar", "--classes", str(path), "--fail-if", "nearest < 0.5").exit_code == 3
    assert "two WORDS" in run("similar", "embedded:english", "red").stderr
    assert "has its own names" in run("similar", "embedded:english", "--classes", str(path)).stderr


def test_near_ties_are_named_on_screen_and_in_the_document(run, run_json, tmp_path) -> None:
    path = tmp_path / "tie.json"
    path.write_text(json.dumps({"tokens": ["a", "b", "c"], "logits": [3, 2.99995, 1]}))
    asked = ("look", f"logits:{path}", "x", "--temperature", "1")
    assert "Near tie: 'b' 5e-5 below (chance 30.85%)" in run(*asked).stdout
    document = run_json(*asked)
    assert document["near_tie"] is True and [tie["token"] for tie in document["near_ties"]] == ["b"]
    assert run(*asked, "--fail-if", "near_ties > 0").exit_code == 3
    path.write_text(json.dumps({"tokens": ["a", "b"], "logits": [3, 2]}))
    assert "Near tie" not in run(*asked).stdout
    assert (run_json(*asked)["near_tie"], run_json(*asked)["near_ties"]) == (False, [])


def test_compare_is_replayed_from_a_file_for_each_model(run_json, tmp_path, monkeypatch) -> None:
    """Both over every position, the texts from a file and then from stdin."""
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("a pear is\nthe sky\n")
    first = run_json(
        "compare", "embedded:small", "embedded:small-distilled", "texts.txt", "--save", "said.jsonl"
    )
    asked = ("compare", "recorded:said.jsonl", "recorded:said.b.jsonl", "-", "--json")
    again = json.loads(CliRunner().invoke(main, asked, input="a pear is\n\nthe sky\n").stdout)
    assert {key for key in first if first[key] != again[key]} == {"model_a", "model_b"}
    two_chains = ("compare", "embedded:small", "texts.txt", "--chain", "top_k=2", "--chain", "top_k=3")
    run_json(*two_chains, "--save", "one.jsonl")
    assert Path("one.jsonl").exists() and not Path("one.b.jsonl").exists()


def test_similar_is_replayed_and_takes_words_from_stdin(run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = run_json(
        "similar", "embedded:english", "red", "blue", "--template", "the {}", "--save", "s.jsonl"
    )
    asked = ("similar", "recorded:s.jsonl", "-", "--template", "the {}", "--json")
    again = json.loads(CliRunner().invoke(main, asked, input="red\nblue\n").stdout)
    assert {key for key in first if first[key] != again[key]} == {"model"}
    assert (
        "without MODEL, WORDS, --template and --save"
        in run("similar", "--classes", "x.json", "--save", "s.jsonl").stderr
    )


def test_markdown_shows_signs_as_they_are() -> None:
    texts = ("    - a", "1. b", "+ c", "&amp; ~~d~~ $e$ <f>", "3.5 nats", "g")
    assert markdown(map(line, texts)).split("\n\n") == [
        r"\- a", r"1\. b", r"\+ c", r"\&amp; \~\~d\~\~ \$e\$ \<f\>", r"3\.5 nats", "g\n",
    ]  # fmt: skip


def test_an_unknown_ending_and_a_file_that_cannot_be_are_refused_before_the_run(
    run, sky, monkeypatch
) -> None:
    from importlib import import_module

    monkeypatch.setattr(
        import_module("retort.sources.load"), "load", lambda *_: pytest.fail("the model was loaded")
    )
    for arguments, said in (
        (("-o", "a.xyz"), "has no known format"),
        (("-o", "no/folder/a.md"), "cannot be written"),
        (("--format", "parquet"), "give -o FILE.parquet"),
        (("--fail-if", "warmth > 1"), "can be asked of entropy"),
        (("--fail-if", "jsd > 1"), "can be asked of entropy"),  # only with --against
    ):
        result = run(*ASKED, *arguments)
        assert (result.exit_code, result.stdout) == (2, "") and said in result.stderr


def test_csv_and_parquet_hold_a_row_per_temperature_and_token(run, sky) -> None:
    text = run(*ASKED, "--format", "csv").stdout
    head, *rows = text.splitlines()
    assert head == "temperature,token,id,logit,logprob_raw,logprob,prob,entropy_nats" and len(rows) == 12
    assert rows[0].startswith("1.0,blue,0,15.2,")
    assert run(*ASKED, "-o", "a.csv").exit_code == 0 and Path("a.csv").read_text() == text
    pandas = pytest.importorskip("pandas")
    assert run(*ASKED, "-o", "a.parquet").exit_code == 0
    assert len(pandas.read_parquet("a.parquet")) == 12


def test_sixty_columns(run, sky, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = run("look", sky, "x", "--temperature", "0.5,1,2,3,4").stdout
    tables = [line for line in shown.splitlines() if line.startswith(("token", "'", "entropy", "effective"))]
    assert tables and max(map(len, tables)) <= 60 and shown.count("'blue'") > 1


# Conditions


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("entropy > 3", Condition("entropy", ">", 3.0)),
        ("kept-mass<=0.5", Condition("kept_mass", "<=", 0.5)),
        (" Rank == 1 ", Condition("rank", "==", 1.0)),
        ("logprob < -1e2", Condition("logprob", "<", -100.0)),
    ],
)
def test_a_condition_is_read(text: str, condition: Condition) -> None:
    assert Condition.parse(text) == condition
    assert Condition.parse(str(condition)) == condition


@pytest.mark.parametrize(
    "text", ["entropy", "entropy > high", "> 3", "entropy => 3", "entropy > 1.2.3", "a > 1 b"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="name > number"):
        Condition.parse(text)


@pytest.mark.parametrize(
    ("text", "values", "found"),
    [
        ("x > 3", [1, 4, 5], 4),
        ("x > 4", [1, 4], None),
        ("x >= 4", [1, 4], 4),
        ("x < 1", [1, 2], None),
        ("x != 1", [1, 2], 2),
        ("x == 2", [1, 2], 2),
        ("x > 3", [(3.5, 9)], 3.5),
        ("x > 3", [(1, 2)], None),
        ("x < 3", [(1, 2)], 1),
        ("x > 3", [(1, 5), (4, 5)], 4),  # one is certain, so the open one does not matter
        ("x == 3", [(1, 2)], None),
        ("x > 3", [], None),
    ],
)
def test_a_condition_is_met_by_any_value(text, values, found) -> None:
    intervals = [Interval(*value) if isinstance(value, tuple) else Interval(value, value) for value in values]
    assert Condition.parse(text).met({"x": intervals}) == found


@pytest.mark.parametrize("text", ["x > 3", "x == 3", "x != 3", "x <= 3"])
def test_an_open_interval_cannot_be_decided(text) -> None:
    with pytest.raises(CapabilityError, match="between 2 and 5"):
        Condition.parse(text).met({"x": [Interval(2.0, 5.0)]})


def test_an_unknown_measure_names_those_there_are() -> None:
    with pytest.raises(InputError, match="can be asked of x, y"):
        Condition.parse("z > 1").met({"x": [Interval(1, 1)], "y": []})
