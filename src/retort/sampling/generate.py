"""Whole texts: many prompts, each with its own settings, decoded together or streamed one by one.

The n-th token of a text is drawn with the noise of (seed, n, token id), so a text depends on its prompt, settings and
seed, and not on what else is in the batch. (A model's own logits may move in the last digits with the batch; `near_tie`
marks the tokens where that could matter.)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from retort.errors import InputError
from retort.numerals import counted
from retort.sampling.decoding import Ending, FinishReason, SampledToken, Text, check_request, decode
from retort.sampling.draw import NOISE_SCALE
from retort.sampling.noise import MAX_SEED
from retort.sampling.params import SamplingParams
from retort.sampling.speculative import Speculation, decode_speculatively
from retort.sources.base import Source
from retort.sources.load import Model, opened

__all__ = ["Piece", "Sample", "SampledToken", "generate", "stream"]

Prompt = str | Sequence[int]
"""A text, or its token ids where the caller has them already (those of a rendered conversation, for instance)."""

LONGEST_SHOWN = 90  # characters of a text in its repr

MAX_ROWS = 256
"""Texts decoded at a time by default; more wait their turn."""


@dataclass(frozen=True, repr=False)
class Sample:
    """One text. `ids` and `tokens` hold every token drawn, the one that ended it included; `text` leaves that out.

    `finish_reason`: "length" (max_tokens reached), "end" (an end token), "stop" (a stop string).
    """

    text: str
    ids: tuple[int, ...]
    finish_reason: FinishReason
    tokens: tuple[SampledToken, ...]

    def __repr__(self) -> str:
        """One line, since a notebook shows a list of these; `tokens` has what each line leaves out."""
        text = self.text if len(self.text) <= LONGEST_SHOWN else self.text[: LONGEST_SHOWN - 1] + "…"
        return f"<Sample: {text!r}, {counted(len(self.ids), 'token')}, {self.finish_reason}>"


@dataclass(frozen=True)
class Piece:
    """What one token adds to a streamed text: `text` that can be shown for good (often "", never half a character).

    `finish_reason` is None until the last piece; then it is that of `Sample`.
    """

    text: str
    token: SampledToken
    finish_reason: FinishReason | None


Params = SamplingParams | Mapping[str, Any]
"""Settings as params, or as a mapping in any engine's names (`SamplingParams.from_dict`)."""


