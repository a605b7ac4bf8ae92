"""`retort distill`: a small model taught by a large one, beside the same small model trained on hard labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retort.cli.options import json_option

if TYPE_CHECKING:
    from retort.distill import DistillResult

ARM_NAMES = {"hard": "hard labels", "soft": "soft targets", "hard_equal_time": "hard labels, same time"}


@click.command()
@click.argument("recipe", metavar="RECIPE")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@json_option
def command(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Distil a teacher into a student as RECIPE says, beside a control.

    RECIPE is a YAML file, or embedded:NAME. KEY=VALUE replaces a key of it, as in steps=200 data.tokens=100000. The
    same student, with the same first weights, data order and steps, is also trained on hard labels alone; the verdict
    is drawn from the paired difference over the seeds, and it can be that distilling does not help.
    """
    from retort.cli.output import print_json
    from retort.cli.progress import Progress
    from retort.distill import Recipe, run

    checked = Recipe.load(recipe, overrides)
    with Progress("distill", unit=" s") as progress:
        found = run(checked, on_progress=progress)
    if as_json:
        print_json(found)
    else:
        print_distillation(found)


def print_distillation(found: DistillResult) -> None:
    from rich.table import Table

    from retort.cli.output import number, stdout_console

    console = stdout_console()
    console.print("Held-out loss of each student, in nats a token at τ = 1 (lower is better)", style="bold")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("student", no_wrap=True)
    for name in ("seed", "validation", "test", "seconds", "tokens seen", "steps"):
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
                f"{result.steps:,}",
            )
    console.print(table)
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
    console.print(f"Verdict, same steps: {found.verdict}. {found.verdict_reason}", style="bold")
    if "hard_equal_time" in found.arms:
        console.print(f"Verdict, same time: {found.verdict_equal_time}. {found.verdict_equal_time_reason}")
