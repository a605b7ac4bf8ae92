"""What a distillation found: one record an arm and seed, the paired difference, and the verdict in words.

All numbers of held-out text are nats a token at temperature 1, plain cross-entropy, lower is better. A
difference is hard minus soft, so a positive one means that distillation gave the better student.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from retort.distill.breakdown import Bin
    from retort.distill.search import Search

Part = Literal["validation", "test"]
Verdict = Literal["helps", "does not help", "cannot tell", "no control"]

CONFIDENCE = 0.95
# A gain whose interval ends below this is not worth a teacher: 0.01 nats a token is 1 % of the perplexity.
SMALLEST_GAIN = 0.01


@dataclass(frozen=True)
class ArmResult:
    """One trained student. `seconds` is training alone; `curve` holds (step, seconds, validation nats a token).

    `tokens` were read in training, every pass counted; `targets` of them were predicted and counted in the loss (None
    in results of versions that did not count them).
    `kept_step` is the step whose weights were measured and saved: the last one, or the best of the curve.
    """

    arm: str
    seed: int
    val_nll: float
    test_nll: float | None
    seconds: float
    seconds_per_step: float
    tokens: int
    steps: int
    kd_weight: float
    ce_weight: float
    curve: tuple[tuple[int, float, float], ...]
    saved: str | None = None
    targets: int | None = None
    learning_rate: float | None = None
    kept_step: int | None = None

    def nll(self, part: Part) -> float | None:
        """Nats a token on the validation or the test part."""
        return self.val_nll if part == "validation" else self.test_nll

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ArmResult:
        """The record that `asdict` took apart."""
        return cls(**{**values, "curve": tuple((int(s), float(t), float(n)) for s, t, n in values["curve"])})


@dataclass(frozen=True)
class Difference:
    """Hard minus soft, paired over seeds; positive: distillation is better. `ci` is None with a single seed."""

    part: Part
    mean: float
    ci: tuple[float, float] | None
    per_seed: tuple[float, ...]
    seeds: tuple[int, ...]
    method: str


@dataclass(frozen=True)
class DistillResult:
    """Everything a distillation has to report; `to_dict` gives plain values for JSON.

    The differences are those of the validation part, and of the test part where there is one; the verdicts
    use the test part where there is one. `equal_time` compares with hard labels trained for the soft arm's
    wall-clock. `gain_by` holds the difference to `hard` by bins of the tokens of `gain_by_part` (see breakdown.py).
    `data` says of each text how many documents, rows, tokens and targets it has, and how many documents
    were cut to a row or had nothing to be learned.
    """

    recipe: dict[str, Any]
    teacher: dict[str, Any]
    arms: dict[str, tuple[ArmResult, ...]]
    difference: Difference | None
    difference_test: Difference | None
    difference_equal_time: Difference | None
    difference_equal_time_test: Difference | None
    verdict: Verdict
    verdict_reason: str
    verdict_equal_time: Verdict
    verdict_equal_time_reason: str
    gain_by: dict[str, tuple[Bin, ...]] | None = None
    gain_by_part: Part | None = None
    data: dict[str, dict[str, int]] = field(default_factory=dict)
    searches: dict[str, Search] | None = None
    sign: str = "differences are hard minus soft in nats a token: positive means distillation is better"

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values."""
        return asdict(self)


def paired_difference(hard: Sequence[ArmResult], soft: Sequence[ArmResult], part: Part) -> Difference | None:
    """The mean of hard − soft over the seeds that both arms have, with its interval; None where nothing was measured.

    The interval (`paired_interval`) speaks
    of seeds (initial weights and data order) on this text, not of other texts.
    """
    by_seed = {one.seed: one.nll(part) for one in soft}
    pairs = {one.seed: (one.nll(part), by_seed.get(one.seed)) for one in hard}
    differences = {seed: a - b for seed, (a, b) in pairs.items() if a is not None and b is not None}
    if not differences:
        return None
    values = tuple(differences.values())
    interval = paired_interval(values)
    method = (
        "no interval: one seed has no spread"
        if interval is None
        else f"{CONFIDENCE:.0%} paired t interval over {len(values)} seeds"
    )
    return Difference(part, statistics.fmean(values), interval, values, tuple(differences), method)


def paired_interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """mean ± t(n − 1) · s / √n of paired differences, s their standard deviation; None where there is but one."""
    if len(differences) < 2:
        return None
    from scipy.stats import t as student_t

    mean, spread = statistics.fmean(differences), statistics.stdev(differences)
    half = (
        float(student_t.ppf((1 + CONFIDENCE) / 2, len(differences) - 1))
        * spread
        / math.sqrt(len(differences))
    )
    return mean - half, mean + half


def judge(difference: Difference | None, against: str) -> tuple[Verdict, str]:
    """The verdict and the sentence that gives its reason.

    helps: the interval lies above 0. does not help: it ends below SMALLEST_GAIN, so that any gain worth
    having is excluded. cannot tell: everything between, and always with one seed.
    """
    if difference is None:
        return (
            "no control",
            f"There is no control: {against} was not trained, so nobody knows what distillation added.",
        )
    number = f"{difference.mean:+.4f} nats a token on the {difference.part} text against {against}"
    if difference.ci is None:
        return (
            "cannot tell",
            f"{number}, but one seed says nothing about the spread between seeds; use 3 or more.",
        )
    low, high = difference.ci
    interval = f"{number}, {difference.method} [{low:+.4f}, {high:+.4f}]"
    if low > 0:
        return "helps", f"{interval}, which lies above 0."
    if high < SMALLEST_GAIN:
        return "does not help", f"{interval}, which excludes a gain of {SMALLEST_GAIN} or more."
    return (
        "cannot tell",
        f"{interval}, which holds both no gain and a gain of {SMALLEST_GAIN} or more; use more seeds.",
    )


def conclude(
    recipe: dict[str, Any],
    teacher: dict[str, Any],
    arms: Mapping[str, Sequence[ArmResult]],
    *,
    gain_by: dict[str, tuple[Bin, ...]] | None = None,
    gain_by_part: Part | None = None,
    data: dict[str, dict[str, int]] | None = None,
    searches: dict[str, Search] | None = None,
) -> DistillResult:
    """The result of finished arms `hard`, `soft` and `hard_equal_time`, whichever there are."""
    soft = arms.get("soft", ())
    compared = {
        (name, part): paired_difference(arms.get(name, ()), soft, part)
        for name in ("hard", "hard_equal_time")
        for part in ("validation", "test")
    }
    verdict, reason = judge(
        compared["hard", "test"] or compared["hard", "validation"],
        "the same student on hard labels for the same steps",
    )
    verdict_time, reason_time = judge(
        compared["hard_equal_time", "test"] or compared["hard_equal_time", "validation"],
        "the same student on hard labels for the same wall-clock",
    )
    return DistillResult(
        recipe=recipe,
        teacher=teacher,
        arms={name: tuple(results) for name, results in arms.items()},
        difference=compared["hard", "validation"],
        difference_test=compared["hard", "test"],
        difference_equal_time=compared["hard_equal_time", "validation"],
        difference_equal_time_test=compared["hard_equal_time", "test"],
        verdict=verdict,
        verdict_reason=reason,
        verdict_equal_time=verdict_time,
        verdict_equal_time_reason=reason_time,
        gain_by=gain_by,
        gain_by_part=gain_by_part,
        data=data or {},
        searches=searches,
    )
