"""`retort equivalent`: the temperature at which one model is nearest to another, and what is left between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import group, verb
from retort.cli.options import seed_option, temperatures_option


@verb(
    examples=(
        "retort equivalent ./base ./tuned",
        "retort equivalent ./base ./tuned -t 0.5,0.7,1 --prompts prompts.txt",
    )
)
@click.argument("model_a", metavar="MODEL_A")
@click.argument("model_b", metavar="MODEL_B")
@group(
    "What to compare",
    temperatures_option("0.7,1", "Temperatures of MODEL_A to match"),
    click.option(
        "-p",
        "--prompts",
        "prompts_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="A file of texts to compare over, one per line; every position counts.  [default: 20 definitions that "
        "come with retort]",
    ),
    seed_option,
)
@group("Output", exporting_options)
def command(
    model_a: str,
    model_b: str,
    temperatures: tuple[float, ...],
    prompts_file: Path | None,
    seed: int,
    **export: Any,
) -> None:
    """Find the temperature at which MODEL_B is nearest to MODEL_A.

    Instruction tuning sharpens a model before any temperature is applied, so the same τ means different things on a
    base model and on its tuned sibling. Nearest: smallest mean KL divergence over the positions of the prompts. No
    temperature removes the rest.
    """
    from retort.cli.progress import Progress
    from retort.lens.asking import read_prompts
    from retort.lens.equivalent import Equivalent, equivalent

    check_export(Equivalent.MEASURES, **export)
    prompts = None if prompts_file is None else read_prompts(prompts_file)
    with Progress("equivalent") as progress:
        found = equivalent(model_a, model_b, prompts, temperatures, seed=seed, on_progress=progress)
    deliver(found, **export)
