"""Claim: larger models stay coherent at higher temperatures."""

import numpy as np
from numpy.typing import NDArray

from retort.claims.claim import ERROR_RATE, RESAMPLES, Claim, Measured, decide
from retort.claims.evidence import Evidence, Floats, at
from retort.sources.base import Source
from retort.tune import Samples
from retort.tune.scorers import normalise

COOL, HOT = 0.7, 1.3


def _measure(evidence: Evidence) -> Measured:
    large, small = (_named_things(evidence, source) for source in (evidence.source, evidence.small))
    everyone = np.arange(len(large))
    rng = np.random.default_rng(evidence.seed)
    resampled = [_advantage(large, small, rng.choice(everyone, len(everyone))) for _ in range(RESAMPLES)]
    low, high = np.quantile(resampled, [ERROR_RATE / 2, 1 - ERROR_RATE / 2])
    interval = float(low), float(high)
    numbers: dict[str, object] = {
        f"{name}_at_{temperature:g}": float(shares[:, at(temperature)].mean())
        for name, shares in (("larger", large), ("smaller", small))
        for temperature in (COOL, HOT)
    }
    numbers |= {"larger_retains": _retained(large, everyone), "smaller_retains": _retained(small, everyone)}
    return Measured(decide(interval, 0.0), numbers, interval)


def _advantage(large: Floats, small: Floats, items: NDArray[np.int64]) -> float:
    return _retained(large, items) - _retained(small, items)


def _retained(shares: Floats, items: NDArray[np.int64]) -> float:
    """What is left at HOT of what there was at COOL: a model that starts low has less to lose."""
    cool = float(shares[items, at(COOL)].mean())
    return float(shares[items, at(HOT)].mean()) / cool if cool > 0 else 0.0


def _named_things(evidence: Evidence, source: Source) -> Floats:
    """`[items, settings]` share of answers that name a thing the tasks know, whether it is the right one or not."""
    task = evidence.task("explore")
    known = evidence.known_things()
    samples, texts = evidence.answers_with_texts(source, task)
    named = np.array([float(normalise(text) in known) for text in texts])
    counted = Samples(
        samples.axis, samples.item_ids, samples.setting, samples.item, samples.prompt, None, named
    )
    return np.asarray(counted.cell_scores.mean(axis=1))


CLAIM = Claim(
    "larger-stays-coherent",
    "A larger model stays coherent at higher temperatures.",
    "Share of answers to the explore task that name a thing any of the tasks know, right or not, at τ = 1.3 as "
    "a share of what it is at 0.7: the larger model's less the smaller one's: holds if above 0 (interval over items).",
    _measure,
)
