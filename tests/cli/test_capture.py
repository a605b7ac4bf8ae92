"""`retort capture` and `retort cache` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from retort.cli.main import main
from retort.distill.cache import Manifest

TEXT = "the sky is blue\n\nthe sea is green and the sky is blue\n\nwhat is the sky"


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "text.txt")


def run(*arguments: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(main, list(arguments))
    return found.exit_code, found.stdout, found.stderr


def test_capture_then_look_then_verify(text: str, tmp_path: Path) -> None:
    out = str(tmp_path / "cache")
    code, printed, _ = run(
        "capture", "embedded:english", text, "--out", out, "--temperature", "1", "--codec", "topk:4", "--json"
    )
    made = json.loads(printed)
    assert code == 0 and made["complete"] and made["codec"] == "topk:4" and made["unbiased"] is False
    code, printed, _ = run("cache", out, "--json", "--verify")
    seen = json.loads(printed)
    assert code == 0 and seen["verified"]
    of_the_reading = {"verified": True, "rows": seen["rows"]}
    assert seen == made | of_the_reading
    assert seen["tokens"] == Manifest.read(Path(out)).tokens and seen["teacher"] == "embedded:english"
    assert seen["temperature"] == 1.0 and seen["bytes_per_token"] > 24
    row = seen["rows"][2]
    assert (row["offset"], row["token"]) == (2, "is") and len(row["top"]) == 4
    code, printed, _ = run("cache", out)
    assert code == 0 and "topk:4" in printed and "'sky'" in printed


def test_verify_names_the_bad_shard_and_exits_with_2(text: str, tmp_path: Path) -> None:
    out = tmp_path / "cache"
    run("capture", "embedded:english", text, "--out", str(out), "--codec", "topk:4", "--shard-tokens", "4")
    bad = out / "shard-00001.parquet"
    data = bytearray(bad.read_bytes())
    data[100] ^= 4
    bad.write_bytes(data)
    code, printed, said = run("cache", str(out), "--verify", "--json")
    assert code == 2 and printed == "" and "shard-00001.parquet has SHA-256" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--codec", "sample:50"], "did you mean sampled"),
        (["--temperature", "0"], "--temperature"),
        (["--resume", "--temperature", "2"], "temperature 1.0 / 2.0"),
        ([], "pass --resume"),
    ],
)
def test_refuses_in_one_line(text: str, tmp_path: Path, change: list[str], words: str) -> None:
    out = str(tmp_path / "cache")
    run("capture", "embedded:english", text, "--out", out, "--temperature", "1", "--codec", "topk:4")
    given = ["--codec", "topk:4"] if "--codec" not in change else []
    code, printed, said = run("capture", "embedded:english", text, "--out", out, *given, *change)
    assert code == 2 and printed == "" and words in said and said.count("\n") == 1
