"""What a chain does to one distribution: who removed which tokens, and where its settings conflict.

One record for a whole row of logits (`of_row`, exact) and for a list of known tokens (`of_list`, intervals). The page
has the same warnings, word for word, in frontend/src/math/conflicts.ts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from retort.chain.listed import named_probs, through
from retort.chain.stage import Stage, StageReport, Step, hot_of, steps, temperature_of
from retort.distribution.arrays import Array, as_floats, to_numpy, widened
from retort.distribution.bounds import PartialDistribution
from retort.distribution.distribution import Distribution
from retort.distribution.divergences import total_variation
from retort.distribution.measures import Interval, as_interval, nucleus_size
from retort.distribution.softmax import check_logits, log_softmax, softmax
from retort.errors import CapabilityError, InputError, joined
from retort.numerals import counted
from retort.transforms.context import Context


@dataclass(frozen=True)
class Explanation:
    """The chain as text, a report for each stage in order, the number of tokens left, and warnings.

    `left`: the processed distribution, over the vocabulary, or over the tokens that are left of a list, by rank.
    `probs`: the processed probability of each token, by id or by place in the list of known tokens. `kept_mass` and
    `kept_raw_mass`: the shaped and the raw probability of the tokens that are left.
    """

    spec: str
    stages: tuple[StageReport, ...]
    kept: int
    warnings: tuple[str, ...]
    kept_mass: Interval
    kept_raw_mass: Interval
    left: Distribution | PartialDistribution = field(repr=False, compare=False)
    probs: Interval = field(repr=False, compare=False)

    @property
    def entropy(self) -> Interval:
        """Entropy of the processed distribution in nats."""
        return as_interval(self.left.entropy)

    @property
    def effective_support(self) -> Interval:
        """`e^H` of the processed distribution."""
        return as_interval(self.left.effective_support)

    @property
    def processed(self) -> np.ndarray:
        """The row's logits `[vocab]` after the whole chain, float64. Raises CapabilityError for a list."""
        if isinstance(self.left, PartialDistribution):
            raise CapabilityError(
                "A list of known tokens has no row of processed logits; use left and probs."
            )
        return np.asarray(self.left.logits)


def of_row(stages: Sequence[Stage], logits: Array, context: Context) -> Explanation:
    """The effect of each stage on one row of logits `[vocab]`, in order; masses in float64.

    `context`: the row's history and whatever else the chain needs. A chain that needs noise and gets none is shown as
    it acts when every coin says that it shall (and a warning says so).
    Raises InputError for a row that cannot be used, or more than one row.
    """
    logits = as_floats(logits)
    if logits.ndim != 1:
        raise InputError(
            f"explain takes one row of logits [vocab], got shape {tuple(logits.shape)}; call it row by row"
        )
    check_logits(logits)
    logits = widened(to_numpy(logits))
    context, told = _with_coins(stages, context)
    left, shaped = logits, logits
    reports = []
    for step in steps(stages, logits, context):
        left, shaped = step.after, step.shaped
        reports.append(_report(step))

    def survivors(chosen: Sequence[Stage]) -> tuple[np.ndarray, int]:
        row = logits
        for stage in chosen:
            row = stage.apply(row, context)
        mask = row > -math.inf
        return mask, int(mask.sum())

    alive = left > -math.inf
    setup = Setup(stages, reports, int((logits > -math.inf).sum()), int(nucleus_size(logits, 0.9)), survivors)
    return Explanation(
        spec=" | ".join(map(str, stages)),
        stages=tuple(reports),
        kept=int(alive.sum()),
        warnings=(*told, *warnings(setup)),
        kept_mass=_mass(shaped, alive),
        kept_raw_mass=_mass(logits, alive),
        left=Distribution(logits=left),
        probs=as_interval(softmax(left)),
    )


