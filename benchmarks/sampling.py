"""One batch of next tokens: retort's sampler beside softmax alone, transformers and llama.cpp.

All start from the same logits, and retort gives for each row the token, raw and processed log-probability, kept mass,
entropy, margin and near-tie. `torch.softmax` gives probabilities and draws nothing: it is a floor to compare with.
transformers is its logits processors and `torch.multinomial`, the token alone; llama.cpp its own chain, one row after
the other, its candidates filled in by compiled code. Both in float32, on batches up to 32.

- fastest ratio: softmax's fastest round over retort's fastest, for a machine that others use too
- µs a row: retort's fastest round; reads: that over one read of the same rows (their sum, by torch)
- MB: memory that retort took in the call, beside the logits

Rows: `benchmarks/sampling_rows.py` says how real rows of large vocabularies are made, and which the hard ones are.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import llama_cpp
from benchmarks.record import Record, Settings, record
from benchmarks.sampling_rows import HARD, hard_rows, lengthened, real_rows
from benchmarks.timing import Row, compared, in_turns
from retort import SamplingParams, sample
from retort.sampling import num_threads, set_num_threads

VOCABULARIES = (128_256, 262_144)
BATCHES = (1, 8, 32, 256)
LARGEST_FOR_PEERS = 32
CHAINS: dict[str, dict[str, Any]] = {
    "τ": {"temperature": 0.8},
    "τ, top-p": {"temperature": 0.8, "top_p": 0.9},
    "τ, top-k, top-p": {"temperature": 0.8, "top_k": 50, "top_p": 0.9},
    "τ, top-k, top-p, min-p": {"temperature": 0.8, "top_k": 50, "top_p": 0.9, "min_p": 0.05},
}
PAUSE = 0.02
"""Seconds before each call: torch's threads spin for a while after their work, on the cores that ours need."""

SHORT = 1_000_000
"""Batches of fewer logits are drawn several times a round: the clock's own noise would show."""

FIRST_CALL = """
import time, numpy
logits = numpy.zeros((1, 128_256), dtype=numpy.float32)
begin = time.perf_counter()
import retort
retort.sample(logits, retort.SamplingParams(temperature=0.8))
print(time.perf_counter() - begin)
"""


def run(settings: Settings) -> Record:
    """The record over vocabularies, batches, dtypes and chains; then the hard rows, and the first call of a process."""
    vocabularies, batches = ((20_000,), (1, 2)) if settings.quick else (VOCABULARIES, BATCHES)
    library = llama_cpp.find_library()
    if library is None:
        print(llama_cpp.MISSING, file=sys.stderr)
    rows: list[Row] = []
    short_rows, model = real_rows(settings.model, max(batches), settings.quick)
    for num_tokens in vocabularies:
        logits = lengthened(short_rows, num_tokens)
        for batch in batches:
            for dtype in ("float32", "bfloat16"):
                rows += [
                    _compare("real", logits[:batch], dtype, chain, library, settings.rounds)
                    for chain in CHAINS
                ]
    for kind in HARD:
        logits = hard_rows(kind, batches[-1] if settings.quick else 32, vocabularies[0])
        rows += [_compare(kind, logits, "float32", chain, library, settings.rounds) for chain in CHAINS]
    rows.append(_first_call(settings.rounds))
    details = {"threads of retort": num_threads()}
    return record("sampling", __doc__ or "", model, settings, details, rows)


def _compare(kind: str, logits: np.ndarray, dtype: str, chain: str, library: Any, rounds: int) -> Row:
    import torch

    batch, num_tokens = logits.shape
    tensor = torch.from_numpy(logits).to(getattr(torch, dtype))
    given = logits if dtype == "float32" else tensor
    params = SamplingParams(**CHAINS[chain])
    timed: dict[str, Callable[[], object]] = {
        "retort": lambda: sample(given, params),
        "torch.softmax": lambda: torch.softmax(tensor, dim=-1),
    }
    if dtype == "float32" and batch <= LARGEST_FOR_PEERS:
        processors = _processors(CHAINS[chain])
        timed["transformers"] = lambda: _draw(tensor, processors)
        if library is not None:
            drawn = llama_cpp.sampler(library, CHAINS[chain], num_tokens)
            timed["llama.cpp"] = lambda: drawn(logits)
    repeats = max(1, min(10, SHORT // logits.size))
    calls = {name: _repeated(once, repeats) for name, once in timed.items()}
    seconds = in_turns(calls, rounds, pause=PAUSE)
    each = {name: [value / repeats for value in values] for name, values in seconds.items()}
    words = tensor.view(torch.float32) if num_tokens % 2 == 0 else tensor
    read = in_turns({"read": lambda: [words.sum() for _ in range(10)]}, rounds, pause=PAUSE)["read"]
    fastest = {name: min(values) for name, values in each.items()}
    return compared(
        f"{kind}, {num_tokens:,}, {batch} {'row' if batch == 1 else 'rows'}, {dtype}, {chain}",
        each,
        **{
            "softmax, fastest ratio": fastest["torch.softmax"] / fastest["retort"],
            "µs a row": 1e6 * fastest["retort"] / batch,
            "reads": 10 * fastest["retort"] / min(read),
            "MB": _megabytes(lambda: sample(given, params)),
            "tokens kept": _kept(logits, params),
        },
    )


def _kept(logits: np.ndarray, params: SamplingParams) -> float:
    """How many tokens the chain leaves, on average over at most eight rows."""
    return float(np.isfinite(params.resolved_chain.apply(logits[:8])).sum(axis=-1).mean())


def _megabytes(run: Callable[[], object]) -> float:
    """The most memory that `run` held at a time, in threads that have none of their own yet."""
    set_num_threads(num_threads())
    fresh = threading.Thread(target=run)
    tracemalloc.start()
    fresh.start()
    fresh.join()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def _first_call(rounds: int) -> Row:
    """A new process's first draw, compiled code already on disk: `import retort`, numba, and the draw."""
    command = [sys.executable, "-c", FIRST_CALL]
    seconds = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(rounds)]
    return compared("first call of a process", {"retort": seconds})


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
