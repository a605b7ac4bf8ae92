"""`retort equivalent`: its JSON, its table, and what it refuses."""

from __future__ import annotations

import pytest


def test_json_and_table_of_a_model_against_itself(run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text("the sky is blue\nonce upon a time\n")
    arguments = ("embedded:english", "embedded:english", "--prompts", "prompts.txt", "--temperature", "0.7,1")
    document = run_json("equivalent", *arguments)
    assert [point["temperature_a"] for point in document["points"]] == [0.7, 1.0]
    for point in document["points"]:
        assert point["temperature_b"] == pytest.approx(point["temperature_a"], rel=1e-6)
        assert point["kl_left"] == pytest.approx(0, abs=1e-9)
        assert point["entropy_a"] == pytest.approx(point["entropy_b"])
    result = run("equivalent", *arguments)
    assert result.exit_code == 0
    assert "KL left" in result.stdout and "embedded:english" in result.stdout


def test_mistakes_are_one_line(run, sky) -> None:
    for arguments in (
        ("embedded:english", sky),
        ("embedded:english", "embedded:english", "--prompts", "none.txt"),
        ("embedded:english", "embedded:english", "--temperature", "0"),
    ):
        result = run("equivalent", *arguments)
        assert result.exit_code == 2, result.output
        assert result.stderr.count("\n") == 1
