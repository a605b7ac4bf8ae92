"""Truncations: four tokens by hand, the oracle, ties, traps that peers fell into, numpy and torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.chain import Chain
from retort.distribution import top_ids
from retort.distribution.ranking import CANDIDATES
from retort.errors import InputError
from retort.transforms import TRANSFORMS, find_transform, min_p, temperature, top_k, top_p
from retort.transforms.context import Context
from retort.transforms.truncation import COIN_STREAM, epsilon_cutoff, eta_cutoff, top_n_sigma, xtc
from transforms.four_tokens import FOUR, kept, tied_rows

shares = st.floats(0.0, 1.0)


def test_top_k_by_hand() -> None:
    assert kept(top_k(FOUR, 2)) == [0, 1]
    np.testing.assert_array_equal(top_k(FOUR, 2)[:2], FOUR[:2])
    assert kept(top_k(FOUR, 99)) == [0, 1, 2, 3]


def test_top_p_by_hand() -> None:
    assert kept(top_p(FOUR, 0.69)) == [0, 1]
    assert kept(top_p(FOUR, 0.7)) == [0, 1]
    assert kept(top_p(FOUR, 0.71)) == [0, 1, 2]
    assert kept(top_p(FOUR, 0.0)) == [0]
    assert kept(top_p(FOUR, 1.0)) == [0, 1, 2, 3]


def test_min_p_by_hand() -> None:
    assert kept(min_p(FOUR, 0.5)) == [0, 1, 2]
    assert kept(min_p(FOUR, 0.51)) == [0, 1]
    assert kept(min_p(FOUR, 1.0)) == [0]
    assert kept(min_p(FOUR, 0.0)) == [0, 1, 2, 3]


@pytest.mark.parametrize("function", [top_k, top_p, min_p, temperature])
@pytest.mark.parametrize("value", [None, 1.0])
def test_off_and_input_untouched(function: object, value: float | None) -> None:
    row = FOUR.copy()
    result = function(row, value)  # type: ignore[operator]
    np.testing.assert_array_equal(row, FOUR)
    if value is None:
        np.testing.assert_array_equal(result, FOUR)


@pytest.mark.parametrize("k", [0, -1, None])
def test_every_engines_off_value_of_top_k(k: int | None) -> None:
    np.testing.assert_array_equal(top_k(FOUR, k), FOUR)


def test_ties_at_k_keep_exactly_k_with_the_lowest_ids() -> None:
    row = [1.0, 2.0, 1.0, 1.0, 2.0, 1.0]
    assert kept(top_k(row, 3)) == [0, 1, 4]
    assert kept(top_k(row, 4)) == [0, 1, 2, 4]
    assert kept(top_k(np.zeros(7), 3)) == [0, 1, 2]


def test_ties_at_the_edge_of_the_nucleus_go_to_the_lowest_ids() -> None:
    assert kept(top_p(np.zeros(10), 0.3)) == [0, 1, 2]
    assert kept(top_p([0.0, 5.0, 0.0, 0.0], 0.985)) == [0, 1]


@given(tied_rows)
def test_top_k_1_equals_argmax_and_temperature_0(logits: np.ndarray) -> None:
    assert kept(top_k(logits, 1)) == [int(np.argmax(logits))] == kept(temperature(logits, 0))


@given(tied_rows, st.integers(1, 12))
def test_top_k_equals_the_oracle(logits: np.ndarray, k: int) -> None:
    np.testing.assert_array_equal(top_k(logits, k), reference.top_k(logits.tolist(), k))


@given(tied_rows, shares)
def test_top_p_equals_the_oracle(logits: np.ndarray, p: float) -> None:
    np.testing.assert_array_equal(top_p(logits, p), reference.top_p(logits.tolist(), p))


@given(tied_rows, shares)
def test_min_p_equals_the_oracle(logits: np.ndarray, p: float) -> None:
    np.testing.assert_array_equal(min_p(logits, p), reference.min_p(logits.tolist(), p))


@given(tied_rows, st.data())
def test_top_ids_equals_the_oracle(logits: np.ndarray, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(logits)))
    assert top_ids(logits, count).tolist() == reference.order(logits.tolist())[:count]


def test_settings_for_each_row_equal_the_rows_alone() -> None:
    rows = np.random.default_rng(3).normal(size=(4, 40)) * 2
    for function, values in (
        (top_k, [1, 7, 0, 40]),
        (top_p, [0.0, 0.5, 0.9, 1.0]),
        (min_p, [0.0, 0.05, 0.5, 1.0]),
        (temperature, [0.0, 0.3, 1.0, 4.0]),
    ):
        batch = function(rows, values)
        for row, alone, value in zip(batch, rows, values, strict=True):
            np.testing.assert_allclose(
                row - row.max(), (one := function(alone, value)) - one.max(), atol=1e-15
            )
            assert kept(row) == kept(one)


def test_one_rows_min_p_does_not_touch_another_row() -> None:
    rows = np.random.default_rng(4).normal(size=(2, 30)) * 3
    for other in (0.0, 0.01, 0.99, 1.0):
        np.testing.assert_array_equal(min_p(rows, [0.1, other])[0], min_p(rows[0], 0.1))


def test_leading_axes_are_kept() -> None:
    rows = np.random.default_rng(5).normal(size=(2, 3, 20))
    for function, value in ((top_k, 4), (top_p, 0.6), (min_p, 0.2)):
        result = function(rows, value)
        assert result.shape == rows.shape
        np.testing.assert_array_equal(result[1, 2], function(rows[1, 2], value))
    assert top_ids(rows, 3).shape == (2, 3, 3)
    assert top_k(np.zeros((0, 5)), 2).shape == top_p(np.zeros((0, 5)), 0.5).shape == (0, 5)


def test_top_p_sums_in_float64_at_a_large_vocabulary() -> None:
    """One token with half the mass, 149,999 that share the rest: 0.9 is reached with 120,000 of them.

    A float32 running sum adds 3.3e-6 to a number near 1, loses some of it each time, and misses by hundreds.
    """
    row = np.zeros(150_000, np.float32)
    row[7] = np.log(149_999.0)
    running = np.cumsum(
        np.append(np.float32(0.5), np.full(149_999, 0.5 / 149_999, np.float32)), dtype=np.float32
    )
    assert abs(int(np.sum(running < 0.9)) - 120_000) > 100
    assert kept(top_p(row, 0.9)) == list(range(120_001))


def test_mass_1_keeps_a_tail_too_light_to_show_in_a_sum() -> None:
    rows = np.array([[0.0, -1.0, -60.0], [0.0, -1.0, -60.0]])
    assert [kept(row) for row in top_p(rows, [1.0, 1 - 1e-15])] == [[0, 1, 2], [0, 1]]


def test_rows_with_small_and_large_nuclei_in_one_batch() -> None:
    """The search among the first candidates and the full sort must agree, whichever a row needs."""
    generator = np.random.default_rng(6)
    num_tokens = 6 * CANDIDATES
    peaked = generator.normal(size=num_tokens) * 6
    flat = generator.normal(size=num_tokens)
    batch = top_p(np.stack([peaked, flat, peaked[::-1]]), 0.95)
    sizes = [len(kept(row)) for row in batch]
    assert sizes[0] < CANDIDATES < sizes[1]
    for row, logits in zip(batch, (peaked, flat, peaked[::-1]), strict=True):
        probs = np.exp(logits) / np.exp(logits).sum()
        order = np.argsort(-probs, kind="stable")
        size = int(np.searchsorted(np.cumsum(probs[order]), 0.95)) + 1
        assert kept(row) == sorted(order[:size].tolist())


def test_removed_tokens_never_come_back_and_do_not_count() -> None:
    row = np.array([-math.inf, 1.0, -math.inf, 0.0, -math.inf, -1.0, -math.inf, -math.inf])
    assert kept(top_k(row, 5)) == [1, 3, 5]
    assert kept(top_p(row, 0.999999)) == [1, 3, 5]
    assert kept(top_p(row, 0.6)) == [1]
    assert kept(min_p(row, 0.3)) == [1, 3]


@pytest.mark.parametrize("function", [top_k, top_p, min_p, temperature])
def test_unusable_rows_are_named(function: object) -> None:
    with pytest.raises(InputError, match="row 1: NaN"):
        function(np.array([[0.0, 1.0], [math.nan, 0.0]]), 0.5 if function is not top_k else 2)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_k", 1.5), ("top_k", -2), ("top_k", math.nan), ("top_k", math.inf), ("top_k", True), ("top_k", "many"),
        ("top_p", -0.1), ("top_p", 1.1), ("top_p", math.nan), ("top_p", [0.5, 2.0]),
        ("min_p", -0.1), ("min_p", 1.1), ("min_p", math.nan),
        ("temperature", -1), ("temperature", math.nan), ("temperature", math.inf),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused_with_the_range(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{name} must be (a|a finite) "):
        TRANSFORMS[name].function(np.zeros((2, 4)), value)
    with pytest.raises(InputError, match=name):
        TRANSFORMS[name].main.taken(value)


def test_a_setting_for_each_row_needs_the_shape_of_the_rows() -> None:
    with pytest.raises(InputError, match=r"shape of the rows \(3,\), got \(2,\)"):
        top_p(np.zeros((3, 4)), [0.5, 0.5])


def test_names_and_aliases() -> None:
    for name in ("temperature", "temp", "Temp", "top-k", "top_p", "nucleus", " min-p "):
        assert find_transform(name).name in TRANSFORMS
    assert find_transform("nucleus") is TRANSFORMS["top_p"]
    with pytest.raises(
        InputError,
        match=r"unknown transform 'topk' \(did you mean top_k\?\); known are: .*temperature, .*top_k",
    ):
        find_transform("topk")


@pytest.mark.parametrize("name", [name for name, row in TRANSFORMS.items() if row.nested and row.truncates])
@given(
    logits=arrays(np.float64, st.integers(2, 12), elements=st.floats(-10, 10)),
    taus=st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)),
    share=st.floats(0.01, 0.99),
)
def test_nested_means_first_n_tokens_and_n_never_falls(
    name: str, logits: np.ndarray, taus: tuple[float, float], share: float
) -> None:
    value = 1 + int(share * 10) if name == "top_k" else share
    sizes = []
    for tau in sorted(taus):
        result = kept(TRANSFORMS[name].function(temperature(logits, tau), value))
        order = reference.order(logits.tolist())
        # Logits that differ may become equal in tempering; then the order among them is by id, as stated.
        tempered_order = reference.order(temperature(logits, tau).tolist())
        assert result in (sorted(order[: len(result)]), sorted(tempered_order[: len(result)]))
        sizes.append(len(result))
    assert sizes[0] <= sizes[1]


@given(
    arrays(np.float64, (3, 9), elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0])),
    shares,
    st.integers(1, 9),
)
def test_torch_equals_numpy(rows: np.ndarray, p: float, k: int) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(rows)
    for function, value in (
        (top_k, k),
        (top_p, p),
        (min_p, p),
        (temperature, 0.0),
        (top_k, [1, k, 0]),
        (top_p, [p, 1.0, 0.2]),
    ):
        np.testing.assert_array_equal(function(tensor, value).numpy(), function(rows, value))
    np.testing.assert_array_equal(top_ids(tensor, k).numpy(), top_ids(rows, k))
    np.testing.assert_array_equal(tensor.numpy(), rows)


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_torch_small_floats_keep_the_same_tokens(name: str) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(np.random.default_rng(7).normal(size=(3, 5000)) * 4).to(getattr(torch, name))
    exact = tensor.double().numpy()
    for function, value in ((top_k, 17), (top_p, 0.7), (min_p, 0.03)):
        result = function(tensor, value)
        assert result.dtype == torch.float32
        np.testing.assert_array_equal(result.numpy(), function(exact, value))


def test_torch_gradient_reaches_kept_tokens_only() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.tensor([3.0, 2.0, 1.0, 0.0], requires_grad=True)
    torch.logsumexp(top_p(top_k(logits, 3), 0.8), dim=-1).backward()
    assert (logits.grad[:2] > 0).all() and (logits.grad[2:] == 0).all()


# epsilon_cutoff and eta_cutoff: four tokens by hand, the oracle, and what is kept when nothing reaches the floor.


def test_epsilon_by_hand() -> None:
    assert kept(epsilon_cutoff(FOUR, 0.1)) == [0, 1, 2, 3]
    assert kept(epsilon_cutoff(FOUR, 0.11)) == [0, 1, 2]
    assert kept(epsilon_cutoff(FOUR, 0.2)) == [0, 1, 2]
    assert kept(epsilon_cutoff(FOUR, 0.41)) == [0]
    assert kept(epsilon_cutoff(FOUR, 1.0)) == [0]
    assert kept(epsilon_cutoff(FOUR, 0.41, min_keep=3)) == [0, 1, 2]


def test_eta_by_hand() -> None:
    """H = 1.27985, e^-H = 0.27808. ε = 0.5: √ε e^-H = 0.19663 is the floor; ε = 0.1: 0.08794; ε = 0.01: ε itself."""
    assert kept(eta_cutoff(FOUR, 0.5)) == [0, 1, 2]
    assert kept(eta_cutoff(FOUR, 0.52)) == [0, 1]
    assert math.sqrt(0.52) * math.exp(-1.27985) == pytest.approx(0.20053, abs=1e-5)
    assert kept(eta_cutoff(FOUR, 0.1)) == [0, 1, 2, 3]
    assert kept(eta_cutoff(np.log([0.985, 0.011, 0.004]), 0.01)) == [0, 1]
    assert kept(eta_cutoff(FOUR, 0.52, min_keep=3)) == [0, 1, 2]


@given(tied_rows, st.floats(0.0, 1.0))
def test_epsilon_equals_the_oracle(logits: np.ndarray, epsilon: float) -> None:
    np.testing.assert_array_equal(
        epsilon_cutoff(logits, epsilon), reference.epsilon_cutoff(logits.tolist(), epsilon)
    )


@given(tied_rows, st.floats(0.0, 1.0))
def test_eta_equals_the_oracle(logits: np.ndarray, epsilon: float) -> None:
    np.testing.assert_array_equal(eta_cutoff(logits, epsilon), reference.eta_cutoff(logits.tolist(), epsilon))


@pytest.mark.parametrize("function", [epsilon_cutoff, eta_cutoff])
@given(logits=tied_rows, first=st.floats(0.0, 1.0), second=st.floats(0.0, 1.0))
def test_a_higher_floor_keeps_no_more(
    function: object, logits: np.ndarray, first: float, second: float
) -> None:
    low, high = sorted((first, second))
    assert set(kept(function(logits, high))) <= set(kept(function(logits, low)))  # type: ignore[operator]


@given(tied_rows, st.floats(0.001, 1.0))
def test_eta_keeps_what_epsilon_keeps(logits: np.ndarray, epsilon: float) -> None:
    assert set(kept(epsilon_cutoff(logits, epsilon))) <= set(kept(eta_cutoff(logits, epsilon)))


def test_where_no_token_reaches_the_floor_the_most_likely_stays_with_the_lowest_id() -> None:
    row = np.zeros(100)
    assert kept(epsilon_cutoff(row, 0.02)) == [0]
    assert kept(epsilon_cutoff(row, 0.02, ties="all")) == list(range(100))
    assert kept(epsilon_cutoff(row, 0.01)) == list(range(100))
    assert kept(epsilon_cutoff(np.array([-math.inf, 0.0, 0.0]), 0.9)) == [1]


def test_eta_of_a_uniform_row_keeps_it_whole() -> None:
    """e^-H is the probability of each token there, and √ε is less than one."""
    for epsilon in (0.0001, 0.3, 1.0):
        assert kept(eta_cutoff(np.zeros(50), epsilon)) == list(range(50))


# top_n_sigma: four tokens by hand, the oracle, σ over the tokens that are left, and no temperature in it.

ROW = np.array([4.0, 2.0, 1.0, 1.0])

rows = arrays(np.float64, st.integers(1, 12), elements=st.sampled_from([-math.inf, -3.0, 0.0, 0.5, 2.0]))
usable_rows = rows.filter(lambda row: row.max() > -math.inf)


def test_top_n_sigma_by_hand() -> None:
    """Mean 2, squares 4, 0, 1, 1: σ = √1.5 = 1.2247. The gaps to the largest are 0, 2, 3, 3."""
    assert kept(top_n_sigma(ROW, 1.0)) == [0]
    assert kept(top_n_sigma(ROW, 1.64)) == [0, 1]
    assert kept(top_n_sigma(ROW, 2.44)) == [0, 1]
    assert kept(top_n_sigma(ROW, 2.45)) == [0, 1, 2, 3]
    assert kept(top_n_sigma(ROW, 2.0 / math.sqrt(1.5))) == [0, 1]


def test_a_token_on_the_threshold_stays_however_sigma_is_rounded() -> None:
    """Gaps 0, x, x: σ = x·√2/3, so n = 3/√2 is exactly enough, for every x."""
    for x in np.random.default_rng(5).uniform(0.1, 10.0, size=200):
        assert kept(top_n_sigma(np.array([0.0, -x, -x]), 3 / math.sqrt(2.0))) == [0, 1, 2]


def test_off_values() -> None:
    for off in (None, 0, -1):
        np.testing.assert_array_equal(top_n_sigma(ROW, off), ROW)
    assert [kept(row) for row in top_n_sigma(np.stack([ROW, ROW]), [-1, 1.0])] == [[0, 1, 2, 3], [0]]


@given(usable_rows, st.floats(0.01, 5.0))
def test_top_n_sigma_equals_the_oracle(logits: np.ndarray, n: float) -> None:
    np.testing.assert_array_equal(top_n_sigma(logits, n), reference.top_n_sigma(logits.tolist(), n))


@given(usable_rows, st.floats(0.01, 5.0), st.floats(0.01, 5.0))
def test_a_larger_n_keeps_no_fewer(logits: np.ndarray, n: float, m: float) -> None:
    assert set(kept(top_n_sigma(logits, min(n, m)))) <= set(kept(top_n_sigma(logits, max(n, m))))


@given(
    arrays(np.float64, st.integers(1, 12), elements=st.floats(-10, 10)),
    st.floats(0.01, 5.0),
    st.floats(0.05, 20.0),
)
def test_the_temperature_makes_no_difference(logits: np.ndarray, n: float, tau: float) -> None:
    assert kept(top_n_sigma(temperature(logits, tau), n)) == kept(top_n_sigma(logits, n))


def test_removed_tokens_do_not_count_in_sigma() -> None:
    """With the two removed ones as, say, the lowest float32, σ would be some 10^38 and nothing would be cut."""
    masked = np.array([4.0, -math.inf, 2.0, 1.0, -math.inf, 1.0])
    assert kept(top_n_sigma(masked, 1.64)) == [0, 2]
    filled = np.where(masked == -math.inf, np.finfo(np.float32).min, masked)
    assert kept(top_n_sigma(filled, 1.64)) == [0, 2, 3, 5]


def test_equal_logits_stay_together_and_so_does_a_token_alone() -> None:
    assert kept(top_n_sigma(np.zeros(5), 0.1)) == [0, 1, 2, 3, 4]
    assert kept(top_n_sigma(np.array([-math.inf, 3.0]), 0.1)) == [1]
    assert kept(top_n_sigma(np.array([3.0, 1.0, 3.0, 0.0]), 0.1)) == [0, 2]


def test_logits_at_the_edge_of_float16() -> None:
    row = np.array([65504.0, 0.0, -65504.0], np.float16)
    assert kept(top_n_sigma(row, 1.0)) == [0]


# xtc: four tokens by hand, the oracle, one coin a row.


def coins(*numbers: float) -> Context:
    """A context whose rows have these coins, and only on xtc's stream."""

    def uniforms(stream: int) -> np.ndarray:
        assert stream == COIN_STREAM
        return np.array(numbers)

    return Context(uniforms=uniforms)


