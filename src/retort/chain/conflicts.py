"""Where the settings of a chain conflict on one row of logits, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retort.distribution.measures import nucleus_size
from retort.transforms.context import Context

if TYPE_CHECKING:
    from retort.chain.chain import Chain, Stage
    from retort.chain.explain import StageReport


@dataclass(frozen=True)
class Row:
    """A chain on one row of logits `[vocab]` with its context, and what each stage did there."""

    chain: Chain
    logits: np.ndarray
    context: Context
    reports: Sequence[StageReport]

    def kept(self, stages: Sequence[Stage]) -> np.ndarray:
        """`[vocab]` True for the tokens that these stages keep."""
        logits = self.logits
        for stage in stages:
            logits = stage.apply(logits, self.context)
        return logits > -np.inf

    def count(self, stages: Sequence[Stage]) -> int:
        """How many tokens these stages keep."""
        return int(self.kept(stages).sum())

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
        return self.reports[-1].kept if self.reports else int(np.sum(self.logits > -np.inf))


def warnings(row: Row) -> tuple[str, ...]:
    """Every conflict found, one sentence each."""
    if row.chain.temperature == 0.0:
        return _greedy(row)
    return (
        *_idle(row),
        *_moot(row),
        *_tighter_together(row),
        *_late_temperature(row),
        *_no_choice_left(row),
        *_opposed(row),
        *_many_truncations(row),
    )


def _greedy(row: Row) -> tuple[str, ...]:
    names = listed([str(stage) for stage in row.truncations])
    if not names:
        return ()
    return (f"{row.chain.hot} takes the most likely token in any case, so {names} cannot change the result.",)


def _idle(row: Row) -> list[str]:
    return [
        f"{report.stage} removes nothing here: "
        + (
            "one token reaches it."
            if report.kept == 1
            else f"it keeps all {report.kept} tokens that reach it."
        )
        for stage, report in zip(row.chain, row.reports, strict=True)
        if stage.transform.truncates and report.removed == 0
    ]


def _moot(row: Row) -> list[str]:
    """Stages that remove tokens which the rest of the chain would remove anyway."""
    found = []
    final = row.kept(row.chain.stages)
    for stage, report in zip(row.chain, row.reports, strict=True):
        if not stage.transform.truncates or report.removed == 0:
            continue
        others = [other for other in row.chain if other is not stage]
        if not np.array_equal(row.kept(others), final):
            continue
        by = [
            str(other)
            for other in row.truncations
            if other is not stage and np.array_equal(row.kept(row.alone(other)), final)
        ]
        cause = listed(by[:1]) if by else "the other stages"
        found.append(
            f"{report.stage} is made moot by {cause}: without it the same {_tokens(row.total)} would be kept."
        )
    return found


def _tighter_together(row: Row) -> list[str]:
    if len(row.truncations) < 2:
        return []
    alone = {str(stage): row.count(row.alone(stage)) for stage in row.truncations}
    if row.total >= min(alone.values()):
        return []
    counts = ", ".join(f"{stage} alone keeps {count}" for stage, count in alone.items())
    return [
        f"together the stages keep {_tokens(row.total)}, fewer than any of them alone ({counts}): "
        "each one renormalises what the one before it left, so the next cuts deeper."
    ]


def _late_temperature(row: Row) -> list[str]:
    stages = row.chain.stages
    hot = row.chain.hot
    position = 0 if hot is None else stages.index(hot)
    earlier = [stage for stage in stages[:position] if stage.transform.truncates]
    if hot is None or not earlier:
        return []
    first_truncation = stages.index(earlier[0])
    others = [stage for stage in stages if stage is not hot]
    first = row.count([*others[:first_truncation], hot, *others[first_truncation:]])
    if row.total == first:
        return []
    return [
        f"{listed([str(stage) for stage in earlier])} {'comes' if len(earlier) == 1 else 'come'} before {hot}, "
        f"so {'it does' if len(earlier) == 1 else 'they do'} not see that temperature; "
        f"{_tokens(row.total)} remain, and would be {first} with temperature first, as is retort's default."
    ]


def _no_choice_left(row: Row) -> list[str]:
    if not row.truncations or row.total != 1 or int(np.sum(row.logits > -np.inf)) == 1:
        return []
    return ["one token is left, so every draw here is the greedy token, whatever temperature and seed."]


def _opposed(row: Row) -> list[str]:
    """τ above 1 asks for variety; truncation that leaves less than the τ = 1 nucleus takes it back."""
    nucleus = int(nucleus_size(row.logits, 0.9))
    if row.chain.temperature <= 1.0 or not row.truncations or row.total >= nucleus:
        return []
    return [
        f"temperature={row.chain.temperature:g} asks for more variety, but the truncations then keep "
        f"{_tokens(row.total)}, fewer than the {nucleus} that hold 90 % of the probability at temperature 1: "
        "the settings pull in opposite directions."
    ]


def _many_truncations(row: Row) -> list[str]:
    if len(row.truncations) < 3:
        return []
    return [
        f"{len(row.truncations)} truncations are stacked ({listed([str(stage) for stage in row.truncations])}); "
        "one is usually enough, and easier to reason about: set the temperature first, then top_p=0.9, say."
    ]


def _tokens(count: int) -> str:
    return f"{count} token{'s' * (count != 1)}"


def listed(names: Sequence[str]) -> str:
    """The names as they are said: a; a and b; a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
