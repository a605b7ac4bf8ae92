"""`retort tour`: every verb once on one model, what was found, and a page to look at. It is what `make run` runs."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retort.cli.exporting import Export, Shown, exporting_options
from retort.cli.grammar import group, option, verb
from retort.cli.options import seed_option
from retort.cli.output import show, stdout_console
from retort.cli.progress import Progress
from retort.numerals import decimals

if TYPE_CHECKING:
    from retort.tour import Found

FOLDER = Path("out")


@verb(examples=("retort tour", "retort tour --model ./my-model --quick --out out/my-tour"))
@group(
    "What to tour",
    option("--model MODEL", "The model for the tour.  [default: embedded:smollm2]"),
    option("--small", "Use the small models that come with retort; needs no other package."),
    option(
        "--recipe RECIPE",
        "What to distil, and how.  [default: embedded:default, with MODEL as the teacher if one is given]",
    ),
    option("--quick", "A short first try: every part, with too little data to conclude from."),
    seed_option,
)
@group(
    "Output",
    option(
        "-o --out DIR|FILE",
        "Folder for report.html and for finished results, which the next tour reuses. A FILE that ends in "
        ".html, .md, .csv, .json, .parquet or .txt gets the findings; the folder is then the default.",
        click.Path(path_type=Path),
        default=FOLDER,
    ),
    option("--fresh", "Forget the results that earlier tours kept in the folder."),
    exporting_options(to_file=False),
)
def tour(
    model: str | None,
    small: bool,
    recipe: str | None,
    out: Path,
    fresh: bool,
    quick: bool,
    seed: int,
    export: Export,
) -> None:
    """Run every verb once on one model, and write a page with the pictures.

    The next token, some draws, one text at every temperature, settings for two tasks, and a small model taught by a
    larger one, beside its control. If you stop it, the next run continues. The last lines say what was found.

    Distilling uses the small models, because a useful student of a larger one takes hours on two cores.
    """
    from retort.tour import DEFAULT, SMALL, run
    from retort.tour import quick as shortened

    is_file = out.suffix[1:].isalpha() and not out.is_dir()  # v1.0 is a folder
    export = replace(export, output=out if is_file else None)
    export.check()
    plan = SMALL if small else DEFAULT
    if quick:
        plan = shortened(plan)
    if model is not None:
        plan = plan.on(model)
    if recipe is not None:
        plan = replace(plan, recipe=recipe)
    on_screen = not (export.as_json or export.form)
    with Progress("tour", in_seconds=True) as progress:

        def tell(found: Found) -> None:
            if on_screen:
                with progress.aside():
                    _print_step(found)

        story = run(
            plan, FOLDER if is_file else out, seed=seed, fresh=fresh, program=_program(), on_progress=progress,
            on_found=tell,
        )  # fmt: skip
    export.deliver(Shown(story, page=lambda: Path(story.report).read_text(encoding="utf-8")))


def _program() -> str:
    """How this command can be typed again: its name where the shell finds it, else its path from here."""
    started = Path(sys.argv[0])
    if started.name != "retort" or shutil.which("retort"):
        return "retort"
    return os.path.relpath(started)


def _print_step(found: Found) -> None:
    """A step's command, as one would type it alone, and what that command prints."""
    console, step = stdout_console(), found.step
    console.rule(f"{step.title}, {decimals(step.seconds, 1)} s", align="left", style="dim")
    console.print(f"$ {step.command}", style="cyan", soft_wrap=True)
    if step.reused is not None:
        console.print(
            f"Reused: {step.reused}. Add --fresh to recompute everything.", style="yellow", soft_wrap=True
        )
    show(found.blocks, console)
    console.print()
