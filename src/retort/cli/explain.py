"""`retort explain`: what the same settings mean in several engines, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retort.cli.options import defaults_option, engine_option, json_option, model_argument, prompt_argument
from retort.cli.settings import Settings, settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from retort.lens.engines import EngineComparison, EngineReading


@click.command()
@model_argument
@prompt_argument
@settings_option
@engine_option(several=True)
@defaults_option
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="How many tokens to list.")
@json_option
def command(
    model: str,
    prompt: str,
    settings: Settings | None,
    engines: tuple[str, ...],
    defaults: bool,
    top: int,
    as_json: bool,
) -> None:
    """Show what the same settings mean in several engines, after PROMPT in MODEL.

    Each engine applies them in its own order and by its own rules for ties, so equal flags can keep different tokens.
    MODEL may be a file of logits (logits:FILE); without --engine all engines stand side by side.
    """
    from retort.chain.engines import ENGINES
    from retort.cli.output import print_json, stdout_console
    from retort.lens.engines import compare_engines
    from retort.sources.load import load

    said, named = ({}, {}) if settings is None else (settings.said, settings.named)
    if settings is not None and settings.params.chain is not None:
        raise click.UsageError(
            "a chain says its own order, so it is the same in every engine; give single settings."
        )
    result = compare_engines(
        load(model), prompt, said, engines or tuple(ENGINES), defaults=defaults, top=top, request=named
    )
    if as_json:
        print_json(result)
    else:
        _print(result, stdout_console())


def _print(result: EngineComparison, console: Console) -> None:
    console.print(f"{result.model} after {result.prompt!r}", style="bold", soft_wrap=True)
    if result.note is not None:
        console.print(f"Note: {result.note}", soft_wrap=True)
    for reading in result.engines:
        console.print()
        _print_engine(reading, console)
    console.print()
    _print_tokens(result, console)
    if result.total_variation:
        console.print()
        _print_pairs(result, console)


def _print_engine(reading: EngineReading, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import number, probability, token_label

    console.print(f"{reading.engine}: {reading.spec or '(nothing)'}", style="bold", soft_wrap=True)
    if reading.unread:
        console.print(f"Does not apply: {', '.join(reading.unread)}", style="yellow", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage", max_width=34, overflow="fold")
    for name in ("kept", "removed", "mass moved"):
        table.add_column(name, justify="right")
    table.add_column("likeliest it removes", no_wrap=True, overflow="ellipsis")
    for stage in reading.stages:
        tokens = " ".join(token_label(token) for token in stage.removed_tokens)
        table.add_row(stage.stage, f"{stage.kept:,}", f"{stage.removed:,}", probability(stage.moved), tokens)
    if reading.stages:
        console.print(table)
    console.print(
        f"{reading.kept:,} token{'s' * (reading.kept != 1)} can come, entropy {number(reading.entropy_nats)} nats "
        "(of what is sampled)."
    )
    for warning in reading.warnings:
        console.print(f"Warning: {warning}", style="yellow")


def _print_tokens(result: EngineComparison, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import probability, token_label

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("token", max_width=22, no_wrap=True, overflow="ellipsis")
    table.add_column("raw, τ = 1", justify="right")
    for reading in result.engines:
        table.add_column(reading.engine, justify="right")
    for token in result.tokens:
        cells = [probability(prob) if prob > 0 else "-" for prob in token.probs]
        table.add_row(token_label(token.token), probability(token.prob_raw), *cells)
    table.add_row("tokens that can come", "", *[f"{reading.kept:,}" for reading in result.engines])
    console.print(table)


def _print_pairs(result: EngineComparison, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import probability

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("two engines")
    table.add_column("total variation", justify="right")
    table.add_column("only the first keeps", justify="right")
    table.add_column("only the second keeps", justify="right")
    for pair in result.total_variation:
        table.add_row(
            " and ".join(pair.engines),
            probability(pair.total_variation),
            f"{pair.only_first:,}",
            f"{pair.only_second:,}",
        )
    console.print(table)
    console.print("Total variation: the share of draws that would have to differ between the two.")
