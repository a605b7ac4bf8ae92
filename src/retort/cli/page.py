"""`retort page`: one HTML file in which every temperature and every chain can be tried without the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from retort.cli.options import chain_option, json_option, model_argument, prompt_argument

if TYPE_CHECKING:
    from retort.distribution.chain import Chain


@click.command()
@model_argument
@prompt_argument
@chain_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("page.html"),
    show_default=True,
    help="The file to write.",
)
@json_option
def command(model: str, prompt: str, chain: Chain | None, output: Path, as_json: bool) -> None:
    """Write a page about what MODEL would say after PROMPT.

    The file holds the model's logits and needs neither the model nor a network: its slider and its chain, whose stages
    can be put in another order, compute the same numbers as retort does.
    """
    from retort import __version__
    from retort.cli.output import print_json
    from retort.lens.position import DEFAULT_CHAIN, position
    from retort.report.standalone import write_standalone
    from retort.sources.load import load

    found = position(load(model), prompt, DEFAULT_CHAIN if chain is None else chain)
    write_standalone(output, f"{found.model} after {prompt!r}", {"position": found}, __version__)
    size = output.stat().st_size
    if as_json:
        print_json(
            {"model": model, "prompt": prompt, "file": str(output), "bytes": size, "views": ["position"]}
        )
    else:
        click.echo(f"{output}: {size:,} bytes")
