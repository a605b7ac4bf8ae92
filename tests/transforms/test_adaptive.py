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
from retort.distribution import log_softmax, softmax
from retort.transforms.adaptive import adaptive_p, mirostat, next_average, next_mu, zipf_counts, zipf_exponent
from retort.transforms.context import Context, RowState
from transforms.four_tokens import FOUR, kept

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


def test_adaptive_p_off_values() -> None:
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


# mirostat 1 and 2: cuts by hand, the estimate of Zipf's exponent, the state, and the loop closed.

LN_2 = math.log(2.0)
HALVES = np.log([0.5, 0.25, 0.125, 0.125])


def at(*bounds: float | None) -> Context:
    """A context whose rows have these bounds mu; None: at the start."""
    return Context(states=[None if mu is None else RowState().having("mirostat", (mu,)) for mu in bounds])


def zipf(num_tokens: int, exponent: float) -> np.ndarray:
    """Logits of p_i ∝ i^-exponent."""
    return -exponent * np.log(np.arange(1, num_tokens + 1))


def test_version_2_by_hand() -> None:
    """Surprises 1, 2, 3 and 3 bits."""
    for mu, expected in (
        (0.5, [0]),
        (1.0, [0]),
        (1.9, [0]),
        (2.0, [0, 1]),
        (2.9, [0, 1]),
        (3.0, [0, 1, 2, 3]),
    ):
        assert kept(mirostat(HALVES, 2, context=at(mu))) == expected
    assert kept(mirostat(HALVES, 2, context=at(-5.0))) == [0]
    assert kept(mirostat(np.zeros(4), 2, context=at(1.9))) == [0]


def test_it_begins_at_twice_the_target() -> None:
    assert kept(mirostat(HALVES, 2, tau=1.0)) == [0, 1]
    rows = mirostat(np.stack([HALVES] * 3), 2, tau=[1.0, 0.75, 1.0], context=at(None, None, 3.0))
    assert [kept(row) for row in rows] == [[0, 1], [0], [0, 1, 2, 3]]


def test_mirostat_off_values() -> None:
    for off in (None, 0):
        np.testing.assert_array_equal(mirostat(HALVES, off), HALVES)


def test_version_1_by_hand() -> None:
    """p ∝ 1/i²: ŝ = 2, ε = 1, N = 4: k = √(2^μ / (1 - 1/4)); μ = log2 3 gives √4 = 2, μ = log2 6.75 gives 3."""
    row = zipf(4, 2.0)
    assert float(zipf_exponent(row[None])[0, 0]) == pytest.approx(2.0)
    for mu, count in ((0.0, 1), (1.58, 1), (math.log2(3.0), 2), (math.log2(6.75), 3), (9.0, 4), (-9.0, 1)):
        assert kept(mirostat(row, 1, context=at(mu))) == list(range(count))


@given(st.floats(0.05, 3.0), st.integers(2, 300))
def test_the_exponent_of_a_zipf_law_is_found(exponent: float, num_tokens: int) -> None:
    assert float(zipf_exponent(zipf(num_tokens, exponent)[None])[0, 0]) == pytest.approx(exponent, rel=1e-9)


@given(
    arrays(np.float64, st.integers(2, 130), elements=st.floats(-10, 10)), st.floats(0.0, 12.0), st.booleans()
)
def test_version_1_equals_the_oracle(logits: np.ndarray, mu: float, masked: bool) -> None:
    if masked:
        logits[::3] = -math.inf
    live = int(np.sum(logits > -math.inf))
    exponent = float(zipf_exponent(logits[None])[0, 0]) if live > 1 else 0.0
    if live < 2 or exponent < 1e-3 or abs(exponent - 1.0) < 1e-6:
        return
    count = float(zipf_counts(logits, np.array([[mu]]))[0, 0])
    expected = reference.zipf_count(logits.tolist(), mu)
    if abs(expected - round(expected)) > 1e-6:
        assert count == min(max(math.floor(expected), 1), live)


def test_version_1_at_the_exponents_where_the_formula_divides_by_zero() -> None:
    """ŝ = 1 has the limit k = 2^μ / ln N. ŝ = 0: all tokens are equally surprising, so all stay or one does."""
    row = zipf(50, 1.0)
    for mu in (3.0, 5.0):
        assert len(kept(mirostat(row, 1, context=at(mu)))) == math.floor(2**mu / math.log(50))
    assert len(kept(mirostat(np.zeros(8), 1, context=at(3.1)))) == 8
    assert len(kept(mirostat(np.zeros(8), 1, context=at(2.5)))) == 1
    assert kept(mirostat(np.array([-math.inf, 0.0]), 1, context=at(3.0))) == [1]
    assert kept(mirostat(np.array([-math.inf, 0.0, -900.0]), 1, context=at(3.0))) == [1]