def test_xtc_by_hand() -> None:
    assert kept(xtc(FOUR, 1.0, 0.15)) == [2, 3]
    assert kept(xtc(FOUR, 1.0, 0.2)) == [2, 3]
    assert kept(xtc(FOUR, 1.0, 0.21)) == [1, 2, 3]
    assert kept(xtc(FOUR, 1.0, 0.31)) == [0, 1, 2, 3]
    assert kept(xtc(FOUR, 1.0, 0.0)) == [3]


def test_it_acts_where_the_coin_is_below_the_probability() -> None:
    rows = np.stack([FOUR] * 3)
    result = xtc(rows, 0.5, 0.15, context=coins(0.0, 0.4999, 0.5))
    assert [kept(row) for row in result] == [[2, 3], [2, 3], [0, 1, 2, 3]]
    result = xtc(rows, [0.0, 1.0, 0.6], [0.15, 0.25, 0.15], context=coins(0.0, 0.999, 0.5))
    assert [kept(row) for row in result] == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]


def test_probability_1_and_0_need_no_coin_and_others_do() -> None:
    assert kept(xtc(FOUR, 1, 0.15)) == kept(Chain("xtc(probability=1, threshold=0.15)").apply(FOUR)) == [2, 3]
    assert kept(xtc(FOUR, 0, 0.15)) == kept(xtc(FOUR, None, 0.15)) == [0, 1, 2, 3]
    for use in (lambda: xtc(FOUR, 0.5), lambda: Chain("xtc(probability=0.5)").apply(FOUR)):
        with pytest.raises(InputError, match="xtc needs a random number for each row"):
            use()


