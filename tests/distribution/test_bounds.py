"""A distribution known in part: the truth lies inside, the ends are reached, a chain says what it cannot know."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from distribution.known_in_part import run
from retort.chain import Chain
from retort.distribution import (
    PartialDistribution,
    effective_support,
    entropy,
    flip_risk,
    log_softmax,
    nucleus_size,
    softmax,
)
from retort.errors import CapabilityError, InputError

logits_and_k = st.integers(2, 14).flatmap(
    lambda n: st.tuples(arrays(np.float64, n, elements=st.floats(-8, 8)), st.integers(1, n))
)
NEAR = 1e-7


def top(logits: np.ndarray, k: int) -> np.ndarray:
    return np.sort(log_softmax(logits))[::-1][:k]


@given(logits_and_k, st.floats(0.2, 6.0), st.floats(0.05, 0.999))
def test_the_truth_lies_inside_at_any_temperature(
    drawn: tuple[np.ndarray, int], tau: float, mass: float
) -> None:
    logits, k = drawn
    known = PartialDistribution(top(logits, k), len(logits), tau)
    probs = np.sort(softmax(logits, tau))[::-1]
    assert (known.probs.low - NEAR <= probs[:k]).all() and (probs[:k] <= known.probs.high + NEAR).all()
    assert known.entropy.low - 1e-6 <= entropy(logits, tau) <= known.entropy.high + 1e-6
    support = effective_support(logits, tau)
    assert known.effective_support.low - 1e-5 <= support <= known.effective_support.high + 1e-5
    assert known.unseen.low - NEAR <= probs[k:].sum() <= known.unseen.high + NEAR
    # Within float rounding of the sums a nucleus may end one token sooner or later.
    sizes = [int(nucleus_size(logits, mass * (1 + nudge), tau)) for nudge in (-1e-9, 1e-9)]
    assert known.nucleus_size(mass).low <= sizes[1] and sizes[0] <= known.nucleus_size(mass).high


@given(logits_and_k, st.floats(0.3, 4.0), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_truth_lies_inside_when_the_server_rounds(drawn, tau, decimals, random) -> None:
    logits, k = drawn
    exact = np.sort(log_softmax(logits))[::-1]
    rounding = 0.5 * 10.0**-decimals
    given_ = np.minimum(np.round(exact[:k], decimals), 0.0)
    known = PartialDistribution(given_, len(logits), tau, rounding)
    probs = np.exp(exact / tau) / np.exp(exact / tau).sum()
    assert (known.probs.low - NEAR <= probs[:k]).all() and (probs[:k] <= known.probs.high + NEAR).all()
    assert known.entropy.low - 1e-6 <= entropy(logits, tau) <= known.entropy.high + 1e-6


def test_four_of_six_tokens_by_hand() -> None:
    known = PartialDistribution(np.log([0.5, 0.2, 0.1, 0.1]), 6)
    assert known.margin.exact and float(known.margin) == pytest.approx(math.log(2.5))
    assert known.probs.low == pytest.approx([0.5, 0.2, 0.1, 0.1]) == known.probs.high
    assert (known.unseen.low, known.unseen.high) == pytest.approx((0.1, 0.1))
    seen = -(0.5 * math.log(0.5) + 0.2 * math.log(0.2) + 0.2 * math.log(0.1))
    assert known.entropy.low == pytest.approx(seen - 0.1 * math.log(0.1))  # one more token of 0.1
    assert known.entropy.high == pytest.approx(seen - 0.1 * math.log(0.05))  # two of 0.05
    assert (known.nucleus_size(0.7).low, known.nucleus_size(0.7).high) == (2, 2)
    assert (known.nucleus_size(0.93).low, known.nucleus_size(0.93).high) == (5, 5)
    assert (known.nucleus_size(0.97).low, known.nucleus_size(0.97).high) == (5, 6)
    hot = known.at(2.0)
    weights = np.sqrt([0.5, 0.2, 0.1, 0.1])
    assert hot.probs.high[0] == pytest.approx(weights[0] / (weights.sum() + math.sqrt(0.1)))
    assert hot.probs.low[0] == pytest.approx(weights[0] / (weights.sum() + 2 * math.sqrt(0.05)))


@pytest.mark.parametrize("tau", [1.0, 2.0, 5.0])
@pytest.mark.parametrize(("tail", "end"), [([0.1, 0.0], "low"), ([0.05, 0.05], "high")])
def test_the_ends_are_reached(tail: list[float], end: str, tau: float) -> None:
    seen = [0.5, 0.2, 0.1, 0.1]
    known = PartialDistribution(np.log(seen), 6, tau)
    with np.errstate(divide="ignore"):
        logits = np.log([*seen, *tail])
    assert getattr(known.entropy, end) == pytest.approx(entropy(logits, tau))
    other = "high" if end == "low" else "low"
    assert getattr(known.probs, other) == pytest.approx(softmax(logits, tau)[:4])
    assert getattr(known.nucleus_size(0.97), end) == nucleus_size(logits, 0.97, tau)


def test_zero_temperature_is_greedy_and_certain() -> None:
    cold = PartialDistribution(np.log([0.4, 0.3]), 1000).at(0)
    assert (cold.entropy.low, cold.entropy.high) == (0, 0)
    assert cold.probs.low.tolist() == [1, 0]
    assert (cold.nucleus_size(0.9).low, cold.nucleus_size(0.9).high, cold.unseen.high) == (1, 1, 0)


def test_a_cut_among_known_tokens_is_exact_and_the_rest_of_the_chain_follows() -> None:
    known = PartialDistribution(np.log([0.5, 0.2, 0.1, 0.1]), 1000)
    found = Chain("top_p=0.7 | temperature=2 | top_k=5").explain(known)
    assert [(s.stage, s.kept, s.removed) for s in found.stages] == [
        ("top_p=0.7", 2, 998),
        ("temperature=2", 2, 0),
        ("top_k=5", 2, 0),
    ]
    assert found.stages[0].kept_mass.low == pytest.approx(0.7)
    weights = np.sqrt([0.5, 0.2])
    assert found.entropy.exact and found.probs.low == pytest.approx([*(weights / weights.sum()), 0.0, 0.0])


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        ("top_p=0.4", 1),
        ("top_p(0.4, min_keep=3)", 3),
        ("min_p(0.9, min_keep=2)", 2),
        ("top_k=2", 2),
        ("top_k(2, ties=all)", 3),
        ("top_p(0.7, ties=highest)", 2),
    ],
)
def test_ties_and_min_keep_are_the_stages_own(spec: str, kept: int) -> None:
    logits = np.log([0.5, 0.2, 0.2, 0.05, 0.05])
    known = PartialDistribution(logits[:4], 5)
    assert Chain(spec).explain(known).kept == kept == Chain(spec).explain(logits).kept


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("top_k=5", "4 most likely tokens are known"),
        ("top_p=0.95", "nucleus holds 5 to 502 tokens"),
        ("min_p=0.01", "unknown tokens may pass it besides 4 known ones"),
        ("temperature=3 | top_p=0.5", "nucleus holds"),
        ("top_p(0.5, min_keep=5)", "the 4 most likely tokens are known, and it keeps 5"),
        ("top_k(3, ties=all)", "unknown tokens may tie"),
    ],
)
def test_what_cannot_be_decided_is_refused(spec: str, said: str) -> None:
    known = PartialDistribution(np.log([0.5, 0.2, 0.1, 0.1]), 1000)
    with pytest.raises(CapabilityError, match=said):
        Chain(spec).explain(known)


def test_temperature_alone_removes_nothing_and_greedy_is_one_token() -> None:
    known = PartialDistribution(np.log([0.5, 0.2]), 10)
    found = Chain("temperature=2").explain(known)
    assert (found.kept, found.left.num_tokens, found.left.temperature) == (10, 10, 2.0)
    found = Chain("temperature=0").explain(known)
    assert (found.kept, found.stages[0].kept_mass.low) == (1, pytest.approx(0.5))


def test_refuses_what_no_distribution_can_be() -> None:
    with pytest.raises(InputError, match="NaN"):
        PartialDistribution([math.nan, -1.0], 10)
    with pytest.raises(InputError, match="mass"):
        PartialDistribution(np.log([0.9, 0.6]), 10)
    with pytest.raises(InputError, match="cannot hold"):
        PartialDistribution(np.log([0.3, 0.01]), 4)
    with pytest.raises(InputError, match="one row"):
        PartialDistribution([[-1.0]], 10)
    with pytest.raises(InputError, match="rounding"):
        PartialDistribution([-1.0], 10, rounding=-1)
    lead = PartialDistribution(
        [-1.0], 10
    ).margin  # the second has from a ninth of what is left up to all of it
    assert lead.low == 0.0 and lead.high == pytest.approx(-1.0 - math.log((1 - math.exp(-1.0)) / 9))


known_and_drawn = st.integers(3, 14).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.floats(-8, 8)), st.integers(0, n - 1), st.integers(0, n - 1)
    )
)


@given(known_and_drawn, st.sampled_from([0.3, 0.7, 1.0, 1.7, 4.0]), st.booleans(), st.booleans())
def test_a_token_that_is_merely_known_bounds_nothing(
    drawn: tuple[np.ndarray, int, int], tau: float, mass_alone: bool, rounds: bool
) -> None:
    """The list is the top k and one more token anywhere: what vLLM's chat lists. With inf, no list is trusted."""
    logits, k, extra = drawn
    truth = np.sort(log_softmax(logits))[::-1]
    seen = sorted({*range(k), extra})
    decimals = 3
    rounding = 0.5 * 10.0**-decimals if rounds else 0.0
    given_ = np.minimum(np.round(truth[seen], decimals), 0.0) if rounds else truth[seen]
    ceiling = math.inf if mass_alone or k == 0 else float(given_[k - 1])
    known = PartialDistribution(given_, len(truth), tau, rounding, ceiling)
    probs = np.exp(truth / tau) / np.exp(truth / tau).sum()
    near = 1e-6
    assert (known.probs.low - near <= probs[seen]).all() and (probs[seen] <= known.probs.high + near).all()
    assert known.entropy.low - near <= entropy(truth, tau) <= known.entropy.high + near
    assert known.margin.low - near <= truth[0] - truth[1] <= known.margin.high + near
    assert known.unseen.low - near <= 1.0 - probs[seen].sum() <= known.unseen.high + near
    assert rounds or np.allclose(truth[seen][: known.num_ranked], truth[: known.num_ranked])
    for mass in (0.3, 0.9):
        sizes = [int(nucleus_size(truth, mass * (1 + nudge), tau)) for nudge in (-1e-9, 1e-9)]
        assert known.nucleus_size(mass).low <= sizes[1] and sizes[0] <= known.nucleus_size(mass).high


