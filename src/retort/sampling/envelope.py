"""Which tokens one row of logits gives as τ moves and its noise stands still: the upper envelope of lines.

The token drawn at τ is `argmax_i (z_i + τ·g_i)` over the tokens kept at τ. Each token is a line in τ, so
the winner follows the upper envelope of lines, and its breakpoints are crossings of two lines: exact, no search. A cut
makes a token's line begin somewhere: it is kept from some τ on (a *nested* chain: the kept set is the first n tokens by
logit, n never falling with τ). What makes this tractable:

- The winner over the set kept at a higher τ is the winner at this τ too, if it is already kept at a lower τ. So the
  chain is evaluated only where that does not settle it.
- A token wins on one interval. If j beats i at τ₂ and i beats j at τ₃ > τ₂, then g_i > g_j, so j was above i from 0
  on; and it was kept wherever i was, because its logit is larger. So i never won before τ₂.
- Hence a winner's lower end is where it is first kept, or where a line with a larger logit last crosses it; its upper
  end is where the first line with more noise has both crossed it and is kept.

Legend: V vocabulary, C candidates, P temperatures looked at, in rising order.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

DECIMALS = 4
"""Ends of intervals are reported to this many decimals; searches stop when these are settled."""

SLACK = 1e-9
"""A line this little below the bound is still looked at: rounding must not lose a candidate."""

NARROWEST = 1e-9
"""A search for where a token is first kept stops at this width in any case."""


class KeptSets:
    """What a nested chain keeps of one row at each τ; the chain is asked only for what earlier answers leave open.

    Shared by all noise that meets the row. The most likely token is kept at every τ, a removed one at none.
    """

    def __init__(self, logits: np.ndarray, keeps: Callable[[float], np.ndarray]) -> None:
        """`logits` `[vocab]`, -inf where removed whatever τ; `keeps`: τ → boolean `[vocab]`, what the chain keeps."""
        always = np.zeros(len(logits), dtype=bool)
        always[np.argmax(logits)] = True
        self._keeps = keeps
        self._points = [-np.inf, np.inf]
        self._masks = [always, logits > -np.inf]

    def around(self, low: float, high: float) -> list[tuple[float, np.ndarray]]:
        """What is known in [low, high], and nearest at or beyond each end: (τ, boolean `[vocab]`), τ rising."""
        begin = bisect_right(self._points, low) - 1
        end = bisect_left(self._points, high) + 1
        return list(zip(self._points[begin:end], self._masks[begin:end], strict=True))

    def at(self, temperature: float) -> np.ndarray:
        """`[vocab]` what is kept at this τ."""
        place = bisect_left(self._points, temperature)
        if self._points[place] != temperature:
            self._points.insert(place, temperature)
            self._masks.insert(place, self._keeps(temperature))
        return self._masks[place]

    def of(self, ids: np.ndarray, temperature: float) -> np.ndarray:
        """Which of `ids` are kept at this τ."""
        place = bisect_left(self._points, temperature)
        below, above = self._masks[place - 1][ids], self._masks[place][ids]
        # Kept sets only grow with τ: where the neighbours agree on these ids, so does all that lies between.
        if self._points[place] == temperature or np.array_equal(below, above):
            return above
        return self.at(temperature)[ids]


@dataclass(frozen=True)
class Stretch:
    """One token and the temperatures at which it is drawn: the interval [low, high] and the listed ones in it."""

    token: int
    low: float
    high: float
    temperatures: tuple[float, ...]


def split(
    logits: np.ndarray,
    noise: np.ndarray,
    low: float,
    high: float,
    temperatures: Sequence[float],
    kept: KeptSets | None = None,
) -> list[Stretch]:
    """The tokens drawn at `temperatures` (rising, all in [low, high]), each with its exact part of [low, high].

    Logits `[vocab]` float64, -inf where removed whatever τ; noise `[vocab]` Gumbel. `kept`: what a nested chain keeps
    of this row; None if nothing depends on τ. Ends that are crossings are exact to rounding; an end at which a token
    is first kept is searched until its fourth decimal is settled, and lies inside the true interval.
    """
    # From the largest logit, so that a tiny τ still tells tied logits apart by their noise.
    logits = logits - logits.max()
    ids_C = _candidates(logits, noise, low, high, kept)
    return split_lines(Lines(ids_C, logits[ids_C], noise[ids_C]), low, high, temperatures, kept)


def split_lines(
    lines: Lines, low: float, high: float, temperatures: Sequence[float], kept: KeptSets | None = None
) -> list[Stretch]:
    """As `split`, of the tokens that can win."""
    ids_C = lines.ids
    points_P = np.unique(np.array([low, *temperatures, high]))
    if kept is None or len(ids_C) == 1:
        view, winners_P = None, np.argmax(lines.at(points_P), axis=1)
    else:
        view = _View(kept, lines, points_P)
        winners_P = view.winners()
    asked = set(temperatures)
    stretches = []
    first = 0
    for last in range(len(points_P)):
        if last + 1 < len(points_P) and winners_P[last + 1] == winners_P[first]:
            continue
        inside = tuple(float(point) for point in points_P[first : last + 1] if point in asked)
        if inside:
            begin = _lower_end(lines, points_P, first, int(winners_P[first]), view)
            end = _upper_end(lines, points_P, last, int(winners_P[first]), view)
            stretches.append(Stretch(int(ids_C[winners_P[first]]), begin, end, inside))
        first = last + 1
    return stretches


def rounded_inwards(low: float, high: float, temperatures: Sequence[float]) -> tuple[float, float]:
    """[low, high] rounded inwards to `DECIMALS`, never past the first or last of `temperatures`."""
    scale = 10**DECIMALS
    return (
        min(math.ceil(low * scale) / scale, temperatures[0]),
        max(math.floor(high * scale) / scale, temperatures[-1]),
    )


@dataclass(frozen=True)
class Lines:
    """The candidates' lines, by rising token id."""

    ids: np.ndarray
    logits: np.ndarray
    noise: np.ndarray

    def at(self, points_P: np.ndarray) -> np.ndarray:
        """`[P, C]` heights `z + τ·g`."""
        return self.logits + points_P[:, None] * self.noise

    def crossings(self, winner: int, others: np.ndarray) -> np.ndarray:
        """τ at which each of `others` (whose noise differs from the winner's) crosses the winner's line."""
        return (self.logits[winner] - self.logits[others]) / (self.noise[others] - self.noise[winner])


