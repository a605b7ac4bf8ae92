"""A tuning in the terminal: the settings, the recommendation and why, and what else was measured."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from retort.tune.conclude import Setting, Tuning

WIDEST_BAR = 20


def print_tuning(found: Tuning) -> None:
    from rich.table import Table

    from retort.cli.output import bar, number, stdout_console

    console = stdout_console()
    console.print(
        f"{found.model} on {found.task} ({found.goal}): {found.items} items, {found.samples_per_item} "
        f"answer{'s' * (found.samples_per_item != 1)} each, "
        f"seed {found.seed}",
        style="bold",
        soft_wrap=True,
    )
    console.print(f"Score: {found.score}")
    if found.chain:
        shown = re.sub(r"\btemperature=[^ |]+", "temperature=τ", found.chain)
        console.print(f"Drawn through: {shown}, at each τ below", soft_wrap=True)
    chosen = found.recommendation
    highest = max((setting.score for setting in found.settings), default=0.0)
    name = "τ" if found.axis == "temperature" else found.axis or "setting"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    # Settings without an axis can be long, and then only they may be broken: a number cut short is no number.
    table.add_column(name, justify="right" if found.axis else "left", no_wrap=found.axis is not None)
    for heading in ("score", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    # What the score does not say already: how many answers are right where the goal counts something else.
    counted = ["valid"] if found.goal != "exploit" else []
    for heading in (*counted, "distinct", "agreement"):
        table.add_column(heading, justify="right", no_wrap=True)
    for setting in found.settings:
        low, high = setting.score_ci
        table.add_row(
            "→" if dict(setting.setting) == dict(chosen.values) else "",
            _called(found, setting),
            f"{setting.score:.3f}",
            f"{low:.3f} to {high:.3f}",
            bar(setting.score / highest if highest > 0 else 0.0, WIDEST_BAR, console),
            *([number(setting.valid)] if counted else []),
            number(setting.distinct),
            number(setting.agreement),
        )
    console.print(table)
    _print_variety(found, console)
    if chosen.setting is None:
        console.print(f"No recommendation: {chosen.reason}", style="bold")
    else:
        _print_recommendation(found, console, name)
    _print_levers(found, console)
    if found.second_model is not None:
        likely = ", ".join(f"{number(one.second_nll)} at {_called(found, one)}" for one in found.settings)
        console.print(f"To {found.second_model} the answers cost, in nats per token: {likely}.")
    _print_reweighted(found, console)
    if found.items_left_out:
        console.print(
            f"{found.items_left_out} item{'s' * (found.items_left_out != 1)} without enough answers at every setting "
            "left out: settings are compared on the same items."
        )
    if found.forward_passes is not None and found.independent_passes is not None:
        saved = found.independent_passes / max(found.forward_passes, 1)
        console.print(
            f"{found.forward_passes:,} forward passes, against {found.independent_passes:,} with every temperature on "
            f"its own ({saved:.1f} times fewer)."
        )


def _print_recommendation(found: Tuning, console: Console, name: str) -> None:
    """The setting to take, and its difference from the reference."""
    from retort.tune.settings import describe

    chosen = found.recommendation
    taken, other = (
        f"{name} = {point:g}" if found.axis else describe(point)
        for point in (chosen.setting, chosen.reference)
    )
    console.print(f"Recommended: {taken}. {chosen.reason}", style="bold")
    low, high = chosen.difference_ci
    console.print(
        f"Score at {taken} minus score at {other}: {chosen.difference:+.3f} "
        f"({low:+.3f} to {high:+.3f}, paired by item; the interval holds for all pairs of settings together)."
    )


def _print_variety(found: Tuning, console: Console) -> None:
    """How different an item's answers are at each setting, where it was measured."""
    from rich.table import Table

    from retort.cli.output import number

    if not any(setting.variety for setting in found.settings):
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    measures = {
        "distinct_1": "distinct-1",
        "distinct_2": "distinct-2",
        "self_bleu": "self-BLEU",
        "vendi": "Vendi",
        "semantic_distinct": "semantic distinct",
        "repetition": "repetition",
    }
    for heading in ("τ" if found.axis == "temperature" else found.axis or "setting", *measures.values()):
        table.add_column(heading, justify="right")
    for setting in found.settings:
        values = setting.variety or {}
        numbers = (values.get(name) for name in measures)
        table.add_row(
            _called(found, setting), *(number(one) if isinstance(one, float) else "–" for one in numbers)
        )
    by = next(setting.variety for setting in found.settings if setting.variety)
    compared = "words and word pairs" if by["likeness"] == "words" else f"vectors of {by['likeness']}"
    console.print(
        "How different an item's answers are, right or wrong (means over items). distinct-1 and -2: share of words and "
        "of word pairs that differ; self-BLEU: 1 for copies, 0 for nothing in common; Vendi: effective number of "
        "different answers; semantic distinct: groups of alike answers; repetition: share of an answer's runs of four "
        f"words that it said before. Alike: cosine of {compared}, {by['alike']:g} or more."
    )
    console.print(table)


def _print_reweighted(found: Tuning, console: Console) -> None:
    """What the answers say of other settings, where that was asked for."""
    from retort.tune.settings import describe

    for one in found.reweighted or ():
        place = f"At {describe(one.setting)}, from the {one.samples:,} answers at {describe(one.source)}"
        if one.score is None or one.score_ci is None or one.effective_sample_size is None:
            console.print(f"{place}: refused, {one.refused}.")
            continue
        low, high = one.score_ci
        measured = "" if one.measured is None else f"; measured there: {one.measured:.3f}"
        console.print(
            f"{place} (worth {one.effective_sample_size:,.0f}): score {one.score:.3f} ({low:.3f} to {high:.3f})"
            f"{measured}."
        )


def _print_levers(found: Tuning, console: Console) -> None:
    """Where incoherence outruns novelty, and which lever the scores' variation comes from, where they are known."""
    turn = found.turning_point
    if turn is not None:
        low, high = turn.interval
        console.print(
            f"Up to {turn.point:g} (interval {low:g} to {high:g}) more heat buys more novelty than incoherence, of "
            f"what this range has: distinct answers {turn.novelty[0]:.2f} to {max(turn.novelty):.2f}, raw likelihood "
            f"{min(turn.incoherence):.2f} to {max(turn.incoherence):.2f} nats a token."
        )
    if found.calibration is not None:
        fit = found.calibration
        console.print(
            f"Calibration of {fit.questions} questions: the choices' probabilities come true best at τ = "
            f"{fit.temperature:.3g}{' (a limit)' if fit.at_bound else ''}: negative log-likelihood {fit.nll[0]:.3f} "
            f"nats at τ = 1, {fit.nll[1]:.3f} there; Brier score {fit.brier[0]:.3f} and {fit.brier[1]:.3f}; "
            f"expected calibration error in {fit.bins} bins {fit.ece[0]:.3f} and {fit.ece[1]:.3f}."
        )
    if found.variance is not None:
        shares = ", ".join(
            f"{one.lever} {one.share:.0%} ({one.share_ci[0]:.0%} to {one.share_ci[1]:.0%})"
            for one in found.variance
        )
        console.print(f"Where the scores' variance comes from: {shares}.")


def _called(found: Tuning, setting: Setting) -> str:
    """What a setting is called in the table."""
    from retort.tune.settings import describe

    return describe(setting.setting) if found.axis is None else f"{setting.setting[found.axis]:g}"
