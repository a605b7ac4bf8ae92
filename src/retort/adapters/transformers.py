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
from typing import Any

from retort.adapters.chain_processor import ChainLogitsProcessor, Rows, logits_processor
from retort.adapters.drawing import Draw, Endings, Text
from retort.chain import Chain
from retort.errors import InputError, MissingExtraError
from retort.sampling.decoding import Ending
from retort.sampling.draw import SampleBatch
from retort.sampling.noise import MAX_SEED
from retort.sampling.params import SamplingParams, check_seed

try:
    import torch
    from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList
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
) -> list[Text]:
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
        texts += [Text(given.with_seed((first + number) & MAX_SEED), ending) for number in range(per_prompt)]
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
