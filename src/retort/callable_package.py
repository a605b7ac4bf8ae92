"""Lets `retort.tune` be both the package and the verb: `retort.tune(…)` calls the function `tune` in it.

Importing `retort.tune.statistics` sets the attribute `tune` of `retort` to the package, whatever stood there before.
So the package itself must be callable, or `retort.tune(…)` would work only until somebody imports a part of it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        return getattr(self, self.__name__.rpartition(".")[2])(*args, **options)


def callable_package(name: str) -> None:
    """Make the package `name` callable. It must define a function of its own last name."""
    sys.modules[name].__class__ = _Verb