def test_a_ceiling_by_hand() -> None:
    # The drawn token is far down; the three others are the most probable ones.
    listed = PartialDistribution([-1.2, -1.6, -2.0, -9.0], 50_000, ceiling=-2.0)
    assert listed.num_ranked == 3 and listed.num_seen == 4
    assert Chain("top_k=3").explain(listed).kept == 3
    with pytest.raises(CapabilityError, match="the 3 most likely tokens are known"):
        Chain("top_k=4").explain(listed)
    # One possible token: nothing else can come.
    alone = PartialDistribution([0.0], 50_000, ceiling=-math.inf)
    assert (alone.entropy.low, alone.entropy.high) == (0.0, 0.0) and alone.margin.low == math.inf
    # A drawn token of 0.9999 beside a list without it: the mass that is left bounds all others.
    drawn = PartialDistribution([-0.0001, -9.6, -12.0], 1_048_576, rounding=0.00005, ceiling=math.inf)
    assert drawn.num_ranked == 1 and drawn.entropy.high < 0.003 and drawn.margin.low > 9.0


def test_every_bound_holds_the_truth() -> None:
    """RETORT_DISTRIBUTIONS=35000 runs as many as the accuracy page states; each goes through two chains."""
    found = run(int(os.environ.get("RETORT_DISTRIBUTIONS", "250")))
    assert not found.faults, found.faults[0]
    assert found.undecided < 0.6 * found.chains and found.exact > 0.2 * found.chains


