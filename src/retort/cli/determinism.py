"""`retort determinism`: the same greedy texts, run in ways that should not matter, and what moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retort.cli.asking import chat_option, show_prompt_option, show_prompts
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import group, verb
from retort.cli.options import max_tokens_option, model_argument

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@verb(
    examples=(
        "retort determinism embedded:smollm2 --max-tokens 8",
        "retort determinism ./my-model --prompts prompts.txt -o determinism.csv",
    )
)
@group(
    "What to replay",
    model_argument,
    click.argument("prompts_given", type=FILE, metavar="[PROMPTS]", required=False),
    click.option("-p", "--prompts", "prompts_file", type=FILE, metavar="FILE", help="Same as PROMPTS."),
    max_tokens_option,
    chat_option,
    show_prompt_option,
)
@group("Output", exporting_options)
def command(
    model: str,
    prompts_given: Path | None,
    prompts_file: Path | None,
    max_tokens: int,
    chat: bool | None,
    show_prompt: bool,
    **export: Any,
) -> None:
    """Measure whether MODEL's greedy texts change with batch, cache, threads and dtype.

    PROMPTS is a file with one prompt per line (default: definitions in retort). Temperature 0 takes the most likely
    token, but where two tokens are nearly tied, which one that is can depend on these. Shown are the noise in the
    logits, the flips it predicts from the margins, and the flips that happened.
    """
    from retort.cli.progress import Progress
    from retort.lens.asking import read_prompts
    from retort.lens.determinism import Determinism, default_beginnings, determinism
    from retort.sources.load import load

    if prompts_given is not None and prompts_file is not None:
        raise click.UsageError("PROMPTS and --prompts are the same; give one of them.")
    check_export(Determinism.MEASURES, **export)
    prompts_file = prompts_given if prompts_file is None else prompts_file
    prompts = default_beginnings() if prompts_file is None else read_prompts(prompts_file)
    source = load(model)
    show_prompts(source, prompts, chat, show_prompt)
    with Progress("determinism") as progress:
        found = determinism(source, prompts, max_tokens=max_tokens, chat=chat, on_progress=progress)
    deliver(found, **export)
