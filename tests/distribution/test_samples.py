"""Measures of sets of samples: repeats, diversity, flip risk, re-weighting. By hand, then by listing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from retort.chain import Chain
from retort.distribution import (
    agreement,
    check_support,
    distinct_n,
    flip_risk,
    identical_share,
    importance_weights,
    log_softmax,
    n_gram_similarity,
    noise_scale,
    pass_at_k,
    pass_hat_k,
    risk_of_gaps,
    self_bleu,
    semantic_distinct,
    swap_risk,
    text_flip_risk,
    vendi_score,
)
from retort.errors import InputError


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_measures_equal_listing_every_subset(outcomes: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(outcomes)))
    counts = (len(outcomes), sum(outcomes), k)
    assert pass_at_k(*counts) == pytest.approx(reference.pass_at_k(outcomes, k))
    assert pass_hat_k(*counts) == pytest.approx(reference.pass_hat_k(outcomes, k))


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=9))
def test_agreement_equals_listing_every_pair(answers: list[str]) -> None:
    assert agreement(answers) == pytest.approx(reference.agreement(answers))


def test_repeats_by_hand_and_errors() -> None:
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3) == pass_hat_k(10, 3, 1)
    assert identical_share([["a", "a"], ["a", "b"], ["c", "c"], ["d", "d"]]) == 0.75
    for bad in ((3, 4, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0)):
        for measure in (pass_at_k, pass_hat_k):
            with pytest.raises(InputError):
                measure(*bad)
    with pytest.raises(InputError, match="at least two answers"):
        agreement(["a"])
    with pytest.raises(InputError):
        identical_share([["a"], []])


def test_distinct_n() -> None:
    texts = [["a", "b", "a", "b"], ["a", "b"]]
    assert distinct_n(texts, 1) == pytest.approx(2 / 6)
    # ab, ba, ab of the first and ab of the second.
    assert distinct_n(texts, 2) == pytest.approx(2 / 4)
    assert distinct_n([["a"]], 2) == 0.0
    with pytest.raises(InputError):
        distinct_n(texts, 0)


def test_self_bleu() -> None:
    assert self_bleu([[1, 2, 3, 4, 5]] * 3) == pytest.approx(1.0)
    assert self_bleu([[1, 2], [3, 4]]) == 0.0
    # Unigrams 2/3, bigrams smoothed (1+1)/(2+1), equal lengths; the same from either side.
    assert self_bleu([[1, 2, 3], [1, 2, 4]], max_order=2) == pytest.approx(2 / 3)
    # A short text is penalised: e^{1 - 4/2} for two words against four; the long one keeps 2/4 and (1+1)/(3+1).
    expected = (math.exp(-1) + 0.5) / 2
    assert self_bleu([[1, 2], [1, 2, 3, 4]], max_order=2) == pytest.approx(expected)
    assert self_bleu([[], [1]]) == 0.0
    with pytest.raises(InputError, match="at least two"):
        self_bleu([[1]])


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=2, max_size=6))
def test_self_bleu_equals_comparing_every_text_with_the_others(texts: list[list[str]]) -> None:
    def bleu(text: list[str], others: list[list[str]]) -> float:
        logs = []
        for n in range(1, 5):
            grams = [tuple(text[start : start + n]) for start in range(len(text) - n + 1)]
            ours = {gram: grams.count(gram) for gram in grams}
            matches = 0
            for gram, count in ours.items():
                most = max(
                    sum(tuple(other[at : at + n]) == gram for at in range(len(other) - n + 1))
                    for other in others
                )
                matches += min(count, most)
            if n == 1 and matches == 0:
                return 0.0
            logs.append(math.log((matches + (n > 1)) / (len(grams) + (n > 1))) / 4)
        nearest = min((len(other) for other in others), key=lambda length: (abs(length - len(text)), length))
        return math.exp(min(0.0, 1 - nearest / len(text)) + sum(logs))

    every = [bleu(text, texts[:i] + texts[i + 1 :]) for i, text in enumerate(texts)]
    assert self_bleu(texts) == pytest.approx(sum(every) / len(texts))


def test_n_gram_similarity_by_hand() -> None:
    # red, cat, red cat against red, dog, red dog: one of three in common; "cat" is one of the three.
    found = n_gram_similarity([["red", "cat"], ["red", "dog"], ["cat"], [], []])
    third = 1 / math.sqrt(3)
    expected = [
        [1, 1 / 3, third, 0, 0],
        [1 / 3, 1, 0, 0, 0],
        [third, 0, 1, 0, 0],
        [0, 0, 0, 1, 1],
        [0, 0, 0, 1, 1],
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert 1 < vendi_score(found) < 4 and semantic_distinct(found, 0.5) == 3
    with pytest.raises(InputError):
        n_gram_similarity([["a"]], 0)


def test_vendi_score() -> None:
    assert vendi_score(np.eye(5)) == pytest.approx(5)
    assert vendi_score(np.ones((5, 5))) == pytest.approx(1)
    # Two groups of copies, three and one: exp of the entropy of (3/4, 1/4).
    groups = np.array([0, 0, 0, 1])
    expected = math.exp(reference.entropy([0.75, 0.25]))
    assert vendi_score(groups[:, None] == groups) == pytest.approx(expected)
    for bad, message in (
        (np.zeros((2, 3)), "square"),
        ([[1.0, 0.2], [0.9, 1.0]], "symmetric"),
        ([[2.0, 0.0], [0.0, 2.0]], "ones on its diagonal"),
        ([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]], "positive semidefinite"),
    ):
        with pytest.raises(InputError, match=message):
            vendi_score(bad)


def test_semantic_distinct_links_chains_of_likeness() -> None:
    kernel = np.eye(4)
    kernel[0, 1] = kernel[1, 0] = kernel[1, 2] = kernel[2, 1] = 0.8
    assert semantic_distinct(kernel, 0.7) == 2
    assert semantic_distinct(kernel, 0.9) == 4
    assert semantic_distinct(kernel, 0.0) == 1


def test_flip_risk_of_one_rival_is_the_swap_risk() -> None:
    risks = swap_risk([0.0, 1.0, 1.959964, 50.0], 1.0)
    np.testing.assert_allclose(risks, [0.5, 0.158655, 0.025, 0.0], atol=1e-6)
    np.testing.assert_allclose(
        flip_risk([[3.0, 3.0 - gap] for gap in (0.0, 1.0, 1.959964, 50.0)], 1.0), risks
    )
    assert swap_risk(3.919928, 2.0) == pytest.approx(0.025, abs=1e-6)
    assert swap_risk([0.0, 1e-9], 0.0).tolist() == [0.5, 0.0]
    assert flip_risk([[0.0, 0.0], [1e-9, 0.0]], 0.0).tolist() == [0.5, 0.0]


def test_flip_risk_counts_every_rival() -> None:
    """n tied tokens: each is the best with chance 1/n. A hundred rivals at a swap risk of 0.08: 0.68 (issue 16)."""
    for noise in (0.0, 1e-4, 1.0):
        assert flip_risk([2.0] * 5, noise) == pytest.approx(0.8)
    hundred = [1.405072e-4, *[0.0] * 100]
    assert swap_risk(hundred[0], 1e-4) == pytest.approx(0.08, abs=1e-5)
    assert flip_risk(hundred, 1e-4) == pytest.approx(0.6823, abs=1e-4)
    assert risk_of_gaps([1.405072e-4], 1e-4, [100]) == pytest.approx(flip_risk(hundred, 1e-4))
    assert flip_risk([1.0, -math.inf], 1.0) == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_flip_risk_is_what_noise_does(seed: int) -> None:
    """Monte Carlo, 100,000 draws of noise: within 4.5 standard errors, an error rate of 7e-6 a case."""
    generator = np.random.default_rng(seed)
    logits = -generator.exponential(size=[2, 4, 30, 300][seed])
    draws = 100_000
    moved = np.concatenate(
        [
            logits + generator.normal(size=(1000, len(logits))) * 0.7 / math.sqrt(2)
            for _ in range(draws // 1000)
        ]
    )
    flipped = np.mean(moved.argmax(axis=-1) != logits.argmax())
    risk = float(flip_risk(logits, 0.7))
    assert abs(flipped - risk) < 4.5 * math.sqrt(risk * (1 - risk) / draws)


def test_risk_of_a_text_and_what_is_refused() -> None:
    assert text_flip_risk([0.1, 0.2]) == pytest.approx(1 - 0.9 * 0.8)
    # 1 - (1 - r)^n loses a risk of 1e-18 entirely; the sum of logarithms does not.
    assert text_flip_risk([1e-18] * 10) == pytest.approx(1e-17)
    assert text_flip_risk([0.3, 1.0]) == 1.0 and text_flip_risk([]) == 0.0
    for bad in (-1.0, math.nan, math.inf):
        for risk in (flip_risk, swap_risk):
            with pytest.raises(InputError, match="noise"):
                risk([1.0], bad)
    with pytest.raises(InputError, match="margins"):
        swap_risk([-1.0], 1.0)
    with pytest.raises(InputError, match="gaps"):
        risk_of_gaps([-1.0], 1.0)
    with pytest.raises(InputError, match="risks"):
        text_flip_risk([1.5])


def test_noise_scale_recovers_the_noise_it_was_given() -> None:
    """Noise of deviation s on each logit is s·√2 on a gap; 20,000 positions give it to about 1 %, tested to 4 %."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(20_000, 8)) * 5
    replayed = logits + generator.normal(size=logits.shape) * 0.01
    assert noise_scale(logits, replayed) == pytest.approx(0.01 * math.sqrt(2), rel=0.04)
    assert noise_scale(logits, logits + 3.0) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(InputError, match="shape"):
        noise_scale(logits, logits[:5])


