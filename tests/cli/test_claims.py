"""`retort claims`: its JSON and table on a trigram model, and what it refuses."""

from __future__ import annotations


def test_json_and_table(run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("the sky is blue today\nonce upon a time there was\n")
    chosen = ("--prompts", "texts.txt", "--only", "never-reorders,order-matters,tuned-is-sharper")
    document = run_json("claims", "embedded:english", *chosen)
    found = {claim["id"]: claim for claim in document["claims"]}
    assert list(found) == ["never-reorders", "tuned-is-sharper", "order-matters"]
    for claim in found.values():
        assert {"id", "statement", "verdict", "measured", "interval", "how"} <= set(claim)
    assert found["never-reorders"]["verdict"] == "holds"
    assert found["tuned-is-sharper"]["verdict"] == "needs: --instruct MODEL"
    result = run("claims", "embedded:english", *chosen)
    assert result.exit_code == 0
    assert "NEEDS --instruct MODEL: " in result.stdout
    assert "Decided by: total variation at τ = 1.5: " in result.stdout and "; threshold 0.01" in result.stdout


def test_an_unknown_claim_is_one_line(run) -> None:
    result = run("claims", "embedded:english", "--only", "moon-is-cheese")
    assert result.exit_code == 2
    assert "there is no claim 'moon-is-cheese'" in result.stderr and result.stderr.count("\n") == 1
