"""The order of transforms is data: chains, what each stage of one does, and each engine's own order.

Logits or a PartialDistribution flow in; logits, or an Explanation whose numbers are Intervals, flow out. Read
`chain.py` first; `explain.py` computes an explanation from a row of logits, `listed.py` from a list of known tokens.
"""

from retort.chain.chain import Chain, Run
from retort.chain.explain import Explanation
from retort.chain.stage import Stage, StageReport

__all__ = ["Chain", "Explanation", "Run", "Stage", "StageReport"]
