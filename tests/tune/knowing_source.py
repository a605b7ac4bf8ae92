"""A source that knows one or more words for each prompt, so that the right share at every temperature has a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retort.sources.base import Capability, Source
from retort.tune.plan import Plan
from retort.tune.samples import Rows
from retort.tune.sweep import LocalDrawer


class KnowingSource:
    """After the prompt's last word, its known words have logit `lead`, all other words 0; then the text ends.

    With k known words of V + 1 tokens, a right answer has the chance k·e^{lead/τ} / (k·e^{lead/τ} + V − k).
    """

    capability = Capability.FULL
    max_context = None
    note = None

    def __init__(self, known: Mapping[str, Sequence[str]], num_others: int = 30, lead: float = 4.0) -> None:
        self.name = "knowing"
        words = list(dict.fromkeys([*known, *(word for words in known.values() for word in words)]))
        self.words = ["<end>", *words, *(f"other{number}" for number in range(num_others))]
        self.vocab_size = len(self.words)
        self.end_ids = frozenset({0})
        self.known = {
            self.words.index(asked): [self.words.index(word) for word in words]
            for asked, words in known.items()
        }
        self.lead = lead
        self.rows = 0

    def encode(self, text: str) -> list[int]:
        return [self.words.index(word) for word in text.split() if word in self.words]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.token_text(token) for token in ids if token not in self.end_ids)

    def token_text(self, token_id: int) -> str:
        return f" {self.words[token_id]}"

    def start(self, prompts: Sequence[Sequence[int]]) -> KnowingDecoder:
        # A second word is the answer to the first.
        return KnowingDecoder(self, [(prompt[0], len(prompt) > 1) for prompt in prompts])


class KnowingDecoder:
    """Rows are (the word asked about, whether it has been answered)."""

    def __init__(self, source: KnowingSource, rows: list[tuple[int, bool]]) -> None:
        self._source = source
        self._run(rows)

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        self._run([(self._rows[parent][0], True) for parent in parents])

    def _run(self, rows: list[tuple[int, bool]]) -> None:
        self._rows = rows
        self._source.rows += len(rows)
        self.logits = np.zeros((len(rows), self._source.vocab_size), dtype=np.float32)
        for row, (asked, answered) in enumerate(rows):
            if answered:
                self.logits[row, 1:] = -np.inf
            else:
                self.logits[row, 0] = -np.inf
                self.logits[row, self._source.known[asked]] = self._source.lead


def sweep(plan: Plan, source: Source) -> list[Rows]:
    """Every answer of the plan, piece by piece."""
    drawer = LocalDrawer(plan, source)
    return [drawer.draw(number, places, range(len(plan.axis))) for number, places in enumerate(plan.pieces)]
