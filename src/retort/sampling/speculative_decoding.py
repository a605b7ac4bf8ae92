"""The decode loop with a draft model: texts drawn several tokens at a time, the same events as `decoding.decode`.

A round: the draft proposes some tokens for every text, the target reads them all in one pass, `speculative.verify` says
which stand and draws one more, and both decoders take back what does not. Each text's rounds depend on nothing but its
own settings and lengths, so it is the same in any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from retort.errors import CapabilityError, InputError
from retort.sampling.decoding import NAMES_KEPT, Event, Text, sampled_tokens
from retort.sampling.draw import sample_rows
from retort.sampling.ending import check_request
from retort.sampling.params import SamplingParams
from retort.sampling.speculative import METHODS, Draft, Method, verify
from retort.sources.base import Source, SpanDecoder
from retort.transforms.context import RowState


@dataclass(frozen=True)
class Speculation:
    """A draft model and how it is used.

    - `draft`: a source with the target's tokens, cheaper than it. `num_tokens`: proposed a round, 1 or more.
    - `method`: "coupled" gives the text that the target gives without a draft; "residual" another draw from the same
      law, of which more of the draft stands. See `retort.sampling.speculative`.
    - `params`: how the draft is drawn; each text's own by default, which is what makes it agree most often.
    - `on_round(index, drafted, accepted)`: called after each of the target's passes over text `index`.
    """

    draft: Source
    num_tokens: int = 4
    method: Method = "coupled"
    params: SamplingParams | None = None
    on_round: Callable[[int, int, int], None] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.num_tokens, bool) or not isinstance(self.num_tokens, int) or self.num_tokens < 1:
            raise InputError(f"num_tokens must be a whole number of 1 or more, got {self.num_tokens!r}")
        if self.method not in METHODS:
            raise InputError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")


@dataclass
class RoundCounts:
    """Counts all rounds of a run, as the `on_round` of a Speculation: what a draft saved."""

    target_passes: int = 0
    drafted: int = 0
    judged: int = 0
    accepted: int = 0

    def __call__(self, index: int, drafted: int, accepted: int) -> None:
        self.target_passes += 1
        self.drafted += drafted
        self.judged += accepted + (accepted < drafted)
        self.accepted += accepted

    @property
    def acceptance(self) -> float | None:
        """Share of the judged draft tokens that stood (what follows a refused one is not judged); None if none was."""
        return self.accepted / self.judged if self.judged else None

    @property
    def tokens_per_pass(self) -> float:
        """Tokens that a pass of the target over a text gave; without a draft it gives 1."""
        return 1.0 + self.accepted / self.target_passes if self.target_passes else 1.0


def decode_speculatively(
    source: Source, speculation: Speculation, texts: Sequence[Text], noise_scale: float, *, pieces: bool
) -> Iterator[Event]:
    """Draw these texts to their ends, as `decode` does, with a draft's help; the target reads prompts once.

    Raises CapabilityError where target or draft reads one token at a time, InputError where the draft cannot hold the
    texts or has other tokens.
    """
    name = lru_cache(NAMES_KEPT)(source.token_text)
    prompts = list(dict.fromkeys(text.prompt_ids for text in texts))
    _check_draft(source, speculation.draft, texts)
    target, drafter = _start(source, prompts), _start(speculation.draft, prompts)
    row_of = {prompt: row for row, prompt in enumerate(prompts)}
    live = [_Row(text, row_of[text.prompt_ids], row_of[text.prompt_ids]) for text in texts]
    spans = [target.logits[row.target][None] for row in live]
    while live:
        verdicts = verify(
            spans,
            [row.as_draft(speculation) for row in live],
            method=speculation.method,
            noise_scale=noise_scale,
        )
        for row, verdict in zip(live, verdicts, strict=True):
            if speculation.on_round is not None:
                speculation.on_round(row.text.index, len(row.proposed), verdict.accepted)
            for token in sampled_tokens(verdict.tokens, name):
                row.text.take(token)
                over = row.text.finish_reason is not None
                yield Event(row.text, token, row.text.pieces.push(row.text.ids, over=over) if pieces else "")
                if over:
                    break
            row.settle(verdict.accepted, verdict.state)
        live = [row for row in live if row.text.finish_reason is None]
        if live:
            _propose(drafter, live, speculation, source.vocab_size)
            spans = target.extend(
                [row.target for row in live],
                [[row.text.ids[-1], *row.proposed] for row in live],
                [row.target_drop for row in live],
            )
            for number, row in enumerate(live):
                row.target = number


@dataclass
class _Row:
    """A text with its rows in both decoders.

    Before a round the target has read all of the text but its newest token, and `target_drop` tokens more; the draft
    has read all but `unread`, and `drafter_drop` tokens more. `read` counts the proposed tokens that the draft read.
    """

    text: Text
    target: int
    drafter: int
    target_drop: int = 0
    drafter_drop: int = 0
    unread: list[int] = field(default_factory=list)
    proposed: list[int] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)
    states: list[RowState | None] = field(default_factory=list)
    read: int = 0

    def as_draft(self, speculation: Speculation) -> Draft:
        text = self.text
        logits = np.stack(self.logits) if self.logits else None
        return Draft(
            self.proposed,
            text.params,
            logits,
            speculation.params,
            text.params.seed,
            len(text.ids),
            text.history,
            len(text.prompt_ids),
            text.state,
            self.states,
        )

    def settle(self, accepted: int, state: RowState | None) -> None:
        """Note what the decoders have to take back and to read, after `accepted` of the proposed tokens stood."""
        self.text.state = state
        stood = min(accepted, self.read)
        self.target_drop = len(self.proposed) - accepted
        self.drafter_drop += self.read - stood
        self.unread += self.text.ids[len(self.text.ids) - (accepted + 1 - stood) :]


def _propose(drafter: SpanDecoder, rows: Sequence[_Row], speculation: Speculation, vocab_size: int) -> None:
    """Draw each row's next draft tokens, at most as many as it can use."""
    known = speculation.draft.vocab_size
    counts = []
    for row in rows:
        row.proposed, row.logits, row.read = [], [], 0
        # The draft remembers what the target does before this round, and from there on its own tokens.
        row.states = [row.text.state]
        room = row.text.params.max_tokens - len(row.text.ids) - 1
        # The draft cannot read on after a token that it does not have.
        counts.append(min(speculation.num_tokens, room) if max(row.unread) < known else 0)
    for step in range(max(counts)):
        news = [
            (row.proposed[-1:] if step else row.unread) if step < count else []
            for row, count in zip(rows, counts, strict=True)
        ]
        drop = [row.drafter_drop if new and not step else 0 for row, new in zip(rows, news, strict=True)]
        drafter.extend([row.drafter for row in rows], news, drop)
        for number, (row, new) in enumerate(zip(rows, news, strict=True)):
            row.drafter = number
            if new and step == 0:
                row.unread, row.drafter_drop = [], 0
            elif new:
                row.read += 1
        drawing = [number for number, count in enumerate(counts) if step < count]
        logits = _fitted(drafter.logits[drawing], vocab_size)
        texts = [rows[number].text for number in drawing]
        drawn = sample_rows(
            logits,
            [speculation.params or text.params for text in texts],
            seeds=[text.params.seed for text in texts],
            positions=[len(text.ids) + step for text in texts],
            history=[[*rows[number].text.history, *rows[number].proposed] for number in drawing],
            prompt_lengths=[len(text.prompt_ids) for text in texts],
            states=[rows[number].states[-1] for number in drawing],
        )
        for number, token, row_V, state in zip(
            drawing, drawn.ids.tolist(), logits, drawn.states, strict=True
        ):
            rows[number].proposed.append(token)
            rows[number].states.append(state)
            if speculation.method == "residual":
                rows[number].logits.append(row_V)


