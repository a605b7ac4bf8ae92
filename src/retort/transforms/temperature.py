"""The division by which distributions are heated or cooled: by one number, or by one that follows the entropy."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from retort.distribution.arrays import Array, namespace
from retort.distribution.ranking import flat_rows
from retort.distribution.softmax import Weights, check_logits, tempered
from retort.transforms.parameters import Parameter
from retort.transforms.transform import column, transform

RANGE = Parameter(
    "range",
    "a finite number above 0 (None or 0: off)",
    low=math.ulp(0.0),
    off_values=(0.0,),
    setting="dynatemp_range",
)
EXPONENT = Parameter(
    "exponent", "a finite number of 0 or more", low=0.0, default=1.0, setting="dynatemp_exponent"
)
TEMPERATURE = Parameter(
    "temperature", "a finite number of 0 (greedy) or more", low=0.0, default=1.0, setting="temperature"
)


@transform(
    "divide the logits by this; 0 is greedy, 1 leaves the model as it is",
    replace(TEMPERATURE, default=None),  # dynatemp's, but here it must be given
    aliases=("temp",),
    truncates=False,
    tempers=True,
    once=True,
)
def temperature(logits: Array, t: Any) -> Array:
    """Logits at temperature t: `(z - max z) / t`; t = 0 leaves the largest logit alone (lowest id), the rest
    -inf.

    Shapes `[..., vocab]`; t a number or `[...]`. float64 for numpy, at least float32 for torch.
    Raises InputError for unusable rows, or t negative or not finite. Source: Hinton et al. 2015, eq. 1.
    """
    return tempered(logits, t)


@transform(
    "a temperature this far below to this far above the given one, higher where the entropy is higher",
    RANGE,
    EXPONENT,
    TEMPERATURE,
    nested=False,
    truncates=False,
    tempers=True,
    once=True,
)
def dynatemp(logits: Array, range: Any, exponent: Any = 1.0, temperature: Any = 1.0) -> Array:
    """Logits at a temperature between `temperature - range` and `temperature + range` that rises with the entropy.

    `τ = low + (high - low)·(H / ln n)^exponent` with `low = max(0, temperature - range)` and `high = temperature +
    range`; H is the entropy (nats) of `softmax(logits)` as they come in, n the number of tokens not removed, so
    `H / ln n` is 0 for a certain row and 1 for a uniform one. Then as `temperature`: `(z - max z) / τ`, τ = 0 greedy.
    `temperature` 0 is greedy whatever the range. It stands in the place of the temperature: a chain holds one or the
    other.
    Shapes `[..., vocab]`; each setting a number or `[...]`. None and 0 as range leave the logits as they are. float64
    for numpy; for torch at least float32, τ in float64. τ counts as a constant in gradients. Raises InputError for
    unusable rows, and for settings that are negative or not finite. Source: kalomaze 2024, "Full DynaTemp
    implementation" (koboldcpp pull request 600), as in llama.cpp (4972).
    """
    check_logits(logits)  # before entropies are taken of them
    return tempered(logits, dynamic_temperatures(logits, range, exponent, temperature))


def dynamic_temperatures(logits: Array, range: Any, exponent: Any = 1.0, temperature: Any = 1.0) -> Array:
    """`[...]` the temperature that `dynatemp` chooses for each row, float64; 1 where the range is off."""
    xp = namespace(logits)
    rows_NV = flat_rows(logits)
    range_N1, exponent_N1, middle_N1 = (column(value, logits) for value in (range, exponent, temperature))
    num_live_N1 = xp.sum(xp.astype(rows_NV > -math.inf, xp.float64), axis=-1, keepdims=True)
    # One token left has an entropy of 0 out of 0; any temperature gives the same.
    most_N1 = xp.log(xp.clip(num_live_N1, min=2.0))
    share_N1 = xp.clip(Weights.of(rows_NV).entropy_N1 / most_N1, max=1.0)
    low_N1 = xp.clip(middle_N1 - range_N1, min=0.0)
    tau_N1 = low_N1 + (middle_N1 + range_N1 - low_N1) * share_N1**exponent_N1
    tau_N1 = xp.where(middle_N1 == 0.0, xp.zeros_like(tau_N1), tau_N1)
    # Last, so that it wins over greedy: a stage whose range is off does nothing, whatever its temperature.
    tau_N1 = xp.where(range_N1 == 0.0, xp.ones_like(tau_N1), tau_N1)
    return xp.reshape(tau_N1, logits.shape[:-1])
