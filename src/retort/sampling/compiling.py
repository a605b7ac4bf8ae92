"""Loads the compiled kernels, and says so where they have to be compiled first: once on a machine, then never again."""

from __future__ import annotations

import sys
import threading
from functools import cache
from types import ModuleType

PATIENCE = 2.0
"""Seconds of silence: kernels that are compiled already load in less."""

NOTICE = "retort: compiling the sampling kernels, once on this machine (about 20 seconds)\n"


@cache
def kernels() -> ModuleType:
    """The module `retort.sampling.kernels`; a line on stderr if that takes longer than loading it does."""
    notice = threading.Timer(PATIENCE, lambda: sys.stderr.write(NOTICE))
    notice.daemon = True
    notice.start()
    try:
        from retort.sampling import kernels as module
    finally:
        notice.cancel()
    return module
