"""The verbs that look: what a model says next, token by token, beside another model, and along the temperature.

In: a model (a MODEL string, a path, or a source that is open), a prompt or texts, temperatures and chains. Out: one
record per verb, `Look`, `Trace`, `Compare`, `Similar`, `PathFound`, `Determinism`, `Equivalent`, `Engines`: the
document of `--json`, its tables and its picture (see `retort/records.py`). Read `look.py` first. `page.py` makes what
the page is sent; `asking.py` turns conversations into text, `walk.py` finds the tokens of a text, and `distance.py`
says how far two distributions are apart.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retort.lens.compare import Compare, compare
    from retort.lens.determinism import Determinism, determinism
    from retort.lens.engines import Engines, explain
    from retort.lens.equivalent import Equivalent, equivalent
    from retort.lens.look import Look, look
    from retort.lens.path import PathFound, path
    from retort.lens.similar import Similar, similar
    from retort.lens.trace import Trace, trace

__all__ = [
    "Compare",
    "Determinism",
    "Engines",
    "Equivalent",
    "Look",
    "PathFound",
    "Similar",
    "Trace",
    "compare",
    "determinism",
    "equivalent",
    "explain",
    "look",
    "path",
    "similar",
    "trace",
]

_HOME = {name: name.lower() for name in __all__} | {"PathFound": "path", "explain": "engines"}


class _Lens(ModuleType):
    """Each verb loads when it is used. Its name is the function, also after its file of the same name was imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Python binds a submodule to its package as it is imported, so `lens.look` would become the file of that name.
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Lens


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'retort.lens' has no attribute {name!r}")
    value = getattr(import_module(f"retort.lens.{_HOME[name]}"), name)
    globals()[name] = value
    return value
