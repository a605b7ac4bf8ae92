"""`retort equivalent` and `determinism`: their JSON and tables, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny_models import save_tiny_model


def test_a_model_is_equivalent_to_itself(run, run_json, tmp_path, monkeypatch) -> None:
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


def test_mistakes_of_equivalent_are_one_line(run, sky) -> None:
    for arguments in (
        ("embedded:english", sky),
        ("embedded:english", "embedded:english", "--prompts", "none.txt"),
        ("embedded:english", "embedded:english", "--temperature", "0"),
    ):
        result = run("equivalent", *arguments)
        assert result.exit_code == 2, result.output
        assert result.stderr.count("\n") == 1


def test_determinism_of_a_trigram_table_is_refused_in_one_line(run) -> None:
    result = run("determinism", "embedded:english")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1 and "does not compute" in result.stderr


def test_determinism_of_a_real_model(run, run_json, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_tiny_model(tmp_path / "llama", "llama")
    (tmp_path / "prompts.txt").write_text("the sky is\na pear is\n")
    arguments = ("./llama", "prompts.txt", "--max-tokens", "5")
    document = run_json("determinism", *arguments)
    assert document["prompts"] == 2
    for report in document["replays"]:
        assert {"noise", "flips_predicted", "flips_observed", "texts_predicted", "texts_observed"} <= set(
            report
        )
    result = run("determinism", *arguments)
    assert result.exit_code == 0 and "bfloat16" in result.stdout
