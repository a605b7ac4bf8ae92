"""What a task is after, and what that means for the choice among temperatures that cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A goal's name, what its score is, and why the lowest temperature of a flat region is the one to take.

    Both goals take the lowest: nothing measured is lost by it, and something that the score does not see is gained.
    """

    name: str
    score: str
    why_lowest: str


GOALS = {
    "exploit": Goal(
        "exploit", "share of right answers", "it repeats itself most from run to run (reproducibility)"
    ),
    "explore": Goal("explore", "distinct valid answers an item", "it keeps the text most coherent"),
}
