"""`read_rows` against the functions that each give one of its numbers, and a row worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retort.distribution.measures import entropy, margin, read_rows
from retort.distribution.ranking import top_ids
from retort.distribution.softmax import log_softmax
from retort.errors import InputError


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("rows", "vocab"), [(1, 1), (3, 7), (20, 9_000), (2, 70_000)])
def test_the_numbers_are_those_of_the_single_functions(dtype, rows, vocab) -> None:
    random = np.random.default_rng(vocab)
    logits = random.normal(0, 4, (rows, vocab)).astype(dtype)
    logits[random.random(logits.shape) < 0.2] = -np.inf
    logits[:, 0] = 9.5
    ids = random.integers(0, vocab, rows)
    found, wide, places = read_rows(logits, ids), logits.astype(np.float64), np.arange(rows)
    assert found.log_probs == pytest.approx(log_softmax(wide)[places, ids], abs=1e-12)
    assert found.best_log_probs == pytest.approx(log_softmax(wide).max(axis=1), abs=1e-12)
    assert found.entropy == pytest.approx(np.asarray(entropy(wide)), abs=1e-12)
    assert found.margin.tolist() == np.asarray(margin(wide)).tolist()
    order = top_ids(wide, vocab)
    assert found.best.tolist() == order[:, 0].tolist()
    assert found.ranks.tolist() == [1 + row.tolist().index(i) for row, i in zip(order, ids, strict=True)]
    assert found.support.tolist() == (wide > -np.inf).sum(axis=1).tolist()


def test_a_row_by_hand() -> None:
    logits = np.log([[1.0, 2.0, 1.0], [4.0, 4.0, 0.0]], where=[[True] * 3, [True, True, False]],
                    out=np.full((2, 3), -np.inf))  # fmt: skip
    found = read_rows(logits, [2, 2])
    assert np.exp(found.log_probs) == pytest.approx([0.25, 0.0])
    assert found.entropy == pytest.approx([1.5 * math.log(2), math.log(2)])
    assert found.margin == pytest.approx([math.log(2), 0.0])
    assert (found.ranks.tolist(), found.best.tolist(), found.support.tolist()) == ([3, 3], [1, 0], [3, 2])
    assert read_rows(np.array([[5.0, -np.inf]]), [0]).margin.tolist() == [math.inf]


def test_what_is_refused() -> None:
    for bad in ([math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]):
        with pytest.raises(InputError, match="free of NaN"):
            read_rows(np.array([[0.0, 1.0], bad]), [0, 0])
    with pytest.raises(InputError, match="ids"):
        read_rows(np.zeros((2, 3)), [0])
