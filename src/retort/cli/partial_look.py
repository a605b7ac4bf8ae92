"""The table of `retort look` where only the most probable tokens are known: intervals, and what the server is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from retort.cli.output import number, probability, token_label

if TYPE_CHECKING:
    from rich.console import Console

    from retort.lens.partial_look import PartialLook, PartialLookChain, PartialRow

WIDEST_TOKEN = 22
WIDEST_INTERVAL = 24
SHOWN_TIES = 5


def print_partial_look(result: PartialLook, console: Console) -> None:
    said = "a conversation" if result.prompt is None else repr(result.prompt)
    console.print(f"{result.model} after {said}", style="bold", soft_wrap=True)
    if result.rendered is not None:
        console.print(f"What the model sees: {token_label(result.rendered)}", soft_wrap=True)
    if result.note is not None:
        console.print(f"Note: {result.note}", soft_wrap=True)
    of = f"{result.vocabulary:,}" if result.vocabulary else f"at most {result.vocabulary_at_most:,}"
    console.print(
        f"The {result.known_tokens} most probable tokens of {of} are known, so most numbers are intervals that hold "
        "the truth. τ = 1 is the model's own distribution (raw); every other τ is tempered, softmax(logits / τ)."
    )
    fitting = max(1, (console.width - WIDEST_TOKEN - 10) // WIDEST_INTERVAL)
    for first in range(0, len(result.rows), fitting):
        _print_rows(result.rows[first : first + fitting], console)
    console.print(
        f"Margin of the first token over the second: {number(result.margin)} nats, known to {result.rounding:.1g}. "
        "Effective support is e^entropy: how many equally likely tokens would be as uncertain."
    )
    if result.near_ties:
        sure = "Near tie" if result.near_tie else "Perhaps a near tie, which the rounding hides"
        ties = ", ".join(
            f"{token_label(tie.token)} {interval(tie.margin_low, tie.margin_high, number)} below (chance "
            f"{interval(tie.flip_risk_low, tie.flip_risk_high, probability)})"
            for tie in result.near_ties[:SHOWN_TIES]
        )
        console.print(
            f"{sure}: {ties}. Numerical noise of {result.noise_scale:g} in the logits, as between two machines or two "
            "batch sizes, could make another token the first.",
            style="yellow",
        )
    if result.chain is not None:
        _print_chain(result.chain, console)


def _print_rows(rows: tuple[PartialRow, ...], console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("token", max_width=WIDEST_TOKEN, no_wrap=True, overflow="ellipsis")
    table.add_column("logprob", justify="right")
    for row in rows:
        kind = "raw" if row.temperature == 1 else "greedy" if row.temperature == 0 else "tempered"
        table.add_column(f"τ = {row.temperature:g}, {kind}", no_wrap=True)
    for place, token in enumerate(rows[0].top):
        cells = [interval(row.top[place].prob_low, row.top[place].prob_high, probability) for row in rows]
        table.add_row(token_label(token.token), f"{token.logprob_raw:.3f}", *cells)
    table.add_row("", "")
    table.add_row(
        "all others unseen", "", *[interval(row.unseen_low, row.unseen_high, probability) for row in rows]
    )
    table.add_row("entropy, nats", "", *[interval(row.entropy_low, row.entropy_high, number) for row in rows])
    support = [interval(row.effective_support_low, row.effective_support_high, number) for row in rows]
    table.add_row("effective support", "", *support)
    console.print(table)


def _print_chain(chain: PartialLookChain, console: Console) -> None:
    from rich.table import Table

    console.print()
    console.print(f"Chain: {chain.spec or '(empty)'}", style="bold", soft_wrap=True)
    stages = Table(box=None, pad_edge=False, header_style="bold")
    stages.add_column("stage")
    for name in ("tokens kept", "removed", "mass kept of what came in"):
        stages.add_column(name, justify="right")
    for stage in chain.stages:
        mass = interval(stage.kept_mass_low, stage.kept_mass_high, probability)
        stages.add_row(stage.stage, f"{stage.kept:,}", f"{stage.removed:,}", mass)
    console.print(stages)
    console.print(
        f"Processed (what sampling draws from, renormalised): {chain.kept:,} token{'s' * (chain.kept != 1)}, "
        f"entropy {interval(chain.entropy_low, chain.entropy_high, number)} nats, "
        f"effective support {interval(chain.effective_support_low, chain.effective_support_high, number)}."
    )
    left = Table(box=None, pad_edge=False, show_header=False)
    for token in chain.top:
        left.add_row(token_label(token.token), interval(token.prob_low, token.prob_high, probability))
    console.print(left)
    for warning in chain.warnings:
        console.print(f"Warning: {warning}", style="yellow")


def interval(low: float, high: float, write: Callable[[float], str]) -> str:
    """Both ends as `write` shows them, or one number where they look the same."""
    first, last = write(low), write(high)
    return first if first == last else f"{first} … {last}"
