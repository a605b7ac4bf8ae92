"""The evidence's command line, its intervals and its tables."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from benchmarks.evidence import record
from benchmarks.evidence.__main__ import main
from benchmarks.evidence.record import evidence, interval, text, write


def test_an_interval_by_hand() -> None:
    # Mean 2, deviation 1, t(2) at 97.5 % is 4.302653.
    found = interval([1.0, 2.0, 3.0])
    half = 4.302653 / 3**0.5
    assert (found.mean, found.num_seeds) == (2.0, 3)
    assert (found.low, found.high) == (pytest.approx(2 - half), pytest.approx(2 + half))
    assert str(interval([1.5])) == "1.5 no interval"


def test_a_record_is_kept_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path / "deep")
    rows = [
        {"case": "first", "gain": asdict(interval([1.0, 2.0, 3.0]))},
        {"case": "second", "gain": None},
        {"other": "third", "left": 0.25},
    ]
    found = evidence("trial", "Does it?", {"seeds": [0]}, rows, ["It does."])
    write(found)
    assert json.loads((tmp_path / "deep" / "trial.json").read_text()) == json.loads(json.dumps(asdict(found)))
    question, first, second, findings = text(found).strip().split("\n\n")
    assert (question, findings) == ("Does it?", "- It does.")
    # Rows with other keys are a table of their own.
    assert [line.split() for line in second.splitlines()] == [["other", "left"], ["third", "0.25"]]
    assert first.splitlines()[0].split() == ["case", "gain"]
    assert "2 [-0.4841, 4.484]" in first.splitlines()[1] and first.splitlines()[2].split() == ["second"]


def test_a_quick_run_prints_one_document_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    main(["markov", "--quick", "--json", "--seeds", "2"])
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "markov" and found["settings"]["seeds"] == [0, 1]
    assert found["rows"] and found["findings"] and found["hardware"] and found["versions"]["numpy"]
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["markow"])
    assert "topk-bias" in capsys.readouterr().err
