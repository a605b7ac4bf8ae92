"""How far one distribution is from another, in nats: exact for two rows of logits, bounded where one is a list.

Of a list of the most likely tokens, what is matched with the other side is certain, and what the rest may add is
bounded. Tokens are matched by id where both sides have the same ids, else by text, equal texts together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retort.distribution import Interval
from retort.distribution.arrays import Floats
from retort.distribution.calibration import equivalent_temperature
from retort.distribution.divergences import jsd, kl, total_variation
from retort.distribution.ranking import top_ids
from retort.distribution.softmax import log_softmax
from retort.errors import InputError
from retort.records import exact
from retort.sources.base import KnownToken, KnownTop, Source

DISTANCES = ("kl_ab", "kl_ba", "jsd", "total_variation")

NAMED = 1000
"""Tokens of a source of the whole vocabulary that are matched with a list: past them there is next to nothing left."""

NOTHING = 1e-12
"""A rest below this is what rounding in float64 leaves of 1 − Σ p."""

LOOKED_AT = 10
"""So many of the most likely tokens must be the same in both vocabularies."""


def distance(a: Source, found_a: Floats | KnownTop, b: Source, found_b: Floats | KnownTop) -> dict[str, Any]:
    """By name, how far B's distribution is from A's: logits `[vocab]` or lists; InputError for other tokens.

    Of two rows also the temperature of B that makes them nearest, where there is one.
    """
    if isinstance(found_a, KnownTop) or isinstance(found_b, KnownTop):
        found = distance_of_lists(known_top(a, found_a), known_top(b, found_b))
        return {name: found[name] for name in DISTANCES}
    if a is not b and not share_tokens(a, b, np.argsort(-found_a)[:LOOKED_AT].tolist()):
        raise InputError(
            f"{a.name} and {b.name} have different tokens (vocabularies of {a.vocab_size:,} and "
            f"{b.vocab_size:,}), so their distributions cannot be compared; look at each."
        )
    rows = distances(log_softmax(found_a), log_softmax(found_b))
    return exactly(rows) | matched_temperature(found_a, found_b)


def share_tokens(a: Source, b: Source, ids: Iterable[int]) -> bool:
    """Whether both models mean the same tokens, judged by the size of the vocabulary and by these ids."""
    return a.vocab_size == b.vocab_size and all(a.token_text(one) == b.token_text(one) for one in set(ids))


def distances(log_a: Floats, log_b: Floats) -> dict[str, Any]:
    """By name, how far normalised rows `[..., vocab]` of B are from those of A; nats, `[...]`."""
    return {
        "kl_ab": kl(log_a, log_b),
        "kl_ba": kl(log_b, log_a),
        "jsd": jsd(log_a, log_b),
        "total_variation": total_variation(log_a, log_b),
    }


def exactly(measured: dict[str, Any], place: Any = ()) -> dict[str, Any]:
    """Measures by name, each at one place of its array."""
    return {name: exact(values[place]) for name, values in measured.items()}


def matched_temperature(a: Floats, b: Floats) -> dict[str, Any]:
    """`equivalent_temperature` and `kl_left` of logits `[..., vocab]`; nothing where no temperature makes them near."""
    try:
        found = equivalent_temperature(a, b)
    except InputError:  # A can give a token that B excludes
        return {}
    return {"equivalent_temperature": found.temperature, "kl_left": found.residual}


def known_top(source: Source, found: Floats | KnownTop) -> KnownTop:
    """The most likely tokens of logits `[vocab]`; what is a list already stays as it is."""
    if isinstance(found, KnownTop):
        return found
    log_probs = log_softmax(found)
    ids = [int(i) for i in top_ids(found, NAMED) if found[i] > -np.inf]
    return KnownTop(
        tuple(KnownToken(source.token_text(i), float(log_probs[i]), i) for i in ids), source.vocab_size
    )


def distance_of_lists(a: KnownTop, b: KnownTop) -> dict[str, Any]:
    """The bounds by name, whether the most likely tokens differ, and of the tokens that both name how many there are
    and by how much their logprobs differ at most.
    """
    by_id = _same_ids(a, b)
    pooled_a, pooled_b = _pooled(a, by_id), _pooled(b, by_id)
    keys = [key for key in pooled_a if key in pooled_b]
    best_a, best_b = a.tokens[0], b.tokens[0]
    return {
        **_bounded(_shares(a, pooled_a, keys), _shares(b, pooled_b, keys), by_id),
        "parted": best_a.id != best_b.id if by_id else best_a.token != best_b.token,
        "common": len(keys),
        "logprob_difference": max((abs(pooled_a[key] - pooled_b[key]) for key in keys), default=math.inf),
    }


def _same_ids(a: KnownTop, b: KnownTop) -> bool:
    """Whether both sides give ids, and those that both name stand for the same texts."""
    texts = {token.id: token.token for token in a.tokens}
    if None in texts or any(token.id is None for token in b.tokens):
        return False
    shared = [token for token in b.tokens if token.id in texts]
    if a.vocabulary is not None and b.vocabulary is not None and a.vocabulary != b.vocabulary:
        return False
    return bool(shared) and all(texts[token.id] == token.token for token in shared)


def _pooled(known: KnownTop, by_id: bool) -> dict[Any, float]:
    """The logprob of each id or text, equal ones together."""
    found: dict[Any, float] = {}
    for token in known.tokens:
        key = token.id if by_id else token.token
        # Tokens of several ids can have one text; by text their probabilities add up.
        found[key] = float(np.logaddexp(found[key], token.logprob)) if key in found else token.logprob
    return found


def _shares(known: KnownTop, pooled: dict[Any, float], keys: Sequence[Any]) -> Interval:
    """Between which probabilities each matched token lies, and last all other tokens as one."""
    log_probs = np.array([pooled[key] for key in keys])
    low, high = np.exp(log_probs - known.rounding), np.minimum(np.exp(log_probs + known.rounding), 1.0)
    if len(keys) == len(pooled) and len(known.tokens) == known.vocabulary:
        return Interval(np.append(low, 0.0), np.append(high, 0.0))  # nothing else can come
    least, most = 1.0 - float(high.sum()), max(1.0 - float(low.sum()), NOTHING)
    return Interval(np.append(low, least if least > NOTHING else 0.0), np.append(high, most))


def _bounded(p: Interval, q: Interval, by_id: bool) -> dict[str, Any]:
    """Each distance by name. By text, an unnamed token may have a named text: its mass may lie on any matched one."""
    whole = p.high[-1] == q.high[-1] == 0.0  # each token of both is named and matched
    if whole and p.exact and q.exact:
        with np.errstate(divide="ignore"):
            found = distances(*(log_softmax(np.log(one.low[:-1])) for one in (p, q)))
        return exactly(found)
    if by_id or whole:
        low = 0.5 * float(np.maximum(np.maximum(p.low - q.high, q.low - p.high), 0.0).sum())
        kl_ab, kl_ba = _least_kl(p, q), _least_kl(q, p)
    else:
        low = max(_excess(p, q), _excess(q, p))
        kl_ab, kl_ba = _least_kl_by_text(p, q), _least_kl_by_text(q, p)
    # Equal numbers that were summed in another order do not differ.
    low, kl_ab, kl_ba = (max(least - NOTHING, 0.0) for least in (low, kl_ab, kl_ba))
    # The rest of each may lie where the other has none.
    apart = float(np.maximum(p.high - q.low, q.high - p.low)[:-1].sum()) + float(p.high[-1] + q.high[-1])
    high = max(min(0.5 * apart, 1.0), low)
    return {
        "kl_ab": Interval(kl_ab, math.inf),
        "kl_ba": Interval(kl_ba, math.inf),
        # Pinsker's inequality for both halves, and the largest divergence of what lies apart (Lin 1991).
        "jsd": Interval(0.5 * low**2, math.log(2.0) * high),
        "total_variation": Interval(low, high),
    }


def _least_kl(p: Interval, q: Interval) -> float:
    """The least KL(p ‖ q) in nats that the shares allow.

    Other tokens as one: no finer division can make it smaller (the log sum inequality). KL is the sum of
    p ln(p/q) - p + q, whose terms are never negative and least where p and q are nearest, so each is taken there.
    """
    from scipy.special import kl_div

    above, below = p.low > q.high, p.high < q.low
    return float(kl_div(p.low[above], q.high[above]).sum() + kl_div(p.high[below], q.low[below]).sum())


def _excess(p: Interval, q: Interval) -> float:
    """At least so much more probability has p than q on the texts where it has more.

    TV ≥ P(S) − Q(S) for any set S of texts; all that q does not name may lie in S.
    """
    above = p.low[:-1] > q.high[:-1]
    return float((p.low[:-1] - q.high[:-1])[above].sum()) - float(q.high[-1])


def _least_kl_by_text(p: Interval, q: Interval) -> float:
    """The least KL(p ‖ q) by what both certainly put on a set of texts: KL is at least that of the two halves."""
    from scipy.special import rel_entr

    more, fewer = p.low[:-1] > q.high[:-1], p.high[:-1] < q.low[:-1]
    least = 0.0
    for of_p, of_q, certain in (
        (p.low[:-1][more].sum(), q.high[:-1][more].sum() + q.high[-1], np.greater),
        (p.high[:-1][fewer].sum() + p.high[-1], q.low[:-1][fewer].sum(), np.less),
    ):
        if certain(of_p, of_q):
            # Sums of rounded shares may pass 1.
            heads = np.clip([of_p, of_q], 0.0, 1.0)
            least = max(least, float(rel_entr([heads[0], 1.0 - heads[0]], [heads[1], 1.0 - heads[1]]).sum()))
    return least
