"""adaptive_p: four tokens by hand, the oracle, the state, and how near the loop comes to its target."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.chain import Chain
from retort.distribution import softmax
from retort.transforms.adaptive import adaptive_p, next_average
from retort.transforms.context import Context, RowState

FOUR = np.log([0.4, 0.3, 0.2, 0.1])

rows = arrays(np.float64, st.integers(1, 10), elements=st.sampled_from([-math.inf, -3.0, 0.0, 0.5, 2.0]))
usable_rows = rows.filter(lambda row: row.max() > -math.inf)


def remembering(*states: tuple[float, float] | None) -> Context:
    """A context whose rows remember these sums; None: at the start."""
    return Context(
        states=[None if state is None else RowState().having("adaptive_p", state) for state in states]
    )


def test_by_hand() -> None:
    """Distances from 0.3 in units of 0.3: 1/3, 0, 1/3, 2/3; 5 - 10 d²/(1+d): 5 - 10/12, 5, 5 - 10/12, 5 - 40/15."""
    np.testing.assert_allclose(adaptive_p(FOUR, 0.3), [25 / 6, 5.0, 25 / 6, 7 / 3], atol=1e-12)


def test_it_aims_as_far_beyond_the_target_as_the_average_lies_before_it() -> None:
    """Averages 0.5 and 0.1 with a target of 0.3: it aims at 0.1 and at 0.5; an average of 0.9 would mean -0.3: 0."""
    rows = adaptive_p(np.stack([FOUR] * 3), 0.3, context=remembering((1.0, 2.0), (0.2, 2.0), (0.9, 1.0)))
    for row, aim in zip(rows, (0.1, 0.5, 0.0), strict=True):
        np.testing.assert_allclose(row, reference.adaptive_p(FOUR.tolist(), aim), atol=1e-12)


def test_off_values() -> None:
    for off in (None, -1):
        np.testing.assert_array_equal(adaptive_p(FOUR, off), FOUR)
    mixed = adaptive_p(np.stack([FOUR, FOUR]), [-1, 0.3])
    np.testing.assert_array_equal(mixed[0], FOUR)
    np.testing.assert_array_equal(mixed[1], adaptive_p(FOUR, 0.3))


@given(usable_rows, st.floats(0.0, 1.0))
def test_equals_the_oracle(logits: np.ndarray, target: float) -> None:
    np.testing.assert_allclose(
        adaptive_p(logits, target), reference.adaptive_p(logits.tolist(), target), atol=1e-12
    )


@given(usable_rows, st.floats(0.0, 1.0))
def test_the_nearest_token_is_the_likeliest_and_none_is_removed(logits: np.ndarray, target: float) -> None:
    result = adaptive_p(logits, target)
    np.testing.assert_array_equal(result > -math.inf, logits > -math.inf)
    distance = np.where(logits > -math.inf, np.abs(softmax(logits) - target), math.inf)
    assert distance[np.argmax(result)] == pytest.approx(distance.min(), abs=1e-12)


def test_the_state_by_hand() -> None:
    """Decay 0.5: an endless past at 0.4 weighs 2, so its sum is 0.8; a token of 0.1 gives 0.5 and 2: average 0.25."""
    assert next_average(None, 0.1, 0.4, 0.5) == pytest.approx((0.5, 2.0))
    assert next_average((0.5, 2.0), 0.9, 0.4, 0.5) == pytest.approx((1.15, 2.0))
    state = Chain("adaptive_p(target=0.4, decay=0.5)").update(None, [3], FOUR)[0]
    assert state is not None and state.of("adaptive_p") == pytest.approx((0.5, 2.0))


def mean_probability(target: float, steered: bool) -> float:
    """Mean probability, as it came in, of tokens drawn from 16 texts of 250 random rows each."""
    generator = np.random.default_rng(13)
    chain = Chain(f"adaptive_p(target={target}, decay=0.9)")
    states, seen = None, []
    for _ in range(250):
        rows = Chain("min_p=0.05").apply(generator.normal(size=(16, 60)) * generator.uniform(1, 4, (16, 1)))
        context = Context(states=states if steered else None)
        ids = np.argmax(chain.apply(rows, context=context) + generator.gumbel(size=rows.shape), axis=-1)
        states = chain.update(states, ids, rows, context)
        seen.append(softmax(rows)[np.arange(16), ids])
    return float(np.mean(seen))


@pytest.mark.parametrize("target", [0.2, 0.3, 0.4])
def test_steering_halves_the_miss(target: float) -> None:
    """Aiming at `2·target - average` leaves the average half as far off as aiming at the target does: not at it."""
    fixed, steered = mean_probability(target, steered=False), mean_probability(target, steered=True)
    assert abs(steered - target) < 0.75 * abs(fixed - target)
    assert abs(steered - target) < 0.1
