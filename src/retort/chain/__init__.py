"""The order of transforms is data: chains, what each stage of one removes, and each engine's own order."""

from retort.chain.chain import Chain, Run
from retort.chain.explain import Explanation, StageReport
from retort.chain.partial_chain import PartialExplanation, PartialStage, explain_partial
from retort.chain.stage import Stage

__all__ = [
    "Chain",
    "Explanation",
    "PartialExplanation",
    "PartialStage",
    "Run",
    "Stage",
    "StageReport",
    "explain_partial",
]
