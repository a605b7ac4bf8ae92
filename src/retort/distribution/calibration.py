"""Whether probabilities come true: negative log-likelihood, Brier score, expected calibration error. float64 numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retort.distribution.arrays import Array, as_floats, to_numpy
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
    bins = np.clip(np.ceil(stated * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    sums = np.bincount(bins, stated, minlength=num_bins), np.bincount(bins, right, minlength=num_bins)
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
