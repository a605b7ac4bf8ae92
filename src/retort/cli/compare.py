"""`retort compare`: two models, or two chains of one model, and where over the same texts they part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import stdin_text
from retort.cli.exporting import deliver, exporting_options
from retort.cli.options import ChainSpec, Prompt

if TYPE_CHECKING:
    from rich.console import Console

    from retort.chain.chain import Chain
    from retort.lens.compare import Comparison
    from retort.lens.partial_compare import PartialComparison

SHOWN = 12  # positions in a table, those that differ most


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="MODEL_A [MODEL_B] PROMPTS...")
@click.option(
    "--chain",
    "chains",
    type=ChainSpec(),
    multiple=True,
    help="Once: compare two models after it. Twice: compare the two chains on MODEL_A.",
)
@click.option("--all", "show_all", is_flag=True, help="Show every position in the text's order.")
@click.option(
    "--save",
    metavar="FILE",
    help="Write what model A said to FILE and what B said beside it, as in saved.jsonl and saved.b.jsonl, for "
    "recorded:FILE.",
)
@exporting_options
def command(
    names: tuple[str, ...], chains: tuple[Chain, ...], show_all: bool, save: str | None, **export: Any
) -> None:
    """Show where two models part over the same texts, or two chains on one model.

    PROMPTS are texts, or one file with a text a line, or - for lines from stdin. At every position both distributions
    are compared: KL divergence both ways, total variation, the most likely tokens, and the temperature at which B is
    nearest to A. A server gives its most probable tokens only; then the position after each text is compared, and the
    distance is an interval.
    """
    from retort.cli.progress import Progress
    from retort.lens.compare import compare, compare_measures
    from retort.lens.partial_compare import compare_partial, partial_measures
    from retort.sources.base import Capability
    from retort.sources.load import load
    from retort.sources.recording import recording

    model_a, model_b, given = _split(names, len(chains))
    prompts = _prompts(given)
    first = recording(load(model_a), save)
    second = first if model_b is None else recording(load(model_b), save and _beside(save))
    if Capability.TOP_N in (first.capability, second.capability):
        if chains:
            raise click.UsageError(
                "a chain needs the whole vocabulary of both models, and a server does not give it."
            )
        partial = compare_partial(first, second, prompts)
        deliver(
            partial, lambda console: _print_partial(partial, console), partial_measures(partial), **export
        )
        return
    chain_a, chain_b = (chains[0], chains[-1]) if chains else (None, None)
    with Progress("compare") as progress:
        found = compare(first, second, prompts, chain_a, chain_b, on_progress=progress)
    deliver(found, lambda console: _print(found, show_all, console), compare_measures(found), **export)


def _split(names: tuple[str, ...], num_chains: int) -> tuple[str, str | None, tuple[str, ...]]:
    if num_chains > 2:
        raise click.UsageError(f"--chain may be given once or twice, got {num_chains}.")
    if num_chains == 2:
        if len(names) < 2:
            raise click.UsageError("two chains are compared on one model; give MODEL and PROMPTS.")
        return names[0], None, names[1:]
    if len(names) < 3:
        raise click.UsageError("give MODEL_A, MODEL_B and PROMPTS, or MODEL, PROMPTS and --chain twice.")
    return names[0], names[1], names[2:]


def _beside(save: str) -> str:
    """The file of model B: saved.jsonl → saved.b.jsonl."""
    path = Path(save)
    return str(path.with_name(f"{path.stem}.b{path.suffix}"))


def _prompts(given: tuple[str, ...]) -> list[str]:
    from retort.lens.prompts import read_prompts

    if given == ("-",):
        given = tuple(line for line in stdin_text().split("\n") if line.strip())
    elif len(given) == 1 and Path(given[0]).is_file():
        return read_prompts(Path(given[0]))
    return [Prompt().convert(text, None, None) for text in given]


def _print(found: Comparison, show_all: bool, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import number, probability, token_label

    _print_heading(found.model_a, found.model_b, found.chain_a, found.chain_b, console)
    count, totals = len(found.positions), found.totals
    console.print(
        f"{count:,} position{'s' * (count != 1)} of {len(found.prompts)} text{'s' * (len(found.prompts) != 1)}, "
        f"{'every one' if show_all else 'those that differ most'}. Divergences and entropies in nats; TV is the share "
        "of probability that moves between them.",
        soft_wrap=True,
    )
    shown = found.positions if show_all else sorted(found.positions, key=lambda p: -p.total_variation)[:SHOWN]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("text", "after", "A says", "B says"):
        table.add_column(
            heading, justify="right" if heading == "text" else "left", no_wrap=True, max_width=18
        )
    for heading in ("KL(A‖B)", "KL(B‖A)", "TV", "entropy A", "entropy B"):
        table.add_column(heading, justify="right")
    for place in shown:
        table.add_row(
            f"{place.prompt + 1}:{place.position + 1}",
            token_label(place.token),
            token_label(place.top_a),
            token_label(place.top_b) if place.parted else "the same",
            number(place.kl_ab),
            number(place.kl_ba),
            probability(place.total_variation),
            number(place.entropy_a),
            number(place.entropy_b),
        )
    table.add_row(*[""] * 9)
    table.add_row(
        "mean", "", "", f"{totals.parted:.0%} part", number(totals.kl_ab), number(totals.kl_ba),
        probability(totals.total_variation), number(totals.entropy_a), number(totals.entropy_b),
    )  # fmt: skip
    console.print(table)
    if totals.equivalent_temperature is not None:
        console.print(
            f"B is nearest to A at τ = {number(totals.equivalent_temperature)}, where KL(A‖B) is still "
            f"{number(totals.kl_left)}: what no temperature undoes."
        )


def _print_partial(found: PartialComparison, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import number, probability, token_label
    from retort.cli.partial_look import interval

    _print_heading(found.model_a, found.model_b, None, None, console)
    console.print(
        "The raw distributions after each text, as far as both sides name their tokens; intervals hold the truth.",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("text", "A says", "B says"):
        table.add_column(heading, no_wrap=True, max_width=30)
    for heading in (
        "tokens in common",
        "largest logprob difference",
        "TV",
        "KL(A‖B) at least",
        "KL(B‖A) at least",
    ):
        table.add_column(heading, justify="right")
    for place in found.positions:
        table.add_row(
            token_label(found.prompts[place.prompt]),
            token_label(place.top_a),
            token_label(place.top_b) if place.parted else "the same",
            str(place.common),
            number(place.logprob_difference),
            interval(place.total_variation_low, place.total_variation_high, probability),
            number(place.kl_ab_low),
            number(place.kl_ba_low),
        )
    console.print(table)


def _print_heading(
    model_a: str, model_b: str, chain_a: str | None, chain_b: str | None, console: Console
) -> None:
    if chain_a == chain_b:
        console.print(f"A is {model_a}, B is {model_b}", style="bold", soft_wrap=True)
        if chain_a is not None:
            console.print(f"Both after {chain_a or '(the empty chain)'}", soft_wrap=True)
        return
    console.print(
        f"On {model_a}: A is {chain_a or '(empty)'}, B is {chain_b or '(empty)'}",
        style="bold",
        soft_wrap=True,
    )
