"""Whole texts with a draft: equal to those without (coupled), of the same law (residual), in fewer passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from mock_source import MockSource
from retort.chain import Chain
from retort.distribution import log_softmax
from retort.errors import CapabilityError, InputError
from retort.sampling import SamplingParams, Speculation, generate
from retort.sampling.speculative import METHODS, Method, RoundCounts
from retort.transforms.context import Context


class NearSource(MockSource):
    """A draft for `target`: its logits with noise of standard deviation `spread` added."""

    def __init__(self, target: MockSource, spread: float = 0.7, **settings: object) -> None:
        super().__init__(target.vocab_size, spread=spread, seed=99, **settings)  # type: ignore[arg-type]
        self.target = target

    def logits_of(self, prefix: Sequence[int]) -> np.ndarray:
        return self.target.logits_of(prefix) + super().logits_of(prefix)


REQUESTS = [
    ("the sky is", SamplingParams(temperature=0.8, seed=1, max_tokens=9)),
    ("a pear", SamplingParams(temperature=0.0, seed=2, max_tokens=5)),
    ("the sky is", SamplingParams(temperature=1.5, top_p=0.8, seed=1, max_tokens=12)),
    ("w3 w4 w5 w6", SamplingParams(chain=Chain.parse("top_k=4 | temperature=2"), seed=9, max_tokens=7)),
    ("the sky is", SamplingParams(temperature=0.8, seed=1, max_tokens=1)),
    ("the sky is", SamplingParams(temperature=0.8, seed=5, max_tokens=30, stop=("w7",))),
    ("w1 w2", SamplingParams(presence_penalty=1.5, seed=5, max_tokens=20)),
    ("w1 w2", SamplingParams(mirostat=2, mirostat_tau=2.0, seed=5, max_tokens=20)),
    ("w3", SamplingParams(xtc_probability=0.5, xtc_threshold=0.1, seed=6, max_tokens=20)),
]
PROMPTS, PARAMS = [prompt for prompt, _ in REQUESTS], [params for _, params in REQUESTS]


def source_of(vocab_size: int = 30) -> MockSource:
    return MockSource(vocab_size, end_bias=-2.0)


@pytest.mark.parametrize("num_tokens", [1, 2, 5])
@pytest.mark.parametrize("kind", ["same", "near", "unlike"])
def test_coupled_texts_are_those_without_a_draft(kind: str, num_tokens: int) -> None:
    target = source_of()
    drafts = {"same": source_of(), "near": NearSource(target), "unlike": MockSource(30, seed=5)}
    rounds: list[tuple[int, int, int]] = []
    draft = Speculation(drafts[kind], num_tokens, on_round=lambda *numbers: rounds.append(numbers))
    plain = generate(target, PROMPTS, PARAMS, n=2)
    target.passes = 0
    assert generate(target, PROMPTS, PARAMS, n=2, draft=draft) == plain
    longest = max(len(text.ids) for text in plain)
    drafted, accepted = sum(d for _, d, _ in rounds), sum(a for _, _, a in rounds)
    if kind == "same":
        assert accepted == drafted
        assert target.passes == 1 + -(-(longest - 1) // (num_tokens + 1))
    else:
        assert 0 < accepted < drafted
        assert target.passes <= longest
    for index, text in enumerate(plain):
        mine = [(d, a) for i, d, a in rounds if i == index]
        # Every pass gives what stood and one token; a text may end before the last of them.
        given = sum(a + 1 for _, a in mine)
        assert given - mine[-1][1] <= len(text.ids) <= given
        assert mine[0] == (0, 0)
        assert all(d <= num_tokens for d, _ in mine)


@pytest.mark.parametrize("method", METHODS)
def test_a_text_does_not_depend_on_its_batch(method: Method) -> None:
    target = source_of()
    draft = Speculation(NearSource(target), 3, method)
    together = generate(target, PROMPTS, PARAMS, n=2, draft=draft)
    for index, (prompt, params) in enumerate(REQUESTS):
        for number in range(2):
            alone = generate(target, prompt, params.with_seed(params.seed + number), draft=draft)
            assert alone == [together[2 * index + number]]
    assert together == generate(target, PROMPTS, PARAMS, n=2, draft=draft, max_rows=3)


@pytest.mark.parametrize(
    "chain",
    [
        "temperature=1.3",
        "presence_penalty=1 | temperature=0.9",
        "mirostat(version=2, tau=1, eta=0.5)",
        "xtc(probability=0.4, threshold=0.2) | temperature=1.2",
    ],
)
def test_residual_texts_have_the_law_of_the_target(chain: str) -> None:
    """G-test of 2,500 texts of three tokens over a vocabulary of three, through the whole loop; level 1e-5."""
    target = MockSource(3, ends=False)
    params = SamplingParams(chain=Chain.parse(chain), max_tokens=3, seed=0)
    draft = Speculation(NearSource(target, 1.5), 2, "residual")
    texts = generate(target, "w1", params, n=2_500, draft=draft, max_rows=2_500)
    counts, expected = np.zeros((3, 3, 3)), np.zeros((3, 3, 3))
    for text in texts:
        counts[text.ids] += 1
    for ids in np.ndindex(expected.shape):
        expected[ids] = probability(target, params.resolved_chain, ids)
    assert expected.sum() == pytest.approx(1.0)
    assert counts[expected == 0].sum() == 0
    live = expected > 0
    assert stats.power_divergence(counts[live], 2_500 * expected[live], lambda_=0).pvalue > 1e-5
    plain = generate(target, "w1", params, n=100)
    assert [text.ids for text in plain] != [text.ids for text in texts[:100]]


def probability(source: MockSource, chain: Chain, ids: Sequence[int]) -> float:
    """Of the text `ids` after "w1", step by step by the chain; a coin of XTC is averaged over its two outcomes."""
    total, state = 1.0, None
    for place, token in enumerate(ids):
        history = [*source.encode("w1"), *ids[:place]]
        logits = source.logits_of(history).astype(np.float64)[None]
        outcomes = [(1.0, 0.0)] if "noise" not in chain.needs else [(0.4, 0.0), (0.6, 0.99)]
        step = 0.0
        for share, coin in outcomes:
            context = Context([history], [1], lambda stream, coin=coin: np.array([coin]), [state])
            step += share * float(np.exp(log_softmax(chain.apply(logits, context=context)))[0, token])
        total *= step
        if total > 0:
            (state,) = chain.update([state], [token], logits, context)
    return total


def test_pieces_and_tokens_come_in_order() -> None:
    target = source_of()
    shown: list[str] = []
    tokens: list[int] = []
    (text,) = generate(
        target,
        "w1",
        SamplingParams(seed=3, max_tokens=20),
        draft=NearSource(target),
        on_token=lambda _, token: tokens.append(token.id),
        on_text=lambda _, piece: shown.append(piece),
    )
    assert "".join(shown) == text.text
    assert tuple(tokens) == text.ids


@pytest.mark.parametrize("vocab_size", [25, 40])
def test_a_draft_with_another_padding_of_the_vocabulary_changes_no_text(vocab_size: int) -> None:
    """Tokens that the draft lacks stop its drafting, and those that it has too many of never come."""
    target = source_of(30)
    prompts = [prompt for prompt in PROMPTS if max(target.encode(prompt)) < 25]
    params = SamplingParams(max_tokens=15, seed=3)

    class Other(MockSource):
        def encode(self, text: str) -> list[int]:
            return target.encode(text)

    draft = Other(vocab_size, seed=target.seed, end_bias=-2.0)
    for method in METHODS:
        texts = generate(target, prompts, params, n=4, draft=Speculation(draft, 3, method))
        assert max(max(text.ids) for text in texts) >= 25
        if method == "coupled":
            assert texts == generate(target, prompts, params, n=4)


def test_counts_are_of_passes_judged_and_standing_tokens() -> None:
    counts = RoundCounts()
    assert (counts.acceptance, counts.tokens_per_pass) == (None, 1.0)
    for drafted, accepted in ((0, 0), (3, 3), (3, 1), (2, 0)):
        counts(0, drafted, accepted)
    assert counts == RoundCounts(target_passes=4, drafted=8, judged=6, accepted=4)
    assert (counts.acceptance, counts.tokens_per_pass) == (4 / 6, 2.0)


class OneByOne(MockSource):
    """Its decoder reads one token at a time."""

    def start(self, prompts: Sequence[Sequence[int]]) -> object:  # type: ignore[override]
        decoder = super().start(prompts)
        return type("Plain", (), {"logits": decoder.logits, "advance": decoder.advance})()


def test_drafts_that_cannot_serve_are_refused() -> None:
    target, params = source_of(), SamplingParams(max_tokens=20)
    with pytest.raises(CapabilityError, match="mock:30 reads one token at a time"):
        generate(target, "w1", params, draft=OneByOne(30))
    with pytest.raises(InputError, match="max_tokens is 20, but mock:30 reads at most 10"):
        generate(target, "w1", params, draft=MockSource(30, max_context=10))
    with pytest.raises(InputError, match="does not read the prompt's tokens"):
        generate(target, "w9", params, draft=MockSource(5))
    with pytest.raises(InputError, match="num_tokens must be a whole number of 1 or more, got 0"):
        Speculation(target, 0)
    with pytest.raises(InputError, match="method must be one of coupled, residual, got 'x'"):
        Speculation(target, 1, "x")  # type: ignore[arg-type]
