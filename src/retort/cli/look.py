"""`retort look`: the next-token distribution after a prompt, at several temperatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.exporting import deliver, exporting_options
from retort.cli.options import Prompt, chain_option, model_argument, save_option, temperatures_option

if TYPE_CHECKING:
    from rich.console import Console

    from retort.chain.chain import Chain
    from retort.lens.against import Against
    from retort.lens.look import Look, LookChain, LookRow

WIDEST_TOKEN = 22
WIDEST_BAR = 16
NARROWEST_BAR = 5
SHOWN_TIES = 5
BESIDE_BAR = 11  # a probability, and the space between columns


@click.command()
@model_argument
@asking_options
@temperatures_option("--temperature", "0.1,1,2", "Temperatures to show")
@chain_option
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="How many tokens to list.")
@click.option(
    "--against", "other_model", metavar="MODEL", help="Another model, and how far it is from this one."
)
@click.option(
    "--against-prompt", "other_prompt", type=Prompt(), metavar="TEXT", help="The same model after TEXT."
)
@save_option
@exporting_options
def command(
    model: str,
    prompt: str | None,
    chat: str | None,
    messages: tuple[str, ...],
    temperatures: tuple[float, ...],
    chain: Chain | None,
    top: int,
    other_model: str | None,
    other_prompt: str | None,
    save: str | None,
    **export: Any,
) -> None:
    """Show what MODEL would say after PROMPT, at several temperatures.

    One forward pass serves them all: a temperature reshapes the distribution and never reorders it. With --chain, also
    what each stage of a chain removes, how much of the probability it keeps, and where its settings conflict. A server
    tells its most probable tokens only; then the numbers are intervals.
    """
    from retort.cli.partial_look import print_partial_look
    from retort.lens.against import against
    from retort.lens.look import look, look_measures
    from retort.lens.partial_look import PartialLook
    from retort.sources.load import load
    from retort.sources.recording import recording

    question = asked(prompt, chat, messages)
    source = recording(load(model), save)
    show_prompt(source, question)
    found: dict[str, Any] = {"result": look(source, question, temperatures, chain, top)}
    if other_model is not None or other_prompt is not None:
        second = source if other_model is None else load(other_model)
        text = question if other_prompt is None else other_prompt
        found["against"] = against(source, question, second, text)
        found["other"] = look(second, text, temperatures, chain, top)
    result = found["result"]

    def draw(console: Console) -> None:
        for shown in (result, found.get("other")):
            if isinstance(shown, PartialLook):
                print_partial_look(shown, console)
            elif shown is not None:
                print_look(shown, console)
        if "against" in found:
            _print_against(found["against"], console)

    measures = look_measures(result)
    record = result
    if "against" in found:
        # The same fields as without it, and two more.
        record = {**vars(result), "against": found["against"], "other": found["other"]}
        names = ("kl_ab", "kl_ba", "jsd", "total_variation")
        measures |= {name: [getattr(found["against"], name)] for name in names}
    deliver(record, draw, measures, **export)


def _print_against(found: Against, console: Console) -> None:
    from retort.cli.output import number, probability

    console.print(
        f"The first is A, the second B, both raw (τ = 1): KL(A‖B) {number(found.kl_ab)}, KL(B‖A) "
        f"{number(found.kl_ba)}, Jensen-Shannon {number(found.jsd)} nats; {probability(found.total_variation)} of the "
        "probability would have to move (total variation)."
    )
    if found.equivalent_temperature is not None:
        console.print(
            f"B is nearest to A at τ = {number(found.equivalent_temperature)}, where KL(A‖B) is still "
            f"{number(found.kl_left)}: what no temperature undoes."
        )


def print_look(result: Look, console: Console) -> None:
    from retort.cli.output import number, probability, token_label

    console.print(f"{result.model} after {result.prompt!r}", style="bold", soft_wrap=True)
    if result.rendered is not None:
        console.print(f"What the model sees: {token_label(result.rendered)}", soft_wrap=True)
    if result.note is not None:
        console.print(f"Note: {result.note}", soft_wrap=True)
    console.print(
        f"Next-token probabilities over the whole vocabulary ({result.vocabulary:,} tokens), before any truncation. "
        "τ = 1 is the model's own distribution (raw); every other τ is tempered, softmax(logits / τ). "
        "Logits are raw."
    )
    fitting = max(1, (console.width - WIDEST_TOKEN - 10) // (BESIDE_BAR + NARROWEST_BAR))
    for first in range(0, len(result.rows), fitting):
        _print_rows(result.rows[first : first + fitting], console)
    console.print(
        f"Margin of the first token over the second: {number(result.margin)} (raw logits). "
        "Effective support is e^entropy: how many equally likely tokens would be as uncertain."
    )
    _print_near_ties(
        result.noise_scale,
        [
            f"{token_label(tie.token)} {number(tie.margin)} below (chance {probability(tie.flip_risk)})"
            for tie in result.near_ties
        ],
        result.near_ties_total,
        console,
    )
    if result.chain is not None:
        _print_chain(result.chain, console)


def _print_near_ties(noise_scale: float, ties: list[str], total: int, console: Console) -> None:
    """Which tokens noise could put first, and the chance of each; nothing where there are none."""
    if not ties:
        return
    more = f", and {total - SHOWN_TIES:,} more" if total > SHOWN_TIES else ""
    console.print(
        f"Near tie: {', '.join(ties[:SHOWN_TIES])}{more}. Numerical noise of {noise_scale:g} in the logits, as between "
        "two machines or two batch sizes, could make another token the first.",
        style="yellow",
    )


def _print_rows(rows: tuple[LookRow, ...], console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import bar, number, probability, token_label

    width = (console.width - WIDEST_TOKEN - 10) // len(rows) - BESIDE_BAR
    width = min(max(width, NARROWEST_BAR), WIDEST_BAR)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("token", max_width=WIDEST_TOKEN, no_wrap=True, overflow="ellipsis")
    table.add_column("logit", justify="right")
    for row in rows:
        kind = "raw" if row.temperature == 1 else "greedy" if row.temperature == 0 else "tempered"
        table.add_column(f"τ = {row.temperature:g}, {kind}", no_wrap=True)
    for place, token in enumerate(rows[0].top):
        cells = [
            f"{probability(row.top[place].prob):>7} {bar(row.top[place].prob, width, console)}"
            for row in rows
        ]
        table.add_row(token_label(token.token), f"{token.logit:.2f}", *cells)
    table.add_row("", "")
    table.add_row("entropy, nats", "", *[f"{number(row.entropy_nats):>7}" for row in rows])
    table.add_row("effective support", "", *[f"{number(row.effective_support):>7}" for row in rows])
    console.print(table)


def _print_chain(chain: LookChain, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import bar, number, probability, token_label

    console.print()
    console.print(f"Chain: {chain.spec or '(empty)'}", style="bold", soft_wrap=True)
    stages = Table(box=None, pad_edge=False, header_style="bold")
    stages.add_column("stage")
    for name in ("tokens kept", "removed", "mass kept of what came in"):
        stages.add_column(name, justify="right")
    for stage in chain.stages:
        stages.add_row(stage.stage, f"{stage.kept:,}", f"{stage.removed:,}", probability(stage.kept_mass))
    console.print(stages)
    console.print(
        f"Processed (what sampling draws from, renormalised): {chain.kept:,} token{'s' * (chain.kept != 1)}, "
        f"entropy {number(chain.entropy_nats)} nats, effective support {number(chain.effective_support)}."
    )
    left = Table(box=None, pad_edge=False, show_header=False)
    for token in chain.top:
        left.add_row(
            token_label(token.token), f"{probability(token.prob):>7} {bar(token.prob, WIDEST_BAR, console)}"
        )
    console.print(left)
    for warning in chain.warnings:
        console.print(f"Warning: {warning}", style="yellow")
