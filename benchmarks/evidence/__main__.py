"""`python -m benchmarks.evidence NAME`: run an experiment, print it, and keep it under benchmarks/results/evidence/."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module

from benchmarks.evidence.record import text, write

EXPERIMENTS = ("markov", "digits", "topk-bias", "language-models", "codecs", "real-teacher")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named experiment, or draw the figures from the results that are there."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence",
        description="When distillation helps: experiments, each with seeds and intervals.",
    )
    parser.add_argument("name", choices=(*EXPERIMENTS, "figures"))
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of a table")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, nothing kept: only to see that it works"
    )
    parser.add_argument("--seeds", type=int, help="how many seeds; default: the experiment's own number")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; default: 1")
    asked = parser.parse_args(arguments)
    if (asked.seeds is not None and asked.seeds < 1) or asked.threads < 1:
        parser.error(f"--seeds and --threads must be 1 or more, got {asked.seeds} and {asked.threads}")
    if asked.name == "figures":
        drawn = [
            *import_module("benchmarks.evidence.figures").draw_all(),
            *import_module("benchmarks.evidence.page").write_page(),
        ]
        print(json.dumps(drawn) if asked.json else "\n".join(drawn))
        return
    import torch

    torch.set_num_threads(asked.threads)
    module = import_module(f"benchmarks.evidence.{asked.name.replace('-', '_')}")
    found = module.run(quick=asked.quick, num_seeds=asked.seeds)
    if not asked.quick:
        write(found)
    print(json.dumps(asdict(found), indent=1) if asked.json else text(found))


if __name__ == "__main__":
    main()
