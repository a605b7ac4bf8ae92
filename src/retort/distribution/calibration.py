"""Whether probabilities come true, and temperatures that make one distribution match another or its labels.

Negative log-likelihood, Brier score, expected calibration error; equivalent, entropy-matched, calibrated temperature.
Equivalent and calibrated temperature minimise a loss that is convex in β = 1/τ, so the minimum is where its derivative,
which only rises, crosses 0; a bracketed root finder (scipy's brentq) cannot miss it. float64 numpy throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retort.distribution.arrays import Array, as_floats, to_numpy
from retort.distribution.divergences import kl
from retort.distribution.measures import entropy
from retort.distribution.softmax import log_softmax, softmax
from retort.errors import InputError


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error with the bins that it was computed on, because its value depends on them.

    Per bin: how many predictions fell in it, their mean confidence, and the share that were right (NaN if
    empty).
    """

    value: float
    num_bins: int
    counts: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]


def nll(logits: Array, labels: Array, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of the labels in nats: `-mean ln p_label` at τ; inf if a label has been
    removed.

    Shapes: logits `[n, vocab]`, labels `[n]` token ids. Raises InputError for labels out of range.
    """
    log_probs = log_softmax(_rows(logits), temperature)
    return float(-_at_labels(log_probs, labels).mean())


def brier(logits: Array, labels: Array, temperature: float = 1.0) -> float:
    """Mean Brier score over the whole vocabulary, `mean Σ_i (p_i - [i = label])²` at τ: 0 perfect, 2 the
    worst.

    Shapes as `nll`. Source: Brier 1950, eq. 2.
    """
    probs = softmax(_rows(logits), temperature)
    # Σ (p - y)² = Σ p² - 2 p_label + 1 needs no one-hot matrix.
    return float(np.mean(np.sum(probs**2, axis=-1) - 2.0 * _at_labels(probs, labels) + 1.0))


def ece(logits: Array, labels: Array, temperature: float = 1.0, num_bins: int = 15) -> CalibrationError:
    """Expected calibration error of the top token: `Σ_bins (n_b/n) |accuracy_b - confidence_b|` at τ.

    Bins have equal widths over (0, 1]. Shapes as `nll`. Source: Guo et al. 2017, eq. 3.
    """
    probs = softmax(_rows(logits), temperature)
    winners = np.argmax(probs, axis=-1)
    correct = winners == _checked_labels(probs, labels)
    return ece_of_confidences(probs[np.arange(len(probs)), winners], correct, num_bins)


def ece_of_confidences(confidences: Array, correct: Array, num_bins: int = 15) -> CalibrationError:
    """Expected calibration error of any stated confidences `[n]` in [0, 1] against outcomes `[n]` (true or
    false).

    Equal-width bins (0, 1/B], (1/B, 2/B] …; 0 falls in the first. Raises InputError for shapes that differ,
    for confidences outside [0, 1], and for fewer than one bin.
    """
    stated = np.asarray(confidences, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if stated.ndim != 1 or stated.shape != right.shape or len(stated) == 0:
        raise InputError(
            f"confidences and outcomes must be two lists of one length, got shapes {stated.shape} and {right.shape}"
        )
    if not ((stated >= 0.0) & (stated <= 1.0)).all():
        raise InputError("confidences must be from 0 to 1, got one outside; divide percentages by 100")
    if num_bins < 1:
        raise InputError(f"num_bins must be 1 or more, got {num_bins}")
    # Bins are open below and closed above, so 0 would fall in front of the first.
    bins = np.clip(np.ceil(stated * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    sums = np.bincount(bins, stated, minlength=num_bins), np.bincount(bins, right, minlength=num_bins)
    # 0/0 of an empty bin is NaN, as CalibrationError says.
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (total / counts for total in sums)
    value = float(np.abs(sums[0] - sums[1]).sum() / len(stated))
    return CalibrationError(
        value, num_bins, tuple(counts.tolist()), tuple(confidence.tolist()), tuple(accuracy.tolist())
    )


def label_rows(values: np.ndarray, labels: Array) -> np.ndarray:
    """`[n]` values at the labels; raises InputError for labels out of range or removed (-inf)."""
    chosen = _at_labels(values, labels)
    if (chosen == -math.inf).any():
        row = int(np.argmax(chosen == -math.inf))
        raise InputError(
            f"row {row}: its label has been removed (logit -inf), so no temperature can give it probability"
        )
    return chosen


def _rows(logits: Array) -> np.ndarray:
    values = to_numpy(as_floats(logits)).astype(np.float64)
    return values.reshape(-1, values.shape[-1])


def _at_labels(values: np.ndarray, labels: Array) -> np.ndarray:
    return values[np.arange(len(values)), _checked_labels(values, labels)]


def _checked_labels(values: np.ndarray, labels: Array) -> np.ndarray:
    ids = to_numpy(labels) if hasattr(labels, "detach") else np.asarray(labels)
    ids = ids.reshape(-1)
    if len(ids) != len(values) or len(ids) == 0:
        raise InputError(
            f"there must be one label for each row, got {len(ids)} labels for {len(values)} rows"
        )
    if ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= values.shape[-1]:
        raise InputError(
            f"labels must be token ids from 0 to {values.shape[-1] - 1}, got {ids.min()} to {ids.max()}"
        )
    return ids


COLDEST = 1e-3
HOTTEST = 1e3
"""Matching temperatures are looked for from COLDEST to HOTTEST."""


@dataclass(frozen=True)
class MatchedTemperature:
    """A temperature found by matching, and how good the match is.

    `residual` is what remains at that temperature, in nats: the mean KL (equivalent), the mean NLL
    (calibrated) or the mean absolute entropy difference (entropy-matched). `at_bound`: the best temperature
    lies at or beyond the range that was searched, so it is a limit and not a match.
    """

    temperature: float
    residual: float
    at_bound: bool
    num_contexts: int


def equivalent_temperature(
    logits_a: Array, logits_b: Array, temperature_a: float = 1.0
) -> MatchedTemperature:
    """The τ at which B is nearest to A at τ_A: `argmin_τ Σ_contexts KL(p^A_{τ_A} ‖ p^B_τ)`, with the mean KL
    left.

    Shapes: both `[contexts, vocab]` (or `[vocab]`), the same contexts in the same order. Convex in 1/τ; its
    derivative is `Σ (E_B[z_B] - E_A[z_B])`. Raises InputError for shapes that differ, and where A can give a
    token that B cannot, since the KL is then infinite at every τ.
    """
    a, b = _contexts(logits_a), _contexts(logits_b)
    if a.shape != b.shape:
        raise InputError(
            f"equivalent_temperature compares the same contexts over one vocabulary, got shapes {a.shape} and {b.shape}"
        )
    probs_a = softmax(a, temperature_a)
    # Of probabilities and not of logits: what A gives underflows to 0 at a low τ, and then B need not give it.
    missing = (probs_a > 0.0) & (b == -math.inf)
    if missing.any():
        row = int(np.argwhere(missing)[0, 0])
        raise InputError(
            f"context {row}: the first model gives probability to a token that the second one excludes, so no "
            "temperature makes them near; compare them before truncation"
        )
    temperature, at_bound = _minimum_over_temperature(b, float(_mean_under(probs_a, b).mean()))
    left = kl(log_softmax(a, temperature_a), log_softmax(b, temperature))
    return MatchedTemperature(temperature, float(left.mean()), at_bound, len(a))


def calibrated_temperature(logits: Array, labels: Array) -> MatchedTemperature:
    """The τ with the smallest mean negative log-likelihood of the labels, and that NLL in nats.

    Shapes: logits `[n, vocab]`, labels `[n]` token ids. Convex in 1/τ. `at_bound` is True where every label
    is the top token (τ → 0) or the logits say nothing about the labels (τ → ∞). Raises InputError for labels
    out of range or removed. Source: Guo et al. 2017, section 4.2 (temperature scaling).
    """
    values = _contexts(logits)
    chosen = label_rows(values, labels)
    temperature, at_bound = _minimum_over_temperature(values, float(chosen.mean()))
    nll = -label_rows(log_softmax(values, temperature), labels).mean()
    return MatchedTemperature(temperature, float(nll), at_bound, len(values))


def entropy_matched_temperature(
    logits_a: Array, logits_b: Array, temperature_a: float = 1.0
) -> MatchedTemperature:
    """The τ at which B's mean entropy equals A's at τ_A (bisection: entropy never falls with τ).

    Shapes: `[contexts, vocab]` each (or `[vocab]`); the contexts and vocabularies may differ.
    """
    a, b = _contexts(logits_a), _contexts(logits_b)
    target = float(np.mean(entropy(a, temperature_a)))

    def excess(log_temperature: float) -> float:
        return float(np.mean(entropy(b, math.exp(log_temperature)))) - target

    log_temperature, at_bound = _rising_root(excess, math.log(COLDEST), math.log(HOTTEST))
    temperature = math.exp(log_temperature)
    return MatchedTemperature(temperature, abs(excess(log_temperature)), at_bound, len(b))


def _minimum_over_temperature(logits: np.ndarray, target_mean: float) -> tuple[float, bool]:
    """The τ at which the mean logit under softmax(z/τ), averaged over contexts, is `target_mean`."""

    def slope(log_beta: float) -> float:
        return float(_mean_under(softmax(logits, math.exp(-log_beta)), logits).mean()) - target_mean

    # In ln β: the range spans six decades, and the root may lie in any of them.
    log_beta, at_bound = _rising_root(slope, -math.log(HOTTEST), -math.log(COLDEST))
    return math.exp(-log_beta), at_bound


def _mean_under(probs: np.ndarray, logits: np.ndarray) -> np.ndarray:
    # 0 · −inf is NaN; a token without probability adds nothing.
    return np.sum(probs * np.where(probs > 0.0, logits, 0.0), axis=-1)


def _rising_root(function: Callable[[float], float], low: float, high: float) -> tuple[float, bool]:
    """Where a function that never falls crosses 0, and whether that is at an end of [low, high] or beyond it."""
    from scipy.optimize import brentq

    # brentq needs a change of sign; without one the function is 0 at an end or beyond it.
    if function(low) >= 0.0:
        return low, True
    if function(high) <= 0.0:
        return high, True
    return float(brentq(function, low, high, xtol=1e-13, rtol=1e-13)), False


def _contexts(logits: Array) -> np.ndarray:
    values = _rows(logits)
    if len(values) == 0:
        raise InputError("at least one context is needed to match temperatures, got none")
    return values
