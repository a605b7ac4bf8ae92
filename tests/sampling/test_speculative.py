"""Speculative decoding: by hand on four tokens, the law of what comes out, and the texts of whole decoding loops.

G-tests compare the joint counts of whole texts with the target's exact law; their p-values must exceed LEVEL, so with
the fixed seeds each passes or fails for ever, and a right method would fail one in 100,000 choices of seed. The known
wrong method, a fresh draw from p after a refusal, is kept here and fails by far.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from retort.chain import Chain
from retort.distribution import log_softmax
from retort.errors import InputError
from retort.sampling import SamplingParams, gumbel_at, sample, speculative
from retort.sampling.speculative import (
    METHODS,
    Draft,
    Judged,
    Method,
    Verdict,
    coupled_chance,
    coupled_rate,
    judge_residual,
    residual_rate,
    verify,
)

LEVEL = 1e-5
NO_MASS = -np.inf

# Rows are the token before; every table has five tokens. Drafts: near the target, unlike it, with zeros where the
# target has mass, and with no token in common.
TARGET = np.log([[0.4, 0.3, 0.15, 0.1, 0.05], [0.1, 0.2, 0.3, 0.2, 0.2], [0.05, 0.05, 0.1, 0.7, 0.1],
                 [0.25, 0.25, 0.2, 0.2, 0.1], [0.6, 0.1, 0.1, 0.1, 0.1]])  # fmt: skip
with np.errstate(divide="ignore"):
    HALF_TARGET = np.log(np.where(np.arange(5) < 3, np.exp(TARGET), 0.0))
    DRAFTS = {
        "near": TARGET + 0.3 * np.random.default_rng(0).normal(size=(5, 5)),
        "unlike": TARGET[::-1, ::-1],
        "zeros": np.log(np.where((np.arange(5) + np.arange(5)[:, None]) % 2, np.exp(TARGET), 0.0)),
        "disjoint": np.log(np.tile([0.0, 0.0, 0.0, 0.3, 0.7], (5, 1))),
    }
CHAINS = [
    "temperature=0.7",
    "temperature=1.6 | top_k=3",
    "top_p=0.8 | temperature=2",
    "min_p=0.3",
    "temperature=0",
]


def decode(
    target: np.ndarray,
    draft: np.ndarray,
    params: SamplingParams,
    *,
    method: Method,
    seeds: Sequence[int],
    length: int,
    num_draft: int,
    draft_params: SamplingParams | None = None,
) -> tuple[np.ndarray, int, int]:
    """`[n, length]` tokens of texts drawn round by round over tables of next-token logits; drafted and accepted."""
    texts: list[list[int]] = [[] for _ in seeds]
    drafted = accepted = 0
    going = list(range(len(texts)))
    while going:
        before = [texts[i][-1] if texts[i] else 0 for i in going]
        position = [len(texts[i]) for i in going]
        proposed = np.empty((len(going), 0), dtype=np.int64)
        for step in range(num_draft):
            last = before if step == 0 else proposed[:, -1]
            drawn = sample(
                draft[last], draft_params or params, [seeds[i] for i in going], [at + step for at in position]
            )
            proposed = np.column_stack([proposed, drawn.ids])
        contexts = np.column_stack([before, proposed])
        verdicts = verify(
            list(target[contexts]),
            [
                Draft(ids, params, draft[context[:-1]], draft_params, seeds[i], start)
                for i, ids, context, start in zip(going, proposed.tolist(), contexts, position, strict=True)
            ],
            method=method,
        )
        for i, verdict in zip(going, verdicts, strict=True):
            texts[i] += verdict.tokens.ids.tolist()
            drafted, accepted = drafted + num_draft, accepted + verdict.accepted
        going = [i for i in going if len(texts[i]) < length]
    return np.array([text[:length] for text in texts]), drafted, accepted


def law(target: np.ndarray, params: SamplingParams, length: int) -> np.ndarray:
    """`[5 ** length]` exact probability of every text, by multiplying the chain's next-token probabilities."""
    steps = np.exp(log_softmax(params.resolved_chain.apply(target)))
    texts = itertools.product(range(len(target)), repeat=length)
    return np.array(
        [math.prod(steps[a, b] for a, b in zip((0, *text[:-1]), text, strict=True)) for text in texts]
    )


def g_test(texts: np.ndarray, probs: np.ndarray) -> float:
    """p-value of the G-test of whole texts against their exact probabilities; 0 if an impossible text came.

    Texts with fewer than 5 expected are pooled.
    """
    place = np.ravel_multi_index(tuple(texts.T), (5,) * texts.shape[1])
    counts = np.bincount(place, minlength=len(probs))
    if counts[probs == 0].any():
        return 0.0
    expected = probs * len(texts)
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    counts, expected = counts[expected > 0], expected[expected > 0]
    if len(counts) == 1:
        return 1.0
    return float(stats.power_divergence(counts, expected * counts.sum() / expected.sum(), lambda_=0).pvalue)


