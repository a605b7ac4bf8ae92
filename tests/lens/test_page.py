"""A passage says of every token what `generate`, the chain and the measures say, drawn or given."""

from __future__ import annotations

import numpy as np
import pytest
from tests.mock_source import MockSource

from retort.chain import Chain
from retort.distribution import Distribution, flip_risk, log_softmax
from retort.errors import InputError
from retort.lens.page import pair, passage
from retort.sampling import SamplingParams, generate

CHAIN = Chain("temperature=1.3 | top_k=6 | top_p=0.8")
PROMPT = "w1 w2"


@pytest.fixture(scope="module")
def source() -> MockSource:
    return MockSource(40, ends=False)


def test_the_text_is_generates(source: MockSource) -> None:
    params = SamplingParams(chain=CHAIN, seed=5, max_tokens=12)
    (expected,) = generate(source, PROMPT, params)
    found = passage(source, PROMPT, max_tokens=12, chain=CHAIN, seed=5)
    assert (found.text, tuple(one.id for one in found.tokens)) == (expected.text, expected.ids)
    assert found.finish_reason == expected.finish_reason
    for one, drawn in zip(found.tokens, expected.tokens, strict=True):
        assert float(one.logprob_raw) == pytest.approx(drawn.logprob_raw, abs=1e-12)
        assert float(one.logprob_processed) == pytest.approx(drawn.logprob_processed, abs=1e-12)
        assert float(one.kept_mass) == pytest.approx(drawn.kept_mass, abs=1e-12)
        assert float(one.entropy_processed_nats) == pytest.approx(drawn.entropy_nats, abs=1e-12)
        assert not one.given and one.removed_by is None


@pytest.mark.parametrize(
    "chain",
    [
        "presence_penalty=1.5",
        "frequency_penalty=0.5 | dry(multiplier=2, base=1.75, allowed_length=1, last_n=-1) | temperature=1.5",
        "xtc(probability=0.5, threshold=0.1)",
        "mirostat(version=2, tau=1.5, eta=0.6)",
        "top_k=20 | adaptive_p(target=0.3)",
    ],
)
def test_stages_that_look_back_throw_coins_or_remember_are_generates(source: MockSource, chain: str) -> None:
    (expected,) = generate(source, PROMPT, SamplingParams(chain=Chain(chain), seed=3, max_tokens=12))
    found = passage(source, PROMPT, max_tokens=12, chain=Chain(chain), seed=3)
    assert tuple(one.id for one in found.tokens) == expected.ids
    for one, drawn in zip(found.tokens, expected.tokens, strict=True):
        assert float(one.logprob_processed) == pytest.approx(drawn.logprob_processed, abs=1e-9)
    given = passage(source, PROMPT, expected.ids[:6], max_tokens=12, chain=Chain(chain), seed=3)
    assert tuple(one.id for one in given.tokens) == expected.ids


def test_a_given_token_names_the_stage_that_would_have_removed_it(source: MockSource) -> None:
    logits = source.logits_of(source.encode(PROMPT)).astype(np.float64)
    order = np.argsort(-logits, kind="stable")
    kept_by_k, removed_by_k = int(order[5]), int(order[6])
    for token, stage in ((kept_by_k, "top_p=0.8"), (removed_by_k, "top_k=6"), (int(order[0]), None)):
        (one,) = passage(source, PROMPT, [token], max_tokens=1, chain=CHAIN).tokens
        assert (one.given, one.removed_by) == (True, stage)
        assert (one.logprob_processed is None) == (stage is not None)
        assert one.rank == 1 + order.tolist().index(token)
    raw = Distribution(logits)
    assert float(one.entropy_nats) == pytest.approx(float(raw.entropy))
    assert float(one.margin) == pytest.approx(float(raw.margin))
    assert [alternative.id for alternative in one.alternatives] == order[:8].tolist()
    assert float(one.alternatives[0].prob_raw) == pytest.approx(float(raw.probs.max()))


