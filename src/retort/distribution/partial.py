"""`PartialDistribution`: a next-token distribution of which only the k most probable tokens are known.

A server that gives its top 20 log-probabilities does not tell the entropy; it bounds it. Everything here is an
`Interval` that holds the truth for every tail that agrees with what was seen. Tokens are named by their rank, since a
server need not give ids. What a chain leaves of such a distribution is in `partial_chain.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.distribution.bounds import Interval, entropy_interval, first_shares_interval, probs_interval
from retort.distribution.softmax import check_temperature
from retort.errors import CapabilityError, InputError

NUCLEUS_SLACK = 1.0 - 2.0**-40
"""A share of p·(1 - 2^-40) counts as p: probabilities that add up to p exactly must not need one more token."""


@dataclass(frozen=True, init=False, eq=False)
class PartialDistribution:
    """The distribution at τ of `num_tokens` tokens, from its `[k]` largest log-probabilities at τ = 1.

    `log_probs` are nats in falling order. `rounding` is how far each may be from the truth, for instance 0.00005 where
    four decimals were given. `ceiling` is the largest logprob that a token beyond these can have (None: that of the
    last): where it is higher than the last ones, these are known and their rank is not. All measures are float64.
    """

    log_probs: NDArray[np.float64] = field(repr=False)
    num_tokens: int
    temperature: float
    rounding: float
    ceiling: float | None

    def __init__(
        self,
        log_probs: Any,
        num_tokens: int,
        temperature: float = 1.0,
        rounding: float = 0.0,
        ceiling: float | None = None,
    ) -> None:
        """Raises InputError for log-probabilities that no distribution over `num_tokens` tokens has, and a bad τ."""
        check_temperature(temperature)
        values = np.asarray(log_probs, dtype=np.float64)
        if values.ndim != 1 or len(values) == 0:
            raise InputError(
                f"a partial distribution is made from one row of log-probabilities [k], got the shape {values.shape}"
            )
        probs_interval(values, num_tokens, 1.0, rounding, ceiling)  # checks what was seen
        object.__setattr__(self, "log_probs", -np.sort(-values))
        object.__setattr__(self, "num_tokens", int(num_tokens))
        object.__setattr__(self, "temperature", float(temperature))
        object.__setattr__(self, "rounding", float(rounding))
        object.__setattr__(self, "ceiling", ceiling)

    def at(self, temperature: float) -> PartialDistribution:
        """The same knowledge at another temperature (which replaces this one; the two are not multiplied)."""
        return PartialDistribution(self.log_probs, self.num_tokens, temperature, self.rounding, self.ceiling)

    @property
    def num_seen(self) -> int:
        """k: how many tokens are known."""
        return len(self.log_probs)

    @property
    def num_ranked(self) -> int:
        """How many of the known tokens are certainly the most probable ones; the others are known, not their ranks."""
        if self.ceiling is None or self.num_seen == self.num_tokens:
            return self.num_seen
        return int(np.sum(self.log_probs >= self._largest_unseen.high))

    @property
    def _largest_unseen(self) -> Interval:
        """Logprob of the most probable token that is not known: no less than an even share of what is left."""
        unseen = self.num_tokens - self.num_seen
        if unseen == 0:
            return Interval(-math.inf, -math.inf)
        mass = float(np.exp(self.log_probs).sum())
        left = [max(1.0 - mass * math.exp(side * self.rounding), 0.0) for side in (1.0, -1.0)]
        least, most = (math.log(share) if share > 0.0 else -math.inf for share in (left[0] / unseen, left[1]))
        limit = float(self.log_probs[-1]) if self.ceiling is None else self.ceiling
        return Interval(min(least, limit), min(most, limit))

    @property
    def probs(self) -> Interval:
        """`[k]` probability of each known token at τ; at τ = 0 the first has it all."""
        if self.temperature == 0.0 and self.num_ranked == 0:
            return Interval(np.zeros(self.num_seen), np.eye(1, self.num_seen)[0])
        if self.temperature == 0.0:
            greedy = np.where(np.arange(self.num_seen) == 0, 1.0, 0.0)
            return Interval(greedy, greedy)
        return probs_interval(self.log_probs, self.num_tokens, self.temperature, self.rounding, self.ceiling)

    @property
    def first_shares(self) -> Interval:
        """`[k]` share at τ of the n most probable tokens, n = 1 to k."""
        if self.temperature == 0.0:
            return Interval(np.ones(self.num_seen), np.ones(self.num_seen))
        return first_shares_interval(
            self.log_probs, self.num_tokens, self.temperature, self.rounding, self.ceiling
        )

    @property
    def unseen(self) -> Interval:
        """The share at τ of all tokens that are not known."""
        known = self.first_shares
        return Interval(max(1.0 - float(known.high[-1]), 0.0), max(1.0 - float(known.low[-1]), 0.0))

    @property
    def entropy(self) -> Interval:
        """Entropy in nats at τ."""
        if self.temperature == 0.0:
            return Interval(0.0, 0.0)
        bound = entropy_interval(
            self.log_probs, self.num_tokens, self.temperature, self.rounding, self.ceiling
        )
        return Interval(float(bound.low), float(bound.high))

    @property
    def effective_support(self) -> Interval:
        """`e^H`: how many equally likely tokens would be as uncertain."""
        return Interval(math.exp(self.entropy.low), math.exp(self.entropy.high))

    @property
    def margin(self) -> float:
        """`z₁ - z₂` of the raw logits, exact (to the rounding) because the two best tokens are known; not scaled by τ.

        inf where there is one token in all. Raises CapabilityError where only one of several is known.
        """
        if self.num_seen > 1:
            return float(self.log_probs[0] - self.log_probs[1])
        if self.num_tokens == 1:
            return math.inf
        raise CapabilityError(
            f"The margin needs the two most probable tokens, but only one of {self.num_tokens:,} is known; "
            "ask for at least two log-probabilities."
        )

    @property
    def margin_interval(self) -> Interval:
        """`z₁ - z₂` of the raw logits, whichever tokens these are; inf where one token alone is possible."""
        first, second = float(self.log_probs[0]), float(self.log_probs[1]) if self.num_seen > 1 else -math.inf
        other = self._largest_unseen
        if max(second, other.high) == -math.inf:
            return Interval(math.inf, math.inf)
        slack = 2.0 * self.rounding
        low = first - max(second, other.high) - slack
        high = max(first - max(second, other.low), other.high - first) + slack
        return Interval(max(low, 0.0), high)

    def nucleus_size(self, mass: float) -> Interval:
        """`n_p = min{n : top-n mass ≥ p}` at τ, as whole numbers; the two are equal where the answer is certain.

        Beyond the known tokens, the fewest come from a tail piled up at the smallest seen probability, the most from an
        even one, in which a share s of the tail takes s of its tokens. Raises InputError for a mass outside (0, 1].
        """
        if not 0.0 < mass <= 1.0:
            raise InputError(f"the mass of a nucleus must be above 0 and at most 1, got {mass}")
        if self.temperature == 0.0:
            return Interval(1, 1)
        if self.num_ranked == 0:
            return Interval(1, self.num_tokens)
        if self.num_ranked < self.num_seen:
            ranked = self.log_probs[: self.num_ranked]
            ceiling = max(float(self.log_probs[self.num_ranked]), self._largest_unseen.high)
            top = PartialDistribution(ranked, self.num_tokens, self.temperature, self.rounding, ceiling)
            return top.nucleus_size(mass)
        enough = mass * NUCLEUS_SLACK
        known, unseen = self.first_shares, self.num_tokens - self.num_seen

        def size(shares: NDArray[np.float64], beyond: float) -> int:
            reached = np.flatnonzero(shares >= enough)
            if len(reached) or unseen == 0:
                return int(reached[0]) + 1 if len(reached) else self.num_tokens
            return min(self.num_seen + max(math.ceil(beyond), 1), self.num_tokens)

        # The last known token's share moves by rounding one way while an unseen one's moves the other way.
        largest_unseen = float(self.probs.high[-1]) * math.exp(2.0 * self.rounding / self.temperature)
        if self.ceiling is not None:
            above = (self._largest_unseen.high - float(self.log_probs[-1])) / self.temperature
            largest_unseen = min(largest_unseen * math.exp(min(above, 700.0)), 1.0)
        fewest = (enough - float(known.high[-1])) / largest_unseen if largest_unseen > 0.0 else 1.0
        in_known = float(known.low[-1])
        most = unseen * (enough - in_known) / (1.0 - in_known) if in_known < 1.0 else 1.0
        return Interval(size(known.high, fewest), size(known.low, most))