class _View:
    """What is known of the candidates at each point: kept for sure, or possibly."""

    def __init__(self, kept: KeptSets, lines: Lines, points_P: np.ndarray) -> None:
        self.kept = kept
        self.lines = lines
        self.points_P = points_P
        shape = (len(points_P), len(lines.ids))
        self.sure_PC, self.possible_PC = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)
        for temperature, mask in kept.around(float(points_P[0]), float(points_P[-1])):
            self._learn(temperature, mask)

    def winners(self) -> np.ndarray:
        """`[P]` index of the highest kept line at each point; ties to the lowest id."""
        heights_PC = self.lines.at(self.points_P)
        while True:
            winners_P = np.argmax(np.where(self.possible_PC, heights_PC, -np.inf), axis=1)
            open_points = np.flatnonzero(~self.sure_PC[np.arange(len(winners_P)), winners_P])
            if len(open_points) == 0:
                return winners_P
            # The middle of what is open: kept sets are nested, so an answer settles points on one side of it, too.
            point = float(self.points_P[open_points[len(open_points) // 2]])
            self._learn(point, self.kept.at(point))

    def among(self, candidates: np.ndarray | int, temperature: float) -> np.ndarray:
        """Which of these candidates are kept at this τ."""
        return self.kept.of(self.lines.ids[candidates], temperature)

    def _learn(self, temperature: float, mask: np.ndarray) -> None:
        mask_C = mask[self.lines.ids]
        self.sure_PC[self.points_P >= temperature] |= mask_C
        self.possible_PC[self.points_P <= temperature] &= mask_C


def _candidates(
    logits: np.ndarray, noise: np.ndarray, low: float, high: float, kept: KeptSets | None
) -> np.ndarray:
    """Rising ids of all tokens that may win somewhere in [low, high] (and a few that do not).

    Two tokens that are kept throughout bound the winner from below: the best at `low` and the best at `high`. Their
    maximum is two straight pieces, so a line rises above it somewhere only if it does at the kink or at an end; and at
    an end only a token that is not known to be kept throughout can.
    """
    heights_low = logits + low * noise
    heights_high = logits + high * noise
    first, last = int(np.argmax(heights_low)), int(np.argmax(heights_high))
    if first == last and (kept is None or kept.around(low, low)[0][1][first]):
        return np.array([first])
    if kept is not None:
        possible = kept.at(high)
        sure = kept.around(low, low)[0][1]
        first = int(np.argmax(np.where(sure, heights_low, -np.inf)))
        last = int(np.argmax(np.where(sure, heights_high, -np.inf)))
    rises = noise[last] - noise[first]
    kink = min(max((logits[first] - logits[last]) / rises, low), high) if rises > 0 else low
    bound = max(logits[first] + kink * noise[first], logits[last] + kink * noise[last])
    wanted = logits + kink * noise >= bound - SLACK
    if kept is not None:
        wanted |= (heights_low >= heights_low[first] - SLACK) | (heights_high >= heights_high[last] - SLACK)
        wanted &= possible
    wanted[[first, last]] = True
    return np.flatnonzero(wanted)


def _upper_end(lines: Lines, points_P: np.ndarray, last: int, winner: int, view: _View | None) -> float:
    """Where the winner at `points_P[last]`, which is not the winner at the next point, stops winning."""
    if last + 1 == len(points_P):
        return float(points_P[-1])
    steeper = np.flatnonzero(lines.noise > lines.noise[winner])
    crossings = lines.crossings(winner, steeper)
    begin, end = float(points_P[last]), float(points_P[last + 1])
    if view is None:
        return _clipped(crossings.min(initial=end), begin, end)
    sure = view.sure_PC[last][steeper]
    end = _clipped(crossings[sure].min(initial=end), begin, end)
    unsure = view.possible_PC[last + 1][steeper] & ~sure & (crossings < end)
    rivals, crossings = steeper[unsure], crossings[unsure]
    if len(rivals) == 0:
        return end

    def beaten(temperature: float) -> bool:
        return bool(np.any(view.among(rivals, temperature) & (crossings <= temperature)))

    return _search(beaten, begin, end, math.floor)


def _lower_end(lines: Lines, points_P: np.ndarray, first: int, winner: int, view: _View | None) -> float:
    """Where the winner at `points_P[first]`, which is not the winner at the point before, begins to win."""
    if first == 0:
        return float(points_P[0])
    begin, end = float(points_P[first - 1]), float(points_P[first])
    flatter = lines.noise < lines.noise[winner]
    if view is not None:
        flatter &= view.sure_PC[first]
    crossings = lines.crossings(winner, np.flatnonzero(flatter))
    begin = _clipped(crossings.max(initial=begin), begin, end)
    if begin == 0.0:
        # Tied largest logits: at 0 the lowest id is drawn, just above 0 the one with the most noise.
        begin = min(NARROWEST, end)
    if view is None or view.sure_PC[first - 1][winner]:
        return begin
    return _search(lambda temperature: not view.among(winner, temperature), end, begin, math.ceil)


def _search(
    wrong: Callable[[float], bool], good: float, other: float, rounding: Callable[[float], int]
) -> float:
    """The last τ from `good` towards `other` that is known not to be `wrong`, by bisection; `other` if it is not."""
    if not wrong(other):
        return other
    scale = 10**DECIMALS
    while abs(other - good) > NARROWEST and rounding(good * scale) != rounding(other * scale):
        middle = 0.5 * (good + other)
        if wrong(middle):
            other = middle
        else:
            good = middle
    return good


def _clipped(value: float, begin: float, end: float) -> float:
    return float(min(max(value, begin), end))
