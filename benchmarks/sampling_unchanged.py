"""The sampler's tokens and records for 10,000 rows × many chains: written by one version, compared by another.

    PYTHONPATH=/old/src python benchmarks/sampling_unchanged.py write before.npz
    python benchmarks/sampling_unchanged.py compare before.npz

Tokens must be equal. Numbers are reported by the largest difference per column, because a change may be meant.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from retort import Chain
from retort.sampling import SamplingParams, sample

COLUMNS = ("logprob_raw", "logprob_processed", "log_kept_mass", "entropy", "margin")

TRUNCATIONS = (
    "",
    "temperature=0",
    "temperature=0.7",
    "temperature=1.6",
    "top_k=40",
    "temperature=0.8 | top_k=50 | top_p=0.95 | min_p=0.05",
    "top_p=0.9 | temperature=1.5",
    "min_p=0.02 | temperature=2",
    "top_k=7 | temperature=0",
    "temperature=1.2 | top_p=0.999",
    "top_k=1000 | top_p=0.5",
)
"""Chains that the compiled kernels take for large vocabularies."""

OTHERS = (
    "typical_p=0.9 | temperature=0.9",
    "temperature=1.1 | top_n_sigma=1.5",
    "top_h=0.4",
    "epsilon_cutoff=0.002 | eta_cutoff=0.002",
    "dynatemp(range=0.5, temperature=0.9) | top_p=0.95",
    "xtc(probability=0.5, threshold=0.1) | temperature=1.2",
    "repetition_penalty=1.25 | temperature=0.8 | top_k=20",
    "repetition_penalty=1.25 | temperature=0",
    "presence_penalty=0.6 | frequency_penalty=0.3 | top_p=0.9",
    "logit_bias(1: 1) | temperature=0",
    "top_p(0.8, ties=all) | min_p(0.1, min_keep=3)",
)

SIZES = ((11, 2200), (300, 3300), (3000, 2200), (5000, 1760), (50_257, 440), (128_256, 110))
"""(vocabulary, rows): 10,010 rows in all, as many for each chain."""


def records() -> dict[str, np.ndarray]:
    """Each case's ids and numbers `[1 + len(COLUMNS), rows]`, by its name."""
    chains = TRUNCATIONS + OTHERS
    found: dict[str, np.ndarray] = {}
    for vocab, num_rows in SIZES:
        for number, text in enumerate(chains):
            rng = np.random.default_rng([vocab, number])
            rows = num_rows // len(chains)
            logits = (rng.standard_normal((rows, vocab)) * rng.uniform(0.5, 5, (rows, 1))).astype(np.float32)
            logits[: rows // 4] = np.round(logits[: rows // 4])
            history = rng.integers(0, vocab, (rows, 20)).tolist()
            drawn = sample(
                logits,
                SamplingParams(chain=Chain(text)),
                seeds=[int(seed) for seed in rng.integers(0, 2**64, rows, dtype=np.uint64)],
                positions=[int(place) for place in rng.integers(0, 2**20, rows)],
                history=history,
                prompt_lengths=[8] * rows,
            )
            columns = [drawn.ids.astype(np.float64), *(getattr(drawn, name) for name in COLUMNS)]
            found[f"{vocab} {text or 'plain'}"] = np.stack(columns)
    return found


def tokens_hash(found: dict[str, np.ndarray] | None = None) -> str:
    """One hash of all tokens, for a check of the whole repository."""
    digest = hashlib.sha256()
    for name, columns in sorted((found or records()).items()):
        digest.update(name.encode() + columns[0].astype(np.int64).tobytes())
    return digest.hexdigest()


def compare(before: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> int:
    """Print what differs; returns how many tokens do."""
    differing = 0
    for name, columns in now.items():
        old = before[name]
        tokens = int((old[0] != columns[0]).sum())
        differing += tokens
        gaps = {
            column: float(np.abs(np.subtract(a, b, where=a != b, out=np.zeros_like(a))).max())
            for column, a, b in zip(COLUMNS, old[1:], columns[1:], strict=True)
        }
        told = ", ".join(f"{column} {gap:.1e}" for column, gap in gaps.items() if not gap < 1e-5)
        if tokens or told:
            print(f"{name}: {tokens} tokens differ; {told or 'numbers equal within 1e-5'}")
    rows = sum(columns.shape[1] for columns in now.values())
    print(f"{rows:,} rows in {len(now)} cases: {differing} tokens differ")
    return differing


if __name__ == "__main__":
    what, path = sys.argv[1], Path(sys.argv[2])
    if what == "write":
        np.savez_compressed(path, **records())  # type: ignore[arg-type]
    else:
        sys.exit(compare(dict(np.load(path)), records()) > 0)