def test_rounding_is_carried_through_every_stage() -> None:
    """p .5 and .25 at two decimals of their logarithms: the old code said 0.00729 exactly, and forgot the rounding."""
    given_ = np.log([0.5, 0.25]).round(2)
    known = PartialDistribution(given_, 1000, rounding=0.005)
    found = Chain("top_k=2 | temperature=0.1").explain(known)
    ends = [
        entropy(np.array([0.0, (gap + side) / 0.1]))
        for gap in [given_[1] - given_[0]]
        for side in (-0.01, 0.01)
    ]
    assert found.entropy.low <= min(ends) and found.entropy.high >= max(ends)
    assert found.entropy.low < 0.00774 < found.entropy.high < 0.0095
    assert not found.entropy.exact


def test_min_p_at_an_exact_ratio_keeps_what_the_whole_row_keeps() -> None:
    row = np.log([0.6, 0.3, 0.1])
    assert (
        Chain("min_p=0.5").explain(PartialDistribution(row, 3)).kept
        == 2
        == Chain("min_p=0.5").explain(row).kept
    )
    rounded = PartialDistribution(row.round(4), 3, rounding=0.00005)
    with pytest.raises(CapabilityError, match="rank 2 is too near to its limit"):
        Chain("min_p=0.5").explain(rounded)


