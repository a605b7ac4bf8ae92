"""`retort equivalent`: the temperature at which one model is nearest to another, and what is left between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from retort.cli.options import json_option, seed_option, temperatures_option

if TYPE_CHECKING:
    from retort.lens.equivalent import Equivalent


@click.command()
@click.argument("model_a", metavar="MODEL_A")
@click.argument("model_b", metavar="MODEL_B")
@temperatures_option("--temperature", "0.7,1", "Temperatures of MODEL_A to match")
@click.option(
    "--prompts",
    "prompts_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The texts to compare over, one a line; every position of each counts.  [default: 20 definitions that come "
    "with retort]",
)
@seed_option
@json_option
def command(
    model_a: str,
    model_b: str,
    temperatures: tuple[float, ...],
    prompts_file: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Find the temperature at which MODEL_B is nearest to MODEL_A.

    Instruction tuning sharpens a model before any temperature is applied, so the same τ means different things on a
    base model and on its tuned sibling. Nearest: smallest mean KL divergence over the positions of the prompts. What is
    left of it is what no temperature can undo.
    """
    from retort.cli.output import print_json
    from retort.cli.progress import Progress
    from retort.lens.equivalent import equivalent
    from retort.lens.prompts import default_prompts, read_prompts
    from retort.sources.load import load

    prompts = default_prompts() if prompts_file is None else read_prompts(prompts_file)
    first, second = load(model_a), load(model_b)
    with Progress("equivalent") as progress:
        found = equivalent(first, second, prompts, temperatures, seed=seed, on_progress=progress)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: Equivalent) -> None:
    from rich.table import Table

    from retort.cli.output import number, stdout_console

    console = stdout_console()
    console.print(f"A is {found.model_a}, B is {found.model_b}", style="bold", soft_wrap=True)
    console.print(
        f"Over {found.positions:,} positions of {found.prompts} text{'s' * (found.prompts != 1)}. Distributions over "
        "the whole vocabulary, nothing truncated; entropy and KL in nats, means over positions.",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "τ of A",
        "nearest τ of B",
        f"{1 - found.error_rate:.0%} interval",
        "KL left",
        "KL at the same τ",
        "entropy A",
        "entropy B",
        "same entropy at τ of B",
    ):
        table.add_column(heading, justify="right", no_wrap="interval" in heading)
    for point in found.points:
        ends = point.temperature_b_ci
        table.add_row(
            f"{point.temperature_a:g}",
            number(point.temperature_b) + (" (limit)" if point.at_bound else ""),
            "–" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}",
            number(point.kl_left),
            number(point.kl_same),
            number(point.entropy_a),
            number(point.entropy_b),
            number(point.entropy_matched),
        )
    console.print(table)
    console.print(
        "KL is KL(A ‖ B). What is left at the nearest temperature is a difference that no temperature undoes. The "
        "interval is a bootstrap over the texts."
    )
