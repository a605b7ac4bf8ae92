"""Slow float64 oracles in plain Python, from the definitions, sharing no code with retort.

One row at a time, lists in and lists out. -inf marks a removed token. Tests compare the vectorised functions to these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

REMOVED = -math.inf
EXACTLY_ON = 1e-12
"""A token that stands on a threshold belongs to the kept set; rounding must not decide."""


def argmax(logits: Sequence[float]) -> int:
    """Lowest id among the largest logits."""
    best = 0
    for token, logit in enumerate(logits):
        if logit > logits[best]:
            best = token
    return best


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """p_i = exp((z_i - max)/τ) / Σ; one-hot at τ = 0."""
    if temperature == 0:
        return [1.0 if token == argmax(logits) else 0.0 for token in range(len(logits))]
    largest = max(logits)
    weights = [math.exp((logit - largest) / temperature) for logit in logits]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def order(logits: Sequence[float]) -> list[int]:
    """Token ids by falling logit, ties by lowest id."""
    return sorted(range(len(logits)), key=lambda token: (-logits[token], token))


def keep(logits: Sequence[float], kept: Sequence[int]) -> list[float]:
    """The logits with all but the kept ids removed."""
    return [logit if token in set(kept) else REMOVED for token, logit in enumerate(logits)]


def temperature(logits: Sequence[float], value: float) -> list[float]:
    """(z - max)/τ, or the winner alone at τ = 0."""
    largest = max(logits)
    if value == 0:
        return [0.0 if token == argmax(logits) else REMOVED for token in range(len(logits))]
    return [(logit - largest) / value for logit in logits]


def top_k(logits: Sequence[float], k: int) -> list[float]:
    """The first k in order."""
    return keep(logits, order(logits)[:k])


def top_p(logits: Sequence[float], p: float) -> list[float]:
    """The first tokens in order until their mass is p."""
    probs = softmax(logits)
    kept: list[int] = []
    for token in order(logits):
        kept.append(token)
        if p < 1 and math.fsum(probs[i] for i in kept) >= p - EXACTLY_ON:
            break
    return keep(logits, kept)


def min_p(logits: Sequence[float], p: float) -> list[float]:
    """Tokens whose probability is at least p times the largest."""
    probs = softmax(logits)
    return keep(logits, [i for i, prob in enumerate(probs) if prob >= p * max(probs) * (1 - EXACTLY_ON)])


def looked_at(history: Sequence[int], prompt_length: int, scope: str) -> list[int]:
    """The ids that a penalty of this scope sees: "all", "output" or "last:N"."""
    if scope == "output":
        return list(history[prompt_length:])
    count = len(history) if scope == "all" else int(scope.removeprefix("last:"))
    return list(history[max(0, len(history) - count) :])


def repetition_penalty(logits: Sequence[float], penalty: float, ids: Sequence[int]) -> list[float]:
    """z/penalty where z ≥ 0, z·penalty where z < 0, for tokens that came."""
    return [
        logit if token not in ids else logit * penalty if logit < 0 else logit / penalty
        for token, logit in enumerate(logits)
    ]


def frequency_penalty(logits: Sequence[float], penalty: float, ids: Sequence[int]) -> list[float]:
    """z - penalty for each time that a token came."""
    return [logit - penalty * list(ids).count(token) for token, logit in enumerate(logits)]


def presence_penalty(logits: Sequence[float], penalty: float, ids: Sequence[int]) -> list[float]:
    """z - penalty for tokens that came."""
    return [logit - penalty * (token in ids) for token, logit in enumerate(logits)]


def continued_length(ids: Sequence[int], token: int, breakers: Sequence[int]) -> int:
    """Length of the longest run that ends ids, came before, was followed by token, and holds no breaker; tries all."""
    best = 0
    for length in range(1, len(ids)):
        run = list(ids[len(ids) - length :])
        if any(breaker in run for breaker in breakers):
            break
        for start in range(len(ids) - length):
            if list(ids[start : start + length]) == run and ids[start + length] == token:
                best = length
    return best


def dry(
    logits: Sequence[float],
    multiplier: float,
    base: float,
    allowed_length: int,
    ids: Sequence[int],
    breakers: Sequence[int] = (),
) -> list[float]:
    """z - multiplier · base^(n - allowed_length), n the length of the run that the token would continue."""
    row = list(logits)
    for token in range(len(row)):
        length = continued_length(ids, token, breakers)
        if length >= allowed_length and token not in breakers:
            row[token] -= multiplier * base ** (length - allowed_length)
    return row


def bad_words(logits: Sequence[float], sequences: Sequence[Sequence[int]], ids: Sequence[int]) -> list[float]:
    """The last token of a sequence removed where the others end ids."""
    row = list(logits)
    for sequence in sequences:
        before = list(sequence[:-1])
        if list(ids[len(ids) - len(before) :]) == before and len(before) <= len(ids):
            row[sequence[-1]] = REMOVED
    return row


def nearest(logits: Sequence[float], scores: Sequence[float], share: float) -> list[int]:
    """Ids by rising score, the more likely and then the lower id first, until their mass is `share`."""
    probs = softmax(logits)
    kept: list[int] = []
    for token in sorted(range(len(logits)), key=lambda token: (scores[token], -logits[token], token)):
        if probs[token] == 0:
            continue
        kept.append(token)
        if math.fsum(probs[i] for i in kept) >= share - EXACTLY_ON:
            break
    return kept


def typical_p(logits: Sequence[float], p: float) -> list[float]:
    """The tokens whose surprise is nearest to the entropy, until their mass is p."""
    probs = softmax(logits)
    surprises = [math.inf if prob == 0 else -math.log(prob) for prob in probs]
    scores = [abs(surprise - entropy(probs)) for surprise in surprises]
    return list(logits) if p >= 1 else keep(logits, nearest(logits, scores, p))


def floored(logits: Sequence[float], floor: float) -> list[float]:
    """Tokens of at least this probability, and the most likely one."""
    probs = softmax(logits)
    kept = [i for i, prob in enumerate(probs) if prob >= floor * (1 - EXACTLY_ON) and logits[i] > REMOVED]
    return keep(logits, [*kept, argmax(logits)])


def epsilon_cutoff(logits: Sequence[float], epsilon: float) -> list[float]:
    """Tokens of probability ε or more."""
    return floored(logits, epsilon)


def eta_cutoff(logits: Sequence[float], epsilon: float) -> list[float]:
    """Tokens of probability min(ε, sqrt(ε) exp(-H)) or more."""
    return floored(logits, min(epsilon, math.sqrt(epsilon) * math.exp(-entropy(softmax(logits)))))


def top_n_sigma(logits: Sequence[float], n: float) -> list[float]:
    """Logits within n standard deviations, of those that are left, from the largest."""
    live = [logit for logit in logits if logit > REMOVED]
    mean = math.fsum(live) / len(live)
    sigma = math.sqrt(math.fsum((logit - mean) ** 2 for logit in live) / len(live))
    reach = n * sigma * (1 + EXACTLY_ON)
    return list(logits) if n <= 0 else [z if max(live) - z <= reach else REMOVED for z in logits]


def top_h(logits: Sequence[float], alpha: float) -> list[float]:
    """The longest beginning of the order whose renormalised entropy is at most alpha times the row's."""
    probs = softmax(logits)
    limit = alpha * entropy(probs) * (1 + EXACTLY_ON)
    kept: list[int] = []
    for token in order(logits):
        grown = [*kept, token]
        if kept and alpha < 1 and (limit == 0 or entropy(softmax([logits[i] for i in grown])) > limit):
            break
        kept = grown
    return keep(logits, kept)


