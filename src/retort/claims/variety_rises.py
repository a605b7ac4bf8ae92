"""Claim: variety rises with temperature, and what it costs."""

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import GRID, Evidence, at
from retort.tune.samples import over_prompts

LOW, HIGH = 0.3, 1.3


def _measure(evidence: Evidence) -> Measured:
    samples = evidence.explore
    distinct = over_prompts(samples.distinct() / samples.cell_sizes)
    valid = samples.cell_scores.mean(axis=1)
    nll = over_prompts(samples.raw_nll())
    gain = distinct[:, at(HIGH)] - distinct[:, at(LOW)]
    cost = valid[:, at(LOW)] - valid[:, at(HIGH)]
    interval = evidence.interval(gain)
    numbers: dict[str, object] = {
        f"distinct_at_{temperature:g}": float(distinct[:, number].mean())
        for number, temperature in enumerate(GRID)
    }
    numbers |= {
        "valid_share_lost": float(cost.mean()),
        "valid_share_lost_interval": evidence.interval(cost),
        "raw_nll_rise_nats_a_token": float((nll[:, at(HIGH)] - nll[:, at(LOW)]).mean()),
    }
    return Measured(decide(interval, 0.0), numbers, interval)


CLAIM = Claim(
    "variety-rises",
    "Where many answers are right, variety rises with temperature, at a cost in coherence.",
    "The explore task: share of an item's answers that differ, at τ = 1.3 less at 0.3, paired by item: holds if "
    "above 0. Its cost: the share of valid answers lost, and the rise of raw negative log-likelihood.",
    _measure,
)
