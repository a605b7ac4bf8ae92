"""`look` on a source that knows its top tokens only: the whole model's numbers lie in the intervals."""

from __future__ import annotations

import math

import pytest

from lens.top_source import TopSource
from mock_source import MockSource
from retort.chain.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.lens.look import look
from retort.lens.near_ties import partial_near_ties
from retort.lens.partial_look import PartialLook
from retort.sources.base import KnownToken, KnownTop

TEMPERATURES = (0, 0.5, 1, 2)


def test_the_whole_model_lies_inside() -> None:
    known = look(TopSource(50, 20), "w1 w2", TEMPERATURES, Chain("temperature=2 | top_k=10 | top_p=0.8"))
    whole = look(
        MockSource(50, ends=False), "w1 w2", TEMPERATURES, Chain("temperature=2 | top_k=10 | top_p=0.8")
    )
    assert isinstance(known, PartialLook)
    assert (known.known, known.known_tokens, known.vocabulary, known.vocabulary_at_most) == (
        "top_n",
        20,
        50,
        50,
    )
    assert known.margin == pytest.approx(whole.margin)
    for mine, truth in zip(known.rows, whole.rows, strict=True):
        assert mine.entropy_low - 1e-9 <= truth.entropy_nats <= mine.entropy_high + 1e-9
        assert mine.effective_support_low <= truth.effective_support + 1e-9
        for token, exact in zip(mine.top, truth.top, strict=True):
            assert (token.token, token.id) == (exact.token, exact.id)
            assert token.prob_low - 1e-9 <= exact.prob <= token.prob_high + 1e-9
    assert [(s.stage, s.kept, s.removed) for s in known.chain.stages] == [
        (s.stage, s.kept, s.removed) for s in whole.chain.stages
    ]
    assert known.chain.entropy_low == known.chain.entropy_high == pytest.approx(whole.chain.entropy_nats)
    assert [t.prob_low for t in known.chain.top] == pytest.approx([t.prob for t in whole.chain.top])


def test_a_chain_that_cuts_nothing_keeps_the_intervals() -> None:
    found = look(TopSource(50, 20), "w1", [1], Chain("temperature=2"))
    assert found.chain.kept == 50
    assert found.chain.entropy_low < found.chain.entropy_high
    assert math.exp(found.chain.entropy_high) == pytest.approx(found.chain.effective_support_high)


def test_what_cannot_be_decided_is_refused() -> None:
    with pytest.raises(CapabilityError, match="top_k=30"):
        look(TopSource(50, 20), "w1", [1], Chain("top_k=30"))
    with pytest.raises(InputError, match="no temperature"):
        look(TopSource(50, 20), "w1", [])


def row(*logprobs: float, rounding: float, noise_scale: float = 1e-4):
    tokens = tuple(KnownToken(f"t{place}", value, None) for place, value in enumerate(logprobs))
    return partial_near_ties(KnownTop(tokens, 50, rounding), noise_scale)


def test_a_near_tie_is_told_where_the_rounding_lets_it() -> None:
    assert row(-1.0, -1.5, rounding=5e-5) == ((), False)
    ties, near = row(-1.0, -1.00002, -1.5, rounding=1e-6)
    assert near is True and [tie.token for tie in ties] == ["t1"]
    assert (ties[0].margin_low, ties[0].margin_high) == pytest.approx((1.8e-5, 2.2e-5))
    assert ties[0].flip_risk_low < 0.5 * math.erfc(0.2 / math.sqrt(2)) < ties[0].flip_risk_high


def test_a_near_tie_that_the_rounding_hides_is_left_open() -> None:
    ties, near = row(-1.0, -1.0001, rounding=5e-5)  # a gap between 0 and 2e-4, against noise of 1e-4
    assert near is None and (ties[0].margin_low, ties[0].margin_high) == pytest.approx((0.0, 2e-4))
    assert row(-1.0, rounding=5e-5) == ((), None)  # the second token is not known


def test_near_ties_of_the_top_are_those_of_the_whole() -> None:
    known = look(TopSource(50, 20), "w1 w2", noise_scale=0.8)
    whole = look(MockSource(50, ends=False), "w1 w2", noise_scale=0.8)
    assert known.near_tie and whole.near_tie and known.noise_scale == 0.8
    assert [(tie.token, tie.id) for tie in known.near_ties] == [
        (tie.token, tie.id) for tie in whole.near_ties
    ]
    assert [tie.flip_risk_low for tie in known.near_ties] == pytest.approx(
        [tie.flip_risk for tie in whole.near_ties]
    )
