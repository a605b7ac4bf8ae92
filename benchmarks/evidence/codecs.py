"""What a student loses by learning from few bytes: from `sampled:50`, from plain top-k of as many bytes, and from
everything (`dense`), at τ = 1 and 3, and at τ = 1 with four times the text.

The students, the text and the steps are those of the common recipe of language_models.py (α = 0.9), with five paired
seeds: within a seed the students differ in the cache that they are taught from, and in nothing else; the draws of
`sampled:50` are other ones for every seed, so that the interval holds their luck too. k is the least
with which a token of top-k takes at least the bytes of `sampled:50` at that τ, keys included, measured on this text.
What is reported is the held-out loss above that of the student taught from `dense`, in per cent of it.

A cell is a codec at a τ, kept as a JSON file under results/evidence/codecs/ and not run again; so the run can be
stopped at any time.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.evidence import record
from benchmarks.evidence.language_models import FULL, QUICK, TEACHER, WORK, Sizes, common, teacher_cache
from benchmarks.evidence.record import Evidence, Interval, evidence, interval
from retort.distill import Recipe
from retort.distill import run as distill

QUESTION = "Students taught from few bytes a token: held-out loss above that from the whole distribution"
NUM_SEEDS = 5
# τ, and how many times the text of the common recipe: four times as much is read once, and not four times over.
SETTINGS = ((1.0, 1), (1.0, 4), (3.0, 1))
SAMPLED, EQUAL_BYTES = "sampled:50", "topk of equal bytes"
CODECS = ("dense", SAMPLED, EQUAL_BYTES)
MOST_BYTES, MOST_LOSS = 40, 0.5  # bytes a token and per cent, what `sampled:50` is meant to keep to
VALUE_BYTES = 4  # of a kept token of topk below 65,536 tokens: an id and a log-probability
FORMAT = 1


def run(*, quick: bool = False, num_seeds: int | None = None) -> Evidence:
    """Every cell that is not there yet, in turn; the record is written after each of them."""
    sizes = replace(QUICK if quick else FULL, num_seeds=num_seeds or (2 if quick else NUM_SEEDS))
    cells = [
        (temperature, sizes.tokens * texts, codec) for temperature, texts in SETTINGS for codec in CODECS
    ]
    if quick:
        with tempfile.TemporaryDirectory(prefix="retort-evidence-") as folder:
            return _collect([_cell(*cell, sizes, Path(folder)) for cell in cells], sizes)
    rows: list[dict[str, Any]] = []
    for temperature, tokens, codec in cells:
        name = f"{codec.replace(' ', '-').replace(':', '-')}-{temperature:g}-{tokens}.json"
        kept = record.RESULTS / "codecs" / name
        row = _stored(kept, sizes)
        if row is None:
            done = f"{len(rows)} of {len(cells)} cells there"
            print(f"{codec}, τ = {temperature:g}, {tokens} tokens … ({done})", file=sys.stderr, flush=True)
            row = _cell(temperature, tokens, codec, sizes, WORK)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({"format": FORMAT, **row}, indent=1) + "\n", encoding="utf-8")
        rows.append(row)
        record.write(_collect(rows, sizes))
    return _collect(rows, sizes)


def _stored(file: Path, sizes: Sizes) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    fits = found.pop("format") == FORMAT and len(found["nll of each seed"]) == sizes.num_seeds
    return found if fits else None


def _cell(temperature: float, tokens: int, codec: str, sizes: Sizes, work: Path) -> dict[str, Any]:
    """The students of one codec at one τ, and what a token of their cache takes."""
    sizes = replace(sizes, tokens=tokens)
    bytes_a_token, students = [], []
    for seed in range(sizes.num_seeds):
        text, cache, written, size = cache_of(temperature, codec, seed, sizes, work)
        overrides = [f"data.train={text}", f"targets={cache}", f"output={work / 'arms'}", "planned=false"]
        values = {**common(sizes), "temperature": temperature, "control": False, "seeds": [seed]}
        students += distill(Recipe.from_dict(values, overrides)).arms["soft"]
        bytes_a_token.append(size)
    return {
        "codec": written,
        "temperature": temperature,
        "tokens of text": tokens,
        "bytes a token": statistics.fmean(bytes_a_token),
        "nll of each seed": [one.test_nll for one in students],
        "seconds a student": statistics.fmean(one.seconds for one in students),
    }


def cache_of(
    temperature: float, codec: str, seed: int, sizes: Sizes, work: Path
) -> tuple[Path, Path, str, float]:
    """The text, the folder with its targets, the codec as written, and the bytes a token of it."""
    from retort.distill.cache import Manifest, capture

    text, dense = teacher_cache(sizes.tokens, work)
    whole = Manifest.read(dense)
    if codec == "dense":
        return text, dense, codec, whole.bytes_per_token
    if codec == EQUAL_BYTES:
        *_, wanted = cache_of(temperature, SAMPLED, 0, sizes, work)
        codec = f"topk:{equal_k(wanted, whole.bytes_per_token - 2 * whole.origin.vocabulary)}"
        seed = 0  # nothing is drawn
    folder = work / f"cache-{sizes.tokens}-{codec.replace(':', '-')}-{temperature:g}-{seed}"
    made = capture(
        TEACHER,
        str(text),
        folder,
        temperature=temperature,
        codec=codec,
        seed=seed,
        resume=folder.exists(),
    )
    return text, folder, codec, made.bytes_per_token


def equal_k(wanted: float, keys: float) -> int:
    """The least k whose records, with `keys` bytes of keys a token, take `wanted` bytes or more."""
    return max(1, math.ceil((wanted - keys) / VALUE_BYTES))


def _collect(cells: Sequence[dict[str, Any]], sizes: Sizes) -> Evidence:
    dense = {
        (one["temperature"], one["tokens of text"]): one["nll of each seed"]
        for one in cells
        if one["codec"] == "dense"
    }
    rows = []
    for one in cells:
        base = dense[one["temperature"], one["tokens of text"]]
        above = [
            100 * (mine / theirs - 1) for mine, theirs in zip(one["nll of each seed"], base, strict=True)
        ]
        rows.append(
            {
                "codec": one["codec"],
                "temperature": one["temperature"],
                "tokens of text": one["tokens of text"],
                "bytes a token": one["bytes a token"],
                "nll": asdict(interval(one["nll of each seed"])),
                "above dense, %": asdict(interval(above)),
                "nll of each seed": one["nll of each seed"],
            }
        )
    settings = {"recipe": common(sizes), "cells": len(rows), "cells planned": len(SETTINGS) * len(CODECS)}
    return evidence("codecs", QUESTION, settings, rows, [_finding(row) for row in rows])


def _finding(row: dict[str, Any]) -> str:
    size = f"{row['bytes a token']:.1f} bytes a token"
    above = Interval(**row["above dense, %"])
    where = f"τ = {row['temperature']:g}, {row['tokens of text']:,} tokens of text"
    said = f"{row['codec']} at {where}: {size}, {above} % above dense"
    if row["codec"] != SAMPLED:
        return f"{said}."
    small = row["bytes a token"] <= MOST_BYTES
    near = abs(above.mean) <= MOST_LOSS
    sure = above.low is not None and above.high is not None and max(-above.low, above.high) <= MOST_LOSS
    surely = ", the whole interval" if sure else ", but not the whole interval" if near else ""
    return (
        f"{said}; at most {MOST_BYTES} bytes: {'yes' if small else 'no'};"
        f" within {MOST_LOSS} %: {'yes' if near else 'no'}{surely}."
    )
