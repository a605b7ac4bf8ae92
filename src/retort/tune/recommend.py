"""From scores per item and setting to a recommendation, with its reason in words.

The rule, in full:

1. *Best* is the highest mean score (of a tie: the first, which on an axis is the lowest).
2. A setting is *out* if any other is significantly better, at one error rate for all pairs together. All others are
   *tied*.
3. The *region* is the run of tied settings around the best (without an order: all tied). Its inside is flat as far as
   these items can show; pointing at its highest point would be pointing at noise. It is not a confidence set for the
   best setting: a second peak beyond a worse setting is tied, but not part of the run.
4. On an axis the *setting* is the lowest of the region that is itself better than something, where anything is (so that
   a temperature which differs neither from the best nor from the worst is not recommended), else the lowest. Without
   an order it is the best. What "the lowest" may cost on a rising curve is said beside it.
5. With too few items to see any difference, "tied" means nothing, and the setting is the best seen. Where every score
   is 0 there is nothing to recommend.
6. The setting is compared with the *reference*: the one that `against` names (a planned comparison, with an interval
   of its own), else the default, temperature 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.numerals import decimals, number, percent, signed
from retort.tune.goals import Goal, find_goal
from retort.tune.numbers_in_text import is_number
from retort.tune.sequential import Raced, confidence_sequence
from retort.tune.settings import Axis, Values, temperature_axis
from retort.tune.statistics import (
    ERROR_RATE,
    RESAMPLES,
    Array,
    Comparison,
    SignTest,
    bounded_interval,
    compare,
    compare_each,
    held_out,
)

POWER = 0.8
Ends = tuple[float, float]
SAME: Ends = (0.0, 0.0)
"""The interval of a difference between a setting and itself."""


@dataclass(frozen=True)
class Difference:
    """Score at `setting` minus score at the reference. `interval`: of this comparison alone, as if it was planned;
    `interval_all`: holds for all pairs of settings together."""

    setting: Any
    difference: float
    interval: Ends
    interval_all: Ends


@dataclass(frozen=True)
class Recommendation:
    """The setting to take, and how sure that is.

    `setting`, `reference`, `best`, `tied` and the region's ends are temperatures, or values of the one number that
    differs between the settings; where more differs they are whole settings. `values`: all of the chosen setting by
    name. `setting` is None, and `values` empty, where every score is 0.
    `region`: lowest and highest of the neighbouring settings that are statistically tied with `best`, the highest score
    seen; without an order, all of them. `tied`: every setting that none is significantly better than.
    `reference`: the setting that `against` named (`planned` is true), else temperature 1 (or the nearest tried).
    `detectable`: `setting` is significantly better than `reference`; where it is the reference itself, than any other.
    `difference`: score at `setting` minus score at `reference`, over all items. `difference_ci` holds for this one
    comparison where it was planned, else for all pairs of settings together; it excludes 0 where `detectable` is true
    (unless `setting` is the reference). `differences`: every setting against the reference, with both intervals.
    `lead_of_best`: score at `best` minus score at `setting`, which taking the lowest of the tie may cost, and its
    interval for all pairs.
    `held_out_difference`: the advantage over the reference with the choice made on one half of the items and measured
    on the other: what a new item can expect from this rule with half as many; None with fewer than four items.
    `chosen_again`: share of halves with the same choice. `minimum_detectable_difference`: what would have been found
    with probability `power` between two settings (the planned comparison, where there is one); None where no
    difference would. `anytime`: the intervals are valid however often you look, for a sweep that may stop early.
    """

    setting: Any
    reason: str
    detectable: bool
    difference: float
    difference_ci: Ends
    reference: Any
    region: tuple[Any, ...]
    best: Any
    held_out_difference: float | None
    held_out_ci: Ends | None
    chosen_again: float | None
    minimum_detectable_difference: float | None
    power: float
    error_rate: float
    values: Values = field(default_factory=dict)
    planned: bool = False
    tied: tuple[Any, ...] = ()
    lead_of_best: float = 0.0
    lead_of_best_ci: Ends = (0.0, 0.0)
    differences: tuple[Difference, ...] = ()
    anytime: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON can hold it."""
        return asdict(self)


def finite(value: float) -> float | None:
    """`value`, or None where JSON has no number for it."""
    return value if math.isfinite(value) else None


