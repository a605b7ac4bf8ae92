"""What a chain does to one row of logits: who removed which tokens, and where its settings conflict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from retort.chain.conflicts import Row, listed, warnings
from retort.distribution.arrays import Array, as_floats, to_numpy, widened
from retort.distribution.divergences import total_variation
from retort.distribution.softmax import check_logits, log_softmax, softmax
from retort.errors import InputError
from retort.transforms.context import Context

if TYPE_CHECKING:
    from retort.chain.chain import Chain, Stage


@dataclass(frozen=True)
class StageReport:
    """What one stage did.

    `removed_ids` are in falling order of probability. `kept_mass` is the share of the mass entering the stage
    that it keeps; `kept_mass_total` the share that the surviving tokens have of the untruncated distribution,
    at the temperature, penalties and bias reached so far. `moved`: total variation between the distributions before
    and after the stage, the share of probability that it moves from some tokens to others; a stage that only shifts
    logits removes nothing and still moves mass.
    """

    stage: str
    kept: int
    removed: int
    removed_ids: tuple[int, ...]
    kept_mass: float
    kept_mass_total: float
    moved: float


@dataclass(frozen=True)
class Explanation:
    """The chain as text, a report for each stage in order, the number of tokens left, and warnings.

    `processed`: the row's logits `[vocab]` after the whole chain, float64; their softmax is what is sampled.
    """

    spec: str
    stages: tuple[StageReport, ...]
    kept: int
    warnings: tuple[str, ...]
    processed: np.ndarray = field(repr=False, compare=False)


def explain(chain: Chain, logits: Array, context: Context | None = None) -> Explanation:
    """The effect of each stage of `chain` on one row of logits `[vocab]`, in order; masses in float64.

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
    context, told = _with_coins(chain, context or Context())
    before = logits
    untruncated = logits
    reports = []
    for stage in chain:
        after = stage.apply(before, context)
        if _shifts(stage):
            untruncated = stage.apply(untruncated, context)
        reports.append(_report(stage, before, after, untruncated))
        before = after
    kept = int(np.sum(before > -math.inf))
    conflicts = warnings(Row(chain, logits, context, reports))
    return Explanation(str(chain), tuple(reports), kept, (*told, *conflicts), before)


def _with_coins(chain: Chain, context: Context) -> tuple[Context, tuple[str, ...]]:
    """The context with coins that always fall for acting if the chain needs coins and has none, and what to say."""
    if "noise" not in chain.needs or context.uniforms is not None:
        return context, ()
    chancy = [str(stage) for stage in chain if "noise" in stage.transform.needs]
    told = f"{listed(chancy)} acts by chance, at its share of the tokens; this is a token at which it acts."
    return replace(context, uniforms=lambda stream: np.zeros(1)), (told,)


def _shifts(stage: Stage) -> bool:
    """True if the stage only reshapes: what it leaves still counts as untruncated.

    Temperature 0 removes tokens itself, so its masses are those of the distribution that enters it.
    """
    greedy = stage.transform.tempers and stage.setting("temperature") == 0
    return not (stage.transform.truncates or stage.transform.bans or greedy)


def _report(stage: Stage, before: np.ndarray, after: np.ndarray, untruncated: np.ndarray) -> StageReport:
    alive = after > -math.inf
    removed = np.flatnonzero((before > -math.inf) & ~alive)
    by_probability = removed[np.argsort(-before[removed], kind="stable")]
    return StageReport(
        stage=str(stage),
        kept=int(alive.sum()),
        removed=len(removed),
        removed_ids=tuple(by_probability.tolist()),
        kept_mass=1.0 if len(removed) == 0 else float(softmax(before)[alive].sum()),
        kept_mass_total=min(1.0, float(softmax(untruncated)[alive].sum())),
        moved=float(total_variation(log_softmax(before), log_softmax(after))),
    )
