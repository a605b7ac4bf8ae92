"""Similarity: divergences by hand, an oracle, and a triple test that can say yes, no and cannot tell."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

from mock_source import MockDecoder, MockSource
from retort.errors import InputError
from retort.lens.similarity import fill, similarity, triple_test

FRUIT = {"apple", "pear", "plum", "fig"}


class WordSource(MockSource):
    """The row depends on the word of the prompt: fruit says token 0, other words token 1, each with a little noise."""

    def __init__(self, noise: float = 0.1) -> None:
        super().__init__(4, ends=False)
        self.noise = noise
        self.words: list[str] = []

    def encode(self, text: str) -> list[int]:
        self.words.append(text.split()[1])
        return [len(self.words) - 1]

    def start(self, prompts):
        return MockDecoder(
            self, [tuple(prompt) for prompt in prompts]
        )  # ids count prompts here, beyond the vocabulary

    def logits_of(self, prefix):
        word = self.words[prefix[0]]
        row = np.array([4.0, 0, 0, 0] if word in FRUIT else [0, 4.0, 0, 0])
        return (row + self.noise * np.random.default_rng(zlib.crc32(word.encode())).normal(size=4)).astype(
            np.float32
        )


class FixedRows(WordSource):
    """Word "x" has probabilities 1/2, 1/2, 0, 0 and word "y" 1/2, 0, 1/2, 0."""

    def logits_of(self, prefix):
        inf = -math.inf
        return np.array(
            {"x": [0, 0, inf, inf], "y": [0, inf, 0, inf]}[self.words[prefix[0]]], dtype=np.float32
        )


def test_two_words_by_hand() -> None:
    found = similarity(FixedRows(), ["x", "y"], "a {}")
    # The mixture is 1/2, 1/4, 1/4: H = 1.5 ln 2; each alone has H = ln 2.
    assert found.divergence == pytest.approx(np.array([[0, 0.5], [0.5, 0]]) * math.log(2))
    assert (found.words, found.temperatures, found.template) == (("x", "y"), (1.0,), "a {}")


def test_the_matrix_is_symmetric_and_agrees_with_an_oracle() -> None:
    words = [f"word{i}" for i in range(20)]  # more than one batch
    source, again = WordSource(noise=1.0), WordSource(noise=1.0)
    found = similarity(source, words, temperatures=(0.5, 2.0)).divergence
    for word in words:
        again.encode(f"a {word}")
    logits = np.array([again.logits_of([i]) for i in range(20)], dtype=np.float64)
    expected = np.zeros((20, 20))
    for temperature in (0.5, 2.0):
        p = np.exp(logits / temperature)
        p /= p.sum(axis=1, keepdims=True)
        for i in range(20):
            for j in range(20):
                m = (p[i] + p[j]) / 2
                kl = [(q * np.log(q / m)).sum() for q in (p[i], p[j])]
                expected[i, j] += sum(kl) / 2 / 2
    assert np.array_equal(found, found.T)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("template", "word", "prompt"),
    [
        ("{a} {} is a kind of", "pear", "a pear is a kind of"),
        ("{a} {} is a kind of", "apple", "an apple is a kind of"),
        ("a {} is", "apple", "a apple is"),
        ("{} tastes", "an hour", "an hour tastes"),
    ],
)
def test_fill(template: str, word: str, prompt: str) -> None:
    assert fill(template, word) == prompt


def test_fruit_is_nearer_to_fruit() -> None:
    triples = [
        (anchor, near, far) for anchor in FRUIT for near in FRUIT - {anchor} for far in ("hammer", "saw")
    ]
    found = triple_test(WordSource(), triples)
    assert (found.triples, found.anchors) == (24, 4)
    assert (found.share_nearer, found.share_ci) == (1, (1, 1))
    assert 0 < found.difference_ci[0] < found.difference < found.difference_ci[1]


def test_the_wrong_way_round_is_below_chance_and_a_tie_is_one_half() -> None:
    wrong = triple_test(WordSource(), [("apple", "hammer", "pear"), ("pear", "saw", "plum")])
    assert wrong.share_nearer == 0
    assert wrong.difference < 0
    tie = triple_test(WordSource(), [("apple", "saw", "saw")])
    assert (tie.share_nearer, tie.difference) == (0.5, 0)


def test_the_interval_covers_chance_about_as_often_as_it_says() -> None:
    """Words that mean nothing: the share is 1/2 on average, and 95 % intervals over 40 anchors miss it about 5 %.

    Over 60 draws the misses are binomial (60, 0.05): more than 9 has probability 0.0005.
    """
    misses = 0
    for draw in range(60):
        words = [f"{draw}-{i}" for i in range(120)]
        triples = [tuple(words[i : i + 3]) for i in range(0, 120, 3)]
        source = WordSource(noise=1.0)
        low, high = triple_test(source, triples, "a {}", seed=draw, resamples=500).share_ci
        misses += not low <= 0.5 <= high
    assert misses <= 9


def test_anchors_are_drawn_whole() -> None:
    """One anchor's copies add triples and no evidence: the interval does not shrink."""
    one = [("apple", "pear", "saw"), ("hammer", "pear", "saw"), ("plum", "saw", "pear")]
    few, many = (triple_test(WordSource(), one * copies, seed=1) for copies in (1, 50))
    assert few.share_ci == many.share_ci
    assert many.triples == 150


def test_the_same_seed_gives_the_same_interval() -> None:
    triples = [(f"word{i}", "pear", "saw") for i in range(12)]
    first, second, other = (triple_test(WordSource(), triples, seed=seed).difference_ci for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize(
    ("words", "template", "said"),
    [
        (["one"], "a {}", "at least two"),
        (["a", "a"], "a {}", "twice"),
        (["a", "b"], "a word", "once"),
        (["a", "b"], "{} {}", "once"),
    ],
)
def test_similarity_refuses(words: list[str], template: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        similarity(WordSource(), words, template)


def test_triple_test_refuses() -> None:
    with pytest.raises(InputError, match="no triple"):
        triple_test(WordSource(), [])
    with pytest.raises(InputError, match="confidence"):
        triple_test(WordSource(), [("a", "b", "c")], confidence=1.0)
    with pytest.raises(InputError, match="no temperature"):
        triple_test(WordSource(), [("a", "b", "c")], temperatures=())