def test_removed_tokens_stay_removed() -> None:
    masked = np.array([-math.inf, *HALVES, -math.inf])
    assert kept(mirostat(masked, 2, context=at(2.0))) == [1, 2]
    assert (
        kept(mirostat(masked, 2, context=at(99.0)))
        == kept(mirostat(masked, 1, context=at(99.0)))
        == [1, 2, 3, 4]
    )


def test_the_state_after_a_token_by_hand() -> None:
    """tau 3, eta 0.5: a token of 5 bits lowers mu from 6 by 1, one of 1 bit raises it by 1."""
    assert next_mu(None, 5.0, 3.0, 0.5) == 5.0
    assert next_mu(5.0, 1.0, 3.0, 0.5) == 6.0


def test_a_chain_updates_each_row_by_itself() -> None:
    """The third token has 3 bits in what comes in, and 0 bits of what is left where it is all that is left."""
    chain = Chain("mirostat(version=2, tau=2, eta=0.5)")
    rows = np.stack([HALVES, HALVES])
    states = chain.update(None, [0, 2], rows)
    assert [state.of("mirostat") for state in states] == [pytest.approx((4.5,)), pytest.approx((3.5,))]
    again = chain.update(states, [0, 0], rows)
    assert [state.of("mirostat") for state in again] == [pytest.approx((5.0,)), pytest.approx((4.0,))]
    assert [state.of("mirostat") for state in states] == [pytest.approx((4.5,)), pytest.approx((3.5,))]
    left = Chain("mirostat(version=2, tau=0.5, eta=0.5, surprise=kept)").update(None, [0], HALVES)
    assert left[0].of("mirostat") == pytest.approx((1.25,))


def closed_loop(chain: Chain, rows: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Draws `steps` tokens from every row: surprises in bits `[steps, rows]` before and after the chain, states."""
    generator = np.random.default_rng(11)
    everyone = np.arange(len(rows))
    entering, leaving, states = [], [], None
    for _ in range(steps):
        context = Context(states=states)
        processed = chain.apply(rows, context=context)
        ids = np.argmax(processed + generator.gumbel(size=rows.shape), axis=-1)
        states = chain.update(states, ids, rows, context)
        entering.append(-log_softmax(rows)[everyone, ids] / LN_2)
        leaving.append(-log_softmax(processed)[everyone, ids] / LN_2)
    return np.array(entering), np.array(leaving), states


@pytest.mark.parametrize("version", [1, 2])
def test_the_mean_surprise_comes_to_the_target(version: int) -> None:
    """8 texts of 400 tokens from Zipf sources. The update adds up: `mean S - tau = (mu_0 - mu_T) / (eta T)`, exactly.

    So the mean is off by as little as mu has moved; 0.1 bits is stated, for every text.
    """
    rows = np.stack([zipf(600, exponent) for exponent in (1.0, 1.1, 1.2, 1.3)] * 2)
    surprises, _, states = closed_loop(Chain(f"mirostat(version={version}, tau=3, eta=0.2)"), rows, 400)
    bounds = np.array([state.of("mirostat")[0] for state in states])
    misses = surprises.mean(axis=0) - 3.0
    np.testing.assert_allclose(misses, (6.0 - bounds) / (0.2 * 400), atol=1e-9)
    assert np.abs(misses).max() < 0.1
    everything = -(log_softmax(rows) * np.exp(log_softmax(rows))).sum(axis=-1) / LN_2
    assert everything.min() > 4.5


def test_a_target_out_of_reach_lets_mu_run_away() -> None:
    """Where the likeliest token has 3.3 bits, 3 is not to be had: the paper's update has no bound, nor has ours."""
    _, _, states = closed_loop(Chain("mirostat(version=2, tau=3, eta=0.2)"), zipf(600, 0.9)[None], 400)
    assert states[0].of("mirostat")[0] < -10.0


def test_surprise_of_what_is_left_is_another_target() -> None:
    """llama.cpp steers by the surprise after the cut: the text is more surprising to the model than tau says."""
    rows = np.stack([zipf(600, 1.1)] * 8)
    entering, leaving, _ = closed_loop(Chain("mirostat(version=2, tau=3, eta=0.2, surprise=kept)"), rows, 400)
    assert abs(leaving.mean() - 3.0) < 0.1
    assert entering.mean() > 3.5


def test_bits_are_not_nats() -> None:
    """An update that forgets to divide by ln 2 steers to tau nats: 1.44 times as many bits."""
    generator = np.random.default_rng(12)
    row = zipf(600, 1.0)
    log_probs = log_softmax(row)
    mu, surprises = None, []
    for _ in range(1500):
        processed = mirostat(row, 2, tau=2.0, context=at(mu))
        token = int(np.argmax(processed + generator.gumbel(size=row.shape)))
        surprises.append(-log_probs[token] / LN_2)
        mu = next_mu(mu, -log_probs[token], 2.0, 0.2)
    assert np.mean(surprises) == pytest.approx(2.0 / LN_2, abs=0.1)
