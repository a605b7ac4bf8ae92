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

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retort.tune.goals import Goal, find_goal
from retort.tune.reason import reason
from retort.tune.records import Recommendation, finite
from retort.tune.settings import Axis, temperature_axis
from retort.tune.statistics import (
    RESAMPLES,
    Array,
    Comparison,
    compare,
    held_out,
    mean_intervals,
    resampled_means,
)

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
