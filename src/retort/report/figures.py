"""The figures, one function each, from records to a matplotlib Figure. Units stand on every axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retort.numerals import probability
from retort.report.drawing import (
    COOL,
    INK,
    MILD,
    MUTED,
    REGION,
    RULE,
    WARM,
    WIDTH,
    new_figure,
    styled,
    token_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from retort.distill import Difference, DistillResult
    from retort.lens.look import Look
    from retort.report.story import DistillFound
    from retort.tune import Tuning

LINE_COLOURS = (COOL, WARM, REGION, MILD)
LINE_STYLES = ("-", "--", "-.", ":")  # beside colour, so that lines are told apart in grey too
ARM_COLOURS = {"hard": WARM, "soft": COOL}
ARM_NAMES = {"hard": "hard labels", "soft": "soft targets"}


def _colour_of(temperature: float) -> str:
    """Cool below the model's own distribution, warm above it."""
    return COOL if temperature < 1 else WARM if temperature > 1 else MILD


@styled
def distribution(look: Look) -> Figure:
    """The most likely tokens, one column of bars a temperature, all columns on one scale."""
    tokens = [token_text(one.token) for one in look.rows[0].top]
    figure = new_figure(WIDTH, 0.62 + 0.235 * len(tokens))
    columns = figure.subplots(1, len(look.rows), sharey=True, squeeze=False)[0]
    widest = max(float(one.prob) for row in look.rows for one in row.top)
    places = range(len(tokens))
    for axes, row in zip(columns, look.rows, strict=True):
        probs = [float(one.prob) for one in row.top]
        axes.barh(places, probs, color=_colour_of(row.temperature), height=0.62)
        for place, prob in zip(places, probs, strict=True):
            axes.text(prob + widest * 0.04, place, probability(prob), va="center", color=INK, fontsize=9)
        as_it_is = ", as it is" if row.temperature == 1 else ""
        axes.set_title(f"τ = {row.temperature:g}{as_it_is}", color=INK)
        axes.set_xlim(0, widest * 1.65)  # room for the number behind the longest bar
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
    columns[0].set_yticks(list(places), labels=tokens)
    columns[0].invert_yaxis()
    return figure


