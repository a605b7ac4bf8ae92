"""Penalties on tokens that came before: repetition, frequency, presence and DRY. They touch the seen tokens alone.

Legend: M (row, seen token) pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, like, namespace
from retort.transforms.context import (
    NOTHING_KNOWN,
    Context,
    Seen,
    changed,
    check_ids,
    looked_at,
    of_rows,
    seen,
)
from retort.transforms.parameters import BREAKS, LAST, OUTPUT, WHOLE, Parameter, scope_parameter
from retort.transforms.transform import transform

REPETITION = Parameter(
    "repetition_penalty",
    "a finite number above 0 (None or 1: off)",
    low=math.nextafter(0.0, 1.0),
    off_values=(1.0,),
    setting="repetition_penalty",
)
FREQUENCY = Parameter(
    "frequency_penalty", "a finite number (None or 0: off)", off_values=(0.0,), setting="frequency_penalty"
)
PRESENCE = Parameter(
    "presence_penalty", "a finite number (None or 0: off)", off_values=(0.0,), setting="presence_penalty"
)

OUTPUT_SCOPE = scope_parameter(OUTPUT, setting="penalty_scope")
_looking_back = partial(transform, nested=False, truncates=False, needs=frozenset({"history"}))


@_looking_back(
    "divide the positive logits of seen tokens by this, multiply the negative ones; above 1 discourages",
    REPETITION,
    scope_parameter(WHOLE, setting="penalty_scope"),
    aliases=("repeat_penalty",),
)
def repetition_penalty(
    logits: Array, penalty: Any, scope: str = WHOLE, *, context: Context = NOTHING_KNOWN
) -> Array:
    """Logits with those of seen tokens made smaller: `z / penalty` if z ≥ 0, `z · penalty` if z < 0.

    A penalty above 1 discourages repetition, below 1 encourages it; how often a token came does not matter. `scope`:
    which tokens count as seen, "all" (prompt and output), "output", or "last:N". The rule depends on where zero is, so
    adding a constant to all logits changes the result; that is so in the paper and in every engine.
    Shapes `[..., vocab]`; penalty a number or `[...]`. float64 for numpy, at least float32 for torch. Raises
    InputError for unusable rows, a penalty of 0 or less, or no history. Source: Keskar et al. 2019 (CTRL), section 4.1,
    with the negative branch that transformers, vLLM and llama.cpp have.
    """
    tokens = seen(logits, context, scope, "repetition_penalty")
    # Each seen token once, however often it came: dividing again for each time would be another penalty.
    factor = of_rows(penalty, tokens.rows, logits)
    xp = namespace(logits)
    return changed(
        logits,
        tokens.rows,
        tokens.ids,
        lambda values: xp.where(values < 0, values * factor, values / factor),
    )


@_looking_back("subtract this from a token's logit for each time it occurred", FREQUENCY, OUTPUT_SCOPE)
def frequency_penalty(
    logits: Array, penalty: Any, scope: str = OUTPUT, *, context: Context = NOTHING_KNOWN
) -> Array:
    """Logits less `penalty` for each time that a token came: `z_i - count_i · penalty`.

    `scope` as in `repetition_penalty`; OpenAI counts the output alone. Shapes and dtypes as there; penalty any finite
    number (OpenAI: -2 to 2), negative ones encourage. Source: OpenAI API reference, frequency_penalty.
    """
    tokens = seen(logits, context, scope, "frequency_penalty")
    # Whole numbers times a number would be float32 in torch.
    times = like(logits, tokens.counts, dtype=namespace(logits).float64)
    return _less(logits, tokens, penalty, times)


@_looking_back("subtract this from the logit of every token that occurred", PRESENCE, OUTPUT_SCOPE)
def presence_penalty(
    logits: Array, penalty: Any, scope: str = OUTPUT, *, context: Context = NOTHING_KNOWN
) -> Array:
    """Logits less `penalty` where a token came at all: `z_i - [count_i > 0] · penalty`.

    `scope` as in `repetition_penalty`; OpenAI counts the output alone. Shapes and dtypes as there; penalty any finite
    number (OpenAI: -2 to 2), negative ones encourage. Source: OpenAI API reference, presence_penalty.
    """
    return _less(logits, seen(logits, context, scope, "presence_penalty"), penalty)


def _less(logits: Array, tokens: Seen, penalty: Any, times: Any = 1.0) -> Array:
    amount = of_rows(penalty, tokens.rows, logits)
    return changed(logits, tokens.rows, tokens.ids, lambda values: values - times * amount)


STEPS = 32
"""Repetitions are first followed token by token, which is quick where they are few and short; those that go on for
longer than this are measured in one pass over the history, which is linear whatever it holds."""

MULTIPLIER = Parameter(
    "multiplier",
    "a finite number of 0 or more (None or 0: off)",
    low=0.0,
    off_values=(0.0,),
    for_all=True,
    setting="dry_multiplier",
)
BASE = Parameter(
    "base", "a finite number of 1 or more", low=1.0, default=1.75, for_all=True, setting="dry_base"
)
ALLOWED_LENGTH = Parameter(
    "allowed_length",
    "a whole number of 1 or more",
    low=1,
    default=2,
    whole=True,
    for_all=True,
    setting="dry_allowed_length",
)
LAST_N = Parameter(
    "last_n",
    "a whole number of 1 or more, or -1 for the whole history (0: off)",
    low=-1,
    default=-1,
    off_values=(0,),
    whole=True,
    for_all=True,
    setting="dry_penalty_last_n",
)
BREAKERS = Parameter(
    "breakers", "token ids or sequences of them", default=(), setting="dry_breakers", kind=BREAKS
)


@_looking_back(
    "penalise the token that would continue a repetition, more the longer it is",
    MULTIPLIER,
    BASE,
    ALLOWED_LENGTH,
    LAST_N,
    BREAKERS,
)
def dry(
    logits: Array,
    multiplier: Any,
    base: float = 1.75,
    allowed_length: int = 2,
    last_n: int = -1,
    breakers: Sequence[Any] = (),
    *,
    context: Context = NOTHING_KNOWN,
) -> Array:
    """Logits with `multiplier · base^(n - allowed_length)` taken from each token that would make a repetition longer.

    n of a token: the length of the longest run of tokens that ends the history, came before, and was followed by this
    token then; less than `allowed_length` costs nothing. No run reaches over a breaker (an id, or
    a sequence of ids), and an id that is one is not penalised.
    `last_n`: look at so many tokens of the history, -1 at all.
    Shapes `[..., vocab]`. float64 for numpy, at least float32 for torch; a penalty beyond the type's range is its
    largest number. O(history) a row. Raises InputError for unusable rows, settings that are not allowed or no history.
    Source: p-e-w, "DRY: A modern repetition penalty", text-generation-webui pull request 5677 (2024); llama.cpp has
    the same rule.
    """
    scope = WHOLE if last_n < 0 else f"{LAST}{last_n}"
    alone = {one for one in breakers if not isinstance(one, tuple)}
    rows: list[int] = []
    ids: list[int] = []
    lengths: list[int] = []
    for row in range(math.prod(logits.shape[:-1])):
        history = np.asarray(looked_at(context, row, scope, "dry"), dtype=np.int64)
        check_ids(history, logits.shape[-1], "dry")
        for token, length in continuations(history, breakers).items():
            # Only breakers of one token: of a sequence no single token is the breaker.
            if length >= allowed_length and token not in alone:
                rows.append(row)
                ids.append(token)
                lengths.append(length)
    penalties = like(logits, [_penalty(multiplier, base, length - allowed_length) for length in lengths])
    return changed(
        logits, np.array(rows, np.int64), np.array(ids, np.int64), lambda values: values - penalties
    )


def continuations(history: np.ndarray, breakers: Sequence[Any] = ()) -> dict[int, int]:
    """Token → the length of the longest run that ends `history`, came before, and was followed by that token."""
    backwards = history[::-1]
    limit = _until_breaker(backwards, breakers)
    if limit == 0 or len(backwards) < 2:
        return {}
    # An earlier run that ends at backwards[i] was followed by backwards[i - 1].
    ends = np.flatnonzero(backwards[1:] == backwards[0]) + 1
    lengths = np.ones(len(ends), dtype=np.int64)
    going = np.arange(len(ends))
    # All earlier places where the last token stood are followed together, one token back at a time.
    for length in range(1, min(limit, STEPS)):
        going = going[ends[going] + length < len(backwards)]
        going = going[backwards[ends[going] + length] == backwards[length]]
        lengths[going] = length + 1
        if len(going) == 0:
            break
    # Some run is longer still. Following it token by token could take history² steps.
    if len(going) and limit > STEPS:
        lengths = np.array(_common_lengths(backwards.tolist()))[ends]
    best: dict[int, int] = {}
    for token, length in zip(backwards[ends - 1].tolist(), np.minimum(lengths, limit).tolist(), strict=True):
        best[token] = max(best.get(token, 0), length)
    return best


def _until_breaker(backwards: np.ndarray, breakers: Sequence[Any]) -> int:
    """How many tokens stand after the last breaker of the history."""
    found = [(len(backwards), len(backwards))]
    for breaker in breakers:
        sequence = np.atleast_1d(breaker)[::-1]
        length = len(sequence)
        for end in np.flatnonzero(backwards[: len(backwards) - length + 1] == sequence[0]).tolist():
            if np.array_equal(backwards[end : end + length], sequence):
                # The first hit backwards is the breaker's last place, and no earlier one can count.
                found.append((end + length - 1, end))
                break
    # Of several the one that begins last counts, and of these the longest, as in llama.cpp.
    return min(found)[1]


def _common_lengths(tokens: list[int]) -> list[int]:
    """For each place i, how many tokens from i on equal those from 0 on: the Z algorithm (Gusfield 1997, 1.4)."""
    lengths = [0] * len(tokens)
    lengths[0] = len(tokens)
    left = right = 0
    # [left, right) is the copy of the beginning that reaches farthest: within it, what is known of the beginning holds.
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
    # Compared as logarithms: base^excess itself would be an OverflowError for a long repetition.
    if excess * math.log(base) + math.log(multiplier) >= math.log(largest):
        return largest
    return float(multiplier * base**excess)