def choose(
    means: Array, better: NDArray[np.bool_], ordered: bool = True, blind: bool = False
) -> tuple[int, tuple[int, ...]]:
    """Setting and region, as indices into the settings; an ordered region is (first, last).

    `better[s, t]`: s is significantly better than t. `blind`: there are too few items for that.
    """
    best = int(np.argmax(means))
    is_out = np.asarray(better.any(axis=0))
    if not ordered:
        return best, tuple(np.flatnonzero(~is_out).tolist())
    # Outwards from the best, as far as the first setting that is out: rule 3.
    first = last = best
    while first > 0 and not is_out[first - 1]:
        first -= 1
    while last < len(is_out) - 1 and not is_out[last + 1]:
        last += 1
    ahead = [setting for setting in range(first, last + 1) if better[setting].any()]
    # Rule 5, else rule 4.
    return best if blind else ahead[0] if ahead else first, (first, last)


def recommend(
    settings: Axis | Sequence[float],
    scores: Array,
    goal: str | Goal,
    *,
    seed: int = 0,
    error_rate: float = ERROR_RATE,
    power: float = POWER,
    resamples: int = RESAMPLES,
    against: Values | None = None,
    bounds: Ends | None = None,
) -> tuple[Recommendation, Array]:
    """The recommendation, and the interval of each setting's mean score [settings, 2].

    `settings`: an axis, or temperatures that rise strictly; at least two. `scores` [items, settings], float64, higher
    is better. `against`: values of the one setting that a comparison with was planned. `bounds`: what a score can be;
    by default 0 to 1, or from the smallest to the largest where scores lie outside. Nothing else is needed, so recorded
    results of any origin can be given. Raises InputError where `against` names no setting, or several.
    """
    axis = settings if isinstance(settings, Axis) else temperature_axis(settings)
    table = Table(scores, goal if isinstance(goal, Goal) else find_goal(goal), bounds or (0.0, 1.0))
    return recommend_each(axis, [table], seed, error_rate, power, resamples, against)[0]


@dataclass(frozen=True)
class Table:
    """Scores [items, settings] towards a goal, and what one can be."""

    scores: Array
    goal: Goal
    bounds: Ends


def recommend_each(
    axis: Axis,
    tables: Sequence[Table],
    seed: int = 0,
    error_rate: float = ERROR_RATE,
    power: float = POWER,
    resamples: int = RESAMPLES,
    against: Values | None = None,
) -> list[tuple[Recommendation, Array]]:
    """As `recommend` of each table; all have the same items, so that their random numbers are drawn once."""
    scores = [table.scores for table in tables]
    limits = [
        (min(table.bounds[0], float(table.scores.min())), max(table.bounds[1], float(table.scores.max())))
        for table in tables
    ]
    # One generator for all that is drawn for a table, so the order of what follows decides the numbers of a seed.
    rngs = [np.random.default_rng(seed) for _ in tables]
    compared = compare_each(scores, error_rate, rngs, resamples, [high - low for low, high in limits])
    own = [bounded_interval(*each, error_rate) for each in zip(scores, limits, strict=True)]
    if len(axis) == 1:
        return [(_only_setting(axis, one), ends) for one, ends in zip(compared, own, strict=True)]
    chosen = [_chosen(one, axis)[0] for one in compared]
    reference = _reference(axis, against)
    later = held_out(scores, lambda half: _chosen(half, axis)[0], reference, chosen, error_rate, rngs)
    said = []
    for table, comparison, setting, out, rng, its in zip(
        tables, compared, chosen, later, rngs, limits, strict=True
    ):
        tested = comparison
        if against is not None and setting != reference:
            # A planned comparison is of two settings, and finds smaller differences than a pair among many.
            tested = compare(table.scores[:, [setting, reference]], error_rate, rng, resamples)
        least = finite(tested.minimum_detectable(power))
        found = replace(_of(axis, comparison, against), minimum_detectable_difference=least, power=power)
        if out is not None:
            found = replace(
                found, held_out_difference=out.difference, held_out_ci=out.interval, chosen_again=out.again
            )
        said.append(_in_words(found, table.goal, axis, comparison, its))
    return list(zip(said, own, strict=True))


def recommend_raced(
    axis: Axis, raced: Raced, goal: Goal, bounds: Ends, against: Values | None = None
) -> tuple[Recommendation, Array]:
    """As `recommend`, from a race that may have stopped at any time: every interval is a confidence sequence."""
    found = replace(_of(axis, raced, against), anytime=True)
    columns = (one[~np.isnan(one)] for one in raced.scores.T)
    own = np.array([confidence_sequence(one, bounds, raced.alpha) for one in columns])
    return _in_words(found, goal, axis, raced, bounds), own


