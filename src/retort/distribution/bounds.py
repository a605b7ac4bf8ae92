"""`PartialDistribution`: a next-token distribution of which some tokens are known, and what follows for its measures.

A server that gives its top 20 log-probabilities does not tell the entropy; it bounds it. Every measure here is an
`Interval` that holds the truth for every distribution that agrees with what was seen: whatever the unknown tokens are,
and wherever each rounded number lay. Tokens are named by their rank.

Two facts carry the proofs. Rounding moves sorted numbers by no more than it moves the numbers, so the true i-th largest
lies in the i-th interval, whichever token that is. And a concave sum such as the entropy is largest for the most even
and smallest for the most uneven values that the intervals allow.

The page computes the same in frontend/src/math/partial.ts; a formula is changed in both, and the golden vectors
(tests/studio/golden.py) hold them to one answer.

Legend: k known tokens of V; U = V - k unknown ones, of mass m and none above L.
Weights are `p^{1/τ}`, shares are weights divided by their sum. float64 numpy, nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from retort.distribution.arrays import Floats
from retort.distribution.measures import NOISE_SCALE, Interval, risk_of_gaps
from retort.distribution.ranking import SLACK
from retort.distribution.softmax import check_temperature
from retort.errors import InputError
from retort.numerals import number

_Ends = tuple[Any, Any]
"""Low ends and high ends, numbers or arrays."""

MASS_ROUNDING = 1e-3
"""Probabilities may sum to more than one by this much, which is then taken as the rounding that they have."""

FLOAT_ERROR = 1e-13
"""How far the sum of float64 probabilities may be from the truth: the mass of the unknown tokens is known to this."""

PILED_NOISE = 0.29
"""Up to this noise (logit units) the unknown tokens risk a flip most if they are piled up at their largest probability.

