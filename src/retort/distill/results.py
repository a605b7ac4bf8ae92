"""What a distillation found: a record per arm and seed, the paired differences, where they come from, the verdict.

All numbers of held-out text are nats per token at temperature 1, plain cross-entropy, lower is better. A difference is
hard minus soft, so a positive one means that distillation gave the better student.

An interval over seeds that is looked at after every seed is wrong more often than it says: P(helps | no effect) of a
95% t interval is 0.07 to 0.10 that way, not 0.025. So the interval is always valid (`always_valid_interval`) unless
the recipe says that the number of seeds was planned.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retort.blocks import Block, Table, line, table
from retort.distribution import Interval
from retort.numerals import counted, decimals, duration, number, percent, signed, signed_interval
from retort.records import Measures, Record, exact, new_axes

Part = Literal["validation", "test"]
Verdict = Literal["helps", "does not help", "cannot tell", "no control"]

CONFIDENCE = 0.95
# c of `always_valid_quantile`: narrowest at 3 to 5 seeds, t = 10.3 and 5.7 where a planned t is 4.3 and 2.8
PRIOR = 0.05
# A gain whose interval ends below this is not worth a teacher: 0.01 nats per token is 1% of the perplexity.
SMALLEST_GAIN = 0.01
BINS = 5
# docs/distill.md, "Which temperature": the default is 3, and neither it nor 1 is best everywhere.
MEASURED_TEMPERATURES = (
    "In our own measurements τ = 1 gave the lower held-out loss in short trainings, by 0.2 nats at 150 steps, and τ = 3"
    " in longer ones, by 0.25 nats at 600 steps. Try temperature=1 too (with output, hard arms are not trained again)."
)

Values = NDArray[np.floating]


@dataclass(frozen=True)
class Bin:
    """The held-out tokens whose value lies in [low, high]; nats per token at τ = 1, means over seeds.

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
class Try:
    """One training of the search: nats per token on the validation text, seconds of training."""

    learning_rate: float
    val_nll: float
    seconds: float


@dataclass(frozen=True)
class Search:
    """What an arm tried and took. `at_edge`: the best is the smallest or largest given; a better one may lie beyond."""

    seed: int
    steps: int
    tried: tuple[Try, ...]
    chosen: float
    at_edge: bool


