"""A recommendation in plain words, with the numbers that carry it."""

from __future__ import annotations

from collections.abc import Sequence

from retort.tune.goals import GOALS
from retort.tune.records import Recommendation
from retort.tune.statistics import Array, fewest_differing


def reason(
    found: Recommendation, goal: str, means: Array, temperatures: Sequence[float], num_items: int
) -> str:
    """Why `found.setting`: the region, the comparison that was made, the held-out advantage, and what this budget
    could have seen."""
    score = dict(zip(temperatures, means.tolist(), strict=True))
    low, high = found.region
    kind = GOALS[goal]
    sentences = []
    if found.minimum_detectable_difference is None:
        fewest = fewest_differing(found.error_rate, len(temperatures))
        sentences.append(
            f"{_count(num_items, 'item')} cannot tell {len(temperatures)} temperatures apart, whatever the scores: "
            f"at least {fewest} are needed, and more to see small differences."
        )
        sentences.append(f"{found.setting:g} has the highest {kind.score} seen, which is no evidence yet.")
        sentences.append(f"Against {_name(found.reference)} the difference is {_difference(found)}.")
        return " ".join(sentences)
    if not found.detectable:
        sentences.append(
            f"No detectable difference on {_count(num_items, 'item')}: anything between {low:g} and {high:g} will do."
        )
        sentences.append(f"Take {found.setting:g}, the lowest: {kind.why_lowest}.")
        sentences.append(
            f"Against {_name(found.reference)} the difference in {kind.score} is {_difference(found)}."
        )
    else:
        peak = f"{kind.score} {score[found.best]:.3g} at {found.best:g}"
        if low == high:
            sentences.append(
                f"{found.setting:g} is best ({peak}), and every neighbour is told apart from it."
            )
        else:
            sentences.append(f"Between {low:g} and {high:g} nothing can be told from the best ({peak}).")
            lowest = (
                "the lowest" if found.setting == low else "the lowest that is clearly better than some other"
            )
            sentences.append(f"Take {found.setting:g}, {lowest}: {kind.why_lowest}.")
        sentences.append(
            f"Its {kind.score} is {score[found.setting]:.3g} against {score[found.reference]:.3g} at "
            f"{_name(found.reference)}: a difference of {_difference(found)}."
        )
    sentences.append(
        f"The intervals hold together for all pairs of the {len(temperatures)} temperatures "
        f"(error rate {found.error_rate:.0%} over {_count(num_items, 'item')})."
    )
    if found.detectable and found.held_out_difference is not None and found.held_out_ci is not None:
        sentences.append(
            f"Chosen on half of the items and measured on the other half, the advantage is "
            f"{_signed(found.held_out_difference)} ({_interval(found.held_out_ci)})."
        )
    sentences.append(
        f"A true difference of {found.minimum_detectable_difference:.2g} between any two temperatures would have "
        f"been found with {found.power:.0%} probability or more."
    )
    return " ".join(sentences)


def _name(temperature: float) -> str:
    return "temperature 1 (the model as it is)" if temperature == 1.0 else f"temperature {temperature:g}"


def _difference(found: Recommendation) -> str:
    return f"{_signed(found.difference)} (interval {_interval(found.difference_ci)})"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) >= 0.0005 else "0.000"


def _interval(ends: tuple[float, float]) -> str:
    return f"{_signed(ends[0])} to {_signed(ends[1])}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
