"""Two models over the same texts: at which temperature one is nearest to the other, and how near that is.

This is how a base model and its instruction-tuned sibling are compared. Tuning sharpens the distribution before any
temperature is applied, so the same τ does not mean the same thing on both. `kl_left` says whether temperature is all
that differs: it is what no temperature can undo.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.blocks import Block, columns, line
from retort.distribution.arrays import Floats
from retort.distribution.calibration import entropy_matched_temperature, equivalent_temperature
from retort.distribution.divergences import kl
from retort.distribution.measures import entropy
from retort.distribution.softmax import log_softmax, softmax
from retort.errors import InputError
from retort.lens.asking import Progress, default_prompts, texts_of
from retort.lens.compare import check_size, rows_of_both, shared_ids
from retort.numerals import counted, interval, number, percent
from retort.records import Record, new_axes, titled
from retort.sources.load import Model, opened

RESAMPLES = 2000
ERROR_RATE = 0.05
FIRST_REACH, WIDEST_REACH = 0.2, 3.2
GRID_POINTS = 9
"""The interval's ends are looked for within a factor e^0.2 of the temperature found, and further out if need be."""


@dataclass(frozen=True)
class EquivalentPoint:
    """One temperature of A, and what B needs to be like it; entropies and divergences in nats per position.

    - `temperature_b`: where the mean KL(A at temperature_a ‖ B at temperature_b) is smallest; `at_bound`: it lies at or
      beyond the range searched, so it is a limit and not a match. `temperature_b_ci`: bootstrap over prompts, 95%.
    - `kl_left`: the mean KL at that temperature; `kl_same`: with B at temperature_a itself.
    - `entropy_a`, `entropy_b`: mean entropies at temperature_a and temperature_b.
    - `entropy_matched`: the temperature of B at which its mean entropy is A's, which ignores which tokens are meant.
    """

    temperature_a: float
    temperature_b: float
    temperature_b_ci: tuple[float, float] | None
    kl_left: float
    kl_same: float
    entropy_a: float
    entropy_b: float
    entropy_matched: float
    at_bound: bool


