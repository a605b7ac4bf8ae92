"""The answers of a sweep as small integers, and what is read off them: scores, distinct, agreement.

Few different texts come back from many draws, so each is normalised once and judged once; after that everything is
counting. Shapes: codes `[prompts, samples, settings]` of one item, equal where the answers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retort.distribution.repeats import agreement
from retort.tune.scorers import Scorer

Codes = NDArray[np.int32]


@dataclass
class AnswerCodes:
    """Gives every different answer a number. One for a whole sweep: texts are shared between items too."""

    scorer: Scorer
    keys: list[str] = field(default_factory=list)
    _code_of_key: dict[str, int] = field(default_factory=dict)
    _code_of_text: dict[str, int] = field(default_factory=dict)

    def code(self, text: str) -> int:
        """The number of the answer that `text` gives."""
        code = self._code_of_text.get(text)
        if code is None:
            key = self.scorer.key(text)
            code = self._code_of_key.setdefault(key, len(self.keys))
            if code == len(self.keys):
                self.keys.append(key)
            self._code_of_text[text] = code
        return code


def item_scores(codes: Codes, references: Sequence[str], answers: AnswerCodes) -> NDArray[np.float64]:
    """One item's score at each setting, `[settings]`, the mean over its prompts.

    The share of samples that are right; for a scorer that counts distinct answers, the number of different right ones
    among the samples.
    """
    judge = answers.scorer.judge(references)
    used, places = np.unique(codes, return_inverse=True)
    right = np.array([judge(answers.keys[code]) for code in used])[places].reshape(codes.shape)
    if answers.scorer.counts_distinct:
        return _first_of_its_kind(codes, right).sum(axis=1).mean(axis=0, dtype=np.float64)
    return right.mean(axis=1, dtype=np.float64).mean(axis=0)


def distinct_share(codes: Codes) -> NDArray[np.float64]:
    """One item's share of samples that are different answers, `[settings]`: 1 where all differ, 1/samples where all
    are equal; the mean over its prompts."""
    samples = codes.shape[1]
    return _first_of_its_kind(codes, np.ones(codes.shape, dtype=bool)).sum(axis=1).mean(axis=0) / samples


def agreement_share(codes: Codes) -> NDArray[np.float64] | None:
    """One item's agreement at each setting (share of pairs of samples with the same answer), `[settings]`, the mean
    over its prompts; None for one sample, which has no pair."""
    prompts, samples, settings = codes.shape
    if samples < 2:
        return None
    shares = [[agreement(codes[p, :, s].tolist()) for s in range(settings)] for p in range(prompts)]
    return np.mean(shares, axis=0)


def _first_of_its_kind(codes: Codes, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Marks one sample for each different code among the wanted ones, along the samples axis of the sorted codes."""
    kept = np.sort(np.where(wanted, codes, -1), axis=1)
    first = np.ones(codes.shape, dtype=bool)
    first[:, 1:] = kept[:, 1:] != kept[:, :-1]
    return first & (kept >= 0)
