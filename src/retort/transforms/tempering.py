"""Temperature: the one division by which every distribution in retort is heated or cooled."""

from __future__ import annotations

import math
from typing import Any

from retort.distribution.arrays import Array
from retort.distribution.softmax import tempered
from retort.transforms.parameters import Parameter
from retort.transforms.transform import Transform


def temperature(logits: Array, t: Any) -> Array:
    """Logits at temperature t: `(z - max z) / t`; t = 0 leaves the largest logit alone (lowest id), the rest
    -inf.

    Shapes `[..., vocab]`; t a number or `[...]`. float64 for numpy, at least float32 for torch.
    Raises InputError for unusable rows, or t negative or not finite. Source: Hinton et al. 2015, eq. 1.
    """
    return tempered(logits, 1.0 if t is None else t)


ROWS = (
    Transform(
        "temperature",
        temperature,
        "divide the logits by this; 0 is greedy, 1 leaves the model as it is",
        (
            Parameter(
                "temperature",
                "a finite number of 0 (greedy) or more",
                low=0.0,
                high=math.inf,
                setting="temperature",
            ),
        ),
        aliases=("temp",),
        truncates=False,
        tempers=True,
        once=True,
    ),
)
