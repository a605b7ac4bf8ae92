"""Intervals for what a TOP_N source leaves unknown: entropy and tempered probabilities from k of V
log-probabilities.

Legend: k log-probabilities seen, the largest ones; V tokens in all; m = 1 - Σ seen is the tail's mass; p_k
the smallest seen probability, which no tail token exceeds. Where the tokens seen are not the k most probable ones, the
largest log-probability that any other can have is the `ceiling`. Everything is float64 numpy, entropies in nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, as_floats, to_numpy
from retort.distribution.measures import Interval
from retort.distribution.softmax import check_temperature
from retort.errors import InputError

MASS_ROUNDING = 1e-3
"""Seen probabilities may sum to more than one by this much: servers round log-probabilities to a few digits."""


def tail_entropy_interval(tail_mass: Any, smallest_seen: Any, num_seen: int, num_tokens: int) -> Interval:
    """`-Σ_tail p ln p` lies in `[-m ln p_k, m ln((V - k)/m)]` nats; both ends are 0 where the tail is empty.

    Raises InputError where no tail can have this mass: m below 0, or above (V - k)·p_k.
    """
    m, smallest = _checked_tail(tail_mass, smallest_seen, num_seen, num_tokens)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(m > 0.0, -m * np.log(smallest), 0.0)
        high = np.where(m > 0.0, m * np.log((num_tokens - num_seen) / m), 0.0)
    # A tail spread evenly at exactly p_k makes the ends equal, but for rounding.
    return Interval(low[()], np.maximum(low, high)[()])


def tempered_tail_interval(
    tail_mass: Any, smallest_seen: Any, num_seen: int, num_tokens: int, temperature: float
) -> Interval:
    """The tail's weight `Σ_tail p^{1/τ}`: for τ ≥ 1 in `[m p_k^{1/τ - 1}, (V - k)^{1 - 1/τ} m^{1/τ}]`.

    For τ < 1 the two ends change places, since p^{1/τ} is then convex in p. It is not m^{1/τ}, and not a
    share: divide by the sum over all tokens. Raises InputError as `tail_entropy_interval`, and for τ that is
    not above 0.
    """
    _check_above_zero(temperature)
    m, smallest = _checked_tail(tail_mass, smallest_seen, num_seen, num_tokens)
    power = 1.0 / temperature
    with np.errstate(divide="ignore", invalid="ignore"):
        at_most_smallest = np.where(m > 0.0, m * smallest ** (power - 1.0), 0.0)
        spread_evenly = np.where(m > 0.0, max(num_tokens - num_seen, 1) ** (1.0 - power) * m**power, 0.0)
    low, high = (at_most_smallest, spread_evenly) if temperature >= 1.0 else (spread_evenly, at_most_smallest)
    return Interval(low[()], np.maximum(low, high)[()])


def entropy_interval(
    top_log_probs: Array,
    num_tokens: int,
    temperature: float = 1.0,
    rounding: float = 0.0,
    ceiling: float | None = None,
) -> Interval:
    """`[...]` interval of the entropy in nats at τ, from the k largest log-probabilities `[..., k]` at τ = 1.

    With w = p^{1/τ}, W = Σ_tail w, Z = Σ_seen w + W and S = Σ_seen w ln w the entropy is `ln Z - (S + T)/Z`, where T is
    `W ln w_k` for a tail piled up at the ceiling and `W ln(W/(V - k))` for an even one. The first falls in W up to
    `Σ_seen w·(ln w_k - 1) - S` and grows from there, the second grows up to `(V - k)·exp(S/Σ_seen w)` and falls; each
    end is taken at the W that is nearest to its turning point. The ends are reached for τ ≥ 1; for τ < 1 they are safe
    but wider than need be.

    `rounding` is how far each log-probability may be from the truth: it moves the entropy by at most
    `(rounding/τ)·(ln V/2 + 1)`, since the standard deviation of ln q stays below `ln V/2 + 1`. `ceiling` is the largest
    log-probability of a token that was not seen; None: the smallest seen. Raises InputError for impossible
    log-probabilities.
    """
    seen = _seen(top_log_probs, num_tokens, rounding, ceiling)
    tail = _seen_tail(seen, num_tokens, temperature)
    unseen = num_tokens - seen.log_probs.shape[-1]
    log_w = seen.log_probs / temperature
    w = np.exp(log_w)
    seen_weight = w.sum(axis=-1)
    seen_w_log_w = np.sum(np.where(w > 0.0, w * np.where(w > 0.0, log_w, 0.0), 0.0), axis=-1)

    def total(weight: Any, tail_w_log_w: Any) -> Any:
        z = seen_weight + weight
        return np.maximum(np.log(z) - (seen_w_log_w + tail_w_log_w) / z, 0.0)

    with np.errstate(divide="ignore", invalid="ignore"):
        log_ceiling = np.log(seen.largest_unseen) / temperature
        piled = np.clip(seen_weight * (log_ceiling - 1.0) - seen_w_log_w, tail.low, tail.high)
        even = np.clip(unseen * np.exp(seen_w_log_w / seen_weight), tail.low, tail.high)
        piled_tail = np.where(piled > 0.0, piled * log_ceiling, 0.0)
        even_tail = np.where(even > 0.0, even * np.log(even / unseen), 0.0)
    moved = rounding / temperature * (math.log(num_tokens) / 2.0 + 1.0)
    low = np.maximum(total(piled, piled_tail) - moved, 0.0)
    high = np.minimum(total(even, even_tail) + moved, math.log(num_tokens))
    if temperature == 1.0:
        high = np.minimum(high, _most_entropy(seen, num_tokens, rounding))
    return Interval(np.minimum(low, high)[()], high[()])


def _most_entropy(seen: Seen, num_tokens: int, rounding: float) -> Any:
    """`[...]` the entropy at τ = 1 that no rounding exceeds: each term and an even tail at their own largest.

    For probabilities near one it is far below what moves all logs at once.
    """
    ends = seen.log_probs[..., None] + np.array([-rounding, rounding])
    # -p ln p is largest at p = 1/e, where the interval holds it.
    logs = np.minimum(np.clip(-1.0, ends[..., 0], ends[..., 1]), 0.0)
    terms = np.where(np.isneginf(logs), 0.0, -np.exp(logs) * np.where(np.isneginf(logs), 0.0, logs))
    unseen = max(num_tokens - seen.log_probs.shape[-1], 1)
    even = np.minimum(np.asarray(seen.tail_mass.high), unseen / math.e)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = np.where(even > 0.0, -even * np.log(even / unseen), 0.0)
    return terms.sum(axis=-1) + tail


def probs_interval(
    top_log_probs: Array,
    num_tokens: int,
    temperature: float,
    rounding: float = 0.0,
    ceiling: float | None = None,
) -> Interval:
    """`[..., k]` interval of each seen token's probability at τ: `p^{1/τ} / (Σ_seen p^{1/τ} + W)`, W the
    tail's weight.

    `rounding` and `ceiling` as in `entropy_interval`. Raises InputError for impossible log-probabilities and for τ that is not
    above 0.
    """
    seen = _seen(top_log_probs, num_tokens, rounding, ceiling)
    tail = _seen_tail(seen, num_tokens, temperature)
    w = np.exp(seen.log_probs / temperature)
    return _share(w, w.sum(axis=-1, keepdims=True) - w, tail, rounding / temperature)


def first_shares_interval(
    top_log_probs: Array,
    num_tokens: int,
    temperature: float,
    rounding: float = 0.0,
    ceiling: float | None = None,
) -> Interval:
    """`[..., k]` interval of the share at τ of the first n seen tokens, n = 1 to k; one minus the last is the tail's.

    Arguments and errors as `probs_interval`.
    """
    seen = _seen(top_log_probs, num_tokens, rounding, ceiling)
    tail = _seen_tail(seen, num_tokens, temperature)
    w = np.exp(seen.log_probs / temperature)
    first = np.cumsum(w, axis=-1)
    return _share(first, w.sum(axis=-1, keepdims=True) - first, tail, rounding / temperature)


def _share(part: np.ndarray, others: np.ndarray, tail: Interval, moved: float) -> Interval:
    """`part / (part + others + W)`, where rounding moves the log of every seen weight by up to `moved`."""
    odds = math.exp(2.0 * moved)  # the part rounded one way, all the others the other way
    most = np.asarray(tail.high)[..., None] * math.exp(moved)
    least = np.asarray(tail.low)[..., None] * math.exp(-moved)
    others = np.maximum(others, 0.0)
    return Interval(part / (part + others * odds + most), part / (part + others / odds + least))


@dataclass(frozen=True)
class Seen:
    """What the k largest log-probabilities say: they `[..., k]`, falling, and the limits of the tail `[...]`."""

    log_probs: np.ndarray
    tail_mass: Interval
    largest_unseen: np.ndarray


def _seen(top_log_probs: Array, num_tokens: int, rounding: float, ceiling: float | None = None) -> Seen:
    """The checked log-probabilities in falling order, and what is left for the tail.

    `ceiling` bounds the logprob of every other token; None: that of the last one seen does.
    """
    if not (rounding >= 0.0 and math.isfinite(rounding)):
        raise InputError(f"rounding must be a finite number of nats of 0 or more, got {rounding}")
    values = to_numpy(as_floats(top_log_probs)).astype(np.float64)
    if values.shape[-1] > num_tokens:
        raise InputError(
            f"at most {num_tokens} log-probabilities can be seen of {num_tokens} tokens, got {values.shape[-1]}"
        )
    if np.isnan(values).any() or (values > MASS_ROUNDING).any():
        raise InputError(
            "log-probabilities must be 0 or less, got NaN or a positive one; pass nats, not logits"
        )
    values = -np.sort(-values, axis=-1)
    probs = np.exp(values)
    mass = probs.sum(axis=-1)
    limit = probs[..., -1] if ceiling is None else np.full(mass.shape, math.exp(min(ceiling, 0.0)))
    # Whatever the ceiling, no token holds more than what the others leave.
    left = np.clip(1.0 - mass * math.exp(-rounding), 0.0, 1.0)
    largest_unseen = np.minimum(limit * math.exp(rounding), 1.0 if ceiling is None else left)
    most = (num_tokens - values.shape[-1]) * largest_unseen
    least, greatest = 1.0 - mass * math.exp(rounding), 1.0 - mass * math.exp(-rounding)
    _checked_tail(np.clip(most, least, greatest), largest_unseen, values.shape[-1], num_tokens)
    tail_mass = Interval(np.clip(least, 0.0, most), np.clip(greatest, 0.0, most))
    return Seen(values, tail_mass, largest_unseen)


def _seen_tail(seen: Seen, num_tokens: int, temperature: float) -> Interval:
    """The tail's weight at τ: its low end from the least tail mass, its high end from the most."""
    num_seen = seen.log_probs.shape[-1]
    least, most = (
        tempered_tail_interval(mass, seen.largest_unseen, num_seen, num_tokens, temperature)
        for mass in (seen.tail_mass.low, seen.tail_mass.high)
    )
    return Interval(least.low, most.high)


