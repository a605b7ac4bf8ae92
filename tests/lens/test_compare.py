"""`compare`: two models by hand, two chains, the temperature between them, and bounds where one side is a server."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lens.top_source import TopSource
from mock_source import MockSource
from retort.chain.chain import Chain
from retort.errors import InputError
from retort.lens.compare import compare, compare_measures
from retort.lens.partial_compare import compare_partial, partial_measures


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
        assert place.kl_ab == pytest.approx(0.25 * math.log(2))
        assert place.kl_ba == pytest.approx(0.25 * math.log(2))
        assert place.total_variation == pytest.approx(0.25)
        assert place.entropy_a == pytest.approx(1.5 * math.log(2))
        assert (place.top_a, place.top_b, place.parted) == (" w0", " w1", True)
    assert found.first_parted == (0, 0)
    assert found.totals.parted == 1
    assert found.totals.total_variation == pytest.approx(0.25)


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
        assert math.isinf(place.kl_ab) == bool(kept_a - kept_b)
        assert place.top_b == source.token_text(int(after.argmax()))
    assert (found.chain_a, found.chain_b) == ("top_k=3", "repetition_penalty=2 | top_k=3")
    assert found.totals.equivalent_temperature is None


def test_equal_models_are_equal() -> None:
    found = compare(MockSource(20), MockSource(20), ["w1 w2"])
    assert all((p.kl_ab, p.kl_ba, p.total_variation, p.parted) == (0, 0, 0, False) for p in found.positions)


def test_many_positions_are_compared_in_parts() -> None:
    text = " ".join(f"w{i % 20}" for i in range(150))
    found = compare(MockSource(20), MockSource(20, seed=1), [text])
    assert [p.position for p in found.positions] == list(range(150))
    a, b = (
        MockSource(20, seed=seed).logits_of(MockSource(20).encode(text)).astype(np.float64) for seed in (0, 1)
    )
    p, q = (np.exp(z) / np.exp(z).sum() for z in (a, b))
    assert found.positions[-1].kl_ab == pytest.approx((p * np.log(p / q)).sum())


def test_refuses_models_without_common_tokens_and_no_prompts() -> None:
    with pytest.raises(InputError, match="do not share their tokens"):
        compare(MockSource(20), MockSource(21), ["w1"])
    for function in (compare, compare_partial):
        with pytest.raises(InputError, match="no prompts"):
            function(MockSource(20), MockSource(20), [])


@pytest.mark.parametrize("seen", [3, 20, 40])
def test_the_truth_is_inside_the_bounds_of_a_server(seen) -> None:
    other = MockSource(40, ends=False, seed=1)
    prompts = ["w1", "w2 w3", "w9"]
    known = compare_partial(TopSource(40, seen), other, prompts)
    whole = compare(MockSource(40, ends=False), other, prompts)
    last = [next(p for p in reversed(whole.positions) if p.prompt == n) for n in range(3)]
    for mine, exact in zip(known.positions, last, strict=True):
        assert mine.total_variation_low - 1e-9 <= exact.total_variation <= mine.total_variation_high + 1e-9
        assert mine.kl_ab_low <= exact.kl_ab + 1e-9 and mine.kl_ba_low <= exact.kl_ba + 1e-9
        assert (mine.common, mine.parted) == (seen, exact.parted)
        if seen == 40:
            assert mine.total_variation_high == pytest.approx(exact.total_variation)
            assert mine.kl_ab_low == pytest.approx(exact.kl_ab)


def test_measures_for_conditions() -> None:
    whole = compare_measures(compare(Fixed(0.5, 0.5), Fixed(0.25, 0.75), ["w1"]))
    assert whole["total_variation"] == whole["mean_total_variation"] == pytest.approx([0.25])
    known = partial_measures(compare_partial(TopSource(9, 3), MockSource(9, ends=False), ["w1"]))
    assert known["parted"] == [0.0]
    assert known["total_variation"][0][0] == pytest.approx(0.0, abs=1e-9)
