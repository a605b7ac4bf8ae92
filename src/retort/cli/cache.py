"""`retort cache`: what a folder of soft targets holds, and whether it is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from retort.cli.grammar import Whole, verb
from retort.cli.options import json_option
from retort.numerals import decimals, number, probability

if TYPE_CHECKING:
    from retort.distill.cache import Manifest

ROWS = 5


@verb(examples=("retort cache targets", "retort cache targets --verify --rows 0"))
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--verify",
    is_flag=True,
    help="Read every shard whole: checksums, and what every record means; exit 2 at the first bad one.",
)
@click.option(
    "--rows",
    type=Whole(0),
    default=ROWS,
    show_default=True,
    help="How many positions to show as text.",
)
@json_option
def command(folder: str, verify: bool, rows: int, as_json: bool) -> None:
    """Say what the cache in DIR holds: teacher, τ, codec, tokens, bytes per token, and a few positions as text."""
    from retort.cli.output import print_json
    from retort.distill.cache import Cache
    from retort.distill.cache.reader import first_rows

    cache = Cache(folder)
    if verify:
        cache.verify()
    found = summary(cache.manifest, folder)
    found["verified"] = verify
    found["rows"] = first_rows(cache, rows)
    if as_json:
        print_json(found)
    else:
        print_cache(found)


def summary(manifest: Manifest, folder: str) -> dict[str, Any]:
    """The fields of `--json` that both commands share."""
    from retort.distill.cache import find_codec

    origin = manifest.origin
    kind = find_codec(origin.codec)
    return {
        "cache": str(folder),
        "tokens": manifest.tokens,
        "documents": manifest.documents,
        "bytes_per_token": manifest.bytes_per_token,
        "codec": origin.codec,
        "unbiased": kind.unbiased,
        "bias": kind.bias,
        "variance": kind.variance,
        "teacher": origin.teacher,
        "teacher_revision": origin.teacher_revision,
        "temperature": origin.temperature,
        "vocabulary": origin.vocabulary,
        "tokenizer": origin.tokenizer,
        "seed": origin.seed,
        "dtype": origin.dtype,
        "context": origin.context,
        "data": origin.data,
        "data_sha256": origin.data_sha256,
        "shards": len(manifest.shards),
        "complete": manifest.complete,
        **({} if manifest.server is None else {"server": dict(manifest.server)}),
    }


def _server_rows(server: dict[str, Any]) -> list[tuple[str, str]]:
    """What a server was found to give, and how much of the distribution it did not tell."""
    probe = server["probe"]
    rows = [
        ("logprobs", f"{probe['logprobs']}, as the server was found to give them before it was used"),
        (
            "tokens",
            server["tokenizer"] or "named by their texts: for looking, not for training (--tokenizer)",
        ),
    ]
    if "rest_low" in server:
        rows.append(
            (
                "not told",
                f"{probability(server['rest_low'])} to {probability(server['rest_high'])} of the probability at τ, on "
                "average",
            )
        )
    return rows + [("note", note) for note in probe["notes"]]


def print_cache(found: dict[str, Any]) -> None:
    from rich.table import Table

    from retort.cli.output import stdout_console, token_label

    console = stdout_console()
    console.print(
        f"{found['tokens']:,} tokens of {found['documents']:,} documents in"
        f" {found['shards']} {'shard' if found['shards'] == 1 else 'shards'},"
        f" {decimals(found['bytes_per_token'], 1)} bytes per token",
        style="bold",
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    state = "complete" if found["complete"] else "not finished: run the capture with --resume"
    for name, value in (
        ("teacher", f"{found['teacher']} ({found['dtype']}, revision {found['teacher_revision'][:16]})"),
        ("temperature", f"{found['temperature']:g}"),
        ("codec", found["codec"]),
        ("bias", found["bias"]),
        ("variance", found["variance"]),
        ("vocabulary", f"{found['vocabulary']:,} tokens (tokenizer {found['tokenizer'][:16]})"),
        ("seed", str(found["seed"])),
        ("data", found["data"]),
        ("state", state + (", every shard verified" if found.get("verified") else "")),
    ):
        table.add_row(name, value)
    for name, value in _server_rows(found["server"]) if "server" in found else ():
        table.add_row(name, value)
    console.print(table)
    if found.get("rows"):
        shown = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("document", "offset"):
            shown.add_column(name, justify="right")
        shown.add_column("token", no_wrap=True)
        shown.add_column("entropy", justify="right")
        if "rest_low" in found["rows"][0]:
            shown.add_column("rest")
        shown.add_column("largest weights")
        for row in found["rows"]:
            top = ", ".join(f"{token_label(one['token'])} {decimals(one['weight'])}" for one in row["top"])
            shown.add_row(
                str(row["document"]),
                str(row["offset"]),
                token_label(row["token"]),
                "not told" if row["entropy"] is None else number(row["entropy"]),
                *(
                    [f"{decimals(row['rest_low'])} to {decimals(row['rest_high'])}"]
                    if "rest_low" in row
                    else []
                ),
                top,
            )
        console.print(shown)
