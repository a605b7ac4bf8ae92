"""The transforms of a chain: pure functions from logits to logits, and the one table of their names.

A truncation sets the logits it removes to -inf and changes nothing else. Ties go to the lowest token id.
Every setting may be a number, or an array with one for each row; no row is affected by another row's setting.

Legend: N rows, V vocabulary, M candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, as_floats, detached, largest, like, namespace, to_numpy
from retort.distribution.ranking import ROUNDING, flat_rows, keep_first, nucleus
from retort.distribution.softmax import check_logits, extremes, is_per_row, per_row, tempered
from retort.errors import InputError


def temperature(logits: Array, t: Any) -> Array:
    """Logits at temperature t: `(z - max z) / t`; t = 0 leaves the largest logit alone (lowest id), the rest
    -inf.

    Shapes `[..., vocab]`; t a number or `[...]`. float64 for numpy, at least float32 for torch.
    Raises InputError for unusable rows, or t negative or not finite. Source: Hinton et al. 2015, eq. 1.
    """
    return tempered(logits, 1.0 if t is None else t)


def top_k(logits: Array, k: Any) -> Array:
    """Logits with exactly the k largest kept (ties at the k-th place: lowest ids), the others -inf.

    Shapes `[..., vocab]`; k a whole number or `[...]`. None, 0, -1 keep everything. dtype as given.
    Raises InputError for unusable rows or k that is not a whole number of 1 or more.
    Source: Fan, Lewis, Dauphin 2018, section 5.
    """
    logits = _checked(TRANSFORMS["top_k"], logits, k)
    if k is None:
        return logits
    num_tokens = logits.shape[-1]
    if not is_per_row(k):
        if k <= 0 or k >= num_tokens:
            return logits
        count, limit = like(logits, [[int(k)]]), int(k)
    else:
        xp = namespace(logits)
        wanted = per_row(k, logits)
        wanted = xp.where((wanted <= 0) | (wanted > num_tokens), xp.full_like(wanted, num_tokens), wanted)
        count = xp.astype(xp.reshape(wanted, (-1, 1)), xp.int64)
        limit = int(xp.max(count)) if count.shape[0] else 1
    rows_NV = flat_rows(logits)
    xp = namespace(rows_NV)
    count_N1 = xp.broadcast_to(count, (rows_NV.shape[0], 1))
    candidates_NM = largest(rows_NV, limit)
    return keep_first(logits, count_N1, xp.take_along_axis(candidates_NM, count_N1 - 1, axis=-1))


def top_p(logits: Array, p: Any) -> Array:
    """Logits with the smallest set of mass at least p kept (largest first, ties: lowest ids), the others
    -inf.

    The nucleus: `n = min{k : Σ_{i ≤ k} p_(i) ≥ p}`, never fewer than one token. The mass is of the softmax of
    `logits`, summed in float64 whatever their dtype. Shapes `[..., vocab]`; p a number or `[...]`. None and 1
    keep everything. Raises InputError for unusable rows or p outside [0, 1]. Source: Holtzman et al. 2020,
    eq. 2 and 3.
    """
    logits = _checked(TRANSFORMS["top_p"], logits, p)
    if p is None or (not is_per_row(p) and p >= 1.0):
        return logits
    rows_NV = flat_rows(logits)
    mass_N1 = namespace(logits).reshape(per_row(p, logits), (-1, 1))
    return keep_first(logits, *nucleus(rows_NV, mass_N1))


def min_p(logits: Array, p: Any) -> Array:
    """Logits with the tokens kept that have at least p times the largest probability, the others -inf.

    `p_i ≥ p · max_j p_j`, that is `z_i ≥ max z + ln p`. Shapes `[..., vocab]`; p a number or `[...]`. None
    and 0 keep everything. Raises InputError for unusable rows or p outside [0, 1]. Source: Nguyen et al.
    2024, algorithm 1.
    """
    logits = _checked(TRANSFORMS["min_p"], logits, p)
    if p is None or (not is_per_row(p) and p == 0.0):
        return logits
    xp = namespace(logits)
    values = detached(logits)
    maximum = xp.astype(xp.max(values, axis=-1, keepdims=True), xp.float64)
    with np.errstate(divide="ignore"):
        threshold = maximum + xp.log(per_row(p, logits)) - ROUNDING
    return xp.where(values >= threshold, logits, -math.inf)


def nucleus_sizes(logits: Array, p: Any) -> Array:
    """`[...]` number of tokens in the smallest set of mass at least p: `min{k : top-k mass ≥ p}` (int64).

    p = 1 is every token that has not been removed. Raises as `top_p` does.
    """
    logits = _checked(TRANSFORMS["top_p"], logits, p)
    rows_NV = flat_rows(logits)
    xp = namespace(rows_NV)
    count_N1, _ = nucleus(rows_NV, xp.reshape(per_row(p, logits), (-1, 1)))
    live_N = xp.sum(xp.astype(rows_NV > -math.inf, xp.int64), axis=-1)
    return xp.reshape(xp.minimum(count_N1[:, 0], live_N), logits.shape[:-1])


@dataclass(frozen=True)
class Transform:
    """One row of the table: everything the chain, the command line and the documentation know about a
    transform.

    `nested`: the kept set is always the first n tokens by logit, and n never falls as an earlier temperature
    rises. `truncates`: it removes tokens (a temperature of 0 aside). `uses_history`: the function's third
    argument is the tokens so far.
    """

    name: str
    function: Callable[..., Array]
    help: str
    allowed: str
    low: float
    high: float
    aliases: tuple[str, ...] = ()
    off_values: tuple[float, ...] = ()
    whole: bool = False
    nested: bool = True
    truncates: bool = True
    uses_history: bool = False

    def is_off(self, value: float | None) -> bool:
        """True for None and for the values by which engines say "off"."""
        return value is None or value in self.off_values

    def check(self, value: Any) -> None:
        """Nothing if `value` (a number, or an array of them) is allowed or off; else raises InputError."""
        if value is None:
            return
        if isinstance(value, (bool, np.bool_)):
            raise InputError(f"{self.name} must be {self.allowed}, got {value}")
        if not is_per_row(value):
            smallest, greatest = extremes(value, self.name)
            if self._allows(smallest) and self._allows(greatest):
                return
            raise InputError(f"{self.name} must be {self.allowed}, got {value}")
        numbers = np.asarray(
            value if isinstance(value, (list, tuple)) else to_numpy(value), dtype=np.float64
        ).ravel()
        wrong = [number for number in np.unique(numbers) if not self._allows(float(number))]
        if wrong:
            raise InputError(f"{self.name} must be {self.allowed}, got {wrong[0]:g} for at least one row")

    def _allows(self, number: float) -> bool:
        if number in self.off_values:
            return True
        return self.low <= number <= self.high and math.isfinite(number) and not (self.whole and number % 1)


def _checked(transform: Transform, logits: Array, value: Any) -> Array:
    transform.check(value)
    logits = as_floats(logits)
    check_logits(logits)
    return logits


TRANSFORMS: dict[str, Transform] = {
    row.name: row
    for row in (
        Transform(
            "temperature",
            temperature,
            "divide the logits by this; 0 is greedy, 1 leaves the model as it is",
            "a finite number of 0 (greedy) or more",
            low=0.0,
            high=math.inf,
            aliases=("temp",),
            truncates=False,
        ),
        Transform(
            "top_k",
            top_k,
            "keep this many of the most likely tokens",
            "a whole number of 1 or more (None, 0 or -1: off)",
            low=1,
            high=math.inf,
            off_values=(0, -1),
            whole=True,
        ),
        Transform(
            "top_p",
            top_p,
            "keep the smallest set of tokens that holds this share of the probability",
            "a number from 0 to 1 (None or 1: off)",
            low=0.0,
            high=1.0,
            aliases=("nucleus",),
            off_values=(1.0,),
        ),
        Transform(
            "min_p",
            min_p,
            "keep tokens with at least this share of the most likely token's probability",
            "a number from 0 to 1 (None or 0: off)",
            low=0.0,
            high=1.0,
            off_values=(0.0,),
        ),
    )
}

NAMES: dict[str, str] = {name: row.name for row in TRANSFORMS.values() for name in (row.name, *row.aliases)}
"""Every accepted name, in snake case, → the transform's own name."""


def find_transform(name: str) -> Transform:
    """The row for a name or alias, in snake or kebab case; raises InputError naming the known ones."""
    key = NAMES.get(name.strip().lower().replace("-", "_"))
    if key is None:
        raise InputError(f"unknown transform {name.strip()!r}; known are: {', '.join(TRANSFORMS)}")
    return TRANSFORMS[key]
