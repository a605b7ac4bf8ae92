"""Claim: instruction tuning sharpens the distribution."""

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import Evidence
from retort.distribution import entropy
from retort.distribution.matching import entropy_matched_temperature, equivalent_temperature


def _measure(evidence: Evidence) -> Measured:
    tuned = evidence.logits_of(evidence.instruct)
    drop = evidence.by_text(entropy(evidence.logits) - entropy(tuned))
    nearest = equivalent_temperature(evidence.logits, tuned)
    interval = evidence.interval(drop)
    numbers = {
        "entropy_base_nats": float(entropy(evidence.logits).mean()),
        "entropy_tuned_nats": float(entropy(tuned).mean()),
        "mean_drop_nats": float(drop.mean()),
        "tuned_temperature_of_equal_entropy": entropy_matched_temperature(evidence.logits, tuned).temperature,
        "tuned_temperature_nearest_to_base_at_1": nearest.temperature,
        "kl_left_nats": nearest.residual,
    }
    return Measured(decide(interval, 0.0), numbers, interval)


CLAIM = Claim(
    "tuned-is-sharper",
    "Instruction tuning sharpens the distribution, so τ = 0.7 on the tuned model is not τ = 0.7 on the base model.",
    "Entropy at τ = 1 of base less that of the tuned sibling at the same positions (nats, mean over texts): "
    "holds if above 0. Beside it, the temperatures at which the tuned model has the same entropy, and is "
    "nearest in KL.",
    _measure,
)