@dataclass(frozen=True)
class ArmResult:
    """One trained student. `seconds` is training alone; `curve` holds (step, seconds, validation nats per token).

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


ARM_NAMES = {"hard": "hard labels", "soft": "soft targets", "hard_equal_time": "hard labels, same time"}
ARM_COLOURS = ("#8a8f98", "#2f6fab", "#c98b2b")
GAIN_NAMES = {
    "teacher_entropy": "teacher's entropy",
    "label_probability": "token's probability",
    "frequency": "times in training",
}


@dataclass(frozen=True, repr=False)
class DistillResult(Record):
    """Everything a distillation has to report; `to_dict` gives plain values for JSON.

    The differences are those of the validation part, and of the test part where there is one; the verdicts
    use the test part where there is one. `equal_time` compares with hard labels trained for the soft arm's
    wall-clock, and for its share of the capture (`capture_seconds`, of the whole cache) where targets come from one.
    `gain_by` holds the difference to `hard` by bins of the tokens of `gain_by_part` .
    `data`: for each text, how many documents, rows, tokens and targets it has, and how many documents
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
    capture_seconds: float | None = None
    sign: str = "differences are hard minus soft in nats per token: positive means distillation is better"

    MEASURES = ("difference", "difference_test", "difference_equal_time", "difference_equal_time_test")

    @property
    def saved(self) -> tuple[str, ...]:
        return tuple(one.saved for results in self.arms.values() for one in results if one.saved is not None)

    def differences(self) -> list[tuple[str, Difference]]:
        """The differences that there are, each with what was compared."""
        names = ("same steps, validation", "same steps, test", "same time, validation", "same time, test")
        found = zip(names, (getattr(self, name) for name in self.MEASURES), strict=True)
        return [(name, one) for name, one in found if one is not None]

    def measures(self) -> Measures:
        """The differences with their intervals, for conditions such as "difference_test < 0"."""
        there = {name: one for name in self.MEASURES if (one := getattr(self, name)) is not None}
        return {
            name: [exact(one.mean) if one.ci is None else Interval(*one.ci)] for name, one in there.items()
        }

    def table_rows(self) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in asdict(one).items() if name != "curve"}
            for results in self.arms.values()
            for one in results
        ]

    def blocks(self) -> Iterator[Block]:
        """The students, the differences, where they come from, the verdicts, and where the students are."""
        yield line("Held-out loss of each student, in nats per token at τ = 1 (lower is better)", "bold")
        yield self._students()
        for name, one in self.data.items():
            if one["truncated"] or one["dropped"]:
                yield line(
                    f"Of the {one['documents']:,} documents of the {name} text, {one['truncated']:,} were cut to the"
                    f" length of a row and {one['dropped']:,} left out, because nothing in their row counts for the"
                    " loss.",
                    whole=True,
                )
        yield line(
            "Differences are hard labels minus soft targets: above 0, distilling gave the better student."
        )
        for name, difference in self.differences():
            yield line(f"  {name}: {_signed(difference)} ({difference.method})", whole=True)
        for arm, found in (self.searches or {}).items():
            losses = ", ".join(
                f"{tried.learning_rate:g}: {decimals(tried.val_nll, 4)}" for tried in found.tried
            )
            edge = ", at the edge of the rates tried" if found.at_edge else ""
            yield line(
                f"Learning rate of {ARM_NAMES.get(arm, arm)}: {found.chosen:g}{edge} (validation after"
                f" {found.steps} steps with seed {found.seed}: {losses})",
                whole=True,
            )
        if self.gain_by:
            yield line(f"Where it comes from: {self.gain_by_part} tokens in bins, same steps", "bold")
            yield self._gains()
        yield line(f"Verdict, same steps: {self.verdict}. {self.verdict_reason}", "bold")
        if "hard_equal_time" in self.arms:
            yield line(f"Verdict, same time: {self.verdict_equal_time}. {self.verdict_equal_time_reason}")
        temperature = self.recipe.get("temperature")
        if isinstance(temperature, float) and temperature > 1:
            yield line(
                f"The soft targets were at τ = {number(temperature)}. {MEASURED_TEMPERATURES}", whole=True
            )
        for folder in self.saved:
            yield line(f"Saved: {folder} (with its model card, README.md)", whole=True)

    def plot(self, axes: Any = None) -> Any:
        """Validation loss against training steps, every seed and each arm's mean; the title says the gain."""
        axes = new_axes(axes)
        for (arm, results), colour in zip(self.arms.items(), ARM_COLOURS, strict=False):
            for one in results:
                taken, _, losses = zip(*one.curve, strict=True) if one.curve else ((), (), ())
                axes.plot(taken, losses, color=colour, alpha=0.35)
            steps = [step for step, _, _ in results[0].curve] if results else []
            alike = [one.curve for one in results if [step for step, _, _ in one.curve] == steps]
            means = [statistics.fmean(curve[at][2] for curve in alike) for at in range(len(steps))]
            axes.plot(steps, means, color=colour, linewidth=2, label=ARM_NAMES.get(arm, arm))
        axes.set_xlabel("training step")
        axes.set_ylabel("validation loss (nats per token, τ = 1)")
        seeds = counted(max(map(len, self.arms.values()), default=0), "seed")
        axes.legend(frameon=False, title=f"{seeds}, mean bold")
        gain = self.difference_test or self.difference
        if gain is not None:
            axes.set_title(f"{gain.part.capitalize()} loss, hard minus soft: {_signed(gain)} nats per token")
        return axes

    def _students(self) -> Table:
        masked = bool(self.recipe.get("data", {}).get("completions_only"))
        learned = (">learned",) if masked else ()
        rows = (
            (
                ARM_NAMES.get(arm, arm), str(one.seed), decimals(one.val_nll, 4), decimals(one.test_nll, 4),
                decimals(one.seconds, 1), f"{one.tokens:,}", *[f"{one.targets or 0:,}"] * masked, f"{one.steps:,}",
            )
            for arm, results in self.arms.items()
            for one in results
        )  # fmt: skip
        return table(
            ("student", ">seed", ">validation", ">test", ">seconds", ">tokens seen", *learned, ">steps"), rows
        )

    def _gains(self) -> Table:
        rows = (
            (
                GAIN_NAMES.get(question, question) if place == 0 else "", f"{number(one.low)} to {number(one.high)}",
                percent(one.share), decimals(one.hard_nll), decimals(one.soft_nll), signed(one.difference),
                "" if one.ci is None else signed_interval(one.ci), signed(one.part, 4),
            )
            for question, bins in (self.gain_by or {}).items()
            for place, one in enumerate(bins)
        )  # fmt: skip
        return table(("by", ">bin", ">tokens", ">hard", ">soft", ">difference", ">interval", ">part"), rows)


