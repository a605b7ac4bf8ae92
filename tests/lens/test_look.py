"""`look`: rows worked by hand, the order of tokens, what a chain leaves, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mock_source import MockSource
from retort.chain.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.lens.look import full_look, look
from retort.sources.base import Capability
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
    assert [token.prob for token in one.top] == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert [token.prob for token in half.top] == pytest.approx([16 / 21, 4 / 21, 1 / 21])
    assert [token.logprob for token in half.top] == pytest.approx(np.log([16 / 21, 4 / 21, 1 / 21]))
    assert [token.logit for token in half.top] == pytest.approx(np.log([4, 2, 1]))
    entropy = -sum(p * math.log(p) for p in (4 / 7, 2 / 7, 1 / 7))
    assert one.entropy_nats == pytest.approx(entropy)
    assert one.effective_support == pytest.approx(math.exp(entropy))
    assert found.margin == pytest.approx(math.log(2))
    assert (found.vocabulary, found.known, found.model, found.chain) == (4, "full", "mock:4", None)


def test_the_processed_distribution_is_what_the_chain_leaves_renormalised() -> None:
    chain = look(FourTokens(), "w1", [3], Chain("temperature=0.5 | top_k=2")).chain
    assert chain is not None
    assert (chain.spec, chain.kept) == ("temperature=0.5 | top_k=2", 2)
    assert [stage.kept_mass for stage in chain.stages] == pytest.approx([1, 20 / 21])
    assert [token.prob for token in chain.top] == pytest.approx([16 / 20, 4 / 20])
    assert [token.logit for token in chain.top] == pytest.approx(np.log([4, 2]))  # raw, not tempered
    assert chain.entropy_nats == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)))


def test_a_real_sized_row_agrees_with_a_plain_softmax() -> None:
    source = MockSource(500, spread=4.0)
    logits = source.logits_of([1, 2]).astype(np.float64)
    for row in look(source, "w1 w2", [0.3, 1, 7], top=500).rows:
        weights = np.exp((logits - logits.max()) / row.temperature)
        probs = weights / weights.sum()
        assert [token.id for token in row.top] == list(np.argsort(-logits, kind="stable"))
        assert [token.prob for token in row.top] == pytest.approx(np.sort(probs)[::-1], rel=1e-9)
        assert row.entropy_nats == pytest.approx(-(probs * np.log(probs)).sum(), rel=1e-9)


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
    source.capability = Capability.TOP_N
    with pytest.raises(CapabilityError, match="only its most probable tokens"):
        full_look(source, "w1", [1])
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
    found = full_look(Row(1.0, 3.0 - 4e-5, 3.0, 3.0 - 1e-3, 3.0), "w1")
    assert found.near_tie and found.near_ties_total == 2
    assert [tie.id for tie in found.near_ties] == [4, 1]  # 2 is the best: of two equals the lower id
    assert [tie.margin for tie in found.near_ties] == pytest.approx([0.0, 4e-5])
    assert [tie.flip_risk for tie in found.near_ties] == pytest.approx(
        [0.5, 0.5 * math.erfc(0.4 / math.sqrt(2))]
    )
    assert found.near_ties[0].token == Row(0.0).token_text(4)


def test_no_near_tie_is_an_empty_list_and_the_noise_can_be_said() -> None:
    found = full_look(FourTokens(), "w1")
    assert (found.near_tie, found.near_ties, found.near_ties_total) == (False, (), 0)
    assert [tie.id for tie in full_look(FourTokens(), "w1", noise_scale=0.7).near_ties] == [3]
    flat = full_look(Row(*[0.0] * 250), "w1")
    assert (len(flat.near_ties), flat.near_ties_total) == (100, 249)
