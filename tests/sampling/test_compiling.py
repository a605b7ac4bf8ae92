"""Compiling: said where it happens and nowhere else; and done again where anything that is compiled in has changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src"
CODE = """
import time
import numba
from retort.sampling import kernels

@numba.njit{options}
def slow(x):
    return x + 1

with kernels.compile_note("a test"):
    slow(1)
with kernels.compile_note("a test"):
    slow(2)
"""


def test_only_what_is_compiled_is_spoken_of() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    told = subprocess.run(
        [sys.executable, "-c", CODE.format(options="")], env=environment, capture_output=True, text=True
    ).stderr.splitlines()
    assert told[0] == "retort: compiling a test for this machine, once; seconds to a minute …"
    assert told[1].startswith("retort: compiled a test in ") and len(told) == 2


@pytest.mark.parametrize(
    ("module", "target", "arguments"),
    [
        ("retort.sampling.kernels", "prepare", ()),
        ("retort.distill.cache.rounding", "pack", ([], [], [], 1)),
    ],
)
def test_numba_is_imported_by_one_thread_at_a_time(
    module: str, target: str, arguments: tuple[object, ...]
) -> None:
    """Imported by two at once it can leave LLVM's lock held: the threads of a path, or a path and a capture of the
    studio, waited for ever."""
    code = f"""
import sys, threading, time
import numpy as np
from retort.sampling import kernels
from {module} import {target}

arguments = [np.array(one, np.int64) if isinstance(one, list) else one for one in {arguments!r}]
thread = threading.Thread(target={target}, args=arguments)
with kernels._COMPILING:
    thread.start()
    time.sleep(0.5)
    assert "numba" not in sys.modules
thread.join()
assert "numba" in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "changed",
    ["sampling/kernels/arithmetic.py", "sampling/noise.py", "distribution/ranking.py"],
)
def test_a_change_in_anything_compiled_in_is_another_key(changed: str, tmp_path: Path) -> None:
    """In a copy of the package: ROUNDING, SLACK and the noise's constants are compiled into the entry."""
    copy = tmp_path / "retort"
    shutil.copytree(SRC / "retort", copy, ignore=shutil.ignore_patterns("embedded", "static", "__pycache__"))

    def key() -> str:
        code = "from retort.sampling import kernels; print(kernels.compiled_sources())"
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = key()
    assert key() == before
    with (copy / changed).open("a") as file:
        file.write("\n# a change\n")
    assert key() != before


def test_what_make_env_compiles_is_not_compiled_at_the_first_draw(tmp_path: Path) -> None:
    """The Makefile's own line, with an empty cache; it once imported the kernels and compiled nothing."""
    line = re.search(r'-c "(from retort\.sampling\.kernels .*)"', (SRC.parent / "Makefile").read_text())
    assert line is not None
    use = (
        "from retort import SamplingParams, generate, temperature_path; from mock_source import MockSource; "
    )
    use += "source = MockSource(5000); temperature_path(source, 'w1', 0, [0, 1], max_tokens=2); "
    use += "generate(source, 'w1', SamplingParams(max_tokens=2))"
    environment = {
        **os.environ, "PYTHONPATH": f"{SRC}:{SRC.parent / 'tests'}", "NUMBA_CACHE_DIR": str(tmp_path)
    }  # fmt: skip
    told = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        for code in (line[1], use)
    ]
    assert [one.returncode for one in told] == [0, 0], told
    assert "compiling the sampler" in told[0].stderr and "compiling the paths" in told[0].stderr
    assert "compil" not in told[1].stderr