def _signed(one: Difference) -> str:
    interval = "" if one.ci is None else f" ({signed_interval(one.ci, 4)})"
    return f"{signed(one.mean, 4)}{interval}"


def paired_difference(
    hard: Sequence[ArmResult], soft: Sequence[ArmResult], part: Part, *, planned: bool = False
) -> Difference | None:
    """The mean of hard − soft over the seeds that both arms have, with its interval.

    None where nothing was measured, or something that is no finite number. The interval is about seeds (initial weights
    and data order) on this text, not about other texts. `planned`: the number of seeds was fixed beforehand.
    """
    by_seed = {one.seed: one.nll(part) for one in soft}
    pairs = ((one.seed, one.nll(part), by_seed.get(one.seed)) for one in hard)
    differences = {seed: a - b for seed, a, b in pairs if a is not None and b is not None}
    values = tuple(differences.values())
    if not values or not all(map(math.isfinite, values)):
        return None
    interval = paired_interval(values, planned=planned)
    kind = "paired t interval" if planned else "always-valid interval"
    if interval is not None:
        method = f"{percent(CONFIDENCE)} {kind} over {len(values)} seeds"
    elif len(values) == 1:
        method = "no interval: one seed has no spread"
    else:
        method = f"no {kind}: {len(values)} seeds are too few for one"
    return Difference(part, statistics.fmean(values), interval, values, tuple(differences), method)


def paired_interval(differences: Sequence[float], *, planned: bool = False) -> tuple[float, float] | None:
    """mean ± t · s / √n of n paired differences, s their standard deviation; None where there are too few.

    t is Student's quantile where n was planned, and the always-valid one else.
    """
    num = len(differences)
    if num < 2:
        return None
    from scipy.stats import t as student_t

    quantile = student_t.ppf((1 + CONFIDENCE) / 2, num - 1) if planned else always_valid_quantile(num)
    if not math.isfinite(quantile):
        return None
    mean, spread = statistics.fmean(differences), statistics.stdev(differences)
    half = float(quantile) * spread / math.sqrt(num)
    return mean - half, mean + half


def always_valid_quantile(num: int) -> float:
    """The t beyond which a mean of `num` normal differences is excluded, however often one looks; infinite below 3.

    E_n = √r · ((1 + x) / (1 + r x))^(n/2), with x = t² / (n − 1) and r = c / (n + c), is a test martingale of "the
    mean is μ, whatever the variance" (Lai 1976; Wang and Ramdas 2024, theorem 3.2: effect sizes mixed over a normal
    of variance 1/c). It passes 1/(1 − CONFIDENCE) with probability 1 − CONFIDENCE at most over all n (Ville), half of
    that on each side. Solved for t.
    """
    share = PRIOR / (num + PRIOR)
    # ((1 + x) / (1 + r x)) must reach this; it stays below 1/r.
    needed = ((1 / (1 - CONFIDENCE)) / math.sqrt(share)) ** (2 / num)
    if num < 2 or needed * share >= 1:
        return math.inf
    return math.sqrt((num - 1) * (needed - 1) / (1 - needed * share))


def judge(difference: Difference | None, against: str, diverged: Sequence[str] = ()) -> tuple[Verdict, str]:
    """The verdict and the sentence that gives its reason.

    helps: the interval lies above 0. does not help: it ends below SMALLEST_GAIN, so that any gain worth
    having is excluded. cannot tell: everything between, without an interval, and where a training `diverged`.
    """
    if diverged:
        return "cannot tell", (
            f"Training diverged: the held-out loss of {', '.join(diverged)} is not a finite number, so nothing is"
            " compared; use a smaller learning_rate."
        )
    if difference is None:
        missing = f"There is no control: {against} was not trained, so what distilling added is not known."
        return "no control", missing
    gain = f"{signed(difference.mean, 4)} nats per token on the {difference.part} text against {against}"
    if difference.ci is None:
        seeds = "1 seed is" if len(difference.seeds) == 1 else f"{len(difference.seeds)} seeds are"
        return "cannot tell", f"{gain}, but {seeds} too few for an interval; use 3 or more."
    low, high = difference.ci
    interval = f"{gain}, {difference.method} {signed_interval(difference.ci, 4)}"
    if low > 0:
        return "helps", f"{interval}, which is above 0."
    if high < SMALLEST_GAIN:
        return "does not help", f"{interval}, which excludes a gain of {SMALLEST_GAIN} or more."
    both = f"which contains both no gain and a gain of {SMALLEST_GAIN} or more; use more seeds."
    return "cannot tell", f"{interval}, {both}"


