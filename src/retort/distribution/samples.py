"""What several samples say: how different they are, how often they agree or are right, and their worth elsewhere."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from retort.distribution.arrays import Array, as_floats, namespace, to_numpy
from retort.errors import InputError
from retort.numerals import decimals, number, percent

Text = Sequence[Hashable]
"""A text as a sequence of words or token ids; a plain string would count as letters."""


def distinct_n(texts: Sequence[Text], n: int) -> float:
    """Different n-grams divided by all n-grams over all texts together; from near 0 (copies) to 1 (no
    repeat).

    Texts shorter than n add none; 0 if there are no n-grams at all. Raises InputError for n below 1.
    Source: Li et al. 2016, section 5.2.
    """
    _check_order(n)
    grams = [gram for text in texts for gram in _n_grams(text, n)]
    return len(set(grams)) / len(grams) if grams else 0.0


def self_bleu(texts: Sequence[Text], max_order: int = 4) -> float:
    """Mean BLEU of each text against all others, 0 (unlike) to 1 (copies): `BP · exp(mean_n ln precision_n)`.

    Smoothing, stated because values depend on it: add one to matches and totals for n > 1 (Lin and Och 2004);
    the unigram precision is not smoothed, so a text that shares no word scores 0. Brevity penalty with the
    nearest length. Raises InputError for fewer than two texts. Source: Zhu et al. 2018 (Texygen), section 3.
    """
    _check_order(max_order)
    if len(texts) < 2:
        raise InputError(f"self_bleu compares texts with each other and needs at least two, got {len(texts)}")
    # Copies have the same score, so each different text is scored once: at a low τ most samples are copies.
    kinds = Counter(tuple(text) for text in texts)
    others = _Others(kinds, max_order)
    return sum(count * others.bleu(text) for text, count in kinds.items()) / len(texts)


def n_gram_similarity(texts: Sequence[Text], max_order: int = 2) -> np.ndarray:
    """Cosine between the texts' counts of n-grams, all lengths 1 to `max_order` in one vector; 1: the same n-grams.

    Shape: `[k, k]` float64, symmetric, positive semidefinite, ones on its diagonal; a text without words is like other
    such texts and like nothing else. A kernel for `vendi_score` and `semantic_distinct` that needs no model: it sees
    words and not meanings. Raises InputError for max_order below 1.
    """
    _check_order(max_order)
    columns: dict[tuple[Hashable, ...], int] = {}
    places: list[tuple[int, int]] = []
    for row, text in enumerate(texts):
        grams = [gram for n in range(1, max_order + 1) for gram in _n_grams(text, n)]
        # A text without words has one column of its own, so that its vector is not 0 and its norm no divisor of 0.
        places.extend((row, columns.setdefault(gram, len(columns))) for gram in grams or [()])
    counts = np.zeros((len(texts), len(columns)))
    np.add.at(counts, tuple(np.array(places, dtype=np.int64).reshape(-1, 2).T), 1.0)
    counts /= np.linalg.norm(counts, axis=1, keepdims=True)
    # Products of unit vectors may round to a little above 1.
    similarity = np.minimum(counts @ counts.T, 1.0)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def vendi_score(similarity: Array) -> float:
    """Effective number of different samples, `exp(-Σ λ ln λ)` over the eigenvalues λ of K/n: 1 (copies) to n.

    Shape: similarity K `[n, n]`, symmetric, ones on its diagonal. Raises InputError for anything else.
    Source: Friedman and Dieng 2023, definition 3.1.
    """
    kernel = _kernel(similarity)
    eigenvalues = np.linalg.eigvalsh(kernel / len(kernel))
    if eigenvalues.min() < -1e-6:
        raise InputError(
            "the similarity matrix must be positive semidefinite, got an eigenvalue of "
            f"{number(eigenvalues.min(), 3)}; "
            "use a kernel, for instance the cosine of embeddings"
        )
    # Those of copies are 0 but for rounding, on either side of it.
    positive = eigenvalues[eigenvalues > 0.0]
    return math.exp(-float(np.sum(positive * np.log(positive))))


def semantic_distinct(similarity: Array, threshold: float) -> int:
    """Number of meanings among k samples: groups linked by similarity at or above the threshold (single
    linkage).

    Shape: similarity `[k, k]`, symmetric, ones on its diagonal. Raises InputError for anything else.
    """
    kernel = _kernel(similarity)
    group = np.arange(len(kernel))
    # Single linkage without a distance matrix of scipy's: joining two groups renames one of them.
    for first, second in np.argwhere(np.triu(kernel >= threshold, k=1)):
        group[group == group[second]] = group[first]
    return len(np.unique(group))


def _n_grams(text: Text, n: int) -> list[tuple[Hashable, ...]]:
    return [tuple(text[start : start + n]) for start in range(len(text) - n + 1)]


class _Others:
    """Different texts with their counts, so that each can be compared with all others in its own length.

    Kept for each n-gram: the largest number of times a text has it, that text, and the largest number among the rest.
    """

    def __init__(self, kinds: Counter[tuple[Hashable, ...]], max_order: int) -> None:
        self.kinds, self.max_order = kinds, max_order
        self.lengths = Counter(len(text) for text in kinds)
        self.grams = {text: [Counter(_n_grams(text, n)) for n in range(1, max_order + 1)] for text in kinds}
        self.most: dict[tuple[Hashable, ...], tuple[int, tuple[Hashable, ...], int]] = {}
        # With the two largest counts, "the most among all others" is one look-up for any text, and n texts take n steps
        # instead of n².
        for text, orders in self.grams.items():
            for counts in orders:
                for gram, count in counts.items():
                    first, holder, second = self.most.get(gram, (0, text, 0))
                    self.most[gram] = (
                        (count, text, first) if count > first else (first, holder, max(second, count))
                    )

    def bleu(self, text: tuple[Hashable, ...]) -> float:
        """BLEU of one text against all others; 1 where there is a copy of it."""
        # A copy among the others matches every n-gram at its own length.
        if not text or self.kinds[text] > 1:
            return 1.0 if text else 0.0
        log_precision = 0.0
        for n, counts in enumerate(self.grams[text], start=1):
            smoothing = 0 if n == 1 else 1
            matches = (
                sum(min(count, self._elsewhere(gram, text)) for gram, count in counts.items()) + smoothing
            )
            if matches == 0:
                return 0.0
            log_precision += math.log(matches / (counts.total() + smoothing)) / self.max_order
        # The text's own length counts only if another text has it, too. Of two as near the shorter is meant.
        lengths = [length for length, number in self.lengths.items() if number > (length == len(text))]
        nearest = min(lengths, key=lambda length: (abs(length - len(text)), length))
        return math.exp(min(0.0, 1.0 - nearest / len(text)) + log_precision)

    def _elsewhere(self, gram: tuple[Hashable, ...], text: tuple[Hashable, ...]) -> int:
        first, holder, second = self.most[gram]
        # Identity is enough: the holder is one of the dictionary's own keys, and so is the text that is asked about.
        return second if holder is text else first


def _kernel(similarity: Array) -> np.ndarray:
    kernel = to_numpy(similarity) if hasattr(similarity, "detach") else np.asarray(similarity)
    kernel = kernel.astype(np.float64)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or len(kernel) == 0:
        raise InputError(
            f"a similarity matrix must be square, one row for each sample, got shape {kernel.shape}"
        )
    if not (np.allclose(kernel, kernel.T, atol=1e-6) and np.allclose(np.diag(kernel), 1.0, atol=1e-6)):
        raise InputError(
            "a similarity matrix must be symmetric with ones on its diagonal; normalise the embeddings"
        )
    return kernel


def _check_order(n: int) -> None:
    if n < 1:
        raise InputError(f"the length of n-grams must be 1 or more, got {n}")


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


SMALLEST_SHARE = 0.1
"""Re-weighting is refused if the samples are worth less than this share of their number."""


@dataclass(frozen=True)
class Reweighting:
    """Weights `[n]` that sum to one, and the effective sample size `(Σw)²/Σw²`, between 1 and n.

    `mean_weight`: of the weights before they are made to sum to one. It is 1 on average; far below 1, much of what the
    target would draw was never drawn, which the effective sample size cannot see.
    """

    weights: np.ndarray
    effective_sample_size: float
    mean_weight: float


def importance_weights(
    log_probs_target: Array, log_probs_source: Array, smallest_share: float = SMALLEST_SHARE
) -> Reweighting:
    """Weights `w = Π q_target/q_source` of samples drawn from the source setting, normalised to sum to one.

    Shapes: `[n]` log-probability of each whole sample under each setting, or `[n, positions]`, summed over
    positions (pad with 0). Processed log-probabilities, in nats. Call `check_support` too: samples alone
    cannot show what the source could never have drawn.
    Raises InputError where the source gives a sample no probability, where the target gives none to any, and
    where the effective sample size is below `smallest_share` of n. Source: Kong 1992 (effective sample size).
    """
    target, source = (
        to_numpy(as_floats(values)).astype(np.float64) for values in (log_probs_target, log_probs_source)
    )
    if target.shape != source.shape or target.ndim not in (1, 2):
        raise InputError(
            f"logprobs must have one shape, [n] or [n, positions], got {target.shape} and {source.shape}"
        )
    if target.ndim == 2:
        target, source = target.sum(axis=1), source.sum(axis=1)
    if np.isnan(target).any() or not np.isfinite(source).all():
        raise InputError(
            "every sample must have a finite logprob under the setting that drew it, got NaN or -inf"
        )
    if (target == -math.inf).all():
        raise InputError("none of these samples is possible under the target setting; draw new ones there")
    log_weights = target - source
    # From the largest: a text's weight is a product over its tokens and easily beyond float64.
    weights = np.exp(log_weights - log_weights.max())
    with np.errstate(over="ignore"):
        mean_weight = float(np.exp(log_weights.max()) * weights.mean())
    weights /= weights.sum()
    size = 1.0 / float(np.sum(weights**2))
    if size < smallest_share * len(weights):
        raise InputError(
            f"the {len(weights)} samples are worth only {decimals(size, 1)} at the target setting, below "
            f"{percent(smallest_share)} of their number; the settings are too far apart, draw samples nearer to it"
        )
    return Reweighting(weights, size, mean_weight)


def check_support(processed_target: Array, processed_source: Array) -> None:
    """Nothing, if the source setting can draw every token that the target setting can; else raises
    InputError.

    Shapes: processed logits `[..., vocab]` of both settings at the same positions, removed tokens -inf.
    """
    target, source = as_floats(processed_target), as_floats(processed_source)
    if target.shape != source.shape:
        raise InputError(
            f"supports are compared at the same positions, got shapes {tuple(target.shape)} and {tuple(source.shape)}"
        )
    outside = (target > -math.inf) & (source == -math.inf)
    xp = namespace(target)
    if bool(xp.any(outside)):
        count = int(xp.sum(xp.astype(outside, xp.int64)))
        raise InputError(
            f"the target setting allows {count} tokens that the source setting removed, so its samples cannot "
            "speak for the target; draw from the wider setting"
        )
