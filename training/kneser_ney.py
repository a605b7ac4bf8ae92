"""An interpolated Kneser-Ney trigram over the same tokens: the baseline that base must beat.

Kneser and Ney 1995, as in Chen and Goodman 1998, section 2.7: absolute discounts n1/(n1 + 2·n2) for
each order, continuation counts below the highest. Counting is sorting: an n-gram is one integer.
"""

from __future__ import annotations

import numpy as np


def _count(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(keys, return_counts=True)


def _discount(counts: np.ndarray) -> float:
    ones, twos = int((counts == 1).sum()), int((counts == 2).sum())
    return ones / (ones + 2 * twos) if ones + twos else 0.5


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """values at the sorted keys, 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


class _Level:
    """One order: counts of (context, token), and per context its total and its number of distinct tokens."""

    def __init__(self, keys: np.ndarray, counts: np.ndarray, vocabulary: int) -> None:
        self.keys, self.counts, self.discount = keys, counts.astype(np.float64), _discount(counts)
        self.contexts, start = np.unique(keys // vocabulary, return_index=True)
        self.totals = np.add.reduceat(self.counts, start)
        self.followers = np.diff(np.append(start, len(keys))).astype(np.float64)

    def mix(self, wanted: np.ndarray, vocabulary: int, lower: np.ndarray) -> np.ndarray:
        """max(c − D, 0)/total + D·followers/total · lower; `lower` alone where the context was never seen."""
        context = wanted // vocabulary
        total = _look_up(self.contexts, self.totals, context)
        kept = np.maximum(_look_up(self.keys, self.counts, wanted) - self.discount, 0.0)
        spare = self.discount * _look_up(self.contexts, self.followers, context)
        seen = total > 0
        safe = np.where(seen, total, 1.0)
        return np.where(seen, kept / safe + spare / safe * lower, lower)


class KneserNey:
    """Trigram over token ids, trained on rows [rows, length]; n-grams do not cross rows."""

    def __init__(self, rows: np.ndarray, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        ids = rows.astype(np.int64)
        pairs = ids[:, :-1] * vocabulary + ids[:, 1:]
        triples = pairs[:, :-1] * vocabulary + ids[:, 2:]
        triple_keys, triple_counts = _count(triples.ravel())
        pair_keys, pair_counts = _count(triple_keys % vocabulary**2)  # contexts that a pair follows
        word_keys, word_counts = _count(pair_keys % vocabulary)
        self.three = _Level(triple_keys, triple_counts, vocabulary)
        self.two = _Level(pair_keys, pair_counts, vocabulary)
        self.one = _Level(word_keys, word_counts, vocabulary)

    def nll(self, rows: np.ndarray) -> float:
        """Nats a token over all but the first token of each row, whose second has one token of context."""
        ids = rows.astype(np.int64)
        token = ids[:, 1:]
        pair = ids[:, :-1] * self.vocabulary + token
        one = self.one.mix(token, self.vocabulary, np.full(token.shape, 1.0 / self.vocabulary))
        two = self.two.mix(pair, self.vocabulary, one)
        triple = ids[:, :-2] * self.vocabulary**2 + pair[:, 1:]
        three = self.three.mix(triple, self.vocabulary, two[:, 1:])
        return float(-(np.log(two[:, :1]).sum() + np.log(three).sum()) / token.size)
