"""`Transform`: one row of the table, everything the chain, the command line and the documentation know about it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, ParamSpec

from retort.distribution.arrays import Array, as_floats, namespace
from retort.distribution.softmax import check_logits, per_row
from retort.errors import InputError
from retort.transforms.parameters import Parameter

P = ParamSpec("P")


@dataclass(frozen=True)
class Transform:
    """A transform of logits, its parameters, and what can be said of it without running it.

    - `compute(logits, *values)`, one value for each parameter; with `context=` (a Context) if it `needs` one. Logits
      and values have been checked, and none of the values is off.
    - `parameters`: the first is the main one. Where it has the transform's own name, a chain's text gives its value
      alone (`top_k=50`), else every parameter is named (`xtc(probability=0.5, threshold=0.1)`).
    - `needs`: of "history", "noise" and "state", what it reads from the Context.
    - `nested`: the kept set is always the first n tokens by logit, and of the same incoming tokens n never falls as an
      earlier temperature rises.
    - `monotone`: nor does n fall when more (less likely) tokens come in, as they do from a nested stage before it.
    - `temperature_free`: of the same incoming tokens it keeps the same ones at every temperature, 0 included (where the
      most likely is all there is), so it may as well stand before the temperature.
    - `tempers`: it divides the logits by a temperature, its parameter of that name; a chain holds one such stage.
    - `truncates`: it removes tokens by their probability (a temperature of 0 aside); `bans`: it removes tokens by rule.
    - `once`: a chain holds it once at most.
    - `update(*values, state, entering, leaving)`: for stages with a state, its numbers after a token whose
      log-probabilities (nats) were `entering` and `leaving` in the distributions before and after the stage.
    """

    name: str
    compute: Callable[..., Array]
    help: str
    parameters: tuple[Parameter, ...]
    aliases: tuple[str, ...] = ()
    nested: bool = True
    monotone: bool = True
    temperature_free: bool = False
    tempers: bool = False
    truncates: bool = True
    bans: bool = False
    once: bool = False
    needs: frozenset[str] = frozenset()
    update: Callable[..., tuple[float, ...]] | None = None

    @property
    def main(self) -> Parameter:
        """The first parameter."""
        return self.parameters[0]

    @property
    def bare(self) -> bool:
        """True if the main parameter's value is written without its name, as in `top_k=50`."""
        return self.main.name == self.name

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.compute)

    def function(self, logits: Any, *values: Any, **named: Any) -> Array:
        """`compute` on logits and values that are checked first; the logits as they are where a value is off.

        Raises InputError for rows with NaN, +inf or nothing but -inf, and for values that are not allowed.
        """
        bound = self._signature.bind(logits, *values, **named)
        bound.apply_defaults()
        _, *given = bound.args
        taken = [parameter.taken(value) for parameter, value in zip(self.parameters, given, strict=True)]
        logits = usable(logits)
        return logits if self.is_off(*taken) else self.compute(logits, *taken, **bound.kwargs)

    def is_off(self, *values: Any) -> bool:
        """True if any of these values means "off" to some engine."""
        return any(parameter.is_off(value) for parameter, value in zip(self.parameters, values, strict=False))

    def parameter(self, name: str) -> Parameter:
        """The parameter of this name (snake or kebab case); raises InputError naming the known ones."""
        key = name.strip().lower().replace("-", "_")
        for parameter in self.parameters:
            if parameter.name == key:
                return parameter
        known = ", ".join(parameter.name for parameter in self.parameters)
        raise InputError(f"{self.name} has no parameter {name.strip()!r}; it has: {known}")


ROWS: dict[str, Transform] = {}
"""Every transform by its name, as the files of the families define them."""


def transform(
    help: str, *parameters: Parameter, **said: Any
) -> Callable[[Callable[P, Array]], Callable[P, Array]]:
    """Make a function a row of the table; what is left in its place checks logits and settings (`Transform.function`).

    `said`: the fields of Transform that are not the defaults.
    """

    def add(compute: Callable[P, Array]) -> Callable[P, Array]:
        # A chain calls `compute` of the row, on what Stage has checked once; only a direct call pays for the checks
        # below.
        row = ROWS[compute.__name__] = Transform(compute.__name__, compute, help, parameters, **said)

        @wraps(compute)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Array:
            return row.function(*args, **kwargs)

        return checked

    return add


def usable(logits: Any) -> Array:
    """`logits` as floats `[..., vocab]`; raises InputError for rows with NaN, +inf or nothing but -inf."""
    logits = as_floats(logits)
    check_logits(logits)
    return logits


def column(value: Any, logits: Array) -> Array:
    """`[N, 1]` a setting, which is a number or one for each row of `[..., vocab]`, in float64."""
    return namespace(logits).reshape(per_row(value, logits), (-1, 1))


def only(keep_NV: Array, logits: Array) -> Array:
    """Logits `[..., vocab]` where `keep_NV` `[N, vocab]` is True, -inf elsewhere."""
    xp = namespace(logits)
    return xp.where(xp.reshape(keep_NV, logits.shape), logits, -math.inf)
