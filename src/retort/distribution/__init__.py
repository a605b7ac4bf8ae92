"""One row of logits as a distribution: softmax, measures, divergences, calibration, and bounds on what is not known.

In: logits, or the most likely tokens of a server. Out: numbers, or an `Interval` where only a bound is known. Read
`softmax.py` first, then `measures.py`; `bounds.py` is for rows that are known in part.

Numbers only: no model, tokenizer, file or network. Arrays are numpy arrays or torch tensors `[..., vocab]`.
"""

from importlib import import_module
from typing import Any

from retort.distribution.bounds import PartialDistribution, entropy_interval
from retort.distribution.calibration import (
    CalibrationError,
    MatchedTemperature,
    brier,
    calibrated_temperature,
    ece,
    ece_of_confidences,
    entropy_matched_temperature,
    equivalent_temperature,
    nll,
)
from retort.distribution.distribution import Distribution
from retort.distribution.divergences import jsd, kl, skew_kl, total_variation
from retort.distribution.measures import (
    NOISE_SCALE,
    Interval,
    effective_support,
    entropy,
    entropy_of_log_probs,
    flip_risk,
    leakage,
    margin,
    noise_scale,
    nucleus_size,
    risk_of_gaps,
    support_size,
    swap_risk,
    text_effective_support,
    text_flip_risk,
)
from retort.distribution.ranking import top_ids
from retort.distribution.samples import (
    Reweighting,
    agreement,
    check_support,
    distinct_n,
    identical_share,
    importance_weights,
    n_gram_similarity,
    pass_at_k,
    pass_hat_k,
    self_bleu,
    semantic_distinct,
    vendi_score,
)
from retort.distribution.softmax import (
    bad_rows,
    check_log_probs,
    check_logits,
    check_temperature,
    log_softmax,
    softmax,
    tempered,
)

__all__ = [
    "NOISE_SCALE",
    "CalibrationError",
    "Distribution",
    "Interval",
    "MatchedTemperature",
    "PartialDistribution",
    "Reweighting",
    "agreement",
    "bad_rows",
    "brier",
    "calibrated_temperature",
    "check_log_probs",
    "check_logits",
    "check_support",
    "check_temperature",
    "distinct_n",
    "ece",
    "ece_of_confidences",
    "effective_support",
    "entropy",
    "entropy_interval",
    "entropy_matched_temperature",
    "entropy_of_log_probs",
    "equivalent_temperature",
    "flip_risk",
    "identical_share",
    "importance_weights",
    "jsd",
    "kl",
    "leakage",
    "log_softmax",
    "margin",
    "n_gram_similarity",
    "nll",
    "noise_scale",
    "nucleus_size",
    "pass_at_k",
    "pass_hat_k",
    "risk_of_gaps",
    "self_bleu",
    "semantic_distinct",
    "skew_kl",
    "softmax",
    "support_size",
    "swap_risk",
    "tempered",
    "text_effective_support",
    "text_flip_risk",
    "top_ids",
    "total_variation",
    "vendi_score",
]

# Taken from here until the next release: where these stood before transforms and chains had folders of their own.
_MOVED = {
    "Chain": "chain",
    "Explanation": "chain",
    "Stage": "chain",
    "Context": "transforms",
    "RowState": "transforms",
}


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        return getattr(import_module(f"retort.{_MOVED[name]}"), name)
    raise AttributeError(f"module 'retort.distribution' has no attribute {name!r}")
