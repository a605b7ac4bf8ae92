"""What a chain does to one distribution: who removed which tokens, and where its settings conflict.

One record for a whole row of logits (`of_row`, exact) and for a list of known tokens (`of_list`, intervals).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from retort.chain.conflicts import Setup, listed, warnings
from retort.chain.listed import named_probs, through
from retort.chain.stage import Stage
from retort.distribution.arrays import Array, as_floats, to_numpy, widened
from retort.distribution.bounds import PartialDistribution
from retort.distribution.distribution import Distribution
from retort.distribution.divergences import total_variation
from retort.distribution.measures import Interval, as_interval, nucleus_size
from retort.distribution.softmax import check_logits, log_softmax, softmax
from retort.errors import CapabilityError, InputError
from retort.transforms.context import Context


@dataclass(frozen=True)
class StageReport:
    """What one stage did.

    - `removed_ids`: in falling order of probability; token ids, or places in the list of known tokens.
    - `kept_mass`: the share of the mass entering the stage that it keeps.
    - `kept_mass_total`: the shaped probability of the tokens that are left, as far as the chain has come
      (`distribution/measures.py` says what shaped is).
    - `moved`: total variation between the distributions before and after the stage, the share of probability that it
      moves from some tokens to others: a stage that only shifts logits removes nothing and still moves mass. None where
      a list does not tell.
    """

    stage: str
    kept: int
    removed: int
    removed_ids: tuple[int, ...]
    kept_mass: Interval
    kept_mass_total: Interval
    moved: Interval | None


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
    before, shaped = logits, logits
    reports = []
    for stage in stages:
        after = stage.apply(before, context)
        if _shapes(stage):
            moved = _as_applied(stage, before, shaped, context)
            shaped = np.where(moved > -math.inf, moved, shaped)
        reports.append(_report(stage, before, after, shaped))
        before = after

    def survivors(chosen: Sequence[Stage]) -> tuple[np.ndarray, int]:
        left = logits
        for stage in chosen:
            left = stage.apply(left, context)
        mask = left > -math.inf
        return mask, int(mask.sum())

    alive = before > -math.inf
    setup = Setup(stages, reports, int((logits > -math.inf).sum()), int(nucleus_size(logits, 0.9)), survivors)
    return Explanation(
        spec=" | ".join(map(str, stages)),
        stages=tuple(reports),
        kept=int(alive.sum()),
        warnings=(*told, *warnings(setup)),
        kept_mass=_mass(shaped, alive),
        kept_raw_mass=_mass(logits, alive),
        left=Distribution(logits=before),
        probs=as_interval(softmax(before)),
    )


def of_list(stages: Sequence[Stage], known: PartialDistribution) -> Explanation:
    """The effect of each stage on what is known in part; the temperature is the chain's and not that of `known`.

    Decidable are temperature, top_k up to the tokens that are ranked, and min_p, the cutoffs and top_p where the known
    tokens tell what they keep; after the first cut, every stage that needs no token ids. Raises CapabilityError that
    names the first stage that cannot be decided, and what would decide it.
    """
    found = through(known, stages)
    raw = known.at(1.0).possible()
    reports = tuple(
        StageReport(
            str(stage),
            did.kept,
            did.removed,
            did.removed_ranks,
            did.kept_mass,
            did.kept_mass_total,
            did.moved,
        )
        for stage, did in zip(stages, found.stages, strict=True)
    )

    def survivors(chosen: Sequence[Stage]) -> tuple[np.ndarray, int]:
        left = through(known, chosen)
        mask = np.zeros(raw.num_seen + 1, dtype=bool)
        mask[left.ranks], mask[-1] = True, left.tail
        return mask, left.kept

    setup = Setup(stages, reports, raw.num_tokens, int(raw.nucleus_size(0.9).low), survivors)
    return Explanation(
        spec=" | ".join(map(str, stages)),
        stages=reports,
        kept=found.kept,
        warnings=warnings(setup),
        kept_mass=reports[-1].kept_mass_total if reports else Interval(1.0, 1.0),
        kept_raw_mass=Interval(1.0, 1.0) if found.tail else raw.share(found.ranks),
        left=found.left,
        probs=named_probs(known, found),
    )


def _with_coins(stages: Sequence[Stage], context: Context) -> tuple[Context, tuple[str, ...]]:
    """The context with coins that always fall for acting if the chain needs coins and has none, and what to say."""
    chancy = [str(stage) for stage in stages if "noise" in stage.transform.needs]
    if not chancy or context.uniforms is not None:
        return context, ()
    told = f"{listed(chancy)} acts randomly; shown here as if it acts."
    return replace(context, uniforms=lambda stream: np.zeros(1)), (told,)


def _shapes(stage: Stage) -> bool:
    """True if the stage moves logits in the sense of shaped: temperature 0 removes, adaptive_p replaces them."""
    row = stage.transform
    greedy = row.tempers and stage.setting("temperature") == 0
    return not (row.truncates or row.bans or greedy or row.update)


def _as_applied(stage: Stage, before: np.ndarray, shaped: np.ndarray, context: Context) -> np.ndarray:
    """The stage on the shaped logits; a dynamic temperature is the one that it was on the row."""
    if not stage.transform.tempers:
        return np.asarray(stage.apply(shaped, context))
    temperature = float(stage.temperatures(before))
    return shaped if temperature == 0.0 else (shaped - shaped.max()) / temperature


def _report(stage: Stage, before: np.ndarray, after: np.ndarray, shaped: np.ndarray) -> StageReport:
    alive = after > -math.inf
    removed = np.flatnonzero((before > -math.inf) & ~alive)
    by_probability = removed[np.argsort(-before[removed], kind="stable")]
    return StageReport(
        stage=str(stage),
        kept=int(alive.sum()),
        removed=len(removed),
        removed_ids=tuple(by_probability.tolist()),
        kept_mass=_mass(before, alive),
        kept_mass_total=_mass(shaped, alive),
        moved=as_interval(float(total_variation(log_softmax(before), log_softmax(after)))),
    )


def _mass(logits: np.ndarray, alive: np.ndarray) -> Interval:
    """The probability of these tokens; exactly 1 where no possible one is missing."""
    whole = bool((alive | (logits == -math.inf)).all())
    return as_interval(1.0 if whole else min(1.0, float(softmax(logits)[alive].sum())))
