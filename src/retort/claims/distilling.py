"""Claims about distillation, read from the JSON of `retort distill --json`: nothing is trained here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from retort.claims.claim import CANNOT_TELL, Measured, claim, decide, judged
from retort.claims.evidence import Evidence, Needs
from retort.errors import SourceError
from retort.files import read_text

T = TypeVar("T")


@claim(
    "distilled-beats-hard-labels",
    "A student trained on soft targets beats the same student trained on hard labels.",
    "Read from a `retort distill` result: held-out nats per token, hard minus soft, paired over seeds (same "
    "weights, data, order, steps): holds if its interval lies above 0.",
    threshold=0.0,
    quantity="held-out loss of the control minus that of the distilled student, nats per token",
)
def distilled_beats_hard(evidence: Evidence, threshold: float) -> Measured:
    if not evidence.distill_files:
        raise Needs("--distill FILE, the JSON of `retort distill --json`")
    return _read(evidence.distill_files[0], lambda found: _gain(found, threshold))


def _gain(found: Any, threshold: float) -> Measured:
    if found["difference"] is None:
        raise SourceError("it has no control arm, so nothing was compared; run `retort distill` with one")
    # A result without a test split has only what was held out for choosing checkpoints.
    difference = found.get("difference_test") or found["difference"]
    timed = found.get("difference_equal_time_test") or found.get("difference_equal_time")
    numbers = {
        "difference_nats_a_token": difference["mean"],
        "seeds": len(difference["per_seed"]),
        "difference_at_equal_time": None if timed is None else timed["mean"],
        "interval_at_equal_time": None if timed is None else timed["ci"],
    }
    if difference["ci"] is None:
        return Measured(CANNOT_TELL, numbers)
    low, high = difference["ci"]
    return Measured(decide((low, high), threshold), numbers, (low, high), difference["mean"])


@claim(
    "tau-3-to-4-is-a-good-default",
    "τ = 3 to 4 with α = 0.7 is a good default for distilling.",
    "Read from several `retort distill` results: the distilled student's held-out loss (nats per token) with the "
    "best of the other settings minus that with τ = 3 to 4 and α = 0.7, paired over seeds: holds if above the "
    "threshold, which lets the default be 0.05 nats worse than the best of the others and still be a good one.",
    threshold=-0.05,
    quantity="held-out loss of the best other setting minus that of the default, nats per token",
)
def three_to_four(evidence: Evidence, threshold: float) -> Measured:
    runs = [_read(file, _run) for file in evidence.distill_files]
    default = [run for run in runs if 3.0 <= run[0] <= 4.0 and 0.65 <= run[1] <= 0.75]
    others = [run for run in runs if run not in default]
    if not default or not others:
        raise Needs(
            "--distill FILE several times: a run with τ = 3 to 4 and α = 0.7, and runs with other values"
        )
    temperature, alpha, losses = default[0]
    # Each other loss minus the default's, over the seeds that both have.
    apart = {
        run[:2]: np.array([run[2][seed] - losses[seed] for seed in sorted(run[2].keys() & losses.keys())])
        for run in others
    }
    best, paired = min(apart.items(), key=lambda one: one[1].mean())
    numbers: dict[str, Any] = {
        "temperature": temperature,
        "alpha": alpha,
        "seeds": len(paired),
        "best_other_temperature": best[0],
        "best_other_alpha": best[1],
        "nats_per_token_better_than_the_best_other": paired,
    }
    if len(paired) < 2:
        return Measured(CANNOT_TELL, numbers)
    return judged(evidence, paired, threshold, numbers)


def _run(found: Any) -> tuple[float, float, dict[int, float]]:
    """τ, α and the soft student's held-out loss by seed."""
    recipe = found["recipe"]
    soft = found["arms"]["soft"]
    losses = {int(arm["seed"]): float(arm.get("test_nll") or arm["val_nll"]) for arm in soft}
    return float(recipe["temperature"]), float(recipe["alpha"]), losses


def _read(file: Path, take: Callable[[Any], T]) -> T:
    try:
        return take(json.loads(read_text(file)))
    except SourceError as problem:
        raise SourceError(f"{file}: {problem}") from problem
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SourceError(
            f"{file} is not the JSON of `retort distill --json` ({type(problem).__name__}: {problem})"
        ) from problem


CLAIMS = (distilled_beats_hard, three_to_four)
