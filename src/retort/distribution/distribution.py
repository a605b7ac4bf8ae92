"""`Distribution`: the next-token distribution at temperature τ, which everything else in retort is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from retort.distribution import measures
from retort.distribution.arrays import Array, as_floats, detached, namespace
from retort.distribution.ranking import top_ids
from retort.distribution.softmax import (
    check_log_probs,
    check_logits,
    check_temperature,
    is_per_row,
    log_softmax,
    softmax,
    tempered,
)
from retort.errors import InputError


@dataclass(frozen=True, init=False, eq=False)
class Distribution:
    """The distribution `softmax(logits / τ)` over tokens, one for each row of `[..., vocab]`.

    Made from exactly one of `logits` (unnormalised) or `log_probs` (normalised, nats). `log_probs` given are
    those at temperature 1, so they serve as logits. -inf marks a removed token. Derived values are computed
    when asked for: float64 for numpy, at least float32 for torch.
    """

    logits: Array = field(repr=False)
    temperature: float

    def __init__(self, logits: Array = None, *, log_probs: Array = None, temperature: float = 1.0) -> None:
        """Raises InputError for both arrays or neither, unusable rows, or a bad temperature."""
        if (logits is None) == (log_probs is None):
            given = "neither" if logits is None else "both"
            raise InputError(f"a Distribution is made from exactly one of logits or log_probs, got {given}")
        check_temperature(temperature)
        if is_per_row(temperature):
            raise InputError(
                "a Distribution has one temperature for all its rows, got an array; make one for each"
            )
        values = as_floats(logits if log_probs is None else log_probs)
        check_logits(values)
        if log_probs is not None:
            check_log_probs(values)
        # Frozen: nothing can change these later, so the values cached below stay right.
        object.__setattr__(self, "logits", values)
        object.__setattr__(self, "temperature", float(temperature))

    def __repr__(self) -> str:
        return f"Distribution(shape={tuple(self.logits.shape)}, temperature={self.temperature:g})"

    @cached_property
    def log_probs(self) -> Array:
        """`[..., vocab]` log-probabilities in nats."""
        return log_softmax(self.logits, self.temperature)

    @cached_property
    def probs(self) -> Array:
        """`[..., vocab]` probabilities."""
        return softmax(self.logits, self.temperature)

    @property
    def entropy(self) -> Array:
        """`[...]` entropy in nats: `H = -Σ p ln p`."""
        return measures.entropy(self.logits, self.temperature)

    @property
    def effective_support(self) -> Array:
        """`[...]` `e^H`: how many equally likely tokens would be as uncertain."""
        return measures.effective_support(self.logits, self.temperature)

    @property
    def support(self) -> Array:
        """`[...]` number of tokens that have not been removed; 1 at temperature 0."""
        return measures.support_size(tempered(self.logits, self.temperature))

    @property
    def margin(self) -> Array:
        """`[...]` gap between the two largest logits, before temperature; inf if one token is left."""
        return measures.margin(self.logits)

    @property
    def greedy(self) -> Array:
        """`[...]` id of the most likely token, the lowest one if several tie."""
        return namespace(self.logits).argmax(detached(self.logits), axis=-1)

    def at(self, temperature: float) -> Distribution:
        """The same logits at another temperature (which replaces this one; the two are not multiplied)."""
        return Distribution(self.logits, temperature=temperature)

    def top(self, n: int = 10) -> Any:
        """`[..., n]` ids of the n most likely tokens, falling, ties by lowest id; at most the whole
        vocabulary.

        Temperature never reorders tokens, so this does not depend on it. Raises InputError for n below 1.
        """
        if isinstance(n, bool) or int(n) != n or n < 1:
            raise InputError(f"top takes a whole number of tokens of 1 or more, got {n}")
        return top_ids(self.logits, int(n))
