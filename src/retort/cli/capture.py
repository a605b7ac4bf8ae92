"""`retort capture`: run a teacher over text once, and keep what students need of it."""

from __future__ import annotations

from typing import Any, Literal

import click

from retort.cli.exporting import check_export, deliver, printing_options
from retort.cli.grammar import Decimal, Whole, group, verb
from retort.cli.options import model_argument, seed_option


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
    click.option(
        "-t",
        "--temperature",
        type=Decimal(0, min_open=True),
        default=3.0,
        show_default=True,
        metavar="τ",
        help="Temperature of the stored targets; only the codec dense can be used at others.",
    ),
    click.option(
        "--codec",
        default="sampled:50",
        show_default=True,
        help="What to keep of each position: sampled:N, topk+tail:K, topk:K (biased) or dense.",
    ),
    seed_option,
)
@group(
    "How the teacher runs",
    click.option(
        "--dtype",
        type=click.Choice(["float32", "bfloat16"]),
        default="float32",
        show_default=True,
        help="Arithmetic of the teacher.",
    ),
    click.option(
        "--context",
        type=Whole(2),
        help="Longest window in tokens.  [default: the teacher's own, up to 1,024]",
    ),
    click.option(
        "--tokenizer",
        metavar="MODEL",
        help="For a teacher on a server: a folder or hub id with its tokenizer; without it no student can be trained.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Where the teacher runs: here, or on the workers of a Ray cluster (extra ray), with the same files.",
    ),
    click.option(
        "--workers",
        type=Whole(1),
        help="With --engine ray: how many.  [default: as many as the cluster has room for]",
    ),
)
@group(
    "Output",
    click.option(
        "-o",
        "--out",
        required=True,
        type=click.Path(),
        metavar="DIR",
        help="Folder for the cache, empty or not there yet.",
    ),
    click.option(
        "--resume", is_flag=True, help="Go on where an earlier run of the same command was stopped."
    ),
    click.option(
        "--shard-tokens",
        type=Whole(1),
        default=65536,
        show_default=True,
        help="Positions per file; the most that a kill can cost.",
    ),
    printing_options,
)
def command(
    model: str,
    data: str,
    out: str,
    temperature: float,
    codec: str,
    seed: int,
    resume: bool,
    dtype: str,
    context: int | None,
    tokenizer: str | None,
    shard_tokens: int,
    engine: Literal["local", "ray"],
    workers: int | None,
    **export: Any,
) -> None:
    """Run the teacher MODEL over DATA once, and keep soft targets for students in a folder.

    DATA is text as in a recipe: .txt with blank lines between documents, .jsonl, .json or .parquet with `text`,
    `prompt` and `completion`, or `messages`, a folder of them, embedded:NAME or hf:owner/name. Or it is a recipe
    (.yaml): then it is the text that the recipe trains on, read as it says. A run that was killed goes on with
    --resume, and ends with the same bytes as one that was not.

    MODEL may be several teachers with one vocabulary, whose probabilities are averaged: "A + B", or with weights
    "2*A + 1*B".

    MODEL may be a server that repeats a text with its logprobs (echo): codec topk:K then keeps its top tokens, which
    is biased, and bounds on the rest.

    --engine ray takes the cluster that RAY_ADDRESS names, else it starts one on this machine. Its workers compute with
    the threads of this process each (OMP_NUM_THREADS), so the files are the same as with local.
    """
    from retort.cli.progress import Progress
    from retort.distill.cache import Captured, capture

    check_export(Captured.MEASURES, **export)

    with Progress("capture", unit=" documents") as progress:
        found = capture(
            model,
            data,
            out,
            temperature=temperature,
            codec=codec,
            seed=seed,
            resume=resume,
            dtype=dtype,
            context=context,
            tokenizer=tokenizer,
            shard_tokens=shard_tokens,
            engine=engine,
            workers=workers,
            on_shard=lambda tokens, documents, total: progress(documents, total, f"{tokens:,} tokens"),
        )
    deliver(found, **export)
