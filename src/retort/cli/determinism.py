"""`retort determinism`: the same greedy texts, run in ways that should not matter, and what moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.options import max_tokens_option, model_argument


@click.command()
@model_argument
@click.argument(
    "prompts_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PROMPTS",
    required=False,
)
@max_tokens_option
@exporting_options
def command(model: str, prompts_file: Path | None, max_tokens: int, **export: Any) -> None:
    """Replay greedy texts of MODEL in other batches, dtypes and threads.

    PROMPTS is a file with one prompt per line (default: definitions in retort). Temperature 0 takes the most
    likely token, but which token that is can depend on the batch, the cache, the number of threads and the dtype,
    wherever two tokens are nearly tied. Shown are the noise in the logits, the flips it predicts from the margins, and
    the flips that happened.
    """
    from retort.cli.progress import Progress
    from retort.lens.asking import read_prompts
    from retort.lens.determinism import Determinism, determinism

    check_export(Determinism.MEASURES, **export)
    prompts = None if prompts_file is None else read_prompts(prompts_file)
    with Progress("determinism") as progress:
        found = determinism(model, prompts, max_tokens=max_tokens, on_progress=progress)
    deliver(found, **export)
