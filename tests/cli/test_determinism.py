"""`retort determinism`: refuses what computes nothing, in one line; its record for a real model."""

from __future__ import annotations

from pathlib import Path

from tiny_models import save_tiny_model


def test_a_trigram_table_is_refused_in_one_line(run) -> None:
    result = run("determinism", "embedded:english")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1 and "does not compute" in result.stderr


def test_json_and_table(run, run_json, tmp_path: Path, monkeypatch) -> None:
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
