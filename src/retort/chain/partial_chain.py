"""What a chain leaves of a distribution of which only the top is known, where that can be decided.

A truncation that falls among the known tokens cuts the unknown ones off, and from there on everything is exact: the
rest of the chain works on the known tokens alone. A stage that needs a token nobody has seen raises CapabilityError.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.chain.chain import Chain, Stage
from retort.distribution.bounds import Interval
from retort.distribution.partial import PartialDistribution
from retort.distribution.softmax import log_softmax
from retort.errors import CapabilityError

NEED_IDS = frozenset(
    ("repetition_penalty", "presence_penalty", "frequency_penalty", "dry", "logit_bias", "bad_words", "min_tokens",
     "allowed", "grammar", "mirostat", "adaptive_p", "xtc")
)  # fmt: skip
"""Stages that name tokens, look back at the text, draw a coin or keep a state: a row of ranks has none of these."""


@dataclass(frozen=True)
class PartialStage:
    """What one stage did: tokens kept and removed, and the share of the mass entering it that it kept."""

    stage: str
    kept: int
    removed: int
    kept_mass: Interval


@dataclass(frozen=True)
class PartialExplanation:
    """What a chain did. `log_probs` `[kept]`, nats, is the processed distribution over the tokens of rank 0, 1, … —
    None where nothing was truncated; then `tempered` has the intervals.
    """

    spec: str
    stages: tuple[PartialStage, ...]
    kept: int
    tempered: PartialDistribution
    log_probs: NDArray[np.float64] | None
    warnings: tuple[str, ...]


def explain_partial(known: PartialDistribution, chain: Chain) -> PartialExplanation:
    """What each stage of `chain` leaves of `known`, whose own temperature is not used: the chain says it.

    Decidable are temperature, top_k up to the number of known tokens, min_p where a known token is already below its
    limit, and top_p where both ends of the nucleus size agree; after the first of these cuts, every stage that needs
    no token ids. Raises CapabilityError that names the first stage that cannot be decided.
    """
    current = known.at(1.0)
    reports: list[PartialStage] = []
    stages = tuple(chain)
    for place, stage in enumerate(stages):
        _refuse_ids(stage)
        if stage.name == "temperature":
            current = known.at(_setting(stage))
            kept = 1 if current.temperature == 0.0 else known.num_tokens
            share = Interval(1.0, 1.0) if kept > 1 else known.at(1.0).first_shares
            mass = Interval(float(np.ravel(share.low)[0]), float(np.ravel(share.high)[0]))
            reports.append(PartialStage(str(stage), kept, known.num_tokens - kept, mass))
            if kept > 1:
                continue
        else:
            kept = _with_ties_and_least(current, stage, _kept(current, stage))
            if kept == known.num_tokens and known.num_seen == known.num_tokens:
                reports.append(PartialStage(str(stage), kept, 0, Interval(1.0, 1.0)))
                continue
            shares = current.first_shares
            mass = Interval(float(shares.low[kept - 1]), float(shares.high[kept - 1]))
            reports.append(PartialStage(str(stage), kept, known.num_tokens - kept, mass))
        return _on_known_tokens(str(chain), current, kept, reports, stages[place + 1 :])
    return PartialExplanation(str(chain), tuple(reports), known.num_tokens, current, None, ())


def _on_known_tokens(
    spec: str, current: PartialDistribution, kept: int, reports: list[PartialStage], rest: tuple[Stage, ...]
) -> PartialExplanation:
    """The rest of the chain on the first `kept` tokens, which are all that is left."""
    for stage in rest:
        _refuse_ids(stage)
    logits = current.log_probs[:kept] / (current.temperature or 1.0)
    chain = Chain(rest)
    explained = chain.explain(logits)
    reports += [
        PartialStage(
            stage.stage,
            int(stage.kept),
            int(stage.removed),
            Interval(float(stage.kept_mass), float(stage.kept_mass)),
        )
        for stage in explained.stages
    ]
    processed = np.asarray(log_softmax(chain.apply(logits)))
    return PartialExplanation(
        spec,
        tuple(reports),
        int(np.sum(processed > -math.inf)),
        current,
        processed,
        tuple(explained.warnings) if rest else (),
    )


def _kept(current: PartialDistribution, stage: Stage) -> int:
    """How many tokens a truncation keeps while the unknown tail is still there."""
    value, seen, everything = _setting(stage), current.num_ranked, current.num_tokens
    if stage.name == "top_k":
        if value <= seen or seen == everything:
            return min(int(value), everything)
        raise _undecidable(stage, f"the {seen} most probable tokens are known")
    if stage.name == "min_p":
        # The limit is a share of the best token's probability, so it does not need the sum over all tokens.
        limit = current.log_probs[0] / current.temperature + math.log(value)
        above = int(np.sum(current.log_probs[:seen] / current.temperature >= limit))
        if above < seen or seen == everything:
            return above
        raise _undecidable(stage, f"all {seen} known tokens pass it, so unknown ones may")
    if stage.name == "top_p":
        size = current.nucleus_size(value)
        if size.low == size.high and size.high <= seen:
            return int(size.low)
        raise _undecidable(
            stage,
            f"the nucleus holds {size.low:,} to {size.high:,} tokens, as far as {seen} known tokens tell",
        )
    raise _undecidable(
        stage,
        f"it needs the whole vocabulary as long as nothing before it has cut off all but the "
        f"{seen} known tokens",
    )


def _with_ties_and_least(current: PartialDistribution, stage: Stage, count: int) -> int:
    """The count with the stage's own `min_keep` and rule for ties, where it has them."""
    names = [parameter.name for parameter in stage.transform.parameters]
    seen, everything = current.num_ranked, current.num_tokens
    if "min_keep" in names:
        count = max(count, min(stage.setting("min_keep"), everything))
        if count > seen:
            raise _undecidable(stage, f"it keeps {count} tokens and the {seen} most probable ones are known")
    if "ties" in names and stage.setting("ties") == "all" and count < everything:
        count = int(np.sum(current.log_probs >= current.log_probs[count - 1]))
        if count == seen < everything:
            raise _undecidable(stage, "unknown tokens may tie with the last known one")
    return count


def _refuse_ids(stage: Stage) -> None:
    if stage.name in NEED_IDS:
        raise _undecidable(stage, "it depends on token ids or on the text before, and only ranks are known")


def _undecidable(stage: Stage, reason: str) -> CapabilityError:
    return CapabilityError(
        f"What {stage} keeps cannot be decided here: {reason}; "
        "cut to the known tokens first (top_k), ask for more log-probabilities, or use a model that runs here."
    )


def _setting(stage: Stage) -> float:
    return float(stage.value)