@given(tied_rows, st.floats(0.0, 1.0))
def test_xtc_equals_the_oracle(logits: np.ndarray, threshold: float) -> None:
    np.testing.assert_array_equal(xtc(logits, 1.0, threshold), reference.xtc(logits.tolist(), threshold))


@given(tied_rows, st.floats(0.0, 1.0))
def test_it_takes_from_the_top_and_never_all(logits: np.ndarray, threshold: float) -> None:
    result = xtc(logits, 1.0, threshold)
    lost = set(range(len(logits))) - set(kept(result))
    assert kept(result)
    assert not lost or min(logits[list(lost)]) >= max(logits[kept(result)])


def test_of_equally_unlikely_ones_the_lowest_id_stays() -> None:
    assert kept(xtc(np.log([0.4, 0.25, 0.25, 0.1]), 1.0, 0.2)) == [1, 3]
    assert kept(xtc(np.zeros(4), 1.0, 0.25)) == [0]


def test_a_threshold_above_one_half_never_acts() -> None:
    assert kept(xtc(np.log([0.6, 0.4]), 1.0, 0.51)) == [0, 1]
    assert kept(xtc(np.log([0.5, 0.5]), 1.0, 0.5)) == [0]


def test_removed_tokens_are_never_likely() -> None:
    masked = np.array([-math.inf, *FOUR, -math.inf])
    assert kept(xtc(masked, 1.0, 0.0)) == [4]
    assert kept(xtc(masked, 1.0, 0.15)) == [3, 4]
    assert kept(xtc(np.array([-math.inf, 1.0]), 1.0, 0.1)) == [1]
