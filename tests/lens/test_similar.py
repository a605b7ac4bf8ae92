"""`similar`: distances of classes by hand, clusters, an order that puts near ones together, and what is refused."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from mock_source import MockSource
from retort.errors import InputError, SourceError
from retort.lens.similar import (
    Classes,
    read_classes,
    similar_classes,
    similar_measures,
    similar_words,
)
from retort.lens.similarity import similarity

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


def test_words_are_as_far_apart_as_similarity_says() -> None:
    source = MockSource(40)
    words = ["w1", "w2", "w3"]
    found = similar_words(source, words, "a {}", [1.0, 2.0])
    assert source.forward_rows == 3
    assert found.divergence == pytest.approx(similarity(source, words, "a {}", [1.0, 2.0]).divergence)
    assert similar_measures(found)["nearest"] == [pytest.approx(found.merges[0].distance)]
    with pytest.raises(InputError, match="at least two words"):
        similar_words(source, ["w1"], "a {}")
    with pytest.raises(InputError, match="no temperature"):
        similar_words(source, words, "a {}", [])


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
