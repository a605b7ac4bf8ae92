"""How long a new process takes, from its start to its end: Python alone, `import retort`, and a first look.

The peers are what a transformers user must import before the first token, and Python with numpy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from benchmarks.record import Record, Settings, record
from benchmarks.timing import compared, in_turns

LOOK = ["-m", "retort", "look", "embedded:english", "the sky is"]
IMPORT = ["-c", "import retort"]
PEERS = {
    "python alone": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import torch, transformers": [
        "-c",
        "import torch; from transformers import AutoModelForCausalLM, AutoTokenizer",
    ],
}


def run(settings: Settings) -> Record:
    """The record for importing and for looking."""
    peers = {name: _process(arguments) for name, arguments in PEERS.items()}
    rows = []
    for case, arguments in (("import retort", IMPORT), ("retort look embedded:english 'the sky is'", LOOK)):
        seconds = in_turns({"retort": _process(arguments), **peers}, settings.rounds)
        rows.append(compared(case, seconds))
    return record("startup", __doc__ or "", "embedded:english", settings, {}, rows)


def _process(arguments: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
