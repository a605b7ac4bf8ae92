"""Commands started as processes of their own, on one rank or several, that always end: killed where they do not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

LIMIT_SECONDS = 180
# --standalone: loopback, and a port that the system chooses.
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """`python ARGUMENTS`, without accelerators."""
    paths = [str(Path(__file__).parents[2] / "src"), str(Path(__file__).parents[1])]
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
        "MASTER_ADDR": "127.0.0.1",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit code, stdout and stderr; a process that hangs is killed, with all it started."""
    try:
        out, err = process.communicate(timeout=LIMIT_SECONDS)
    finally:
        kill(process)
    return process.returncode, out, err


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9 of the process and all below it: torchrun's ranks are in sessions of their own and would go on."""
    if process.poll() is None:
        for one in [process.pid, *below(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)


def below(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    children = [int(one) for one in found.stdout.split()]
    return children + [one for child in children for one in below(child)]


def kill_when(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    """kill -9 as soon as `moment` is true; fails where the process ends before that."""
    until = time.monotonic() + LIMIT_SECONDS
    while not moment():
        assert process.poll() is None, process.communicate()[1][-4000:]
        assert time.monotonic() < until, "the moment to kill did not come"
        time.sleep(0.01)
    kill(process)
    process.communicate()
