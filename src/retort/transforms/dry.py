"""DRY: a penalty on the token that would continue a repetition, growing with the length of what is repeated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, like
from retort.transforms.context import Context
from retort.transforms.parameters import Parameter
from retort.transforms.seen import changed, check_ids, looked_at
from retort.transforms.token_settings import IDS, LAST, WHOLE
from retort.transforms.transform import Transform, usable

STEPS = 32
"""Repetitions are first followed token by token, which is quick where they are few and short; those that go on for
longer than this are measured in one pass over the history, which is linear whatever it holds."""

MULTIPLIER = Parameter(
    "multiplier",
    "a finite number of 0 or more (None or 0: off)",
    low=0.0,
    off_values=(0.0,),
    setting="dry_multiplier",
)
BASE = Parameter("base", "a finite number of 1 or more", low=1.0, default=1.75, setting="dry_base")
ALLOWED_LENGTH = Parameter(
    "allowed_length",
    "a whole number of 1 or more",
    low=1,
    default=2,
    whole=True,
    setting="dry_allowed_length",
)
LAST_N = Parameter(
    "last_n",
    "a whole number of 1 or more, or -1 for the whole history (0: off)",
    low=-1,
    default=-1,
    off_values=(0,),
    whole=True,
    setting="dry_penalty_last_n",
)
BREAKERS = Parameter("breakers", "token ids", default=(), setting="dry_breakers", kind=IDS)


def dry(
    logits: Array,
    multiplier: Any,
    base: float = 1.75,
    allowed_length: int = 2,
    last_n: int = -1,
    breakers: Sequence[int] = (),
    *,
    context: Context | None = None,
) -> Array:
    """Logits with `multiplier · base^(n - allowed_length)` taken from each token that would make a repetition longer.

    n of a token: the length of the longest run of tokens that ends the history, came before, and was followed by this
    token then; less than `allowed_length` costs nothing. No run reaches over a breaker, and a breaker is not penalised.
    `last_n`: look at so many tokens of the history, -1 at all.
    Shapes `[..., vocab]`. float64 for numpy, at least float32 for torch; a penalty beyond the type's range is its
    largest number. O(history) a row. Raises InputError for unusable rows, settings that are not allowed or no history.
    Source: p-e-w, "DRY: A modern repetition penalty", text-generation-webui pull request 5677 (2024); llama.cpp has
    the same rule.
    """
    for parameter, value in (
        (MULTIPLIER, multiplier),
        (BASE, base),
        (ALLOWED_LENGTH, allowed_length),
        (LAST_N, last_n),
    ):
        parameter.store(value)
    logits = usable(logits)
    if not multiplier or last_n == 0:
        return logits
    scope = WHOLE if last_n < 0 else f"{LAST}{last_n}"
    breaking = frozenset(breakers)
    rows: list[int] = []
    ids: list[int] = []
    lengths: list[int] = []
    for row in range(math.prod(logits.shape[:-1])):
        history = np.asarray(looked_at(context or Context(), row, scope, "dry"), dtype=np.int64)
        check_ids(history, logits.shape[-1], "dry")
        for token, length in continuations(history, breaking).items():
            if length >= allowed_length and token not in breaking:
                rows.append(row)
                ids.append(token)
                lengths.append(length)
    penalties = like(logits, [_penalty(multiplier, base, length - allowed_length) for length in lengths])
    return changed(
        logits, np.array(rows, np.int64), np.array(ids, np.int64), lambda values: values - penalties
    )


def continuations(history: np.ndarray, breakers: frozenset[int] = frozenset()) -> dict[int, int]:
    """Token → the length of the longest run that ends `history`, came before, and was followed by that token."""
    backwards = history[::-1]
    limit = _until_breaker(backwards, breakers)
    if limit == 0 or len(backwards) < 2:
        return {}
    # An earlier run that ends at backwards[i] was followed by backwards[i - 1].
    ends = np.flatnonzero(backwards[1:] == backwards[0]) + 1
    lengths = np.ones(len(ends), dtype=np.int64)
    going = np.arange(len(ends))
    for length in range(1, min(limit, STEPS)):
        going = going[ends[going] + length < len(backwards)]
        going = going[backwards[ends[going] + length] == backwards[length]]
        lengths[going] = length + 1
        if len(going) == 0:
            break
    if len(going) and limit > STEPS:
        lengths = np.array(_common_lengths(backwards.tolist()))[ends]
    best: dict[int, int] = {}
    for token, length in zip(backwards[ends - 1].tolist(), np.minimum(lengths, limit).tolist(), strict=True):
        best[token] = max(best.get(token, 0), length)
    return best


def _until_breaker(backwards: np.ndarray, breakers: frozenset[int]) -> int:
    """How many tokens stand after the last breaker of the history."""
    if not breakers:
        return len(backwards)
    at = np.flatnonzero(np.isin(backwards, list(breakers)))
    return int(at[0]) if len(at) else len(backwards)


def _common_lengths(tokens: list[int]) -> list[int]:
    """For each place i, how many tokens from i on equal those from 0 on: the Z algorithm (Gusfield 1997, 1.4)."""
    lengths = [0] * len(tokens)
    lengths[0] = len(tokens)
    left = right = 0
    for place in range(1, len(tokens)):
        length = min(right - place, lengths[place - left]) if place < right else 0
        while place + length < len(tokens) and tokens[length] == tokens[place + length]:
            length += 1
        lengths[place] = length
        if place + length > right:
            left, right = place, place + length
    return lengths


def _penalty(multiplier: float, base: float, excess: int) -> float:
    """multiplier · base^excess, at most the largest float32."""
    largest = float(np.finfo(np.float32).max)
    if excess * math.log(base) + math.log(multiplier) >= math.log(largest):
        return largest
    return float(multiplier * base**excess)


ROWS = (
    Transform(
        "dry",
        dry,
        "penalise the token that would continue a repetition, more the longer it is",
        (MULTIPLIER, BASE, ALLOWED_LENGTH, LAST_N, BREAKERS),
        nested=False,
        truncates=False,
        needs=frozenset({"history"}),
    ),
)
