"""`retort similar`: which words, or classes, a model holds to be alike, as a heat map and as clusters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import stdin_text
from retort.cli.exporting import deliver, exporting_options
from retort.cli.options import save_option, temperatures_option

if TYPE_CHECKING:
    from rich.console import Console

    from retort.lens.similar import Similar

NOTHING_ALIKE = math.log(2)  # the JSD of two distributions without a common token, in nats
# Share of the largest possible distance → the colour of a cell.
HEAT = ((0.1, "on green"), (0.25, "on dark_green"), (0.5, "on dark_goldenrod"), (0.75, "on dark_orange3"))
FARTHEST = "on dark_red"


@click.command()
@click.argument("names", nargs=-1, metavar="MODEL WORDS...")
@click.option(
    "--template",
    help="The prompt, with {} for the word and {a} for its article.  [default: '{a} {} is a kind of']",
)
@click.option(
    "--classes",
    metavar="FILE",
    help="A classifier's logits as JSON (classes, logits, labels) in place of MODEL and WORDS.",
)
@temperatures_option("--temperature", "1,2,4", "Temperatures at which to compare")
@save_option
@exporting_options
def command(
    names: tuple[str, ...],
    template: str | None,
    classes: str | None,
    temperatures: tuple[float, ...],
    save: str | None,
    **export: Any,
) -> None:
    """Show which WORDS the model MODEL holds to be alike: after which of them it says nearly the same.

    The likeness is in the runners-up, so a low temperature hides it. The distance is the Jensen-Shannon divergence in
    nats, 0 for the same and 0.693 for nothing in common; clusters are by average linkage. WORDS may be - for words from
    stdin, one a line. With --classes the same for the classes of a classifier: by the probability that it gives to the
    wrong ones.
    """
    from retort.lens.similar import read_classes, similar_classes, similar_measures, similar_words
    from retort.lens.similarity import TEMPLATE
    from retort.sources.load import load
    from retort.sources.recording import recording

    if classes is not None:
        if names or template is not None or save is not None:
            raise click.UsageError(
                "--classes brings its own names and logits; give it without MODEL, WORDS, --template and --save."
            )
        found = similar_classes(read_classes(classes), temperatures)
    else:
        words = names[1:]
        if words == ("-",):
            words = tuple(line.strip() for line in stdin_text().split("\n") if line.strip())
        if len(words) < 2:
            raise click.UsageError("give MODEL and at least two WORDS, or --classes FILE.")
        source = recording(load(names[0]), save)
        found = similar_words(source, words, template or TEMPLATE, temperatures)
    deliver(found, lambda console: _print(found, console), similar_measures(found), **export)


def _print(found: Similar, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    asked = "the classes of" if found.template is None else f"{found.template!r} on"
    console.print(f"How alike, by {asked} {found.model}", style="bold", soft_wrap=True)
    taus = ", ".join(f"{at.temperature:g}" for at in found.by_temperature)
    console.print(
        f"Jensen-Shannon divergence in nats, the mean over τ = {taus}: 0 is the same, 0.693 nothing in common. Near "
        "ones stand side by side.",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for column in found.order:
        table.add_column(found.words[column], justify="right")
    for row in found.order:
        cells = [
            Text("") if row == column else _cell(float(found.divergence[row][column]))
            for column in found.order
        ]
        table.add_row(found.words[row], *cells)
    console.print(table)
    console.print("Clusters, nearest first:")
    steps = Table(box=None, pad_edge=False, show_header=False)
    for merge in found.merges:
        steps.add_row(f"{merge.distance:.3f}", f"{', '.join(merge.left)}  +  {', '.join(merge.right)}")
    console.print(steps)
    if len(found.by_temperature) > 1:
        _print_temperatures(found, console)


def _print_temperatures(found: Similar, console: Console) -> None:
    """The nearest and the furthest pair at each τ, since a low one can make everything equally far."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("τ", "nearest", "furthest"):
        table.add_column(heading, justify="right" if heading == "τ" else "left")
    pairs = [(i, j) for i in range(len(found.words)) for j in range(i)]
    for at in found.by_temperature:
        ranked = sorted(pairs, key=lambda pair: float(at.divergence[pair[0]][pair[1]]))
        ends = [
            f"{found.words[j]}, {found.words[i]}: {float(at.divergence[i][j]):.3f}"
            for i, j in (ranked[0], ranked[-1])
        ]
        table.add_row(f"{at.temperature:g}", *ends)
    console.print(table)


def _cell(distance: float) -> Any:
    from rich.text import Text

    share = distance / NOTHING_ALIKE
    colour = next((colour for limit, colour in HEAT if share <= limit), FARTHEST)
    return Text(f" {distance:.3f} ", style=f"white {colour}")