def test_four_tokens_by_hand() -> None:
    """p = (½, ¼, 3/20, 1/10), q uniform: token 2 stands with 3/5; what is left of p - q is on token 0 alone."""
    p, q = np.log([[0.5, 0.25, 0.15, 0.1]]), np.log([[0.25] * 4])

    def judge(drafted: int, coin: float, pick: float) -> Judged:
        return judge_residual(p, q, np.array([drafted]), np.array([coin]), np.array([pick]))

    assert judge(2, 0.599, 0.5).ids.tolist() == [2]
    assert judge(2, 0.601, 0.5).ids.tolist() == [0]
    assert judge(3, 0.399, 0.5).stands.tolist() == [True]
    assert judge(3, 0.401, 1 - 2**-53).ids.tolist() == [0]
    assert judge(0, 1 - 2**-53, 0.5).stands.tolist() == [True]
    # p - q = (-, 1/10, -, 3/10) leaves a quarter to token 1 and the rest to token 3.
    p, q = np.log([[0.1, 0.3, 0.1, 0.5]]), np.log([[0.3, 0.2, 0.3, 0.2]])
    assert [judge(0, 0.9, pick).ids.tolist() for pick in (2**-53, 0.249, 0.251, 1 - 2**-53)] == [
        [1],
        [1],
        [3],
        [3],
    ]


def test_equal_distributions_refuse_nothing_and_disjoint_ones_everything() -> None:
    rows = log_softmax(np.random.default_rng(0).normal(size=(50, 9)))
    ids, high = np.arange(50) % 9, np.full(50, 1 - 2**-53)
    assert judge_residual(rows, rows + 1e-17, ids, high, high).stands.all()
    left, right = rows.copy(), rows.copy()
    left[:, 4:], right[:, :4] = -np.inf, -np.inf
    judged = judge_residual(log_softmax(left), log_softmax(right), np.full(50, 6), np.full(50, 2**-53), high)
    assert not judged.stands.any()
    assert set(judged.ids.tolist()) == {3}  # the last token of the residual, not one beyond it


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("chain", CHAINS)
def test_coupled_text_is_the_text_without_a_draft(draft: str, chain: str) -> None:
    params = SamplingParams(chain=Chain.parse(chain))
    texts, _, _ = decode(
        TARGET, DRAFTS[draft], params, method="coupled", seeds=range(100), length=6, num_draft=3
    )
    last = np.zeros(100, dtype=np.int64)
    for position in range(6):
        last = sample(TARGET[last], params, seeds=range(100), positions=position).ids
        assert np.array_equal(texts[:, position], last)


@pytest.mark.parametrize(
    ("draft", "chain"),
    [
        ("near", CHAINS[0]),
        ("unlike", CHAINS[1]),
        ("zeros", CHAINS[2]),
        ("disjoint", CHAINS[3]),
        ("near", CHAINS[4]),
        ("unlike", CHAINS[3]),
        ("zeros", CHAINS[1]),
        ("disjoint", CHAINS[0]),
    ],
)
def test_law_of_residual_texts_is_the_targets(draft: str, chain: str) -> None:
    """G-test of 5,000 texts of three tokens, drawn in rounds of two draft tokens."""
    params = SamplingParams(chain=Chain.parse(chain))
    texts, drafted, accepted = decode(
        TARGET, DRAFTS[draft], params, method="residual", seeds=range(5_000), length=3, num_draft=2
    )
    assert g_test(texts, law(TARGET, params, 3)) > LEVEL
    assert 0 < accepted < drafted or draft == "disjoint" or chain == "temperature=0"


@pytest.mark.parametrize("method", METHODS)
def test_law_holds_where_draft_and_target_have_other_settings(method: Method) -> None:
    """A hot target with a cold draft, cut to three tokens of which the target has cut one; 5,000 texts."""
    params = SamplingParams(chain=Chain.parse("temperature=1.8 | top_k=4"))
    colder = SamplingParams(chain=Chain.parse("temperature=0.6 | top_k=3"))
    texts, _, accepted = decode(
        TARGET,
        DRAFTS["unlike"],
        params,
        method=method,
        seeds=range(5_000),
        length=3,
        num_draft=2,
        draft_params=colder,
    )
    assert g_test(texts, law(TARGET, params, 3)) > LEVEL
    assert accepted > 0


