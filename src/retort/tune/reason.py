"""A recommendation in plain words, with the numbers that carry it."""

from __future__ import annotations

from retort.tune.goals import Goal
from retort.tune.records import Recommendation
from retort.tune.settings import Axis
from retort.tune.statistics import Array, fewest_differing


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
