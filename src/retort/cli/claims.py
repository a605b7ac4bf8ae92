"""`retort claims`: what people say about temperature, checked on the user's own model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retort.cli.grammar import Whole, group, verb
from retort.cli.options import json_option, model_argument, seed_option

if TYPE_CHECKING:
    from retort.claims import Claim, Claims

Number = float | int | bool | str | list[float] | None


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
        help="Tasks to measure on, one of goal exploit and one of goal explore.",
    ),
    click.option(
        "--items", type=Whole(2), default=60, show_default=True, help="Items to ask from each task."
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
        "--prompts",
        "prompts_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Texts whose positions are looked at, one per line.  [default: definitions that come with retort]",
    ),
    click.option(
        "--distill",
        "distill_files",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        multiple=True,
        metavar="FILE",
        help="The JSON of a `retort distill --json`, for the claims about distillation; may be repeated.",
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
        help="Use your own threshold for a claim, as in same-answer-below-0.3=0.95; may be repeated.",
    ),
)
@group("Output", json_option)
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
    as_json: bool,
) -> None:
    """Check on MODEL what people say about temperature.

    Each claim has a number, an interval and a threshold, and a verdict: holds, does not hold, cannot tell, or what it
    needs. A claim that fails on your model is a result. Three lines are theorems; they check the arithmetic.
    """
    from retort.claims import CLAIMS, Evidence, check_claims
    from retort.cli.output import print_json
    from retort.cli.progress import Progress
    from retort.lens.asking import default_prompts, read_prompts
    from retort.sources.load import load

    chosen = CLAIMS
    if only is not None:
        wanted = [name.strip() for name in only.split(",")]
        unknown = [name for name in wanted if name not in {claim.id for claim in CLAIMS}]
        if unknown:
            raise click.UsageError(
                f"there is no claim {unknown[0]!r}; there are {', '.join(claim.id for claim in CLAIMS)}."
            )
        chosen = tuple(claim for claim in CLAIMS if claim.id in wanted)
    sources = [None if name is None else load(name) for name in (model, instruct, small)]
    assert sources[0] is not None
    with Progress("claims") as progress:
        evidence = Evidence(
            sources[0],
            sources[1],
            sources[2],
            tuple(name.strip() for name in tasks.split(",") if name.strip()),
            distill_files,
            items,
            samples,
            seed,
            progress,
            default_prompts() if prompts_file is None else read_prompts(prompts_file),
            _thresholds(thresholds, CLAIMS),
        )
        found = check_claims(evidence, chosen)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _thresholds(given: tuple[str, ...], claims: Sequence[Claim]) -> dict[str, float]:
    """The thresholds asked for, by claim. Raises UsageError for a claim without one, or what is not a number."""
    found = {}
    movable = [claim.id for claim in claims if claim.threshold is not None]
    for one in given:
        name, _, value = one.partition("=")
        if name not in movable:
            raise click.UsageError(f"no claim {name!r} has a threshold; these have: {', '.join(movable)}.")
        try:
            found[name] = float(value)
        except ValueError:
            raise click.UsageError(f"--threshold takes ID=NUMBER, got {one!r}.") from None
        if not math.isfinite(found[name]):
            raise click.UsageError(f"--threshold takes a finite number, got {one!r}.")
    return found


def _print(found: Claims) -> None:
    from rich.table import Table

    from retort.cli.output import stdout_console

    console = stdout_console()
    console.print(
        f"{len(found.claims)} claim{'s' * (len(found.claims) != 1)} about temperature, on {found.model}",
        style="bold",
        soft_wrap=True,
    )
    for claim in found.claims:
        # A verdict in capitals, what a claim needs as it is to be typed.
        verdict, _, needed = claim.verdict.partition(": ")
        console.print(f"{verdict.upper()}{f' {needed}' * bool(needed)}: {claim.statement}", style="bold")
        table = Table.grid(padding=(0, 2))
        for name, value in claim.measured.items():
            table.add_row("", name.replace("_", " "), _shown(value))
        if claim.threshold is not None and not claim.verdict.startswith("needs"):
            table.add_row("", "threshold", f"{claim.threshold:g}")
        if claim.interval is not None:
            table.add_row("", "95 % interval", f"{claim.interval[0]:.4g} to {claim.interval[1]:.4g}")
        console.print(table)
        console.print(f"  How: {claim.how}", style="dim")


def _shown(value: Number) -> str:
    from retort.cli.output import number

    if isinstance(value, (list, tuple)):
        return " to ".join(f"{one:.4g}" for one in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–" if value is None else str(value)
    return number(float(value)) if isinstance(value, float) else f"{value:,}"
