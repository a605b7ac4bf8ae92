"""How long a distillation still takes, from the arms and steps to come and the speed of those that are done."""

from __future__ import annotations

import time
from collections.abc import Callable

from retort.numerals import decimals

# Called with (seconds done, seconds in all, what is happening now); the second number is an estimate and moves.
OnProgress = Callable[[float, float, str], None]

# A soft step against a hard one before one was measured: the teacher's forward pass comes on top.
SOFT_STEP_GUESS = 2.5
STEPS_BEFORE_ESTIMATE = 3  # the first steps pay for allocations


class TimeLeft:
    """Follows the arms one after another. `clock` is there for tests.

    `equal_time_extra`: seconds that an arm of equal time trains beyond the soft arm's own, for the capture.
    """

    def __init__(
        self,
        report: OnProgress | None,
        planned: list[tuple[str, int]],
        *,
        equal_time_extra: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`planned`: the trainings to come, as (arm, steps)."""
        self._report, self._planned, self._extra, self._clock = report, list(planned), equal_time_extra, clock
        self._began = self._arm_began = clock()
        self._arm, self._label = "", ""
        self._first_step: int | None = None  # the training's last step before this process had part in it
        self._seconds_per_step: dict[str, float] = {}

    def begin(self, arm: str, label: str) -> None:
        """A training starts now; its entry leaves the plan."""
        self._arm, self._label, self._arm_began, self._first_step = arm, label, self._clock(), None
        entry = next((one for one in self._planned if one[0] == arm), None)
        if entry is not None:
            self._planned.remove(entry)

    def step(self, step: int, steps: int, val_nll: float | None) -> None:
        """`step` of `steps` is done; the steps before the first that is told of were done by an earlier process."""
        now = self._clock()
        if self._first_step is None:
            self._first_step = step - 1
        done = step - self._first_step
        if done >= STEPS_BEFORE_ESTIMATE or step == steps:
            self._seconds_per_step[self._arm] = (now - self._arm_began) / max(done, 1)
        if self._report is None or not self._seconds_per_step:
            return
        hard, soft = self._rates()
        rate = self._seconds_per_step.get(self._arm, soft if self._arm == "soft" else hard)
        # In the plan the equal-time arm stands with the soft arm's steps: it takes as long, by its definition.
        left = (steps - step) * rate + sum(
            planned * (hard if name == "hard" else soft) + self._extra * (name == "hard_equal_time")
            for name, planned in self._planned
        )
        measured = "" if val_nll is None else f", {decimals(val_nll)} nats per token"
        elapsed = now - self._began
        self._report(elapsed, elapsed + left, f"{self._label}, step {step} of {steps}{measured}")

    def _rates(self) -> tuple[float, float]:
        """Seconds of a hard step and of a soft one, one guessed from the other until both are measured."""
        known = self._seconds_per_step
        hard = known.get("hard", known.get("soft", 0.0) / SOFT_STEP_GUESS)
        return hard, known.get("soft", hard * SOFT_STEP_GUESS)
