"""Rows of logits to draw from: real ones, made as long as a large vocabulary, and hard ones.

Real: the model reads beginnings of real text, and its logits after each are kept exactly, each at a random id of the
large vocabulary. The other ids stand for the rarer tokens that a larger vocabulary adds: they get logits of the same
row's lower half, lowered so that together they weigh about what that half weighs. So the head, the entropy and the
nuclei are the model's own, and only the tail is longer. The most uncertain rows come first: small batches are made of
the hardest.
"""

from __future__ import annotations

import math
from importlib.resources import files

import numpy as np

from benchmarks.models import BASE, benchmark_model, random_prompts

TEXTS, WORDS = 64, (3, 24)
HARD = ("flat", "peaked", "all ties")


def real_rows(model: str | None, count: int, quick: bool) -> tuple[np.ndarray, str]:
    """`[count, model's vocabulary]` logits after beginnings of text, float32, and the model's name."""
    from retort import Distribution, load

    with benchmark_model(model) as (found, name, _):
        source = load(found)
        texts = _beginnings() if name == BASE else list(random_prompts(TEXTS, 12))
        ids = [tuple(source.encode(text)) for text in texts[: 4 if quick else TEXTS]]
        rows = np.concatenate([source.start([one]).logits.astype(np.float32) for one in ids])
    order = np.argsort(-Distribution(rows).entropy, kind="stable")
    return np.resize(rows[order], (count, rows.shape[1])), name


def lengthened(rows: np.ndarray, num_tokens: int) -> np.ndarray:
    """The rows with logits for `num_tokens` ids, as said at the head of this file."""
    rng = np.random.default_rng(num_tokens)
    known = rows.shape[1]
    if num_tokens <= known:
        return np.ascontiguousarray(rows[:, :num_tokens])
    long = np.empty((len(rows), num_tokens), dtype=np.float32)
    for row, given in zip(long, rows, strict=True):
        lower = np.sort(given)[: known // 2]
        row[:] = rng.choice(lower, num_tokens) - math.log((num_tokens - known) / len(lower))
        row[rng.permutation(num_tokens)[:known]] = given
    return long


def hard_rows(kind: str, count: int, num_tokens: int) -> np.ndarray:
    """`[count, num_tokens]`: Gaussian logits of deviation 2 ("flat"), one token far above them, or all the same."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((count, num_tokens), dtype=np.float32) * 2
    if kind == "peaked":
        rows[np.arange(count), rng.integers(0, num_tokens, count)] = 40.0
    return np.full_like(rows, 1.5) if kind == "all ties" else rows


def _beginnings() -> list[str]:
    """Beginnings of the lines of the test text that comes with retort, 3 to 24 words long."""
    text = (files("retort") / "embedded" / "text" / "test.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if len(line.split()) >= WORDS[1]]
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(lines))[:TEXTS]
    return [" ".join(lines[line][: rng.integers(WORDS[0], WORDS[1] + 1)]) for line in chosen]
