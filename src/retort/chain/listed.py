"""What a chain leaves of a distribution of which only some tokens are known: the second way to compute an explanation.

A truncation that falls among the known tokens cuts the unknown ones off; from there on the distribution is whole, and
only the rounding of its numbers is left, which every later stage carries on. Where rounding or unknown tokens leave
open what a stage keeps, CapabilityError says what would decide it. The page's copy is frontend/src/math/partial.ts.
Legend: k known tokens, by rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.chain.stage import Stage, StageReport
from retort.distribution.bounds import PartialDistribution, log_of
from retort.distribution.measures import Interval, as_interval
from retort.distribution.ranking import ROUNDING, SLACK
from retort.errors import CapabilityError

Mask = NDArray[np.bool_]

NEED_IDS = frozenset(
    ("repetition_penalty", "presence_penalty", "frequency_penalty", "dry", "logit_bias", "bad_words", "min_tokens",
     "allowed", "grammar", "mirostat", "adaptive_p", "xtc")
)  # fmt: skip
"""Stages that name tokens, look back at the text, draw a coin or keep a state: a row of ranks has none of these."""

ONE = Interval(1.0, 1.0)


@dataclass(frozen=True)
class Listed:
    """What a chain left. `left`: the processed distribution. `ranks`: the known tokens that are in it, rising.

    `tail`: whether the unknown tokens are in it, too.
    """

    stages: tuple[StageReport, ...]
    left: PartialDistribution
    ranks: NDArray[np.int64]
    tail: bool

    @property
    def kept(self) -> int:
        """How many tokens are left."""
        return len(self.ranks) + (self.left.num_unknown if self.tail else 0)


def through(known: PartialDistribution, stages: Sequence[Stage]) -> Listed:
    """Each stage in turn on what is known at τ = 1. Raises CapabilityError for the first that cannot be decided."""
    raw = known.at(1.0).possible()
    current = raw
    ranks = np.arange(raw.num_seen)
    temperature = ONE
    reports = []
    # `current` is what the next stage sees; `raw`, `ranks` and `temperature` are kept for what is said of the whole.
    for stage in stages:
        if stage.name in NEED_IDS:
            raise _undecidable(
                stage, "it depends on token ids or on the text before, and only ranks are known"
            )
        # A stage that cuts makes `current` whole: from then on every count and share is over the known tokens alone.
        alive, tail = ranks, not current.whole
        moved: Interval | None = None
        mass = ONE
        if stage.transform.tempers:
            divisor = _temperature(current, stage)
            if divisor.low == 0.0:
                # Greedy is a cut to one token, so it stays out of the chain's temperature, as it does for whole rows.
                if current.num_ranked == 0:
                    raise _undecidable(stage, "an unknown token may be the most likely one")
                mask = np.arange(current.num_seen) == 0
                mass = current.share(mask)
                current = current.kept(mask)
                ranks = ranks[:1]
                # The total variation of a cut is the share that it removes: the tokens that are left gain as much.
                moved = _complement(mass)
            else:
                temperature = divisor
                current = current.at(divisor.low) if divisor.exact else current.divided(divisor)
        else:
            mask = _kept(current, stage)
            # A mask of all known tokens still cuts, if there are unknown ones.
            if mask is not None and (tail or not mask.all()):
                mass = current.share(mask)
                current = current.kept(mask)
                ranks = ranks[mask]
            moved = _complement(mass)
        num_unknown = current.num_unknown if not current.whole else 0
        was = len(alive) + (raw.num_unknown if tail else 0)
        reports.append(
            StageReport(
                stage=str(stage),
                kept=len(ranks) + num_unknown,
                removed=was - len(ranks) - num_unknown,
                removed_ids=tuple(np.setdiff1d(alive, ranks).tolist()),
                kept_mass=mass,
                kept_mass_total=_shaped_mass(raw, ranks, num_unknown > 0, temperature),
                moved=moved,
            )
        )
    return Listed(tuple(reports), current, ranks, not current.whole)


def named_probs(known: PartialDistribution, found: Listed) -> Interval:
    """`[k]` processed probability of each known token, by its place in the falling list; 0 where it is removed.

    Of tokens that rounding lets change places, either may be the one that a cut keeps: the low end of such a token is
    0, and the high end that of the largest rank which it may have. Equal ones without rounding stand in the list's
    order.
    """
    raw = known.at(1.0).possible()
    low, high = np.zeros(known.num_seen), np.zeros(known.num_seen)
    by_rank = found.left.probs
    kept_low, kept_high = np.zeros(raw.num_seen), np.zeros(raw.num_seen)
    kept_low[found.ranks], kept_high[found.ranks] = by_rank.low, by_rank.high
    for place in range(raw.num_seen):
        # The ranks that this token may really have.
        same = (raw.high > raw.low[place]) & (raw.low < raw.high[place])
        same[place] = True
        low[place], high[place] = kept_low[same].min(), kept_high[same].max()
    return Interval(low, high)


def _temperature(current: PartialDistribution, stage: Stage) -> Interval:
    """What the stage divides by, on what comes in."""
    given = float(stage.setting("temperature"))
    if stage.name == "temperature" or given == 0.0:
        return as_interval(given)
    if not current.whole:
        raise _undecidable(stage, "it follows the entropy of all tokens, and unknown ones are still there")
    if current.exact:
        return as_interval(float(stage.temperatures(current.low)))
    # The temperature rises with the entropy, so the ends of one are the ends of the other.
    span, exponent, _ = stage.values
    most = math.log(max(current.num_seen, 2))
    least, greatest = max(given - span, 0.0), given + span
    ends = [
        least + (greatest - least) * min(entropy / most, 1.0) ** exponent
        for entropy in (current.entropy.low, current.entropy.high)
    ]
    if ends[0] == 0.0 < ends[1]:
        raise _undecidable(stage, "rounding leaves open whether its temperature is 0")
    return Interval(*ends)


def _kept(current: PartialDistribution, stage: Stage) -> Mask | None:
    """`[k]` the known tokens that a truncation keeps, all unknown ones being removed; None: it removes nothing."""
    # Nothing is open: the stage itself decides, with its own ties and limits.
    if current.exact:
        return np.asarray(stage.apply(current.low / (current.temperature or 1.0)) > -math.inf)
    value = float(stage.value)
    first = np.arange(current.num_seen)
    if stage.name == "top_k":
        if value >= current.num_tokens:
            return None
        return _first(current, stage, int(value))
    if stage.name == "top_p":
        size = current.nucleus_size(value)
        if not size.exact:
            raise _undecidable(stage, f"the nucleus holds {size.low:,} to {size.high:,} tokens")
        return _first(current, stage, int(size.low))
    if stage.name in ("min_p", "epsilon_cutoff", "eta_cutoff"):
        log_value = math.log(value)
        floor = as_interval(log_value)
        if stage.name == "eta_cutoff":
            # The floor falls as the entropy rises, so its low end is that of the highest entropy.
            entropy = current.entropy
            floor = Interval(*(min(log_value, 0.5 * log_value - h) for h in (entropy.high, entropy.low)))
        # At least one token: a floor above every probability keeps the most likely.
        return _first(current, stage, max(_above(current, stage, floor, gaps=stage.name == "min_p"), 1))
    if not current.whole:
        raise _undecidable(
            stage,
            "it needs the whole vocabulary as long as nothing before it has cut off all but the "
            f"{current.num_seen} known tokens",
        )
    if stage.name == "top_n_sigma":
        return first < _within_sigmas(current, stage, value)
    if stage.name == "typical_p":
        return _typical(current, stage, value)
    if stage.name == "top_h" and stage.setting("entropy") == "kept" and not stage.setting("among"):
        return first < _under_entropy(current, stage, value)
    raise _undecidable(stage, "its logprobs are rounded")


def _first(current: PartialDistribution, stage: Stage, count: int) -> Mask:
    """The first `count` tokens and what the stage's own `min_keep` and rule for ties add."""
    names = [parameter.name for parameter in stage.transform.parameters]
    if "min_keep" in names:
        count = max(count, min(stage.setting("min_keep"), current.num_tokens))
    if current.whole:
        count = min(count, current.num_seen)
    # A known token that is not ranked (the drawn one, say) may have unknown ones above it.
    if count > current.num_ranked:
        raise _undecidable(
            stage, f"the {current.num_ranked} most likely tokens are known, and it keeps {count:,}"
        )
    if "ties" in names and stage.setting("ties") == "all" and count < current.num_tokens:
        count = _with_ties(current, stage, count)
    return np.arange(current.num_seen) < count


