"""`retort tour`: every verb once on one model, what was found, and a page to look at. It is what `make run` runs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retort.cli.grammar import group, verb
from retort.cli.options import json_option, seed_option
from retort.numerals import decimals

if TYPE_CHECKING:
    from rich.console import Console

    from retort.report import Story
    from retort.tour import Found


@verb(
    examples=("retort tour", "retort tour --model ./my-model --quick --out out/my-tour"),
)
@group(
    "What to tour",
    click.option(
        "--model", metavar="MODEL", help="The model to take on the tour.  [default: embedded:smollm2]"
    ),
    click.option(
        "--small",
        is_flag=True,
        help="The tour of the small models that come with retort; needs no other package.",
    ),
    click.option(
        "--recipe",
        metavar="RECIPE",
        help="What to distil, and how.  [default: embedded:default, with MODEL as the teacher if one is given]",
    ),
    click.option(
        "--quick",
        is_flag=True,
        help="A short tour for a first try: every part, too little data to conclude from.",
    ),
    seed_option,
)
@group(
    "Output",
    click.option(
        "-o",
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("out"),
        show_default=True,
        help="Folder for report.html, and for finished results that the next tour uses again.",
    ),
    click.option("--fresh", is_flag=True, help="Forget the results that earlier tours kept in --out."),
    json_option,
)
def command(
    model: str | None,
    small: bool,
    recipe: str | None,
    out: Path,
    fresh: bool,
    quick: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Run every verb once on one model, and write a page with the pictures.

    A look at the next token, what draws say, one text followed through every temperature, settings chosen for two
    tasks, and a small model taught by a larger one, beside its control. Stopped, it goes on where it was; run again,
    it uses what is finished. The last lines say what was found.

    The distilling is on the small models, because a useful student of a larger one takes hours on two cores.
    """
    from dataclasses import replace

    from retort.cli.output import print_json, stdout_console
    from retort.cli.progress import Progress
    from retort.tour import DEFAULT, SMALL, run
    from retort.tour import quick as shortened

    plan = SMALL if small else DEFAULT
    if quick:
        plan = shortened(plan)
    if model is not None:
        plan = plan.on(model)
    if recipe is not None:
        plan = replace(plan, recipe=recipe)
    with Progress("tour", unit=" s") as progress:

        def show(found: Found) -> None:
            if not as_json:
                with progress.aside():
                    _print_step(found)

        story = run(
            plan, out, seed=seed, fresh=fresh, program=_program(), on_progress=progress, on_found=show
        )
    if as_json:
        print_json(story)
    else:
        _print_end(story, stdout_console())


def _program() -> str:
    """How this command can be typed again: its name where the shell finds it, else its path from here."""
    started = Path(sys.argv[0])
    if started.name != "retort" or shutil.which("retort"):
        return "retort"
    return os.path.relpath(started)


def _print_step(found: Found) -> None:
    """A step's command, as one would type it alone, and what that command prints."""
    from retort.cli.output import show, stdout_console

    console = stdout_console()
    step, record = found.step, found.record
    console.rule(f"{step.title}, {decimals(step.seconds, 1)} s", align="left", style="dim")
    console.print(f"$ {step.command}", style="cyan", soft_wrap=True)
    if step.reused is not None:
        console.print(
            f"Reused: {step.reused}. Add --fresh to make everything anew.", style="yellow", soft_wrap=True
        )
    if step.title == "Look":
        show(record.blocks(), console)
    elif step.title == "Draw":
        for temperature, words in record.counts():
            told = ", ".join(f"{word} {count}" for word, count in words[:6])
            more = f", {len(words) - 6} others" if len(words) > 6 else ""
            console.print(f"τ = {temperature:g}: {told}{more}", soft_wrap=True)
    elif step.title == "Path":
        show(record.blocks(("table",)), console)
    elif step.title == "Tune":
        if record.tuning.items < record.items_in_task:
            console.print(
                f"Here with {record.tuning.items} of the task's {record.items_in_task} items, evenly spread over its "
                "list, to be quick; the command above takes all."
            )
        show(record.tuning.blocks(), console)
    else:
        show(record.result.blocks(), console)
    console.print()


def _print_end(story: Story, console: Console) -> None:
    """What was found, what to type next, and where the page is."""
    from rich.table import Table

    console.rule("What was found", align="left", style="dim")
    if story.note is not None:
        console.print(f"Note: {story.note}", style="yellow")
    found = Table.grid(padding=(0, 2, 1, 0))
    found.add_column(style="bold", max_width=20)
    found.add_column(ratio=1)
    for finding in story.findings:
        found.add_row(finding.title, finding.text)
    console.print(found)
    console.rule("For your own model", align="left", style="dim")
    for line in story.next_commands:
        console.print(line, soft_wrap=True)
    console.print()
    console.print(f"The pictures: {story.report}", style="bold", soft_wrap=True)
