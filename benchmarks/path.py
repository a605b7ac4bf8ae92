"""One temperature path against drawing the same texts one temperature at a time.

The same number of texts from the same model every time: `prompts × temperatures`, each of at most `max_tokens` tokens.

- retort path: `temperature_paths`, all prompts together
- retort, one batch: every text a row of one `generate`, each with its own temperature; the same texts as the path's
- retort, a loop: one `generate` for each temperature, all prompts together; the same texts again
- transformers, a loop: one `model.generate(do_sample=True)` for each temperature, all prompts together; other noise, so
  other texts, and `tokens` says how many more or fewer
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.models import benchmark_model, peer_of
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared, in_turns
from retort import SamplingParams, generate, load, temperature_paths
from retort.sampling import PathRequest

GRIDS = (16, 41)
HIGHEST = 2.0
MAX_TOKENS = 24


def run(settings: Settings) -> Record:
    """The record for grids of 16 and 41 temperatures from 0 to 2."""
    max_tokens, grids = (4, (3,)) if settings.quick else (MAX_TOKENS, GRIDS)
    with benchmark_model(settings.model) as (model, named, prompts):
        source = load(model)
        asked = prompts[:2] if settings.quick else prompts
        rows = [_compare(source, asked, grid, max_tokens, settings.rounds) for grid in grids]
    details = {"prompts": len(asked), "max_tokens": max_tokens, "temperatures": f"0 to {HIGHEST:g}"}
    return record("path", __doc__ or "", named, settings, details, rows)


def _compare(source: Any, prompts: Sequence[str], num_temperatures: int, max_tokens: int, rounds: int) -> Row:
    grid = [HIGHEST * step / (num_temperatures - 1) for step in range(num_temperatures)]
    requests = [PathRequest(tuple(source.encode(prompt)), seed) for seed, prompt in enumerate(prompts)]
    params = [
        SamplingParams(temperature=temperature, seed=seed, max_tokens=max_tokens)
        for temperature in grid
        for seed in range(len(prompts))
    ]

    def path() -> list[Any]:
        return temperature_paths(source, requests, grid, max_tokens=max_tokens)

    def one_batch() -> list[Any]:
        return generate(source, [*prompts] * len(grid), params, max_rows=len(params))

    def loop() -> list[Any]:
        size = len(prompts)
        return [
            text
            for start in range(0, len(params), size)
            for text in generate(source, prompts, params[start : start + size])
        ]

    drawn = 0

    def transformers_loop() -> None:
        nonlocal drawn
        drawn = sum(transformers_tokens(source, prompts, temperature, max_tokens) for temperature in grid)

    paths, texts = path(), one_batch()
    check_same_texts(paths, texts, grid, len(prompts))
    timed = {
        "retort path": path,
        "retort, one batch": one_batch,
        "retort, a loop": loop,
        "transformers, a loop": transformers_loop,
    }
    seconds = in_turns(timed, rounds)
    ours = sum(len(text.ids) for text in texts)
    passes = sum(one.independent_passes for one in paths) / sum(one.forward_passes for one in paths)
    return compared(
        f"{num_temperatures} temperatures, {len(params)} texts",
        seconds,
        **{"passes saved, times": passes, "tokens ours": ours, "tokens transformers": drawn},
    )


def check_same_texts(
    paths: Sequence[Any], texts: Sequence[Any], grid: Sequence[float], num_prompts: int
) -> None:
    """A fast wrong answer is no answer: every text of the path is the one that `generate` gives.

    A model's logits move in the last digits with the batch, so a text may part from its twin where a draw is a near
    tie; anything else stops the benchmark.
    """
    for number, text in enumerate(texts):
        leaf = paths[number % num_prompts].at(grid[number // num_prompts])
        if leaf.ids != text.ids and not any(token.near_tie for token in text.tokens):
            raise SystemExit(f"path and generate differ at temperature {grid[number // num_prompts]:g}")


def transformers_tokens(
    source: Any, prompts: Sequence[str], temperature: float, max_tokens: int, ends: Sequence[int] = ()
) -> int:
    """Tokens that transformers draws for these prompts; its own defaults of truncation are switched off. A text ends at
    one of the tokens `ends` too, which is cheaper than its `stop_strings`."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    rows = [source.encode(prompt) for prompt in prompts]
    width = max(map(len, rows))
    pad = next(iter(source.end_ids))
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    how: dict[str, Any] = (
        {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        if temperature
        else {"do_sample": False}
    )
    last = torch.tensor(ends, dtype=torch.long)

    class Ended(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.isin(input_ids[:, -1], last)

    if ends:
        how["stopping_criteria"] = StoppingCriteriaList([Ended()])
    with torch.inference_mode():
        out = peer_of(source.name).generate(
            ids, attention_mask=mask, max_new_tokens=max_tokens, pad_token_id=pad, **how
        )
    new = out[:, width:]
    ended = (new == pad).cumsum(dim=1)
    return int(((ended == 0) | ((ended == 1) & (new == pad))).sum())
