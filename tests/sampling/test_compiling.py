"""A machine's first use says why it waits; every other one says nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src"
CODE = "from retort.sampling import compiling; compiling.PATIENCE = {}; compiling.kernels()"


def loaded(patience: float) -> str:
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    code = CODE.format(patience)
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    ).stderr


def test_a_slow_load_says_why_and_a_quick_one_nothing() -> None:
    assert "compiling the sampling kernels, once on this machine" in loaded(0.0)
    assert loaded(600.0) == ""