def generate(
    model: Model,
    prompts: str | Sequence[Prompt],
    params: Params | Sequence[Params] | None = None,
    *,
    n: int = 1,
    on_token: Callable[[int, SampledToken], None] | None = None,
    on_text: Callable[[int, str], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    include_stop: bool = False,
    draft: Source | Speculation | None = None,
    noise_scale: float = NOISE_SCALE,
    max_rows: int = MAX_ROWS,
) -> list[Sample]:
    """`n` texts for each prompt, in order of prompts and then of samples; sample i of a prompt uses its seed + i.

    `model`: a MODEL string, a path, or a source that is open. A prompt is a text or a sequence of token ids; `prompts`
    is one text or a list of prompts.
    `params`: for all prompts, or one for each; a mapping of settings is read as `SamplingParams.from_dict` does.
    `include_stop`: a text that a stop string ends keeps it.
    As each token of the result's text `index` is drawn: `on_token(index, token)`, then `on_text(index, piece)` with
    what can be shown of it for good, where that is not "" (together the pieces are its text), then
    `on_progress(done, total)` in tokens, where a text that ends early counts as if it were whole.
    `draft`: a cheaper source with the same tokens, or a Speculation that says how it is used: the texts are the same
    (or, with its method "residual", of the same law), drawn with fewer passes of `source`.
    At most `max_rows` texts are decoded at a time.
    Raises InputError for an empty prompt, a prompt and max_tokens beyond the source's context, or arguments that do
    not fit; CapabilityError for a source without the whole vocabulary. Nothing is decoded before these checks.
    """
    source = opened(model)
    prompt_list: list[Prompt] = [prompts] if isinstance(prompts, str) else list(prompts)
    if params is None or isinstance(params, (SamplingParams, Mapping)):
        settings = [_params(params)] * len(prompt_list)
    else:
        settings = [_params(one) for one in params]
    if len(settings) != len(prompt_list):
        raise InputError(
            f"got {len(settings)} params for {len(prompt_list)} prompts; give one for all, or one for each"
        )
    for name, number in (("n", n), ("max_rows", max_rows)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError(f"{name} must be a whole number of 1 or more, got {number!r}")
    texts: list[Text] = []
    for prompt, one in zip(prompt_list, settings, strict=True):
        request = _request(source, prompt, one, include_stop)
        check_seeds(one.seed, n)
        for number in range(n):
            seeded = request.params.with_seed(one.seed + number)
            texts.append(Text(len(texts), request.prompt_ids, seeded, request.ending))
    speculation = draft if isinstance(draft, Speculation) or draft is None else Speculation(draft)
    done, total = 0, sum(text.params.max_tokens for text in texts)
    for start in range(0, len(texts), max_rows):
        part = texts[start : start + max_rows]
        pieces = on_text is not None
        events = (
            decode(source, part, noise_scale, pieces=pieces)
            if speculation is None
            else decode_speculatively(source, speculation, part, noise_scale, pieces=pieces)
        )
        for event in events:
            if on_token is not None:
                on_token(event.text.index, event.token)
            if on_text is not None and event.piece:
                on_text(event.text.index, event.piece)
            if on_progress is not None:
                over = event.text.finish_reason is not None
                # A text that ends early brings the tokens it did not need along, so that the bar ends at its total.
                done += event.text.params.max_tokens - len(event.text.ids) + 1 if over else 1
                on_progress(done, total)
    return [_sample(text) for text in texts]


def check_seeds(seed: int, n: int) -> None:
    """Nothing if there are n seeds from this one on; else raises InputError, naming the seed that was given."""
    if seed + n - 1 > MAX_SEED:
        raise InputError(
            f"seed {seed} is too large for n = {n}: each text takes the next seed, and they end at 2^64 - 1; "
            f"give a seed of at most {MAX_SEED - n + 1}"
        )


def stream(
    model: Model,
    prompt: Prompt,
    params: Params | None = None,
    *,
    include_stop: bool = False,
    noise_scale: float = NOISE_SCALE,
) -> Generator[Piece, None, None]:
    """One text as it comes: a Piece for every token; the pieces together are the text that `generate` gives.

    A piece of text is given once it is sure: half a character waits for its other half, and what may become a stop
    string waits until it is none. Closing the generator (or letting go of it) frees the decoder and its cache.
    Raises as `generate` does, at the call and not at the first piece.
    """
    source = opened(model)
    request = _request(source, prompt, _params(params), include_stop)
    return _pieces(source, Text(0, request.prompt_ids, request.params, request.ending), noise_scale)


def _pieces(source: Source, text: Text, noise_scale: float) -> Generator[Piece, None, None]:
    for event in decode(source, [text], noise_scale, pieces=True):
        yield Piece(event.piece, event.token, text.finish_reason)


def _params(params: Params | None) -> SamplingParams:
    if params is None:
        return SamplingParams()
    return params if isinstance(params, SamplingParams) else SamplingParams.from_dict(params)


class _Request(NamedTuple):
    prompt_ids: tuple[int, ...]
    params: SamplingParams
    ending: Ending


def _request(source: Source, prompt: Prompt, params: SamplingParams, include_stop: bool) -> _Request:
    """What texts of this prompt begin with and how they end, checked against the source."""
    prompt_ids = tuple(source.encode(prompt) if isinstance(prompt, str) else prompt)
    check_request(source, prompt_ids, params.max_tokens)
    ending = Ending(source, params.stop, params.max_tokens, include_stop)
    return _Request(prompt_ids, params.ending_at(source.end_ids), ending)


def _sample(text: Text) -> Sample:
    assert text.finish_reason is not None
    return Sample(text.ending.text(text.ids), tuple(text.ids), text.finish_reason, tuple(text.drawn))
