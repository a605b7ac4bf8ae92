"""`retort models`: what comes with retort."""

from __future__ import annotations

import click

from retort.cli.grammar import group, verb
from retort.cli.options import json_option
from retort.numerals import megabytes

TRILLION = 10**12


@verb(examples=("retort models", "retort models --cache --clear"))
@group(
    "Converted models",
    click.option(
        "--cache", is_flag=True, help="List the models that were converted once and kept, with their sizes."
    ),
    click.option("--clear", is_flag=True, help="With --cache: delete all of them."),
)
@group("Output", json_option)
def command(cache: bool, clear: bool, as_json: bool) -> None:
    """List the models that have a name: size, licence, origin, training and what each needs."""
    from retort.cli.output import print_json, stdout_console
    from retort.numerals import number
    from retort.sources.embedded import embedded_models

    if clear and not cache:
        raise click.UsageError("--clear deletes converted models; give it with --cache.")
    if cache:
        _cache(clear, as_json)
        return
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
            "–" if model.size_bytes is None else megabytes(model.size_bytes),
            _count(model.training_tokens),
            number(model.held_out_nll),
            model.licence,
        )
    console = stdout_console()
    console.print(table)
    for model in models:
        console.print(f"{model.name}: {model.description}", soft_wrap=True)
        console.print(f"    origin: {model.origin}", soft_wrap=True)
        if model.needs:
            console.print(
                f"    needs {model.needs} ({'installed' if model.installed else 'not installed'})",
                soft_wrap=True,
            )
    console.print(
        "Type one as MODEL, for instance: retort look embedded:smollm2 'The capital of Australia is'"
    )


def _cache(clear: bool, as_json: bool) -> None:
    from retort.cli.output import print_json, stdout_console
    from retort.sources.model_cache import cache_folder, cached_models, clear_cache

    entries = clear_cache() if clear else cached_models()
    total = sum(entry.size_bytes for entry in entries)
    if as_json:
        print_json({"folder": cache_folder(), "cleared": clear, "models": entries, "size_bytes": total})
        return
    console = stdout_console()
    for entry in entries:
        console.print(f"{megabytes(entry.size_bytes):>12}  {entry.origin}", soft_wrap=True)
    said = "deleted" if clear else "kept"
    console.print(f"{megabytes(total):>12} {said} in {cache_folder()}", soft_wrap=True)


def _count(count: int | None) -> str:
    if count is None:
        return "–"
    return f"{count / TRILLION:g} trillion" if count >= TRILLION else f"{count:,}"