def _checked_tail(
    tail_mass: Any, smallest_seen: Any, num_seen: int, num_tokens: int
) -> tuple[np.ndarray, np.ndarray]:
    m, smallest = np.broadcast_arrays(
        np.asarray(tail_mass, np.float64), np.asarray(smallest_seen, np.float64)
    )
    if not 1 <= num_seen <= num_tokens:
        raise InputError(f"the number of seen tokens must be from 1 to {num_tokens}, got {num_seen}")
    if not ((m >= -MASS_ROUNDING) & (m <= 1.0)).all():
        raise InputError(
            f"the tail's mass must be from 0 to 1, got {float(np.min(m)):g} to {float(np.max(m)):g}"
        )
    most = (num_tokens - num_seen) * smallest
    if not (m <= most + MASS_ROUNDING).all():
        worst = int(np.argmax(m - most))
        raise InputError(
            f"{num_tokens - num_seen} unseen tokens of at most {float(smallest.flat[worst]):.3g} each cannot hold the "
            f"missing mass {float(m.flat[worst]):.6g}; the log-probabilities seen must be the largest, normalised"
        )
    # Within the rounding of the input the mass is moved to the nearest possible one.
    return np.clip(m, 0.0, most), smallest


def _check_above_zero(temperature: float) -> None:
    check_temperature(temperature)
    if not (isinstance(temperature, (int, float)) and temperature > 0.0 and math.isfinite(temperature)):
        raise InputError(
            f"temperature must be a number above 0 here, got {temperature}; at 0 the top token has it all"
        )
