"""MockSource: a model without a model. Its logits are a seeded hash of the whole prefix, so every prefix has its own.

Tokens are letters and spaces of an alphabet (byte-like), or words; nothing is downloaded and nothing is slow. It counts
the rows it was asked to run, which is what forward passes mean in the tests of sampling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from retort.sources.base import Capability, check_extend, check_prompts


class MockSource:
    """A Source of `vocab_size` words "w0 w1 …" with pseudo-random logits of standard deviation `spread`.

    Token 0 ends a text if `ends` (its logit is then raised by `end_bias`); `ties` rounds the logits to whole numbers,
    so that many of them tie. `forward_rows` counts rows run, `passes` batches of rows; `starts` the calls to `start`.
    """

    capability = Capability.FULL
    note = None

    def __init__(
        self,
        vocab_size: int = 16,
        *,
        spread: float = 2.0,
        seed: int = 0,
        ends: bool = True,
        end_bias: float = 0.0,
        ties: bool = False,
        max_context: int | None = None,
    ) -> None:
        self.name = f"mock:{vocab_size}"
        self.vocab_size = vocab_size
        self.spread = spread
        self.seed = seed
        self.end_ids = frozenset({0}) if ends else frozenset()
        self.end_bias = end_bias
        self.ties = ties
        self.max_context = max_context
        self.forward_rows = 0
        self.passes = 0
        self.starts = 0
        self.largest_batch = 0

    def encode(self, text: str) -> list[int]:
        return [self._id(word) for word in text.split()]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.token_text(token) for token in ids if token not in self.end_ids)

    def token_text(self, token_id: int) -> str:
        return f" w{token_id}"

    def start(self, prompts: Sequence[Sequence[int]]) -> MockDecoder:
        check_prompts(self, prompts)
        self.starts += 1
        return MockDecoder(self, [tuple(prompt) for prompt in prompts])

    def logits_of(self, prefix: Sequence[int]) -> np.ndarray:
        """`[vocab]` float32, a function of the whole prefix and of nothing else."""
        key = hashlib.blake2b(repr((self.seed, tuple(map(int, prefix)))).encode(), digest_size=8).digest()
        values = np.random.default_rng(int.from_bytes(key, "little")).normal(
            0.0, self.spread, self.vocab_size
        )
        if self.end_ids:
            values[0] += self.end_bias
        return (np.round(values) if self.ties else values).astype(np.float32)

    def _id(self, word: str) -> int:
        if word.startswith("w") and word[1:].isdigit():
            return int(word[1:]) % self.vocab_size
        return (
            int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "little") % self.vocab_size
        )


class MockDecoder:
    """Rows are prefixes; see `retort.sources.base.Decoder`."""

    def __init__(self, source: MockSource, prefixes: list[tuple[int, ...]]) -> None:
        self._source = source
        self._run(prefixes)

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        assert len(parents) == len(tokens)
        self._run(
            [(*self._prefixes[parent], int(token)) for parent, token in zip(parents, tokens, strict=True)]
        )

    def extend(
        self, parents: Sequence[int], tokens: Sequence[Sequence[int]], drop: Sequence[int] | None = None
    ) -> list[np.ndarray]:
        """As `SpanDecoder.extend`; `passes` of the source counts one for the whole batch."""
        drop = [0] * len(parents) if drop is None else drop
        check_extend(self._source, [len(prefix) for prefix in self._prefixes], parents, tokens, drop)
        kept = [
            self._prefixes[parent][: len(self._prefixes[parent]) - d]
            for parent, d in zip(parents, drop, strict=True)
        ]
        spans = []
        for prefix, added in zip(kept, tokens, strict=True):
            rows = [self._source.logits_of((*prefix, *added[: place + 1])) for place in range(len(added))]
            spans.append(np.stack(rows) if rows else self.logits[:0])
        before = self.logits[list(parents)]
        self._prefixes = [(*prefix, *map(int, added)) for prefix, added in zip(kept, tokens, strict=True)]
        self._source.forward_rows += sum(map(len, tokens))
        self._source.passes += 1
        self.logits = np.stack(
            [span[-1] if len(span) else row for span, row in zip(spans, before, strict=True)]
        )
        return spans

    def _run(self, prefixes: list[tuple[int, ...]]) -> None:
        limit = self._source.max_context
        assert limit is None or all(len(prefix) <= limit for prefix in prefixes), "a row outgrew the context"
        self._prefixes = prefixes
        self._source.forward_rows += len(prefixes)
        self._source.passes += 1
        self._source.largest_batch = max(self._source.largest_batch, len(prefixes))
        rows = [self._source.logits_of(prefix) for prefix in prefixes]
        self.logits = np.stack(rows) if rows else np.empty((0, self._source.vocab_size), dtype=np.float32)
