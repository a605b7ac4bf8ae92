"""Claim: temperature to 0 is greedy, and greedy is deterministic."""

import numpy as np

from retort.claims.claim import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Measured
from retort.claims.evidence import Evidence
from retort.distribution import softmax
from retort.errors import InputError
from retort.lens.determinism import determinism

COLD = 1e-4
NUM_TEXTS = 12


def _measure(evidence: Evidence) -> Measured:
    probs = softmax(evidence.logits, COLD)
    same = bool((probs.argmax(axis=-1) == softmax(evidence.logits, 0.0).argmax(axis=-1)).all())
    numbers: dict[str, object] = {
        "same_token_as_greedy": same,
        "positions": len(probs),
        "positions_decided_at_0.0001": float(np.mean(probs.max(axis=-1) > 1 - 1e-9)),
    }
    if not same:
        return Measured(DOES_NOT_HOLD, numbers)
    prompts = [" ".join(prompt.split()[:4]) for prompt in evidence.prompts[:NUM_TEXTS]]
    try:
        found = determinism(evidence.source, prompts, max_tokens=16)
    except InputError:
        numbers["replays"] = "none: the model is a table and computes nothing"
        return Measured(HOLDS, numbers)
    for report in found.replays:
        numbers[f"texts_changed_by_{report.name.replace(' ', '_')}"] = report.texts_observed
    changed = any(report.flips_observed for report in found.replays)
    return Measured(DOES_NOT_HOLD if changed else CANNOT_TELL, numbers)


CLAIM = Claim(
    "zero-is-deterministic",
    "Temperature 0 is greedy, and so always gives the same text.",
    "The limit: the token at τ = 0.0001 against the largest logit, at every position. The text: 12 greedy "
    "continuations of 16 tokens replayed token by token, in a batch, with other threads and in other dtypes: "
    "does not hold if any replay changes a text; cannot tell if none did, since a longer text or another "
    "machine might.",
    _measure,
)
