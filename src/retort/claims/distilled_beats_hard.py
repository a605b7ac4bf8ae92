"""Claim: a distilled student beats the same student trained on hard labels."""

import json
from pathlib import Path

from retort.claims.claim import CANNOT_TELL, Claim, Measured, Needs, decide
from retort.claims.evidence import Evidence
from retort.errors import SourceError


def _measure(evidence: Evidence) -> Measured:
    if evidence.distill_file is None:
        raise Needs("--distill FILE, the JSON of `retort distill --json`")
    return _read(evidence.distill_file)


def _read(file: Path) -> Measured:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["difference"] is None:
            raise SourceError(
                f"{file} has no control arm, so nothing was compared; run `retort distill` with one"
            )
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
        return Measured(decide((low, high), 0.0), numbers, (low, high))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SourceError(
            f"{file} is not the JSON of `retort distill --json` ({type(problem).__name__}: {problem})"
        ) from problem


CLAIM = Claim(
    "distilled-beats-hard-labels",
    "A student trained on soft targets beats the same student trained on hard labels.",
    "Read from a `retort distill` result: held-out nats a token, hard minus soft, paired over seeds (same "
    "weights, data, order, steps): holds if its interval lies above 0.",
    _measure,
)
