"""What llama.cpp's tests/test-sampling.cpp expects of the same transforms (commit 07e4038f), in cases of our own.

The inputs are four probabilities, the expectations what is left of them after renormalising; its xtc cases rely on a
probability of 0.99 and one seed, ours on a coin. Behaviour was read from src/llama-sampler.cpp, commit 00efb3e1.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from retort.chain import Chain
from retort.distribution import softmax
from retort.transforms.context import Context, RowState

RISING = np.log([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("xtc(probability=0.99, threshold=0.09)", [1, 0, 0, 0]),
        ("xtc(probability=0.99, threshold=0.19)", [1 / 3, 2 / 3, 0, 0]),
        ("xtc(probability=0.99, threshold=0.29)", [1 / 6, 2 / 6, 3 / 6, 0]),
        ("xtc(probability=0.99, threshold=0.39)", [0.1, 0.2, 0.3, 0.4]),
        ("xtc(probability=0, threshold=0.09)", [0.1, 0.2, 0.3, 0.4]),
        ("top_n_sigma=1", [0, 0, 3 / 7, 4 / 7]),
        ("top_n_sigma=0", [0.1, 0.2, 0.3, 0.4]),
        ("top_n_sigma=3", [0.1, 0.2, 0.3, 0.4]),
        ("dynatemp(range=0, exponent=1, temperature=1)", [0.1, 0.2, 0.3, 0.4]),
        ("dynatemp(range=0.5, exponent=1, temperature=0)", [0, 0, 0, 1]),
    ],
)
def test_its_cases(text: str, expected: list[float]) -> None:
    processed = Chain(text).apply(RISING, context=Context(uniforms=lambda stream: np.array([0.5])))
    np.testing.assert_allclose(softmax(processed), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("probs", "kept"), [([0.97, 0.01, 0.01, 0.01], [0]), ([0.4, 0.2, 0.2, 0.2], [1, 2, 3])]
)
def test_its_cases_of_typical(probs: list[float], kept: list[int]) -> None:
    """The second is cut by its loop at a sum above p; ours reaches 0.5 with two of the three that tie, or all three."""
    processed = Chain("typical_p(0.5, ties=all)").apply(np.log(probs))
    assert np.flatnonzero(processed > -math.inf).tolist() == kept


def test_mirostat_measures_surprise_after_the_cut_there() -> None:
    """`-log2` of the renormalised probability: of two tokens left, 4/7 and 3/7, the first has 0.807 bits."""
    row = np.log([0.4, 0.3, 0.2, 0.1])
    states = [RowState().having("mirostat", (2.0,))]
    chain = Chain("mirostat(version=2, tau=3, eta=0.1, surprise=kept)")
    (state,) = chain.update(states, [0], row, Context(states=states))
    assert state is not None and state.of("mirostat") == pytest.approx(
        (2.0 - 0.1 * (-math.log2(4 / 7) - 3.0),)
    )
    theirs_in_the_paper = Chain("mirostat(version=2, tau=3, eta=0.1)").update(states, [0], row)
    assert theirs_in_the_paper[0].of("mirostat") == pytest.approx((2.0 - 0.1 * (-math.log2(0.4) - 3.0),))
