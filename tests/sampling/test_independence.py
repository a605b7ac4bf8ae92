"""Independence of the noise inside and between blocks, its far tail by direct count, and avalanche of the generator.

Every test states its size. FAMILY is the share of seeds for which a right generator would fail any of them: each
p-value must exceed FAMILY / NUM_TESTS (Bonferroni). Seeds are fixed, so each passes or fails for ever. The count of the
far tail runs its own Philox, compiled, written from the paper.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit
from scipy import stats

from retort.sampling import SamplingParams, gumbel_at, sample
from retort.sampling.noise import BLOCK_TOKENS, philox4x32

FAMILY, NUM_TESTS = 1e-4, 40
LEVEL = FAMILY / NUM_TESTS


def arrivals(num_rows: int, num_tokens: int, first_seed: int = 1) -> np.ndarray:
    """`[rows, tokens]` T = exp(-noise) of neighbouring seeds and positions."""
    seeds = first_seed + np.arange(num_rows)[:, None] // 64
    return np.exp(-gumbel_at(seeds, np.arange(num_rows)[:, None] % 64, np.arange(num_tokens)))


@pytest.fixture(scope="module")
def blocks() -> np.ndarray:
    """`[8192, 2, 64]` arrivals of two neighbouring blocks: a million tokens."""
    return arrivals(8192, 2 * BLOCK_TOKENS).reshape(-1, 2, BLOCK_TOKENS)


def independent(one: np.ndarray, other: np.ndarray, cells: int = 16) -> float:
    """p-value of the G-test of independence of two uniform variables, each in `cells` cells of equal probability.

    The margins are known, so the expectation is too: n / cells² in each cell.
    """
    place = np.minimum((one * cells).astype(np.int64), cells - 1) * cells
    place += np.minimum((other * cells).astype(np.int64), cells - 1)
    counts = np.bincount(place.ravel(), minlength=cells * cells)
    return float(stats.power_divergence(counts, lambda_=0).pvalue)


def test_arrivals_are_exponential_at_every_place_of_a_block(blocks: np.ndarray) -> None:
    """Kolmogorov-Smirnov of 2^20 arrivals, and of the 16,384 of each place (the worst of 64)."""
    assert stats.kstest(blocks[:, 0].ravel(), "expon").pvalue > LEVEL
    places = [stats.kstest(blocks[:, :, place].ravel(), "expon").pvalue for place in range(BLOCK_TOKENS)]
    assert min(places) > LEVEL / BLOCK_TOKENS


def test_order_of_a_block_is_that_of_independent_arrivals(blocks: np.ndarray) -> None:
    """Rényi 1953: the gaps between ordered arrivals are independent Exp(64), Exp(63), …; the first four, 16,384 blocks.

    The construction makes the first gap of a number of its own and all others of what is left, so a fault of it shows
    here and between gaps.
    """
    ordered = np.sort(blocks.reshape(-1, BLOCK_TOKENS), axis=1)[:, :4]
    gaps = np.diff(ordered, axis=1, prepend=0.0) * (BLOCK_TOKENS - np.arange(4))
    for gap in gaps.T:
        assert stats.kstest(gap, "expon").pvalue > LEVEL
    uniform = np.exp(-gaps)
    assert independent(uniform[:, 0], uniform[:, 1]) > LEVEL
    assert independent(uniform[:, 0], uniform[:, 2]) > LEVEL
    assert independent(uniform[:, 1], uniform[:, 2]) > LEVEL


def test_first_of_a_block_is_anywhere_whenever_it_comes(blocks: np.ndarray) -> None:
    """Place of the winner: G-test over 64 places; with the runner-up's place, and with the time; 16,384 blocks."""
    flat = blocks.reshape(-1, BLOCK_TOKENS)
    order = np.argsort(flat, axis=1)
    assert stats.power_divergence(np.bincount(order[:, 0], minlength=64), lambda_=0).pvalue > LEVEL
    first_time = np.exp(-BLOCK_TOKENS * flat.min(axis=1))
    assert independent(order[:, 0] / 64, first_time) > LEVEL
    # The runner-up is any of the 63 others: how far behind the winner, cyclically, is uniform over 1 .. 63.
    behind = (order[:, 1] - order[:, 0]) % 64
    counts = np.bincount(behind, minlength=64)
    assert counts[0] == 0
    assert stats.power_divergence(counts[1:], lambda_=0).pvalue > LEVEL
    neighbours = order[:, 0].reshape(-1, 2)
    assert independent(neighbours[:, 0] / 64, neighbours[:, 1] / 64) > LEVEL


