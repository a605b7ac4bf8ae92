"""`look` on a source that knows its top tokens only: the whole model's numbers lie in the intervals."""

from __future__ import annotations

import math

import pytest

from lens.top_source import TopSource
from mock_source import MockSource
from retort.distribution.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.lens.look import look
from retort.lens.partial_look import PartialLook

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