def _chosen(evidence: SignTest | Raced, axis: Axis) -> tuple[int, tuple[int, ...]]:
    return choose(evidence.means, evidence.better, axis.ordered, evidence.blind)


def _reference(axis: Axis, against: Values | None) -> int:
    return axis.default if against is None else axis.find(against)


def _of(axis: Axis, evidence: Comparison | Raced, against: Values | None = None) -> Recommendation:
    """The recommendation that the rule gives, without its words and what only a complete grid can tell."""
    reference = _reference(axis, against)
    setting, region = _chosen(evidence, axis)
    best = int(np.argmax(evidence.means))

    def minus_reference(other: int) -> Difference:
        same = other == reference
        return Difference(
            axis.points[other],
            float(evidence.difference[other, reference]),
            SAME if same else evidence.interval_alone(other, reference),
            SAME if same else evidence.interval(other, reference),
        )

    differences = tuple(map(minus_reference, range(len(axis))))
    taken = differences[setting]
    interval = taken.interval_all if against is None else taken.interval
    # What a race did not ask is NaN, which is no score.
    is_zero = not np.nan_to_num(evidence.scores).any()
    return Recommendation(
        setting=None if is_zero else axis.points[setting],
        reason="",
        detectable=bool(evidence.better[setting].any()) if setting == reference else interval[0] > 0.0,
        difference=taken.difference,
        difference_ci=interval,
        reference=axis.points[reference],
        region=tuple(axis.points[index] for index in region),
        best=axis.points[best],
        held_out_difference=None,
        held_out_ci=None,
        chosen_again=None,
        minimum_detectable_difference=None,
        power=POWER,
        error_rate=evidence.alpha,
        values={} if is_zero else dict(axis.settings[setting]),
        planned=against is not None,
        tied=tuple(axis.points[index] for index in np.flatnonzero(~evidence.better.any(axis=0))),
        lead_of_best=float(evidence.difference[best, setting]),
        lead_of_best_ci=SAME if best == setting else evidence.interval(best, setting),
        differences=differences,
    )


def _only_setting(axis: Axis, evidence: Comparison) -> Recommendation:
    """What is said of a model that takes no settings."""
    return replace(
        _of(axis, evidence),
        reason="This model takes no temperature, so its own settings are all there is. What can still be chosen is the "
        "prompt, and how many answers to take for a vote.",
        differences=(),
    )


def _in_words(
    found: Recommendation, goal: Goal, axis: Axis, evidence: Comparison | Raced, limits: Ends
) -> Recommendation:
    words = _Words(found, goal, axis, evidence, is_share=limits == (0.0, 1.0))
    return replace(found, reason=" ".join(words.sentences()))


