"""NLL, Brier and ECE: by hand, against oracles, and the bins that they state."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from retort.distribution import brier, ece, ece_of_confidences, nll
from retort.errors import InputError

ROWS = np.log([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])


def test_by_hand() -> None:
    assert nll(ROWS, [0, 2]) == pytest.approx(-(math.log(0.7) + math.log(0.2)) / 2)
    first = 0.3**2 + 0.2**2 + 0.1**2
    second = 0.5**2 + 0.3**2 + 0.8**2
    assert brier(ROWS, [0, 2]) == pytest.approx((first + second) / 2)
    # Confidences 0.7 (right) and 0.5 (wrong) fall into different bins of ten.
    assert ece(ROWS, [0, 2], num_bins=10).value == pytest.approx((0.3 + 0.5) / 2)
    # In one bin: |0.5 - 0.6|.
    assert ece(ROWS, [0, 2], num_bins=1).value == pytest.approx(0.1)


def test_the_extremes() -> None:
    sure = np.array([[0.0, -math.inf]])
    assert (brier(sure, [0]), brier(sure, [1])) == (0.0, 2.0)
    assert (nll(sure, [0]), nll(sure, [1])) == (0.0, math.inf)
    assert ece(sure, [0]).value == 0.0 and ece(sure, [1]).value == 1.0


def test_temperature_reaches_all_three() -> None:
    for measure in (nll, brier, lambda *a: ece(*a).value):
        assert measure(ROWS, [0, 2], 2.0) != pytest.approx(measure(ROWS, [0, 2], 1.0))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(1, 20))
def test_ece_equals_the_oracle(pairs: list[tuple[float, bool]], num_bins: int) -> None:
    # Away from bin edges, where i/B and i·(1/B) may round apart.
    confidences = [round(c * 997) / 997 for c, _ in pairs]
    correct = [right for _, right in pairs]
    result = ece_of_confidences(confidences, correct, num_bins)
    assert result.value == pytest.approx(reference.ece(confidences, correct, num_bins), abs=1e-12)
    assert result.num_bins == num_bins == len(result.counts)
    assert sum(result.counts) == len(pairs)


def test_bins_are_reported() -> None:
    result = ece_of_confidences([0.0, 0.5, 1.0], [False, True, True], num_bins=2)
    assert result.counts == (2, 1)
    assert result.confidence == (0.25, 1.0) and result.accuracy == (0.5, 1.0)


def test_errors() -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        ece_of_confidences([70.0], [True])
    with pytest.raises(InputError, match="one length"):
        ece_of_confidences([0.7], [True, False])
    with pytest.raises(InputError, match="num_bins"):
        ece_of_confidences([0.7], [True], 0)
    with pytest.raises(InputError, match="token ids"):
        nll(ROWS, [0, 3])
    with pytest.raises(InputError, match="token ids"):
        nll(ROWS, [0.5, 1.5])


def test_torch_logits_and_labels() -> None:
    torch = pytest.importorskip("torch")
    assert nll(torch.tensor(ROWS), torch.tensor([0, 2])) == pytest.approx(nll(ROWS, [0, 2]))
