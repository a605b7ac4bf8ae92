"""The decoder of a transformers model: left-padded rows and a key-value cache that follows every fork.

Shapes: R rows, T columns of the padded texts (the same for every row), K of them that are new, V logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from retort.errors import InputError
from retort.sources.base import check_advance, check_extend
from retort.sources.cache_shift import can_shift, shifted

if TYPE_CHECKING:
    from retort.sources.transformers import TransformersSource

CACHE_NAMES = ("cache", "past_key_values")  # newer and older name of the same argument and output


class CachedDecoder:
    """Rows aligned at the right edge, so that one column is one step for all of them.

    Equal prompts are computed once and then forked. A row differs from the same row computed alone only by
    the rounding of the kernels for another batch shape (about 1e-6 of a logit in float32).
    """

    logits: NDArray[np.float32]
    _texts: list[tuple[int, ...]]  # every row's tokens so far
    _mask_RT: torch.Tensor  # 0 for padding

    def __init__(self, source: TransformersSource, prompts: Sequence[Sequence[int]], model: Any) -> None:
        """`model` is called as transformers' models are; `source` says everything else about it."""
        self._source = source
        self._model = model
        self._cache: Any = None
        accepted = inspect.signature(self._model.forward).parameters
        self._cache_name = next((name for name in CACHE_NAMES if name in accepted), None)
        self._takes_positions = "position_ids" in accepted
        self._keeps_last = "logits_to_keep" in accepted

        distinct = list(dict.fromkeys(tuple(prompt) for prompt in prompts))
        self._begin(distinct)
        if len(distinct) < len(prompts):
            row_of = {prompt: row for row, prompt in enumerate(distinct)}
            self._select([row_of[tuple(prompt)] for prompt in prompts])

    def read(self, ids: Sequence[int], keep: int) -> NDArray[np.float32]:
        """Make one text the whole batch, in one pass over it; `[keep, V]` logits after each of its last tokens."""
        return self._begin([tuple(ids)], keep)[0]

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        check_advance(self._source, len(self._texts), parents, tokens)
        limit = self._source.max_context
        if limit is not None and any(len(self._texts[parent]) >= limit for parent in parents):
            raise InputError(
                f"A text has reached the {limit:,} tokens that {self._source.name} can read; "
                "ask for fewer tokens or give a shorter prompt."
            )
        self._extend(parents, [[token] for token in tokens], [0] * len(parents))

    def extend(
        self, parents: Sequence[int], tokens: Sequence[Sequence[int]], drop: Sequence[int] | None = None
    ) -> list[NDArray[np.float32]]:
        """As SpanDecoder says. With sliding windows nothing can be taken back: the model reads its texts again."""
        drop = [0] * len(parents) if drop is None else drop
        check_extend(self._source, [len(text) for text in self._texts], parents, tokens, drop)
        return self._extend(parents, tokens, drop)

    def _extend(
        self, parents: Sequence[int], tokens: Sequence[Sequence[int]], drop: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        if not parents:
            self._begin([])
            return []
        if not any(tokens):
            self._select(parents)
            return [self.logits[:0]] * len(parents)
        before = self.logits[list(parents)]
        counts = [len(added) for added in tokens]
        ragged = any(drop) or min(counts) < max(counts)
        if self._cache is None or (ragged and not can_shift(self._cache)):
            texts = [self._texts[parent] for parent in parents]
            kept = [text[: len(text) - dropped] for text, dropped in zip(texts, drop, strict=True)]
            columns_RKV = self._begin(
                [(*text, *added) for text, added in zip(kept, tokens, strict=True)], max(counts)
            )
            spans = [row_KV[max(counts) - count :] for row_KV, count in zip(columns_RKV, counts, strict=True)]
        else:
            if list(parents) != list(range(len(self._texts))):
                self._select(parents)
            self._take_back(drop)
            spans = self._append(tokens)
        if ragged:
            last = [
                span_KV[-1] if len(span_KV) else row_V for span_KV, row_V in zip(spans, before, strict=True)
            ]
            self.logits = np.stack(last)
        return spans

    def _append(self, tokens: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Read these tokens behind the rows with one forward pass; the logits after each."""
        counts = [len(added) for added in tokens]
        widest = max(counts)
        # A row with fewer tokens than the others is padded behind them, where causal attention does not see it, and
        # then moved to the right edge.
        pads = [widest - count for count in counts]
        mask = [[1] * count + [0] * pad for count, pad in zip(counts, pads, strict=True)]
        new = torch.tensor(mask, device=self._mask_RT.device)
        self._mask_RT = torch.cat([self._mask_RT, new], dim=1)
        first = [len(text) for text in self._texts]
        self._texts = [(*text, *added) for text, added in zip(self._texts, tokens, strict=True)]
        # The padding stands at the last position of its text: one further could have no embedding.
        positions = [
            [min(start + place, len(text) - 1) for place in range(widest)]
            for start, text in zip(first, self._texts, strict=True)
        ]
        padded = [[*added, *[0] * pad] for added, pad in zip(tokens, pads, strict=True)]
        columns_RKV = self._forward(padded, positions, widest)
        self._drop_columns(pads)
        return [row_KV[:count] for row_KV, count in zip(columns_RKV, counts, strict=True)]

    def _take_back(self, drop: Sequence[int]) -> None:
        """Leave out the last `drop[i]` tokens of row i."""
        self._texts = [text[: len(text) - dropped] for text, dropped in zip(self._texts, drop, strict=True)]
        self._drop_columns(drop)

    def _drop_columns(self, drop: Sequence[int]) -> None:
        """Leave out the last `drop[i]` columns of row i and move what is left to the right edge."""
        if any(drop):
            self._mask_RT = shifted(self._cache, self._mask_RT, drop)

    def _begin(self, texts: Sequence[tuple[int, ...]], columns: int = 1) -> NDArray[np.float32]:
        """Compute every row from its first token; `[R, columns, V]` logits of the last columns."""
        self._texts = list(texts)
        self._cache = None
        if not texts:
            self.logits = np.empty((0, self._source.vocab_size), np.float32)
            return self.logits[:, None]
        longest = max(len(text) for text in texts)
        pads = [longest - len(text) for text in texts]
        # Position 0 for the padding too: it is masked, and a negative position has no embedding.
        positions = [[0] * pad + list(range(len(text))) for pad, text in zip(pads, texts, strict=True)]
        mask = [[0] * pad + [1] * len(text) for pad, text in zip(pads, texts, strict=True)]
        self._mask_RT = torch.tensor(mask, device=self._source.device)
        padded = [[0] * pad + list(text) for pad, text in zip(pads, texts, strict=True)]
        return self._forward(padded, positions, columns)

    def _select(self, rows: Sequence[int]) -> None:
        """Make `rows` of the batch the new batch, cache included."""
        index = torch.tensor(rows, device=self._mask_RT.device)
        if self._cache is not None:
            self._cache.reorder_cache(index)
        self._mask_RT = self._mask_RT[index]
        self._texts = [self._texts[row] for row in rows]
        self.logits = self.logits[list(rows)]

    def _forward(
        self, tokens: list[list[int]], positions: list[list[int]], columns: int = 1
    ) -> NDArray[np.float32]:
        """One pass over these columns; `[R, columns, V]` logits of the last `columns`; `logits` is the very last."""
        device = self._source.device
        arguments: dict[str, Any] = {
            "input_ids": torch.tensor(tokens, device=device),
            "attention_mask": self._mask_RT,
        }
        if self._takes_positions:
            arguments["position_ids"] = torch.tensor(positions, device=device)
        if self._keeps_last:
            arguments["logits_to_keep"] = columns
        if self._cache_name is not None:
            arguments |= {"use_cache": True, self._cache_name: self._cache}
        # no_grad, not inference_mode: `distill` trains the same model, and tensors made in inference mode (a rotary
        # table, for instance) cannot take part in that.
        with torch.no_grad():
            output = self._model(**arguments)
        cache = getattr(output, self._cache_name, None) if self._cache_name is not None else None
        # A cache of another make cannot follow forks; without one every step computes the whole texts again.
        self._cache = cache if hasattr(cache, "reorder_cache") else None
        logits_RKV = output.logits[:, -columns:, :].to(torch.float32).cpu().numpy()
        logits_RKV[..., self._source.unused] = -np.inf
        self.logits = logits_RKV[:, -1]
        return logits_RKV
