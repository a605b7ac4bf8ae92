"""Published answers read as records, on made-up files in the two shapes; the real ones are not ours to keep here."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest
from benchmarks.published import main
from benchmarks.published_studies import sheet, studies

COLUMNS = [
    "Problem ID",
    *(f"Answer {number}" for number in range(1, 11)),
    "Agent Answer",
    "Correct Answer",
    "Score",
]
SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def exam(clone: Path, name: str, right: dict[int, int]) -> None:
    """A file of answers: by question, how many of the ten are right; the rest is missing."""
    folder = clone / "data" / "details"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        for number, good in right.items():
            answers = ["B"] * good + [""] * (10 - good)
            writer.writerow([number, *answers, "B" if good > 5 else "", "B", int(good > 5)])


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for temperature, good in (("0.0", 8), ("1.0", 4)):
        for prompt in ("chain_of_thought", "baseline"):
            name = f"gpt-35-turbo - {prompt} - comprehensive-100 - temp-{temperature}"
            exam(tmp_path, name, {number: good + number % 2 for number in range(30)})
    (tmp_path / "data/details/gpt-4o - chain_of_thought - comprehensive-100 - temp-0.0.csv").touch()
    return tmp_path


def test_answers_and_votes_become_records(clone: Path) -> None:
    found = {study.name: list(study.records()) for study in studies(clone)}
    assert list(found) == [
        "gpt-35-turbo", "gpt-35-turbo-vote", "five-prompts", "five-prompts-vote", "to-1.6", "to-1.6-vote",
    ]  # fmt: skip
    answers = found["gpt-35-turbo"]
    assert len(answers) == 2 * 30 * 10
    assert answers[0] == {
        "item": "comprehensive-100 0", "setting": {"temperature": 0.0}, "prompt": "chain_of_thought",
        "text": "B", "score": 1, "repeat": 0,
    }  # fmt: skip
    # What is missing counts as wrong, as the authors count it.
    assert answers[9] == {**answers[0], "text": "", "score": 0, "repeat": 9}
    assert {(one["score"], one["setting"]["temperature"]) for one in found["gpt-35-turbo-vote"]} == {
        (1, 0.0),
        (0, 1.0),
    }
    assert {one["prompt"] for one in found["five-prompts"]} == {"baseline", "chain_of_thought"}


def test_one_command_writes_records_and_concludes(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "records"
    main([str(clone), "--out", str(out), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["commit"] is None
    first = found["findings"][0]
    assert (first["study"], first["goal"], first["items"], first["samples_per_item"]) == (
        "gpt-35-turbo",
        "exploit",
        30,
        10,
    )
    assert [one["score"] for one in first["settings"]] == pytest.approx([0.85, 0.45])
    assert first["recommendation"]["detectable"]
    assert first["unpaired_p"] < 1e-6
    assert len((out / "gpt-35-turbo.jsonl").read_text().splitlines()) == 600
    main([str(clone), "--out", str(out)])
    assert (
        "| gpt-35-turbo | one answer | 30 | 0.850 | 0.450 | 0 | 0 to 0 | **+0.400 against 1** |"
        in capsys.readouterr().out
    )


def test_a_workbook_is_read_by_the_names_in_its_first_row(tmp_path: Path) -> None:
    rows = [("F1", "Model Response", "ROUGE-L"), (0.5, "Dear [NAME] & co", 0.25), (1, "", 0)]
    cells = "".join(
        f'<row r="{at}">'
        + "".join(
            f'<c r="{place}{at}"><v>{value}</v></c>'
            if isinstance(value, (int, float))
            else f'<c r="{place}{at}" t="inlineStr"><is><t>{value.replace("&", "&amp;")}</t></is></c>'
            for place, value in zip("ABC", row, strict=True)
        )
        + "</row>"
        for at, row in enumerate(rows, 1)
    )
    for temperature in ("0.001", "1.0"):
        folder = tmp_path / "results" / f"temperature_{temperature}"
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "iter_1.xlsx", "w") as book:
            book.writestr(
                "xl/worksheets/sheet1.xml",
                f'<worksheet xmlns="{SPACE}"><sheetData>{cells}</sheetData></worksheet>',
            )
    assert [row["Model Response"] for row in sheet(folder / "iter_1.xlsx")] == ["Dear [NAME] & co", ""]
    f1, rouge = studies(tmp_path)
    assert [one["score"] for one in f1.records()] == [0.5, 1.0, 0.5, 1.0]
    assert [one["score"] for one in rouge.records()] == [0.25, 0.0, 0.25, 0.0]
    assert [one["setting"]["temperature"] for one in f1.records()] == [0.001, 0.001, 1.0, 1.0]


def test_another_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), "--out", str(tmp_path / "records")])
    assert stopped.value.code == 2
    assert "neither data/details nor results/temperature_1.0" in capsys.readouterr().err
