"""Progress of a distillation in seconds: how many are done, and how many it takes in all, by what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable

from retort.numerals import decimals

# Called with (seconds done, seconds in all, what is happening now); the second number is an estimate and
# moves.
OnProgress = Callable[[float, float, str], None]

# Called with (arm, seed, step, seconds of training, validation nats per token) for each point of a learning curve.
OnPoint = Callable[[str, int, int, float, float], None]

SOFT_STEP_GUESS = (
    2.5  # a soft step against a hard one before one was measured: the teacher's forward pass comes on top
)
STEPS_BEFORE_ESTIMATE = 3  # the first steps pay for allocations


class TimeLeft:
    """Follows the arms one after another. `clock` is there for tests.

    `equal_time_extra`: seconds that an arm of equal time trains beyond the soft arm's own, for the capture.
    """

    def __init__(
        self,
        report: OnProgress | None,
        *,
        equal_time_extra: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._report = report
        self._clock = clock
        self._extra = equal_time_extra
        self._began = self._arm_began = clock()
        self._seconds_per_step: dict[str, float] = {}
        self._pending: list[tuple[str, int]] = []

    def plan(self, arms: list[tuple[str, int]]) -> None:
        """The arms that are still to come, as (arm, steps)."""
        self._pending = list(arms)

    def begin(self, arm: str) -> None:
        """An arm starts now; its entry leaves the plan."""
        self._arm_began = self._clock()
        for entry in self._pending:
            if entry[0] == arm:
                self._pending.remove(entry)
                return

    def step(
        self,
        arm: str,
        seed: int,
        step: int,
        steps: int,
        first_step: int,
        val_nll: float | None,
        note: str = "",
    ) -> None:
        """`step` of `steps` is done, the first `first_step` of them in an earlier process."""
        now = self._clock()
        done = step - first_step
        if done >= STEPS_BEFORE_ESTIMATE or step == steps:
            self._seconds_per_step[arm] = (now - self._arm_began) / max(done, 1)
        if self._report is None or not self._seconds_per_step:
            return
        hard, soft = self._rates()
        rate = self._seconds_per_step.get(arm, soft if arm == "soft" else hard)
        # In the plan the equal-time arm stands with the soft arm's steps: it takes as long, by its definition.
        left = (steps - step) * rate + sum(
            planned * (hard if name == "hard" else soft) + self._extra * (name == "hard_equal_time")
            for name, planned in self._pending
        )
        measured = "" if val_nll is None else f", {decimals(val_nll)} nats per token"
        elapsed = now - self._began
        self._report(
            elapsed,
            elapsed + left,
            f"{arm.replace('_', ' ')}, seed {seed}{note}, step {step} of {steps}{measured}",
        )

    def _rates(self) -> tuple[float, float]:
        """Seconds of a hard step and of a soft one, one guessed from the other until both are measured."""
        known = self._seconds_per_step
        hard = known.get("hard", known.get("soft", 0.0) / SOFT_STEP_GUESS)
        return hard, known.get("soft", hard * SOFT_STEP_GUESS)
