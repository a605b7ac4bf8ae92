"""Whole texts beside transformers' own `generate`: same model, prompts, settings and number of tokens.

Every text has exactly `max_tokens` tokens (end tokens are switched off on both sides), drawn at temperature 0.8,
top-k 50, top-p 0.9; the prompts of a batch have different lengths.

- retort: `retort.generate`
- transformers: `model.generate(do_sample=True)`
- in transformers: `model.generate(custom_generate=retort.adapters.transformers.generate)`
- forward alone: the model's passes over the same tokens with the same cache, nothing drawn; retort's smallest time less
  the smallest of these is "own µs a token"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.models import benchmark_model, peer_of
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared, in_turns
from retort import SamplingParams, generate, load
from retort.adapters import transformers as adapter
from retort.sources.embedded import MODELS_FOLDER
from retort.sources.transformers import quiet_transformers

BATCHES = (1, 8, 32)
MAX_TOKENS = 48
SMOLLM2 = "embedded:smollm2"
MODELS = ("embedded:small", "embedded:base", SMOLLM2)
SETTINGS = {"temperature": 0.8, "top_k": 50, "top_p": 0.9}


def run(settings: Settings) -> Record:
    """The record for batches of 1, 8 and 32 texts."""
    max_tokens, batches = (4, (1, 3)) if settings.quick else (MAX_TOKENS, BATCHES)
    rows: list[Row] = []
    names = _models(settings)
    for name in names:
        with benchmark_model(name) as (model, named, prompts), quiet_transformers():
            source: Any = load(model)
            source.end_ids = frozenset()
            peer = peer_of(model)
            peer.generation_config.eos_token_id = None
            for batch in batches:
                asked = [prompts[row % len(prompts)] for row in range(batch)]
                rows.append(_compare(source, peer, named, asked, max_tokens, settings.rounds))
    details = {"max_tokens": max_tokens, **SETTINGS}
    return record("generate", __doc__ or "", ", ".join(map(str, names)), settings, details, rows)


def _models(settings: Settings) -> Sequence[str | None]:
    if settings.model is not None:
        return [settings.model]
    there = [
        name
        for name in MODELS
        if name == SMOLLM2 or (MODELS_FOLDER / name.removeprefix("embedded:") / "retort.json").is_file()
    ]
    return there[:1] if settings.quick else there or [None]


def _compare(source: Any, peer: Any, named: str, prompts: Sequence[str], max_tokens: int, rounds: int) -> Row:
    import torch

    params = [SamplingParams(**SETTINGS, seed=row, max_tokens=max_tokens) for row in range(len(prompts))]
    ids = [source.encode(prompt) for prompt in prompts]
    width = max(map(len, ids))
    padded = {
        "inputs": torch.tensor([[0] * (width - len(row)) + row for row in ids]),
        "attention_mask": torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids]),
        "max_new_tokens": max_tokens,
        "pad_token_id": 0,
    }
    texts = generate(source, prompts, params)
    assert {len(text.ids) for text in texts} == {max_tokens}

    def forward_alone() -> None:
        decoder = source.start(ids)
        for step in range(max_tokens - 1):
            decoder.advance(range(len(ids)), [text.ids[step] for text in texts])

    def inside() -> Any:
        return peer.generate(**padded, custom_generate=adapter.generate, retort_params=params)

    _check_same_texts(texts, inside()[:, width:].tolist())
    seconds = in_turns(
        {
            "retort": lambda: generate(source, prompts, params),
            "transformers": lambda: peer.generate(**padded, do_sample=True, **SETTINGS),
            "in transformers": inside,
            "forward alone": forward_alone,
        },
        rounds,
    )
    tokens = len(prompts) * max_tokens
    own = min(seconds["retort"]) - min(seconds["forward alone"])
    return compared(
        f"{named}, {len(prompts)} texts",
        seconds,
        **{
            "tokens/s": tokens / min(seconds["retort"]),
            "tokens/s transformers": tokens / min(seconds["transformers"]),
            "tokens/s in transformers": tokens / min(seconds["in transformers"]),
            "own µs a token": own / tokens * 1e6,
        },
    )


def _check_same_texts(texts: Sequence[Any], inside: Sequence[Sequence[int]]) -> None:
    """The adapter draws what `retort.generate` draws, near ties aside; anything else stops the benchmark."""
    for text, ids in zip(texts, inside, strict=True):
        if list(text.ids) != list(ids) and not any(token.near_tie for token in text.tokens):
            raise SystemExit("retort.generate and its adapter in transformers draw different texts")
