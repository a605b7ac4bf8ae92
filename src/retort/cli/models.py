"""`retort models`: what comes with retort."""

from __future__ import annotations

import click

from retort.cli.options import json_option

MEGABYTE = 1_000_000


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the models that come with retort: size, parameters, training, held-out loss and licence."""
    from retort.cli.output import number, print_json, stdout_console
    from retort.sources.embedded import embedded_models

    models = embedded_models()
    if as_json:
        print_json({"models": models})
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for name in ("parameters", "size", "tokens trained", "held-out nats/token"):
        table.add_column(name, justify="right")
    table.add_column("licence")
    for model in models:
        table.add_row(
            model.name,
            _count(model.parameters),
            "–" if model.size_bytes is None else f"{model.size_bytes / MEGABYTE:.1f} MB",
            _count(model.training_tokens),
            number(model.held_out_nll),
            model.licence,
        )
    console = stdout_console()
    console.print(table)
    for model in models:
        console.print(f"{model.name}: {model.description}", soft_wrap=True)
    console.print("Type one as MODEL, for instance: retort look embedded:english 'the sky is'")


def _count(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"