def test_a_branch_goes_on_where_it_was_told(source: MockSource) -> None:
    whole = passage(source, PROMPT, max_tokens=8, chain=CHAIN, seed=1)
    ids = [one.id for one in whole.tokens]
    other = next(token for token in range(40) if token != ids[3])
    branch = passage(source, PROMPT, [*ids[:3], other], max_tokens=8, chain=CHAIN, seed=1)
    assert [one.id for one in branch.tokens[:4]] == [*ids[:3], other]
    assert [one.given for one in branch.tokens] == [True] * 4 + [False] * 4
    same = passage(source, PROMPT, ids[:4], max_tokens=8, chain=CHAIN, seed=1)
    assert [one.id for one in same.tokens] == ids


def test_totals_and_ties() -> None:
    tied = MockSource(30, ties=True, ends=False)
    seen = []
    found = passage(
        tied,
        PROMPT,
        max_tokens=20,
        seed=2,
        noise_scale=0.5,
        on_token=lambda index, one: seen.append((index, one)),
    )
    assert seen == list(enumerate(found.tokens))
    assert float(found.totals.logprob_raw) == pytest.approx(
        sum(float(one.logprob_raw) for one in found.tokens)
    )
    assert float(found.totals.flip_risk) == pytest.approx(
        1 - np.prod([1 - float(one.flip_risk) for one in found.tokens])
    )
    assert any(float(one.margin) == 0 and float(one.flip_risk) >= 0.5 for one in found.tokens)
    assert float(found.tokens[0].flip_risk) == pytest.approx(
        float(flip_risk(tied.start([tied.encode(PROMPT)]).logits[0], 0.5))
    )


def test_an_end_token_ends_it_and_a_bad_request_is_refused() -> None:
    ends = MockSource(20, end_bias=50.0)
    assert passage(ends, PROMPT, max_tokens=9).finish_reason == "end"
    with pytest.raises(InputError, match="not in the vocabulary"):
        passage(MockSource(20, ends=False), PROMPT, [20, 1], max_tokens=4)


def test_pairs_are_comparable_where_the_tokens_are_the_same() -> None:
    a, b, other = MockSource(50), MockSource(50, seed=1), MockSource(60)
    assert pair(a, PROMPT, b, PROMPT).comparable
    assert not pair(a, PROMPT, other, PROMPT).comparable
    assert pair(a, PROMPT, b, PROMPT).spelled == ((), ())
    rows = a.forward_rows
    same = pair(a, PROMPT, a, PROMPT, Chain("top_k=3"), Chain("top_k=4"))
    assert a.forward_rows == rows + 1
    assert (same.a.chain, same.b.chain) == ("top_k=3", "top_k=4")
    assert same.a.logits == same.b.logits and same.a.rank_ids is not None


class Pieces(MockSource):
    """A mock whose tokens are the letters a to p and a space: " bad" is four of them."""

    LETTERS = " abcdefghijklmnop"

    def encode(self, text: str) -> list[int]:
        if any(one not in self.LETTERS for one in text):
            raise InputError("a letter is not in the alphabet")
        return [self.LETTERS.index(one) for one in text]

    def token_text(self, token_id: int) -> str:
        return self.LETTERS[token_id]


class Words(Pieces):
    """One whose tokens are words of these letters."""

    WORDS = (" bad", " a", " cab", " head", " zz", "d")

    def encode(self, text: str) -> list[int]:
        if any(f" {word}" not in self.WORDS for word in text.split()):
            raise InputError("a word is not in the vocabulary")
        return [self.WORDS.index(f" {word}") for word in text.split()]

    def token_text(self, token_id: int) -> str:
        return self.WORDS[token_id]


def test_a_token_of_another_vocabulary_is_found_in_its_pieces() -> None:
    letters, words = Pieces(17, ends=False), Words(6, ends=False)
    found = pair(letters, " cab", words, " cab")
    assert not found.comparable
    spelled = {one.text: one for one in found.spelled[0]}
    # "zz" is not in the alphabet; "d" is a token of both.
    assert set(spelled) == {" bad", " a", " cab", " head"}
    assert spelled[" bad"].tokens == (" ", "b", "a", "d")
    so_far = letters.encode(" cab")
    total = 0.0
    for token in letters.encode(" bad"):
        total += float(log_softmax(letters.logits_of(so_far).astype(np.float64))[token])
        so_far.append(token)
    assert spelled[" bad"].logprob == pytest.approx(total, abs=1e-9)
    assert found.spelled[1] == (), "no letter alone can be written in whole words"
