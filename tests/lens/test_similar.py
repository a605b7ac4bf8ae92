"""`similar`: distances of classes by hand, clusters, an order that puts near ones together, and what is refused."""

from __future__ import annotations

import json
import math
import re
import zlib

import numpy as np
import pytest

from mock_source import MockDecoder, MockSource
from retort.errors import InputError, SourceError
from retort.lens.similar import (
    Classes,
    fill,
    read_classes,
    similar,
    similar_classes,
    triple_test,
)

NAMES = ("apple", "pear", "hammer", "saw")


def classes() -> Classes:
    """Fruit and tools: each class gives its sibling ten times what it gives the strangers."""
    logits = np.full((4, 4), 0.0)
    for i, sibling in enumerate((1, 0, 3, 2)):
        logits[i, i], logits[i, sibling] = math.log(1000), math.log(10)
    return Classes("toy", NAMES, logits, np.arange(4))


def test_two_classes_by_hand() -> None:
    data = Classes("two", ("a", "b"), np.log([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]]), np.array([0, 0, 1]))
    found = similar_classes(data, [1.0])
    p, q = np.array([0.8, 0.2]), np.array([0.2, 0.8])  # the mean of two examples, and one example
    m = (p + q) / 2
    jsd = (np.sum(p * np.log(p / m)) + np.sum(q * np.log(q / m))) / 2
    assert found.divergence == pytest.approx(np.array([[0, jsd], [jsd, 0]]))
    assert found.merges[0].distance == pytest.approx(jsd)
    assert found.nearest == (("a", "b", pytest.approx(jsd)), ("b", "a", pytest.approx(jsd)))


def test_siblings_cluster_first_and_stand_side_by_side() -> None:
    found = similar_classes(classes(), [4.0])
    assert {frozenset(m.left + m.right) for m in found.merges[:2]} == {
        frozenset(NAMES[:2]),
        frozenset(NAMES[2:]),
    }
    last = found.merges[-1]
    assert {frozenset(last.left), frozenset(last.right)} == {frozenset(NAMES[:2]), frozenset(NAMES[2:])}
    cross = [found.divergence[i, j] for i in (0, 1) for j in (2, 3)]
    assert last.distance == pytest.approx(np.mean(cross))  # average linkage
    order = [NAMES[i] for i in found.order]
    assert (
        abs(order.index("apple") - order.index("pear"))
        == abs(order.index("hammer") - order.index("saw"))
        == 1
    )
    assert {name: near for name, near, _ in found.nearest} == dict(
        zip(NAMES, ("pear", "apple", "saw", "hammer"), strict=True)
    )


def test_a_low_temperature_hides_what_a_high_one_shows() -> None:
    found = similar_classes(classes(), [0.25, 1.0, 4.0])
    contrast = [at.divergence[0, 2] - at.divergence[0, 1] for at in found.by_temperature]
    assert contrast[0] == pytest.approx(0, abs=1e-6)
    assert contrast[2] > 0.05
    assert found.divergence == pytest.approx(np.mean([at.divergence for at in found.by_temperature], axis=0))


def test_words_are_as_far_apart_as_the_mean_over_temperatures() -> None:
    source = MockSource(40)
    words = ["w1", "w2", "w3"]
    found = similar(source, words, "a {}", [1.0, 2.0])
    assert source.forward_rows == 3
    at = [one.divergence for one in found.by_temperature]
    assert found.divergence == pytest.approx((at[0] + at[1]) / 2)
    assert [float(value) for value in found.measures()["nearest"]] == [
        pytest.approx(found.merges[0].distance)
    ]
    with pytest.raises(InputError, match="at least two words"):
        similar(source, ["w1"], "a {}")
    with pytest.raises(InputError, match="no temperature"):
        similar(source, words, "a {}", [])


def test_a_file_of_classes_with_and_without_labels(tmp_path) -> None:
    record = {"classes": ["a", "b"], "logits": [[2, 1], [0, 3], [5, 1]]}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(record))
    assert read_classes(str(path)).labels.tolist() == [0, 1, 0]
    path.write_text(json.dumps({**record, "labels": ["b", 1, "a"]}))
    assert read_classes(str(path)).labels.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"logits": [[1, 2]]}, "'classes'"),
        ({"classes": ["a", "b"], "logits": [[1]]}, "shape (1, 1) for 2 classes"),
        ({"classes": ["a", "b"], "logits": []}, "for 2 classes"),
        ({"classes": ["a", "b"], "logits": [[1, None]]}, "NaN"),
        ({"classes": ["a", "b"], "logits": [[1, 2]], "labels": ["c"]}, "the label 'c' is no class"),
        ({"classes": ["a", "b"], "logits": [[1, 2]], "labels": [7]}, "7 is no class"),
        ({"classes": ["a", "b"], "logits": [[1, 2]], "labels": [0, 1]}, "2 labels for 1 rows"),
        ([1], "c.json"),
    ],
)
def test_a_file_without_classes_is_said(tmp_path, record, said) -> None:
    (tmp_path / "c.json").write_text(json.dumps(record))
    with pytest.raises((SourceError, InputError), match=re.escape(said)):
        read_classes(str(tmp_path / "c.json"))
    with pytest.raises(SourceError, match="cannot be read"):
        read_classes(str(tmp_path / "none.json"))


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(InputError, match="at least two"):
        similar_classes(Classes("one", ("a", "b"), np.zeros((3, 2)), np.zeros(3, np.int64)))


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
    found = similar(FixedRows(), ["x", "y"], "a {}", [1.0])
    # The mixture is 1/2, 1/4, 1/4: H = 1.5 ln 2; each alone has H = ln 2.
    assert found.divergence == pytest.approx(np.array([[0, 0.5], [0.5, 0]]) * math.log(2))
    assert (found.words, [at.temperature for at in found.by_temperature]) == (("x", "y"), [1.0])
    assert found.template == "a {}"


def test_the_matrix_is_symmetric_and_agrees_with_an_oracle() -> None:
    words = [f"word{i}" for i in range(20)]  # more than one batch
    source, again = WordSource(noise=1.0), WordSource(noise=1.0)
    found = similar(source, words, temperatures=(0.5, 2.0)).divergence
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
    assert (found.share_nearer, found.share_ci) == (
        1,
        pytest.approx((0.025 ** (1 / 4), 1)),
    )  # of four anchors
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
def test_similar_words_refuse(words: list[str], template: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        similar(WordSource(), words, template)


def test_triple_test_refuses() -> None:
    with pytest.raises(InputError, match="no triple"):
        triple_test(WordSource(), [])
    with pytest.raises(InputError, match="confidence"):
        triple_test(WordSource(), [("a", "b", "c")], confidence=1.0)
    with pytest.raises(InputError, match="no temperature"):
        triple_test(WordSource(), [("a", "b", "c")], temperatures=())
