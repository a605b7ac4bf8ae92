"""Temperature against prompt against seed: how much of the scores' variation each of them makes.

A crossed random-effects model of one answer's score, `y = μ + I + P + S + IP + IS + PS + IPS + e`: item, prompt
variant, setting, and what is left when all three are fixed, which is the seed's. The components are estimated by the
method of moments from the mean squares (Searle, Casella, McCulloch 1992, chapter 4), so that a lever which does nothing
gets a share near 0 whatever the noise, and negative estimates count as 0.

Legend: I items, P prompts, S settings, R answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.tune.samples import Floats, Samples

RESAMPLES = 1000
ERROR_RATE = 0.05
LEVERS = ("setting", "prompt", "setting and prompt", "seed", "item")


@dataclass(frozen=True)
class VarianceShare:
    """One lever's share of the variance of scores, with its interval (bootstrap over items, 95 %).

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