def of_list(stages: Sequence[Stage], known: PartialDistribution) -> Explanation:
    """The effect of each stage on what is known in part; the temperature is the chain's and not that of `known`.

    Decidable are temperature, top_k up to the tokens that are ranked, and min_p, the cutoffs and top_p where the known
    tokens tell what they keep; after the first cut, every stage that needs no token ids. Raises CapabilityError that
    names the first stage that cannot be decided, and what would decide it.
    """
    found = through(known, stages)
    raw = known.at(1.0).possible()

    def survivors(chosen: Sequence[Stage]) -> tuple[np.ndarray, int]:
        left = through(known, chosen)
        mask = np.zeros(raw.num_seen + 1, dtype=bool)
        # One more place for all unknown tokens together: they stay or go as one.
        mask[left.ranks], mask[-1] = True, left.tail
        return mask, left.kept

    setup = Setup(stages, found.stages, raw.num_tokens, int(raw.nucleus_size(0.9).low), survivors)
    return Explanation(
        spec=" | ".join(map(str, stages)),
        stages=found.stages,
        kept=found.kept,
        warnings=warnings(setup),
        kept_mass=found.stages[-1].kept_mass_total if found.stages else Interval(1.0, 1.0),
        kept_raw_mass=Interval(1.0, 1.0) if found.tail else raw.share(found.ranks),
        left=found.left,
        probs=named_probs(known, found),
    )


def _with_coins(stages: Sequence[Stage], context: Context) -> tuple[Context, tuple[str, ...]]:
    """The context with coins that always fall for acting if the chain needs coins and has none, and what to say."""
    chancy = [str(stage) for stage in stages if "noise" in stage.transform.needs]
    if not chancy or context.uniforms is not None:
        return context, ()
    told = f"{joined(chancy)} acts randomly; shown here as if it acts."
    return replace(context, uniforms=lambda stream: np.zeros(1)), (told,)


def _report(step: Step) -> StageReport:
    alive = step.after > -math.inf
    removed = np.flatnonzero((step.before > -math.inf) & ~alive)
    by_probability = removed[np.argsort(-step.before[removed], kind="stable")]
    return StageReport(
        stage=str(step.stage),
        kept=int(alive.sum()),
        removed=len(removed),
        removed_ids=tuple(by_probability.tolist()),
        kept_mass=_mass(step.before, alive),
        kept_mass_total=_mass(step.shaped, alive),
        moved=as_interval(float(total_variation(log_softmax(step.before), log_softmax(step.after)))),
    )


def _mass(logits: np.ndarray, alive: np.ndarray) -> Interval:
    """The probability of these tokens; exactly 1 where no possible one is missing."""
    whole = bool((alive | (logits == -math.inf)).all())
    return as_interval(1.0 if whole else min(1.0, float(softmax(logits)[alive].sum())))


@dataclass(frozen=True)
class Setup:
    """A chain at one position: its stages, what each did there, and what other chains would do.

    `before`: how many tokens could come at all. `nucleus`: how many hold 90% of the probability at τ = 1.
    `survivors` gives the tokens that other stages would keep, as a mask and as a number; it raises CapabilityError
    where that cannot be known.
    """

    chain: Sequence[Stage]
    reports: Sequence[StageReport]
    before: int
    nucleus: int
    survivors: Callable[[Sequence[Stage]], tuple[np.ndarray, int]]

    def kept(self, stages: Sequence[Stage]) -> np.ndarray:
        """True for the tokens that these stages keep."""
        return self.survivors(stages)[0]

    def count(self, stages: Sequence[Stage]) -> int:
        """How many tokens these stages keep."""
        return self.survivors(stages)[1]

    def alone(self, truncation: Stage) -> list[Stage]:
        """The chain with `truncation` as its only truncation."""
        return [stage for stage in self.chain if stage is truncation or not stage.transform.truncates]

    @property
    def truncations(self) -> list[Stage]:
        """The stages that remove tokens by their probability."""
        return [stage for stage in self.chain if stage.transform.truncates]

    @property
    def total(self) -> int:
        """How many tokens the whole chain keeps."""
        return self.reports[-1].kept if self.reports else self.before

    @property
    def left(self) -> str:
        """The same in words: 1 token, 50 tokens."""
        return counted(self.total, "token")