@pytest.mark.parametrize(
    ("what", "one", "other"),
    [
        ("tokens of a pair", (0, slice(0, None, 2)), (0, slice(1, None, 2))),
        ("tokens of neighbouring pairs", (0, slice(1, 63, 2)), (0, slice(2, 64, 2))),
        ("tokens half a block apart", (0, slice(0, 32)), (0, slice(32, 64))),
        ("tokens of two blocks", (0, slice(0, 64)), (1, slice(0, 64))),
    ],
)
def test_tokens_are_independent(
    what: str, one: tuple[int, slice], other: tuple[int, slice], blocks: np.ndarray
) -> None:
    """256 cells of two tokens' arrivals, 2^18 pairs and more."""
    uniform = np.exp(-blocks)
    assert independent(uniform[:, one[0], one[1]], uniform[:, other[0], other[1]]) > LEVEL, what


@pytest.mark.parametrize(
    ("what", "seed_step", "position_step"),
    [("seeds", 1, 0), ("positions", 0, 1), ("seeds 2^32 apart", 2**32, 0), ("both", 1, -1)],
)
def test_rows_are_independent(what: str, seed_step: int, position_step: int) -> None:
    """256 cells of one token's arrivals in two neighbouring rows, 2^18 pairs."""
    seeds, positions = np.arange(5, 5 + 512)[:, None], np.arange(7, 7 + 32)[None, :]
    ids = np.array(
        [0, 1, 2, 63, 64, 65, 127, 128, 1000, 50_000, 50_001, 131_071, 2**20, 2**20 + 1, 2**31, 2**32 - 1]
    )
    rows = np.exp(-np.exp(-gumbel_at(seeds[..., None], positions[..., None], ids)))
    others = np.exp(
        -np.exp(-gumbel_at(seeds[..., None] + seed_step, positions[..., None] + position_step, ids))
    )
    assert independent(rows, others) > LEVEL, what


