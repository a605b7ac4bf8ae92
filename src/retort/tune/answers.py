"""Marks answers: few different texts come back from many draws, so each is normalised once, and judged once an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from retort.tune.scorers import Judge, Scorer
from retort.tune.task import Item


@dataclass
class Marker:
    """The scorer with the items, and what it said of the texts it has seen."""

    scorer: Scorer
    items: Sequence[Item]
    _key_of_text: dict[str, str] = field(default_factory=dict)
    _judges: dict[int, Judge] = field(default_factory=dict)
    _scores: dict[tuple[int, str], float] = field(default_factory=dict)

    def mark(self, item: int, text: str) -> tuple[str, float]:
        """The answer that `text` gives (equal for equal answers), and its score for item number `item`."""
        key = self._key_of_text.get(text)
        if key is None:
            key = self._key_of_text[text] = self.scorer.key(text)
        score = self._scores.get((item, key))
        if score is None:
            if item not in self._judges:
                asked = self.items[item]
                self._judges[item] = self.scorer.judge(asked.references, asked.checks)
            score = self._scores[item, key] = float(self._judges[item](key))
        return key, score
