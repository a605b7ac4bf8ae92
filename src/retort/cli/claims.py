"""`retort claims`: what people say about temperature, checked on the user's own model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import Whole, group, verb
from retort.cli.options import model_argument, seed_option


@verb(
    examples=(
        "retort claims embedded:smollm2 --items 20",
        "retort claims ./my-model --instruct ./my-chat-model --only accuracy-falls,tuned-is-sharper",
    )
)
@model_argument
@group(
    "Other models",
    click.option("--instruct", metavar="MODEL", help="The instruction-tuned sibling of MODEL."),
    click.option("--small", metavar="MODEL", help="A smaller model with the same tokens."),
)
@group(
    "What to measure on",
    click.option(
        "--tasks",
        default="exploit,explore",
        show_default=True,
        metavar="TASK,TASK",
        help="Two tasks, one with goal exploit and one with goal explore.",
    ),
    click.option(
        "--items", type=Whole(2), default=60, show_default=True, help="Number of items from each task."
    ),
    click.option(
        "-n",
        "--samples",
        type=Whole(2),
        default=6,
        show_default=True,
        help="Answers per item and temperature.",
    ),
    click.option(
        "-p",
        "--prompts",
        "prompts_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="A file of texts, one per line; every position counts.  [default: definitions that come with retort]",
    ),
    click.option(
        "--distill",
        "distill_files",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        multiple=True,
        metavar="FILE",
        help="A result of `retort distill --json`, for the claims about distillation; repeatable.",
    ),
    seed_option,
)
@group(
    "Which claims",
    click.option("--only", metavar="ID,ID", help="Only these claims.  [default: all]"),
    click.option(
        "--threshold",
        "thresholds",
        multiple=True,
        metavar="ID=NUMBER",
        help="Use your own threshold for a claim, as in same-answer-below-0.3=0.95; repeatable.",
    ),
)
@group("Output", exporting_options)
def command(
    model: str,
    instruct: str | None,
    small: str | None,
    tasks: str,
    distill_files: tuple[Path, ...],
    thresholds: tuple[str, ...],
    prompts_file: Path | None,
    only: str | None,
    items: int,
    samples: int,
    seed: int,
    **export: Any,
) -> None:
    """Check on MODEL what people say about temperature.

    Each claim has a number, an interval and a threshold, and a verdict: holds, does not hold, cannot tell, or what it
    needs. A claim that fails on your model is a result. Three of them are theorems and check only the arithmetic.
    """
    from retort.claims import Claims, claims
    from retort.cli.progress import Progress
    from retort.lens.asking import read_prompts

    check_export(Claims.MEASURES, **export)
    with Progress("claims", unit="%") as progress:
        found = claims(
            model,
            instruct=instruct,
            small=small,
            tasks=_names(tasks),
            distill=distill_files,
            prompts=None if prompts_file is None else read_prompts(prompts_file),
            only=None if only is None else _names(only),
            thresholds=dict(map(_threshold, thresholds)),
            items=items,
            samples=samples,
            seed=seed,
            on_progress=progress,
        )
    deliver(found, **export)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _threshold(given: str) -> tuple[str, float]:
    name, _, value = given.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise click.UsageError(f"--threshold takes ID=NUMBER, got {given!r}.") from None
