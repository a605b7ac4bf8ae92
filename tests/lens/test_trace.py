"""`trace`: four tokens by hand, a plain oracle, one pass for a given text, and the same text as `generate`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lens.top_source import TopSource
from mock_source import MockSource
from retort.chain.chain import Chain
from retort.distribution import flip_risk
from retort.errors import CapabilityError, InputError
from retort.lens.trace import trace
from retort.sampling.generate import generate
from retort.sampling.params import SamplingParams
from retort.sources.base import Capability
from retort.sources.chat import Message


class FourTokens(MockSource):
    """Probabilities 4/7 (id 1), 2/7 (id 3), 1/7 (id 0) and 0 (id 2), after every prefix."""

    def __init__(self) -> None:
        super().__init__(4, ends=False)

    def logits_of(self, prefix):
        return np.array([math.log(1), math.log(4), -math.inf, math.log(2)], dtype=np.float64)


def test_four_tokens_by_hand() -> None:
    found = trace(FourTokens(), "w1", " w3 w0", chain=Chain("temperature=0.5 | top_k=2"))
    first, second = found.tokens
    assert [(t.token, t.id, t.rank, t.best) for t in found.tokens] == [
        (" w3", 3, 2, " w1"),
        (" w0", 0, 3, " w1"),
    ]
    assert float(first.logprob_raw) == pytest.approx(math.log(2 / 7))
    assert float(first.logprob_processed) == pytest.approx(math.log(4 / 20))
    assert (second.logprob_processed, second.removed_by, first.removed_by) == (None, "top_k=2", None)
    assert float(first.entropy_nats) == pytest.approx(-sum(p * math.log(p) for p in (4 / 7, 2 / 7, 1 / 7)))
    assert float(first.entropy_processed_nats) == pytest.approx(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)))
    assert (float(first.margin), first.kept, float(first.kept_mass)) == pytest.approx(
        (math.log(2), 2, 20 / 21)
    )
    assert float(first.best_prob) == pytest.approx(4 / 7)
    totals = found.totals
    assert float(totals.logprob_raw) == pytest.approx(math.log(2 / 49))
    assert float(totals.perplexity) == pytest.approx(math.exp(-math.log(2 / 49) / 2))
    assert (totals.tokens, totals.logprob_processed, totals.removed) == (2, None, 1)
    assert (found.given, found.text, found.chain) == (True, " w3 w0", "temperature=0.5 | top_k=2")


def test_flip_risk_is_that_of_all_rivals() -> None:
    found = trace(FourTokens(), "w1", " w3", noise_scale=0.5)
    logits = FourTokens().logits_of([1])
    assert float(found.tokens[0].flip_risk) == pytest.approx(float(flip_risk(logits, 0.5)))
    # More than the chance that the runner-up alone overtakes, which the old code gave.
    assert float(found.tokens[0].flip_risk) > 0.5 * math.erfc(math.log(2) / (0.5 * math.sqrt(2)))
    assert float(found.totals.flip_risk) == pytest.approx(float(found.tokens[0].flip_risk))


def test_a_long_text_agrees_with_a_plain_softmax_row_by_row() -> None:
    source = MockSource(30, ends=False)
    words = [f"w{(7 * i) % 30}" for i in range(150)]  # more than are described at a time
    found = trace(source, "w5", " " + " ".join(words))
    ids = source.encode("w5 " + " ".join(words))
    assert len(found.tokens) == 150
    for i, token in enumerate(found.tokens):
        logits = source.logits_of(ids[: i + 1]).astype(np.float64)
        probs = np.exp(logits) / np.exp(logits).sum()
        assert token.id == ids[i + 1]
        assert float(token.logprob_raw) == pytest.approx(math.log(probs[token.id]))
        assert token.rank == 1 + int((probs > probs[token.id]).sum())
        assert float(token.entropy_nats) == pytest.approx(-(probs * np.log(probs)).sum())


def test_ties_stand_by_id() -> None:
    class Tied(MockSource):
        def logits_of(self, prefix):
            return np.zeros(self.vocab_size)

    found = trace(Tied(4, ends=False), "w1", " w2 w0")
    assert [token.rank for token in found.tokens] == [3, 1]
    assert float(found.tokens[0].flip_risk) == pytest.approx(0.75)


def test_margin_and_flip_risk_are_those_after_bias_and_penalties() -> None:
    both = Chain("logit_bias(0: 20, 1: 20) | temperature=0")
    found = trace(FourTokens(), "w1", " w3", chain=both, noise_scale=1e-4)
    assert float(found.tokens[0].margin) == pytest.approx(math.log(4))
    tied = Chain(f"logit_bias(3: {math.log(2)!r}) | temperature=0")
    token = trace(FourTokens(), "w1", " w3", chain=tied, noise_scale=1e-4).tokens[0]
    assert float(token.margin) == pytest.approx(0, abs=1e-12) and float(token.flip_risk) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "spec",
    [
        "temperature=0.8 | top_p=0.9",
        "repetition_penalty=1.3 | temperature=1.2",
        "presence_penalty(1.5, scope=output)",
        "xtc(probability=0.5, threshold=0.05)",
        "mirostat(version=2, tau=1.5, eta=0.6)",
    ],
)
def test_a_drawn_text_is_the_one_that_generate_draws(spec) -> None:
    chain = Chain(spec)
    found = trace(MockSource(20, end_bias=-2), "w1 w2", max_tokens=12, chain=chain, seed=5)
    (sample,) = generate(
        MockSource(20, end_bias=-2), "w1 w2", SamplingParams(chain=chain, seed=5, max_tokens=12)
    )
    assert tuple(token.id for token in found.tokens) == sample.ids
    assert found.text == sample.text
    for mine, theirs in zip(found.tokens, sample.tokens, strict=True):
        assert float(mine.logprob_raw) == pytest.approx(theirs.logprob_raw)
        assert float(mine.logprob_processed) == pytest.approx(theirs.logprob_processed)
        assert float(mine.entropy_processed_nats) == pytest.approx(theirs.entropy_nats)
        assert mine.removed_by is None
    # The same text, given: in one pass where the chain remembers nothing.
    given = trace(MockSource(20, end_bias=-2), "w1 w2", found.text, chain=chain, seed=5)
    assert [token.id for token in given.tokens] == [token.id for token in found.tokens][: len(given.tokens)]
    for mine, theirs in zip(given.tokens, found.tokens, strict=False):
        assert float(mine.logprob_processed) == pytest.approx(float(theirs.logprob_processed))


def test_without_a_chain_the_drawn_text_is_greedy() -> None:
    found = trace(MockSource(20, ends=False), "w1", max_tokens=5)
    assert [token.rank for token in found.tokens] == [1] * 5
    assert (found.given, found.chain, found.seed) == (False, None, None)


def test_measures_for_conditions() -> None:
    measures = trace(FourTokens(), "w1", " w3 w0").measures()
    assert [float(rank) for rank in measures["rank"]] == [2, 3]
    assert {"entropy", "margin", "logprob", "flip_risk", "perplexity", "removed", "kept_mass"} <= set(
        measures
    )


def test_refuses_an_empty_text() -> None:
    with pytest.raises(InputError, match="the text is empty"):
        trace(FourTokens(), "w1", "")
    with pytest.raises(InputError, match="the text is empty"):
        trace(TopSource(9, 3), "w1", "")


def test_a_source_of_top_tokens_bounds_what_it_does_not_know() -> None:
    chain = Chain("top_k=3 | temperature=0.7")
    text = " w3 w11 w40 w7 w2"
    known, whole = (
        trace(source, "w1", text, chain=chain) for source in (TopSource(50, 10), MockSource(50, ends=False))
    )
    assert type(known) is type(whole) and (known.known, whole.known) == ("top_n", "full")
    for mine, exact in zip(known.tokens, whole.tokens, strict=True):
        assert (mine.token, mine.best, mine.kept) == (exact.token, exact.best, exact.kept)
        assert mine.entropy_nats.low - 1e-9 <= float(exact.entropy_nats) <= mine.entropy_nats.high + 1e-9
        assert float(mine.margin) == pytest.approx(float(exact.margin))
        assert mine.removed_by == exact.removed_by
        assert float(mine.entropy_processed_nats) == pytest.approx(float(exact.entropy_processed_nats))
        if exact.removed_by is None:
            assert float(mine.logprob_processed) == pytest.approx(float(exact.logprob_processed))
        else:
            assert mine.logprob_processed is None is exact.logprob_processed
        if mine.rank is None:
            assert exact.rank > 10 and float(exact.logprob_raw) <= mine.logprob_raw.high
            assert mine.logprob_raw.low == -math.inf
        else:
            assert mine.rank == exact.rank
            assert float(mine.logprob_raw) == pytest.approx(float(exact.logprob_raw))
    assert known.totals.unknown == sum(token.rank > 10 for token in whole.tokens) > 0
    assert known.totals.logprob_raw.low == -math.inf
    assert known.totals.logprob_raw.high >= float(whole.totals.logprob_raw)


def test_a_chain_that_cuts_nothing_bounds_what_it_draws_from() -> None:
    chain = Chain("temperature=1.6")
    second = TopSource(50, 30).next_tokens("w1").tokens[1].token
    known, whole = (
        trace(source, "w1", second, chain=chain) for source in (TopSource(50, 30), MockSource(50, ends=False))
    )
    for mine, exact in zip(known.tokens, whole.tokens, strict=True):
        assert mine.logprob_processed.low < float(exact.logprob_processed) < mine.logprob_processed.high


def test_the_greedy_text_of_a_source_of_top_tokens() -> None:
    known, whole = (
        trace(source, "w1", max_tokens=6) for source in (TopSource(50, 10), MockSource(50, ends=False))
    )
    assert [token.token for token in known.tokens] == [token.token for token in whole.tokens]
    assert known.text == whole.text
    assert float(known.totals.logprob_raw) == pytest.approx(float(whole.totals.logprob_raw))


def test_an_undecided_chain_is_left_open_and_a_conversation_refused() -> None:
    found = trace(TopSource(50, 3), "w1", " w3", chain=Chain("top_p=0.99"))
    (token,) = found.tokens
    assert (token.kept, token.kept_mass, token.removed_by) == (None, None, None)
    assert (token.logprob_processed, token.entropy_processed_nats) == (None, None)
    source = TopSource(50, 3)
    assert source.capability is Capability.TOP_N
    with pytest.raises(CapabilityError, match="give the prompt as text"):
        trace(source, [Message("user", "hi")])


def test_the_last_token_that_a_chain_keeps_and_the_first_that_it_removes() -> None:
    source = TopSource(50, 10)
    ranked = [token.token for token in source.next_tokens("w1").tokens]
    for rank, removed_by in ((3, None), (4, "top_k=3")):
        (token,) = trace(source, "w1", ranked[rank - 1], chain=Chain("top_k=3")).tokens
        assert (token.rank, token.removed_by) == (rank, removed_by)
