"""`retort capture`, `cache` and `distill`: a teacher's soft targets, and a student that learns from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

import retort
from retort.blocks import Block, line, table
from retort.cli.exporting import Export, exporting_options
from retort.cli.grammar import Decimal, Whole, group, option, verb
from retort.cli.options import model_argument, ray_option, seed_option
from retort.cli.output import json_text, print_json, show, stdout_console
from retort.cli.progress import Progress
from retort.errors import did_you_mean
from retort.numerals import number

if TYPE_CHECKING:
    from retort.distill.check import Checked, Scale
    from retort.records import Record


@verb(
    examples=(
        "retort capture embedded:base embedded:train -o targets",
        "retort capture ./teacher recipe.yaml -o targets --codec topk+tail:32 --temperature 1",
    )
)
@model_argument
@click.argument("data", metavar="DATA")
@group(
    "What to keep",
    option(
        "-t --temperature τ",
        "Temperature of the stored targets; only the codec dense can be used at others.",
        Decimal(0, min_open=True),
        default=3.0,
    ),
    option(
        "--codec TEXT",
        "What to keep per position: sampled:N, topk+tail:K, topk:K (biased) or dense.",
        default="sampled:50",
    ),
    seed_option,
)
@group(
    "How the teacher runs",
    option("--dtype", "Arithmetic of the teacher.", click.Choice(["float32", "bfloat16"]), default="float32"),
    option(
        "--context", "The longest window, in tokens.  [default: the teacher's own, up to 1,024]", Whole(2)
    ),
    option(
        "--tokenizer MODEL",
        "For a teacher on a server: a folder or hub id with its tokenizer. Students need it.",
    ),
    ray_option("teacher", "files"),
    option(
        "--workers", "Number of workers for --engine ray.  [default: as many as fit on the cluster]", Whole(1)
    ),
)
@group(
    "Output",
    option("-o --out DIR", "Folder for the cache; it must be empty or new.", click.Path(), required=True),
    option("--resume", "Continue an earlier run of the same command."),
    option(
        "--shard-tokens",
        "Positions per file, which is the most that a kill can lose.",
        Whole(1),
        default=65536,
    ),
    exporting_options("capture and cache", to_file=False),
)
def capture(model: str, data: str, out: str, **given: Any) -> Record:
    """Run the teacher MODEL over DATA once, and keep soft targets for students in a folder.

    DATA is text as in a recipe: .txt with blank lines between documents, .jsonl, .json or .parquet with `text`,
    `prompt` and `completion`, or `messages`, a folder of them, embedded:NAME or hf:owner/name. It can also be a
    recipe (.yaml), which means the text that the recipe trains on. After a kill, --resume continues and ends with the
    same bytes.

    MODEL may be several teachers with one vocabulary: "A + B", or with weights "2*A + 1*B". Their probabilities are
    averaged.

    MODEL may be a server that returns the logprobs of a given text (echo). Codec topk:K then keeps its top tokens,
    which is biased, and bounds on the rest.

    --engine ray uses the cluster in RAY_ADDRESS, or starts one on this machine. Each worker uses as many threads as
    this process (OMP_NUM_THREADS), so the files are the same.
    """
    with Progress("capture", unit=" documents") as progress:
        return retort.capture(
            model,
            data,
            out,
            on_shard=lambda tokens, documents, total: progress(documents, total, f"{tokens:,} tokens"),
            **given,
        )


@verb(examples=("retort cache targets", "retort cache targets --verify --rows 0"))
@click.argument("folder", metavar="DIR", type=click.Path())
@group(
    "What to read",
    option(
        "--verify",
        "Verify the checksum of every shard and decode every record; exit with code 2 at the first bad one.",
    ),
    option("--rows", "How many positions to show as text.", Whole(0), default=5),
)
@group("Output", exporting_options("capture and cache"))
def cache(folder: str, **given: Any) -> Record:
    """Show what the cache in DIR contains: teacher, τ, codec, tokens, bytes per token, and a few positions as text."""
    from retort.distill.cache import Cache, captured

    return captured(Cache(folder), folder, **given)


def _recipe_key(option: str, near: Sequence[str]) -> str | None:
    """What to say to an option that is a key of the recipe, or nearer to one than to the options `near`; else None."""
    from retort.distill import Data, Recipe

    fields = {f"data.{name}": one for name, one in Data.model_fields.items()} | dict(Recipe.model_fields)
    name = option.lstrip("-").replace("-", "_")
    known = name if name in fields else f"data.{name}" if f"data.{name}" in fields else None
    nearest = get_close_matches(name, [*fields, *(one.lstrip("-") for one in near)], n=1)
    key = known or next(iter(nearest), "")
    if key not in fields:
        return None
    return (
        f"No such option: {option}{'' if known else did_you_mean(name, [key])}. What is trained is set by keys of the"
        f" recipe, without dashes: write {key}=… behind RECIPE ({fields[key].description})."
    )


@verb(
    instead_of_option=_recipe_key,
    examples=(
        "retort distill embedded:default",
        "retort distill recipe.yaml steps=200 data.tokens=100000 --check",
    ),
)
@click.argument("recipe", metavar="RECIPE", required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@group(
    "Instead of training",
    option("--print-schema", "Print the JSON Schema of recipes and stop."),
    option("--check", "Check the recipe and the first records of its texts, without opening a model."),
    option("--explain", "Print how large both terms' gradients are, with and without τ², and stop."),
)
@group("Output", exporting_options())
def distill(
    recipe: str | None,
    overrides: tuple[str, ...],
    print_schema: bool,
    check: bool,
    explain: bool,
    export: Export,
) -> None:
    """Train a student on a teacher's soft targets, and the same student on hard labels.

    RECIPE is a YAML file, or embedded:NAME. KEY=VALUE replaces a key of it, as in steps=200 data.tokens=100000. Both
    students have the same first weights, data order and steps. The verdict is the paired difference over the seeds;
    it may be that distilling does not help.
    """
    from retort.distill import check as checks
    from retort.distill.recipe import Recipe, recipe_schema
    from retort.distill.results import DistillResult

    if print_schema:
        export.plain("--print-schema")
        click.echo(json_text(recipe_schema()))
        return
    if recipe is None:
        raise click.UsageError("RECIPE is missing; give a YAML file, or embedded:default.")
    if not (check or explain):
        export.check(DistillResult.MEASURES)
        _distilled(recipe, overrides, export)
        return
    as_json = export.plain("--check" if check else "--explain")
    checked = Recipe.load(recipe, overrides)
    report = checks.check_recipe(checked)
    scales = checks.explain(checked) if explain else ()
    if as_json:
        print_json({"valid": True, "checked": report, **({"scales": scales} if explain else {})})
    else:
        show(_checked(report, scales), stdout_console())


def _distilled(recipe: str, overrides: tuple[str, ...], export: Export) -> None:
    """Distil and write what was found; of several ranks the first one does, and the one that met an error."""
    from retort.distill import Recipe, ranks, run

    try:
        ranks.join()
        checked = ranks.agreed(lambda: Recipe.load(recipe, overrides))
        with Progress("distill", in_seconds=True) as progress:
            found = run(checked, on_progress=progress)
    except ranks.OtherRankError:
        # That rank prints the sentence; twice would be once too often.
        raise click.exceptions.Exit(2) from None
    ranks.part()
    if ranks.leads():
        export.deliver(found)


def _checked(report: Checked, scales: tuple[Scale, ...]) -> Iterator[Block]:
    """What `--check` and `--explain` found."""
    from retort.distill.check import nearest_beside

    first, last = number(report.kd_weight), number(report.kd_weight_last)
    soft = first if first == last else f"({first} → {last})"
    most = "" if report.recipe["data"]["packing"] else "at most "
    tries = f" (and {report.tries} tries of learning rates)" if report.tries else ""
    yield line("The recipe is valid.", "bold")
    yield line(
        f"{report.arms} trainings{tries} of {most}{report.tokens:,} tokens ({report.tokens_a_step:,} per step); loss ="
        f" {soft} · {report.recipe['divergence']} + {number(report.ce_weight)} · cross-entropy",
        whole=True,
    )
    for text in report.texts:
        kinds = " and ".join(text.kinds)
        yield line(f"{text.part}: {text.path}, {kinds} (first {text.records} records read)", whole=True)
    for path in report.not_here:
        yield line(f"Not on this machine: {path}{nearest_beside(path)}", whole=True)
    if scales:
        yield line("Length of the gradient by the student's logits, mean over positions")
        rows = ((one.temperature, one.soft, one.soft_with_tau_squared, one.hard) for one in scales)
        yield table((">τ", ">soft", ">soft with τ²", ">hard"), [list(map(number, row)) for row in rows])
