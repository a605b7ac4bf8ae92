"""The public names of retort, each loaded from its own part when it is first used.

`import retort` alone stays under 0.3 s and loads neither torch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retort import adapters, tune
    from retort.chain.chain import Chain
    from retort.distribution.distribution import Distribution, softmax
    from retort.errors import CapabilityError, InputError, MissingExtraError, RetortError, SourceError
    from retort.lens.look import look
    from retort.sampling.draw import Sampler, sample
    from retort.sampling.generate import generate, stream
    from retort.sampling.params import SamplingParams
    from retort.sampling.path import temperature_path, temperature_paths
    from retort.sources.load import load

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
    "generate": "retort.sampling.generate",
    "load": "retort.sources.load",
    "look": "retort.lens.look",
    "sample": "retort.sampling.draw",
    "stream": "retort.sampling.generate",
    "softmax": "retort.distribution.distribution",
    "temperature_path": "retort.sampling.path",
    "temperature_paths": "retort.sampling.path",
}

_PARTS = ("adapters", "tune")
"""Packages that are used by their own name, as in `retort.adapters.transformers.generate`."""

__all__ = [
    "CapabilityError",
    "Chain",
    "Distribution",
    "InputError",
    "MissingExtraError",
    "RetortError",
    "Sampler",
    "SamplingParams",
    "SourceError",
    "__version__",
    "adapters",
    "generate",
    "load",
    "look",
    "sample",
    "softmax",
    "stream",
    "temperature_path",
    "temperature_paths",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f"retort.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'retort' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