def test_the_test_sees_a_law_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a refusal a fresh draw from p instead of the residual: the favourites of the target come too often."""

    def without_residual(
        p: np.ndarray, q: np.ndarray, ids: np.ndarray, coins: np.ndarray, picks: np.ndarray
    ) -> Judged:
        judged = judge_residual(p, q, ids, coins, picks)
        fresh = (np.cumsum(np.exp(p), axis=-1) <= picks[:, None]).sum(axis=-1).clip(max=4)
        return Judged(judged.stands, np.where(judged.stands, ids, fresh), judged.log_ratio, judged.log_coin)

    monkeypatch.setattr(speculative, "judge_residual", without_residual)
    params = SamplingParams(chain=Chain.parse("temperature=0.7"))
    for draft, seen in (("unlike", 1e-50), ("zeros", 1e-50)):
        texts, _, _ = decode(
            TARGET, DRAFTS[draft], params, method="residual", seeds=range(5_000), length=3, num_draft=2
        )
        assert g_test(texts, law(TARGET, params, 3)) < seen, draft


def test_the_test_sees_a_coin_that_is_the_drafts_own_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coin from the noise that drew the draft token is not independent of it."""
    params = SamplingParams(chain=Chain.parse("temperature=0.7"))

    def same_noise(seeds: Sequence[int], positions: Sequence[int], stream: int) -> np.ndarray:
        return np.exp(-np.exp(-gumbel_at(seeds, positions, 0)))

    monkeypatch.setattr(speculative, "uniform_at", same_noise)
    texts, _, _ = decode(
        TARGET, DRAFTS["unlike"], params, method="residual", seeds=range(5_000), length=3, num_draft=2
    )
    assert g_test(texts, law(TARGET, params, 3)) < 1e-8


@pytest.mark.parametrize("method", METHODS)
def test_rates_are_the_shares_that_stand(method: Method) -> None:
    """Draft tokens that stand, of 5,000 for each draft: within 4.5 standard deviations of the exact rate."""
    params = SamplingParams()
    for draft in DRAFTS.values():
        rate = {"residual": residual_rate, "coupled": coupled_rate}[method](
            log_softmax(TARGET[0]), log_softmax(draft[0])
        )
        _, drafted, accepted = decode(
            np.tile(TARGET[0], (5, 1)),
            np.tile(draft[0], (5, 1)),
            params,
            method=method,
            seeds=range(5_000),
            length=1,
            num_draft=1,
        )
        deviation = math.sqrt(rate * (1 - rate) / drafted)
        assert abs(accepted / drafted - rate) <= 4.5 * deviation


def test_rates_are_their_formulas_and_keep_their_bounds() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        z, w = rng.normal(0, 2, (2, 8))
        z[rng.random(8) < 0.2], w[rng.random(8) < 0.2] = -np.inf, -np.inf
        z[0] = w[1] = 0.0
        z[3] = w[3] = 1.0  # never without a token in common
        p, q = np.exp(log_softmax(z)), np.exp(log_softmax(w))
        both = [i for i in range(8) if p[i] > 0 and q[i] > 0]
        sums = {i: sum(max(p[j] / p[i], q[j] / q[i]) for j in range(8)) for i in both}
        rate = coupled_rate(log_softmax(z), log_softmax(w))
        assert rate == pytest.approx(sum(1 / total for total in sums.values()), rel=1e-12)
        distance = np.abs(p - q).sum() / 2
        assert residual_rate(log_softmax(z), log_softmax(w)) == pytest.approx(1 - distance, rel=1e-12)
        assert (1 - distance) / (1 + distance) - 1e-12 <= rate <= 1 - distance + 1e-12
        live = np.flatnonzero(q > 0)
        chances = coupled_chance(
            np.tile(log_softmax(z), (len(live), 1)), np.tile(log_softmax(w), (len(live), 1)), live
        )
        assert (q[live] * chances).sum() == pytest.approx(rate, rel=1e-12)
    same = log_softmax(z)
    assert coupled_rate(same, same) == pytest.approx(1.0)


def texts_of(verdicts: list[Verdict]) -> list[list[int]]:
    return [verdict.tokens.ids.tolist() for verdict in verdicts]


