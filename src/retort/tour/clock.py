"""How far a whole tour is, in seconds: what has passed, and what the rest takes by the budget and by what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

# Called with (seconds passed, seconds in all, what is happening now); the second number is an estimate and moves.
OnProgress = Callable[[float, float, str], None]

MOST_SCALE = 20.0  # a machine this much slower than the budget assumes; beyond it something else is wrong
SECONDS_THAT_TELL = 5.0  # steps shorter than this say nothing about the machine's speed


class Clock:
    """Follows steps of known budgets, in order. `clock` is there for tests."""

    def __init__(
        self,
        budgets: Sequence[float],
        report: OnProgress | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budgets = list(budgets)
        self._report = report
        self._clock = clock
        self._began = self._step_began = clock()
        self._step = -1
        self._name = ""
        self._spent = self._planned = 0.0

    def begin(self, name: str) -> None:
        """The next step starts now."""
        self._step += 1
        self._name = name
        self._step_began = self._clock()
        self._say(self._budgets[self._step] * self._scale(), "")

    def progress(self, done: float, total: float, detail: str = "") -> None:
        """`done` of `total` of this step, in whatever unit the step counts."""
        passed = self._clock() - self._step_began
        left = passed * (total - done) / done if done > 0 else self._budgets[self._step] * self._scale()
        self._say(left, detail)

    def end(self, *, reused: bool) -> float:
        """The step is over; gives its seconds. A step that reused earlier results says nothing about speed."""
        seconds = self._clock() - self._step_began
        if not reused and self._budgets[self._step] >= SECONDS_THAT_TELL:
            self._spent += seconds
            self._planned += self._budgets[self._step]
        return seconds

    def _scale(self) -> float:
        """How much slower or faster than the budget this machine has been."""
        return min(self._spent / self._planned, MOST_SCALE) if self._planned else 1.0

    def _say(self, left_of_step: float, detail: str) -> None:
        if self._report is None:
            return
        passed = self._clock() - self._began
        later = sum(self._budgets[self._step + 1 :]) * self._scale()
        place = f"{self._step + 1}/{len(self._budgets)} {self._name}"
        self._report(passed, passed + left_of_step + later, f"{place}: {detail}" if detail else place)