def xtc(logits: Sequence[float], threshold: float) -> list[float]:
    """What is left where xtc acts: of the tokens at or above the threshold only the least likely, and all others."""
    probs = softmax(logits)
    likely = [
        i for i, prob in enumerate(probs) if prob >= threshold * (1 - EXACTLY_ON) and logits[i] > REMOVED
    ]
    if len(likely) < 2:
        return list(logits)
    least = min(likely, key=lambda token: (logits[token], token))
    return [REMOVED if token in likely and token != least else z for token, z in enumerate(logits)]


def dynamic_temperature(logits: Sequence[float], reach: float, exponent: float, middle: float) -> float:
    """low + (high - low) (H / ln n)^exponent, n the tokens that are left."""
    num_live = sum(logit > REMOVED for logit in logits)
    share = entropy(softmax(logits)) / math.log(num_live) if num_live > 1 else 0.0
    low, high = max(0.0, middle - reach), middle + reach
    return 0.0 if middle == 0 else low + (high - low) * min(share, 1.0) ** exponent


def zipf_count(logits: Sequence[float], mu: float, most: int = 100) -> float:
    """Mirostat 1: k before it is rounded down, from the estimated exponent and the bound of mu bits."""
    ranked = sorted((prob for prob in softmax(logits) if prob > 0), reverse=True)
    pairs = range(min(most, len(ranked)) - 1)
    steps = [math.log((i + 2) / (i + 1)) for i in pairs]
    slope = math.fsum(t * math.log(ranked[i] / ranked[i + 1]) for i, t in zip(pairs, steps, strict=True))
    s = slope / math.fsum(t * t for t in steps)
    return float(((s - 1) * 2**mu / (1 - len(ranked) ** (1 - s))) ** (1 / s))


