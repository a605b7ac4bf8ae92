"""`retort determinism`: the same greedy texts, run in ways that should not matter, and what moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from retort.cli.options import json_option, max_tokens_option, model_argument

if TYPE_CHECKING:
    from retort.lens.determinism import Determinism


@click.command()
@model_argument
@click.argument(
    "prompts_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PROMPTS",
    required=False,
)
@max_tokens_option
@json_option
def command(model: str, prompts_file: Path | None, max_tokens: int, as_json: bool) -> None:
    """Replay greedy texts of MODEL in other batches, dtypes and threads.

    PROMPTS is a file with one prompt a line (default: definitions that come with retort). Temperature 0 takes the most
    likely token, but which token that is can depend on the batch, the cache, the number of threads and the dtype,
    wherever two tokens are nearly tied. Shown are the noise in the logits, the flips it predicts from the margins, and
    the flips that happened.
    """
    from retort.cli.output import print_json
    from retort.cli.progress import Progress
    from retort.lens.determinism import determinism
    from retort.lens.prompts import default_prompts, read_prompts
    from retort.sources.load import load

    prompts = first_words(default_prompts()) if prompts_file is None else read_prompts(prompts_file)
    source = load(model)
    with Progress("determinism") as progress:
        found = determinism(source, prompts, max_tokens=max_tokens, on_progress=progress)
    if as_json:
        print_json(found)
    else:
        _print(found)


def first_words(texts: list[str], number: int = 4) -> list[str]:
    """The beginning of each text, to be continued."""
    return [" ".join(text.split()[:number]) for text in texts]


def _print(found: Determinism) -> None:
    from rich.table import Table

    from retort.cli.output import number, stdout_console, token_label

    console = stdout_console()
    console.print(
        f"{found.model}: {found.prompts} greedy texts, {found.positions} tokens", style="bold", soft_wrap=True
    )
    console.print("Against the reference: each text by itself, all its tokens in one pass.")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "replay",
        "noise (logits)",
        "largest change",
        "flips predicted",
        "flips seen",
        "texts predicted",
        "texts seen",
    ):
        table.add_column(heading, justify="left" if heading == "replay" else "right")
    for report in found.replays:
        table.add_row(
            report.name,
            "none" if report.bitwise else number(report.noise),
            number(report.largest_change),
            number(report.flips_predicted),
            str(report.flips_observed),
            f"{report.texts_predicted:.1%}",
            f"{report.texts_observed:.1%}",
        )
    console.print(table)
    console.print(
        "Noise: root mean square change of the gap between the two best tokens. Predicted: from each position's "
        "margin, as P(noise > margin) for Gaussian noise of that size."
    )
    for tie in found.near_ties[:5]:
        flipped = f"; flipped by {', '.join(tie.flipped_in)}" if tie.flipped_in else ""
        console.print(
            f"Near-tie after {tie.before[-40:]!r}: {token_label(tie.token)} over {token_label(tie.runner_up)} by "
            f"{number(tie.margin)}{flipped}",
            soft_wrap=True,
        )
    for sentence in found.advice:
        console.print(sentence)