def test_a_floor_below_a_temperature_that_takes_every_weight_to_0() -> None:
    """.02^250 is 0 in float64, and so is every other: only their ratios say that the first has nearly all the mass."""
    known = PartialDistribution(np.log([0.02, 0.019, 0.018]), 1000)
    for stage in ("epsilon_cutoff=0.01", "eta_cutoff=0.01"):
        assert Chain(f"temperature=0.004 | {stage}").explain(known).kept == 1


def test_top_h_where_every_other_weight_is_0_keeps_what_the_whole_row_keeps() -> None:
    """e^(-3/.004) is 0 in float64, and so are both entropies: a run of any length would be at the bound."""
    row = np.log(softmax(np.array([0.0, -3.0, -18.0, -21.0])))
    for rounding in (0.0, 5e-6):
        known = PartialDistribution(row, 4, 1.0, rounding)
        for alpha in (0.3, 0.9):
            assert Chain(f"temperature=0.004 | top_h={alpha}").explain(known).kept == 1


def test_the_margin_is_known_to_twice_the_rounding() -> None:
    known = PartialDistribution([-0.5, -1.5, -3.0], 100, rounding=0.05)
    assert (known.margin.low, known.margin.high) == pytest.approx((0.9, 1.1))


def test_a_tail_below_float_error_is_not_taken_for_mass() -> None:
    """Sums of float64 leave 1e-16; spread over unknown tokens at τ = 30 it would be most of the distribution."""
    row = np.concatenate([[0.0], -np.arange(1, 7) * 12.0])
    truth = log_softmax(row)
    known = PartialDistribution(truth[:4], 7, 30.0)
    assert known.entropy.low <= entropy(row, 30.0) <= known.entropy.high


def test_all_tokens_named_is_exact() -> None:
    row = log_softmax(np.array([1.0, 0.5, -2.0, -np.inf]))
    known = PartialDistribution(row, 4, 0.7)
    assert known.exact and known.entropy.exact and float(known.entropy) == pytest.approx(entropy(row, 0.7))
    assert known.unseen.high == 0.0 and known.support.high == 3
    greedy = Chain("temperature=0").explain(PartialDistribution([0.0, -np.inf, -np.inf], 50_000))
    assert greedy.kept == 1 and float(greedy.entropy) == 0.0
    one = PartialDistribution([0.0, -np.inf, -np.inf], 2**20, rounding=0.5)
    assert one.probs.low[0] == 1.0 and float(one.entropy) == 0.0 and one.margin.low == math.inf


def test_flip_risk_of_a_list_holds_that_of_the_row() -> None:
    row = log_softmax(np.array([2.0, 1.9, 1.9, 1.85, 1.0, *[0.5] * 20]))
    for count, decimals in ((2, None), (4, 3), (5, 2)):
        given_ = row[:count] if decimals is None else row[:count].round(decimals)
        known = PartialDistribution(
            given_, len(row), rounding=0.0 if decimals is None else 0.5 * 10.0**-decimals
        )
        risk = float(flip_risk(row, 0.1))
        assert known.flip_risk(0.1).low - 1e-9 <= risk <= known.flip_risk(0.1).high + 1e-9


@pytest.mark.parametrize("noise", [0.01, 0.29, 0.3, 0.8, 2.0, 5.0])
def test_flip_risk_of_a_list_holds_for_tails_of_any_shape(noise: float) -> None:
    """One token of 0.3 is known. At a noise of 5, as at 3, a tail of 21 tokens risks more than three of 0.233 do."""
    for size in (3, 4, 21, 200, 999):
        row = np.full(1000, -np.inf)
        row[0], row[1 : size + 1] = math.log(0.3), math.log(0.7 / size)
        known = PartialDistribution(row[:1], len(row)).flip_risk(noise)
        assert known.low - 1e-9 <= float(flip_risk(row, noise)) <= known.high + 1e-9


def test_flip_risk_of_a_list_holds_where_rounding_hides_a_tie() -> None:
    """Four equal tokens, one known as -1.386: the three others are at most .25025, and as likely as it is."""
    known = PartialDistribution([-1.386], 4, rounding=0.0005).flip_risk(0.01)
    assert known.low <= 0.75 <= known.high
