"""`retort sample` on a server: one request a text, and what is known of how it was drawn."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from retort.errors import SourceError

if TYPE_CHECKING:
    from rich.console import Console

    from retort.lens.served_sample import Drawing, ServedText, ServedTexts
    from retort.sampling.params import SamplingParams
    from retort.sources.chat import Message

WHAT_SEED_DOES = {
    True: "It honours the seed: the same command gives the same texts there.",
    False: "It does not honour the seed: the same command gives other texts.",
    None: "Whether it honours the seed could not be told.",
}


def draw_from_server(
    source: Any,
    question: str | tuple[Message, ...],
    params: SamplingParams,
    n: int,
    as_stream: bool,
    as_json: bool,
    refused: Mapping[str, bool],
) -> None:
    """Draw and print `n` texts. `refused`: options that mean nothing on a server, and whether they were given."""
    from retort.cli.output import print_json, stdout_console
    from retort.cli.progress import Progress
    from retort.lens.served_sample import Drawing

    given = [option for option, is_given in refused.items() if is_given]
    if given:
        raise click.UsageError(
            f"{', '.join(given)}: a server draws by itself, and its draws cannot be replayed; leave it out "
            "(--json > FILE keeps what was drawn)."
        )
    drawing = Drawing(source, question, params)
    console = stdout_console()
    if as_stream:
        _stream(drawing, n, console)
        return
    with Progress("texts") as progress:
        found = drawing.texts(n, progress)
    if as_json:
        print_json(found)
    else:
        _print(found, n, console)
    if found.incomplete is not None:
        raise SourceError(f"{found.incomplete} {len(found.samples)} of {n} texts were drawn before.")


def _head(found: ServedTexts, n: int, console: Console) -> None:
    from retort.cli.output import token_label

    prompt = found.prompt if found.messages is None else found.messages[-1].content
    console.print(f"{found.model} after {prompt!r}", style="bold", soft_wrap=True)
    if found.rendered is not None:
        console.print(f"What the model sees: {token_label(found.rendered)}", soft_wrap=True)
    if found.note is not None:
        console.print(f"Note: {found.note}", soft_wrap=True)
    settings = ", ".join(f"{name} {value}" for name, value in found.asked.items())
    console.print(f"Asked for: {settings}; {n} request{'s' * (n != 1)}, one a text.", soft_wrap=True)
    honours = WHAT_SEED_DOES[None if found.probe is None else found.probe.seed]
    console.print(f"Drawn by the server, with its own noise. {honours}", soft_wrap=True)


def _print(found: ServedTexts, n: int, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from retort.cli.output import printable

    _head(found, n, console)
    table = Table.grid(padding=(0, 2))
    for sample in found.samples:
        table.add_row(f"seed {sample.seed}", Text(printable(sample.text), style="bold"))
        table.add_row("", _account(sample, found.logprobs))
    console.print(table)


def _stream(drawing: Drawing, n: int, console: Console) -> None:
    """Texts on stdout as they come, with their line breaks."""
    from retort.cli.output import with_line_breaks

    nothing = drawing.texts(0)
    _head(nothing, n, console)
    for number in range(n):
        console.print(f"seed {drawing.seed_of(number)}", style="bold")
        pieces = []
        try:
            for piece in drawing.pieces(number):
                click.echo(with_line_breaks(piece.text), nl=False)
                sys.stdout.flush()
                pieces.append(piece)
        finally:
            click.echo()
        console.print(_account(drawing.whole(number, pieces), nothing.logprobs), style="dim", soft_wrap=True)


def _account(sample: ServedText, logprobs: str | None) -> str:
    from retort.numerals import number

    reason = sample.finish_reason or "no reason given"
    if sample.tokens is None:
        return f"{reason}; no logprobs"
    count = len(sample.tokens)
    which = "raw" if logprobs == "raw" else "of what the server drew from"
    return f"{count} token{'s' * (count != 1)}, {reason}; logprob {number(sample.logprob)}, {which}"