@dataclass(frozen=True)
class _Words:
    """A recommendation in plain words. `is_share`: scores run from 0 to 1, so that differences are points of a
    hundred."""

    found: Recommendation
    goal: Goal
    axis: Axis
    evidence: Comparison | Raced
    is_share: bool

    def sentences(self) -> list[str]:
        found, axis = self.found, self.axis
        if found.setting is None:
            return [
                f"Every score at every setting is 0 on {self.items}, so there is nothing to recommend. The model does "
                "not solve this task, or the scorer does not recognise its answers; look at some of them first."
            ]
        said = [*self._region(), self._against(), *self._price()]
        if self.evidence.blind:
            return said
        is_planned = found.planned and found.setting != found.reference
        if found.anytime:
            shared = "" if is_planned else " for all pairs together"
            said.append(
                f"Intervals are confidence sequences: they hold however often you look (error rate "
                f"{percent(found.error_rate)}{shared}, {self.items})."
            )
        if is_planned:
            of_all = next(one.interval_all for one in found.differences if one.setting == found.setting)
            said.append(
                "This comparison was planned, so its interval is not corrected for the other settings; corrected for "
                f"all pairs it is {self.interval(of_all)}."
            )
        elif not found.anytime:
            said.append(
                f"Intervals hold for all pairs of the {len(axis)} {axis.plural} together (error rate "
                f"{percent(found.error_rate)}, {self.items})."
            )
        if found.anytime:
            return said
        if found.held_out_ci is not None and found.setting != found.reference:
            assert found.held_out_difference is not None
            said.append(
                "Choosing on one half of the items and measuring on the other gives "
                f"{self.size(found.held_out_difference)} over {axis.short(found.reference)} "
                f"({self.interval(found.held_out_ci)}); {percent(found.chosen_again)} of the halves made the same "
                "choice."
            )
        if found.minimum_detectable_difference is None:
            return said
        pair = "in this comparison" if found.planned else f"between two {axis.plural}"
        said.append(
            f"A true difference of {self.size(found.minimum_detectable_difference, sign='')} {pair} would have been "
            f"found with {percent(found.power)} probability."
        )
        return said

    def _region(self) -> list[str]:
        found, axis = self.found, self.axis
        setting = axis.short(found.setting)
        if self.evidence.blind:
            return [
                f"{self.items} cannot show a difference between {len(axis)} {axis.plural}, whatever the "
                f"scores: at least {self.evidence.fewest} are needed, and more for small differences.",
                f"{setting} has the highest {self.goal.score} seen, which is not evidence yet.",
            ]
        if not axis.ordered:
            tied = "; ".join(map(axis.short, found.region))
            if len(found.region) == 1:
                return [f"{setting} is significantly better than every other setting."]
            return [f"Statistically tied: {tied}. We suggest {setting}, the highest of them."]
        low, high = found.region
        if low == high:
            said = [f"{axis.short(low)} is significantly better than its neighbours."]
        else:
            named = axis.plural.capitalize() if len(found.tied) < len(axis) else f"All {axis.plural}"
            why = "the lowest of them that is significantly better than another"
            if found.setting == low:
                why = f"{self.goal.lowest_is} of them"
            said = [
                f"{named} {axis.short(low)} to {axis.short(high)} are statistically tied; we suggest {setting}, {why}."
            ]
        if beyond := [axis.short(point) for point in found.tied if not low <= point <= high]:
            said.append(
                f"{', '.join(beyond)} {'is' if len(beyond) == 1 else 'are'} tied too, beyond a worse setting: there "
                "may be two peaks, and the tied range is not a confidence interval for the best setting."
            )
        return said

    def _against(self) -> str:
        found = self.found
        named = self._named_reference()
        if found.setting == found.reference:
            return f"That is {named} already."
        size, interval = found.difference, self.interval(found.difference_ci)
        if found.difference_ci[0] > 0.0:
            return f"It beats {named} by {self.size(size, sign='')} ({interval})."
        worse = " and significantly worse" if found.difference_ci[1] < 0.0 else ", which is not significant"
        return f"Against {named} the difference is {self.size(size)} ({interval}){worse}."

    def _named_reference(self) -> str:
        found, axis = self.found, self.axis
        if found.planned:
            return f"your current {axis.short(found.reference)}"
        temperature = axis.settings[axis.default].get("temperature")
        if not is_number(temperature):  # none is given, or a word
            return f"{axis.text(found.reference)} (the first setting)"
        near = "the default" if temperature == 1.0 else "the nearest to the default"
        return f"{axis.text(found.reference)} ({near})"

    def _price(self) -> list[str]:
        found = self.found
        if found.lead_of_best <= 0.0:
            return []
        best, mean = self.axis.short(found.best), float(self.evidence.means.max())
        return [
            f"The highest score, {number(mean, 3)} at {best}, is {self.size(found.lead_of_best, sign='')} higher "
            f"({self.interval(found.lead_of_best_ci)}), which this choice may cost."
        ]

    @property
    def items(self) -> str:
        count = len(self.evidence.scores)
        return f"{count} item{'s' * (count != 1)}"

    def size(self, value: float, sign: str = "+") -> str:
        """A difference with its unit: points of a hundred for shares, else a plain number."""
        return f"{self._number(value, sign)}{' points' * self.is_share}"

    def interval(self, ends: Ends) -> str:
        sign = "+" if ends[0] < 0.0 else ""
        # An end that `compare` moved past 0 by no more than rounding says that the difference is significant.
        low, high = (
            f"{'above' if end > 0.0 else 'below'} 0" if 0.0 < abs(end) < 0.0005 else self._number(end, sign)
            for end in ends
        )
        return f"{low} to {high}"

    def _number(self, value: float, sign: str) -> str:
        scaled, places = (100.0 * value, 0 if abs(value) >= 0.0995 else 1) if self.is_share else (value, 2)
        return signed(scaled, places) if sign else decimals(scaled, places)
