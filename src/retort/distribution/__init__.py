"""One row of logits as a distribution: softmax, measures, divergences, calibration, and bounds on what is not known.

Numbers only: no model, tokenizer, file or network. Arrays are numpy arrays or torch tensors `[..., vocab]`.
"""

from retort.distribution.bounds import (
    entropy_interval,
    first_shares_interval,
    probs_interval,
    tail_entropy_interval,
    tempered_tail_interval,
)
from retort.distribution.calibration import CalibrationError, brier, ece, ece_of_confidences, nll
from retort.distribution.distribution import Distribution
from retort.distribution.divergences import jsd, kl, skew_kl, total_variation
from retort.distribution.diversity import (
    distinct_n,
    n_gram_similarity,
    self_bleu,
    semantic_distinct,
    vendi_score,
)
from retort.distribution.flips import (
    NOISE_SCALE,
    flip_risk,
    noise_scale,
    risk_of_gaps,
    swap_risk,
    text_flip_risk,
)
from retort.distribution.matching import (
    MatchedTemperature,
    calibrated_temperature,
    entropy_matched_temperature,
    equivalent_temperature,
)
from retort.distribution.measures import (
    Interval,
    effective_support,
    entropy,
    entropy_of_log_probs,
    leakage,
    margin,
    nucleus_size,
    support_size,
    text_effective_support,
)
from retort.distribution.partial import PartialDistribution
from retort.distribution.ranking import top_ids
from retort.distribution.repeats import agreement, identical_share, pass_at_k, pass_hat_k
from retort.distribution.reweighting import Reweighting, check_support, importance_weights
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
    "first_shares_interval",
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
    "probs_interval",
    "risk_of_gaps",
    "self_bleu",
    "semantic_distinct",
    "skew_kl",
    "softmax",
    "support_size",
    "swap_risk",
    "tail_entropy_interval",
    "tempered",
    "tempered_tail_interval",
    "text_effective_support",
    "text_flip_risk",
    "top_ids",
    "total_variation",
    "vendi_score",
]