@pytest.mark.parametrize("method", METHODS)
def test_every_number_is_of_the_targets_distribution(method: Method) -> None:
    """Mixed settings and lengths of drafts, none among them; each text as if alone."""
    rng = np.random.default_rng(5)
    chains = ["temperature=0.7 | top_p=0.9", "temperature=0", "top_k=3", "min_p=0.1 | temperature=2", ""]
    drafts, target_logits = [], []
    for text, chain in enumerate(chains * 4):
        params = SamplingParams(chain=Chain.parse(chain), seed=100 + text)
        count = text % 4
        logits = rng.normal(0, 1.5, (count, 11)).astype(np.float32)
        target_logits.append(
            np.concatenate([logits + rng.normal(0, 1.5, (count, 11)), rng.normal(size=(1, 11))])
        )
        ids = [int(sample(row, params, positions=7 + place).ids[0]) for place, row in enumerate(logits)]
        drafts.append(Draft(ids, params, logits, position=7))
    verdicts = verify(target_logits, drafts, method=method)
    refused = 0
    for rows, draft, verdict in zip(target_logits, drafts, verdicts, strict=True):
        (alone,) = verify([rows], [draft], method=method)
        assert texts_of([alone]) == texts_of([verdict])
        count = verdict.accepted + 1
        assert verdict.tokens.ids[: verdict.accepted].tolist() == list(draft.ids)[: verdict.accepted]
        assert len(verdict.tokens) == len(verdict.acceptance) == count
        refused += verdict.accepted < len(draft.ids)
        plain = sample(rows[:count], [draft.params] * count, positions=range(7, 7 + count))
        processed = draft.params.resolved_chain.apply(rows[:count].astype(np.float64))
        each, ids = np.arange(count), verdict.tokens.ids
        np.testing.assert_allclose(verdict.tokens.logprob_raw, log_softmax(rows)[each, ids], rtol=1e-12)
        np.testing.assert_allclose(
            verdict.tokens.logprob_processed, log_softmax(processed)[each, ids], atol=1e-12
        )
        for name in ("log_kept_mass", "entropy"):
            assert np.array_equal(getattr(verdict.tokens, name), getattr(plain, name))
        if method == "coupled":
            assert np.array_equal(ids, plain.ids)
            assert np.array_equal(verdict.tokens.margin, plain.margin)
        judged = min(count, len(draft.ids))
        assert np.isfinite(verdict.acceptance[:judged]).all()
        assert np.isnan(verdict.acceptance[judged:]).all()
    assert 4 < refused < 15


def test_margin_of_a_coin_is_what_the_target_could_move() -> None:
    """Lower the draft token in the target (not its normaliser) by a little less than the margin: it still stands."""
    params = SamplingParams(temperature=2.0, seed=3)
    p, q = np.log([0.3, 0.3, 0.4]), np.log([0.5, 0.3, 0.2])
    token = int(sample(q, params).ids[0])
    (verdict,) = verify([np.tile(p, (2, 1))], [Draft([token], params, q[None])], method="residual")
    coin = speculative.uniform_at([3], [0], speculative.STREAM_ACCEPT)[0]
    target, draft = (log_softmax(row, 2.0)[token] for row in (p, q))
    assert verdict.tokens.margin[0] == pytest.approx(2.0 * abs(target - draft - math.log(coin)), rel=1e-12)


def test_coupled_needs_no_draft_logits() -> None:
    params = SamplingParams(seed=2)
    rows = np.random.default_rng(1).normal(size=(4, 6))
    right = sample(rows, [params] * 4, positions=range(4)).ids.tolist()
    (all_stand,) = verify([rows], [Draft(right[:3], params)])
    assert (all_stand.accepted, texts_of([all_stand])) == (3, [right])
    guess = [right[0], (right[1] + 1) % 6, right[2]]
    (one_stands,) = verify([rows], [Draft(guess, params)])
    assert (one_stands.accepted, texts_of([one_stands])) == (1, [right[:2]])
    assert np.isnan(one_stands.acceptance).all()


ROWS, ONE = np.zeros((2, 4)), np.zeros((1, 4))


@pytest.mark.parametrize(
    ("rows", "draft", "method", "words"),
    [
        (
            ROWS,
            Draft([1], SamplingParams(), ONE),
            "guess",
            "method must be one of coupled, residual, got 'guess'",
        ),
        (
            ONE,
            Draft([1], SamplingParams(), ONE),
            "coupled",
            r"text 0 has 1 draft tokens.*\[2, vocab\]; got \(1, 4\)",
        ),
        (ROWS, Draft([4], SamplingParams(), ONE), "coupled", "ids from 0 to 3"),
        (ROWS, Draft([1], SamplingParams()), "residual", "needs the draft's logits"),
        (ROWS, Draft([1], SamplingParams(), ROWS), "residual", r"must be \[1, 4\].*got \(2, 4\)"),
        (ROWS, Draft([1], SamplingParams(top_k=1), ONE), "residual", "draft token 1 has probability 0"),
    ],
)
def test_drafts_that_do_not_fit_are_refused(
    rows: np.ndarray, draft: Draft, method: Method, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        verify([rows], [draft], method=method)


def test_no_texts_give_no_verdicts() -> None:
    assert verify([], []) == []
    with pytest.raises(InputError, match="1 texts and 0 drafts"):
        verify([ROWS], [])