def _with_ties(current: PartialDistribution, stage: Stage, count: int) -> int:
    """`count` and the tokens that tie with the last of them, where that is certain."""
    # Without rounding low and high are one number, and tokens tie where their numbers are equal.
    last_low, last_high = current.low[count - 1], current.high[count - 1]
    after = current.high[count:]
    if not current.whole and math.log(current.largest_unknown) >= last_low:
        raise _undecidable(stage, "unknown tokens may tie with the last one kept")
    if current.rounding == 0.0:
        return count + int(np.sum(after == last_high))
    if len(after) and after[0] >= last_low:
        raise _undecidable(stage, "rounding leaves open which tokens tie with the last one kept")
    return count


def _above(current: PartialDistribution, stage: Stage, floor: Interval, *, gaps: bool) -> int:
    """How many tokens reach a floor, under the largest token (`gaps`) or under probability 1; nats."""
    if gaps:
        scale = current.temperature
        own = Interval((current.low - current.high[0]) / scale, (current.high - current.low[0]) / scale)
        # The gap of the largest to itself is 0 however it was rounded, and without rounding a gap is one number.
        own.low[0] = own.high[0] = 0.0
        if current.rounding == 0.0:
            own = Interval(own.high, own.high)
        unknown = (log_of(current.largest_unknown) - current.low[0]) / scale
    else:
        probs = current.probs
        with np.errstate(divide="ignore"):
            own = Interval(np.log(probs.low), np.log(probs.high))
        unknown = log_of(current.largest_unknown_share)
    # Surely kept and surely removed, with the stage's own allowance on both sides.
    inside, outside = own.low >= floor.high - ROUNDING, own.high < floor.low - ROUNDING
    if not (inside | outside).all():
        place = int(np.flatnonzero(~(inside | outside))[0])
        raise _undecidable(stage, f"the token of rank {place + 1} is too near to its limit")
    if not current.whole and unknown >= floor.low - ROUNDING:
        raise _undecidable(stage, f"unknown tokens may pass it besides {int(inside.sum())} known ones")
    return int(inside.sum())


