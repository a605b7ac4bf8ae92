"""From all answers of a sweep to its record: scores, statistics, the recommendation. No model is needed any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import InputError
from retort.tune.goals import Goal
from retort.tune.levers import (
    Calibration,
    TurningPoint,
    VarianceShare,
    on_frontier,
    turning_point,
    variance_shares,
)
from retort.tune.recommend import Difference, Recommendation, recommend
from retort.tune.reweight import Reweighted
from retort.tune.samples import Floats, Samples, over_prompts
from retort.tune.settings import Values
from retort.tune.variety import WORDS, Likeness, measured_variety


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


@dataclass(frozen=True)
class Tuning:
    """A whole sweep. `item_scores` [items, settings] are what the statistics were computed from.

    `forward_passes`: rows that went through the model; `independent_passes`: what the same samples would have taken
    with every temperature run on its own; both None for recorded answers. `axis`: the one number that differs between
    the settings, as a rule "temperature"; None where they have no order. `items_left_out`: items without enough answers
    at every setting, which a paired comparison cannot use. `variance`: how much of the scores' variation the setting,
    the prompt and the seed make; None for one prompt or one answer. `turning_point`: where incoherence begins to outrun
    novelty; None where not known. `calibration`: of the choices' probabilities; None but for scorer choice.
    `second_model`: whose likelihoods `second_nll` are.
    `reweighted`: scores at other settings, estimated from answers drawn at one; None where not asked for.
    `skipped`: how many parts of each kind of the task's file were left out with --skip-unsupported.
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
    skipped: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON can hold it; `from_dict` reads it."""
        return {**asdict(self), "item_scores": self.item_scores.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tuning:
        """The record of `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        given = _with_tuples(values)
        chosen = given["recommendation"]
        differences = tuple(Difference(**one) for one in chosen["differences"])
        kinds: dict[str, Callable[..., Any]] = {"turning_point": TurningPoint, "calibration": Calibration}
        several: dict[str, Callable[..., Any]] = {
            "settings": Setting,
            "variance": VarianceShare,
            "reweighted": Reweighted,
        }
        for name, kind in kinds.items():
            given[name] = None if given[name] is None else kind(**given[name])
        for name, kind in several.items():
            given[name] = None if given[name] is None else tuple(kind(**one) for one in given[name])
        given["recommendation"] = Recommendation(**{**chosen, "differences": differences})
        return cls(**{**given, "item_scores": np.array(values["item_scores"], dtype=np.float64)})


def _with_tuples(value: Any) -> Any:
    """JSON has lists where the records have tuples."""
    if isinstance(value, Mapping):
        return {name: _with_tuples(one) for name, one in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True)
class Origin:
    """Where the answers come from, as the record says it; the passes are None where no model was run."""

    task: str
    model: str
    seed: int = 0
    chain: str = ""
    forward_passes: int | None = None
    independent_passes: int | None = None


def conclude(
    samples: Samples,
    goal: Goal,
    origin: Origin,
    *,
    variety: bool = False,
    likeness: Likeness = WORDS,
    against: Values | None = None,
) -> Tuning:
    """The record of these answers. `variety`: measure how different they are, which goal explore does anyway;
    `likeness`: by what two answers are compared there; `against`: the setting with which a comparison was planned.

    Items without enough answers at every setting are left out, because settings are compared within items; the record
    says how many. Raises InputError where that leaves none, or where the goal needs texts and only scores are known.
    """
    if goal.needs_answers and samples.answer is None:
        raise InputError(
            f"goal {goal.name} compares the answers' texts, and these records have only scores; add `text` to every "
            "record, or take goal exploit"
        )
    scores = goal.item_scores(samples)
    complete = ~np.isnan(scores).any(axis=1)
    if not complete.any():
        raise InputError(
            f"no item has {goal.fewest_samples} answer(s) at each of the {len(samples.axis)} settings, which goal "
            f"{goal.name} needs; settings are compared on the same items"
        )
    scores = scores[complete]
    beside = _Beside.of(samples, np.asarray(complete))
    wanted = variety or goal.seeks_variety
    varieties = measured_variety(samples, np.flatnonzero(complete), likeness) if wanted else None
    sizes = samples.cell_sizes[complete]
    repeats = int(sizes[sizes > 0].max())
    recommendation, intervals = recommend(
        samples.axis, scores, goal, seed=origin.seed, against=against, bounds=goal.bounds(repeats)
    )
    frontier = None if beside.distinct is None else on_frontier(scores.mean(axis=0), beside.distinct)
    settings = tuple(
        Setting(
            temperature=values.get("temperature"),
            score=float(scores[:, number].mean()),
            score_ci=(float(intervals[number, 0]), float(intervals[number, 1])),
            distinct=_at(beside.distinct, number),
            agreement=_at(beside.agreement, number),
            samples=int(sizes[:, :, number].sum()),
            identical=_at(beside.identical, number),
            valid=_at(beside.valid, number),
            mean_tokens=_at(beside.mean_tokens, number),
            raw_nll=_at(beside.raw_nll, number),
            on_frontier=None if frontier is None else bool(frontier[number]),
            setting=dict(values),
            variety=None if varieties is None else varieties[number],
        )
        for number, values in enumerate(samples.axis.settings)
    )
    return Tuning(
        task=origin.task,
        model=origin.model,
        goal=goal.name,
        score=goal.score,
        settings=settings,
        recommendation=recommendation,
        forward_passes=origin.forward_passes,
        independent_passes=origin.independent_passes,
        items=len(scores),
        samples_per_item=repeats,
        seed=origin.seed,
        chain=origin.chain,
        axis=samples.axis.name,
        items_left_out=int((~complete).sum()),
        item_ids=tuple(np.array(samples.item_ids, dtype=object)[complete]),
        item_scores=scores,
        variance=variance_shares(samples, origin.seed),
        turning_point=beside.turning_point(samples, origin.seed),
    )


@dataclass(frozen=True)
class _Beside:
    """Beside the score: `[items, settings]` each, of the items that are compared; None where it is not known."""

    distinct_IS: Floats | None
    agreement_IS: Floats | None
    tokens_IS: Floats | None
    raw_nll_IS: Floats | None
    valid_IS: Floats

    @classmethod
    def of(cls, samples: Samples, complete: np.ndarray) -> _Beside:
        def known(values: Floats) -> Floats:
            return over_prompts(values)[complete]

        has_answers, has_lengths = samples.answer is not None, samples.num_tokens is not None
        sizes = samples.cell_sizes
        return cls(
            known(np.where(sizes > 0, samples.distinct() / np.maximum(sizes, 1), np.nan))
            if has_answers
            else None,
            known(samples.agreement()) if has_answers else None,
            known(samples.mean_tokens()) if has_lengths else None,
            known(samples.raw_nll()) if samples.logprob_raw is not None else None,
            known(samples.cell_scores),
        )

    @property
    def distinct(self) -> Floats | None:
        return _mean(self.distinct_IS)

    @property
    def valid(self) -> Floats | None:
        return _mean(self.valid_IS)

    @property
    def mean_tokens(self) -> Floats | None:
        return _mean(self.tokens_IS)

    @property
    def raw_nll(self) -> Floats | None:
        return _mean(self.raw_nll_IS)

    @property
    def agreement(self) -> Floats | None:
        return _mean(self._paired)

    @property
    def identical(self) -> Floats | None:
        """An item's answers are all alike exactly where every pair of them agrees."""
        paired = self._paired
        return None if paired is None else (paired == 1.0).mean(axis=0)

    @property
    def _paired(self) -> Floats | None:
        """Agreement of the items that have pairs of answers at every setting; None if none has."""
        if self.agreement_IS is None:
            return None
        paired = self.agreement_IS[~np.isnan(self.agreement_IS).any(axis=1)]
        return paired if len(paired) else None

    def turning_point(self, samples: Samples, seed: int) -> TurningPoint | None:
        if self.distinct_IS is None or self.raw_nll_IS is None:
            return None
        return turning_point(samples.axis, self.distinct_IS, self.raw_nll_IS, seed)


def _mean(values_IS: Floats | None) -> Floats | None:
    return None if values_IS is None else np.asarray(values_IS.mean(axis=0))


def _at(values: Floats | None, number: int) -> float | None:
    return None if values is None else float(values[number])
