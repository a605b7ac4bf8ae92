"""`retort distill`: a small model taught by a large one, beside the same small model trained on hard labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retort.cli.options import json_option

if TYPE_CHECKING:
    from retort.distill import DistillResult
    from retort.distill.checking import Checked, Scale
    from retort.distill.search import Search

ARM_NAMES = {"hard": "hard labels", "soft": "soft targets", "hard_equal_time": "hard labels, same time"}

GAIN_NAMES = {
    "teacher_entropy": "teacher's entropy",
    "label_probability": "token's probability",
    "frequency": "times in training",
}


@click.command()
@click.argument("recipe", metavar="RECIPE", required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--print-schema", is_flag=True, help="The recipe's JSON Schema, and nothing else.")
@click.option(
    "--check",
    is_flag=True,
    help="Check the recipe and the first records of its texts, without opening a model.",
)
@click.option("--explain", is_flag=True, help="Gradient scales of both terms, with and without τ², and stop.")
@json_option
def command(
    recipe: str | None,
    overrides: tuple[str, ...],
    print_schema: bool,
    check: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Distil a teacher into a student as RECIPE says, beside a control.

    RECIPE is a YAML file, or embedded:NAME. KEY=VALUE replaces a key of it, as in steps=200 data.tokens=100000. The
    same student, with the same first weights, data order and steps, is also trained on hard labels alone; the verdict
    is drawn from the paired difference over the seeds, and it can be that distilling does not help.
    """
    from retort.cli.output import print_json
    from retort.distill import Recipe

    if print_schema:
        from retort.distill.schema import recipe_schema

        print_json(recipe_schema())
        return
    if recipe is None:
        raise click.UsageError("RECIPE is missing; give a YAML file, or embedded:default.")
    if not (check or explain):
        distilled(recipe, overrides, as_json)
        return
    from retort.distill.checking import check_recipe
    from retort.distill.checking import explain as scales_of

    checked = Recipe.load(recipe, overrides)
    report = check_recipe(checked)
    scales = scales_of(checked) if explain else ()
    if as_json:
        print_json({"valid": True, "checked": report, **({"scales": scales} if explain else {})})
    else:
        print_checked(report, scales)


