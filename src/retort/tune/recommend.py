"""From scores per item and setting to a recommendation, with its reason in words.

The rule, in full:

1. *Best* is the highest mean score (of a tie: the first, which on an axis is the lowest).
2. A setting is *out* if any other is told apart from it and ahead, at one error rate for all pairs together.
3. The *region* is the run of settings around the best that are not out (without an order: all that are not out). Its
   inside is flat as far as this budget can see; pointing at its highest point would be pointing at noise.
4. On an axis the *setting* is the lowest of the region that is itself ahead of something, where anything is (so that
   a temperature which differs neither from the best nor from the worst is not recommended), else the lowest. Without
   an order it is the best.
5. With too few items to tell any two apart, "cannot be told apart" means nothing, and the setting is the best seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from retort.tune.goals import Goal, find_goal
from retort.tune.settings import Axis, temperature_axis
from retort.tune.statistics import (
    RESAMPLES,
    Array,
    Comparison,
    compare,
    fewest_differing,
    held_out,
    mean_intervals,
    resampled_means,
)


@dataclass(frozen=True)
class Recommendation:
    """The setting to take, and how sure that is.

    `setting`, `reference`, `best` and the region's ends are temperatures, or values of the one number that differs
    between the settings; where more differs they are whole settings. `values`: all of the chosen setting by name.
    `region`: lowest and highest of the neighbouring settings that cannot be told from `best`, the highest score seen;
    without an order, all of them. `detectable`: `setting` is told apart from at least one other setting tried.
    `difference`: score at `setting` less score at `reference`, over all items, with an interval that holds for all
    pairs of settings together; it excludes 0 exactly where `detectable` is true.
    With too few items to tell any two apart, `setting` is the best seen and `reason` says that it is no evidence.
    `reference`: temperature 1, the model as it is (or the nearest tried), unless `setting` is told apart from another
    one and not from that; then the one it is most clearly ahead of.
    `held_out_difference`: the same advantage with the choice made on one half of the items and measured on the other,
    which is what a new item can expect: over temperature 1 where that is the reference, else over what the half's
    choice was told apart from there (over the reference where from nothing); None with fewer than four items.
    `chosen_again`: share of halves with the same choice. `minimum_detectable_difference`: what would have been told
    apart, with probability `power`, for any two settings; None where no difference would.
    """

    setting: Any
    reason: str
    detectable: bool
    difference: float
    difference_ci: tuple[float, float]
    reference: Any
    region: tuple[Any, ...]
    best: Any
    held_out_difference: float | None
    held_out_ci: tuple[float, float] | None
    chosen_again: float | None
    minimum_detectable_difference: float | None
    power: float
    error_rate: float
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "setting": self.setting,
            "reason": self.reason,
            "detectable": self.detectable,
            "difference": self.difference,
            "difference_ci": list(self.difference_ci),
            "reference": self.reference,
            "region": list(self.region),
            "best": self.best,
            "held_out_difference": self.held_out_difference,
            "held_out_ci": None if self.held_out_ci is None else list(self.held_out_ci),
            "chosen_again": self.chosen_again,
            "minimum_detectable_difference": self.minimum_detectable_difference,
            "power": self.power,
            "error_rate": self.error_rate,
            "values": dict(self.values),
        }


def finite(value: float) -> float | None:
    """`value`, or None where JSON has no number for it."""
    return value if math.isfinite(value) else None


ERROR_RATE = 0.05
POWER = 0.8


def choose(comparison: Comparison, default: int, ordered: bool = True) -> tuple[int, int, tuple[int, ...]]:
    """Setting, reference and region, as indices into the settings; an ordered region is (first, last)."""
    better = comparison.better
    best = int(np.argmax(comparison.means))
    is_out = [bool(column.any()) for column in better.T]
    if not ordered:
        region = tuple(index for index, out in enumerate(is_out) if not out)
        return best, _reference(comparison, best, default), region
    first = last = best
    while first > 0 and not is_out[first - 1]:
        first -= 1
    while last < len(is_out) - 1 and not is_out[last + 1]:
        last += 1
    ahead = [setting for setting in range(first, last + 1) if better[setting].any()]
    setting = best if comparison.blind else ahead[0] if ahead else first
    return setting, _reference(comparison, setting, default), (first, last)


def _reference(comparison: Comparison, setting: int, default: int) -> int:
    """What the setting is compared with; any choice is fair, because the intervals hold for all pairs together."""
    told_apart = comparison.better[setting]
    if setting != default and (told_apart[default] or not told_apart.any()):
        return default
    return _most_clearly_behind(comparison, setting)


def _most_clearly_behind(comparison: Comparison, setting: int) -> int:
    lead = comparison.t[setting].copy()
    lead[setting] = -np.inf
    return int(np.argmax(lead))


def recommend(
    settings: Axis | Sequence[float],
    scores: Array,
    goal: str | Goal,
    *,
    seed: int = 0,
    error_rate: float = ERROR_RATE,
    power: float = POWER,
    resamples: int = RESAMPLES,
) -> tuple[Recommendation, Array]:
    """The recommendation, and the interval of each setting's mean score [settings, 2].

    `settings`: an axis, or temperatures that rise strictly; at least two. `scores` [items, settings], float64, higher
    is better. Nothing else is needed, so recorded results of any origin can be given.
    """
    axis = settings if isinstance(settings, Axis) else temperature_axis(settings)
    aim = goal if isinstance(goal, Goal) else find_goal(goal)
    num_items = len(scores)
    rng = np.random.default_rng(seed)
    resampled = resampled_means(scores, resamples, rng)
    comparison = compare(scores, resampled, error_rate)
    default = axis.default
    setting, reference, region = choose(comparison, default, axis.ordered)

    def chosen_on(half: Comparison) -> tuple[int, int]:
        """The half's choice and what it is held against: the same kind of reference as with all items. A half that
        tells nothing apart must not fall back on the default: the average would mix advantages over different
        settings, even of different signs."""
        choice = choose(half, default, axis.ordered)[0]
        if reference != default and half.better[choice].any():
            return choice, _most_clearly_behind(half, choice)
        return choice, reference

    later = held_out(scores, chosen_on, setting, error_rate, rng)
    recommendation = Recommendation(
        setting=axis.points[setting],
        reason="",
        detectable=bool(comparison.better[setting].any()),
        difference=float(comparison.difference[setting, reference]),
        difference_ci=comparison.interval(setting, reference),
        reference=axis.points[reference],
        region=tuple(axis.points[index] for index in region),
        best=axis.points[int(np.argmax(comparison.means))],
        held_out_difference=None if later is None else later.difference,
        held_out_ci=None if later is None else later.interval,
        chosen_again=None if later is None else later.again,
        minimum_detectable_difference=finite(comparison.minimum_detectable(power)),
        power=power,
        error_rate=error_rate,
        values=dict(axis.settings[setting]),
    )
    words = reason(recommendation, aim, comparison.means, axis, num_items)
    return replace(recommendation, reason=words), mean_intervals(resampled, num_items, error_rate)


def reason(found: Recommendation, goal: Goal, means: Array, axis: Axis, num_items: int) -> str:
    """Why `found.setting`: the region, the comparison that was made, the held-out advantage, and what this budget
    could have seen."""
    if found.minimum_detectable_difference is None:
        return " ".join(_too_few(found, goal, axis, num_items))
    sentences = (
        _told_apart(found, goal, means, axis)
        if found.detectable
        else _not_told_apart(found, goal, axis, num_items)
    )
    sentences.append(
        f"The intervals hold together for all pairs of the {len(axis)} {axis.plural} "
        f"(error rate {found.error_rate:.0%} over {_count(num_items, 'item')})."
    )
    if found.detectable and found.held_out_difference is not None and found.held_out_ci is not None:
        sentences.append(
            f"Chosen on half of the items and measured on the other half, the advantage is "
            f"{_signed(found.held_out_difference)} ({_interval(found.held_out_ci)}); {found.chosen_again:.0%} of the "
            "halves made the same choice."
        )
    sentences.append(
        f"A true difference of {found.minimum_detectable_difference:.2g} between any two {axis.plural} would have "
        f"been found with {found.power:.0%} probability or more."
    )
    return " ".join(sentences)


def _too_few(found: Recommendation, goal: Goal, axis: Axis, num_items: int) -> list[str]:
    fewest = fewest_differing(found.error_rate, len(axis))
    return [
        f"{_count(num_items, 'item')} cannot tell {len(axis)} {axis.plural} apart, whatever the scores: "
        f"at least {fewest} are needed, and more to see small differences.",
        f"{axis.short(found.setting)} has the highest {goal.score} seen, which is no evidence yet.",
        f"Against {axis.text(found.reference)} the difference is {_difference(found)}.",
    ]


def _not_told_apart(found: Recommendation, goal: Goal, axis: Axis, num_items: int) -> list[str]:
    where = f"No detectable difference on {_count(num_items, 'item')}"
    against = f"Against {axis.text(found.reference)} the difference in {goal.score} is {_difference(found)}."
    if not axis.ordered:
        return [
            f"{where}: any of {_listed(axis, found)} will do.",
            f"{axis.short(found.setting)} has the highest {goal.score} seen, which here is no evidence.",
            against,
        ]
    low, high = found.region
    return [
        f"{where}: anything between {axis.short(low)} and {axis.short(high)} will do.",
        f"Take {axis.short(found.setting)}, the lowest: {goal.why_lowest}.",
        against,
    ]


def _told_apart(found: Recommendation, goal: Goal, means: Array, axis: Axis) -> list[str]:
    score = {axis.short(point): mean for point, mean in zip(axis.points, means.tolist(), strict=True)}
    peak = f"{goal.score} {score[axis.short(found.best)]:.3g} at {axis.short(found.best)}"
    setting = axis.short(found.setting)
    if not axis.ordered:
        sentences = [
            f"{setting} is best ({peak}), and every other setting is told apart from it."
            if len(found.region) == 1
            else f"{_listed(axis, found)} cannot be told apart, and the best seen of them is taken ({peak})."
        ]
    elif found.region[0] == found.region[1]:
        sentences = [f"{setting} is best ({peak}), and every neighbour is told apart from it."]
    else:
        low, high = found.region
        lowest = "the lowest" if found.setting == low else "the lowest that is clearly better than some other"
        sentences = [
            f"Between {axis.short(low)} and {axis.short(high)} nothing can be told from the best ({peak}).",
            f"Take {setting}, {lowest}: {goal.why_lowest}.",
        ]
    sentences.append(
        f"Its {goal.score} is {score[setting]:.3g} against {score[axis.short(found.reference)]:.3g} at "
        f"{axis.text(found.reference)}: a difference of {_difference(found)}."
    )
    return sentences


def _listed(axis: Axis, found: Recommendation) -> str:
    return "; ".join(axis.short(point) for point in found.region)


def _difference(found: Recommendation) -> str:
    return f"{_signed(found.difference)} (interval {_interval(found.difference_ci)})"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) >= 0.0005 else "0.000"


def _interval(ends: tuple[float, float]) -> str:
    return f"{_signed(ends[0])} to {_signed(ends[1])}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
