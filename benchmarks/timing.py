"""How things are timed: in turns, several rounds, and compared round by round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass(frozen=True)
class Ratio:
    """How many times as long as ours a peer takes: the median over rounds, and the smallest and largest round.

    Above 1 retort is faster, below 1 slower.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One case: the median seconds of everything that was timed, and each peer as a ratio to ours (the first)."""

    case: str
    seconds: dict[str, float]
    ratios: dict[str, Ratio]
    details: dict[str, float]


def in_turns(
    timed: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    clock: Clock = time.perf_counter,
    pause: float = 0.0,
) -> dict[str, list[float]]:
    """Seconds of each callable in each round. A machine that slows down for a moment slows a whole round.

    One call of each goes first and is not counted. The order turns round from one round to the next, so that nothing
    always profits from what its neighbour left in the caches. `pause`: seconds to wait before each call, where the
    threads of one would otherwise still spin on the cores that the next needs.
    """
    for run in timed.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for number in range(rounds):
        names = list(timed) if number % 2 == 0 else list(timed)[::-1]
        for name in names:
            if pause:
                time.sleep(pause)
            begin = clock()
            timed[name]()
            seconds[name].append(clock() - begin)
    return seconds


def compared(case: str, seconds: Mapping[str, list[float]], **details: float) -> Row:
    """The row of a case whose first entry is ours and whose others are peers."""
    ours, *peers = seconds
    ratios = {}
    for peer in peers:
        rounds = [theirs / mine for theirs, mine in zip(seconds[peer], seconds[ours], strict=True)]
        ratios[peer] = Ratio(statistics.median(rounds), min(rounds), max(rounds))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return Row(case, medians, ratios, dict(details))