def test_these_tests_see_a_block_that_is_made_wrongly(blocks: np.ndarray) -> None:
    """Two ways to be wrong: the first arrival given to another place too, and later ones not counted from the first."""
    flat = blocks.reshape(-1, BLOCK_TOKENS).copy()
    first = flat.min(axis=1)
    late = np.where(flat > first[:, None], flat - first[:, None], flat)
    assert stats.kstest(late.ravel(), "expon").pvalue < 1e-12
    rows = np.arange(len(flat))
    biased = flat.copy()
    winner = flat.argmin(axis=1)
    biased[rows, winner], biased[rows, winner // 2] = flat[rows, winner // 2], flat[rows, winner]
    assert (
        stats.power_divergence(np.bincount(biased.argmin(axis=1), minlength=64) + 1e-9, lambda_=0).pvalue
        < 1e-12
    )
    uniform = np.exp(-blocks)
    assert independent(uniform[:, 0], 0.9 * uniform[:, 1] + 0.1 * uniform[:, 0]) < 1e-12


def test_one_bit_of_input_turns_half_of_the_output() -> None:
    """Avalanche: each of the 192 bits of counter and key flipped, 256 inputs: 192 × 128 bits turn half of the time.

    Turned bits are binomial(256, 1/2) each; the worst deviation of the 24,576, and of the mean of each input bit.
    """
    rng = np.random.default_rng(8)
    inputs = rng.integers(0, 2**32, (6, 256), dtype=np.uint64)

    def output(words: np.ndarray) -> np.ndarray:
        seeds = (words[4] | words[5] << np.uint64(32)).view(np.int64)
        counter = tuple(words[place].view(np.int64) for place in range(4))
        return np.stack(philox4x32(counter, seeds)).view(np.uint64)  # type: ignore[arg-type]

    plain = output(inputs)
    turned = np.empty((192, 128))
    for bit in range(192):
        changed = inputs.copy()
        changed[bit // 32] ^= np.uint64(1 << (bit % 32))
        difference = plain ^ output(changed)
        turned[bit] = [
            ((difference[place // 32] >> np.uint64(place % 32)) & np.uint64(1)).sum() for place in range(128)
        ]
    worst = np.abs(turned - 128).max() / math.sqrt(256 / 4)
    assert 2 * stats.norm.sf(worst) * turned.size > LEVEL
    means = np.abs(turned.mean(axis=1) - 128).max() / math.sqrt(256 / 4 / 128)
    assert 2 * stats.norm.sf(means) * 192 > LEVEL


@njit(cache=False)
def _early_blocks(first_seed, num_seeds, num_blocks, cut):  # type: ignore[no-untyped-def]
    """(seed, block, low word, high word) of E where the high word is `cut` or more, of blocks 1 .. at position 0."""
    found = []
    for seed in range(first_seed, first_seed + num_seeds):
        for block in range(1, num_blocks + 1):
            c0, c1, c2, c3 = np.uint64(block), np.uint64(0), np.uint64(0), np.uint64(0)
            k0, k1 = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)
            for _ in range(10):
                first, second = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
                c0, c1, c2, c3 = (
                    (second >> np.uint64(32)) ^ c1 ^ k0,
                    second & np.uint64(0xFFFFFFFF),
                    (first >> np.uint64(32)) ^ c3 ^ k1,
                    first & np.uint64(0xFFFFFFFF),
                )
                k0 = (k0 + np.uint64(0x9E3779B9)) & np.uint64(0xFFFFFFFF)
                k1 = (k1 + np.uint64(0xBB67AE85)) & np.uint64(0xFFFFFFFF)
            if c1 >= cut:
                found.append((seed, block, c0, c1))
    return found


def test_tokens_of_probability_two_to_the_minus_thirty_come_at_their_rate() -> None:
    """2^17 draws from one likely token and 2^18 tokens of 2^-30 each: 32 of the draws should be rare ones; Poisson.

    A rare token can win only if its block's first arrival is below 2^-30 of the likely one's, which is below 24 but for
    one draw in 2^34. All 2^29 block arrivals are gone through for those below 24·2^-30, and `sample` then draws the
    rows where one is early enough, whole. So every draw is decided, at the cost of a few.
    """
    num_rare, num_draws, first_seed = 2**18, 2**17, 900_000
    rarity = 2.0**-30
    cut = 2**32 - math.ceil(2**32 * BLOCK_TOKENS * 24 * rarity) - 1  # E near 0 is u near 1
    early = _early_blocks(first_seed, num_draws, num_rare // BLOCK_TOKENS, np.uint64(cut))
    seeds = np.array([seed for seed, *_ in early])
    firsts = np.array(
        [-math.log1p(((high * 2**32 + low) // 2**12 + 0.5) * 2.0**-52 - 1) for *_, low, high in early]
    )
    possible = firsts / BLOCK_TOKENS < rarity * np.exp(-gumbel_at(seeds, 0, 0)) * (1 + 1e-9)
    logits = np.full(BLOCK_TOKENS + num_rare, math.log(rarity))
    logits[:BLOCK_TOKENS] = -np.inf
    logits[0] = 0.0

    def draw(seed: int) -> int:
        return int(sample(logits, SamplingParams(seed=int(seed))).ids[0])

    rare = [draw(seed) for seed in np.unique(seeds[possible])]
    assert min(rare) >= BLOCK_TOKENS
    assert len(rare) == len(set(rare))
    assert {draw(seed) for seed in seeds[~possible][:20]} == {0}
    expected = num_draws * (num_rare * rarity) / (1 + num_rare * rarity)
    assert stats.poisson.ppf(LEVEL / 2, expected) <= len(rare) <= stats.poisson.isf(LEVEL / 2, expected)
