"""`python -m benchmarks [name ...]`: run them, print tables, write results/*.json and results/README.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module

from benchmarks.record import Settings, cores, markdown, write

NAMES = (
    "startup", "sampling", "generate", "speculative", "path", "tune", "distill", "gkd", "lens", "distill_loss",
    "capture", "cached_step", "coverage", "engines", "forecast",
)  # fmt: skip
ROUNDS = 7


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named benchmarks, all where none is named."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time retort beside its peers, in turns, as ratios. Use a machine that does nothing else.",
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"which of {', '.join(NAMES)}; default: all")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of tables")
    parser.add_argument(
        "--model",
        help="for generate, path, tune, distill and gkd; default: embedded:base (generate: embedded:small too), or a "
        "random model of its shape",
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"times each case is run; default: {ROUNDS}"
    )
    parser.add_argument(
        "--threads", type=int, default=cores(), help="threads of torch; default: the cores there are"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, nothing written: only to see that it works"
    )
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if asked.rounds < 1 or asked.threads < 1:
        parser.error(f"--rounds and --threads must be 1 or more, got {asked.rounds} and {asked.threads}")
    settings = Settings(asked.model, 1 if asked.quick else asked.rounds, asked.threads, asked.quick)
    records = []
    for name in asked.names or NAMES:
        print(f"{name} …", file=sys.stderr, flush=True)
        # startup times processes of its own and needs no torch in this one.
        if name != "startup":
            import torch

            torch.set_num_threads(settings.threads)
        found = import_module(f"benchmarks.{name}").run(settings)
        records.append(asdict(found))
        if not settings.quick:
            write(found)
        if not asked.json:
            print(markdown(records[-1]), flush=True)
    if asked.json:
        print(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
