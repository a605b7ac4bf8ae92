"""Writes mlx_lm.json: what mlx-lm's own samplers and processors do to some rows, for test_mlx_lm.py.

Not a test. It needs mlx (a build for the CPU will do) and mlx-lm's file of samplers, which needs nothing else:

    pip install "mlx[cpu]" && pip install --no-deps mlx-lm==0.32.0
    python tests/conformance/record_mlx_lm.py > tests/conformance/mlx_lm.json
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import math
import random
import sys
from pathlib import Path
from typing import Any

import mlx.core as mx

SIZE = 12


def samplers() -> Any:
    """mlx-lm's module of samplers, without the package around it, which wants transformers."""
    folder = importlib.util.find_spec("mlx_lm").submodule_search_locations[0]  # type: ignore[union-attr, index]
    spec = importlib.util.spec_from_file_location("sample_utils", Path(folder) / "sample_utils.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    # What it would draw from, in place of a draw.
    module.categorical_sampling = lambda logits, temp: logits * (1 / temp)
    return module


def case(module: Any, generator: random.Random, names: list[str], tied: bool) -> dict[str, Any]:
    """One row, its tokens so far, some settings under mlx-lm's names, and the log-probabilities that it draws from."""
    if tied:
        logits = [generator.choice([-1.0, 0.0, 1.0]) for _ in range(SIZE)]
    else:
        logits = [generator.gauss(0, generator.choice([0.5, 2.0])) for _ in range(SIZE)]
    history = [generator.randrange(4) for _ in range(generator.choice([1, 5, 30]))]
    choices = {
        "temp": [0.5, 1.0, 1.7],
        "top_p": [0.0, 0.31, 0.77, 0.93, 1.0],
        "min_p": [0.0, 0.07, 0.42],
        "min_tokens_to_keep": [1, 3],
        "top_k": [0, 1, 4],
        "xtc_threshold": [0.07, 0.21],
        "repetition_penalty": [None, 1.3],
        "presence_penalty": [None, 0.4],
        "frequency_penalty": [None, 0.3],
    }
    settings = {name: generator.choice(choices[name]) for name in names}
    processors = {name: value for name, value in settings.items() if name.endswith("penalty")}
    scores = mx.array([logits])
    for processor in module.make_logits_processors(logit_bias={2: 0.7}, **processors):
        scores = processor(mx.array(history), scores)
    rest = {name: value for name, value in settings.items() if name not in processors}
    if "xtc_threshold" in rest:
        rest["xtc_probability"] = settings["xtc_probability"] = 1.0
    log_probs = scores - mx.logsumexp(scores, axis=-1, keepdims=True)
    drawn_from = module.make_sampler(**rest)(log_probs)
    drawn_from = drawn_from - mx.logsumexp(drawn_from, axis=-1, keepdims=True)
    values = [value if math.isfinite(value) else None for value in drawn_from[0].tolist()]
    return {"logits": logits, "history": history, "settings": settings, "log_probs": values}


def main() -> None:
    """All cases as one JSON document on stdout."""
    module, generator = samplers(), random.Random(20261124)
    singles = [
        "top_p",
        "min_p",
        "top_k",
        "xtc_threshold",
        "repetition_penalty",
        "presence_penalty",
        "frequency_penalty",
    ]
    everything = ["temp", "top_p", "min_p", "top_k", *singles[4:]]
    cases = [case(module, generator, ["temp", name], False) for name in singles for _ in range(5)]
    cases += [case(module, generator, ["temp", "min_p", "min_tokens_to_keep"], False) for _ in range(6)]
    cases += [case(module, generator, everything, False) for _ in range(30)]
    # Equal logits: only top_p and min_p say which of them stay; top_k's partition does not.
    cases += [case(module, generator, ["temp", "top_p", "min_p"], True) for _ in range(15)]
    document = {"mlx_lm": importlib.metadata.version("mlx-lm"), "mlx": mx.__version__, "cases": cases}
    json.dump(document, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
