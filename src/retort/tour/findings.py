"""What a tour found, in plain words. Every sentence comes from the records, and says where nothing can be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retort.errors import joined
from retort.numerals import decimals, interval, probability, signed, signed_interval
from retort.report.story import Finding

if TYPE_CHECKING:
    from retort.distill import DistillResult
    from retort.lens.look import Look
    from retort.lens.path import PathFound
    from retort.report.story import DrawsFound
    from retort.tune import Setting, Tuning

ARM_GIVEN = {True: "for the same steps", False: "for the same training time"}


def findings(
    looks: Sequence[Look],
    draws: DrawsFound,
    path: PathFound,
    tunings: Sequence[Tuning],
    distillation: DistillResult,
) -> tuple[Finding, ...]:
    """Everything found, in the order of the tour."""
    by_goal = {found.goal: found for found in tunings}
    found = [*map(seen, looks), drawn(draws), followed(path), *map(tuned, tunings)]
    if "exploit" in by_goal and "explore" in by_goal:
        found.append(compared(by_goal["exploit"], by_goal["explore"]))
    found.append(distilled(distillation))
    if "hard_equal_time" in distillation.arms:
        found.append(distilled(distillation, same_steps=False))
    return (*found, shared(path, tunings))


def seen(look: Look) -> Finding:
    """The two best tokens' probabilities and the entropy at each temperature looked at."""
    rows = sorted(look.rows, key=lambda row: row.temperature)
    first, second = (_said(look.rows[0].top[place].token) for place in (0, 1))
    chances = joined(
        [
            f"{probability(float(row.top[0].prob))} and {probability(float(row.top[1].prob))} at τ = "
            f"{row.temperature:g}"
            for row in rows
        ]
    )
    entropy = " to ".join(decimals(float(row.entropy_nats), 2) for row in (rows[0], rows[-1]))
    return Finding(
        f"Look: {look.prompt}",
        f"{look.model} puts “{first}” first and “{second}” second at every temperature: {chances}. Temperature never "
        f"changes the order. The entropy of the next token goes from {entropy} nats (tempered, {look.vocabulary:,} "
        "tokens).",
    )


def drawn(found: DrawsFound) -> Finding:
    """What draws after the first prompt said, by their first word."""
    told = [
        f"at τ = {temperature:g} {joined([f'{word} {count}×' for word, count in words[:3]])}"
        + (f" and {len(words) - 3} other{'s' * (len(words) > 4)}" if len(words) > 3 else "")
        for temperature, words in found.counts()
    ]
    number = len(found.rows[0][1])
    return Finding(
        f"Draw: {number} texts each",
        f"The first word after “{found.prompt}”: {'; '.join(told)}. One seed per text, the same at every temperature.",
    )


def _said(token: str) -> str:
    return token.strip() or repr(token)


def followed(found: PathFound) -> Finding:
    """How many texts one seed gives, and where the greedy one ends."""
    leaves, path = found.path.leaves, found.path
    asked = sum(len(leaf.temperatures) for leaf in leaves)
    greedy = leaves[0]
    if len(leaves) == 1:
        text = (
            f"The text after “{found.prompt}” is the same at all {asked} temperatures up to τ = "
            f"{greedy.temperature_high:g}."
        )
    else:
        text = (
            f"After “{found.prompt}”, {asked} temperatures from {leaves[0].temperature_low:g} to "
            f"{leaves[-1].temperature_high:g} give {len(leaves)} different texts; the text of τ = "
            f"{greedy.temperature_low:g} holds up to τ = {decimals(greedy.temperature_high)}."
        )
    return Finding(
        f"Path: seed {found.seed}",
        f"{text} They took {path.forward_passes:,} forward passes instead of {path.independent_passes:,}.",
    )


def tuned(found: Tuning) -> Finding:
    """What to take for a task, or that it cannot be told; with the difference and its interval."""
    chosen = found.recommendation
    span = f"{found.settings[0].temperature:g} to {found.settings[-1].temperature:g}"
    if chosen.setting is None:
        text = (
            f"Cannot tell: no answer was right at any temperature from {span}, on {found.items} items. "
            f"This model does not know the answers, and no temperature changes that."
        )
    else:
        at = {one.temperature: one for one in found.settings}
        text = f"τ = {chosen.setting:g} ({found.score} {_score(at[chosen.setting])}). {chosen.reason}"
    return Finding(f"Tune: {found.task}", text)


