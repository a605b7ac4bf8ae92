"""`model.generate(..., custom_generate=generate, retort_params=...)`: transformers' loop, retort's draws.

transformers prepares everything (inputs, cache, processors, criteria) and hands it to a `custom_generate` function.
Ours gives it to the library's own decoding loop, with one more logits processor at the end: it draws each row's token
as `retort.sample` does and leaves that token as the largest score, which the loop's greedy choice then takes. So caches
of every kind, streamers, stopping criteria, encoder-decoders and compiled models are the library's own, and the tokens
are those of `retort.generate` for the same logits and seed.

Read from transformers 5.24: generation/utils.py, `generate` and `_sample`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from retort.chain import Chain
from retort.errors import InputError, MissingExtraError
from retort.sampling.decoding import Ending
from retort.sampling.draw import BadRowsError, SampleBatch, sample_rows
from retort.sampling.generate import check_seeds
from retort.sampling.noise import MAX_SEED, uniform_at
from retort.sampling.params import SamplingParams, check_seed
from retort.transforms.context import Context, RowState

try:
    import torch
    from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteriaList
    from transformers.generation import logits_process
except ImportError as error:
    raise MissingExtraError("transformers", "models", "retort.adapters.transformers") from error

__all__ = ["ChainLogitsProcessor", "generate", "logits_processor"]

Params = SamplingParams | Mapping[str, Any]

WARPERS = tuple(
    getattr(logits_process, f"{name}LogitsWarper")
    for name in ("Temperature", "TopH", "TopK", "TopP", "MinP", "Typical", "Epsilon", "Eta")
    if hasattr(logits_process, f"{name}LogitsWarper")
)
"""What transformers makes of a generation config that samples; `retort_params` stands in their place."""

MODES = ("greedy_search", "sample")


def generate(
    model: Any,
    input_ids: torch.Tensor,
    logits_processor: LogitsProcessorList,
    stopping_criteria: StoppingCriteriaList,
    generation_config: GenerationConfig,
    retort_params: Params | Sequence[Params] | None = None,
    retort_seed: int | Sequence[int] | None = None,
    retort_tokenizer: Any = None,
    retort_record: list[SampleBatch] | None = None,
    **model_kwargs: Any,
) -> Any:
    """What `model.generate` returns, every token drawn by retort; for `model.generate(custom_generate=generate, ...)`.

    `retort_params`: SamplingParams or their dict, for all prompts or one for each. They say how to draw, in place of
    the generation config's do_sample, temperature, top_k, …; its penalties, bans and your own logits processors still
    run, before the chain. A text ends where the config says (max_new_tokens, eos, …) or its own `max_tokens` and `stop`
    do, whatever comes first; a dict without max_tokens has no limit of its own. `stop` needs `retort_tokenizer`.
    None: the generation config's own settings, drawn with retort's noise.
    `retort_seed`: instead of the params' seed, one number or one for each prompt. Sequence i of a prompt
    (num_return_sequences) uses its seed + i, as in `retort.generate`.
    `retort_record`: a list that gets the SampleBatch of every step; finished rows have id -1 and NaN there.

    With return_dict_in_generate, `scores` are the processed logits `[rows, vocab]` after the whole chain, -inf where
    removed, and `logits` the model's own. Left padding is not part of a text's history. Raises InputError for beam
    search, assisted and contrastive decoding, and for params that do not fit; BadRowsError for rows that cannot be
    sampled.
    """
    streamer = _check_caller(model, generation_config, model_kwargs.pop("streamer", None))
    texts = _texts(input_ids, generation_config, retort_params, retort_seed, retort_tokenizer)
    mask = model_kwargs.get("decoder_attention_mask" if model.config.is_encoder_decoder else "attention_mask")
    keeps_scores = bool(generation_config.return_dict_in_generate and generation_config.output_scores)
    endings = Endings(stopping_criteria, texts, input_ids.shape[1])
    draw = Draw(
        texts,
        Rows(input_ids, mask),
        endings,
        _pad_id(generation_config),
        keeps_scores=keeps_scores,
        in_place=not generation_config.output_logits,
        record=retort_record,
    )
    processors = list(logits_processor)
    if retort_params is not None and generation_config.do_sample:
        processors = [processor for processor in processors if not isinstance(processor, WARPERS)]
    # Greedy, over scores of which the drawn token's is made infinite: the library's loop then takes that one.
    config = copy.copy(generation_config)
    config.do_sample = False
    # The library's name for the loop; it takes what a custom_generate function is given.
    result = type(model)._sample(
        model,
        input_ids,
        logits_processor=LogitsProcessorList([*processors, draw]),
        stopping_criteria=endings,
        generation_config=config,
        streamer=streamer,
        **model_kwargs,
    )
    # What the loop kept are those infinite scores; users want the processed ones.
    if keeps_scores:
        result.scores = tuple(draw.processed[: len(result.scores)])
    return result


class _TextOf:
    """A tokenizer as `Ending` wants it: no end ids of its own, because transformers looks for those."""

    end_ids: frozenset[int] = frozenset()

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def _texts(
    input_ids: torch.Tensor,
    config: GenerationConfig,
    params: Params | Sequence[Params] | None,
    seed: int | Sequence[int] | None,
    tokenizer: Any,
) -> list[_Text]:
    """One text a row; transformers has put the sequences of a prompt one after the other."""
    per_prompt = config.num_return_sequences or 1
    num_prompts = len(input_ids) // per_prompt
    if params is None:
        params = {"chain": Chain()} if config.do_sample else {"temperature": 0.0}
    each = [params] * num_prompts if isinstance(params, (SamplingParams, Mapping)) else list(params)
    _check_count("retort_params", len(each), num_prompts)
    seeds = None if seed is None else [seed] * num_prompts if isinstance(seed, int) else list(seed)
    if seeds is not None:
        _check_count("retort_seed", len(seeds), num_prompts)
    texts = []
    for prompt, given in enumerate(each):
        limit = config.max_length  # always set by now, and the room there is
        if isinstance(given, Mapping):
            given = SamplingParams.from_dict({"max_tokens": limit, **given})
        if given.stop and tokenizer is None:
            raise InputError(
                f"retort_params has the stop strings {given.stop}, which are found in text; "
                "pass retort_tokenizer=tokenizer to generate"
            )
        first = given.seed if seeds is None else seeds[prompt]
        check_seed(first)
        ending = Ending(_TextOf(tokenizer), given.stop, given.max_tokens)
        ends = getattr(config, "_eos_token_tensor", None)
        given = given if ends is None else given.ending_at(ends.tolist())
        check_seeds(first, per_prompt)
        texts += [_Text(given.with_seed(first + number), ending) for number in range(per_prompt)]
    return texts


def _check_count(name: str, given: int, prompts: int) -> None:
    if given != prompts:
        raise InputError(
            f"{name} has {given} entries for {prompts} prompts; give one for all, or one for each"
        )


def _check_caller(model: Any, config: GenerationConfig, streamer: Any) -> Any:
    """The streamer of this call; raises InputError for a way of decoding that does not draw one token a step.

    transformers 5.24 keeps `streamer` and `assistant_model` for itself when custom_generate is a function
    (`_extract_generation_mode_kwargs`): the streamer is given the prompt and then nothing, and whoever iterates over it
    waits for ever. Both are read from the variables of the `generate` that called us.
    """
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame is not None and frame.f_back is not None else None
    kept = caller.f_locals if caller is not None and caller.f_locals.get("self") is model else {}
    mode = config.get_generation_mode(kept.get("assistant_model"))
    if mode not in MODES:
        raise InputError(
            "retort draws one token a step (greedy or sampling), and these settings mean "
            f"{mode.value.replace('_', ' ')}; take out num_beams, penalty_alpha, assistant_model and the like, "
            "or custom_generate"
        )
    return kept.get("streamer") if streamer is None else streamer


def _pad_id(config: GenerationConfig) -> int:
    """What a finished row is filled with: the pad token as transformers settled it, 0 where there is none."""
    pad = getattr(config, "_pad_token_tensor", None)
    return 0 if pad is None else int(pad)


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
        # The library does not say when a call of generate begins: texts that did not grow by one token are others.
        if width != self._last_width + 1 or num_rows != len(self._first_column):
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
            # Each row must be what it was, one token longer; else the states belong to other texts.
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
            pads = (self._mask != 0).int().argmax(dim=1)  # the first 1 of each row
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


@dataclass(frozen=True)
class _Text:
    """One row: its settings with its own seed, and when it ends by its own rules."""

    params: SamplingParams
    ending: Ending


class Endings(StoppingCriteriaList):
    """The criteria that transformers prepared, then each text's own `max_tokens` and `stop`; remembers who is done."""

    def __init__(self, prepared: StoppingCriteriaList, texts: Sequence[_Text], prompt_width: int) -> None:
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
            # A finished row goes on to get padding, which is no part of its text.
            if not self.over[row]:
                self._drawn[row] += new[row]
                self.over[row] = over[row] or text.ending.finish_reason(self._drawn[row]) is not None
        return torch.tensor(self.over, device=input_ids.device)


class Draw:
    """The last logits processor: draws every unfinished row's token and makes it the row's largest score."""

    def __init__(
        self,
        texts: Sequence[_Text],
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
        # With output_logits the library may keep this very tensor as the model's own logits.
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
