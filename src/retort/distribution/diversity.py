"""How different a set of samples is: distinct-n, self-BLEU, the Vendi score, and the number of meanings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from retort.distribution.arrays import Array, to_numpy
from retort.errors import InputError

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
    return sum(_bleu(text, [*texts[:i], *texts[i + 1 :]], max_order) for i, text in enumerate(texts)) / len(
        texts
    )


def vendi_score(similarity: Array) -> float:
    """Effective number of different samples, `exp(-Σ λ ln λ)` over the eigenvalues λ of K/n: 1 (copies) to n.

    Shape: similarity K `[n, n]`, symmetric, ones on its diagonal. Raises InputError for anything else.
    Source: Friedman and Dieng 2023, definition 3.1.
    """
    kernel = _kernel(similarity)
    eigenvalues = np.linalg.eigvalsh(kernel / len(kernel))
    if eigenvalues.min() < -1e-6:
        raise InputError(
            f"the similarity matrix must be positive semidefinite, got an eigenvalue of {eigenvalues.min():.3g}; "
            "use a kernel, for instance the cosine of embeddings"
        )
    positive = eigenvalues[eigenvalues > 0.0]
    return math.exp(-float(np.sum(positive * np.log(positive))))


def semantic_distinct(similarity: Array, threshold: float) -> int:
    """Number of meanings among k samples: groups linked by similarity at or above the threshold (single
    linkage).

    Shape: similarity `[k, k]`, symmetric, ones on its diagonal. Raises InputError for anything else.
    """
    kernel = _kernel(similarity)
    group = np.arange(len(kernel))
    for first, second in np.argwhere(np.triu(kernel >= threshold, k=1)):
        group[group == group[second]] = group[first]
    return len(np.unique(group))


def _n_grams(text: Text, n: int) -> list[tuple[Hashable, ...]]:
    return [tuple(text[start : start + n]) for start in range(len(text) - n + 1)]


def _bleu(text: Text, references: Sequence[Text], max_order: int) -> float:
    log_precision = 0.0
    for n in range(1, max_order + 1):
        counts = Counter(_n_grams(text, n))
        best: Counter[tuple[Hashable, ...]] = Counter()
        for reference in references:
            best |= Counter(_n_grams(reference, n))
        smoothing = 0 if n == 1 else 1
        matches = (counts & best).total() + smoothing
        total = counts.total() + smoothing
        if matches == 0:
            return 0.0
        log_precision += math.log(matches / total) / max_order
    nearest = min(
        (len(reference) for reference in references), key=lambda length: (abs(length - len(text)), length)
    )
    return math.exp(min(0.0, 1.0 - nearest / len(text)) + log_precision)


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