def compared(exploit: Tuning, explore: Tuning) -> Finding:
    """Whether the two tasks want different temperatures, and what the wrong one costs."""
    title = "Tune: opposites?"
    blind = [one.task for one in (exploit, explore) if len(one.recommendation.tied) == len(one.settings)]
    if blind:
        return Finding(
            title,
            f"Cannot tell whether the two tasks want different temperatures: no difference could be detected for "
            f"{joined(blind)}.",
        )
    regions = exploit.recommendation.region, explore.recommendation.region
    overlap = max(regions[0][0], regions[1][0]), min(regions[0][1], regions[1][1])
    names = f"{exploit.task} {_region(regions[0])}, {explore.task} {_region(regions[1])}"
    if overlap[0] <= overlap[1]:
        best = [one.recommendation.best for one in (exploit, explore)]
        shared = f"the temperatures as good as the best overlap ({names}), and {_region(overlap)} suits both tasks."
        if best[0] in explore.recommendation.tied or best[1] in exploit.recommendation.tied:
            return Finding(title, f"Not shown: {shared}")
        # Tied: not significantly worse than the best, with intervals that hold for all pairs.
        costs = _cost(exploit, best[0], explore, best[1]), _cost(explore, best[1], exploit, best[0])
        return Finding(
            title,
            f"In part: each task’s best temperature is significantly worse for the other.{''.join(costs)} But with so "
            f"few items {shared}",
        )
    if regions[0][0] > regions[1][1]:
        verdict = "Yes, but the reverse of the usual: one right answer wants the higher temperature"
    else:
        verdict = "Yes: one right answer wants a low temperature, many different ones a high one"
    own = [one.recommendation.setting for one in (exploit, explore)]
    costs = _cost(explore, own[1], exploit, own[0]), _cost(exploit, own[0], explore, own[1])
    return Finding(title, f"{verdict}, and their regions do not meet ({names}).{''.join(costs)}")


def _cost(wanted: Tuning, own: float, other: Tuning, wrong: float) -> str:
    """What `wanted` scores at the other task's temperature; empty where it was not tried there."""
    at = {one.temperature: one for one in wanted.settings}
    if wrong not in at:
        return ""
    whose = f"{other.task}’" if other.task.endswith("s") else f"{other.task}’s"
    return (
        f" {wanted.task.capitalize()}: {_score(at[wrong])} at {whose} τ = {wrong:g}, {_score(at[own])} at its own "
        f"{own:g}."
    )


def distilled(result: DistillResult, *, same_steps: bool = True) -> Finding:
    """Whether soft targets gave the better student than hard labels, at equal steps or at equal time."""
    if same_steps:
        title, verdict = "Distil: same steps", result.verdict
        difference = result.difference_test or result.difference
    else:
        title, verdict = "Distil: same time", result.verdict_equal_time
        difference = result.difference_equal_time_test or result.difference_equal_time
    if difference is None:
        return Finding(title, "No control was trained, so what distilling added is not known.")
    held_out = f"on held-out {difference.part} text"
    against = f"the same student trained on hard labels {ARM_GIVEN[same_steps]}"
    seeds = len(difference.per_seed)
    if difference.ci is None:
        return Finding(
            title,
            f"Cannot tell: hard minus soft is {signed(difference.mean, 4)} nats per token {held_out}, against "
            f"{against}, "
            "but one seed has no spread, so there is no interval.",
        )
    gain = f"{signed(difference.mean, 4)} ({signed_interval(difference.ci, 4)})"
    numbers = (
        f"hard minus soft is {gain} nats per token {held_out}, paired over {seeds} seeds, against {against}"
    )
    if verdict == "helps":
        text = f"Distilling helps: {numbers}."
    elif verdict == "does not help":
        worse = ", it is worse" if difference.ci[1] < 0 else ""
        text = f"Distilling does not help here{worse}: {numbers}."
    else:
        text = f"Cannot tell whether distilling helps: {numbers}. The interval contains both no gain and a useful gain."
    # The teacher's own loss says how far a student could go.
    level = result.teacher.get("test_nll" if difference.part == "test" else "val_nll")
    if same_steps and level is not None:
        text += f" The teacher itself has a loss of {decimals(level)} there."
    return Finding(title, text)


def shared(path: PathFound, tunings: Sequence[Tuning]) -> Finding:
    """What sharing passes between temperatures saved, path and tunings together."""
    passes = path.path.forward_passes + sum(one.forward_passes or 0 for one in tunings)
    alone = path.path.independent_passes + sum(one.independent_passes or 0 for one in tunings)
    return Finding(
        "Passes saved",
        f"{passes:,} forward passes gave every text above, instead of {alone:,} with each temperature on its own: "
        f"{decimals(alone / max(passes, 1), 1)} times fewer.",
    )


def _score(setting: Setting) -> str:
    return f"{decimals(setting.score)} ({interval(setting.score_ci)})"


def _region(region: tuple[float, float]) -> str:
    low, high = region
    return f"τ = {low:g}" if low == high else f"τ = {low:g} to {high:g}"
