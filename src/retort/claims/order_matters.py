"""Claim: the order of the settings matters."""

from retort.chain import Chain
from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import Evidence
from retort.distribution import log_softmax, total_variation

VISIBLE = 0.01


def _measure(evidence: Evidence) -> Measured:
    numbers: dict[str, object] = {}
    distances = {}
    for temperature in (0.7, 1.5):
        first, last = (
            log_softmax(Chain(text).apply(evidence.logits))
            for text in (f"temperature={temperature} | top_p=0.9", f"top_p=0.9 | temperature={temperature}")
        )
        distances[temperature] = evidence.by_text(total_variation(first, last))
        numbers[f"total_variation_at_{temperature}"] = float(distances[temperature].mean())
    interval = evidence.interval(distances[1.5])
    return Measured(decide(interval, VISIBLE), numbers, interval)


CLAIM = Claim(
    "order-matters",
    "The same settings in another order are another distribution.",
    "Total variation between top-p 0.9 after and before temperature 1.5, mean over texts: holds if above 0.01 "
    "(one draw in a hundred differs).",
    _measure,
)
