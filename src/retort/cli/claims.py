"""`retort claims`: what people say about temperature, checked on the user's own model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import prompts_of
from retort.cli.exporting import exporting_options
from retort.cli.grammar import Parsed, Whole, group, option, verb
from retort.cli.options import File, model_argument, seed_option
from retort.cli.progress import Progress

if TYPE_CHECKING:
    from retort.records import Record

NAMES = Parsed("NAMES", lambda text: [name.strip() for name in text.split(",") if name.strip()])


@verb(
    examples=(
        "retort claims embedded:smollm2 --items 20",
        "retort claims ./my-model --instruct ./my-chat-model --only accuracy-falls,tuned-is-sharper",
    )
)
@model_argument
@group(
    "Other models",
    option("--instruct MODEL", "The instruction-tuned sibling of MODEL."),
    option("--small MODEL", "A smaller model with the same tokens."),
)
@group(
    "What to measure on",
    option(
        "--tasks TASK,TASK",
        "Two tasks, one with goal exploit and one with goal explore.",
        NAMES,
        default="exploit,explore",
    ),
    option("--items", "Number of items from each task.", Whole(2), default=60),
    option("-n --samples", "Answers per item and temperature.", Whole(2), default=6),
    option(
        "-p --prompts FILE",
        "A file of texts, one per line; every position counts.  [default: definitions that come with retort]",
        File,
    ),
    option(
        "--distill FILE",
        "A result of `retort distill --json`, for the claims about distillation; repeatable.",
        File,
        multiple=True,
    ),
    seed_option,
)
@group(
    "Which claims",
    option("--only ID,ID", "Only these claims.  [default: all]", NAMES),
    option(
        "--threshold ID=NUMBER",
        "Use your own threshold for a claim, as in same-answer-below-0.3=0.95; repeatable.",
        into="thresholds",
        multiple=True,
    ),
)
@group("Output", exporting_options("claims"))
def claims(model: str, prompts: Path | None, thresholds: tuple[str, ...], **given: Any) -> Record:
    """Check on MODEL what people say about temperature.

    Each claim has a number, an interval and a threshold, and a verdict: holds, does not hold, cannot tell, or what it
    needs. A claim that fails on your model is a result. Three of them are theorems and check only the arithmetic.
    """
    from retort.claims import claims as checked

    wanted, texts = dict(map(_threshold, thresholds)), prompts_of(prompts)
    with Progress("claims", unit="%") as progress:
        return checked(model, prompts=texts, thresholds=wanted, on_progress=progress, **given)


def _threshold(given: str) -> tuple[str, float]:
    name, _, value = given.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise click.UsageError(f"--threshold takes ID=NUMBER, got {given!r}.") from None