def distilled(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Distil and print what was found; of several ranks the first one prints, and the one that met an error."""
    from retort.cli.output import print_json
    from retort.cli.progress import Progress
    from retort.distill import Recipe, ranks, run

    try:
        ranks.join()
        checked = ranks.agreed(lambda: Recipe.load(recipe, overrides))
        with Progress("distill", unit=" s") as progress:
            found = run(checked, on_progress=progress)
    except ranks.OtherRankError:
        # That rank prints the sentence; twice would be once too often.
        raise click.exceptions.Exit(2) from None
    ranks.part()
    if not ranks.leads():
        return
    if as_json:
        print_json(found)
    else:
        print_distillation(found)


def print_checked(report: Checked, scales: tuple[Scale, ...]) -> None:
    from rich.table import Table

    from retort.cli.output import number, stdout_console

    console = stdout_console()
    first, last = f"{report.kd_weight:.4g}", f"{report.kd_weight_last:.4g}"
    soft = first if first == last else f"({first} → {last})"
    console.print("The recipe is valid.", style="bold")
    most = "" if report.recipe["data"]["packing"] else "at most "
    tries = f" (and {report.tries} tries of learning rates)" if report.tries else ""
    console.print(
        f"{report.arms} trainings{tries} of {most}{report.tokens:,} tokens ({report.tokens_a_step:,} a step); loss ="
        f" {soft} · {report.recipe['divergence']} + {report.ce_weight:.4g} · cross-entropy",
        soft_wrap=True,
    )
    for text in report.texts:
        console.print(
            f"{text.part}: {text.path}, {' and '.join(text.kinds)} (first {text.records} records read)",
            soft_wrap=True,
        )
    for path in report.not_here:
        console.print(f"Not on this machine: {path}")
    if scales:
        console.print("Length of the gradient by the student's logits, mean over positions")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("τ", "soft", "soft with τ²", "hard"):
            table.add_column(name, justify="right")
        for one in scales:
            table.add_row(
                *(number(value) for value in (one.temperature, one.soft, one.soft_with_tau_squared, one.hard))
            )
        console.print(table)


def print_distillation(found: DistillResult) -> None:
    from rich.table import Table

    from retort.cli.output import number, stdout_console

    console = stdout_console()
    console.print("Held-out loss of each student, in nats a token at τ = 1 (lower is better)", style="bold")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("student", no_wrap=True)
    masked = bool(found.recipe["data"].get("completions_only"))
    learned = ("learned",) if masked else ()
    for name in ("seed", "validation", "test", "seconds", "tokens seen", *learned, "steps"):
        table.add_column(name, justify="right")
    for arm, results in found.arms.items():
        for result in results:
            table.add_row(
                ARM_NAMES.get(arm, arm),
                str(result.seed),
                f"{result.val_nll:.4f}",
                number(result.test_nll),
                f"{result.seconds:.1f}",
                f"{result.tokens:,}",
                *([f"{result.targets or 0:,}"] if masked else []),
                f"{result.steps:,}",
            )
    console.print(table)
    for name, one in found.data.items():
        if one["truncated"] or one["dropped"]:
            console.print(
                f"Of the {one['documents']:,} documents of the {name} text, {one['truncated']:,} were cut to the length"
                f" of a row and {one['dropped']:,} left out: nothing in their row was to be learned.",
                soft_wrap=True,
            )
    console.print(
        "Differences are hard labels less soft targets: above 0, distilling gave the better student."
    )
    for against, difference in (
        ("same steps, validation", found.difference),
        ("same steps, test", found.difference_test),
        ("same time, validation", found.difference_equal_time),
        ("same time, test", found.difference_equal_time_test),
    ):
        if difference is not None:
            interval = "" if difference.ci is None else f" [{difference.ci[0]:+.4f}, {difference.ci[1]:+.4f}]"
            console.print(
                f"  {against}: {difference.mean:+.4f}{interval} ({difference.method})", soft_wrap=True
            )
    if found.searches:
        print_searches(found.searches)
    if found.gain_by:
        print_gain(found)
    console.print(f"Verdict, same steps: {found.verdict}. {found.verdict_reason}", style="bold")
    if "hard_equal_time" in found.arms:
        console.print(f"Verdict, same time: {found.verdict_equal_time}. {found.verdict_equal_time_reason}")


def print_searches(searches: dict[str, Search]) -> None:
    """Which learning rate each arm took, and from what."""
    from retort.cli.output import stdout_console

    for arm, one in searches.items():
        losses = ", ".join(f"{tried.learning_rate:g}: {tried.val_nll:.4f}" for tried in one.tried)
        edge = ", at the edge of what was tried" if one.at_edge else ""
        stdout_console().print(
            f"Learning rate of {ARM_NAMES.get(arm, arm)}: {one.chosen:g}{edge} (validation after {one.steps} steps with"
            f" seed {one.seed}: {losses})",
            soft_wrap=True,
        )


def print_gain(found: DistillResult) -> None:
    """Where the difference at the same steps comes from, one table for all three questions."""
    from rich.table import Table

    from retort.cli.output import number, stdout_console

    console = stdout_console()
    console.print(f"Where it comes from: {found.gain_by_part} tokens in bins, same steps", style="bold")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("by", no_wrap=True)
    for name in ("bin", "tokens", "hard", "soft", "difference", "interval", "part"):
        table.add_column(name, justify="right")
    for question, bins in (found.gain_by or {}).items():
        for place, one in enumerate(bins):
            table.add_row(
                GAIN_NAMES[question] if place == 0 else "",
                f"{number(one.low)} to {number(one.high)}",
                f"{one.share:.0%}",
                f"{one.hard_nll:.3f}",
                f"{one.soft_nll:.3f}",
                f"{one.difference:+.3f}",
                "" if one.ci is None else f"[{one.ci[0]:+.3f}, {one.ci[1]:+.3f}]",
                f"{one.part:+.4f}",
            )
    console.print(table)
