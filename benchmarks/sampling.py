"""One batch of next tokens, retort's sampler against transformers' logits processors and `torch.multinomial`.

Both start from the same float32 logits, `rows` at a time. retort gives token, raw and processed log-probability, kept
mass, entropy and margin for each row, in float64; the bare peer gives the token alone, in float32; the second peer
computes the same record with torch, without the margin. Logits are Gaussian: standard deviation 3.5 stands for a model
that is rather sure, 2 for one that is not, where top-p keeps thousands of tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared, in_turns
from retort import SamplingParams, sample

VOCABULARIES = (8_192, 32_000, 128_256)
SHAPES = {"sure": 3.5, "unsure": 2.0}
CHAINS: dict[str, dict[str, Any]] = {
    "temperature=0.8": {"temperature": 0.8},
    "temperature=0.8 | top_k=50": {"temperature": 0.8, "top_k": 50},
    "temperature=0.8 | top_p=0.9": {"temperature": 0.8, "top_p": 0.9},
    "temperature=0.8 | min_p=0.05": {"temperature": 0.8, "min_p": 0.05},
}
ROWS = 16


def run(settings: Settings) -> Record:
    """The record over vocabularies, shapes and chains."""
    vocabularies, rows_at_a_time = ((512,), 2) if settings.quick else (VOCABULARIES, ROWS)
    rows = [
        _compare(num_tokens, shape, chain, rows_at_a_time, settings.rounds)
        for num_tokens in vocabularies
        for shape in SHAPES
        for chain in CHAINS
    ]
    return record("sampling", __doc__ or "", "none: random logits", settings, {"rows": rows_at_a_time}, rows)


def _compare(num_tokens: int, shape: str, chain: str, num_rows: int, rounds: int) -> Row:
    import torch

    rng = np.random.default_rng(num_tokens)
    logits = (rng.standard_normal((num_rows, num_tokens)) * SHAPES[shape]).astype(np.float32)
    tensor = torch.from_numpy(logits)
    params = SamplingParams(**CHAINS[chain])
    processors = _processors(CHAINS[chain])
    torch.manual_seed(0)
    timed: dict[str, Callable[[], object]] = {
        "retort": lambda: sample(logits, params),
        "transformers, token alone": lambda: _draw(tensor, processors),
        "transformers, same record": lambda: _draw_and_tell(tensor, processors, CHAINS[chain]["temperature"]),
    }
    # The short cases would be timed by the clock's own noise: several calls count as one.
    repeats = max(1, 131_072 // num_tokens) if num_tokens > 1_000 else 1
    seconds = in_turns({name: _repeated(run, repeats) for name, run in timed.items()}, rounds)
    per_row = {name: [value / repeats / num_rows for value in values] for name, values in seconds.items()}
    kept = float(np.mean(np.isfinite(params.resolved_chain.apply(logits)).sum(axis=-1)))
    return compared(
        f"{num_tokens:,} tokens, {shape}, {chain.replace(' | ', ' → ')}", per_row, **{"tokens kept": kept}
    )


def _repeated(run: Callable[[], object], times: int) -> Callable[[], object]:
    def several() -> None:
        for _ in range(times):
            run()

    return several


def _processors(settings: dict[str, Any]) -> Any:
    """The processors that `model.generate` would put together for these settings, in its order."""
    from transformers import (
        LogitsProcessorList,
        MinPLogitsWarper,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    makers = {
        "temperature": TemperatureLogitsWarper,
        "top_k": TopKLogitsWarper,
        "top_p": TopPLogitsWarper,
        "min_p": MinPLogitsWarper,
    }
    return LogitsProcessorList([make(settings[name]) for name, make in makers.items() if name in settings])


def _draw(logits: Any, processors: Any) -> Any:
    import torch

    scores = processors(None, logits)
    return torch.multinomial(torch.softmax(scores, dim=-1), num_samples=1).squeeze(1)


def _draw_and_tell(logits: Any, processors: Any, temperature: float) -> Any:
    import torch

    scores = processors(None, logits)
    ids = torch.multinomial(torch.softmax(scores, dim=-1), num_samples=1)
    raw, processed = logits.log_softmax(-1), scores.log_softmax(-1)
    probs = processed.exp()
    entropy = -(probs * processed.nan_to_num(neginf=0.0)).sum(-1)
    kept = (logits / temperature).softmax(-1).where(scores > -torch.inf, 0.0).sum(-1)
    return ids, raw.gather(1, ids), processed.gather(1, ids), entropy, kept
