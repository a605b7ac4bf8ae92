"""What the tests of transforms share: four tokens, rows with ties, and which tokens are left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retort.transforms import Context

FOUR = np.log([0.4, 0.3, 0.2, 0.1])

# Few different values, so that ties are common.
tied_rows = arrays(np.float64, st.integers(1, 10), elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0]))


def kept(logits: Any) -> list[int]:
    """Ids that are not removed."""
    return np.flatnonzero(np.asarray(logits) > -math.inf).tolist()


def after(*ids: int, prompt: int = 0) -> Context:
    """The context of one row that has these ids, the first `prompt` of them its prompt."""
    return Context(history=[ids], prompt_lengths=[prompt])
