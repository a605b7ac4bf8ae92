"""Penalties on tokens that came before: repetition, frequency and presence. They touch the seen tokens alone.

Legend: M (row, seen token) pairs.
"""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array, like, namespace
from retort.transforms.context import Context
from retort.transforms.parameters import Parameter
from retort.transforms.seen import changed, of_rows, seen
from retort.transforms.token_settings import OUTPUT, WHOLE, scope_parameter
from retort.transforms.transform import Transform, usable

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


def repetition_penalty(
    logits: Array, penalty: Any, scope: str = WHOLE, *, context: Context | None = None
) -> Array:
    """Logits with those of seen tokens made smaller: `z / penalty` if z ≥ 0, `z · penalty` if z < 0.

    A penalty above 1 discourages repetition, below 1 encourages it; how often a token came does not matter. `scope`:
    which tokens count as seen, "all" (prompt and output), "output", or "last:N". The rule depends on where zero is, so
    adding a constant to all logits changes the result; that is so in the paper and in every engine.
    Shapes `[..., vocab]`; penalty a number or `[...]`. float64 for numpy, at least float32 for torch. Raises
    InputError for unusable rows, a penalty of 0 or less, or no history. Source: Keskar et al. 2019 (CTRL), section 4.1,
    with the negative branch that transformers, vLLM and llama.cpp have.
    """
    REPETITION.check(penalty)
    logits = usable(logits)
    if penalty is None:
        return logits
    tokens = seen(logits, context or Context(), scope, "repetition_penalty")
    factor = of_rows(penalty, tokens.rows, logits)
    xp = namespace(logits)
    return changed(
        logits,
        tokens.rows,
        tokens.ids,
        lambda values: xp.where(values < 0, values * factor, values / factor),
    )


def frequency_penalty(
    logits: Array, penalty: Any, scope: str = OUTPUT, *, context: Context | None = None
) -> Array:
    """Logits less `penalty` for each time that a token came: `z_i - count_i · penalty`.

    `scope` as in `repetition_penalty`; OpenAI counts the output alone. Shapes and dtypes as there; penalty any finite
    number (OpenAI: -2 to 2), negative ones encourage. Source: OpenAI API reference, frequency_penalty.
    """
    return _less(logits, FREQUENCY, penalty, scope, context, counted=True)


def presence_penalty(
    logits: Array, penalty: Any, scope: str = OUTPUT, *, context: Context | None = None
) -> Array:
    """Logits less `penalty` where a token came at all: `z_i - [count_i > 0] · penalty`.

    `scope` as in `repetition_penalty`; OpenAI counts the output alone. Shapes and dtypes as there; penalty any finite
    number (OpenAI: -2 to 2), negative ones encourage. Source: OpenAI API reference, presence_penalty.
    """
    return _less(logits, PRESENCE, penalty, scope, context, counted=False)


def _less(
    logits: Array, parameter: Parameter, penalty: Any, scope: str, context: Context | None, counted: bool
) -> Array:
    parameter.check(penalty)
    logits = usable(logits)
    if penalty is None:
        return logits
    tokens = seen(logits, context or Context(), scope, parameter.name)
    amount = of_rows(penalty, tokens.rows, logits)
    times = like(logits, tokens.counts) if counted else 1.0
    return changed(logits, tokens.rows, tokens.ids, lambda values: values - times * amount)


_HISTORY = frozenset({"history"})

ROWS = (
    Transform(
        "repetition_penalty",
        repetition_penalty,
        "divide the positive logits of seen tokens by this, multiply the negative ones; above 1 discourages",
        (REPETITION, scope_parameter(WHOLE, setting="penalty_scope")),
        aliases=("repeat_penalty",),
        nested=False,
        truncates=False,
        needs=_HISTORY,
    ),
    Transform(
        "frequency_penalty",
        frequency_penalty,
        "take this from a token's logit for each time it came",
        (FREQUENCY, scope_parameter(OUTPUT, setting="penalty_scope")),
        nested=False,
        truncates=False,
        needs=_HISTORY,
    ),
    Transform(
        "presence_penalty",
        presence_penalty,
        "take this from the logit of every token that came",
        (PRESENCE, scope_parameter(OUTPUT, setting="penalty_scope")),
        nested=False,
        truncates=False,
        needs=_HISTORY,
    ),
)
