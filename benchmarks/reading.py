"""`python -m benchmarks.reading [TOKENS ...]`: what it costs to read a text and lay it into rows, as it grows.

Each size is a process of its own, with one thread for the tokenizer: seconds from the first record to finished rows,
and by how much the process grew for it at its highest (Linux: VmHWM, reset before). The text is the package's own
training text, written into a .jsonl or a Parquet file as often as it takes, one record a document.

`--sources` adds what training from a cache needs: of every token its document and offset. `--quick`: the smallest size.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SIZES = (10**4, 10**5, 10**6, 10**7)
LENGTH = 1024
LAYOUTS: dict[str, dict[str, bool]] = {
    "packed": {},
    "packed, separate": {"separate": True},
    "padded": {"packing": False},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sizes asked for, and print a table or one JSON document."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reading", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("tokens", nargs="*", type=int, help=f"sizes; default: {', '.join(map(str, SIZES))}")
    parser.add_argument("--layout", choices=LAYOUTS, default="packed")
    parser.add_argument("--format", choices=("jsonl", "parquet"), default="jsonl")
    parser.add_argument("--sources", action="store_true", help="what a cache is asked with, too")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of a table")
    parser.add_argument("--quick", action="store_true", help="the smallest size alone")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        print(json.dumps(_measured(asked.one, asked.tokens[0], LAYOUTS[asked.layout], asked.sources)))
        return
    sizes = SIZES[:1] if asked.quick else asked.tokens or SIZES
    rows = [_in_a_process(size, asked) for size in sizes]
    if asked.json:
        print(
            json.dumps({"benchmark": "reading", "layout": asked.layout, "format": asked.format, "rows": rows})
        )
        return
    print(
        f"{'tokens':>12} {'documents':>10} {'seconds':>8} {'tokens/s':>10} {'peak MB':>8} {'bytes a token':>14}"
    )
    for row in rows:
        print(
            f"{row['tokens']:>12,} {row['documents']:>10,} {row['seconds']:>8.2f} {row['tokens_per_second']:>10,.0f}"
            f" {row['peak_megabytes']:>8.0f} {row['peak_bytes_per_token']:>14.1f}"
        )


def _in_a_process(size: int, asked: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"text.{asked.format}"
        _write(file, size)
        command = [
            sys.executable, "-m", "benchmarks.reading", str(size), "--layout", asked.layout, "--one", str(file),
            *(["--sources"] if asked.sources else []),
        ]  # fmt: skip
        one_thread = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **one_thread}, check=True
        )
        row: dict[str, Any] = json.loads(done.stdout)
        return row


def _documents(size: int) -> Iterator[str]:
    """The package's training text again and again, somewhat more than `size` tokens of it."""
    from retort.distill.data import plain_text, read_documents

    again = itertools.cycle([plain_text(one, 0) for one in read_documents("embedded:train")])
    letters = 0
    while letters < 5 * size:  # some 4 letters a token
        text = next(again)
        letters += len(text) + 1
        yield text


def _write(file: Path, size: int) -> None:
    if file.suffix == ".jsonl":
        with file.open("w", encoding="utf-8") as opened:
            opened.writelines(json.dumps({"text": one}) + "\n" for one in _documents(size))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(file, schema) as writer:
        texts = _documents(size)
        while batch := list(itertools.islice(texts, 4096)):
            writer.write_table(pa.table({"text": batch}, schema=schema))


def _measured(file: str, size: int, layout: dict[str, bool], with_sources: bool) -> dict[str, Any]:
    from transformers import AutoTokenizer

    from retort.distill.data.records import Renderer
    from retort.distill.data.rows import RowLayout, rows_of
    from retort.sources.embedded import MODELS_FOLDER

    tokenizer = AutoTokenizer.from_pretrained(MODELS_FOLDER / "base")
    render = Renderer(tokenizer, tokenizer.eos_token_id)
    render(["a text that loads what is loaded once"], [0])
    # From here on the highest is that of reading: what loading took and gave back must not be taken again unseen.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    begin = time.perf_counter()
    rows = rows_of(
        file,
        render,
        RowLayout(LENGTH, tokenizer.eos_token_id, **layout),
        tokens=size,
        with_sources=with_sources,
    )
    seconds = time.perf_counter() - begin
    told = rows.summary()
    peak = _memory("VmHWM") - before
    return {
        "tokens": told["tokens"],
        "documents": told["documents"],
        "seconds": seconds,
        "tokens_per_second": told["tokens"] / seconds,
        "peak_megabytes": peak / 1e6,
        "peak_bytes_per_token": peak / told["tokens"],
    }


def _memory(name: str) -> int:
    """Bytes of this process: VmRSS now, VmHWM at the highest since it was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


if __name__ == "__main__":
    main()
