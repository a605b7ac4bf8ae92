"""From answers drawn at one setting, the score at another: each counts as often as the other would have drawn it.

`w = Π q'/q` over an answer's tokens. The estimate is a ratio over all answers, `Σ w·score / Σ w`, so that what matters
is how many items there are and not how many answers to each; its interval is a bootstrap over items of both sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retort.chain import Chain
from retort.distribution import importance_weights
from retort.errors import InputError
from retort.numerals import decimals, percent
from retort.tune.goals import Goal
from retort.tune.likelihoods import Likelihoods, setting_of
from retort.tune.samples import Floats, Ints, Samples
from retort.tune.settings import describe, key
from retort.tune.statistics import mean_intervals, resampled_means

RESAMPLES = 2000
ERROR_RATE = 0.05

SMALLEST_MEAN_WEIGHT = 0.8
"""Weights are 1 on average. Below this, texts that were never drawn hold much of the target's probability; without this
rule, intervals from τ = 0.35 held for τ = 1 half of the time (docs/LOG.md)."""

FEWEST_ITEMS = 10
"""Items that the weights must be spread over (effective number): an interval over fewer would be too narrow."""


@dataclass(frozen=True)
class Wanted:
    """What to estimate: these settings (none: all that are known but the source), from answers drawn at `source`
    (None: for each the setting of the sweep whose answers are worth most there)."""

    targets: tuple[Chain, ...] = ()
    source: Chain | None = None


@dataclass(frozen=True)
class Reweighted:
    """The score at `setting`, estimated from answers drawn at `source`; None with a sentence in `refused` instead.

    `effective_sample_size`: how many of the `samples` answers the weighted ones are worth, `(Σw)²/Σw²`; None where none
    is possible. `measured`: the score of answers drawn at `setting` itself, where the sweep has them.
    """

    setting: Mapping[str, Any]
    source: Mapping[str, Any]
    score: float | None
    score_ci: tuple[float, float] | None
    effective_sample_size: float | None
    samples: int
    refused: str | None = None
    measured: float | None = None


def check_goal(goal: Goal) -> None:
    """Nothing where the goal's score is a mean over answers; else InputError."""
    if not goal.is_mean:
        raise InputError(
            f"the score of goal {goal.name} is not a mean over single answers, so it cannot be "
            f"re-weighted; re-weighting is for goal exploit"
        )


def reweighted(
    samples: Samples, likelihoods: Likelihoods, goal: Goal, wanted: Wanted, seed: int = 0
) -> tuple[Reweighted, ...]:
    """The estimates wanted, in the order of the targets.

    Raises InputError for a goal whose score is no mean, a source that the sweep did not draw from, and a target under
    which the answers were not scored.
    """
    check_goal(goal)
    drawn = {key(setting): number for number, setting in enumerate(samples.axis.settings)}
    sources = list(drawn.values())
    if wanted.source is not None:
        setting = setting_of(samples.axis, wanted.source)
        if key(setting) not in drawn:
            known = "; ".join(describe(one) for one in samples.axis.settings)
            raise InputError(
                f"no answers were drawn at {describe(setting)}; re-weight from a setting of the sweep: {known}"
            )
        sources = [drawn[key(setting)]]
    targets = [setting_of(samples.axis, chain) for chain in wanted.targets] or list(likelihoods.settings)
    scores = samples.cell_scores
    found = []
    for target in targets:
        # A setting's own answers say nothing new of it; they are beside the estimate, as `measured`.
        own = drawn.get(key(target))
        others = [source for source in sources if source != own]
        if not others:
            if wanted.targets:
                raise InputError(
                    f"{describe(target)} is the setting of the answers; there is nothing to re-weight"
                )
            continue
        tried = [_estimate(samples, likelihoods, source, target, seed) for source in others]
        best = max(tried, key=lambda one: (one.refused is None, one.effective_sample_size or 0.0))
        measured = None if own is None else float(np.nanmean(scores[:, :, own]))
        found.append(Reweighted(**{**vars(best), "measured": measured}))
    return tuple(found)


def _estimate(
    samples: Samples, likelihoods: Likelihoods, source: int, target: Mapping[str, Any], seed: int
) -> Reweighted:
    """The score at `target` from the answers drawn at setting number `source`."""
    origin = samples.axis.settings[source]
    to, at = likelihoods.number(target), likelihoods.number(origin)
    here = np.flatnonzero(samples.setting == source)
    size: float | None = None

    def result(score: float | None, interval: tuple[float, float] | None, refused: str | None) -> Reweighted:
        return Reweighted(target, origin, score, interval, size, len(here), refused)

    logprobs = likelihoods.logprobs[here][:, [to, at]]
    try:
        weighting = importance_weights(logprobs[:, 0], logprobs[:, 1], smallest_share=0.0)
        size = weighting.effective_sample_size
        if likelihoods.outside[to, at]:
            return result(
                None,
                None,
                f"{describe(target)} allows tokens that {describe(origin)} removed, so its answers "
                f"cannot be re-weighted; use answers from a wider setting, or draw at the new one",
            )
        importance_weights(logprobs[:, 0], logprobs[:, 1])
        if weighting.mean_weight < SMALLEST_MEAN_WEIGHT:
            return result(
                None,
                None,
                f"the answers cover about {percent(weighting.mean_weight)} of what {describe(target)} "
                f"would draw, and the rest never occurred at {describe(origin)}; use answers from a "
                f"wider setting, or draw at the new one",
            )
    except InputError as problem:
        return result(None, None, str(problem))
    sums = _sums_of_items(samples, here, weighting.weights)
    worth = float(sums[:, 1].sum() ** 2 / np.square(sums[:, 1]).sum())
    if worth < FEWEST_ITEMS:
        return result(
            None,
            None,
            f"the weights rest on {decimals(worth, 1)} items, fewer than {FEWEST_ITEMS}; use a nearer "
            f"setting, more items, or draw at the new one",
        )
    means = resampled_means(sums, RESAMPLES, np.random.default_rng(seed))
    low, high = mean_intervals(means[:, :1] / means[:, 1:], len(sums), ERROR_RATE)[0]
    score = float(sums[:, 0].sum() / sums[:, 1].sum())
    return result(score, (float(low), float(high)), None)


def _sums_of_items(samples: Samples, here: Ints, weights: Floats) -> Floats:
    """`[items, 2]`: Σ w·score and Σ w of each item's answers."""
    item, num_items = samples.item[here], len(samples.item_ids)
    present = np.bincount(item, minlength=num_items) > 0
    totals = [
        np.bincount(item, values, minlength=num_items) for values in (weights * samples.score[here], weights)
    ]
    return np.stack(totals, axis=1).astype(np.float64)[present]