@styled
def entropy(looks: Sequence[Look]) -> Figure:
    """Entropy of the next token against τ, a line for each model and prompt."""
    figure, axes = _quiet_figure(3.0)
    axes.axvline(1, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    for number, look in enumerate(looks):
        axes.plot(
            [row.temperature for row in look.rows],
            [float(row.entropy_nats) for row in look.rows],
            color=LINE_COLOURS[number % 4],
            linestyle=LINE_STYLES[number % 4],
            linewidth=2,
            label=f"{_short(look.model)}: {look.prompt}",
        )
    axes.set_xlabel("temperature τ (dotted: 1, the model as it is)")
    axes.set_ylabel("entropy, nats")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    _legend_above(axes, columns=1)
    return figure


@styled
def tuning(found: Tuning) -> Figure:
    """Score with its interval, and below it how different the answers are, against τ; the recommended region shaded."""
    figure = new_figure(WIDTH, 4.5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    chosen = found.recommendation
    temperatures = [one.temperature for one in found.settings]
    for axes in (upper, lower):
        _quiet(axes)
        if chosen.setting is not None:
            low, high = chosen.region
            axes.axvspan(low, high, color=REGION, alpha=0.13, linewidth=0)
            axes.axvline(chosen.setting, color=REGION, linewidth=1.5)
    low, high = zip(*(one.score_ci for one in found.settings), strict=True)
    upper.fill_between(temperatures, low, high, color=COOL, alpha=0.22, linewidth=0)
    scores = [one.score for one in found.settings]
    upper.plot(temperatures, scores, color=COOL, linewidth=2, marker="o", markersize=4, clip_on=False)
    upper.set_ylabel(found.score)
    upper.set_ylim(bottom=0)
    upper.set_title(
        "nothing to recommend: every score is 0"
        if chosen.setting is None
        else f"suggested: τ = {chosen.setting:g}; shaded: statistically tied with the best",
        color=REGION,
    )
    distinct = [one.distinct for one in found.settings]
    lower.plot(temperatures, distinct, color=WARM, linewidth=2, label="different answers")
    agreements = [(one.temperature, one.agreement) for one in found.settings if one.agreement is not None]
    if agreements:
        lower.plot(
            *zip(*agreements, strict=True), color=MILD, linewidth=2, linestyle="--", label="pairs that agree"
        )
    lower.set_ylabel("share")
    lower.set_ylim(0, 1.04)
    lower.set_xlim(temperatures[0], temperatures[-1])
    lower.set_xlabel("temperature τ")
    _legend_above(lower, columns=2)
    return figure


@styled
def learning(found: DistillFound) -> Figure:
    """Held-out loss against steps: every seed thin, the mean of each arm thick, the teacher's own level dotted."""
    figure, axes = _quiet_figure(3.3)
    for arm, colour in ARM_COLOURS.items():
        for one in found.result.arms.get(arm, ()):
            steps, losses = [step for step, _, _ in one.curve], [nll for _, _, nll in one.curve]
            axes.plot(steps, losses, color=colour, linewidth=0.8, alpha=0.55)
        mean = found.mean_curves.get(arm, ())
        if mean:
            axes.plot(
                *zip(*mean, strict=True), color=colour, linewidth=2.6, marker="o", markersize=4,
                linestyle="-" if arm == "soft" else (0, (5, 1.5)), label=ARM_NAMES[arm],
            )  # fmt: skip
    teacher = found.result.teacher.get("val_nll")
    if teacher is not None:
        axes.axhline(teacher, color=MUTED, linewidth=1.2, linestyle=":", label="the teacher itself")
    axes.set_xlabel("optimiser steps")
    axes.set_ylabel("validation loss, nats per token")
    _legend_above(axes, columns=3)
    return figure


@styled
def differences(result: DistillResult) -> Figure:
    """Hard labels less soft targets, paired: every seed an open circle, the mean a diamond, its interval a bar."""
    rows = comparisons(result)
    figure = new_figure(WIDTH, 0.95 + 0.5 * len(rows))
    axes = figure.subplots()
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.grid(axis="x")
    for place, (_, found) in enumerate(rows):
        if found.ci is not None:
            axes.plot(found.ci, (place, place), color=COOL, linewidth=5, alpha=0.35)
        axes.plot(found.mean, place, marker="D", color=COOL, markersize=7, linestyle="none")
        axes.plot(
            found.per_seed, [place + 0.24] * len(found.per_seed), marker="o", markersize=5, linestyle="none",
            markerfacecolor="none", markeredgecolor=MUTED,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), labels=[name.replace(", ", "\n") for name, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.12)
    axes.set_xlabel("hard − soft, nats per token\n(right of 0: distilling gave the better student)")
    return figure


def comparisons(result: DistillResult) -> list[tuple[str, Difference]]:
    """The paired differences there are, each with a name for it."""
    named = (
        ("same steps, validation", result.difference),
        ("same steps, test", result.difference_test),
        ("same time, validation", result.difference_equal_time),
        ("same time, test", result.difference_equal_time_test),
    )
    return [(name, found) for name, found in named if found is not None]


def _short(model: str) -> str:
    return model.removeprefix("embedded:").rstrip("/").split("/")[-1]


def _quiet_figure(height: float) -> tuple[Figure, Axes]:
    figure = new_figure(WIDTH, height)
    axes = figure.subplots()
    _quiet(axes)
    return figure, axes


def _quiet(axes: Axes) -> None:
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(length=0)


def _legend_above(axes: Axes, columns: int) -> None:
    """Above the axes, where no line can run through it."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderaxespad=0.2, borderpad=0,
        handlelength=2.2, columnspacing=1.4,
    )  # fmt: skip
