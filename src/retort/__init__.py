"""retort from Python: the verbs of the command line, with the same names, defaults and records.

    import retort
    model = retort.load("embedded:smollm2")
    retort.look(model, "The capital of Australia is")

A name is loaded from its own part when it is first used: `import retort` alone stays under 0.3 s and loads neither
torch nor transformers.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

# `as` says to a type checker that the name is public here.
if TYPE_CHECKING:
    from retort import adapters as adapters
    from retort import claims as claims
    from retort import distill as distill
    from retort import errors as errors
    from retort import tune as tune
    from retort.chain.chain import Chain as Chain
    from retort.distill.cache import capture as capture
    from retort.distribution.distribution import Distribution as Distribution
    from retort.distribution.softmax import softmax as softmax
    from retort.errors import CapabilityError as CapabilityError
    from retort.errors import InputError as InputError
    from retort.errors import MissingExtraError as MissingExtraError
    from retort.errors import RetortError as RetortError
    from retort.errors import SourceError as SourceError
    from retort.lens.compare import compare as compare
    from retort.lens.determinism import determinism as determinism
    from retort.lens.engines import explain as explain
    from retort.lens.equivalent import equivalent as equivalent
    from retort.lens.look import look as look
    from retort.lens.path import path as path
    from retort.lens.similar import similar as similar
    from retort.lens.trace import trace as trace
    from retort.notebook import page as page
    from retort.sampling.draw import Sampler as Sampler
    from retort.sampling.draw import sample as sample
    from retort.sampling.generate import generate as generate
    from retort.sampling.generate import stream as stream
    from retort.sampling.params import SamplingParams as SamplingParams
    from retort.sampling.path import temperature_path as temperature_path
    from retort.sampling.path import temperature_paths as temperature_paths
    from retort.sources.load import load as load

__version__ = "0.1.0"

_HOME = {
    "CapabilityError": "retort.errors",
    "Chain": "retort.chain.chain",
    "Distribution": "retort.distribution.distribution",
    "InputError": "retort.errors",
    "MissingExtraError": "retort.errors",
    "RetortError": "retort.errors",
    "Sampler": "retort.sampling.draw",
    "SamplingParams": "retort.sampling.params",
    "SourceError": "retort.errors",
    "capture": "retort.distill.cache",
    "compare": "retort.lens.compare",
    "determinism": "retort.lens.determinism",
    "equivalent": "retort.lens.equivalent",
    "explain": "retort.lens.engines",
    "generate": "retort.sampling.generate",
    "load": "retort.sources.load",
    "look": "retort.lens.look",
    "page": "retort.notebook",
    "path": "retort.lens.path",
    "sample": "retort.sampling.draw",
    "similar": "retort.lens.similar",
    "softmax": "retort.distribution.softmax",
    "stream": "retort.sampling.generate",
    "temperature_path": "retort.sampling.path",
    "temperature_paths": "retort.sampling.path",
    "trace": "retort.lens.trace",
}

_PARTS = ("adapters", "claims", "distill", "errors", "tune")
"""Packages that are used by their own name, as in `retort.adapters.transformers.generate`.

`claims`, `distill` and `tune` are verbs, too: `retort.tune(…)` calls the function of that name in the package.
"""

__all__ = sorted((*_HOME, *_PARTS, "__version__"))


def _warn_of_the_namesake() -> None:
    """Say so if the database tool `retort` is installed beside us: its files and ours share a folder.

    The folders are read here because importlib.metadata, and pathlib as well, take longer to import than all of retort.
    """
    home = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    for folder in dict.fromkeys([home, *(one for one in sys.path if one.endswith("-packages"))]):
        # What pip leaves of the other package, whose name on the registry is `retort`; ours is `retort-lm`.
        names = os.listdir(folder) if os.path.isdir(folder) else ()
        if any(
            name[:7] == "retort-" and name[7:8].isdigit() and name[-10:] == ".dist-info" for name in names
        ):
            import warnings

            warnings.warn(
                "The package `retort` from the registry, a database migration tool, is installed beside `retort-lm`. "
                "Both are imported as `retort`, so files may be mixed up. Run: pip uninstall retort retort-lm && "
                "pip install retort-lm",
                RuntimeWarning,
                stacklevel=3,
            )
            return


_warn_of_the_namesake()


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f"retort.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'retort' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    if isinstance(value, FunctionType):
        value = import_module("retort.calling").keywords_checked(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
