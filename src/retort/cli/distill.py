"""`retort distill`: a small model taught by a large one, beside the same small model trained on hard labels."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import group, verb
from retort.errors import did_you_mean
from retort.numerals import number

if TYPE_CHECKING:
    from retort.distill.check import Checked, Scale


def recipe_key(option: str, near: Sequence[str]) -> str | None:
    """What to say to an option that is a key of the recipe, or nearer to one than to the options `near`; else None."""
    from retort.distill import Data, Recipe

    fields = {f"data.{name}": one for name, one in Data.model_fields.items()} | dict(Recipe.model_fields)
    name = option.lstrip("-").replace("-", "_")
    known = name if name in fields else f"data.{name}" if f"data.{name}" in fields else None
    nearest = get_close_matches(name, [*fields, *(one.lstrip("-") for one in near)], n=1)
    key = known or next(iter(nearest), "")
    if key not in fields:
        return None
    return (
        f"No such option: {option}{'' if known else did_you_mean(name, [key])}. What is trained is set by keys of the"
        f" recipe, without dashes: write {key}=… behind RECIPE ({fields[key].description})."
    )


@verb(
    instead_of_option=recipe_key,
    examples=(
        "retort distill embedded:default",
        "retort distill recipe.yaml steps=200 data.tokens=100000 --check",
    ),
)
@click.argument("recipe", metavar="RECIPE", required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@group(
    "Instead of training",
    click.option("--print-schema", is_flag=True, help="Print the JSON Schema of recipes and stop."),
    click.option(
        "--check",
        is_flag=True,
        help="Check the recipe and the first records of its texts, without opening a model.",
    ),
    click.option(
        "--explain",
        is_flag=True,
        help="Print how large both terms' gradients are, with and without τ², and stop.",
    ),
)
@group("Output", exporting_options)
def command(
    recipe: str | None,
    overrides: tuple[str, ...],
    print_schema: bool,
    check: bool,
    explain: bool,
    **export: Any,
) -> None:
    """Train a student on a teacher's soft targets, and the same student on hard labels.

    RECIPE is a YAML file, or embedded:NAME. KEY=VALUE replaces a key of it, as in steps=200 data.tokens=100000. Both
    students have the same first weights, data order and steps. The verdict is the paired difference over the seeds;
    it may be that distilling does not help.
    """
    from retort.cli.output import print_json
    from retort.distill.recipe import Recipe, recipe_schema
    from retort.distill.results import DistillResult

    if print_schema:
        print_json(recipe_schema(), versioned=False)
        return
    if recipe is None:
        raise click.UsageError("RECIPE is missing; give a YAML file, or embedded:default.")
    if not (check or explain):
        check_export(DistillResult.MEASURES, **export)
        distilled(recipe, overrides, export)
        return
    from retort.distill.check import check_recipe
    from retort.distill.check import explain as scales_of

    checked = Recipe.load(recipe, overrides)
    report = check_recipe(checked)
    scales = scales_of(checked) if explain else ()
    if export["as_json"] or export["form"] == "json":
        print_json({"valid": True, "checked": report, **({"scales": scales} if explain else {})})
    else:
        print_checked(report, scales)


def distilled(recipe: str, overrides: tuple[str, ...], export: dict[str, Any]) -> None:
    """Distil and write what was found; of several ranks the first one does, and the one that met an error."""
    from retort.cli.progress import Progress
    from retort.distill import Recipe, ranks, run

    try:
        ranks.join()
        checked = ranks.agreed(lambda: Recipe.load(recipe, overrides))
        with Progress("distill", in_seconds=True) as progress:
            found = run(checked, on_progress=progress)
    except ranks.OtherRankError:
        # That rank prints the sentence; twice would be once too often.
        raise click.exceptions.Exit(2) from None
    ranks.part()
    if ranks.leads():
        deliver(found, **export)


def print_checked(report: Checked, scales: tuple[Scale, ...]) -> None:
    """What `--check` and `--explain` found, on the terminal."""
    from retort.blocks import line, table
    from retort.cli.output import show, stdout_console
    from retort.distill.check import nearest_beside

    first, last = number(report.kd_weight), number(report.kd_weight_last)
    soft = first if first == last else f"({first} → {last})"
    most = "" if report.recipe["data"]["packing"] else "at most "
    tries = f" (and {report.tries} tries of learning rates)" if report.tries else ""
    shown: list[Any] = [
        line("The recipe is valid.", "bold"),
        line(
            f"{report.arms} trainings{tries} of {most}{report.tokens:,} tokens ({report.tokens_a_step:,} per"
            " step); loss ="
            f" {soft} · {report.recipe['divergence']} + {number(report.ce_weight)} · cross-entropy",
            whole=True,
        ),
    ]
    for text in report.texts:
        kinds = " and ".join(text.kinds)
        shown.append(
            line(f"{text.part}: {text.path}, {kinds} (first {text.records} records read)", whole=True)
        )
    shown += [
        line(f"Not on this machine: {path}{nearest_beside(path)}", whole=True) for path in report.not_here
    ]
    if scales:
        shown.append(line("Length of the gradient by the student's logits, mean over positions"))
        shown.append(
            table(
                (">τ", ">soft", ">soft with τ²", ">hard"),
                (
                    [
                        number(value)
                        for value in (one.temperature, one.soft, one.soft_with_tau_squared, one.hard)
                    ]
                    for one in scales
                ),
            )
        )
    show(shown, stdout_console())
