"""What retort adds to transformers' decoding loop: the draw, as its last processor, and each text's own ending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from transformers import StoppingCriteriaList

from retort.adapters.chain_processor import Rows
from retort.sampling.decoding import Ending
from retort.sampling.draw import BadRowsError, SampleBatch, sample_rows
from retort.sampling.params import SamplingParams
from retort.transforms import Context, RowState


@dataclass(frozen=True)
class Text:
    """One row: its settings with its own seed, and when it ends by its own rules."""

    params: SamplingParams
    ending: Ending


class Endings(StoppingCriteriaList):
    """The criteria that transformers prepared, then each text's own `max_tokens` and `stop`; remembers who is done."""

    def __init__(self, prepared: StoppingCriteriaList, texts: Sequence[Text], prompt_width: int) -> None:
        super().__init__(prepared)
        self._texts = texts
        self._drawn: list[list[int]] = [[] for _ in texts]
        self._width = prompt_width
        self.over = [False] * len(texts)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **rest: Any) -> torch.Tensor:
        over = super().__call__(input_ids, scores, **rest).tolist()
        new = input_ids[:, self._width :].tolist()
        self._width = input_ids.shape[1]
        for row, text in enumerate(self._texts):
            if not self.over[row]:
                self._drawn[row] += new[row]
                self.over[row] = over[row] or text.ending.finish_reason(self._drawn[row]) is not None
        return torch.tensor(self.over, device=input_ids.device)


class Draw:
    """The last logits processor: draws every unfinished row's token and makes it the row's largest score."""

    def __init__(
        self,
        texts: Sequence[Text],
        rows: Rows,
        endings: Endings,
        pad_id: int,
        *,
        keeps_scores: bool,
        in_place: bool,
        record: list[SampleBatch] | None,
    ) -> None:
        self._texts = texts
        self._rows = rows
        self._endings = endings
        self._pad_id = pad_id
        self._keeps_scores = keeps_scores
        self._in_place = in_place
        self._record = record
        self._states: list[RowState | None] = [None] * len(texts)
        self.processed: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._rows.follow(input_ids)
        live = [row for row, over in enumerate(self._endings.over) if not over]
        context = self._rows.context(live, [self._texts[row].params.seed for row in live], self._states)
        part = scores if len(live) == len(scores) else scores[live]
        drawn = self._sample(part, live, context)
        chosen = torch.full((len(scores),), self._pad_id, device=scores.device)
        chosen[live] = torch.from_numpy(drawn.ids).to(scores.device)
        if self._record is not None:
            self._record.append(_scattered(drawn, live, len(scores)))
        if self._keeps_scores:
            self.processed.append(self._apply_chains(scores, live, context))
        for row, state in zip(live, drawn.states, strict=True):
            self._states[row] = state
        if not self._in_place:
            scores = scores.clone()
        # One written entry a row, where -inf everywhere else would be a write of the whole vocabulary.
        return scores.scatter_(1, chosen[:, None], torch.inf)

    def _sample(self, scores: torch.Tensor, live: list[int], context: Context) -> SampleBatch:
        try:
            return sample_rows(
                scores,
                [self._texts[row].params for row in live],
                positions=self._rows.position,
                history=context.history,
                prompt_lengths=context.prompt_lengths,
                states=context.states,
            )
        except BadRowsError as problem:
            raise BadRowsError(
                {live[row]: fault for row, fault in problem.rows.items()},
                _scattered(problem.results, live, len(self._texts)),
            ) from None

    def _apply_chains(self, scores: torch.Tensor, live: list[int], context: Context) -> torch.Tensor:
        """`[rows, vocab]` processed logits of every row; finished rows as they came."""
        processed = scores.clone()
        for number, row in enumerate(live):
            chain = self._texts[row].params.resolved_chain
            processed[row] = chain.apply(scores[row : row + 1], context=context.row(number))[0]
        return processed


def _scattered(drawn: SampleBatch, rows: list[int], num_rows: int) -> SampleBatch:
    """`drawn` as rows `rows` of a batch of `num_rows`; the others have id -1, NaN and False."""
    columns: dict[str, Any] = {}
    for field in fields(SampleBatch):
        values = getattr(drawn, field.name)
        if field.name == "states":
            states = dict(zip(rows, values, strict=True))
            columns["states"] = tuple(states.get(row) for row in range(num_rows))
            continue
        blank = {"ids": -1, "near_tie": False}.get(field.name, np.nan)
        columns[field.name] = np.full(num_rows, blank, dtype=values.dtype)
        columns[field.name][rows] = values
    return SampleBatch(**columns)
