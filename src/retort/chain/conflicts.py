"""Where the settings of a chain conflict at one position, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from retort.chain.stage import Stage
from retort.errors import CapabilityError


class Report(Protocol):
    """What a stage did, as far as warnings need it."""

    @property
    def stage(self) -> str: ...
    @property
    def kept(self) -> int: ...
    @property
    def removed(self) -> int: ...


@dataclass(frozen=True)
class Setup:
    """A chain at one position: its stages, what each did there, and what other chains would do.

    `before`: how many tokens could come at all. `nucleus`: how many hold 90 % of the probability at τ = 1.
    `survivors` gives the tokens that other stages would keep, as a mask and as a number; it raises CapabilityError
    where that cannot be known.
    """

    chain: Sequence[Stage]
    reports: Sequence[Report]
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
    def hot(self) -> Stage | None:
        """The stage that divides by a temperature, if there is one."""
        return next((stage for stage in self.chain if stage.transform.tempers), None)

    @property
    def temperature(self) -> float:
        """The temperature; 1 without such a stage."""
        return 1.0 if self.hot is None else float(self.hot.setting("temperature"))

    @property
    def truncations(self) -> list[Stage]:
        """The stages that remove tokens by their probability."""
        return [stage for stage in self.chain if stage.transform.truncates]

    @property
    def total(self) -> int:
        """How many tokens the whole chain keeps."""
        return self.reports[-1].kept if self.reports else self.before


def warnings(setup: Setup) -> tuple[str, ...]:
    """Every conflict found, one sentence each; what a list of known tokens cannot tell is left out."""
    if setup.temperature == 0.0:
        return _greedy(setup)
    found: list[str] = []
    for check in (
        _idle,
        _moot,
        _tighter_together,
        _late_temperature,
        _no_choice_left,
        _opposed,
        _many_truncations,
    ):
        try:
            found += check(setup)
        except CapabilityError:
            continue
    return tuple(found)


def _greedy(setup: Setup) -> tuple[str, ...]:
    names = listed([str(stage) for stage in setup.truncations])
    if not names:
        return ()
    return (f"{setup.hot} takes the most likely token in any case, so {names} cannot change the result.",)


def _idle(setup: Setup) -> list[str]:
    return [
        f"{report.stage} removes nothing here: "
        + (
            "one token reaches it."
            if report.kept == 1
            else f"it keeps all {report.kept} tokens that reach it."
        )
        for stage, report in zip(setup.chain, setup.reports, strict=True)
        if stage.transform.truncates and report.removed == 0
    ]


def _moot(setup: Setup) -> list[str]:
    """Stages that remove tokens which the rest of the chain would remove anyway."""
    found = []
    final = setup.kept(setup.chain)
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
        cause = listed(by[:1]) if by else "the other stages"
        found.append(
            f"{report.stage} is made moot by {cause}: without it the same {_tokens(setup.total)} would be kept."
        )
    return found


def _tighter_together(setup: Setup) -> list[str]:
    if len(setup.truncations) < 2:
        return []
    alone = {str(stage): setup.count(setup.alone(stage)) for stage in setup.truncations}
    if setup.total >= min(alone.values()):
        return []
    counts = ", ".join(f"{stage} alone keeps {count}" for stage, count in alone.items())
    return [
        f"together the stages keep {_tokens(setup.total)}, fewer than any of them alone ({counts}): "
        "each one renormalises what the one before it left, so the next cuts deeper."
    ]


def _late_temperature(setup: Setup) -> list[str]:
    stages = list(setup.chain)
    hot = setup.hot
    position = 0 if hot is None else stages.index(hot)
    earlier = [stage for stage in stages[:position] if stage.transform.truncates]
    if hot is None or not earlier:
        return []
    first_truncation = stages.index(earlier[0])
    others = [stage for stage in stages if stage is not hot]
    first = setup.count([*others[:first_truncation], hot, *others[first_truncation:]])
    if setup.total == first:
        return []
    return [
        f"{listed([str(stage) for stage in earlier])} {'comes' if len(earlier) == 1 else 'come'} before {hot}, "
        f"so {'it does' if len(earlier) == 1 else 'they do'} not see that temperature; "
        f"{_tokens(setup.total)} remain, and would be {first} with temperature first, as is retort's default."
    ]


def _no_choice_left(setup: Setup) -> list[str]:
    if not setup.truncations or setup.total != 1 or setup.before == 1:
        return []
    return ["one token is left, so every draw here is the greedy token, whatever temperature and seed."]


def _opposed(setup: Setup) -> list[str]:
    """τ above 1 asks for variety; truncation that leaves less than the τ = 1 nucleus takes it back."""
    nucleus = setup.nucleus
    if setup.temperature <= 1.0 or not setup.truncations or setup.total >= nucleus:
        return []
    return [
        f"temperature={setup.temperature:g} asks for more variety, but the truncations then keep "
        f"{_tokens(setup.total)}, fewer than the {nucleus} that hold 90 % of the probability at temperature 1: "
        "the settings pull in opposite directions."
    ]


def _many_truncations(setup: Setup) -> list[str]:
    if len(setup.truncations) < 3:
        return []
    return [
        f"{len(setup.truncations)} truncations are stacked ({listed([str(stage) for stage in setup.truncations])}); "
        "one is usually enough, and easier to reason about: set the temperature first, then top_p=0.9, say."
    ]


def _tokens(count: int) -> str:
    return f"{count} token{'s' * (count != 1)}"


def listed(names: Sequence[str]) -> str:
    """The names as they are said: a; a and b; a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