def test_importance_weights_by_hand() -> None:
    result = importance_weights(np.log([0.2, 0.1, 0.1]), np.log([0.1, 0.1, 0.2]))
    np.testing.assert_allclose(result.weights, np.array([2, 1, 0.5]) / 3.5)
    assert result.effective_sample_size == pytest.approx(3.5**2 / (4 + 1 + 0.25))
    assert result.mean_weight == pytest.approx(3.5 / 3)
    by_position = importance_weights(np.log([[0.5, 0.4], [0.1, 1.0]]), np.log([[0.5, 0.2], [0.1, 1.0]]))
    np.testing.assert_allclose(by_position.weights, [2 / 3, 1 / 3])
    same = importance_weights([-1e4, -2e4], [-1e4, -2e4])
    assert same.effective_sample_size == pytest.approx(2)


def test_importance_weights_are_right_on_average() -> None:
    """50,000 draws at τ = 1 re-weighted to τ = 0.7 give the exact mean within 5 standard errors."""
    logits = np.array([1.0, 0.0, -0.5, 2.0])
    source, target = log_softmax(logits), log_softmax(logits, 0.7)
    draws = np.random.default_rng(1).choice(4, size=50_000, p=np.exp(source))
    result = importance_weights(target[draws], source[draws])
    estimate = result.weights[draws == 3].sum()
    error = math.sqrt(0.25 / result.effective_sample_size)
    assert abs(estimate - np.exp(target)[3]) < 5 * error
    assert abs(np.mean(draws == 3) - np.exp(target)[3]) > 5 * error


def test_importance_weights_refuse_what_cannot_be_told() -> None:
    with pytest.raises(InputError, match="worth only 1"):
        importance_weights([0.0] + [-30.0] * 99, [-30.0] + [-0.01] * 99)
    with pytest.raises(InputError, match="setting that drew it"):
        importance_weights([-1.0], [-math.inf])
    with pytest.raises(InputError, match="none of these samples is possible"):
        importance_weights([-math.inf], [-1.0])
    with pytest.raises(InputError, match="one shape"):
        importance_weights([-1.0], [-1.0, -2.0])


def test_check_support() -> None:
    logits = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    wide, narrow = Chain("top_k=3").apply(logits), Chain("top_k=1").apply(logits)
    check_support(narrow, wide)
    with pytest.raises(InputError, match="allows 4 tokens"):
        check_support(wide, narrow)
