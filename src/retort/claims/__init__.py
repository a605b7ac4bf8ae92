"""What people say about temperature, checked on the user's own model: one file a claim, and the list of them."""

from retort.claims import (
    accuracy_falls,
    answer_below_top,
    distilled_beats_hard,
    entropy_rises,
    greedy_limit,
    larger_stays_coherent,
    low_hides,
    never_reorders,
    not_creativity,
    order_matters,
    prompt_matters_more,
    runners_up_similarity,
    same_answer_below,
    soft_targets_bits,
    stacked_settings,
    tau_squared,
    tuned_is_sharper,
    useful_range,
    variety_rises,
)
from retort.claims.claim import Claim, Measured, Verdict
from retort.claims.evidence import Evidence
from retort.claims.run import Claims, check_claims

CLAIMS: tuple[Claim, ...] = tuple(
    module.CLAIM
    for module in (
        never_reorders,
        entropy_rises,
        greedy_limit,
        low_hides,
        runners_up_similarity,
        answer_below_top,
        soft_targets_bits,
        tau_squared,
        distilled_beats_hard,
        tuned_is_sharper,
        not_creativity,
        larger_stays_coherent,
        accuracy_falls,
        variety_rises,
        same_answer_below,
        useful_range,
        stacked_settings,
        order_matters,
        prompt_matters_more,
    )
)

__all__ = ["CLAIMS", "Claim", "Claims", "Evidence", "Measured", "Verdict", "check_claims"]
