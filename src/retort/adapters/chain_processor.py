"""Any chain as a transformers LogitsProcessor, for greedy, sampling and beam search alike."""

from __future__ import annotations

from collections.abc import Sequence

from retort.chain import Chain
from retort.errors import InputError, MissingExtraError
from retort.sampling.noise import MAX_SEED, uniform_at
from retort.sampling.params import SamplingParams, check_seed
from retort.transforms import Context, RowState

try:
    import torch
    from transformers import LogitsProcessor
except ImportError as error:
    raise MissingExtraError("transformers", "models", "retort.adapters.transformers") from error


class Rows:
    """The texts of a batch as it grows: `histories`, each row's tokens without padding, and the `position` to draw.

    `mask` `[rows, width]` is the attention mask: tokens where it is 0 are padding and belong to no history. None, and
    any mask that does not lie over `input_ids` (a cache that holds earlier tokens), means that every token counts.
    """

    def __init__(self, input_ids: torch.Tensor, mask: torch.Tensor | None) -> None:
        rows = input_ids.tolist()
        self.prompt_width = self._width = input_ids.shape[1]
        if mask is not None and mask.shape == input_ids.shape:
            kept = mask.tolist()
            rows = [
                [token for token, seen in zip(*row, strict=True) if seen]
                for row in zip(rows, kept, strict=True)
            ]
        self.histories: list[list[int]] = rows
        self.prompt_lengths = [len(row) for row in rows]

    @property
    def position(self) -> int:
        """How many tokens have been drawn."""
        return self._width - self.prompt_width

    def follow(self, input_ids: torch.Tensor) -> None:
        """Take in the columns that are new since the last call."""
        for history, new in zip(self.histories, input_ids[:, self._width :].tolist(), strict=True):
            history.extend(new)
        self._width = input_ids.shape[1]

    def context(self, live: list[int], seeds: list[int], states: Sequence[RowState | None]) -> Context:
        """What chains read beside the logits of the rows `live`, which draw with `seeds`."""
        return Context(
            history=[self.histories[row] for row in live],
            prompt_lengths=[self.prompt_lengths[row] for row in live],
            uniforms=lambda stream: uniform_at(seeds, self.position, stream),
            states=[states[row] for row in live],
        )


class ChainLogitsProcessor(LogitsProcessor):
    """`scores` after every stage of a chain, `[rows, vocab]`; see `logits_processor`."""

    def __init__(
        self, chain: Chain, attention_mask: torch.Tensor | None, pad_token_id: int | None, seed: int
    ) -> None:
        self.chain = chain
        self._mask = attention_mask
        self._pad_id = pad_token_id
        self._seed = seed
        self._first_column: list[int] = []  # of each row: where its text begins
        self._prompt_width = self._last_width = -1
        self._states: Sequence[RowState | None] = ()
        self._last: tuple[torch.Tensor, Context] | None = None  # what the last token was drawn from

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        num_rows, width = input_ids.shape
        if width != self._last_width + 1 or num_rows != len(self._first_column):  # another call of generate
            self._prompt_width = width
            self._first_column = self._padding(input_ids)
            self._states, self._last = [None] * num_rows, None
        self._last_width = width
        context = self._context(input_ids) if self.chain.needs else None
        processed: torch.Tensor = self.chain.apply(scores, context=context)
        if context is not None and "state" in self.chain.needs:
            self._last = scores.clone(), context
        return processed.to(scores.dtype)

    def _context(self, input_ids: torch.Tensor) -> Context:
        """What the chain reads beside the scores, the states brought up to date with the tokens that were drawn."""
        width = input_ids.shape[1]
        history = [row[first:] for first, row in zip(self._first_column, input_ids.tolist(), strict=True)]
        if self._last is not None:
            scores, before = self._last
            if before.history != [tokens[:-1] for tokens in history]:
                raise InputError(
                    f"the chain ({self.chain}) remembers each row's past, and rows changed places between two steps "
                    "(beam search does that); draw with do_sample or greedily"
                )
            drawn = [tokens[-1] for tokens in history]
            self._states = self.chain.update(self._states, drawn, scores, before)
        seeds = [(self._seed + row) & MAX_SEED for row in range(len(history))]
        return Context(
            history=history,
            prompt_lengths=[self._prompt_width - first for first in self._first_column],
            uniforms=lambda stream: uniform_at(seeds, width - self._prompt_width, stream),
            states=self._states,
        )

    def _padding(self, input_ids: torch.Tensor) -> list[int]:
        """Columns of padding in front of each row: of beams and returned sequences, those of their prompt."""
        if self._mask is not None:
            if self._mask.shape[1] != input_ids.shape[1] or len(input_ids) % len(self._mask):
                raise InputError(
                    f"the attention mask of this logits processor has shape {tuple(self._mask.shape)} and the prompts "
                    f"{tuple(input_ids.shape)}; make a new processor with the mask of these prompts"
                )
            pads = (self._mask != 0).int().argmax(dim=1)
            return pads.repeat_interleave(len(input_ids) // len(self._mask)).tolist()
        if self._pad_id is None:
            return [0] * len(input_ids)
        return (input_ids != self._pad_id).int().argmax(dim=1).tolist()


def logits_processor(
    chain: Chain | str | SamplingParams,
    *,
    attention_mask: torch.Tensor | None = None,
    pad_token_id: int | None = None,
    seed: int = 0,
) -> ChainLogitsProcessor:
    """A transformers LogitsProcessor that applies `chain` (a Chain, its text, or the chain of SamplingParams).

    Shapes `[rows, vocab]` → `[rows, vocab]`, removed tokens -inf, at least float32. For `model.generate(...,
    logits_processor=[...], do_sample=True, top_k=0)`: with do_sample transformers adds its own top_k of 50 unless told
    otherwise, and its temperature and truncations come after this processor.
    Chains that look back must not count left padding. `attention_mask` `[prompts, width]` says where it is;
    `pad_token_id` takes the run of that token in front of a row as padding, which is wrong for a prompt that begins
    with it. With neither, every token counts. `seed` is for stages with coins of their own (xtc): row i uses seed + i.
    One processor serves one call of generate at a time. Raises InputError for a chain that cannot be read.
    """
    check_seed(seed)
    if isinstance(chain, str):
        chain = Chain.parse(chain)
    elif isinstance(chain, SamplingParams):
        chain = chain.resolved_chain
    return ChainLogitsProcessor(chain, attention_mask, pad_token_id, seed)
