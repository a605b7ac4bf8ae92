"""The transforms of a chain: pure functions from logits to logits, and the one table of their names.

Logits `[..., vocab]` and settings flow in, logits flow out; a truncation sets what it removes to -inf and changes
nothing else. Ties go to the lowest token id. Every number may be an array with one for each row; no row is affected by
another row's setting. Read `transform.py` first (what a row of the table holds), then any family.

Two copies must keep the same tokens: sampling/kernels/rows.py (temperature, top_k, top_p and min_p, compiled; held by
tests/sampling/test_kernels.py) and frontend/src/math/transforms.ts (the page; held by the golden vectors).
"""

from __future__ import annotations

from retort.errors import InputError, did_you_mean
from retort.transforms.adaptive import adaptive_p, mirostat
from retort.transforms.context import Context, RowState
from retort.transforms.entropy import top_h, typical_p
from retort.transforms.parameters import Kind, Parameter, choice
from retort.transforms.penalties import dry, frequency_penalty, presence_penalty, repetition_penalty
from retort.transforms.rules import allowed, bad_words, grammar, logit_bias, min_tokens
from retort.transforms.temperature import dynatemp, temperature
from retort.transforms.transform import ROWS, Transform, usable
from retort.transforms.truncation import epsilon_cutoff, eta_cutoff, min_p, top_k, top_n_sigma, top_p, xtc

__all__ = [
    "NAMES", "ORDER", "TRANSFORMS", "Context", "Kind", "Parameter", "RowState", "Transform", "adaptive_p",
    "allowed", "bad_words", "choice", "dry", "dynatemp", "epsilon_cutoff", "eta_cutoff", "find_transform",
    "frequency_penalty", "grammar", "logit_bias", "min_p", "min_tokens", "mirostat", "presence_penalty",
    "repetition_penalty", "temperature", "top_h", "top_k", "top_n_sigma", "top_p", "typical_p", "usable",
    "xtc",
]  # fmt: skip

ORDER = (
    "repetition_penalty", "frequency_penalty", "presence_penalty", "dry", "logit_bias", "bad_words",
    "min_tokens", "allowed", "grammar", "temperature", "dynatemp", "top_k", "top_p", "min_p", "typical_p",
    "epsilon_cutoff", "eta_cutoff", "top_n_sigma", "top_h", "xtc", "mirostat", "adaptive_p",
)  # fmt: skip
"""retort's default order of application: what the history shifts or bans, the temperature, the truncations."""

TRANSFORMS: dict[str, Transform] = {name: ROWS[name] for name in ORDER}

NAMES: dict[str, str] = {name: row.name for row in TRANSFORMS.values() for name in (row.name, *row.aliases)}
"""Every accepted name, in snake case, → the transform's own name."""


def find_transform(name: str) -> Transform:
    """The row for a name or alias, in snake or kebab case; raises InputError naming the nearest and the known ones."""
    written = name.strip().lower().replace("-", "_")
    key = NAMES.get(written)
    if key is None:
        near = did_you_mean(written, NAMES)
        raise InputError(f"unknown transform {name.strip()!r}{near}; known are: {', '.join(TRANSFORMS)}")
    return TRANSFORMS[key]
