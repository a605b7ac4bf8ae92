"""The codecs' cells: k by bytes, what is said of them by hand, and a quick run at one τ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.evidence import codecs

from retort.sources.embedded import MODELS_FOLDER


def cell(codec: str, losses: list[float], size: float = 26.0) -> dict[str, Any]:
    row = {"codec": codec, "temperature": 1.0, "tokens of text": 512, "bytes a token": size}
    return {**row, "nll of each seed": losses}


def test_k_takes_at_least_the_bytes() -> None:
    # Keys of 4 bytes: 24 + 4 = 28 for 6 tokens.
    assert codecs.equal_k(28.0, 4.0) == 6
    assert codecs.equal_k(28.1, 4.0) == 7
    assert codecs.equal_k(2.0, 4.0) == 1


@pytest.mark.parametrize(
    ("losses", "size", "said"),
    [
        (
            [5.01, 5.01],
            26.0,
            "0.2 [0.2, 0.2] % above dense; at most 40 bytes: yes; within 0.5 %: yes, the whole",
        ),
        ([5.0, 5.04], 41.0, "at most 40 bytes: no; within 0.5 %: yes, but not the whole interval."),
        ([5.04, 5.04], 26.0, "at most 40 bytes: yes; within 0.5 %: no."),
    ],
)
def test_what_is_said_follows_from_the_numbers(losses: list[float], size: float, said: str) -> None:
    found = codecs._collect([cell("dense", [5.0, 5.0]), cell("sampled:50", losses, size)], codecs.QUICK)
    assert said in found.findings[1]
    assert found.rows[0]["above dense, %"]["mean"] == 0


def test_a_stored_cell_is_used_only_with_all_its_seeds(tmp_path: Path) -> None:
    file = tmp_path / "cell.json"
    assert codecs._stored(file, codecs.QUICK) is None
    file.write_text(json.dumps({"format": codecs.FORMAT, **cell("dense", [5.0, 5.0])}))
    assert codecs._stored(file, codecs.QUICK) == cell("dense", [5.0, 5.0])
    assert codecs._stored(file, codecs.FULL) is None


@pytest.mark.skipif(
    not (MODELS_FOLDER / "base" / "retort.json").is_file(),
    reason="embedded:base has not been made: make models",
)
def test_a_quick_run_measures_bytes_and_students(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "SETTINGS", ((1.0, 1),))
    found = codecs.run(quick=True)
    dense, sampled, top = found.rows
    assert [row["codec"].partition(":")[0] for row in found.rows] == ["dense", "sampled", "topk"]
    assert dense["bytes a token"] > 16_384 and sampled["bytes a token"] < codecs.MOST_BYTES
    assert 0 <= top["bytes a token"] - sampled["bytes a token"] < 5
    assert len({tuple(row["nll of each seed"]) for row in found.rows}) == 3
