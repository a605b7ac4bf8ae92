"""`logits:FILE`: one row of logits from a JSON file, so that anybody can look at a distribution by hand.

    {"tokens": ["blue", "cloudy"], "logits": [15.2, 10.1]}

The order is the vocabulary's: the first token has id 0. Tokens may repeat, as several ids of a real
vocabulary can have the same text. A logit of null is -inf: the token cannot come. Other keys are ignored, so
that a file can carry a comment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import SourceError
from retort.files import read_object
from retort.sources.base import Capability, LookupDecoder, check_token_ids


class LogitsFileSource:
    """The same row after every text: the prompt is accepted and has no effect, and the note says so."""

    capability = Capability.FULL
    max_context: int | None = None
    end_ids: frozenset[int] = frozenset()

    def __init__(self, name: str, tokens: Sequence[str], logits: NDArray[np.float64]) -> None:
        self.name = name
        self.tokens = tuple(tokens)
        self.row = logits
        self.note: str | None = f"{name} is one recorded row of logits: the prompt has no effect on it."
        # Words as a person types them need a space between; tokens of a real vocabulary carry their own.
        self._joint = "" if any(character.isspace() for token in tokens for character in token) else " "

    @property
    def vocab_size(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """No tokens: the file says nothing about how a text is cut, and the row does not depend on it."""
        return []

    def decode(self, ids: Sequence[int]) -> str:
        check_token_ids(self, ids)
        return self._joint.join(self.tokens[i] for i in ids)

    def token_text(self, token_id: int) -> str:
        check_token_ids(self, [token_id])
        return self.tokens[token_id]

    def start(self, prompts: Sequence[Sequence[int]]) -> LookupDecoder:
        for prompt in prompts:
            check_token_ids(self, prompt)
        return LookupDecoder(self, prompts, lambda text: self.row)


def load_logits_file(path: str) -> LogitsFileSource:
    """The source in the JSON file `path`; raises SourceError that says what is wrong with the file."""
    name = f"logits:{path}"
    record = read_object(path, name)
    tokens, logits = (_list(record, key, name) for key in ("tokens", "logits"))
    if len(tokens) != len(logits) or not tokens:
        raise SourceError(
            f"{name} has {len(tokens)} tokens and {len(logits)} logits; give one logit for every token, "
            "and at least one."
        )
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            raise SourceError(
                f"{name}: token {place} is {type(token).__name__}; every token must be a string."
            )
    row = np.array([_number(logit, place, name) for place, logit in enumerate(logits)])
    if np.isneginf(row).all():
        raise SourceError(f"{name}: every logit is null; at least one token must be possible.")
    # float64, where other sources give float32: a low τ divides by itself, so at τ = 0.1 rounding 15.2 to float32 would
    # already change the sixth digit of a probability.
    return LogitsFileSource(name, tokens, row)


def _list(record: dict[str, Any], key: str, name: str) -> list[Any]:
    value = record.get(key)
    if not isinstance(value, list):
        found = "is missing" if key not in record else f"is {type(value).__name__}"
        raise SourceError(
            f'{name}: "{key}" {found}; the file must hold {{"tokens": [...], "logits": [...]}}.'
        )
    return value


def _number(value: Any, place: int, name: str) -> float:
    if value is None:
        return -math.inf
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or math.isnan(value) or (math.isinf(value) and value > 0):
        shown = value if is_number else type(value).__name__
        raise SourceError(f"{name}: logit {place} is {shown}; give a finite number, or null for -inf.")
    return float(value)
