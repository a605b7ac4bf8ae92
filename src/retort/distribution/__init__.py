"""The mathematics of next-token distributions: tempering, truncation, chains, measures and divergences.

Numbers only: no model, tokenizer, file or network. Arrays are numpy arrays or torch tensors `[..., vocab]`.
"""

from retort.distribution.chain import Chain, Stage
from retort.distribution.explain import Explanation, StageReport
from retort.distribution.logits import Distribution
from retort.distribution.measures import (
    effective_support,
    entropy,
    entropy_of_log_probs,
    leakage,
    margin,
    nucleus_size,
    support_size,
    text_effective_support,
)
from retort.distribution.ranking import top_ids
from retort.distribution.softmax import (
    bad_rows,
    check_log_probs,
    check_logits,
    log_softmax,
    softmax,
    tempered,
)
from retort.distribution.transforms import (
    TRANSFORMS,
    Transform,
    find_transform,
    min_p,
    temperature,
    top_k,
    top_p,
)

__all__ = [
    "TRANSFORMS",
    "Chain",
    "Distribution",
    "Explanation",
    "Stage",
    "StageReport",
    "Transform",
    "bad_rows",
    "check_log_probs",
    "check_logits",
    "effective_support",
    "entropy",
    "entropy_of_log_probs",
    "find_transform",
    "leakage",
    "log_softmax",
    "margin",
    "min_p",
    "nucleus_size",
    "softmax",
    "support_size",
    "temperature",
    "tempered",
    "text_effective_support",
    "top_ids",
    "top_k",
    "top_p",
]
