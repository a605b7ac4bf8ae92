"""What a chain does to one row of logits: who removed which tokens, and where its settings conflict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retort.distribution.arrays import Array, as_floats, to_numpy, widened
from retort.distribution.softmax import check_logits, softmax
from retort.distribution.transforms import nucleus_sizes
from retort.errors import InputError

if TYPE_CHECKING:
    from retort.distribution.chain import Chain, Stage


@dataclass(frozen=True)
class StageReport:
    """What one stage did.

    `removed_ids` are in falling order of probability. `kept_mass` is the share of the mass entering the stage
    that it keeps; `kept_mass_total` the share that the surviving tokens have of the untruncated distribution,
    at the temperature reached so far.
    """

    stage: str
    kept: int
    removed: int
    removed_ids: tuple[int, ...]
    kept_mass: float
    kept_mass_total: float


@dataclass(frozen=True)
class Explanation:
    """The chain as text, a report for each stage in order, the number of tokens left, and warnings."""

    spec: str
    stages: tuple[StageReport, ...]
    kept: int
    warnings: tuple[str, ...]


def explain(chain: Chain, logits: Array) -> Explanation:
    """The effect of each stage of `chain` on one row of logits `[vocab]`, in order; masses in float64.

    Raises InputError for a row that cannot be used, or more than one row.
    """
    logits = as_floats(logits)
    if logits.ndim != 1:
        raise InputError(
            f"explain takes one row of logits [vocab], got shape {tuple(logits.shape)}; call it row by row"
        )
    check_logits(logits)
    logits = widened(to_numpy(logits))
    before = logits
    untruncated = logits
    reports = []
    for stage in chain:
        after = stage.apply(before)
        # Temperature 0 removes tokens itself, so its masses are those of the distribution that enters it.
        if not stage.transform.truncates and stage.value != 0:
            untruncated = stage.apply(untruncated)
        reports.append(_report(stage, before, after, untruncated))
        before = after
    kept = int(np.sum(before > -math.inf))
    return Explanation(str(chain), tuple(reports), kept, _warnings(chain, logits, reports))


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
    )


def _warnings(chain: Chain, logits: np.ndarray, reports: Sequence[StageReport]) -> tuple[str, ...]:
    if chain.temperature == 0.0:
        return _greedy_warning(chain)
    return (
        *_idle(chain, reports),
        *_moot(chain, logits, reports),
        *_tighter_together(chain, logits),
        *_late_temperature(chain, logits),
        *_no_choice_left(chain, logits),
        *_opposed(chain, logits),
        *_many_truncations(chain),
    )


def _truncations(chain: Chain) -> list[Stage]:
    return [stage for stage in chain if stage.transform.truncates]


def _kept(stages: Sequence[Stage], logits: np.ndarray) -> np.ndarray:
    """`[vocab]` True for the tokens that these stages keep."""
    for stage in stages:
        logits = stage.apply(logits)
    return logits > -math.inf


def _alone(chain: Chain, truncation: Stage) -> list[Stage]:
    """The chain with `truncation` as its only truncation."""
    return [stage for stage in chain if stage is truncation or not stage.transform.truncates]


def _greedy_warning(chain: Chain) -> tuple[str, ...]:
    names = _list([str(stage) for stage in _truncations(chain)])
    if not names:
        return ()
    return (f"temperature=0 takes the most likely token in any case, so {names} cannot change the result.",)


def _idle(chain: Chain, reports: Sequence[StageReport]) -> list[str]:
    return [
        f"{report.stage} removes nothing here: "
        + (
            "one token reaches it."
            if report.kept == 1
            else f"it keeps all {report.kept} tokens that reach it."
        )
        for stage, report in zip(chain, reports, strict=True)
        if stage.transform.truncates and report.removed == 0
    ]


def _moot(chain: Chain, logits: np.ndarray, reports: Sequence[StageReport]) -> list[str]:
    """Stages that remove tokens which the rest of the chain would remove anyway."""
    found = []
    final = _kept(chain.stages, logits)
    for stage, report in zip(chain, reports, strict=True):
        if not stage.transform.truncates or report.removed == 0:
            continue
        others = [other for other in chain if other is not stage]
        if not np.array_equal(_kept(others, logits), final):
            continue
        by = [
            str(other)
            for other in _truncations(chain)
            if other is not stage and np.array_equal(_kept(_alone(chain, other), logits), final)
        ]
        cause = _list(by[:1]) if by else "the other stages"
        found.append(
            f"{report.stage} is made moot by {cause}: without it the same {int(final.sum())} "
            f"{_tokens(int(final.sum()))} would be kept."
        )
    return found


def _tighter_together(chain: Chain, logits: np.ndarray) -> list[str]:
    truncations = _truncations(chain)
    if len(truncations) < 2:
        return []
    together = int(_kept(chain.stages, logits).sum())
    alone = {str(stage): int(_kept(_alone(chain, stage), logits).sum()) for stage in truncations}
    if together >= min(alone.values()):
        return []
    counts = ", ".join(f"{stage} alone keeps {count}" for stage, count in alone.items())
    return [
        f"together the stages keep {together} {_tokens(together)}, fewer than any of them alone ({counts}): "
        "each one renormalises what the one before it left, so the next cuts deeper."
    ]


def _late_temperature(chain: Chain, logits: np.ndarray) -> list[str]:
    position = next((i for i, stage in enumerate(chain) if stage.name == "temperature"), 0)
    earlier = [stage for stage in chain.stages[:position] if stage.transform.truncates]
    if not earlier:
        return []
    hot = chain.stages[position]
    late = int(_kept(chain.stages, logits).sum())
    first = int(_kept((hot, *(stage for stage in chain if stage is not hot)), logits).sum())
    if late == first:
        return []
    return [
        f"{_list([str(stage) for stage in earlier])} comes before {hot}, so it does not see that temperature; "
        f"{late} {_tokens(late)} remain, and would be {first} with temperature first, as is retort's default."
    ]


def _no_choice_left(chain: Chain, logits: np.ndarray) -> list[str]:
    if not _truncations(chain) or int(_kept(chain.stages, logits).sum()) != 1:
        return []
    if int(np.sum(logits > -math.inf)) == 1:
        return []
    return ["one token is left, so every draw here is the greedy token, whatever temperature and seed."]


def _opposed(chain: Chain, logits: np.ndarray) -> list[str]:
    """τ above 1 asks for variety; truncation that leaves less than the τ = 1 nucleus takes it back."""
    kept = int(_kept(chain.stages, logits).sum())
    nucleus = int(nucleus_sizes(logits, 0.9))
    if chain.temperature <= 1.0 or not _truncations(chain) or kept >= nucleus:
        return []
    return [
        f"temperature={chain.temperature:g} asks for more variety, but the truncations then keep {kept} "
        f"{_tokens(kept)}, fewer than the {nucleus} that hold 90 % of the probability at temperature 1: "
        "the settings pull in opposite directions."
    ]


def _many_truncations(chain: Chain) -> list[str]:
    truncations = _truncations(chain)
    if len(truncations) < 3:
        return []
    return [
        f"{len(truncations)} truncations are stacked ({_list([str(stage) for stage in truncations])}); "
        "one is usually enough, and easier to reason about: set the temperature first, then top_p=0.9, say."
    ]


def _tokens(count: int) -> str:
    return "token" if count == 1 else "tokens"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
