"""`look`: rows worked by hand, the order of tokens, what a chain leaves, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lens.top_source import TopSource
from mock_source import MockSource
from retort.chain.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.lens.look import look
from retort.sources.base import KnownToken, KnownTop
from retort.sources.chat import Message


class FourTokens(MockSource):
    """Logits ln 4, ln 2, ln 1, -inf: probabilities 4/7, 2/7, 1/7 and 0 at τ = 1; 16/21, 4/21, 1/21 at τ = 1/2."""

    def __init__(self) -> None:
        super().__init__(4)

    def logits_of(self, prefix):
        return np.array([math.log(1), math.log(4), -math.inf, math.log(2)], dtype=np.float64)


def test_four_tokens_by_hand() -> None:
    found = look(FourTokens(), "w1", [1, 0.5])
    one, half = found.rows
    assert [token.id for token in one.top] == [1, 3, 0]  # the token that cannot come is not listed
    assert [float(token.prob) for token in one.top] == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert [float(token.prob) for token in half.top] == pytest.approx([16 / 21, 4 / 21, 1 / 21])
    assert [float(token.logprob) for token in half.top] == pytest.approx(np.log([16 / 21, 4 / 21, 1 / 21]))
    assert [token.logit for token in half.top] == pytest.approx(np.log([4, 2, 1]))
    entropy = -sum(p * math.log(p) for p in (4 / 7, 2 / 7, 1 / 7))
    assert float(one.entropy_nats) == pytest.approx(entropy)
    assert float(one.effective_support) == pytest.approx(math.exp(entropy))
    assert float(found.margin) == pytest.approx(math.log(2))
    assert (found.vocabulary, found.known, found.model, found.chain) == (4, "full", "mock:4", None)


def test_the_processed_distribution_is_what_the_chain_leaves_renormalised() -> None:
    chain = look(FourTokens(), "w1", [3], Chain("temperature=0.5 | top_k=2")).chain
    assert chain is not None
    assert (chain.spec, chain.kept) == ("temperature=0.5 | top_k=2", 2)
    assert [float(stage.kept_mass) for stage in chain.stages] == pytest.approx([1, 20 / 21])
    assert [float(token.prob) for token in chain.top] == pytest.approx([16 / 20, 4 / 20])
    assert [token.logit for token in chain.top] == pytest.approx(np.log([4, 2]))  # raw, not tempered
    assert float(chain.entropy_nats) == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)))


def test_a_real_sized_row_agrees_with_a_plain_softmax() -> None:
    source = MockSource(500, spread=4.0)
    logits = source.logits_of([1, 2]).astype(np.float64)
    for row in look(source, "w1 w2", [0.3, 1, 7], top=500).rows:
        weights = np.exp((logits - logits.max()) / row.temperature)
        probs = weights / weights.sum()
        assert [token.id for token in row.top] == list(np.argsort(-logits, kind="stable"))
        assert [float(token.prob) for token in row.top] == pytest.approx(np.sort(probs)[::-1], rel=1e-9)
        assert float(row.entropy_nats) == pytest.approx(-(probs * np.log(probs)).sum(), rel=1e-9)


def test_one_forward_pass_serves_every_temperature() -> None:
    source = MockSource()
    look(source, "w1", np.linspace(0, 2, 41), Chain("top_p=0.9"))
    assert source.forward_rows == 1


def test_refuses_what_it_cannot_show() -> None:
    source = MockSource()
    with pytest.raises(InputError, match="no temperature"):
        look(source, "w1", [])
    with pytest.raises(InputError, match="got 0"):
        look(source, "w1", [1], top=0)
    with pytest.raises(InputError, match="temperature"):
        look(source, "w1", [-1])
    with pytest.raises(CapabilityError, match="no chat template"):
        look(MockSource(), [Message("user", "w1")])


class Row(MockSource):
    """These logits, whatever comes before."""

    def __init__(self, *logits: float) -> None:
        super().__init__(len(logits))
        self.logits = np.array(logits, dtype=np.float64)

    def logits_of(self, prefix):
        return self.logits


def test_near_ties_are_the_tokens_within_the_noise_of_the_best() -> None:
    found = look(Row(1.0, 3.0 - 4e-5, 3.0, 3.0 - 1e-3, 3.0), "w1")
    assert found.near_tie and found.near_ties_total == 2
    assert [tie.id for tie in found.near_ties] == [4, 1]  # 2 is the best: of two equals the lower id
    assert [float(tie.margin) for tie in found.near_ties] == pytest.approx([0.0, 4e-5])
    assert [float(tie.flip_risk) for tie in found.near_ties] == pytest.approx(
        [0.5, 0.5 * math.erfc(0.4 / math.sqrt(2))]
    )
    assert found.near_ties[0].token == Row(0.0).token_text(4)


def test_no_near_tie_is_an_empty_list_and_the_noise_can_be_said() -> None:
    found = look(FourTokens(), "w1")
    assert (found.near_tie, found.near_ties, found.near_ties_total) == (False, (), 0)
    assert [tie.id for tie in look(FourTokens(), "w1", noise_scale=0.7).near_ties] == [3]
    flat = look(Row(*[0.0] * 250), "w1")
    assert (len(flat.near_ties), flat.near_ties_total) == (100, 249)


# A source that knows its top tokens only: the whole model's numbers lie in the intervals.

TEMPERATURES = (0, 0.5, 1, 2)


def test_the_whole_model_lies_inside() -> None:
    known = look(TopSource(50, 20), "w1 w2", TEMPERATURES, Chain("temperature=2 | top_k=10 | top_p=0.8"))
    whole = look(
        MockSource(50, ends=False), "w1 w2", TEMPERATURES, Chain("temperature=2 | top_k=10 | top_p=0.8")
    )
    assert (known.known, known.known_tokens, known.vocabulary, known.vocabulary_at_most) == (
        "top_n",
        20,
        50,
        50,
    )
    assert float(known.margin) == pytest.approx(float(whole.margin))
    for mine, truth in zip(known.rows, whole.rows, strict=True):
        assert mine.entropy_nats.low - 1e-9 <= float(truth.entropy_nats) <= mine.entropy_nats.high + 1e-9
        assert mine.effective_support.low <= float(truth.effective_support) + 1e-9
        for token, exact in zip(mine.top, truth.top, strict=True):
            assert (token.token, token.id) == (exact.token, exact.id)
            assert token.prob.low - 1e-9 <= float(exact.prob) <= token.prob.high + 1e-9
    assert [(s.stage, s.kept, s.removed) for s in known.chain.stages] == [
        (s.stage, s.kept, s.removed) for s in whole.chain.stages
    ]
    assert float(known.chain.entropy_nats) == pytest.approx(float(whole.chain.entropy_nats))
    assert [t.prob.low for t in known.chain.top] == pytest.approx([t.prob.low for t in whole.chain.top])


def test_a_chain_that_cuts_nothing_keeps_the_intervals() -> None:
    found = look(TopSource(50, 20), "w1", [1], Chain("temperature=2"))
    assert found.chain.kept == 50
    assert found.chain.entropy_nats.low < found.chain.entropy_nats.high
    assert math.exp(found.chain.entropy_nats.high) == pytest.approx(found.chain.effective_support.high)


def test_what_cannot_be_decided_is_refused() -> None:
    with pytest.raises(CapabilityError, match="top_k=30"):
        look(TopSource(50, 20), "w1", [1], Chain("top_k=30"))
    with pytest.raises(InputError, match="no temperature"):
        look(TopSource(50, 20), "w1", [])


def ends(value) -> tuple[float, float]:
    return value.low, value.high


def known_row(*logprobs: float, rounding: float) -> KnownTop:
    tokens = tuple(KnownToken(f"t{place}", value, None) for place, value in enumerate(logprobs))
    return KnownTop(tokens, 50, rounding)


class Told(TopSource):
    """These logprobs, whatever is asked."""

    def __init__(self, known: KnownTop) -> None:
        super().__init__(50, 3)
        self.told = known

    def next_tokens(self, prompt, count=None) -> KnownTop:
        return self.told


def test_a_near_tie_is_told_where_the_rounding_lets_it() -> None:
    found = look(Told(known_row(-1.0, -1.5, rounding=5e-5)), "w1")
    assert (found.near_tie, found.near_ties, found.near_ties_total) == (False, (), 0)
    found = look(Told(known_row(-1.0, -1.00002, -1.5, rounding=1e-6)), "w1")
    assert found.near_tie is True and [tie.token for tie in found.near_ties] == ["t1"]
    (tie,) = found.near_ties
    assert ends(tie.margin) == pytest.approx((1.8e-5, 2.2e-5)) == ends(found.margin)
    assert tie.flip_risk.low < 0.5 * math.erfc(0.2 / math.sqrt(2)) < tie.flip_risk.high


def test_a_near_tie_that_the_rounding_hides_is_left_open() -> None:
    found = look(Told(known_row(-1.0, -1.0001, rounding=5e-5)), "w1")
    assert found.near_tie is None and ends(found.near_ties[0].margin) == pytest.approx((0.0, 2e-4))
    alone = look(Told(known_row(-1.0, rounding=5e-5)), "w1")  # the second token is not known
    assert alone.near_tie is None and alone.near_ties == ()


def test_near_ties_of_a_long_list_are_counted_beyond_those_that_are_listed() -> None:
    found = look(Told(KnownTop(tuple(KnownToken(f"t{i}", -6.0, i) for i in range(150)), 500)), "w1")
    assert (len(found.near_ties), found.near_ties_total) == (100, 149)


def test_near_ties_of_the_top_are_those_of_the_whole() -> None:
    known = look(TopSource(50, 20), "w1 w2", noise_scale=0.8)
    whole = look(MockSource(50, ends=False), "w1 w2", noise_scale=0.8)
    assert known.near_tie and whole.near_tie and known.noise_scale == 0.8
    assert [(tie.token, tie.id) for tie in known.near_ties] == [
        (tie.token, tie.id) for tie in whole.near_ties
    ]
    assert [tie.flip_risk.low for tie in known.near_ties] == pytest.approx(
        [tie.flip_risk.low for tie in whole.near_ties]
    )