@dataclass(frozen=True, repr=False)
class Equivalent(Record):
    """What `equivalent` found, over `positions` positions of `prompts` prompts."""

    model_a: str
    model_b: str
    prompts: int
    positions: int
    error_rate: float
    points: tuple[EquivalentPoint, ...]

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per temperature of A."""
        rows = []
        for point in self.points:
            row = dict(vars(point))
            low, high = row.pop("temperature_b_ci") or (None, None)
            rows.append({**row, "temperature_b_ci_low": low, "temperature_b_ci_high": high})
        return rows

    def plot(self, axes: Any = None) -> Any:
        """The temperature of B against that of A with its interval; the dotted line is the same temperature."""
        axes = new_axes(axes)
        at = [point.temperature_a for point in self.points]
        axes.plot(at, at, "k:", label="same temperature")
        axes.plot(at, [point.temperature_b for point in self.points], "o-", label="nearest")
        for point in self.points:
            if point.temperature_b_ci is not None:
                axes.plot([point.temperature_a] * 2, point.temperature_b_ci, color="C0")
        axes.set_xlabel(f"τ of {self.model_a}")
        axes.set_ylabel(f"τ of {self.model_b}")
        titled(axes, f"The temperature of {self.model_b} nearest to {self.model_a}")
        axes.legend()
        return axes

    def blocks(self) -> Iterator[Block]:
        yield line(f"A is {self.model_a}, B is {self.model_b}", "bold", whole=True)
        yield line(
            f"Over {self.positions:,} positions of {counted(self.prompts, 'text')}. "
            f"Distributions over the whole vocabulary, not truncated; entropy and KL in nats, means over positions.",
            whole=True,
        )
        yield columns(
            self.points,
            {
                ">τ of A": lambda at: f"{at.temperature_a:g}",
                ">nearest τ of B": lambda at: number(at.temperature_b) + " (limit)" * at.at_bound,
                f">{percent(1 - self.error_rate)} interval": lambda at: interval(at.temperature_b_ci),
                ">KL left": lambda at: number(at.kl_left),
                ">KL at the same τ": lambda at: number(at.kl_same),
                ">entropy A": lambda at: number(at.entropy_a),
                ">entropy B": lambda at: number(at.entropy_b),
                ">same entropy at τ of B": lambda at: number(at.entropy_matched),
            },
        )
        yield line(
            "KL is KL(A ‖ B). No temperature removes the KL that remains at the nearest one. The "
            "interval is a bootstrap over the texts."
        )


def equivalent(
    model_a: Model,
    model_b: Model,
    prompts: str | Sequence[str] | None = None,
    temperatures: Sequence[float] = (0.7, 1.0),
    *,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Equivalent:
    """For each temperature of A, the temperature of B that is nearest to it: `argmin_τ Σ KL(p^A_{τ_A} ‖ p^B_τ)`.

    The sum is over every position of every prompt, all weighing the same; without prompts, of definitions that
    come with retort. Both models must have the same tokens.
    The interval resamples prompts, because the positions of one prompt are not independent; None for one prompt.
    Raises InputError for models whose vocabularies or tokenisations differ, no prompts, a temperature of 0 (greedy
    has no equivalent: every B that agrees on the top token has one at τ → 0), or more positions than fit in memory.
    """
    source_a, source_b = opened(model_a), opened(model_b)
    prompts = texts_of(default_prompts() if prompts is None else prompts, "compare the models over")
    for temperature in temperatures:
        if not (math.isfinite(temperature) and temperature > 0):
            raise InputError(
                f"an equivalent temperature exists only above 0, got {temperature:g}; at 0 two models are equal "
                "wherever their top token is"
            )
    texts = shared_ids(source_a, source_b, prompts)
    check_size(source_a, sum(map(len, texts)))
    a, b = map(np.concatenate, zip(*rows_of_both(source_a, source_b, texts, on_progress), strict=True))
    # Tokens that neither model can give anywhere, such as padding, only cost time.
    possible = (a > -np.inf).any(axis=0) | (b > -np.inf).any(axis=0)
    if not possible.all():
        a, b = a[:, possible], b[:, possible]
    owner = np.repeat(np.arange(len(texts)), list(map(len, texts)))
    points = tuple(_point(a, b, owner, temperature, seed) for temperature in temperatures)
    return Equivalent(source_a.name, source_b.name, len(texts), len(owner), ERROR_RATE, points)


def _point(a: Floats, b: Floats, owner: NDArray[np.int64], temperature: float, seed: int) -> EquivalentPoint:
    nearest = equivalent_temperature(a, b, temperature)
    matched = entropy_matched_temperature(a, b, temperature)
    return EquivalentPoint(
        temperature_a=temperature,
        temperature_b=nearest.temperature,
        temperature_b_ci=_interval(a, b, owner, temperature, nearest.temperature, seed),
        kl_left=nearest.residual,
        kl_same=float(kl(log_softmax(a, temperature), log_softmax(b, temperature)).mean()),
        entropy_a=float(np.mean(entropy(a, temperature))),
        entropy_b=float(np.mean(entropy(b, nearest.temperature))),
        entropy_matched=matched.temperature,
        at_bound=nearest.at_bound,
    )


def _interval(
    a: Floats, b: Floats, owner: NDArray[np.int64], temperature_a: float, temperature_b: float, seed: int
) -> tuple[float, float] | None:
    """Bootstrap percentiles of temperature_b over prompts.

    The minimum is where B's mean logit under its own tempered distribution is its mean logit under A's: one sum a
    prompt at each β = 1/τ of a grid, so that a resample is a weighted sum and a look-up, not a new search.
    """
    num_prompts = int(owner.max()) + 1
    if num_prompts < 2:
        return None
    finite_b = np.where(np.isfinite(b), b, 0.0)
    wanted = np.bincount(owner, weights=(softmax(a, temperature_a) * finite_b).sum(axis=-1))
    rng = np.random.default_rng(seed)
    # A resample of prompts as the number of times that each was drawn.
    weights = rng.multinomial(num_prompts, np.full(num_prompts, 1 / num_prompts), size=RESAMPLES)
    reach = FIRST_REACH
    # On a wider grid each time, until both ends of the interval lie inside it and not at its edge.
    while True:
        log_betas = -math.log(temperature_b) + np.linspace(-reach, reach, GRID_POINTS)
        slopes = np.stack(
            [
                np.bincount(owner, weights=(softmax(b, math.exp(-log_beta)) * finite_b).sum(axis=-1)) - wanted
                for log_beta in log_betas
            ]
        )
        # np.interp needs rising values; in exact arithmetic they are.
        rising = np.maximum.accumulate(weights @ slopes.T, axis=1)
        found = np.array([np.interp(0.0, row, log_betas) for row in rising])
        ends = np.quantile(found, [ERROR_RATE / 2, 1 - ERROR_RATE / 2])
        if (log_betas[0] < ends[0] and ends[1] < log_betas[-1]) or reach >= WIDEST_REACH:
            # τ falls as β rises, so the ends change places.
            return float(np.exp(-ends[1])), float(np.exp(-ends[0]))
        reach *= 2
