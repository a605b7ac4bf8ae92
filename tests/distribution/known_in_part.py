"""Distributions known in part, drawn with what makes bounds go wrong, and every bound held against the truth.

`python tests/distribution/known_in_part.py 35000` runs so many; pytest runs a few hundred. Drawn are exact ratios,
ties, tokens that cannot come, tails below 1e-16, lists rounded to 2 to 6 decimals, drawn tokens beside the list, known
tokens that bound nothing, and chains of up to four stages. The truth is the whole row, in float64: the measures by
plain sums, the chain by the transforms on arrays, which have an oracle of their own.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

import numpy as np

from retort.chain import Chain
from retort.distribution import Interval, PartialDistribution, flip_risk
from retort.errors import CapabilityError

TEMPERATURES = (0.1, 0.3, 0.7, 1.0, 1.0, 1.0001, 2.0, 5.0, 30.0)
RATIOS = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95)
NEAR = 1e-9


@dataclass(frozen=True)
class Case:
    """A row `[V]` of log-probabilities, falling, and what is known of it."""

    truth: np.ndarray
    known: PartialDistribution
    places: np.ndarray
    rounded: bool


@dataclass
class Tally:
    """How many distributions and chains were held against the truth, and what failed."""

    distributions: int = 0
    chains: int = 0
    undecided: int = 0
    exact: int = 0
    faults: list[str] = field(default_factory=list)


def drawn(rng: np.random.Generator) -> Case:
    """One case."""
    size = int(rng.integers(1, 15))
    kind = int(rng.integers(5))
    if kind == 0:
        logits = rng.normal(size=size) * rng.choice([0.1, 1.0, 3.0, 8.0])
    elif kind == 1:  # exact ratios and ties
        logits = np.log(rng.choice([1.0, 1.0, 2.0, 3.0, 6.0], size=size))
    elif kind == 2:  # tokens that cannot come
        logits = np.log(rng.choice([1.0, 2.0, 4.0], size=size))
        logits[1:][rng.random(size - 1) < 0.3] = -np.inf
    elif kind == 3:  # tails far below what float64 can add to one
        logits = np.concatenate([[0.0], -rng.exponential(size=size - 1) * 30.0])
    else:  # decimal probabilities
        logits = np.log(rng.choice([0.5, 0.25, 0.2, 0.1, 0.05], size=size))
    peak = logits.max()
    truth = -np.sort(-(logits - peak - math.log(np.exp(logits - peak).sum())))
    count = int(rng.integers(1, size + 1))
    places = np.arange(count)
    ceiling = None
    rounding = 0.0
    decimals = None
    if rng.random() < 0.65:
        decimals = int(rng.integers(2, 7))
        rounding = 0.5 * 10.0**-decimals * (1.0 + 1e-9)

    def told(values: np.ndarray) -> np.ndarray:
        return values if decimals is None else np.minimum(np.round(values, decimals), 0.0)

    if rng.random() < 0.3 and count < size:  # a token beside the list
        ceiling = float(told(truth[:count])[-1])
        places = np.append(places, rng.integers(count, size))
    elif rng.random() < 0.15:  # tokens that bound nothing
        places = np.sort(rng.choice(size, size=count, replace=False))
        ceiling = math.inf
    if math.isinf(float(truth[places].max())):
        return drawn(rng)
    known = PartialDistribution(told(truth[places]), size, 1.0, rounding, ceiling)
    return Case(truth, known, places, decimals is not None)


def drawn_chain(rng: np.random.Generator) -> Chain:
    """One to four stages, a temperature among them or none."""
    ratio = float(rng.choice(RATIOS)) if rng.random() < 0.8 else float(rng.uniform(0.02, 0.98))
    pool = [
        f"top_k={rng.integers(1, 9)}",
        f"top_k({rng.integers(1, 9)}, ties=all)",
        f"top_p={ratio}",
        f"top_p({ratio}, min_keep=2)",
        f"min_p={ratio}",
        f"min_p={rng.choice(RATIOS)}",
        f"epsilon_cutoff={rng.choice(RATIOS) / 3}",
        f"eta_cutoff={ratio / 5}",
        f"typical_p={ratio}",
        f"top_h={ratio}",
        f"top_n_sigma={rng.choice([0.5, 1.0, 2.0])}",
    ]
    stages = [str(one) for one in rng.choice(pool, size=rng.integers(1, 4))]
    if rng.random() < 0.7:
        heat = rng.choice([0.0, 0.004, 0.1, 0.5, 0.8, 1.5, 3.0])
        hot = f"temperature={heat}" if rng.random() < 0.85 else "dynatemp(range=0.5, temperature=0.8)"
        stages.insert(int(rng.integers(0, len(stages) + 1)), hot)
    return Chain(" | ".join(stages))


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    weights = np.exp((logits - logits.max()) / temperature)
    return weights / weights.sum()


def entropy(probs: np.ndarray) -> float:
    some = probs[probs > 0.0]
    return float(-(some * np.log(some)).sum())


def nucleus(row: np.ndarray, probs: np.ndarray, mass: float) -> int:
    if mass == 1.0:
        return int((row > -np.inf).sum())
    return int(np.argmax(np.cumsum(-np.sort(-probs)) >= mass * (1 - 2.0**-40))) + 1


def held(tally: Tally, case: Case, name: str, bound: Interval, truth: float) -> None:
    """Note a fault unless the bound holds the truth."""
    if not bound.low - NEAR <= truth <= bound.high + NEAR:
        tally.faults.append(
            f"{name}: [{bound.low!r}, {bound.high!r}] does not hold {truth!r}; row {case.truth.tolist()}, known "
            f"{case.known.low.tolist()} to {case.known.high.tolist()}, ceiling {case.known.ceiling}"
        )


def check_measures(tally: Tally, case: Case, temperature: float) -> None:
    """Every measure at one temperature."""
    known, probs = case.known.at(temperature), softmax(case.truth, temperature)
    ours = -np.sort(-probs[case.places])
    held(tally, case, f"entropy at {temperature}", known.entropy, entropy(probs))
    held(tally, case, f"unseen at {temperature}", known.unseen, 1.0 - ours.sum())
    for place, prob in enumerate(ours):
        held(
            tally,
            case,
            f"prob {place}",
            Interval(known.probs.low[place], known.probs.high[place]),
            float(prob),
        )
    for mass in (0.0, 0.3, 0.5, 0.9, 0.99, 1.0):
        # Sums in another order may move a nucleus by a token where its edge lies within float rounding.
        sizes = {nucleus(case.truth, probs, mass * nudge) for nudge in (1.0, 1.0 - 1e-9)}
        bound = known.nucleus_size(mass)
        if not any(bound.low <= size <= bound.high for size in sizes):
            tally.faults.append(f"nucleus {mass}: {bound} does not hold {sizes}; row {case.truth.tolist()}")
    for noise in (0.0, 0.01, 0.29, 1.0, 4.0):
        held(
            tally, case, f"flip risk at {noise}", known.flip_risk(noise), float(flip_risk(case.truth, noise))
        )
    lead = case.truth[0] - case.truth[1] if len(case.truth) > 1 else math.inf
    held(tally, case, "margin", known.margin, float(lead)) if lead < math.inf else None
    if lead == math.inf and known.margin.high < math.inf:
        tally.faults.append(f"margin: {known.margin}, and one token can come; row {case.truth.tolist()}")


def check_chain(tally: Tally, case: Case, chain: Chain) -> None:
    """Each stage, what is left, and the probability of each known token."""
    tally.chains += 1
    try:
        found = chain.explain(case.known)
    except CapabilityError:
        tally.undecided += 1
        if case.known.exact:
            tally.faults.append(f"{chain} is undecided, and all is known; row {case.truth.tolist()}")
        return
    truth = chain.explain(case.truth)
    tally.exact += found.entropy.exact
    if found.left.num_tokens > found.kept:
        tally.faults.append(f"{chain}: {found.left.num_tokens} tokens are left and {found.kept} are kept")
    for ours, theirs in zip(found.stages, truth.stages, strict=True):
        unknown = 0 if case.known.whole else len(case.truth) - int((case.truth > -np.inf).sum())
        if not theirs.kept <= ours.kept <= theirs.kept + unknown:
            tally.faults.append(
                f"{chain}, {ours.stage}: {ours.kept} kept for {theirs.kept}; row {case.truth.tolist()}, known "
                f"{case.known.low.tolist()} to {case.known.high.tolist()}"
            )
            return
        held(tally, case, f"{chain}, {ours.stage}, kept mass", ours.kept_mass, float(theirs.kept_mass))
        held(
            tally, case, f"{chain}, {ours.stage}, total", ours.kept_mass_total, float(theirs.kept_mass_total)
        )
        if ours.moved is not None:
            held(tally, case, f"{chain}, {ours.stage}, moved", ours.moved, float(theirs.moved))
    held(tally, case, f"{chain}, entropy", found.entropy, float(truth.entropy))
    held(tally, case, f"{chain}, kept raw mass", found.kept_raw_mass, float(truth.kept_raw_mass))
    order = case.places[np.argsort(-case.truth[case.places], kind="stable")]
    if not case.rounded:  # equal tokens stand in the list's order, which is that of the ids here
        for place, token in enumerate(order):
            bound = Interval(found.probs.low[place], found.probs.high[place])
            tied = case.truth == case.truth[token]
            if tied.sum() == 1:
                held(tally, case, f"{chain}, token {token}", bound, float(truth.probs.low[token]))


def run(number: int, seed: int = 0) -> Tally:
    """`number` distributions, each at two temperatures and through two chains."""
    rng, tally = np.random.default_rng(seed), Tally()
    for _ in range(number):
        case = drawn(rng)
        tally.distributions += 1
        for temperature in rng.choice(TEMPERATURES, size=2, replace=False):
            check_measures(tally, case, float(temperature))
        for _ in range(2):
            check_chain(tally, case, drawn_chain(rng))
        if len(tally.faults) > 20:
            break
    return tally


if __name__ == "__main__":
    found = run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(
        f"{found.distributions:,} distributions, {found.chains:,} chains ({found.undecided:,} undecided, "
        f"{found.exact:,} with an exact entropy): {len(found.faults)} faults"
    )
    print("\n".join(found.faults[:20]))
    sys.exit(bool(found.faults))
