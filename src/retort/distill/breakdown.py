"""Where distilling gains: the held-out tokens in bins, and the paired difference in each.

Three questions are asked of every held-out token: how uncertain the teacher was there (its entropy), how likely the
teacher held the token that came, and how often the training text has that token. By each the tokens are cut into bins
of about equal size, and in each bin the students on hard labels are compared with those on soft targets, paired over
seeds as in the whole. A bin's share of the tokens times its difference is its part of the whole difference; the parts
of a question add up to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.distill.results import paired_interval

BINS = 5

Values = NDArray[np.floating]


@dataclass(frozen=True)
class Bin:
    """The held-out tokens whose value lies in [low, high]; nats a token at τ = 1, means over seeds.

    `difference` is hard minus soft with its interval over seeds (None with one seed); `part` is what the bin adds to
    the difference over all tokens.
    """

    low: float
    high: float
    tokens: int
    share: float
    hard_nll: float
    soft_nll: float
    difference: float
    ci: tuple[float, float] | None
    part: float


@dataclass(frozen=True)
class Facts:
    """What is known of each held-out token without a student, `[targets]` each.

    `teacher_entropy` in nats and `label_probability` are the teacher's at τ = 1; `frequency` counts the token in the
    training text. None: the teacher was not asked.
    """

    teacher_entropy: Values | None
    label_probability: Values | None
    frequency: Values


def token_frequency(
    training_ids: NDArray[np.int64], counted: NDArray[np.bool_], labels: NDArray[np.int64]
) -> Values:
    """How often each of `labels` `[targets]` stands among the `counted` of `training_ids`."""
    ids = training_ids[counted]
    size = int(max(ids.max(initial=0), labels.max(initial=0))) + 1
    return np.bincount(ids, minlength=size)[labels].astype(np.float64)


def gain_by(
    facts: Facts, hard: Mapping[int, Values], soft: Mapping[int, Values], bins: int = BINS
) -> dict[str, tuple[Bin, ...]]:
    """The bins of each question; `hard` and `soft` hold nats `[targets]` by seed, and seeds in both are compared."""
    seeds = [seed for seed in hard if seed in soft]
    tokens = len(facts.frequency)
    if not seeds or not tokens:
        return {}
    hard_nll = np.stack([hard[seed] for seed in seeds]).astype(np.float64)
    soft_nll = np.stack([soft[seed] for seed in seeds]).astype(np.float64)

    def one(values: Values, inside: NDArray[np.bool_]) -> Bin:
        hard_means, soft_means = hard_nll[:, inside].mean(axis=1), soft_nll[:, inside].mean(axis=1)
        differences = hard_means - soft_means
        difference = float(differences.mean())
        share = float(inside.mean())
        return Bin(
            low=float(values[inside].min()),
            high=float(values[inside].max()),
            tokens=int(inside.sum()),
            share=share,
            hard_nll=float(hard_means.mean()),
            soft_nll=float(soft_means.mean()),
            difference=difference,
            ci=paired_interval(differences.tolist()),
            part=share * difference,
        )

    found = {}
    for name in ("teacher_entropy", "label_probability", "frequency"):
        if getattr(facts, name) is None:
            continue
        values = np.asarray(getattr(facts, name), np.float64)
        places = places_in(values, bins)
        found[name] = tuple(one(values, places == place) for place in np.unique(places))
    return found


def places_in(values: Values, bins: int) -> NDArray[np.int64]:
    """The bin of each value, cut at the quantiles; equal values share a bin, so there can be fewer bins."""
    cuts = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="higher"))
    return np.searchsorted(cuts, values, side="right")
