"""`retort init`: a task file from a CSV file or from three questions, which `retort tune` can read."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from retort.cli.main import main
from retort.tune.task import load_task


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args, given=None: CliRunner().invoke(main, ["init", *args], input=given)


def test_a_csv_with_a_question_and_an_answer(init, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(
        'question,answer\nWhat is 2+2?,4 | four\n"Name a ""dry"" sea, please",Aral\n'
    )
    made = init("q.csv", "--model", "embedded:smollm2")
    assert made.exit_code == 0, made.output
    assert "task.yaml: 2 items, goal exploit, scorer says." in made.output
    task = load_task("task.yaml")
    assert [task.prompt(item)[0].content for item in task.items] == [
        "What is 2+2?",
        'Name a "dry" sea, please',
    ]
    assert task.items[0].references == ("4", "four") and task.models == ("embedded:smollm2",)
    again = init("q.csv")
    assert again.exit_code == 2 and "task.yaml exists already" in again.output


def test_a_csv_with_variables(init, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("the country,capital,note\nAustralia,Canberra,x\nPeru,Lima,y\n")
    ask = ("--prompt", "The capital of {the_country} is", "--answer", "capital", "--no-chat", "-o", "c.yaml")
    assert init("c.csv", *ask).exit_code == 0
    task = load_task("c.yaml")
    assert [task.prompt(item) for item in task.items] == [
        "The capital of Australia is",
        "The capital of Peru is",
    ]
    assert task.items[0].variables == {"the_country": "Australia"}


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n", (), "no column is called references"),
        ("a,b,answer\n1,2,3\n", (), "give the question with --prompt, a text with {a}, {b}"),
        ("a,answer\n1,2\n", ("--prompt", "{c}?"), "the prompt uses {c}, and the columns are a"),
        ("a,answer\n1,2\n", ("--answer", "right"), "there is no column 'right'"),
        ("a,answer\n", (), "it has no rows"),
        ("a,answer\n1,2,3\n", (), "there are 3 cells"),
        ("a,answer\n1,\n", (), "row 1 has no answer in the column 'answer'"),
        ("a,answer\n1,2\n", ("-o", "x.txt"), "ends in .yaml"),
    ],
)
def test_a_csv_that_makes_no_task(
    init, tmp_path: Path, text: str, options: tuple[str, ...], said: str
) -> None:
    (tmp_path / "c.csv").write_text(text)
    made = init("c.csv", *options)
    assert made.exit_code == 2 and said in " ".join(made.output.split())
    assert not (tmp_path / "task.yaml").exists()


def test_three_questions(init) -> None:
    given = "What is the capital of {country}?\nexploit\nAustralia = Canberra\nPeru\nPeru = Lima | lima\n\n"
    made = init(given=given)
    assert made.exit_code == 0, made.output
    assert "skipped" in made.output
    task = load_task("task.yaml")
    assert [item.references for item in task.items] == [("Canberra",), ("Lima", "lima")]
    assert init("-o", "none.yaml", given="Say {x}\nexplore\n\n").exit_code == 2