def diverged(arms: Mapping[str, Sequence[ArmResult]], control: str) -> list[str]:
    """The trainings of the soft arm and of `control` that ended without a finite loss, as `soft, seed 1`."""
    return [
        f"{name}, seed {one.seed}"
        for name in (control, "soft")
        for one in arms.get(name, ())
        if not all(math.isfinite(nll) for nll in (one.val_nll, one.test_nll) if nll is not None)
        if control in arms
    ]


def conclude(
    recipe: dict[str, Any],
    teacher: dict[str, Any],
    arms: Mapping[str, Sequence[ArmResult]],
    *,
    captured: bool = False,
    capture_seconds: float | None = None,
    planned: bool = False,
    **beside: Any,
) -> DistillResult:
    """The result of finished arms `hard`, `soft` and `hard_equal_time`, whichever there are; `beside`: other fields of
    the record. `captured`: the soft targets come from a cache."""
    soft = arms.get("soft", ())
    compared = {
        (name, part): paired_difference(arms.get(name, ()), soft, part, planned=planned)
        for name in ("hard", "hard_equal_time")
        for part in ("validation", "test")
    }
    (verdict, reason), (verdict_time, reason_time) = (
        judge(
            compared[name, "test"] or compared[name, "validation"],
            f"the same student on hard labels for the same {same}",
            diverged(arms, name),
        )
        for name, same in (("hard", "steps"), ("hard_equal_time", "wall-clock time"))
    )
    if captured and "hard_equal_time" in arms:
        reason_time += (
            " How long the capture took is not known, so it is not counted."
            if capture_seconds is None
            else f" The time includes the capture, {duration(capture_seconds)}."
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
        capture_seconds=capture_seconds,
        **beside,
    )


def token_frequency(
    training_ids: NDArray[np.int64], counted: NDArray[np.bool_], labels: NDArray[np.int64]
) -> Values:
    """How often each of `labels` `[targets]` stands among the `counted` of `training_ids`."""
    ids = training_ids[counted]
    size = int(max(ids.max(initial=0), labels.max(initial=0))) + 1
    return np.bincount(ids, minlength=size)[labels].astype(np.float64)


def gain_by(
    facts: Mapping[str, Values],
    hard: Mapping[int, Values],
    soft: Mapping[int, Values],
    bins: int = BINS,
    *,
    planned: bool = False,
) -> dict[str, tuple[Bin, ...]]:
    """The bins of each fact; `hard` and `soft` hold nats `[targets]` by seed, and seeds in both are compared.

    `facts`: what is known of every held-out token without a student, `[targets]` under the names of GAIN_NAMES: how
    uncertain the teacher was there (its entropy, nats), how likely the teacher held the token that came, and how often
    the training text has that token. By each the tokens are cut into bins of about equal size, and in each bin the arms
    are compared as in the whole. A bin's share of the tokens times its difference is its part of the whole difference;
    the parts of a fact add up to it. Nothing where a training diverged.
    """
    seeds = [seed for seed in hard if seed in soft]
    if not seeds or not len(hard[seeds[0]]):
        return {}
    hard_nll, soft_nll = (np.stack([of[seed] for seed in seeds]).astype(np.float64) for of in (hard, soft))
    if not (np.isfinite(hard_nll).all() and np.isfinite(soft_nll).all()):
        return {}

    def one(values: Values, inside: NDArray[np.bool_]) -> Bin:
        hard_means, soft_means = hard_nll[:, inside].mean(axis=1), soft_nll[:, inside].mean(axis=1)
        differences = hard_means - soft_means
        difference, share = float(differences.mean()), float(inside.mean())
        return Bin(
            low=float(values[inside].min()),
            high=float(values[inside].max()),
            tokens=int(inside.sum()),
            share=share,
            hard_nll=float(hard_means.mean()),
            soft_nll=float(soft_means.mean()),
            difference=difference,
            ci=paired_interval(differences.tolist(), planned=planned),
            part=share * difference,
        )

    found = {}
    # Bins of about equal size, so that each mean is known about equally well; equal widths would leave most empty.
    for name, known in facts.items():
        values = np.asarray(known, np.float64)
        places = places_in(values, bins)
        found[name] = tuple(one(values, places == place) for place in np.unique(places))
    return found


def places_in(values: Values, bins: int) -> NDArray[np.int64]:
    """The bin of each value, cut at the quantiles; equal values share a bin, so there can be fewer bins."""
    # "higher": a cut is itself a value, and all that are equal to it come to lie on one side.
    cuts = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="higher"))
    return np.searchsorted(cuts, values, side="right")
