"""A draft model's worth: how often its tokens stand, and what that saves, for both methods of judging them.

The target writes the same prompts on without a draft and with one that proposes 4 tokens at a time.

- coupled: the texts of the target alone, token for token (near ties aside); residual: other texts of the same law
- without a draft: the target alone
- rate: the exact probability that a draft token stands, averaged over the positions of the texts that the target writes
  alone, by `retort.sampling.speculative`; no chance in it
- tokens/pass: what a pass of the target over a text gave in the run; 1 without a draft

Time is that of both models' passes and of the judging. On a processor a pass over 5 tokens costs more than one over
1, and a draft that is not far smaller than the target costs as much as it saves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.models import benchmark_model
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared, in_turns
from retort import SamplingParams, generate, load
from retort.chain import Chain
from retort.distribution import log_softmax
from retort.sampling import Sample, Speculation
from retort.sampling.speculative import METHODS, RoundCounts, coupled_rate, residual_rate
from retort.sources.base import SpanDecoder

DRAFTS = ("embedded:small", "embedded:small-distilled", "itself")
CHAINS = ("temperature=1", "temperature=0.7 | top_k=50 | top_p=0.9", "temperature=0")
MAX_TOKENS, NUM_TOKENS = 32, 4


def run(settings: Settings) -> Record:
    """The record for each draft and chain."""
    max_tokens, chains = (4, CHAINS[1:2]) if settings.quick else (MAX_TOKENS, CHAINS)
    rows = []
    with benchmark_model(settings.model) as (model, named, prompts):
        target = load(model)
        asked = prompts[:2] if settings.quick else prompts
        for name in DRAFTS[-1:] if settings.quick or named != "embedded:base" else DRAFTS:
            draft = load(model if name == "itself" else name)
            rows += [
                _compare(target, draft, name, chain, asked, max_tokens, settings.rounds) for chain in chains
            ]
    details = {"prompts": len(asked), "max_tokens": max_tokens, "draft tokens": NUM_TOKENS}
    return record("speculative", __doc__ or "", named, settings, details, rows)


def _compare(
    target: Any, draft: Any, name: str, spec: str, prompts: Sequence[str], max_tokens: int, rounds: int
) -> Row:
    chain = Chain.parse(spec)
    params = [SamplingParams(chain=chain, seed=seed, max_tokens=max_tokens) for seed in range(len(prompts))]
    plain = generate(target, prompts, params)
    details: dict[str, float] = {}
    timed = {}
    for method in METHODS:
        counts = RoundCounts()
        texts = generate(
            target, prompts, params, draft=Speculation(draft, NUM_TOKENS, method, on_round=counts)
        )
        if method == "coupled":
            _check_same_texts(texts, plain)
        details |= {f"{method} tokens/pass": counts.tokens_per_pass}
        timed[method] = lambda method=method: generate(
            target, prompts, params, draft=Speculation(draft, NUM_TOKENS, method)
        )
    timed["without a draft"] = lambda: generate(target, prompts, params)
    ours, theirs = (_log_probs(source, chain, prompts, plain) for source in (target, draft))
    details |= {
        "coupled rate": float(coupled_rate(ours, theirs).mean()),
        "residual rate": float(residual_rate(ours, theirs).mean()),
    }
    return compared(f"draft: {name}; {spec}", in_turns(timed, rounds), **details)


def _log_probs(source: Any, chain: Chain, prompts: Sequence[str], texts: Sequence[Sample]) -> np.ndarray:
    """`[positions, vocab]` what the chain makes of the model at every position of these texts; one pass a text."""
    rows = []
    for prompt, text in zip(prompts, texts, strict=True):
        decoder = source.start([source.encode(prompt)])
        assert isinstance(decoder, SpanDecoder)
        rows.append(decoder.logits.astype(np.float64))
        if len(text.ids) > 1:
            rows.append(decoder.extend([0], [list(text.ids[:-1])])[0].astype(np.float64))
    return log_softmax(chain.apply(np.concatenate(rows)))


def _check_same_texts(texts: Sequence[Sample], plain: Sequence[Sample]) -> None:
    """A fast wrong answer is no answer; only where a draw is a near tie may a text part from its twin."""
    for text, twin in zip(texts, plain, strict=True):
        if text.ids != twin.ids and not any(token.near_tie for token in twin.tokens):
            raise SystemExit("coupled drafting changed a text")
