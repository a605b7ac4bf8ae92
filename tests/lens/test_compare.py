"""`compare`: two models by hand, two chains, the temperature between them, and bounds where one side is a server."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens.top_source import TopSource
from mock_source import MockSource
from retort.chain.chain import Chain
from retort.errors import InputError
from retort.lens.compare import compare, compared_known
from retort.sources.base import KnownToken, KnownTop


class Fixed(MockSource):
    """The same probabilities after every prefix."""

    def __init__(self, *probs: float) -> None:
        super().__init__(len(probs), ends=False)
        self.probs = probs

    def logits_of(self, prefix):
        with np.errstate(divide="ignore"):
            return np.log(np.array(self.probs))


def test_two_models_by_hand() -> None:
    found = compare(Fixed(0.5, 0.25, 0.25), Fixed(0.25, 0.5, 0.25), ["w1 w2", "w0"])
    assert [(p.prompt, p.position, p.token) for p in found.positions] == [
        (0, 0, " w1"),
        (0, 1, " w2"),
        (1, 0, " w0"),
    ]
    for place in found.positions:
        assert float(place.kl_ab) == pytest.approx(0.25 * math.log(2))
        assert float(place.kl_ba) == pytest.approx(0.25 * math.log(2))
        assert float(place.total_variation) == pytest.approx(0.25)
        assert float(place.entropy_a) == pytest.approx(1.5 * math.log(2))
        assert (place.top_a, place.top_b, place.parted) == (" w0", " w1", True)
    assert found.first_parted == (0, 0)
    assert found.totals.parted == 1
    assert float(found.totals.total_variation) == pytest.approx(0.25)


def test_the_equivalent_temperature_undoes_a_temperature() -> None:
    cold, hot = (
        Fixed(0.64, 0.32, 0.04),
        Fixed(*np.sqrt([0.64, 0.32, 0.04]) / np.sqrt([0.64, 0.32, 0.04]).sum()),
    )
    found = compare(cold, hot, ["w1"])
    assert found.totals.equivalent_temperature == pytest.approx(0.5, rel=1e-4)
    assert found.totals.kl_left == pytest.approx(0, abs=1e-9)
    assert found.first_parted == (None,)


def test_two_chains_on_one_model_cost_one_pass_and_read_the_history() -> None:
    source = MockSource(20)
    text = "w1 w2 w3"
    found = compare(source, source, [text], Chain("top_k=3"), Chain("repetition_penalty=2 | top_k=3"))
    assert source.forward_rows == 3
    ids = source.encode(text)
    for place in found.positions:
        row = source.logits_of(ids[: place.position + 1]).astype(np.float64)
        seen = ids[: place.position + 1]
        after = Chain("repetition_penalty=2 | top_k=3").apply(row, history=[seen])
        kept_a = set(np.argsort(-row, kind="stable")[:3])
        kept_b = set(np.flatnonzero(after > -np.inf))
        assert math.isinf(float(place.kl_ab)) == bool(kept_a - kept_b)
        assert place.top_b == source.token_text(int(after.argmax()))
    assert (found.chain_a, found.chain_b) == ("top_k=3", "repetition_penalty=2 | top_k=3")
    assert found.totals.equivalent_temperature is None


def test_equal_models_are_equal() -> None:
    found = compare(MockSource(20), MockSource(20), ["w1 w2"])
    assert all(
        (float(p.kl_ab), float(p.kl_ba), float(p.total_variation), p.parted) == (0, 0, 0, False)
        for p in found.positions
    )


def test_many_positions_are_compared_in_parts() -> None:
    text = " ".join(f"w{i % 20}" for i in range(150))
    found = compare(MockSource(20), MockSource(20, seed=1), [text])
    assert [p.position for p in found.positions] == list(range(150))
    a, b = (
        MockSource(20, seed=seed).logits_of(MockSource(20).encode(text)).astype(np.float64) for seed in (0, 1)
    )
    p, q = (np.exp(z) / np.exp(z).sum() for z in (a, b))
    assert float(found.positions[-1].kl_ab) == pytest.approx((p * np.log(p / q)).sum())


def test_refuses_models_without_common_tokens_and_no_prompts() -> None:
    with pytest.raises(InputError, match="have different tokens"):
        compare(MockSource(20), MockSource(21), ["w1"])
    for source in (MockSource(20), TopSource(20, 3)):
        with pytest.raises(InputError, match="no prompts"):
            compare(source, MockSource(20), [])


@pytest.mark.parametrize("seen", [3, 20, 40])
def test_the_truth_is_inside_the_bounds_of_a_server(seen) -> None:
    other = MockSource(40, ends=False, seed=1)
    prompts = ["w1", "w2 w3", "w9"]
    known = compare(TopSource(40, seen), other, prompts)
    whole = compare(MockSource(40, ends=False), other, prompts)
    last = [next(p for p in reversed(whole.positions) if p.prompt == n) for n in range(3)]
    for mine, exact in zip(known.positions, last, strict=True):
        assert (
            mine.total_variation.low - 1e-9
            <= float(exact.total_variation)
            <= mine.total_variation.high + 1e-9
        )
        assert mine.kl_ab.low <= float(exact.kl_ab) + 1e-9 and mine.kl_ba.low <= float(exact.kl_ba) + 1e-9
        assert (mine.common, mine.parted) == (seen, exact.parted)
        if seen == 40:
            assert float(mine.total_variation) == pytest.approx(float(exact.total_variation))
            assert float(mine.kl_ab) == pytest.approx(float(exact.kl_ab))


def test_measures_for_conditions() -> None:
    whole = compare(Fixed(0.5, 0.5), Fixed(0.25, 0.75), ["w1"]).measures()
    for name in ("total_variation", "mean_total_variation"):
        assert [float(value) for value in whole[name]] == pytest.approx([0.25])
    known = compare(TopSource(9, 3), MockSource(9, ends=False), ["w1"]).measures()
    assert [float(value) for value in known["parted"]] == [0.0]
    assert known["total_variation"][0].low == pytest.approx(0.0, abs=1e-9)


def top(log_probs: np.ndarray, known: int, rounding: float = 0.0, ids: bool = True) -> KnownTop:
    """The best `known` tokens; their logprobs written with steps of twice the rounding."""
    order = np.argsort(-log_probs, kind="stable")[:known]
    step = 2.0 * rounding
    written = np.round(log_probs / step) * step if step else log_probs
    return KnownTop(
        tuple(KnownToken(str(i), float(written[i]), int(i) if ids else None) for i in order),
        len(log_probs),
        rounding,
    )


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    return float(np.sum(np.exp(p) * (p - q)))


def test_three_of_four_tokens_by_hand() -> None:
    p, q = (np.log(np.array(row) / 16) for row in ([8, 4, 2, 2], [4, 4, 4, 4]))
    found = compared_known(0, top(p, 3), top(q, 3))
    # 8/16 and 4/16, twice 4/16, 2/16 and 4/16; the rests are 2/16 and 4/16.
    assert found.total_variation.low == pytest.approx((4 + 0 + 2 + 2) / 32)
    assert found.total_variation.high == pytest.approx((4 + 0 + 2 + 2 + 4) / 32)
    assert found.kl_ab.low == pytest.approx(0.5 * math.log(2) - 0.25 * math.log(2))


def test_a_rest_that_only_one_side_has_is_far() -> None:
    # Not infinitely far: a mass of 1e-12 may be there, below what float64 leaves of 1 - 0.5 - 0.5.
    p, q = np.log([0.5, 0.25, 0.25]), np.array([math.log(0.5), math.log(0.5), -math.inf])
    assert compared_known(0, top(p, 2), top(q, 2)).kl_ab.low > 6


@given(st.integers(0, 2**31), st.integers(1, 12), st.sampled_from([0.0, 5e-4, 5e-3, 0.05]), st.booleans())
def test_the_truth_lies_within_whatever_was_rounded(
    seed: int, known: int, rounding: float, ids: bool
) -> None:
    noise = np.random.default_rng(seed)
    p, q = (row - np.logaddexp.reduce(row) for row in noise.normal(0, 2, (2, 12)))
    found = compared_known(0, top(p, known, rounding, ids), top(q, known, rounding, ids))
    distance = 0.5 * float(np.abs(np.exp(p) - np.exp(q)).sum())
    assert found.total_variation.low - 1e-12 <= distance <= found.total_variation.high + 1e-12
    assert found.kl_ab.low <= divergence(p, q) + 1e-12
    assert found.kl_ba.low <= divergence(q, p) + 1e-12


def test_equal_distributions_written_with_two_decimals_are_not_said_to_differ() -> None:
    p = np.log([0.4, 0.3, 0.2, 0.1])
    found = compared_known(0, top(p, 4), top(p, 4, 0.005))
    assert (found.total_variation.low, found.kl_ab.low, found.kl_ba.low) == (0.0, 0.0, 0.0)
    # What reads the rounded numbers as exact says that they do.
    exact = compared_known(0, top(p, 4), KnownTop(top(p, 4, 0.005).tokens, 4))
    assert exact.total_variation.low > 0.0


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.0, 5e-3]))
def test_tokens_with_equal_texts_are_compared_as_texts(
    seed: int, known_a: int, known_b: int, rounding: float
) -> None:
    """The truth is the distance of what the texts get; a list may name one of two tokens that look alike."""
    noise = np.random.default_rng(seed)
    p, q = (row - np.logaddexp.reduce(row) for row in noise.normal(0, 2, (2, 12)))
    texts = [str(one) for one in noise.integers(0, 8, 12)]

    def listed(log_probs: np.ndarray, known: int) -> KnownTop:
        plain = top(log_probs, known, rounding, ids=False)
        return KnownTop(
            tuple(KnownToken(texts[int(one.token)], one.logprob) for one in plain.tokens), 12, rounding
        )

    found = compared_known(0, listed(p, known_a), listed(q, known_b))
    by_text = np.zeros((2, 8))
    for place, text in enumerate(texts):
        by_text[:, int(text)] += np.exp(p[place]), np.exp(q[place])
    a, b = by_text
    distance = 0.5 * np.abs(a - b).sum()
    used = a > 0
    middle = (a + b) / 2
    jsd = sum(0.5 * float((one[used] * np.log(one[used] / middle[used])).sum()) for one in (a, b))
    assert found.total_variation.low - 1e-9 <= distance <= found.total_variation.high + 1e-9
    assert found.kl_ab.low <= float((a[used] * np.log(a[used] / b[used])).sum()) + 1e-9
    assert found.jsd.low - 1e-9 <= jsd <= found.jsd.high + 1e-9
    same = compared_known(0, listed(p, known_a), listed(p, known_b))
    assert (same.total_variation.low, same.kl_ab.low) == (0.0, 0.0)


def test_more_positions_than_are_held_are_refused_before_they_are_read(monkeypatch) -> None:
    from importlib import import_module

    monkeypatch.setattr(import_module("retort.lens.compare"), "MOST_LOGITS", 100)
    a, b = MockSource(20), MockSource(20, seed=1)
    with pytest.raises(InputError, match="6 positions, and at most 5 of 20 logits"):
        compare(a, b, ["w1 w2 w3", "w4 w5 w6"])
    assert a.forward_rows == 0
    assert compare(a, a, ["w1 w2 w3", "w4 w5 w6"], "top_k=2", "top_k=3").positions  # one text at a time
