"""Which stages of a chain apply along a temperature path, and how what they do hangs on τ.

The path puts each of its temperatures in the place of the chain's own. What stands before that place does the same at
every τ; what stands behind it sees the tempered distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

from retort.chain.chain import Chain
from retort.chain.stage import Stage


@dataclass(frozen=True)
class PathStage:
    """A stage as the chain writes it, whether it applies along the path, and how, or why not, in a few words."""

    stage: str
    applies: bool
    why: str


def path_stages(chain: Chain) -> tuple[PathStage, ...]:
    """The stages of `chain` in its order; none for an empty one. Read from the chain alone, without logits."""
    hot = -1 if chain.hot is None else chain.stages.index(chain.hot)
    before, _ = chain.around_temperature
    free_until = hot + len(before) - max(hot, 0)  # the last place behind the temperature that does not see it
    return tuple(
        PathStage(
            str(stage), stage.name != "temperature", _why(stage, place < hot, place <= free_until, hot < 0)
        )
        for place, stage in enumerate(chain)
    )


def _why(stage: Stage, before: bool, free: bool, no_temperature: bool) -> str:
    row = stage.transform
    if stage.name == "temperature":
        return f"the path sets τ itself: each of its temperatures stands here in place of {stage.value:g}"
    if row.tempers:
        return f"around each τ of the path, in place of {stage.setting('temperature'):g}"
    removes = row.truncates or row.bans
    if before:
        return (
            f"before the temperature: {'removes the same tokens' if removes else 'does the same'} at every τ"
        )
    where = "behind the temperature" + (", which comes first" if no_temperature else "")
    if free:
        return f"{where}, but removes the same tokens at every τ"
    if row.truncates:
        return f"{where}: what it removes depends on τ"
    return f"{where}: {'removes by rule, whatever τ' if removes else 'changes the tempered logits'}"
