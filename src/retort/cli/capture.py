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
        help="What to keep per position: sampled:N, topk+tail:K, topk:K (biased) or dense.",
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
        help="The longest window, in tokens.  [default: the teacher's own, up to 1,024]",
    ),
    click.option(
        "--tokenizer",
        metavar="MODEL",
        help="For a teacher on a server: a folder or hub id with its tokenizer. Students need it.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Run the teacher here or on the workers of a Ray cluster (extra ray); the files are the same.",
    ),
    click.option(
        "--workers",
        type=Whole(1),
        help="Number of workers for --engine ray.  [default: as many as fit on the cluster]",
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
        help="Folder for the cache; it must be empty or new.",
    ),
    click.option("--resume", is_flag=True, help="Continue an earlier run of the same command."),
    click.option(
        "--shard-tokens",
        type=Whole(1),
        default=65536,
        show_default=True,
        help="Positions per file, which is the most that a kill can lose.",
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
