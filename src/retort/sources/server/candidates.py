"""What a list of candidates says of one position, and what it leaves open.

In: the drawn token and the candidates, as a server named them. Out: a `Position`, whose `ceiling` bounds every token
that was not named, and `complaint`: why numbers cannot be log-probabilities. Nothing is corrected here.

A list is not always "the k most likely". vLLM puts the drawn token before the top k (vllm/logprobs.py), and its chat
then keeps k of these (`_get_top_logprobs`), so a drawn token of low rank takes the place of the k-th; completions have
it besides; Gemini's need not be in the list (`LogprobsResult`). `position_of` merges the drawn token and says what
bounds the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retort.errors import SourceError, printable
from retort.numerals import number
from retort.sources.base import UNDECODED, KnownToken

# What OpenAI writes for a token that is not among the most likely ones, and vLLM's chat for anything lower.
NOT_GIVEN = -9999.0
SUM_TOLERANCE = 1e-3  # logprobs rounded to a few digits may sum to a little more than one
# nats: what the order of its sums moves a float32 forward pass, a few spacings of a logit of 20
FLOAT32_PASS = 1e-5


@dataclass(frozen=True)
class Position:
    """One token of a text (`chosen`; None where its logprob is not given) and the known candidates there, falling.

    `ceiling` bounds the logprob of every other token, as in `KnownTop`. `text` is the token's text.
    """

    chosen: KnownToken | None
    known: tuple[KnownToken, ...]
    ceiling: float | None = None
    text: str = ""

    @property
    def num_ranked(self) -> int:
        """How many of the known tokens are certainly the most likely ones, as far as the list itself says it."""
        ceiling = -math.inf if self.ceiling is None else self.ceiling
        return sum(token.logprob >= ceiling for token in self.known)


def position_of(
    chosen: KnownToken | None,
    listed: Sequence[KnownToken | None],
    asked: int | None = None,
    text: str | None = None,
) -> Position:
    """The drawn token among the candidates, and what bounds all others.

    `asked`: how many candidates were asked for, where the drawn one is listed besides (completions); None where it may
    stand in the place of one of them. A candidate of None has no logprob. `text`: the drawn token's, where `chosen`
    does not say it.
    """
    given = [token for token in listed if token is not None]
    bad = [token for token in given if math.isnan(token.logprob)]
    top = _falling(token for token in given if token.logprob > NOT_GIVEN)  # NaN is not
    # `not <=`, so that NaN goes on to `complaint` and is not taken for "not given".
    drawn = chosen if chosen is not None and not chosen.logprob <= NOT_GIVEN else None
    known = top
    ceiling: float | None = None
    if bad:
        known = [*top, *bad]  # for `complaint` to refuse
    elif any(token.logprob == -math.inf for token in given) and _is_whole(top):
        ceiling = -math.inf  # a listed probability of 0: no other token can come
    elif drawn is None or math.isnan(drawn.logprob):
        # Without a drawn token the list is taken at its word: its last one bounds the others.
        ceiling = None if top else math.inf
    else:
        known, ceiling = _with_drawn(top, drawn, asked)
    return Position(drawn, tuple(known), ceiling, (text or "") if chosen is None else chosen.token)


def _with_drawn(
    top: list[KnownToken], drawn: KnownToken, asked: int | None
) -> tuple[list[KnownToken], float | None]:
    """The candidates with the drawn token among them, and what bounds all others."""
    place = next((place for place, token in enumerate(top) if _same(token, drawn)), None)
    if place is None:
        # A drawn token that is more probable than the list's last and missing from it shows that the list is not of
        # the most likely ones: nothing but the missing mass bounds the others.
        fits = bool(top) and drawn.logprob <= top[-1].logprob
        return _falling([*top, drawn]), top[-1].logprob if fits else math.inf
    # Anywhere but last the drawn token is there by its rank, and then so is the last one. Where as many came as were
    # asked for, and a drawn one would have come besides, it is one of them.
    if place < len(top) - 1 or len(top) == asked:
        return top, None
    # The last may be there only because it was drawn: then the one above it is the last of the most likely ones.
    return top, top[-2].logprob if len(top) > 1 else math.inf


def _falling(tokens: Iterable[KnownToken]) -> list[KnownToken]:
    return sorted(tokens, key=lambda token: -token.logprob)


def _is_whole(top: Sequence[KnownToken]) -> bool:
    # A server may claim a logprob of a million, whose exponential is no float64.
    return abs(sum(math.exp(min(token.logprob, 1.0)) for token in top) - 1.0) <= SUM_TOLERANCE


def _same(one: KnownToken, other: KnownToken) -> bool:
    return one.id == other.id if one.id is not None and other.id is not None else one.token == other.token


def rounding_of(tokens: Sequence[KnownToken]) -> float:
    """How far the logprobs may be from what was computed: half a unit of the last decimal that any of them uses."""
    # The most precise one counts: a trailing 0 is not written, so others look rounder than they are.
    decimals = max((_decimals(token.logprob) for token in tokens), default=0)
    return max(0.5 * 10.0**-decimals, FLOAT32_PASS)


def _decimals(value: float) -> int:
    # 1e-05 has five decimals and no point: the exponent counts with them.
    mantissa, _, exponent = repr(value).partition("e")
    return len(mantissa.partition(".")[2].rstrip("0")) - int(exponent or 0) if math.isfinite(value) else 0


def complaint(tokens: Sequence[KnownToken]) -> str | None:
    """What makes these candidates unusable as log-probabilities in nats of different tokens; None if nothing does."""
    values = [token.logprob for token in tokens]
    if not values:
        return "gives no logprobs"
    if any(math.isnan(value) or value == math.inf for value in values):
        return f"gives a logprob that is {next(v for v in values if math.isnan(v) or v == math.inf)}"
    if max(values) > SUM_TOLERANCE:
        return f"gives a logprob of {number(max(values))}, but logprobs are 0 or less"
    twice = _named_twice(tokens)
    if twice is not None:
        return f"names the token {twice!r} twice at one position, so its probability would count twice"
    total = sum(map(math.exp, values))
    if total > 1.0 + SUM_TOLERANCE:
        return f"gives logprobs whose probabilities sum to {number(total)}, more than 1"
    return None


def check_usable(tokens: Sequence[KnownToken], name: str, what: str = "its logprobs") -> None:
    """Raise SourceError where there is a `complaint` about these candidates: `name` is who gave them."""
    wrong = complaint(tokens)
    if wrong is not None:
        raise SourceError(printable(f"{name} {wrong}; {what} cannot be used.", keep=""))


def in_base_ten(tokens: Sequence[KnownToken]) -> bool:
    """True where the numbers are too large to be natural logarithms, and possible as logarithms of base 10."""
    values = [token.logprob for token in tokens]
    if not values or not all(math.isfinite(value) and value <= SUM_TOLERANCE for value in values):
        return False
    return (
        sum(map(math.exp, values)) > 1.0 + SUM_TOLERANCE
        and sum(10.0**v for v in values) <= 1.0 + SUM_TOLERANCE
    )


def _named_twice(tokens: Sequence[KnownToken]) -> str | None:
    seen: set[object] = set()
    for token in tokens:
        if token.id is None and UNDECODED in token.token:
            continue  # different bytes, all shown as the same sign
        if token.key in seen:
            return token.token
        seen.add(token.key)
    return None
