"""Several models in one run, files to send, exit codes for CI, and an earlier run to compare with."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from tests.cli.conftest import SKY
from tests.cli.test_tune_and_models import TASK


@pytest.fixture
def task(sky, tmp_path: Path) -> str:
    """Eight items of two prompts; `sky` is right at low temperatures, `fog` (the same logits, turned round) is not."""
    (tmp_path / "task.yaml").write_text(
        TASK.replace('["{subject} is"]', '["{subject} is", "the {subject} is"]')
    )
    items = [{"id": str(i), "vars": {"subject": f"sky {i}"}, "references": ["blue"]} for i in range(8)]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, items)))
    (tmp_path / "fog.json").write_text(json.dumps({**SKY, "logits": SKY["logits"][::-1]}))
    return "task.yaml"


BOTH = (
    "--model",
    "logits:fog.json",
    "--model",
    "logits:sky.json",
    "--temperature",
    "0,1,4",
    "--samples",
    "4",
)


def test_two_models_are_compared_in_table_json_and_report(run, run_json, task, tmp_path: Path) -> None:
    shown = " ".join(run("tune", task, *BOTH).stdout.split())
    assert shown.startswith("Each model at its suggested setting")
    assert (
        "Best model against the first, each at its suggested setting: logits:sky.json minus logits:fog.json"
        in shown
    )
    for model in ("fog", "sky"):
        assert f"logits:{model}.json on sky (exploit): 8 items" in shown
    found = run_json("tune", task, *BOTH)
    fog, sky = found["tunings"]
    assert (fog["model"], sky["model"]) == ("logits:fog.json", "logits:sky.json")
    (question,) = found["questions"]
    assert question["better"] == "logits:sky.json" and question["than"] == "logits:fog.json"
    low, high = question["difference_ci"]
    assert 0 < low < question["difference"] <= high
    best = sky["settings"][0]["score"]
    assert question["difference"] == pytest.approx(
        best - max(one["score"] for one in fog["settings"]), abs=0.2
    )
    assert {cell["model"] for cell in fog["cells"]} == {"logits:fog.json"} and len(sky["cells"]) == 2 * 3
    assert run("tune", task, *BOTH, "-o", "both.html").exit_code == 0
    page = (tmp_path / "both.html").read_text()
    assert page.count("<svg") == 2 and page.count("How it was measured") == 2
    assert "logits:sky.json on sky" in page and "Best model against the first" in page


def test_two_models_are_recorded_apart_and_resumed(run, run_json, task, tmp_path: Path) -> None:
    found = run_json("tune", task, *BOTH, "--record", "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["model-1", "model-2"]
    (tmp_path / "kept" / "model-2" / "piece-000000.parquet").unlink()
    assert run_json("tune", task, *BOTH, "--record", "kept", "--resume") == found
    for number, one in enumerate(found["tunings"], 1):
        alone = run_json("tune", "--from", f"kept/model-{number}")
        assert {**one, "schema_version": alone["schema_version"]} == alone


def test_a_report_holds_every_cell(run, task, tmp_path: Path) -> None:
    one = (
        "tune",
        task,
        "--model",
        "logits:sky.json",
        "--temperature",
        "0,1,4",
        "--samples",
        "4",
        "--price",
        "1,2",
    )
    for ending in ("html", "md", "csv", "parquet", "json"):
        assert run(*one, "-o", f"r.{ending}").exit_code == 0
    document = json.loads((tmp_path / "r.json").read_text())
    rows = list(csv.DictReader((tmp_path / "r.csv").open(encoding="utf-8")))
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "r.parquet").to_pylist()
    assert len(rows) == len(table) == len(document["cells"]) == 6
    for cell, row, stored in zip(document["cells"], rows, table, strict=True):
        assert cell["model"] == row["model"] == stored["model"] == "logits:sky.json"
        for name in ("prompt", "score", "samples", "prompt_tokens", "answer_tokens", "cost"):
            assert float(row[name]) == pytest.approx(cell[name]) and stored[name] == pytest.approx(cell[name])
        assert float(row["temperature"]) == cell["setting"]["temperature"] == stored["temperature"]
        assert [float(row["score_low"]), float(row["score_high"])] == pytest.approx(cell["score_ci"])
    page, markdown = (tmp_path / "r.html").read_text(), (tmp_path / "r.md").read_text()
    taken = document["recommendation"]
    for text in (page, markdown):
        for cell in document["cells"]:
            assert f"{cell['score']:.3f}" in text
        assert "Every prompt at every setting" in text and "Best prompt against the first" in text
        assert taken["reason"].split(".")[0] in text
    assert "statistically tied" in page and "<svg" in page and "How it was measured" in page
    assert "Answers that changed" in page or not document["examples"]
    assert not re.search(r"(src|href)=.?http|url\(http|@import", page), (
        "a page to send needs nothing from elsewhere"
    )


def test_an_exit_code_of_its_own_for_ci(run, task) -> None:
    one = ("tune", task, "--model", "logits:sky.json", "--temperature", "0,4", "--samples", "4")
    assert run(*one, "--fail-if", "score < 0.9").exit_code == 0
    failed = run(*one, "--fail-if", "score > 0.9")
    assert failed.exit_code == 3 and "score" in failed.stderr and "Recommended" in failed.stdout
    assert run(*one, "--fail-if", "nonsense > 1").exit_code == 2
    assert run("tune", task, *BOTH, "--fail-if", "best_score < 0.9").exit_code == 3, (
        "one of the two models is"
    )


def test_a_regression_against_an_earlier_run(run, run_json, task, tmp_path: Path) -> None:
    usual = ("--temperature", "0,4", "--samples", "4")
    assert run("tune", task, "--model", "logits:sky.json", *usual, "-o", "before.json").exit_code == 0
    assert run("tune", task, "--model", "logits:sky.json", *usual, "--record", "kept").exit_code == 0
    for baseline in ("before.json", "kept"):
        same = run_json("tune", task, "--model", "logits:sky.json", *usual, "--baseline", baseline)[
            "regression"
        ]
        assert (same["difference"], same["items"], same["baseline"]) == (0.0, 8, baseline)
        now = ("tune", task, "--model", "logits:fog.json", *usual, "--baseline", baseline)
        worse = run_json(*now)["regression"]
        assert worse["difference"] < -0.5 and worse["difference_ci"][1] < 0.0
        assert "significantly worse" in run(*now).stdout
        assert run(*now, "--fail-if", "regression < -0.1").exit_code == 3
    both = run_json("tune", task, *BOTH, "--baseline", "before.json")
    assert [one["regression"]["difference"] < -0.5 for one in both["tunings"]] == [True, False]
    (tmp_path / "other.json").write_text("{}")
    assert run("tune", task, *BOTH, "--baseline", "other.json").exit_code != 0


def test_settings_that_change_nothing_are_named(run, sky) -> None:
    result = run("sample", sky, "x", "--settings", "temperature=0,logprobs=5,user=me")
    assert (
        result.exit_code == 0 and "--settings: logprobs, user do not change the distribution" in result.stderr
    )
    assert run("sample", sky, "x", "--settings", "temperature=0").stderr == ""
