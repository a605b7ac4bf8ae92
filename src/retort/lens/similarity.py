"""How alike a model finds two words: the divergence between what it would say after each.

The runners-up carry similarity. Put "a pear is a kind of" beside "an apple is a kind of" and beside "a hammer is a
kind of": a model that knows fruit gives nearly the same next-token distribution to the first two. A low τ hides this,
since only the best token is left; a τ above 1 shows more of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from retort.distribution.distribution import log_softmax
from retort.distribution.divergences import jsd
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source

PROMPTS_AT_ONCE = 16
TEMPLATE = "{a} {} is a kind of"


@dataclass(frozen=True)
class Similarity:
    """`divergence[i, j]` is the mean JSD in nats, over `temperatures`, between the distributions after words i and j.

    0 is the same distribution, ln 2 = 0.693 is no token in common.
    """

    model: str
    template: str
    words: tuple[str, ...]
    temperatures: tuple[float, ...]
    divergence: np.ndarray


@dataclass(frozen=True)
class TripleTest:
    """How often an anchor is nearer to its near word than to its far word, with an interval over anchors.

    `difference` is the mean of JSD(anchor, far) - JSD(anchor, near) in nats. A tie counts one half. Chance: 0.5 and 0.
    """

    model: str
    template: str
    temperatures: tuple[float, ...]
    triples: int
    anchors: int
    share_nearer: float
    share_ci: tuple[float, float]
    difference: float
    difference_ci: tuple[float, float]
    confidence: float


def fill(template: str, word: str) -> str:
    """The prompt for one word: `{}` is the word, `{a}` its article.

    The article is "an" before the letters a, e, i, o, u and else "a"; a word that sounds otherwise (hour, unicorn)
    needs a template without `{a}`, with the article in the word. Raises InputError if there is not exactly one `{}`.
    """
    if template.count("{}") != 1:
        raise InputError(f"the template must hold {{}} once, where the word goes, got {template!r}.")
    article = "an" if word[:1].lower() in tuple("aeiou") else "a"
    return template.replace("{a}", article).replace("{}", word)


def similarity(
    source: Source, words: Sequence[str], template: str = TEMPLATE, temperatures: Sequence[float] = (1.0,)
) -> Similarity:
    """The matrix of mean divergences between the next-token distributions after each word.

    `JSD(p_i, p_j) = H((p_i + p_j)/2) - (H(p_i) + H(p_j))/2`, averaged over the temperatures; `[words, words]` float64.
    Raises InputError for fewer than two words, a word named twice, or a template without `{}`.
    Source: Lin 1991, "Divergence measures based on the Shannon entropy", eq. 4.1.
    """
    _check_temperatures(temperatures)
    divergence = divergences(word_logits(source, words, template), temperatures)
    return Similarity(source.name, template, tuple(words), tuple(map(float, temperatures)), divergence)


def word_logits(source: Source, words: Sequence[str], template: str = TEMPLATE) -> np.ndarray:
    """`[words, vocab]` raw logits after each word's prompt. Raises InputError as `similarity`."""
    if len(words) < 2:
        raise InputError(f"similarity compares at least two words, got {len(words)}.")
    if len(set(words)) != len(words):
        raise InputError("similarity got the same word twice; name each word once.")
    return _next_token_logits(source, words, template)


def divergences(logits: np.ndarray, temperatures: Sequence[float]) -> np.ndarray:
    """`[words, words]` mean JSD in nats, over the temperatures, between the rows of `logits` `[words, vocab]`."""
    divergence = np.zeros((len(logits), len(logits)))
    for i in range(len(logits) - 1):
        later = np.arange(i + 1, len(logits))
        row = _mean_divergence(logits, np.full(len(later), i), later, temperatures)
        divergence[i, later] = divergence[later, i] = row
    return divergence


