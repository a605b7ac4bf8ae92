"""TopSource: the best tokens of a MockSource, as a server would give them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mock_source import MockSource
from retort.sources.base import Capability, KnownToken, KnownTop, ReadToken


class TopSource(MockSource):
    """The `seen` best tokens of the MockSource of this vocabulary; texts are cut at spaces."""

    capability = Capability.TOP_N
    probe = None

    def __init__(self, vocab_size: int, seen: int) -> None:
        super().__init__(vocab_size, ends=False)
        self.seen = seen

    def next_tokens(self, prompt, count=None) -> KnownTop:
        logits = self.logits_of(self.encode(prompt)).astype(np.float64)
        log_probs = logits - np.log(np.exp(logits).sum())
        ids = np.argsort(-log_probs, kind="stable")[: self.seen]
        tokens = tuple(KnownToken(self.token_text(i), float(log_probs[i]), int(i)) for i in ids)
        return KnownTop(tokens, self.vocab_size)

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        for word in text.split():
            yield ReadToken(prompt, f" {word}", self.next_tokens(prompt))
            prompt += f" {word}"