def _fitted(logits: np.ndarray, vocab_size: int) -> np.ndarray:
    """`[n, vocab_size]`: models of one family may pad their vocabularies differently; what is missing cannot come."""
    if logits.shape[1] >= vocab_size:
        return logits[:, :vocab_size]
    padding = np.full((len(logits), vocab_size - logits.shape[1]), -np.inf, logits.dtype)
    return np.concatenate([logits, padding], axis=1)


def _start(source: Source, prompts: Sequence[Sequence[int]]) -> SpanDecoder:
    decoder = source.start(prompts)
    if not isinstance(decoder, SpanDecoder):
        raise CapabilityError(
            f"{source.name} reads one token at a time, so drafting saves it nothing; "
            "use models of the transformers library as target and draft"
        )
    return decoder


def _check_draft(source: Source, draft: Source, texts: Sequence[Text]) -> None:
    """Nothing if the draft can hold these texts and reads the prompts' tokens as the target does."""
    for text in texts:
        if max(text.prompt_ids, default=0) >= draft.vocab_size or (
            draft.decode(text.prompt_ids) != source.decode(text.prompt_ids)
        ):
            raise InputError(
                f"the draft {draft.name} does not read the prompt's tokens as {source.name} does; "
                "give a smaller model with the same tokenizer"
            )
        check_request(draft, text.prompt_ids, text.params.max_tokens)