def adaptive_p(logits: Sequence[float], aim: float) -> list[float]:
    """5 - 10 d²/(1 + d) with d = |p - aim| / 0.3."""
    distances = [abs(prob - aim) / 0.3 for prob in softmax(logits)]
    return [
        REMOVED if z == REMOVED else 5 - 10 * d * d / (1 + d) for z, d in zip(logits, distances, strict=True)
    ]


TRANSFORMS = {
    "temperature": temperature,
    "top_k": top_k,
    "top_p": top_p,
    "min_p": min_p,
    "typical_p": typical_p,
    "epsilon_cutoff": epsilon_cutoff,
    "eta_cutoff": eta_cutoff,
    "top_n_sigma": top_n_sigma,
    "top_h": top_h,
}


def apply_chain(stages: Sequence[tuple[str, float]], logits: Sequence[float]) -> list[float]:
    """The stages one after the other, in the order given."""
    row = list(logits)
    for name, value in stages:
        row = TRANSFORMS[name](row, value)  # type: ignore[operator]
    return row


def entropy(probs: Sequence[float]) -> float:
    """-Σ p ln p, with 0·ln 0 = 0."""
    return -math.fsum(p * math.log(p) for p in probs if p > 0)


def kl(p: Sequence[float], q: Sequence[float]) -> float:
    """Σ p ln(p/q); inf where q lacks what p has."""
    if any(a > 0 and b == 0 for a, b in zip(p, q, strict=True)):
        return math.inf
    return math.fsum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def mixture(p: Sequence[float], q: Sequence[float], share_of_p: float) -> list[float]:
    """s p + (1 - s) q."""
    return [share_of_p * a + (1 - share_of_p) * b for a, b in zip(p, q, strict=True)]


def jsd(p: Sequence[float], q: Sequence[float], beta: float) -> float:
    """β KL(p ‖ m) + (1 - β) KL(q ‖ m)."""
    middle = mixture(p, q, beta)
    return beta * kl(p, middle) + (1 - beta) * kl(q, middle)


def total_variation(p: Sequence[float], q: Sequence[float]) -> float:
    """½ Σ |p - q|."""
    return math.fsum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2


def pass_at_k(outcomes: Sequence[bool], k: int) -> float:
    """Share of all k-subsets with at least one success, by listing them."""
    subsets = list(combinations(outcomes, k))
    return sum(any(subset) for subset in subsets) / len(subsets)


def pass_hat_k(outcomes: Sequence[bool], k: int) -> float:
    """Share of all k-subsets that are all successes, by listing them."""
    subsets = list(combinations(outcomes, k))
    return sum(all(subset) for subset in subsets) / len(subsets)


def agreement(answers: Sequence[object]) -> float:
    """Share of all pairs that are equal, by listing them."""
    pairs = list(combinations(answers, 2))
    return sum(a == b for a, b in pairs) / len(pairs)


def best_temperature(loss_at: object, low: float, high: float, steps: int = 20_001) -> float:
    """The τ on a fine logarithmic grid with the smallest loss."""
    grid = [low * (high / low) ** (i / (steps - 1)) for i in range(steps)]
    return min(grid, key=loss_at)  # type: ignore[arg-type]


def ece(confidences: Sequence[float], correct: Sequence[bool], num_bins: int) -> float:
    """Σ n_b/n |accuracy - confidence|, bin by bin over (lower, upper]."""
    value = 0.0
    for b in range(num_bins):
        lower, upper = b / num_bins, (b + 1) / num_bins
        inside = [i for i, c in enumerate(confidences) if (lower < c <= upper) or (b == 0 and c == 0)]
        if inside:
            accuracy = sum(correct[i] for i in inside) / len(inside)
            confidence = sum(confidences[i] for i in inside) / len(inside)
            value += len(inside) / len(confidences) * abs(accuracy - confidence)
    return value