def triple_test(
    source: Source,
    triples: Iterable[tuple[str, str, str]],
    template: str = TEMPLATE,
    temperatures: Sequence[float] = (1.0,),
    *,
    seed: int = 0,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> TripleTest:
    """Whether each anchor is nearer to its near word than to its far word: `triples` are (anchor, near, far).

    The interval is a percentile bootstrap that draws *anchors* with all their triples: triples that share an anchor
    share its distribution and are not independent. With one triple an anchor this is the bootstrap over triples.
    Raises InputError if there is no triple, or confidence is not between 0 and 1.
    """
    named = [(str(anchor), str(near), str(far)) for anchor, near, far in triples]
    if not named:
        raise InputError("triple_test got no triple; give (anchor, near, far) words.")
    if not 0 < confidence < 1 or resamples < 1:
        raise InputError(
            f"confidence must be between 0 and 1 and resamples 1 or more, got {confidence} and {resamples}."
        )
    _check_temperatures(temperatures)
    words = list(dict.fromkeys(word for triple in named for word in triple))
    position = {word: i for i, word in enumerate(words)}
    anchor, near, far = np.array([[position[word] for word in triple] for triple in named]).T
    logits = _next_token_logits(source, words, template)
    to_near = _mean_divergence(logits, anchor, near, temperatures)
    to_far = _mean_divergence(logits, anchor, far, temperatures)
    difference = to_far - to_near
    nearer = np.where(difference == 0, 0.5, difference > 0)
    anchors, group = np.unique(anchor, return_inverse=True)
    share_ci, difference_ci = _bootstrap_means(
        np.stack([nearer, difference]), group, len(anchors), seed, resamples, confidence
    )
    return TripleTest(
        model=source.name,
        template=template,
        temperatures=tuple(map(float, temperatures)),
        triples=len(named),
        anchors=len(anchors),
        share_nearer=float(nearer.mean()),
        share_ci=share_ci,
        difference=float(difference.mean()),
        difference_ci=difference_ci,
        confidence=confidence,
    )


def _check_temperatures(temperatures: Sequence[float]) -> None:
    if len(temperatures) == 0:
        raise InputError("no temperature was given; give at least one, for instance 1.")


def _next_token_logits(source: Source, words: Sequence[str], template: str) -> np.ndarray:
    """Raw logits after each word's prompt, `[words, vocab]` float32, read in batches."""
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"similarity needs the whole vocabulary, but {source.name} gives only its most probable tokens; "
            "use a model that runs here."
        )
    prompts = [source.encode(fill(template, word)) for word in words]
    batches = [
        np.array(source.start(prompts[first : first + PROMPTS_AT_ONCE]).logits)
        for first in range(0, len(prompts), PROMPTS_AT_ONCE)
    ]
    return np.concatenate(batches)


def _mean_divergence(
    logits: np.ndarray, left: np.ndarray, right: np.ndarray, temperatures: Sequence[float]
) -> np.ndarray:
    """Mean JSD in nats over the temperatures between rows `left[n]` and `right[n]`, `[n]`.

    In small batches: a whole matrix of pairs over a vocabulary of 72,547 would need gigabytes.
    """
    total = np.zeros(len(left))
    for temperature in temperatures:
        for first in range(0, len(left), PROMPTS_AT_ONCE):
            batch = slice(first, first + PROMPTS_AT_ONCE)
            total[batch] += jsd(
                log_softmax(logits[left[batch]], temperature), log_softmax(logits[right[batch]], temperature)
            )
    return total / len(temperatures)


def _bootstrap_means(
    values: np.ndarray, group: np.ndarray, num_groups: int, seed: int, resamples: int, confidence: float
) -> list[tuple[float, float]]:
    """Percentile intervals of the mean of each row of `values` `[rows, n]`, drawing whole groups."""
    sums = np.stack([np.bincount(group, weights=row, minlength=num_groups) for row in values])
    sizes = np.bincount(group, minlength=num_groups)
    drawn = np.random.default_rng(seed).integers(num_groups, size=(resamples, num_groups))
    means = sums[:, drawn].sum(axis=-1) / sizes[drawn].sum(axis=-1)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    return [(float(low), float(high)) for low, high in np.quantile(means, tails, axis=-1).T]
