"""Claim: the runners-up carry similarity."""

import itertools

from retort.claims.claim import Claim, Measured, decide
from retort.claims.evidence import Evidence
from retort.lens.similarity import triple_test

KINDS = (
    ("apple", "pear", "plum", "peach", "cherry"),
    ("hammer", "saw", "chisel", "drill", "wrench"),
    ("sparrow", "robin", "crow", "eagle", "owl"),
    ("car", "truck", "bus", "train", "bicycle"),
    ("shirt", "coat", "hat", "glove", "skirt"),
    ("oak", "pine", "maple", "birch", "willow"),
    ("violin", "piano", "flute", "trumpet", "drum"),
    ("iron", "copper", "silver", "gold", "zinc"),
)
TEMPERATURES = (0.3, 1.0, 2.0)


def triples() -> list[tuple[str, str, str]]:
    """(anchor, one of its kind, one of another kind), every anchor with every word of its kind."""
    found = []
    for number, kind in enumerate(KINDS):
        others = list(itertools.chain.from_iterable(other for other in KINDS if other is not kind))
        for place, anchor in enumerate(kind):
            near = [word for word in kind if word != anchor]
            far = others[(7 * number + 3 * place) % len(others) :] + others
            found += [(anchor, one, far[5 * step]) for step, one in enumerate(near)]
    return found


def _measure(evidence: Evidence) -> Measured:
    by_temperature = {
        temperature: triple_test(evidence.source, triples(), temperatures=[temperature], seed=evidence.seed)
        for temperature in TEMPERATURES
    }
    numbers: dict[str, object] = {"triples": len(triples())}
    for temperature, found in by_temperature.items():
        numbers[f"share_nearer_at_{temperature:g}"] = found.share_nearer
        numbers[f"difference_nats_at_{temperature:g}"] = found.difference
    interval = by_temperature[1.0].share_ci
    return Measured(decide(interval, 0.5), numbers, interval)


CLAIM = Claim(
    "runners-up-carry-similarity",
    "The runners-up carry similarity: after 'a pear is a kind of' a model says more nearly what it says of an "
    "apple than of a hammer.",
    "160 triples of a word, one of its kind and one of another kind (8 kinds of 5 words), Jensen-Shannon "
    "divergence of the next-token distributions: holds if the word of the same kind is nearer in more than half "
    "of them at τ = 1. The interval resamples the first words.",
    _measure,
)
