"""What a sweep found, as plain records. `to_dict` gives the JSON of `retort tune --json`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.tune.calibrated import Calibration
from retort.tune.frontier import TurningPoint
from retort.tune.reweight import Reweighted
from retort.tune.variance import VarianceShare


@dataclass(frozen=True)
class Setting:
    """One setting. `score`: the mean over items, with its own interval (not corrected for other settings).

    `setting`: all its values by name; `temperature`: the one among them, None where none is said.
    `distinct`: mean over items of the share of an item's samples that are different answers (1: all differ).
    `agreement`: mean over items of the share of pairs of an item's samples with the same answer; None for one sample.
    `identical`: share of items whose samples all are the same answer; None for one sample.
    These three are None where only scores are known and not the answers.
    `valid`: share of answers that are right, which is not the score where the goal counts something else.
    `mean_tokens`: length of an answer. `raw_nll`: nats a token under the model as it is (τ = 1, nothing removed), a
    measure of incoherence. None where not known. `second_nll`: the same under a second model, in its own
    tokens; None where none was asked. `on_frontier`: no other setting has as much of both score and variety
    (distinct) and more of one.
    `samples`: how many answers were scored at this setting, all items together. `variety`: more ways to say how
    different an item's answers are (see `measured_variety`); None where not asked for or not known.
    """

    temperature: float | None
    score: float
    score_ci: tuple[float, float]
    distinct: float | None
    agreement: float | None
    samples: int
    identical: float | None = None
    valid: float | None = None
    mean_tokens: float | None = None
    raw_nll: float | None = None
    second_nll: float | None = None
    on_frontier: bool | None = None
    setting: Mapping[str, Any] = field(default_factory=dict)
    variety: Mapping[str, float | str | None] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "score": self.score,
            "score_ci": list(self.score_ci),
            "distinct": self.distinct,
            "agreement": self.agreement,
            "samples": self.samples,
            "identical": self.identical,
            "valid": self.valid,
            "mean_tokens": self.mean_tokens,
            "raw_nll": self.raw_nll,
            "second_nll": self.second_nll,
            "on_frontier": self.on_frontier,
            "setting": dict(self.setting),
            "variety": None if self.variety is None else dict(self.variety),
        }


@dataclass(frozen=True)
class Recommendation:
    """The setting to take, and how sure that is.

    `setting`, `reference`, `best` and the region's ends are temperatures, or values of the one number that differs
    between the settings; where more differs they are whole settings. `values`: all of the chosen setting by name.
    `region`: lowest and highest of the neighbouring settings that cannot be told from `best`, the highest score seen;
    without an order, all of them. `detectable`: `setting` is told apart from at least one other setting tried.
    `difference`: score at `setting` less score at `reference`, over all items, with an interval that holds for all
    pairs of settings together; it excludes 0 exactly where `detectable` is true.
    With too few items to tell any two apart, `setting` is the best seen and `reason` says that it is no evidence.
    `reference`: temperature 1, the model as it is (or the nearest tried), unless `setting` is told apart from another
    one and not from that; then the one it is most clearly ahead of.
    `held_out_difference`: the same advantage with the choice made on one half of the items and measured on the other,
    which is what a new item can expect: over temperature 1 where that is the reference, else over what the half's
    choice was told apart from there (over the reference where from nothing); None with fewer than four items.
    `chosen_again`: share of halves with the same choice. `minimum_detectable_difference`: what would have been told
    apart, with probability `power`, for any two settings; None where no difference would.
    """

    setting: Any
    reason: str
    detectable: bool
    difference: float
    difference_ci: tuple[float, float]
    reference: Any
    region: tuple[Any, ...]
    best: Any
    held_out_difference: float | None
    held_out_ci: tuple[float, float] | None
    chosen_again: float | None
    minimum_detectable_difference: float | None
    power: float
    error_rate: float
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "setting": self.setting,
            "reason": self.reason,
            "detectable": self.detectable,
            "difference": self.difference,
            "difference_ci": list(self.difference_ci),
            "reference": self.reference,
            "region": list(self.region),
            "best": self.best,
            "held_out_difference": self.held_out_difference,
            "held_out_ci": None if self.held_out_ci is None else list(self.held_out_ci),
            "chosen_again": self.chosen_again,
            "minimum_detectable_difference": self.minimum_detectable_difference,
            "power": self.power,
            "error_rate": self.error_rate,
            "values": dict(self.values),
        }


@dataclass(frozen=True)
class Tuning:
    """A whole sweep. `item_scores` [items, settings] are what the statistics were computed from; not in the JSON.

    `forward_passes`: rows that went through the model; `independent_passes`: what the same samples would have taken
    with every temperature run on its own; both None for recorded answers. `axis`: the one number that differs between
    the settings, as a rule "temperature"; None where they have no order. `items_left_out`: items without enough answers
    at every setting, which a paired comparison cannot use. `variance`: how much of the scores' variation the setting,
    the prompt and the seed make; None for one prompt or one answer. `turning_point`: where incoherence begins to outrun
    novelty; None where not known. `calibration`: of the choices' probabilities; None but for scorer choice.
    `second_model`: whose likelihoods `second_nll` are.
    `reweighted`: scores at other settings, estimated from answers drawn at one; None where not asked for.
    """

    task: str
    model: str
    goal: str
    score: str
    settings: tuple[Setting, ...]
    recommendation: Recommendation
    forward_passes: int | None
    independent_passes: int | None
    items: int
    samples_per_item: int
    seed: int
    chain: str
    item_ids: tuple[str, ...]
    item_scores: NDArray[np.float64]
    axis: str | None = "temperature"
    items_left_out: int = 0
    variance: tuple[VarianceShare, ...] | None = None
    turning_point: TurningPoint | None = None
    calibration: Calibration | None = None
    reweighted: tuple[Reweighted, ...] | None = None
    second_model: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON can hold it."""
        return {
            "task": self.task,
            "model": self.model,
            "goal": self.goal,
            "score": self.score,
            "settings": [setting.to_dict() for setting in self.settings],
            "recommendation": self.recommendation.to_dict(),
            "forward_passes": self.forward_passes,
            "independent_passes": self.independent_passes,
            "items": self.items,
            "samples_per_item": self.samples_per_item,
            "seed": self.seed,
            "chain": self.chain,
            "axis": self.axis,
            "items_left_out": self.items_left_out,
            "variance": None if self.variance is None else [asdict(one) for one in self.variance],
            "turning_point": None if self.turning_point is None else asdict(self.turning_point),
            "calibration": None if self.calibration is None else asdict(self.calibration),
            "reweighted": None if self.reweighted is None else [one.to_dict() for one in self.reweighted],
            "second_model": self.second_model,
        }


def finite(value: float) -> float | None:
    """`value`, or None where JSON has no number for it."""
    return value if math.isfinite(value) else None
