"""The decoder of a transformers model: left-padded rows and a key-value cache that follows every fork.

Shapes: R rows, T columns of the padded texts (the same for every row), V logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from retort.errors import InputError
from retort.sources.base import check_advance

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

    def __init__(self, source: TransformersSource, prompts: Sequence[Sequence[int]]) -> None:
        self._source = source
        self._model: Any = source.model
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

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        check_advance(self._source, len(self._texts), parents, tokens)
        limit = self._source.max_context
        if limit is not None and any(len(self._texts[parent]) >= limit for parent in parents):
            raise InputError(
                f"A text has reached the {limit:,} tokens that {self._source.name} can read; "
                "ask for fewer tokens or give a shorter prompt."
            )
        if not parents:
            self._begin([])
        elif self._cache is None:
            self._begin([(*self._texts[p], t) for p, t in zip(parents, tokens, strict=True)])
        else:
            if list(parents) != list(range(len(self._texts))):
                self._select(parents)
            self._texts = [(*text, token) for text, token in zip(self._texts, tokens, strict=True)]
            new = torch.ones((len(tokens), 1), dtype=torch.long, device=self._mask_RT.device)
            self._mask_RT = torch.cat([self._mask_RT, new], dim=1)
            positions = [[len(text) - 1] for text in self._texts]
            self._forward([[token] for token in tokens], positions)

    def _begin(self, texts: Sequence[tuple[int, ...]]) -> None:
        """Compute every row from its first token."""
        self._texts = list(texts)
        self._cache = None
        if not texts:
            self.logits = np.empty((0, self._source.vocab_size), np.float32)
            return
        longest = max(len(text) for text in texts)
        pads = [longest - len(text) for text in texts]
        # Position 0 for the padding too: it is masked, and a negative position has no embedding.
        positions = [[0] * pad + list(range(len(text))) for pad, text in zip(pads, texts, strict=True)]
        mask = [[0] * pad + [1] * len(text) for pad, text in zip(pads, texts, strict=True)]
        self._mask_RT = torch.tensor(mask, device=self._source.device)
        self._forward([[0] * pad + list(text) for pad, text in zip(pads, texts, strict=True)], positions)

    def _select(self, rows: Sequence[int]) -> None:
        """Make `rows` of the batch the new batch, cache included."""
        index = torch.tensor(rows, device=self._mask_RT.device)
        if self._cache is not None:
            self._cache.reorder_cache(index)
        self._mask_RT = self._mask_RT[index]
        self._texts = [self._texts[row] for row in rows]
        self.logits = self.logits[list(rows)]

    def _forward(self, tokens: list[list[int]], positions: list[list[int]]) -> None:
        device = self._source.device
        arguments: dict[str, Any] = {
            "input_ids": torch.tensor(tokens, device=device),
            "attention_mask": self._mask_RT,
        }
        if self._takes_positions:
            arguments["position_ids"] = torch.tensor(positions, device=device)
        if self._keeps_last:
            arguments["logits_to_keep"] = 1
        if self._cache_name is not None:
            arguments |= {"use_cache": True, self._cache_name: self._cache}
        # no_grad, not inference_mode: `distill` trains the same model, and tensors made in inference mode (a rotary
        # table, for instance) cannot take part in that.
        with torch.no_grad():
            output = self._model(**arguments)
        cache = getattr(output, self._cache_name, None) if self._cache_name is not None else None
        # A cache of another make cannot follow forks; without one every step computes the whole texts again.
        self._cache = cache if hasattr(cache, "reorder_cache") else None
        logits_RV = output.logits[:, -1, :].to(torch.float32).cpu().numpy()
        if self._source.unused.any():
            logits_RV = np.where(self._source.unused, np.float32(-np.inf), logits_RV)
        self.logits = logits_RV
