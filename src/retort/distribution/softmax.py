"""Softmax at temperature τ, the check that every row of logits is usable, and the weights that truncations measure.

Legend: N rows, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.distribution.arrays import (
    Array,
    as_floats,
    detached,
    is_numpy,
    like,
    namespace,
    to_numpy,
    token_ids,
    widened,
)
from retort.errors import InputError
from retort.numerals import number

ROWS_NAMED = 5
"""An error names this many bad rows and counts the rest."""

SUM_TOLERANCE = 1e-3
"""How far from one the sum of given probabilities may be: float32 over a large vocabulary, not raw logits."""


def bad_rows(logits: Array) -> dict[tuple[int, ...], str]:
    """Row index → what is wrong with that row ("NaN", "+inf", "every token is -inf"); empty if all rows are
    usable.

    Shapes: logits `[..., vocab]`; the index has one integer for each leading axis, and is `()` for a single
    row. The maximum of a row tells all three faults at once, so this reads the logits one time.
    """
    return _faults(_row_maximum(as_floats(logits)))


def check_logits(logits: Array) -> None:
    """Nothing, if every row of `[..., vocab]` has a finite maximum.

    Raises InputError naming the rows that hold NaN or +inf, or where every token is -inf.
    """
    _raise_for_faults(_row_maximum(as_floats(logits)))


def check_temperature(temperature: Any) -> None:
    """Nothing, if each `temperature` is finite and not negative; else raises InputError."""
    smallest, greatest = extremes(temperature, "temperature")
    if not (smallest >= 0.0 and math.isfinite(greatest)):
        # `not >=` instead of `<`: NaN is neither.
        bad = smallest if not smallest >= 0.0 else greatest
        raise InputError(f"temperature must be a finite number of 0 (greedy) or more, got {bad:g}")


def tempered(logits: Array, temperature: Any) -> Array:
    """Logits at temperature τ, shifted so that the largest is 0: `(z - max z) / τ`.

    τ = 0 gives 0 for the largest logit (the lowest id if several tie) and -inf elsewhere: the limit τ → 0.
    The shift changes no probability and keeps a tiny τ from overflowing.
    Shapes: logits `[..., vocab]`, temperature a number or one for each row `[...]`. Inside and out: float64
    for numpy, at least float32 for torch. τ = 1 returns the logits as they are.
    Raises InputError for rows with NaN, +inf or nothing but -inf, and for τ that is negative or not finite.
    Source: Hinton, Vinyals, Dean 2015, eq. 1.
    """
    check_temperature(temperature)
    logits = as_floats(logits)
    maximum = _row_maximum(logits)
    _raise_for_faults(maximum)
    wide = widened(logits)
    xp = namespace(wide)
    # torch divides float32 by a float32, in which τ = 1e-50 is 0 and 0/0 NaN: the smallest it can hold serves as well.
    smallest = 0.0 if is_numpy(wide) else float(xp.finfo(wide.dtype).smallest_normal)
    if not is_per_row(temperature):
        temperature = float(temperature)
        if temperature == 1.0:
            return wide
        if temperature == 0.0:
            return _one_hot_logits(wide)
        # A subnormal τ may overflow the quotient to -inf, which is what the limit τ → 0 says.
        with np.errstate(over="ignore"):
            return (wide - widened(maximum)) / max(temperature, smallest)
    # Greedy rows are divided by 1 and then replaced: 0/0 would be NaN, and its gradient spoils the whole batch.
    given = per_row(temperature, wide)
    greedy = given == 0.0
    temperatures = xp.clip(xp.astype(given, wide.dtype), min=smallest)
    with np.errstate(over="ignore"):
        scaled = (wide - widened(maximum)) / xp.where(greedy, xp.ones_like(temperatures), temperatures)
    return xp.where(greedy, _one_hot_logits(wide), scaled) if bool(xp.any(greedy)) else scaled


def log_softmax(logits: Array, temperature: Any = 1.0) -> Array:
    """Log-probabilities (nats) at temperature τ: `z/τ - max - ln Σ exp(z/τ - max)`.

    Shapes `[..., vocab]` → `[..., vocab]`. Removed tokens stay -inf. τ = 0 gives 0 for the largest logit
    (lowest id) and -inf elsewhere. Inside and out: float64 for numpy; at least float32 for torch,
    differentiable. Raises InputError for rows with NaN, +inf or nothing but -inf, and for a bad τ.
    """
    scaled = tempered(logits, temperature)
    xp = namespace(scaled)
    if not is_numpy(scaled):
        return xp.log_softmax(scaled, dim=-1)
    # The maximum again, since τ = 1 gives the logits as they are.
    shifted = scaled - np.max(scaled, axis=-1, keepdims=True)
    shifted -= np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    return shifted


def softmax(logits: Array, temperature: Any = 1.0) -> Array:
    """Probabilities at temperature τ: `p_i = exp((z_i - max z)/τ) / Σ_j exp((z_j - max z)/τ)`.

    Shapes `[..., vocab]` → `[..., vocab]`. τ = 0 is one-hot on the largest logit (lowest id). Inside and out:
    float64 for numpy; at least float32 for torch, differentiable. Raises as `log_softmax` does.
    Source: Hinton, Vinyals, Dean 2015, eq. 1.
    """
    scaled = tempered(logits, temperature)
    xp = namespace(scaled)
    if not is_numpy(scaled):
        return xp.softmax(scaled, dim=-1)
    weights = scaled - np.max(scaled, axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= np.sum(weights, axis=-1, keepdims=True)
    return weights


def check_log_probs(log_probs: Array, name: str = "log_probs") -> None:
    """Nothing, if the probabilities of each row `[..., vocab]` sum to one within 0.001; else InputError."""
    xp = namespace(log_probs)
    sums = xp.sum(xp.exp(widened(detached(log_probs))), axis=-1)
    wrong = ~(xp.abs(sums - 1.0) <= SUM_TOLERANCE)  # NaN is wrong, too
    if bool(xp.any(wrong)):
        first = np.argwhere(np.atleast_1d(to_numpy(wrong)))[0]
        total = float(np.atleast_1d(to_numpy(sums))[tuple(first)])
        where = "" if sums.ndim == 0 else f" in row {', '.join(map(str, first))}"
        raise InputError(
            f"{name} must be normalised logprobs, got probabilities that sum to {number(total, 6)}{where}; "
            "pass raw logits through log_softmax first"
        )


def per_row(value: Any, logits: Array) -> Array:
    """`value` (a number or one for each row) as float64 `[..., 1]`, to broadcast over the vocabulary."""
    xp = namespace(logits)
    values = like(logits, value, dtype=xp.float64)
    if values.ndim == 0:
        return xp.broadcast_to(values, (*logits.shape[:-1], 1))
    if tuple(values.shape) != tuple(logits.shape[:-1]):
        raise InputError(
            f"a setting given for each row must have the shape of the rows {tuple(logits.shape[:-1])}, "
            f"got {tuple(values.shape)}"
        )
    return values[..., None]


def is_per_row(value: Any) -> bool:
    """True if `value` is an array or list with one setting for each row, False for a plain number."""
    return getattr(value, "ndim", 0) > 0 or isinstance(value, (list, tuple))


def extremes(value: Any, name: str) -> tuple[float, float]:
    """Smallest and largest of `value` (a number or an array of numbers); both NaN if any is NaN.

    Raises InputError, with `name` in it, if `value` is not made of numbers.
    """
    if hasattr(value, "detach"):
        value = to_numpy(value)
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:
        raise InputError(f"{name} is a number that no float holds") from None
    if numbers.size == 0:
        return 0.0, 0.0  # a batch of no rows: nothing is out of range
    return float(numbers.min()), float(numbers.max())


def _row_maximum(logits: Array) -> Array:
    """`[..., 1]` largest logit of each row; NaN where the row holds NaN."""
    # Detached: a softmax is the same whatever is subtracted from its logits, so the shift needs no gradient.
    return namespace(logits).max(detached(logits), axis=-1, keepdims=True)


def _one_hot_logits(logits: Array) -> Array:
    xp = namespace(logits)
    # By its place and not by its value: of tied logits the lowest id alone stays.
    winner = xp.argmax(detached(logits), axis=-1, keepdims=True)
    zero = xp.zeros_like(logits)
    return xp.where(token_ids(logits) == winner, zero, zero - math.inf)


def _raise_for_faults(maximum: Array) -> None:
    faults = _faults(maximum)
    if not faults:
        return
    if () in faults:
        raise InputError(f"these logits cannot be used: {faults[()]}; check the model that produced them")
    named = "; ".join(
        f"row {', '.join(map(str, row))}: {fault}" for row, fault in list(faults.items())[:ROWS_NAMED]
    )
    more = f" and {len(faults) - ROWS_NAMED} more rows" if len(faults) > ROWS_NAMED else ""
    raise InputError(
        f"{len(faults)} of {math.prod(maximum.shape[:-1])} rows of logits cannot be used ({named}{more}); "
        "check the model that produced them, or leave these rows out"
    )


def _faults(maximum: Array) -> dict[tuple[int, ...], str]:
    xp = namespace(maximum)
    finite = xp.isfinite(maximum)
    # Asked on the device first: almost every batch is sound, and its maxima need not be copied to the host.
    if bool(xp.all(finite)):
        return {}
    values = to_numpy(maximum)[..., 0]
    return {
        tuple(int(i) for i in row): _fault(float(values[tuple(row)]))
        for row in np.argwhere(~np.isfinite(values))
    }


def _fault(maximum: float) -> str:
    if math.isnan(maximum):
        return "NaN among the logits"
    return "+inf among the logits" if maximum > 0 else "every token is -inf, so none can be chosen"


@dataclass(frozen=True)
class Weights:
    """`gaps` `z - max z` (-inf: removed), `weights` `exp(gaps)`, `total` `Σ w` (at least 1); all float64.

    The natural logarithm of a probability is `gaps - ln total`.
    """

    gaps_NV: Array
    weights_NV: Array
    total_N1: Array

    @classmethod
    def of(cls, rows_NV: Array) -> Weights:
        """The weights of rows `[N, vocab]` whose largest logit is finite."""
        xp = namespace(rows_NV)
        gaps_NV = gaps(rows_NV)
        weights_NV = xp.exp(gaps_NV)
        return cls(gaps_NV, weights_NV, xp.sum(weights_NV, axis=-1, keepdims=True))

    @property
    def log_total_N1(self) -> Array:
        """`ln Σ w`, in nats: the surprise of the most likely token."""
        return namespace(self.total_N1).log(self.total_N1)

    @property
    def mean_gap_N1(self) -> Array:
        """`Σ p·(z - max z)`: the expected logit, counted from the largest; 0 or less."""
        xp = namespace(self.gaps_NV)
        parts_NV = finite(self.gaps_NV)
        parts_NV *= self.weights_NV  # in place: `finite` has made a copy
        return xp.sum(parts_NV, axis=-1, keepdims=True) / self.total_N1

    @property
    def entropy_N1(self) -> Array:
        """`H = -Σ p ln p = ln Σ w - Σ p·(z - max z)`, in nats, never below 0."""
        # Of a nearly certain row the difference can round to a little below 0.
        return namespace(self.gaps_NV).clip(self.log_total_N1 - self.mean_gap_N1, min=0.0)


def gaps(rows_NV: Array) -> Array:
    """`[N, vocab]` distance of each logit to the largest of its row, `z - max z` in float64; -inf where removed."""
    xp = namespace(rows_NV)
    wide_NV = xp.astype(rows_NV, xp.float64)  # always a copy, so the subtraction may be in place
    wide_NV -= xp.max(wide_NV, axis=-1, keepdims=True)
    return wide_NV


def finite(gaps_NV: Array) -> Array:
    """The gaps with 0 in place of -inf, so that a removed token can be multiplied by its weight of 0."""
    xp = namespace(gaps_NV)
    return xp.where(gaps_NV > -math.inf, gaps_NV, xp.zeros_like(gaps_NV))
