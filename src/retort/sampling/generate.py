"""Whole texts: many prompts, each with its own settings, decoded together; equal prompts are read once.

The n-th token of a text is drawn with the noise of (seed, n, token id), so a text depends on its prompt, settings and
seed, and not on what else is in the batch. (A model's own logits may move in the last digits with the batch; `near_tie`
marks the tokens where that could matter.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from retort.errors import InputError
from retort.sampling.ending import Ending, FinishReason, check_request
from retort.sampling.noise import MAX_SEED
from retort.sampling.params import SamplingParams
from retort.sampling.sampler import NOISE_SCALE, SampleBatch, sample
from retort.sources.base import Decoder, Source

MAX_ROWS = 256
"""Texts decoded at a time by default; more wait their turn."""


@dataclass(frozen=True)
class SampledToken:
    """One token of a text and what was done to draw it; see `SampleBatch` for the exact meaning of each number."""

    id: int
    token: str
    logprob_raw: float
    logprob_processed: float
    kept_mass: float
    entropy_nats: float
    near_tie: bool


@dataclass(frozen=True)
class Sample:
    """One text. `ids` and `tokens` hold every token drawn, the one that ended it included; `text` leaves that out.

    `finish_reason`: "length" (max_tokens reached), "end" (an end token), "stop" (a stop string).
    """

    text: str
    ids: tuple[int, ...]
    finish_reason: FinishReason
    tokens: tuple[SampledToken, ...]


def generate(
    source: Source,
    prompts: str | Sequence[str],
    params: SamplingParams | Sequence[SamplingParams] | None = None,
    *,
    n: int = 1,
    on_token: Callable[[int, SampledToken], None] | None = None,
    noise_scale: float = NOISE_SCALE,
    max_rows: int = MAX_ROWS,
) -> list[Sample]:
    """`n` texts for each prompt, in order of prompts and then of samples; sample i of a prompt uses its seed + i.

    `params`: for all prompts, or one for each. `on_token(index, token)` is called as each token of the result's text
    `index` is drawn. At most `max_rows` texts are decoded at a time.
    Raises InputError for an empty prompt, a prompt and max_tokens beyond the source's context, or arguments that do
    not fit; CapabilityError for a source without the whole vocabulary. Nothing is decoded before these checks.
    """
    prompt_list = [prompts] if isinstance(prompts, str) else list(prompts)
    if params is None or isinstance(params, SamplingParams):
        settings = [params or SamplingParams()] * len(prompt_list)
    else:
        settings = list(params)
    if len(settings) != len(prompt_list):
        raise InputError(
            f"got {len(settings)} params for {len(prompt_list)} prompts; give one for all, or one for each"
        )
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InputError(f"n must be a whole number of 1 or more, got {n!r}")
    texts: list[_Text] = []
    for prompt, one in zip(prompt_list, settings, strict=True):
        prompt_ids = tuple(source.encode(prompt))
        check_request(source, prompt_ids, one.max_tokens)
        ending = Ending(source, one.stop, one.max_tokens)
        for number in range(n):
            seeded = one.with_seed((one.seed + number) & MAX_SEED)
            texts.append(_Text(len(texts), prompt_ids, seeded, ending))
    for start in range(0, len(texts), max_rows):
        _decode(source, texts[start : start + max_rows], on_token, noise_scale)
    return [text.sample() for text in texts]


@dataclass
class _Text:
    """A text on its way."""

    index: int
    prompt_ids: tuple[int, ...]
    params: SamplingParams
    ending: Ending
    ids: list[int] = field(default_factory=list)
    tokens: list[SampledToken] = field(default_factory=list)
    finish_reason: FinishReason | None = None

    def take(self, token: SampledToken) -> None:
        self.ids.append(token.id)
        self.tokens.append(token)
        self.finish_reason = self.ending.finish_reason(self.ids)

    def sample(self) -> Sample:
        assert self.finish_reason is not None
        return Sample(self.ending.text(self.ids), tuple(self.ids), self.finish_reason, tuple(self.tokens))


def _decode(
    source: Source,
    texts: list[_Text],
    on_token: Callable[[int, SampledToken], None] | None,
    noise_scale: float,
) -> None:
    """Draw these texts to their ends, all rows one token at a time."""
    prompts = list(dict.fromkeys(text.prompt_ids for text in texts))
    decoder: Decoder = source.start(prompts)
    row_of = {prompt: row for row, prompt in enumerate(prompts)}
    live = texts
    # The decoder's row of each live text; several texts of one prompt share a row until their first token.
    rows = [row_of[text.prompt_ids] for text in live]
    while live:
        drawn = sample(
            decoder.logits[np.array(rows)],
            [text.params for text in live],
            positions=[len(text.ids) for text in live],
            history=[(*text.prompt_ids, *text.ids) for text in live],
            noise_scale=noise_scale,
        )
        for number, text in enumerate(live):
            token = _token(source, drawn, number)
            text.take(token)
            if on_token is not None:
                on_token(text.index, token)
        going = [number for number, text in enumerate(live) if text.finish_reason is None]
        if going:
            decoder.advance([rows[number] for number in going], [live[number].ids[-1] for number in going])
        live = [live[number] for number in going]
        rows = list(range(len(live)))


def _token(source: Source, drawn: SampleBatch, number: int) -> SampledToken:
    token_id = int(drawn.ids[number])
    return SampledToken(
        id=token_id,
        token=source.token_text(token_id),
        logprob_raw=float(drawn.logprob_raw[number]),
        logprob_processed=float(drawn.logprob_processed[number]),
        kept_mass=float(np.exp(drawn.log_kept_mass[number])),
        entropy_nats=float(drawn.entropy[number]),
        near_tie=bool(drawn.near_tie[number]),
    )
