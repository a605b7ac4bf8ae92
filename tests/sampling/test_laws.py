"""Goodness of fit: tokens come at the rates that the processed logits say, for every transform, a million draws each.

A draw is `argmax(processed + noise)`; `sample` is held to that, token for token, on the first draws of each chain. So
one table of noise (1,000 neighbouring seeds × 1,000 neighbouring positions × the live tokens) serves all chains, and a
million draws of each cost little. Error rate: all G-tests of this file together would fail a right sampler in FAMILY of
the choices of FIRST_SEED (Bonferroni: each is done at FAMILY / their number). That the transforms themselves are right
is tested against oracles under tests/distribution.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from law_cases import CHAINS, HISTORY, LIVE, PROMPT_LENGTH, ROW, probabilities, processed_by_coin
from retort.sampling import SamplingParams, gumbel_at, sample
from retort.sampling.noise import uniform_at
from retort.transforms import TRANSFORMS
from retort.transforms.truncation import COIN_STREAM

FAMILY = 1e-4
FIRST_SEED = 20_261_124
SEEDS, POSITIONS = 1000, 1000
DRAWS = SEEDS * POSITIONS
CHECKED = 3000
"""Draws of each chain that `sample` is asked for, one by one."""


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """`[draws, live]` noise, one seed after the other."""
    seeds = np.repeat(np.arange(FIRST_SEED, FIRST_SEED + SEEDS), POSITIONS)[:, None]
    positions = np.tile(np.arange(POSITIONS), SEEDS)[:, None]
    return gumbel_at(seeds, positions, LIVE)


@pytest.fixture(scope="module")
def coins() -> np.ndarray:
    """`[draws]` the coin of each draw."""
    return uniform_at(
        np.repeat(np.arange(FIRST_SEED, FIRST_SEED + SEEDS), POSITIONS),
        np.tile(np.arange(POSITIONS), SEEDS),
        COIN_STREAM,
    )


def drawn(name: str, noise: np.ndarray, coins: np.ndarray) -> np.ndarray:
    """`[draws]` place in LIVE of the winner of each draw."""
    winners, start = np.empty(len(noise), dtype=np.int64), 0.0
    for end, processed in processed_by_coin(CHAINS[name]):
        here = slice(None) if (start, end) == (0.0, 1.0) else (coins >= start) & (coins < end)
        winners[here] = np.argmax(processed[LIVE] + noise[here], axis=-1)
        start = end
    return winners


def g_test(counts: np.ndarray, probs: np.ndarray) -> float:
    """p-value of the G-test; 0 if a token came that cannot."""
    if counts[probs == 0].any():
        return 0.0
    live = probs > 0
    if live.sum() == 1:
        return 1.0
    return float(stats.power_divergence(counts[live], probs[live] * counts.sum(), lambda_=0).pvalue)


NUM_TESTS = 3 * len(CHAINS)


def test_every_transform_is_tested() -> None:
    assert set(TRANSFORMS) <= set(CHAINS)
    plain = probabilities(CHAINS["none"])
    same = [name for name in CHAINS if name != "none" and np.allclose(probabilities(CHAINS[name]), plain)]
    assert same == []


@pytest.mark.parametrize("name", CHAINS)
def test_tokens_come_at_their_rates(name: str, noise: np.ndarray, coins: np.ndarray) -> None:
    """A million draws; and their first 20,000, all of few seeds, where a fault of a seed would show."""
    winners, probs = drawn(name, noise, coins), probabilities(CHAINS[name])
    for part in (winners, winners[:20_000]):
        assert g_test(np.bincount(part, minlength=len(LIVE)), probs) > FAMILY / NUM_TESTS


@pytest.mark.parametrize("name", CHAINS)
def test_neighbouring_draws_are_independent(name: str, noise: np.ndarray, coins: np.ndarray) -> None:
    """G-tests of independence between draws at neighbouring positions, and of neighbouring seeds; half a million pairs.

    Tokens rarer than one in 200 are put together.
    """
    probs = probabilities(CHAINS[name])
    kinds = np.where(probs >= 0.005, np.arange(len(LIVE)), len(LIVE))[drawn(name, noise, coins)].reshape(
        SEEDS, POSITIONS
    )
    for one, other in ((kinds[:, ::2], kinds[:, 1::2]), (kinds[::2], kinds[1::2])):
        table = np.zeros((len(LIVE) + 1, len(LIVE) + 1))
        np.add.at(table, (one.ravel(), other.ravel()), 1)
        table = table[table.any(axis=1)][:, table.any(axis=0)]
        if table.size > 1:
            assert stats.chi2_contingency(table, lambda_="log-likelihood").pvalue > FAMILY / NUM_TESTS / 2


@pytest.mark.parametrize("name", CHAINS)
def test_sample_gives_these_draws(name: str, noise: np.ndarray, coins: np.ndarray) -> None:
    """The sampler, whatever path it takes, on the first draws of three seeds."""
    drawn_by_us = np.array(LIVE)[drawn(name, noise[:CHECKED], coins[:CHECKED])]
    batch = sample(
        np.tile(ROW, (CHECKED, 1)),
        SamplingParams(chain=CHAINS[name]),
        seeds=np.repeat(np.arange(FIRST_SEED, FIRST_SEED + SEEDS), POSITIONS)[:CHECKED].tolist(),
        positions=np.tile(np.arange(POSITIONS), SEEDS)[:CHECKED].tolist(),
        history=[HISTORY] * CHECKED,
        prompt_lengths=[PROMPT_LENGTH] * CHECKED,
    )
    assert np.array_equal(batch.ids, drawn_by_us)


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("noise in steps of an eighth", lambda noise: np.round(noise * 8) / 8),
        ("noise too weak by 3 %", lambda noise: noise * 0.97),
        (
            "normal noise",
            lambda noise: stats.norm.ppf(np.exp(-np.exp(-noise[:100_000]))) * np.pi / np.sqrt(6),
        ),
        ("tokens of a pair that share noise", lambda noise: noise[:, [0, 0, 2, 3, 4, 5, 6, 7, 8]]),
    ],
)
def test_a_wrong_noise_is_noticed(
    fault: str, wrong: Callable[[np.ndarray], np.ndarray], noise: np.ndarray, coins: np.ndarray
) -> None:
    winners = drawn("none", wrong(noise), coins)
    assert g_test(np.bincount(winners, minlength=len(LIVE)), probabilities(CHAINS["none"])) < 1e-12, fault


def test_a_cut_that_is_one_token_short_is_noticed(noise: np.ndarray, coins: np.ndarray) -> None:
    """The draws of top_k=5 against the law of top_p=0.7, which keeps four."""
    right, wrong = probabilities(CHAINS["top_k"]), probabilities(CHAINS["top_p"])
    counts = np.bincount(drawn("top_k", noise, coins), minlength=len(LIVE))
    assert g_test(counts, right) > FAMILY / NUM_TESTS
    assert g_test(counts, wrong) < 1e-12