A token at gap g below the first takes ln Φ(y) from the log-chance of no flip, y = x + g·√2/noise for the first token's
own noise x, and e^{-g} of the mass. Its risk per mass falls with g while `noise ≤ √2·φ(y) / (Φ(y)·(-ln Φ(y)))`, which
rises with y and is 0.295 at y = -9, where the integral in `risk_of_gaps` begins.
"""


@dataclass(frozen=True, init=False, eq=False)
class PartialDistribution:
    """The distribution at τ over `num_tokens` tokens, of which k are known.

    - `low`, `high`: `[k]` ends between which each known token's logarithm lies at τ = 1, falling; equal where nothing
      is rounded. Log-probabilities if `normalised`, else logits of a whole distribution: what a chain left.
    - `ceiling`: no unknown token has a higher logarithm. Known tokens below it bound nothing but themselves.
    """

    low: Floats = field(repr=False)
    high: Floats = field(repr=False)
    num_tokens: int
    ceiling: float
    temperature: float
    normalised: bool

    def __init__(
        self,
        log_probs: Any,
        num_tokens: int,
        temperature: float = 1.0,
        rounding: float = 0.0,
        ceiling: float | None = None,
    ) -> None:
        """What is known from log-probabilities `[k]` at τ = 1 in nats, of any known tokens in any order.

        `rounding`: how far each may be from the truth, 0.00005 where four decimals were given. A token of -inf cannot
        come. `ceiling`: the largest log-probability that an unknown token can have, rounded as the others are; None is
        the smallest known one, as in a list of the most likely tokens. A drawn token beside such a list is one more
        log-probability, with the list's last as the ceiling. 0: the known tokens bound no other.
        Raises InputError for what no distribution over `num_tokens` tokens has, and a bad τ.
        """
        check_temperature(temperature)
        values = np.asarray(log_probs, dtype=np.float64)
        if values.ndim != 1 or len(values) == 0:
            raise InputError(
                f"a partial distribution is made from one row of logprobs [k], got the shape {values.shape}"
            )
        if np.isnan(values).any() or (values > MASS_ROUNDING).any():
            raise InputError("logprobs must be 0 or less, got NaN or a positive one; pass nats, not logits")
        if not (rounding >= 0.0 and math.isfinite(rounding)):
            raise InputError(f"rounding must be a finite number of nats of 0 or more, got {rounding}")
        if len(values) > num_tokens:
            raise InputError(
                f"at most {num_tokens} logprobs can be seen of {num_tokens} tokens, got {len(values)}"
            )
        # Rounding may have made a probability of nearly 1 a little more than 1.
        values = -np.sort(-np.minimum(values, 0.0))
        mass = float(np.exp(values).sum())
        # The least mass that the true numbers can have: each may be lower by the rounding.
        if mass * math.exp(-rounding) > 1.0 + MASS_ROUNDING:
            raise InputError(
                f"the logprobs have a mass of {number(mass, 6)}, above 1 by more than their rounding; "
                "they must be normalised, in nats"
            )
        # More mass than the stated rounding explains, if within MASS_ROUNDING: the numbers are rounded by as much.
        if mass > math.exp(rounding) + FLOAT_ERROR:
            rounding = math.log(mass)
        limit = float(values[-1]) if ceiling is None else ceiling
        ends = values - rounding, np.minimum(values + rounding, 0.0)
        # Past the frozen fields; what cached_property computes is kept in the same __dict__.
        self.__dict__.update(
            low=ends[0],
            high=ends[1],
            num_tokens=int(num_tokens),
            ceiling=min(limit + rounding, 0.0),
            temperature=float(temperature),
            normalised=True,
        )
        self._check_tail()

    def _but(self, **changes: Any) -> PartialDistribution:
        """This one with some fields changed. Nothing that was computed of it goes along."""
        # Not through __init__: what a chain left holds logits, which its checks of log-probabilities would refuse.
        found = object.__new__(PartialDistribution)
        found.__dict__.update({one.name: getattr(self, one.name) for one in fields(self)} | changes)
        return found

    def _whole(self, low: Floats, high: Floats) -> PartialDistribution:
        """A whole distribution over tokens whose logits lie between these ends."""
        return self._but(
            low=low, high=high, num_tokens=len(low), ceiling=-math.inf, temperature=1.0, normalised=False
        )

    # What is known at τ = 1

    @property
    def num_seen(self) -> int:
        """k: how many tokens are known."""
        return len(self.low)

    @property
    def num_unknown(self) -> int:
        """U: how many tokens are not."""
        return self.num_tokens - len(self.low)

    @property
    def whole(self) -> bool:
        """True if every token that can come is known: no unknown token has any probability."""
        return self.num_unknown == 0 or self.largest_unknown == 0.0

    @property
    def rounding(self) -> float:
        """How far a known number may be from the truth, at most."""
        finite = self.high > -math.inf
        return float(np.max(0.5 * (self.high[finite] - self.low[finite]), initial=0.0))

    @cached_property
    def unknown_mass(self) -> Interval:
        """m: the probability at τ = 1 of all unknown tokens together."""
        if not self.normalised or self.num_unknown == 0:
            return Interval(0.0, 0.0)
        most = 1.0 - float(np.exp(self.low).sum()) + FLOAT_ERROR
        least = 1.0 - float(np.exp(self.high).sum()) - FLOAT_ERROR
        # Few unknown tokens, each below the ceiling, may have no room for all the mass that is missing.
        room = self.num_unknown * math.exp(self.ceiling)
        return Interval(min(max(least, 0.0), room), min(max(most, 0.0), room))

    @cached_property
    def largest_unknown(self) -> float:
        """L: no unknown token has a higher probability at τ = 1."""
        # Below the ceiling, one unknown token can at most have all the mass that the unknown ones share.
        return float(min(math.exp(self.ceiling), self.unknown_mass.high))

    @cached_property
    def num_ranked(self) -> int:
        """How many of the known tokens are sure to be the most likely of all; the others are known, not their ranks."""
        if self.whole:
            return self.num_seen
        # As many numbers as are listed at the ceiling or above are the largest, wherever rounding lets each one lie.
        return int(np.sum((self.low >= log_of(self.largest_unknown)) | (self.high >= self.ceiling)))

    # The same at τ: weights, relative to that of the first token

    @cached_property
    def _weights(self) -> tuple[Floats, Floats]:
        # Only ratios of weights are used. Counted from the largest, none overflows at a small τ.
        shift = self.high[0]
        # A tiny τ may take the quotient to -inf; such a weight is 0.
        with np.errstate(over="ignore"):
            return tuple(np.exp((ends - shift) / self.temperature) for ends in (self.low, self.high))

    @cached_property
    def _largest_weight(self) -> float:
        """Weight of the most likely unknown token, at most."""
        if self.whole:
            return 0.0
        # 700: e^709 is the largest float64. An unknown token may be far above the first known one if τ is small.
        return math.exp(min((math.log(self.largest_unknown) - self.high[0]) / self.temperature, 700.0))

    @cached_property
    def _unknown_weight(self) -> Interval:
        """`W = Σ_unknown p^{1/τ}`: between that of a tail piled up at L and that of an even one.

        For τ ≥ 1 `p^{1/τ}` is concave in p, so the pile has the least; for τ < 1 it has the most.
        """
        if self.whole:
            return Interval(0.0, 0.0)
        # Both extremes rise with the mass m, so the ends of m give the ends of W. The even tail is attained, so that
        # end is tight; the pile is where m/L is a whole number, else its last token is smaller and the end a little too
        # wide.
        power = 1.0 / self.temperature
        shift = self.high[0] * power

        def even(mass: float) -> float:
            return _exp(power * log_of(mass) + (1.0 - power) * math.log(self.num_unknown) - shift)

        def piled(mass: float) -> float:
            return _exp(log_of(mass) + (power - 1.0) * log_of(self.largest_unknown) - shift)

        least, most = self.unknown_mass.low, self.unknown_mass.high
        if self.temperature >= 1.0:
            low, high = piled(least), even(most)
        else:
            low, high = even(least), piled(most)
        # In exact arithmetic low ≤ high ≤ U·L^{1/τ} as they stand; rounding, or the cap at e^700, can turn them around.
        return Interval(low, min(max(low, high), self.num_unknown * self._largest_weight))

    @property
    def largest_unknown_share(self) -> float:
        """Share at τ of the most likely unknown token, at most; the others have at least what is left of W."""
        weight = self._largest_weight
        return (
            weight / (float(self._weights[0].sum()) + max(weight, self._unknown_weight.low))
            if weight
            else 0.0
        )

    # Measures

    def at(self, temperature: float) -> PartialDistribution:
        """The same knowledge at another temperature (which replaces this one; the two are not multiplied)."""
        check_temperature(temperature)
        return self._but(temperature=float(temperature))

    @property
    def probs(self) -> Interval:
        """`[k]` probability of each known token at τ, by rank; at τ = 0 the first has it all, if it is ranked."""
        if self.temperature == 0.0:
            greedy = np.where(np.arange(self.num_seen) == 0, 1.0, 0.0)
            return Interval(greedy if self.num_ranked else 0.0 * greedy, greedy)
        low, high = self._weights
        if self.exact:
            exact = low / low.sum()
            return Interval(exact, exact)
        given = self._given
        # At τ = 1 the numbers as given are the shares. A quotient of bounds would only be wider.
        if given and not self.rounding:
            return Interval(*given)
        least, most = self._shares((low, high), (low.sum() - low, high.sum() - high), given)
        return Interval(np.minimum(least, most), most)

    @property
    def _given(self) -> tuple[Floats, Floats] | None:
        """The ends between which the given probabilities lie, where they are the probabilities at τ."""
        asked = self.temperature == 1.0 and self.normalised
        return (np.exp(self.low), np.exp(self.high)) if asked else None

    def _shares(self, own: _Ends, others: _Ends, given: _Ends | None) -> _Ends:
        """Ends of shares at τ: from those of their weights and of all other known tokens' weights, and as given."""
        tail = self._unknown_weight
        # A share is least where its own weight is low and all others high. The difference of sums may round below 0.
        least = _share(own[0], np.maximum(others[1], 0.0) + tail.high)
        most = _share(own[1], np.maximum(others[0], 0.0) + tail.low)
        if given:
            least, most = np.maximum(least, given[0]), np.minimum(most, given[1])
        return least, most

    @property
    def exact(self) -> bool:
        """True if nothing is rounded and no unknown token has any probability."""
        return self.whole and bool(np.array_equal(self.low, self.high))

    def share(self, chosen: Any) -> Interval:
        """The share at τ of the known tokens whose ranks (from 0), or `[k]` mask, are `chosen`."""
        mask = np.zeros(self.num_seen, dtype=bool)
        mask[chosen] = True
        if self.temperature == 0.0:
            greedy = float(mask[0])
            return Interval(greedy if self.num_ranked else 0.0, greedy)
        low, high = self._weights
        # A list of all tokens is divided by its sum, which may differ from one by MASS_ROUNDING: the numbers as given
        # would then contradict the quotient.
        given = self._given if self.num_unknown else None
        least, most = self._shares(
            (low[mask].sum(), high[mask].sum()),
            (low[~mask].sum(), high[~mask].sum()),
            given and (given[0][mask].sum(), given[1][mask].sum()),
        )
        # All that can come: 1, and not what the division makes of it.
        if self.exact and mask[self.high > -math.inf].all():
            least = most = 1.0
        return Interval(float(min(least, most, 1.0)), float(min(most, 1.0)))

    @property
    def first_shares(self) -> Interval:
        """`[k]` share at τ of the n most likely known tokens, n = 1 to k."""
        if self.temperature == 0.0:
            ones = np.ones(self.num_seen)
            return Interval(ones if self.num_ranked else 0.0 * ones, ones)
        low, high = (np.cumsum(ends) for ends in self._weights)
        given = self._given if self.num_unknown else None
        least, most = self._shares(
            (low, high), (low[-1] - low, high[-1] - high), given and (given[0].cumsum(), given[1].cumsum())
        )
        return Interval(np.minimum(least, most), np.minimum(most, 1.0))

    @property
    def unseen(self) -> Interval:
        """The share at τ of all tokens that are not known."""
        if self.whole:
            return Interval(0.0, 0.0)
        known = self.share(slice(None))
        return Interval(max(1.0 - known.high, 0.0), max(1.0 - known.low, 0.0))

    @property
    def entropy(self) -> Interval:
        """Entropy in nats at τ: the narrower of two bounds, one from the weights and one from the shares."""
        if self.support.high == 1:
            return Interval(0.0, 0.0)
        # The second case: of a rounded list whose one possible token has it all.
        if self.exact or (self.whole and self.probs.exact):
            value = float(_terms(self.probs.low).sum())
            return Interval(value, value)
        by_weights, by_shares = self._entropy_by_weights(), self._entropy_by_shares()
        # Neither bound is always the narrower; both hold, so their intersection does.
        low = max(by_weights.low, by_shares.low, 0.0)
        high = min(by_weights.high, by_shares.high, math.log(self.num_tokens))
        return Interval(min(low, high), high)

    @property
    def effective_support(self) -> Interval:
        """`e^H`: how many equally likely tokens would be as uncertain."""
        return Interval(math.exp(self.entropy.low), math.exp(self.entropy.high))

    @property
    def support(self) -> Interval:
        """How many tokens have any probability; 1 at τ = 0."""
        if self.temperature == 0.0:
            return Interval(1, 1)
        known = int(np.sum(self.high > -math.inf))
        some = 1 if self.unknown_mass.low > 0.0 else 0
        return Interval(known + some, known + (0 if self.whole else self.num_unknown))

    @property
    def margin(self) -> Interval:
        """`z₁ - z₂` of the logits at τ = 1, known to twice the rounding, not divided by τ; inf for one token."""
        first_low, first_high = float(self.low[0]), float(self.high[0])
        # The second token is the best rival, known or not: the largest of their low ends, and of their high ends.
        rivals_low = [float(self.low[1])] if self.num_seen > 1 else []
        rivals_high = [float(self.high[1])] if self.num_seen > 1 else []
        if not self.whole:
            rivals_high.append(math.log(self.largest_unknown))
            # The largest unknown one has at least the mean of them.
            rivals_low.append(log_of(self.unknown_mass.low / self.num_unknown))
        second_low, second_high = max(rivals_low, default=-math.inf), max(rivals_high, default=-math.inf)
        if self.num_ranked == 0:
            # An unknown token may be the first; then nothing is sure but that its lead is not negative.
            return Interval(0.0, math.inf)
        low = math.inf if second_high == -math.inf else max(first_low - second_high, 0.0)
        high = math.inf if second_low == -math.inf else first_high - second_low
        # Exact and both ranked. The ends may still differ, since the ceiling went through exp and ln.
        if not self.rounding and self.num_ranked > 1 and math.isfinite(low):
            low = high
        return Interval(low, max(low, high))

    def nucleus_size(self, mass: float) -> Interval:
        """`n_p = min{n : top-n mass ≥ p}` at τ, as whole numbers; the two are equal where the answer is certain.

        Beyond the known tokens, the fewest come from a tail piled up at its largest probability, the most from an even
        one, in which a share s of the tail takes s of its tokens. Raises InputError for a mass outside [0, 1].
        """
        if not 0.0 <= mass <= 1.0:
            raise InputError(f"the mass of a nucleus must be a number from 0 to 1, got {mass}")
        if self.temperature == 0.0 or mass == 0.0:
            return Interval(1, 1)
        if mass == 1.0:
            return self.support
        enough = mass * (1.0 - SLACK)
        # Only the ranked tokens are sure to come first; a known one further down counts among those beyond.
        first, beyond = self.num_ranked, self.num_tokens - self.num_ranked
        shares = self.first_shares
        known_low, known_high = shares.low[:first], shares.high[:first]

        def among(values: Floats) -> int | None:
            reached = np.flatnonzero(values >= enough)
            return int(reached[0]) + 1 if len(reached) else None

        fewest, most = among(known_high), among(known_low)
        in_high = float(known_high[-1]) if first else 0.0
        in_low = float(known_low[-1]) if first else 0.0
        if fewest is None:
            # Each further token has at most this share: one that is known but not ranked, or an unknown one.
            step = max(
                self.largest_unknown_share, float(self.probs.high[first]) if first < self.num_seen else 0.0
            )
            # The factor errs towards fewer tokens, as the other one below errs towards more.
            more = math.ceil((enough - in_high) / step * (1.0 - 1e-9)) if step > 0.0 else 1
            fewest = min(first + max(more, 1), self.num_tokens)
        if most is None:
            left = 1.0 - in_low
            # The factor errs towards more tokens: rounding must not make "at most" one too few.
            more = math.ceil(beyond * (enough - in_low) / left * (1.0 + 1e-13)) if left > 0.0 else 1
            most = min(first + max(more, 1), self.num_tokens) if not self.whole else self.num_tokens
        return Interval(fewest, max(fewest, most))

    def flip_risk(self, noise: float = NOISE_SCALE) -> Interval:
        """Chance that noise makes another token than the first the largest; as `flip_risk` of a row of logits."""
        gaps_low = np.maximum(self.low[0] - self.high[1:], 0.0)
        gaps_high = self.high[0] - self.low[1:]
        # Not a rounded difference more, but one number: low and high would differ in their last bit.
        if not self.rounding:
            gaps_low = gaps_high
        # The risk rises as any rival comes nearer and with every rival more, so the far ends of the known ones alone
        # give the least.
        low = risk_of_gaps(gaps_high, noise)
        if self.whole:
            return Interval(low, low if not self.rounding else risk_of_gaps(gaps_low, noise))
        if self.num_ranked == 0:
            return Interval(0.0, 1.0)
        # As many unknown tokens as their mass allows, all as near as the largest may be: up to PILED_NOISE no other
        # tail of that mass risks more. Beyond it many small tokens can, so there each one counts as the largest.
        # A first token that may lie below L ties with them, as none is above it: the lower it is, the more have room.
        # In logarithms, where equal numbers stay equal: at noise 0 a gap of one rounding would be no tie.
        first, largest = float(self.low[0]), min(self.ceiling, log_of(self.unknown_mass.high))
        nearest = max(first - largest, 0.0)
        count = self.num_unknown
        if noise <= PILED_NOISE:
            count = min(self.unknown_mass.high / math.exp(min(largest, first)), count)
        high = risk_of_gaps(
            np.append(gaps_low, nearest), noise, np.append(np.ones(len(gaps_low)), max(count, 1.0))
        )
        return Interval(low, max(low, high))

    # What a chain leaves

    def possible(self) -> PartialDistribution:
        """This distribution without the tokens that cannot come: known ones of -inf, unknown ones of a whole one."""
        alive = self.high > -math.inf
        if alive.all() and not (self.whole and self.num_unknown):
            return self
        lost = int(np.sum(~alive)) + (self.num_unknown if self.whole else 0)
        return self._but(low=self.low[alive], high=self.high[alive], num_tokens=self.num_tokens - lost)

    def kept(self, ranks: Any) -> PartialDistribution:
        """What is left if only these known tokens are kept (ranks from 0, or a mask): a whole distribution at τ = 1."""
        low, high = self.low[ranks], self.high[ranks]
        scale = self.temperature or 1.0
        return self._whole((low - high[0]) / scale, (high - high[0]) / scale)

    def divided(self, temperature: Interval) -> PartialDistribution:
        """This whole distribution at a temperature above 0 that is itself known in part; as logits at τ = 1."""
        # Of logits of 0 or less a smaller divisor makes smaller ones.
        return self._whole(
            (self.low - self.high[0]) / temperature.low, (self.high - self.high[0]) / temperature.high
        )

    # Bounds of the entropy

    def _entropy_by_weights(self) -> Interval:
        """`ln Z - Σ w ln w / Z` with the tail's weight W anywhere in its interval, and rounding by its steepest slope.

        With A = Σ_known w ln w and S = Σ_known w: a tail of W at the largest weight has the least entropy for its W,
        which as a function of W falls until Z = a·S - A (a its log-weight) and then rises; an even tail has the most,
        which rises until each of its weights is e^{A/S}. Rounding by r moves H by at most `r·(ln V/2 + 1)`, since
        `Σ p |ln p + H|` is at most the standard deviation of the surprise, and that stays below `ln V/2 + 1` (Reeb and
        Wolf 2015, arXiv 1304.0036, have the tight bound on its variance).
        Tight at τ = 1 without rounding: there W is the mass itself, an even tail is attained, and a pile where it is a
        whole number of tokens. Elsewhere W and the tail's shape are bounded one after the other, so an end may be wide.
        """
        low, high = self._weights
        with np.errstate(divide="ignore", invalid="ignore"):
            # The middle in logarithms, where rounding is symmetric. A token whose low end is 0 has half a width of inf:
            # then this bound says nothing, and the one by shares decides.
            centre = np.exp(np.where(high > 0.0, 0.5 * (np.log(low) + np.log(high)), -math.inf))
            halves = np.where(
                low > 0.0, 0.5 * (np.log(high) - np.log(low)), np.where(high > 0.0, math.inf, 0.0)
            )
        total, sum_w_log_w = float(centre.sum()), float(-_terms(centre).sum())
        tail = self._unknown_weight

        def entropy(weight: float, log_each: float) -> float:
            z = total + weight
            return math.log(z) - (sum_w_log_w + (weight * log_each if weight > 0.0 else 0.0)) / z

        least = most = entropy(0.0, 0.0)
        # The extreme lies at the turning point, or at the end of W's interval that is nearer to it.
        if tail.high > 0.0:
            pile = math.log(self._largest_weight)
            least_at = min(max(pile * total - sum_w_log_w - total, tail.low), tail.high)
            # As in _largest_weight: e^709 is the largest float64.
            level = min(sum_w_log_w / total, 700.0)
            most_at = min(max(self.num_unknown * math.exp(level), tail.low), tail.high)
            least = entropy(least_at, pile)
            most = entropy(most_at, log_of(most_at / self.num_unknown))
        moved = float(np.max(halves)) * (0.5 * math.log(max(self.num_tokens, 1)) + 1.0)
        return Interval(least - moved, most + moved)

    def _entropy_by_shares(self) -> Interval:
        """The most even and the most uneven shares that lie in their intervals and sum to one."""
        shares = self.probs
        low, high = np.asarray(shares.low), np.asarray(shares.high)
        tail = self.unseen
        unknown = 0 if self.whole else self.num_unknown
        # A tail of a given share is most even where all its tokens are equal, so one of them stands for all.
        each_low = tail.low / unknown if unknown else 0.0
        cap = self.largest_unknown_share if unknown else 0.0
        each_high = min(cap, tail.high / unknown) if unknown else 0.0
        each_high = max(each_low, each_high)
        # The most even: every share as near to one level as its interval allows.
        bottom, top = -745.0, 0.0
        # Bisection in ln level, 80 halvings of 745: shares may be as small as float64 goes.
        for _ in range(80):
            level = math.exp(0.5 * (bottom + top))
            total = float(np.clip(level, low, high).sum()) + unknown * min(max(level, each_low), each_high)
            bottom, top = (0.5 * (bottom + top), top) if total < 1.0 else (bottom, 0.5 * (bottom + top))
        level = math.exp(top)
        each = min(max(level, each_low), each_high)
        most = float(_terms(np.clip(level, low, high)).sum()) + unknown * float(_terms(np.array([each]))[0])
        # The most uneven: the first ones as large as they may be. What bounds nothing counts as unknown here.
        first = self.num_ranked if unknown else len(low)
        cap = max(cap, float(high[first]) if first < len(low) else 0.0)
        # A bit d of share that goes from the rest to a first token of share x changes the sum by d·(ln cap - ln x - 1)
        # at most: a fall while x > cap/e. Where the last of the first tokens may be smaller, filling them is no bound.
        if first == 0 or (cap > 0.0 and float(low[first - 1]) * math.e < cap):
            return Interval(0.0, most + 1e-12)
        # Filled in order of rank: the larger a share already is, the less a bit more of it adds to the sum.
        rest_low = tail.low + float(low[first:].sum())
        room = max(1.0 - float(low[:first].sum()) - rest_low, 0.0)
        wide = high[:first] - low[:first]
        before = np.concatenate([[0.0], np.cumsum(wide)[:-1]])
        filled = low[:first] + np.clip(room - before, 0.0, wide)
        rest = max(1.0 - float(filled.sum()), rest_low) if unknown or first < len(low) else 0.0
        least = float(_terms(filled).sum()) - (rest * math.log(cap) if rest > 0.0 and cap > 0.0 else 0.0)
        # Tight for these intervals, up to the pile's last token. Not all of them need be reached together.
        return Interval(least - 1e-12, most + 1e-12)

    def _check_tail(self) -> None:
        """Raise InputError where the unknown tokens cannot hold the mass that is missing."""
        missing = 1.0 - float(np.exp(self.high).sum())
        listed = math.exp(self.ceiling)
        if missing > self.num_unknown * listed + MASS_ROUNDING:
            raise InputError(
                f"{self.num_unknown} unseen tokens of at most {number(listed, 3)} each cannot hold the missing mass "
                f"{number(missing, 6)}; the logprobs seen must be the largest, normalised"
            )


def entropy_interval(
    top_log_probs: Any,
    num_tokens: int,
    temperature: float = 1.0,
    rounding: float = 0.0,
    ceiling: float | None = None,
) -> Interval:
    """Entropy in nats at τ from the largest log-probabilities `[k]`; arguments as `PartialDistribution`."""
    return PartialDistribution(top_log_probs, num_tokens, temperature, rounding, ceiling).entropy


def _share(part: Any, others: Any) -> Any:
    """`part / (part + others)`, 0 of nothing."""
    whole = part + others
    return np.where(part > 0.0, part / np.where(whole > 0.0, whole, 1.0), 0.0)


def _terms(values: Floats) -> Floats:
    """`-x ln x` with 0·ln 0 = 0."""
    return -values * np.log(np.where(values > 0.0, values, 1.0))


def log_of(value: float) -> float:
    """`ln value`, -inf of 0."""
    return math.log(value) if value > 0.0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))
