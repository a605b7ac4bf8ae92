"""The figures: drawn from results as the experiments give them, well formed, the same bytes each time."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from benchmarks.evidence import digits, figures, markov, record, topk_bias

from retort.report.drawing import CARD

CELL = {
    "cell": "common",
    "gain": {"mean": 0.5, "low": 0.4, "high": 0.6, "num_seeds": 3},
    "gain of each seed": [0.45, 0.5, 0.55],
}


CODEC = {
    "codec": "dense", "temperature": 1.0, "tokens of text": 512, "bytes a token": 26.0,
    "above dense, %": {"mean": 0.1, "low": -0.1, "high": 0.3, "num_seeds": 5},
}  # fmt: skip


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    quick = {name: asdict(module.run(quick=True)) for name, module in
             (("markov", markov), ("digits", digits), ("topk-bias", topk_bias))}  # fmt: skip
    cells = {"rows": [CELL, {**CELL, "cell": "reverse, temperature=3"}]}
    return {**quick, "language-models": cells, "codecs": {"rows": [CODEC, {**CODEC, "codec": "sampled:50"}]}}


def test_every_figure_is_drawn_from_its_result(
    results: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(figures, "IMAGES", tmp_path / "images")
    (tmp_path / "results").mkdir()
    for name, found in results.items():
        record.file_of(name).write_text(json.dumps(found))
    written = figures.draw_all()
    assert [Path(one).name for one in written] == [f"evidence-{name}.svg" for name in results]
    first = [Path(one).read_bytes() for one in written]
    for picture in first:
        assert ElementTree.fromstring(picture).tag.endswith("svg")
        # Its own card behind it: dark letters on a dark page could not be read.
        assert f"fill: {CARD}".encode() in picture
    figures.draw_all()
    assert [Path(one).read_bytes() for one in written] == first


def test_a_result_that_is_not_there_is_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    assert figures.draw_all() == []


def test_cells_are_shown_axis_by_axis_in_plain_words() -> None:
    from benchmarks.evidence.language_models import CELLS

    ordered = sorted(CELLS, key=figures.cell_order)
    assert ordered[0] == "common" and ordered.index("temperature=8") == ordered.index("temperature=4") + 1
    assert ordered.index("tokens=81920") == ordered.index("tokens=10240") + 1
    assert figures.cell_label("reverse, temperature=3") == "reverse KL, τ = 3"
    assert figures.cell_label("weak teacher") == "teacher: embedded:small"
