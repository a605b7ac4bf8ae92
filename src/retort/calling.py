"""How verbs are called from Python: by `retort.NAME(…)`, with a sentence for a keyword that a verb does not have.

`retort.tune` is both the package and the verb: `retort.tune(…)` calls the function `tune` in it. Importing
`retort.tune.statistics` sets the attribute `tune` of `retort` to the package, whatever stood there before. So the
package itself must be callable, or `retort.tune(…)` would work only until somebody imports a part of it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from retort.errors import InputError, did_you_mean


def keywords_checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, as a name of `retort`; InputError with the nearest keyword in place of Python's TypeError."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return function
    known = [one.name for one in parameters]

    @functools.wraps(function)
    def called(*args: Any, **named: Any) -> Any:
        for name in named:
            if name not in known:
                raise InputError(_no_keyword(function.__name__, name, known))
        return function(*args, **named)

    called.__module__ = "retort"  # where pickle finds this one
    return called


def _no_keyword(function: str, name: str, known: Sequence[str]) -> str:
    from retort.sampling.params import SamplingParams

    if "params" in known and name in SamplingParams.__dataclass_fields__:
        return f'{function} takes settings in params: give params={{"{name}": …}}.'
    return (
        f"{function} has no keyword {name!r}{did_you_mean(name, known)}; its keywords are {', '.join(known)}."
    )


class _Verb(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Any:
        return keywords_checked(getattr(self, self.__name__.rpartition(".")[2]))(*args, **options)


def callable_package(name: str) -> None:
    """Make the package `name` callable. It must define a function of its own last name."""
    sys.modules[name].__class__ = _Verb
