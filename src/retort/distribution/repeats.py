"""What repeated samples of one item say: pass@k, pass^k, agreement, and share of items answered always alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from math import comb

from retort.errors import InputError


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """Chance that at least one of k samples drawn without replacement is right: `1 - C(n-c, k)/C(n, k)`.

    Raises InputError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n. Source: Chen et al. 2021, eq. 1.
    """
    _check_counts(num_samples, num_correct, k)
    return 1.0 - comb(num_samples - num_correct, k) / comb(num_samples, k)


def pass_hat_k(num_samples: int, num_correct: int, k: int) -> float:
    """pass^k, the chance that all of k samples drawn without replacement are right: `C(c, k)/C(n, k)`.

    Raises InputError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n. Source: Yao et al. 2024 (τ-bench), section 4.
    """
    _check_counts(num_samples, num_correct, k)
    return comb(num_correct, k) / comb(num_samples, k)


def agreement(answers: Iterable[Hashable]) -> float:
    """Chance that two samples drawn without replacement are equal: `Σ_a C(n_a, 2)/C(N, 2)`; 1 if all are
    alike.

    Raises InputError for fewer than two answers.
    """
    counts = Counter(answers)
    total = sum(counts.values())
    if total < 2:
        raise InputError(f"agreement needs at least two answers to compare, got {total}; draw more samples")
    return sum(comb(count, 2) for count in counts.values()) / comb(total, 2)


def identical_share(answers_per_item: Sequence[Sequence[Hashable]]) -> float:
    """Share of items whose answers are all the same. Raises InputError for no items or an item with no answers."""
    if not answers_per_item or not all(len(answers) for answers in answers_per_item):
        raise InputError("identical_share needs at least one item, and at least one answer for each")
    return sum(len(set(answers)) == 1 for answers in answers_per_item) / len(answers_per_item)


def _check_counts(num_samples: int, num_correct: int, k: int) -> None:
    if not 0 <= num_correct <= num_samples:
        raise InputError(f"the number of right samples must be from 0 to {num_samples}, got {num_correct}")
    if not 1 <= k <= num_samples:
        raise InputError(
            f"k must be from 1 to the number of samples {num_samples}, got {k}; draw more samples"
        )
