"""`auto`: a coarse sweep over temperature, then a fine one where it matters.

The coarse one finds the region that cannot be told from the best; the fine grid has twentieths of a unit from the
coarse neighbour below it to the one above. The noise is the same, so the coarse answers are among the fine ones, and
on a local model the finer grid costs only the texts that differ.
"""

from __future__ import annotations

from collections.abc import Sequence

COARSE = tuple(step / 4 for step in range(9))  # 0 to 2
FINE_STEP = 0.05


def refined(coarse: Sequence[float], region: Sequence[float]) -> tuple[float, ...]:
    """The coarse temperatures, and every FINE_STEP from the neighbour below the region to the one above it.

    `region`: lowest and highest temperature of it, both among the coarse ones, which rise.
    """
    low, high = coarse.index(region[0]), coarse.index(region[-1])
    first, last = coarse[max(0, low - 1)], coarse[min(len(coarse) - 1, high + 1)]
    steps = round((last - first) / FINE_STEP)
    fine = (round(first + step * FINE_STEP, 10) for step in range(steps + 1))
    return tuple(sorted({*coarse, *fine}))