def warnings(setup: Setup) -> tuple[str, ...]:
    """Every conflict found, one sentence each; what a list of known tokens cannot tell is left out."""
    if temperature_of(setup.chain) == 0.0:
        return tuple(_greedy(setup))
    found: list[str] = []
    for conflicts in CONFLICTS:
        try:
            found += list(conflicts(setup))
        except CapabilityError:
            continue
    return tuple(found)


def _greedy(setup: Setup) -> Iterator[str]:
    names = joined([str(stage) for stage in setup.truncations])
    if names:
        yield f"{hot_of(setup.chain)} takes the most likely token in any case, so {names} cannot change the result."


def _idle(setup: Setup) -> Iterator[str]:
    for stage, report in zip(setup.chain, setup.reports, strict=True):
        if stage.transform.truncates and report.removed == 0:
            one = report.kept == 1
            why = "one token reaches it." if one else f"it keeps all {report.kept:,} tokens that reach it."
            yield f"{report.stage} removes nothing here: {why}"


def _moot(setup: Setup) -> Iterator[str]:
    """Stages that remove tokens which the rest of the chain would remove anyway."""
    final = setup.kept(setup.chain)
    # Leaving a stage out and looking whether anything changes is the definition, and needs no rule for each pair.
    for stage, report in zip(setup.chain, setup.reports, strict=True):
        if not stage.transform.truncates or report.removed == 0:
            continue
        others = [other for other in setup.chain if other is not stage]
        if not np.array_equal(setup.kept(others), final):
            continue
        by = [
            str(other)
            for other in setup.truncations
            if other is not stage and np.array_equal(setup.kept(setup.alone(other)), final)
        ]
        cause = by[0] if by else "the other stages"
        yield f"{report.stage} is made moot by {cause}: without it the same {setup.left} would be kept."


def _tighter_together(setup: Setup) -> Iterator[str]:
    if len(setup.truncations) < 2:
        return
    alone = {str(stage): setup.count(setup.alone(stage)) for stage in setup.truncations}
    if setup.total < min(alone.values()):
        counts = ", ".join(f"{stage} keeps {count:,}" for stage, count in alone.items())
        yield (
            f"together the stages keep {setup.left}, fewer than any of them alone ({counts}): "
            "each one cuts what the one before it left."
        )


def _late_temperature(setup: Setup) -> Iterator[str]:
    stages, hot = list(setup.chain), hot_of(setup.chain)
    if hot is None:
        return
    earlier = [stage for stage in stages[: stages.index(hot)] if stage.transform.truncates]
    if not earlier:
        return
    place = stages.index(earlier[0])
    others = [stage for stage in stages if stage is not hot]
    # The same chain with the temperature right before the first truncation that came too early.
    first = setup.count([*others[:place], hot, *others[place:]])
    if setup.total != first:
        one = len(earlier) == 1
        yield (
            f"{joined([str(stage) for stage in earlier])} {'comes' if one else 'come'} before {hot}, "
            f"so {'it does' if one else 'they do'} not see that temperature; "
            f"{setup.left} {'remains' if setup.total == 1 else 'remain'}; with temperature first, as is "
            f"retort's default, it would be {first:,}."
        )


def _no_choice_left(setup: Setup) -> Iterator[str]:
    if setup.truncations and setup.total == 1 and setup.before != 1:
        yield "one token is left, so every draw here is the greedy token, whatever temperature and seed."


def _opposed(setup: Setup) -> Iterator[str]:
    """τ above 1 asks for variety; truncation that leaves less than the τ = 1 nucleus takes it back."""
    temperature = temperature_of(setup.chain)
    if temperature > 1.0 and setup.truncations and setup.total < setup.nucleus:
        yield (
            f"temperature={temperature:g} asks for more variety, but the truncations then keep {setup.left}, "
            f"fewer than the {setup.nucleus:,} that hold 90% of the probability at temperature 1."
        )


def _many_truncations(setup: Setup) -> Iterator[str]:
    if len(setup.truncations) >= 3:
        yield (
            f"{len(setup.truncations)} truncations are stacked; one is usually enough, and easier to reason about: set "
            "the temperature first, then top_p=0.9, say."
        )


CONFLICTS = (
    _idle, _moot, _tighter_together, _late_temperature, _no_choice_left, _opposed, _many_truncations,
)  # fmt: skip
