"""What else a sweep tells: which lever the scores' variance comes from, where heat stops paying, and calibration.

Legend: I items, P prompts, S settings, R answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.distribution.calibration import brier, calibrated_temperature, ece, nll
from retort.tune.samples import Floats, Samples
from retort.tune.settings import Axis
from retort.tune.statistics import resampled_means

RESAMPLES = 1000
ERROR_RATE = 0.05
LEVERS = ("setting", "prompt", "setting and prompt", "seed", "item")


@dataclass(frozen=True)
class VarianceShare:
    """One lever's share of the variance of scores, with its interval (bootstrap over items, 95%).

    - "setting": the temperature (or what the settings are), alone and in how items react to it;
    - "prompt": the same of the prompt variant; "setting and prompt": what only their combination explains;
    - "seed": answers that differ with item, prompt and setting all fixed; "item": easy and hard items.
    """

    lever: str
    share: float
    share_ci: tuple[float, float]


def variance_shares(samples: Samples, seed: int = 0) -> tuple[VarianceShare, ...] | None:
    """Shares of the variance of single answers' scores, which sum to 1; None where they cannot be told.

    Needs two or more items, prompts, settings and answers a cell, and the same number of answers in every cell; items
    without them are left out. None too where all scores are equal.
    """
    sizes = samples.cell_sizes
    full = (sizes == sizes.max()).all(axis=(1, 2))
    if int(full.sum()) < 2 or min(sizes.shape[1:]) < 2 or sizes.max() < 2:
        return None
    means = samples.cell_scores[full]
    squares = np.bincount(samples.cell, weights=samples.score**2, minlength=sizes.size).reshape(sizes.shape)
    answers = int(sizes.max())
    within = (squares[full] / answers - means**2) * answers / (answers - 1)
    everyone = np.arange(len(means))[None]
    found = _shares(means, within, answers, everyone)
    if np.isnan(found).any():
        return None
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(means), size=(RESAMPLES, len(means)))
    ends = np.nanquantile(
        _shares(means, within, answers, drawn), [ERROR_RATE / 2, 1 - ERROR_RATE / 2], axis=0
    )
    return tuple(
        VarianceShare(lever, float(found[0, number]), (float(ends[0, number]), float(ends[1, number])))
        for number, lever in enumerate(LEVERS)
    )


def _shares(means_IPS: Floats, within_IPS: Floats, answers: int, drawn: NDArray[np.int64]) -> Floats:
    """`[draws, levers]` shares for each draw of items; NaN where nothing varies."""
    return np.stack([_shares_of(means_IPS[items], within_IPS[items], answers) for items in drawn])


def _shares_of(y: Floats, within: Floats, answers: int) -> Floats:
    items, prompts, settings = y.shape
    grand = y.mean()
    by_item, by_prompt, by_setting = (y.mean(axis=axes) for axes in ((1, 2), (0, 2), (0, 1)))
    by_ip, by_is, by_ps = (y.mean(axis=axis) for axis in (2, 1, 0))
    in_ip = by_ip - by_item[:, None] - by_prompt + grand
    in_is = by_is - by_item[:, None] - by_setting + grand
    in_ps = by_ps - by_prompt[:, None] - by_setting + grand
    in_ips = (
        y
        - by_ip[:, :, None]
        - by_is[:, None, :]
        - by_ps[None]
        + by_item[:, None, None]
        + by_prompt[None, :, None]
        + by_setting
        - grand
    )
    i, p, s = items - 1, prompts - 1, settings - 1
    error = within.mean()
    # Mean squares of cell means, so that each estimates its components plus error / answers.
    ms_i = ((by_item - grand) ** 2).sum() * prompts * settings / i
    ms_p = ((by_prompt - grand) ** 2).sum() * items * settings / p
    ms_s = ((by_setting - grand) ** 2).sum() * items * prompts / s
    ms_ip = (in_ip**2).sum() * settings / (i * p)
    ms_is = (in_is**2).sum() * prompts / (i * s)
    ms_ps = (in_ps**2).sum() * items / (p * s)
    ms_ips = (in_ips**2).sum() / (i * p * s)
    components = {
        "item": (ms_i - ms_ip - ms_is + ms_ips) / (prompts * settings),
        "prompt": (ms_p - ms_ip - ms_ps + ms_ips) / (items * settings),
        "item prompt": (ms_ip - ms_ips) / settings,
        "setting": (ms_s - ms_is - ms_ps + ms_ips) / (items * prompts),
        "item setting": (ms_is - ms_ips) / prompts,
        "prompt setting": (ms_ps - ms_ips) / items,
        "all three": ms_ips - error / answers,
        "seed": error,
    }
    c = {name: max(0.0, float(value)) for name, value in components.items()}
    levers = np.array(
        [
            c["setting"] + c["item setting"],
            c["prompt"] + c["item prompt"],
            c["prompt setting"] + c["all three"],
            c["seed"],
            c["item"],
        ]
    )
    total = levers.sum()
    return levers / total if total > 1e-15 else np.full(len(LEVERS), np.nan)


@dataclass(frozen=True)
class TurningPoint:
    """The setting above which extra variety costs coherence, and its interval (bootstrap over items).

    Novelty is the share of an item's answers that differ, incoherence their raw negative log-likelihood (nats per
    token, τ = 1), both scaled to run from 0 to 1 over the settings tried. The point is where novelty is furthest
    ahead of incoherence; beyond it, a step adds more of its share of incoherence than of novelty (the knee: Satopaa
    et al. 2011, "Finding a kneedle in a haystack"). It depends on the range tried.
    """

    point: float
    interval: tuple[float, float]
    novelty: tuple[float, ...]
    incoherence: tuple[float, ...]


def on_frontier(quality: Floats, variety: Floats) -> NDArray[np.bool_]:
    """`[settings]` True where no other setting has as much of both and more of one (the Pareto frontier)."""
    as_good = (quality[None] >= quality[:, None]) & (variety[None] >= variety[:, None])
    better = (quality[None] > quality[:, None]) | (variety[None] > variety[:, None])
    return ~np.asarray((as_good & better).any(axis=1))


def turning_point(
    axis: Axis, novelty_IS: Floats, incoherence_IS: Floats, seed: int = 0
) -> TurningPoint | None:
    """Where incoherence begins to outrun novelty along an ordered axis, from `[items, settings]` of both.

    None without an order, below three settings or two items, or where either does not change at all.
    """
    num_items, num_settings = novelty_IS.shape
    if not axis.ordered or num_settings < 3 or num_items < 2:
        return None
    together = np.concatenate([novelty_IS, incoherence_IS], axis=1)
    means = together.mean(axis=0)
    if min(np.ptp(means[:num_settings]), np.ptp(means[num_settings:])) <= 0.0:
        return None
    resampled = resampled_means(together, RESAMPLES, np.random.default_rng(seed))
    places = _knees(resampled, num_settings)
    low, high = np.quantile(places, [ERROR_RATE / 2, 1 - ERROR_RATE / 2], method="nearest")
    here = int(_knees(means[None], num_settings)[0])
    return TurningPoint(
        axis.points[here],
        (axis.points[int(low)], axis.points[int(high)]),
        tuple(means[:num_settings].tolist()),
        tuple(means[num_settings:].tolist()),
    )


def _knees(means: Floats, num_settings: int) -> NDArray[np.int64]:
    """For each row `[novelty …, incoherence …]`, the setting at which scaled novelty is furthest ahead."""
    novelty, incoherence = _scaled(means[:, :num_settings]), _scaled(means[:, num_settings:])
    return np.argmax(novelty - incoherence, axis=1)


def _scaled(values: Floats) -> Floats:
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    return (values - low) / np.maximum(high - low, 1e-12)


BINS = 10
CALIBRATED_DRAWS = 200


@dataclass(frozen=True)
class Calibration:
    """How far the choices' probabilities come true, as the model is (τ = 1) and at the temperature that suits best.

    `temperature`: where the mean negative log-likelihood of the right choice is smallest (Guo et al. 2017), over
    `questions` (items × prompts) that have one right choice; `at_bound`: it lies at or beyond the range searched.
    `nll` in nats, `brier` from 0 to 2, `ece` the expected calibration error in `bins` equal bins: before and after.
    The temperature was chosen on these same questions, so "after" flatters a little. `ece_reference`: the mean error
    that a perfectly calibrated model with the same probabilities would show on as many questions, which is not 0.
    """

    temperature: float
    at_bound: bool
    questions: int
    nll: tuple[float, float]
    brier: tuple[float, float]
    ece: tuple[float, float]
    bins: int
    ece_reference: tuple[float, float]


def calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration | None:
    """The calibration of `[questions, choices]` logits (-inf where there is no choice), given the right ones.

    `labels` `[questions]`: the right choice's number. None for fewer questions than a calibration error has bins.
    """
    if len(labels) < BINS:
        return None
    best = calibrated_temperature(logits, labels)
    before, after = (
        (nll(logits, labels, t), brier(logits, labels, t), ece(logits, labels, t, BINS).value)
        for t in (1.0, best.temperature)
    )
    return Calibration(
        best.temperature,
        best.at_bound,
        len(labels),
        (before[0], after[0]),
        (before[1], after[1]),
        (before[2], after[2]),
        BINS,
        (_ece_if_calibrated(logits, 1.0), _ece_if_calibrated(logits, best.temperature)),
    )


def _ece_if_calibrated(logits: np.ndarray, temperature: float) -> float:
    """The mean calibration error of labels that are drawn from the probabilities themselves."""
    rng = np.random.default_rng(0)
    # Gumbel noise: the largest of logits/τ + g is a draw from softmax(logits/τ).
    noise = rng.gumbel(size=(CALIBRATED_DRAWS, *logits.shape))
    labels = (logits / temperature + noise).argmax(axis=2)
    return float(np.mean([ece(logits, drawn, temperature, BINS).value for drawn in labels]))