def _within_sigmas(current: PartialDistribution, stage: Stage, sigmas: float) -> int:
    """top_n_sigma: the standard deviation moves by no more than the logits do."""
    # If each logit moves by `half` at most, so does their standard deviation σ, and a gap by twice that: 2 + n in all.
    scale = current.temperature
    centre, half = (
        0.5 * (current.low + current.high) / scale,
        0.5 * (current.high - current.low).max() / scale,
    )
    limit = sigmas * float(np.std(centre))
    gaps = centre[0] - centre
    slack = (2.0 + sigmas) * half
    inside, outside = gaps <= limit - slack, gaps > limit + slack
    inside[0], outside[0] = True, False
    if not (inside | outside).all():
        raise _undecidable(stage, "a token lies too near to its limit")
    return int(inside.sum())


def _typical(current: PartialDistribution, stage: Stage, mass: float) -> Mask:
    """typical_p: the nearest tokens to the expected surprise, if the order and the mass are certain at the edge."""
    probs, entropy = current.probs, current.entropy
    with np.errstate(divide="ignore"):
        surprise = Interval(-np.log(probs.high), -np.log(probs.low))
    below, above = surprise.low - entropy.high, surprise.high - entropy.low
    most = np.maximum(np.abs(below), np.abs(above))
    least = np.where((below <= 0.0) & (above >= 0.0), 0.0, np.minimum(np.abs(below), np.abs(above)))
    # By the middle of each distance's interval; `apart` below is what makes the order certain.
    order = np.argsort(least + most, kind="stable")
    needed = mass * (1.0 - SLACK)
    # The first run that may hold the mass decides: a longer one would need it to be sure that this one falls short.
    for count in range(1, len(order) + 1):
        inner, outer = order[:count], order[count:]
        if current.share(inner).high < needed:
            continue
        apart = len(outer) == 0 or most[inner].max() < least[outer].min()
        enough = current.share(inner).low >= needed
        # Any of these may be the last one; without it the mass must fall short.
        last = inner[most[inner] >= least[inner].max()]
        short = count == 1 or all(current.share(np.setdiff1d(inner, [one])).high < needed for one in last)
        if apart and enough and short and count >= stage.setting("min_keep"):
            mask = np.zeros(current.num_seen, dtype=bool)
            mask[inner] = True
            return mask
        break
    raise _undecidable(stage, "rounding leaves open which tokens come first in its order")


def _under_entropy(current: PartialDistribution, stage: Stage, alpha: float) -> int:
    """top_h: the longest run from the top whose entropy stays under its share of the whole one."""
    limit = current.entropy
    low, high = (alpha * end * (1.0 + SLACK) for end in (limit.low, limit.high))
    # As on arrays: a bound that is 0 in float64 is passed by every second token, whose own weight may be 0 as well.
    if high <= 0.0:
        return 1
    # The entropy of a run rises with its length, so the first that is surely over the bound ends the search.
    for count in range(2, current.num_seen + 1):
        own = current.kept(np.arange(count)).entropy
        if own.low > high:
            return count - 1
        if own.high > low or low <= 0.0:
            raise _undecidable(stage, f"rounding leaves open whether {count} tokens stay under its bound")
    return current.num_seen


def _shaped_mass(
    raw: PartialDistribution, ranks: NDArray[np.int64], tail: bool, temperature: Interval
) -> Interval:
    """The share at the chain's temperature of the tokens that are left."""
    if tail or (len(ranks) == raw.num_seen and raw.whole):
        return ONE
    # A set: where the temperature is one number, its share is computed once.
    ends = [raw.at(t).share(ranks) for t in {temperature.low, temperature.high}]
    if temperature.exact:
        return ends[0]
    # The share of the first n falls as the temperature rises; of other sets nothing is known between the two ends.
    first = bool(np.array_equal(ranks, np.arange(len(ranks))))
    return Interval(min(e.low for e in ends), max(e.high for e in ends)) if first else Interval(0.0, 1.0)


def _complement(mass: Interval) -> Interval:
    return Interval(1.0 - mass.high, 1.0 - mass.low)


def _undecidable(stage: Stage, reason: str) -> CapabilityError:
    return CapabilityError(
        f"What {stage} keeps cannot be decided here: {reason}; "
        "cut to the known tokens first (top_k), ask for more logprobs or more decimals, or use a model that "
        "runs here."
    )
