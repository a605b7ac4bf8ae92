"""`retort cache`: what a folder of soft targets holds, and whether it is sound."""

from __future__ import annotations

from typing import Any

import click

from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import Whole, group, verb

ROWS = 5


@verb(examples=("retort cache targets", "retort cache targets --verify --rows 0"))
@click.argument("folder", metavar="DIR", type=click.Path())
@group(
    "What to read",
    click.option(
        "--verify",
        is_flag=True,
        help="Verify the checksum of every shard and decode every record; exit with code 2 at the first bad one.",
    ),
    click.option(
        "--rows",
        type=Whole(0),
        default=ROWS,
        show_default=True,
        help="How many positions to show as text.",
    ),
)
@group("Output", exporting_options)
def command(folder: str, verify: bool, rows: int, **export: Any) -> None:
    """Show what the cache in DIR contains: teacher, τ, codec, tokens, bytes per token, and a few positions as text."""
    from retort.distill.cache import Cache, Captured, captured

    check_export(Captured.MEASURES, **export)
    deliver(captured(Cache(folder), folder, rows=rows, verify=verify), **export)
