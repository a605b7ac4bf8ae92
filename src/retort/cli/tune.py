"""`retort tune`: which temperature suits a task, and whether the difference is real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retort.cli.options import chain_option, json_option, seed_option, temperatures_option

if TYPE_CHECKING:
    from retort.distribution.chain import Chain
    from retort.tune.records import Tuning

WIDEST_BAR = 20


@click.command()
@click.argument("task", metavar="TASK")
@click.option(
    "--model", metavar="MODEL", default="embedded:base", show_default=True, help="The model to tune."
)
@temperatures_option("--temperatures", "0:2:21", "Temperatures to compare")
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Answers to an item at each temperature.",
)
@click.option("--items", type=click.IntRange(1), help="Use only the first so many items.  [default: all]")
@chain_option
@seed_option
@json_option
def command(
    task: str,
    model: str,
    temperatures: tuple[float, ...],
    samples: int,
    items: int | None,
    chain: Chain | None,
    seed: int,
    as_json: bool,
) -> None:
    """Find the temperature at which MODEL does TASK best.

    TASK is exploit or explore, which come with retort, or a YAML file. All temperatures are compared on the same items
    and the same noise, and one forward pass serves every temperature that still shares the text. The answer can be
    that no difference is detectable.
    """
    from retort.cli.output import print_json
    from retort.cli.progress import Progress
    from retort.sources.load import load
    from retort.tune import load_task, run

    checked = load_task(task)
    with Progress("tune") as progress:
        found = run(
            checked,
            load(model),
            temperatures,
            samples,
            seed=seed,
            limit_items=items,
            on_progress=progress,
            chain=chain,
        )
    if as_json:
        print_json(found)
    else:
        print_tuning(found)


def print_tuning(found: Tuning) -> None:
    from rich.table import Table

    from retort.cli.output import bar, number, stdout_console

    console = stdout_console()
    console.print(
        f"{found.model} on {found.task} ({found.goal}): {found.items} items, {found.samples_per_item} answers each, "
        f"seed {found.seed}",
        style="bold",
        soft_wrap=True,
    )
    console.print(f"Score: {found.score}")
    if found.chain:
        console.print(f"Drawn through: {found.chain}, at each temperature below", soft_wrap=True)
    chosen = found.recommendation
    highest = max((setting.score for setting in found.settings), default=0.0)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "τ", "score", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for name in ("distinct", "agreement"):
        table.add_column(name, justify="right")
    for setting in found.settings:
        low, high = setting.score_ci
        table.add_row(
            "→" if setting.temperature == chosen.setting else "",
            f"{setting.temperature:g}",
            f"{setting.score:.3f}",
            f"{low:.3f} to {high:.3f}",
            bar(setting.score / highest if highest > 0 else 0.0, WIDEST_BAR, console),
            number(setting.distinct),
            number(setting.agreement),
        )
    console.print(table)
    console.print(f"Recommended: τ = {chosen.setting:g}. {chosen.reason}", style="bold")
    low, high = chosen.difference_ci
    console.print(
        f"Score at τ = {chosen.setting:g} less score at τ = {chosen.reference:g}: {chosen.difference:+.3f} "
        f"({low:+.3f} to {high:+.3f}, paired by item; the interval holds for all pairs of settings together)."
    )
    saved = found.independent_passes / max(found.forward_passes, 1)
    console.print(
        f"{found.forward_passes:,} forward passes, against {found.independent_passes:,} with every temperature on its "
        f"own ({saved:.1f} times fewer)."
    )
