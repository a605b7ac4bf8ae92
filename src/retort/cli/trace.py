"""`retort trace`: a text token by token, coloured by how sure the model was of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.exporting import deliver, exporting_options
from retort.cli.options import MAX_TOKENS, chain_option, model_argument, save_option, seed_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from retort.chain.chain import Chain
    from retort.lens.partial_trace import PartialTrace
    from retort.lens.trace import Trace

# Upper limit of a token's surprise in nats → its colour; beyond the last it is red.
SURPRISE = ((0.7, "green"), (2.3, "yellow"), (4.6, "dark_orange3"))
BEYOND = "red"


@click.command()
@model_argument
@asking_options
@click.option(
    "--text", help="The text to trace.  [default: one is drawn: by --chain and --seed, else greedy]"
)
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    help=f"Length of the text that is drawn, in tokens.  [default: {MAX_TOKENS}]",
)
@chain_option
@seed_option
@save_option
@exporting_options
def command(
    model: str,
    prompt: str | None,
    chat: str | None,
    messages: tuple[str, ...],
    text: str | None,
    max_tokens: int | None,
    chain: Chain | None,
    seed: int,
    save: str | None,
    **export: Any,
) -> None:
    """Show a text after PROMPT token by token: how likely, how sure, and which stage would have removed it.

    Of each token: its rank, its logprob raw and after --chain, the entropy there, the margin of the best token over the
    second, the mass that the chain keeps, and the chance that numerical noise flips the best token. A given --text
    costs one pass through the model. On a server the numbers are exact for its most probable tokens and bounded for
    others.
    """
    from retort.lens.partial_trace import partial_trace_measures
    from retort.lens.trace import Trace, trace, trace_measures
    from retort.sources.load import load
    from retort.sources.recording import recording

    if text is not None and max_tokens is not None:
        raise click.UsageError("--text gives the text and --max-tokens draws one; give one of them.")
    question = asked(prompt, chat, messages)
    source = recording(load(model), save)
    show_prompt(source, question)
    found = trace(source, question, text, max_tokens=max_tokens or MAX_TOKENS, chain=chain, seed=seed)
    if isinstance(found, Trace):
        whole = found
        deliver(whole, lambda console: print_trace(whole, console), trace_measures(whole), **export)
    else:
        partial = found
        deliver(
            partial,
            lambda console: _print_partial(partial, console),
            partial_trace_measures(partial),
            **export,
        )


def print_trace(found: Trace, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import number, probability, token_label

    _print_text(found, [(token.token, token.logprob_raw) for token in found.tokens], console)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("token", max_width=18, no_wrap=True, overflow="ellipsis")
    chained = found.chain is not None
    headings = ["rank", "logprob", *(["processed"] if chained else []), "entropy", "margin"]
    headings += ["kept"] if chained else []
    for heading in (*headings, "flip risk"):
        table.add_column(heading, justify="right")
    table.add_column("removed by" if chained else "best", no_wrap=True, max_width=20)
    for token in found.tokens:
        best = "" if token.rank == 1 else f"{token_label(token.best)} {probability(token.best_prob)}"
        cells = [f"{token.rank:,}", number(token.logprob_raw)]
        cells += [number(token.logprob_processed)] if chained else []
        cells += [number(token.entropy_nats), number(token.margin)]
        cells += [probability(token.kept_mass)] if chained else []
        table.add_row(
            token_label(token.token),
            *cells,
            probability(token.flip_risk),
            (token.removed_by or "") if chained else best,
        )
    console.print(table)
    totals = found.totals
    console.print(
        f"{totals.tokens} token{'s' * (totals.tokens != 1)}: logprob {number(totals.logprob_raw)} raw, "
        f"perplexity {number(totals.perplexity)}, mean entropy {number(totals.entropy_nats)} nats"
        + (f", {totals.removed} that the chain removes" if chained else "")
        + f". Chance that noise of {found.noise_scale:g} flips a best token anywhere: {probability(totals.flip_risk)}."
    )


def _print_partial(found: PartialTrace, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import number, probability, token_label
    from retort.cli.partial_look import interval

    _print_text(found, [(token.token, token.logprob_at_most) for token in found.tokens], console)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("token", max_width=18, no_wrap=True, overflow="ellipsis")
    chained = found.chain is not None
    for heading in ("rank", "logprob", "entropy", "margin", *(["kept"] if chained else []), "flip risk"):
        table.add_column(heading, justify="right")
    table.add_column("removed by" if chained else "best", no_wrap=True, max_width=20)
    for token in found.tokens:
        cells = ["beyond" if token.rank is None else f"{token.rank}"]
        cells += [
            number(token.logprob_raw)
            if token.logprob_raw is not None
            else f"≤ {number(token.logprob_at_most)}"
        ]
        cells += [interval(token.entropy_low, token.entropy_high, number), number(token.margin)]
        if chained:
            known = token.kept_mass_low is not None and token.kept_mass_high is not None
            cells += [
                interval(token.kept_mass_low or 0.0, token.kept_mass_high or 0.0, probability)
                if known
                else "?"
            ]
        best = "" if token.rank == 1 else f"{token_label(token.best)} {probability(token.best_prob)}"
        table.add_row(
            token_label(token.token),
            *cells,
            probability(token.flip_risk),
            (token.removed_by or "") if chained else best,
        )
    console.print(table)
    totals = found.totals
    sums = (
        number(totals.logprob_raw)
        if totals.logprob_raw is not None
        else f"≤ {number(totals.logprob_raw_high)}"
    )
    console.print(
        f"{totals.tokens} token{'s' * (totals.tokens != 1)}, {totals.unknown} beyond the known ones: logprob {sums} "
        f"raw, mean entropy {interval(totals.entropy_low, totals.entropy_high, number)} nats. Chance that noise flips "
        f"a best token anywhere: {probability(totals.flip_risk)}."
    )


def _print_text(found: Trace | PartialTrace, tokens: Sequence[tuple[str, float]], console: Console) -> None:
    from rich.text import Text

    from retort.cli.output import printable

    console.print(f"{found.model} after {found.prompt!r}", style="bold", soft_wrap=True)
    if found.note is not None:
        console.print(f"Note: {found.note}", soft_wrap=True)
    if found.chain is not None:
        console.print(f"Chain: {found.chain or '(empty)'}", soft_wrap=True)
    # Words without spaces of their own, as in a trigram model, need one between.
    joint = "" if any(character.isspace() for token, _ in tokens for character in token) else " "
    line = Text()
    for token, logprob in tokens:
        line.append(printable(token), style=_colour(-logprob)).append(joint)
    console.print(line)
    console.print(
        "Logprobs and entropies are nats of the model's own distribution (raw). Colour: how surprising the token is, "
        "from green (a probability above one half) over yellow and orange to red (below one in a hundred)."
    )


def _colour(surprise: float) -> str:
    return next((colour for limit, colour in SURPRISE if surprise <= limit), BEYOND)
