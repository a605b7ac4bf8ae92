"""The noise: published vectors of the generator, the stated layout, exact tails, and independence of neighbours.

Statistical tests state their size and bound; seeds are fixed, so each passes or fails for ever. Bounds are at least 4.5
standard deviations: a right generator would fail one in 100,000 choices of seed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import stats

from retort.errors import InputError
from retort.sampling import NoiseCache, gumbel, gumbel_at, noise
from retort.sampling.noise import (
    BLOCK_TOKENS,
    BLOCKS_AT_A_TIME,
    MAX_SEED,
    negated_log,
    philox4x32,
    uniform_at,
    unit_numbers,
)
from retort.transforms.truncation import COIN_STREAM

LANES = BLOCKS_AT_A_TIME * BLOCK_TOKENS

# Random123 1.14, tests/kat_vectors, lines "philox4x32 10": counter, key, output.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]

PINNED = ["0x1.179f0f17fc88cp+0", "-0x1.d9b3f644d54d1p-4", "-0x1.491014f47462bp+0", "0x1.c4f0a0516505ap+0"]
PINNED_XOR = 0x406245A6C9A84DF4


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox_by_hand(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 in Python integers, written from the paper."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (
            (second >> 32) ^ c1 ^ k0,
            second & 0xFFFFFFFF,
            (first >> 32) ^ c3 ^ k1,
            first & 0xFFFFFFFF,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


def unit_by_hand(low: int, high: int) -> mpmath.mpf:
    with mpmath.workprec(120):
        return (mpmath.mpf((high * 2**32 + low) // 2**12) + mpmath.mpf(1) / 2) / 2**52


def arrival_by_hand(seed: int, position: int, token: int, stream: int = 0) -> mpmath.mpf:
    """The documented time of one token, in 120 bits."""
    key = [seed % 2**32, seed // 2**32]
    block = philox_by_hand([token // 64, position, stream, 0], key)
    pair = philox_by_hand([token // 2, position, stream, 1], key)
    low, high = pair[2 * (token % 2) :][:2]
    with mpmath.workprec(120):
        arrival = -mpmath.log(unit_by_hand(block[0], block[1])) / 64
        if block[2] % 64 != token % 64:
            arrival -= mpmath.log(unit_by_hand(low, high))
        return arrival


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_vectors(counter: str, key: str, answer: str) -> None:
    low, high = words(key)
    seed = np.array([low + (high << 32)], dtype=np.uint64).view(np.int64)
    state = philox4x32(tuple(np.array([word], dtype=np.int64) for word in words(counter)), seed)  # type: ignore[arg-type]
    assert [int(word[0]) for word in state] == words(answer)
    assert philox_by_hand(words(counter), words(key)) == words(answer)


@pytest.mark.parametrize("seed", [0, 7, 2**32 + 5, MAX_SEED])
@pytest.mark.parametrize(("position", "stream"), [(0, 0), (3, 2), (2**32 - 1, 0)])
def test_layout_of_counters_and_map_are_as_documented(seed: int, position: int, stream: int) -> None:
    num_tokens = 2 * LANES + 2
    noise = gumbel(seed, position, num_tokens, stream)
    key = [seed % 2**32, seed // 2**32]
    # The winner of block 1 is among those looked at: half of the definition concerns winners alone.
    winner = 64 + philox_by_hand([1, position, stream, 0], key)[2] % 64
    for token in (0, 1, 2, 3, winner, 500, 2 * LANES - 1, 2 * LANES, 2 * LANES + 1):
        with mpmath.workprec(120):
            exact = float(-mpmath.log(arrival_by_hand(seed, position, token, stream)))
        assert float(noise[token]) == pytest.approx(exact, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("num_tokens", [1, 2, 5, 63, 65, 8191, 2 * LANES, 2 * LANES + 3])
def test_an_id_has_one_noise_however_it_is_asked_for(num_tokens: int) -> None:
    row = gumbel(11, 4, num_tokens)
    ids = np.unique(np.random.default_rng(0).integers(0, num_tokens, 50))[::-1]
    assert row.shape == (num_tokens,)
    assert np.array_equal(gumbel(11, 4, ids), row[ids])
    both = gumbel_at(np.array([[11], [12]]), np.array([[4], [9]]), ids)
    assert np.array_equal(both[0], row[ids])
    assert np.array_equal(both[1], gumbel(12, 9, num_tokens)[ids])
    assert np.array_equal(gumbel(11, 4, 2 * num_tokens)[:num_tokens], row)


def test_bits_of_the_noise_are_pinned() -> None:
    """Another implementation must give these bits; a change here changes every seed's text."""
    assert [value.hex() for value in gumbel(7, 3, 4).tolist()] == PINNED
    noise = gumbel(2**40 + 1, 12, 50_001)
    assert np.bitwise_xor.reduce(noise.view(np.uint64)) == PINNED_XOR


def test_coins_are_as_documented_and_apart_from_all_else() -> None:
    coins = uniform_at([[5], [2**40]], [0, 9, 2**32 - 1], 3)
    for row, seed in enumerate((5, 2**40)):
        for column, position in enumerate((0, 9, 2**32 - 1)):
            out = philox_by_hand([0, position, 3, 2], [seed % 2**32, seed // 2**32])
            assert mpmath.mpf(float(coins[row, column])) == unit_by_hand(out[0], out[1])
    assert uniform_at(5, 9, 3).shape == ()
    assert float(uniform_at(5, 9, 4)) != float(uniform_at(5, 9, 3))


def test_logarithm_is_accurate_where_it_matters() -> None:
    powers = 2.0 ** -np.arange(1, 60)
    values = np.concatenate(
        [powers, 1 - powers[1:53], np.random.default_rng(1).random(2000), [36.7, 1.0, 2.0, 0.7]]
    )
    got = negated_log(values)
    for value, result in zip(values, got, strict=True):
        with mpmath.workprec(120):
            exact = -mpmath.log(mpmath.mpf(float(value)))
            assert abs(mpmath.mpf(float(result)) - exact) <= abs(exact) * mpmath.mpf(2) ** -50


def test_tails_are_exact_to_half_a_grain() -> None:
    """The smallest and largest uniform are 2^-53 from 0 and 1, and 1 - u is exact."""
    low, high = np.array([0, 2**12, 2**32 - 1]), np.array([0, 0, 2**32 - 1])
    unit = unit_numbers(low, high)
    assert unit.tolist() == [2.0**-53, 3 * 2.0**-53, 1 - 2.0**-53]


def exponential_of_count(count: int) -> float:
    """The E whose 52 random bits are `count`, through the code that makes the noise."""
    word = count << 12
    return float(negated_log(unit_numbers(np.array([word & 0xFFFFFFFF]), np.array([word >> 32])))[0])


def share_of(wins: Callable[[float], bool]) -> float:
    """How many of the 2^52 values of E, of which the small ones win, do: exactly, by bisection."""
    losing, winning = -1, 2**52
    while winning - losing > 1:
        middle = (losing + winning) // 2
        losing, winning = (losing, middle) if wins(exponential_of_count(middle)) else (middle, winning)
    return (2**52 - winning) * 2.0**-52


@pytest.mark.parametrize("exponent", [20, 30, 40])
def test_a_rare_token_wins_at_its_rate(exponent: int) -> None:
    """Two tokens of weights 1 and w = 2^-exponent in two blocks: the rare one wins with probability w/(1 + w).

    Half by count and half by integral. Given the common token's arrival t, the rare one wins if it arrives before w·t:
    as its block's winner (one chance in 64, and then how many of the 2^52 block arrivals are early enough is counted
    through the code that makes the noise), or behind its block's winner (an integral over that winner's arrival, again
    of counted shares). The sum must be 1 - exp(-w·t), and its mean over 80 t at even quantiles w/(1 + w).
    """
    weight = 2.0**-exponent
    quantiles = (np.arange(80) + 0.5) / 80
    races = -np.log1p(-quantiles)
    shares = []
    for race in races:
        needed = weight * float(race)
        winner = share_of(lambda first, needed=needed: first / BLOCK_TOKENS <= needed)
        # The block's winner at a time T ≤ needed: density 64·exp(-64 T), nearly 64 all along; middles of 8 steps.
        behind = [
            BLOCK_TOKENS
            * math.exp(-BLOCK_TOKENS * first)
            * share_of(lambda later, first=first, needed=needed: first + later <= needed)
            * (needed / 8)
            for first in (np.arange(8) + 0.5) * (needed / 8)
        ]
        share = winner / BLOCK_TOKENS + (1 - 1 / BLOCK_TOKENS) * sum(behind)
        assert share == pytest.approx(-math.expm1(-needed), rel=1e-7, abs=2.0**-52 / BLOCK_TOKENS)
        shares.append(share)
    assert np.mean(shares) == pytest.approx(weight * races.mean() / (1 + weight), rel=1e-3, abs=2.0**-58)
    assert races.mean() == pytest.approx(1.0, abs=1e-2)


def uniforms(seed: int, position: int, num_tokens: int) -> np.ndarray:
    """`exp(-T)`, which is uniform if T is Exp(1)."""
    return np.exp(-np.exp(-gumbel(seed, position, num_tokens)))


def test_generator_reaches_the_far_tail_at_its_rate() -> None:
    """Of 2^22 values, those above 1 - 2^-18 and below 2^-18 number 16 each on average; Poisson, 4.5 deviations."""
    upper = lower = 0
    for position in range(2**22 // 2**17):
        values = uniforms(5, position, 2**17)
        upper += int((values > 1 - 2.0**-18).sum())
        lower += int((values < 2.0**-18).sum())
    assert stats.poisson.ppf(1e-5, 16) <= upper <= stats.poisson.isf(1e-5, 16)
    assert stats.poisson.ppf(1e-5, 16) <= lower <= stats.poisson.isf(1e-5, 16)


def test_arrivals_are_exponential() -> None:
    """Chi-square over 256 cells of the upper 8 bits of exp(-T), and of 8 bits further down; 2^18 values, level 1e-5."""
    values = uniforms(3, 1, 2**18)
    for scaled in (values * 256, (values * 2**20) % 256):
        counts = np.bincount(scaled.astype(np.int64), minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-5


def test_tokens_of_a_block_are_independent() -> None:
    """Blocks exist for speed alone: nothing may show of them.

    2^12 blocks of 64, level 1e-5 each: the smallest T of a block is Exp(64), its place uniform, the gap to the next
    Exp(63), and the two not correlated; and so it is for 64 tokens that straddle two blocks.
    """
    arrivals = np.exp(-gumbel(21, 3, 2**18 + 64))
    for shift in (0, 29):
        blocks = arrivals[shift : shift + 2**18].reshape(-1, 64)
        two = np.sort(blocks, axis=1)[:, :2]
        gap = two[:, 1] - two[:, 0]
        assert stats.kstest(64 * two[:, 0], "expon").pvalue > 1e-5
        assert stats.kstest(63 * gap, "expon").pvalue > 1e-5
        assert abs(np.corrcoef(two[:, 0], gap)[0, 1]) < 4.5 / math.sqrt(len(blocks))
        assert stats.chisquare(np.bincount(blocks.argmin(axis=1), minlength=64)).pvalue > 1e-5
        assert abs(np.corrcoef(blocks[:, 5], blocks[:, 40])[0, 1]) < 4.5 / math.sqrt(len(blocks))


@pytest.mark.parametrize("what", ["ids", "positions", "seeds", "high seeds", "pairs", "streams"])
def test_neighbours_are_not_correlated(what: str) -> None:
    """Pearson's r between neighbours, 2^16 values: |r| below 4.5/sqrt(n)."""
    count = 2**16
    row = uniforms(9, 2, count + 2)
    others = {
        "ids": row[1 : count + 1],
        "pairs": row[2 : count + 2],
        "positions": uniforms(9, 3, count),
        "seeds": uniforms(10, 2, count),
        "high seeds": uniforms(9 + 2**32, 2, count),
        "streams": gumbel(9, 2, count, stream=1),
    }
    assert abs(np.corrcoef(row[:count], others[what])[0, 1]) < 4.5 / math.sqrt(count)


@pytest.mark.parametrize("what", ["positions", "seeds", "coins"])
def test_noise_of_one_token_over_positions_and_seeds_is_uniform(what: str) -> None:
    """What one token sees from draw to draw: Kolmogorov-Smirnov on 50,000 values and their lag-1 correlation."""
    steps = np.arange(50_000)
    if what == "coins":
        values = uniform_at(4, steps, 1)
    else:
        noise = gumbel_at(4, steps, 17) if what == "positions" else gumbel_at(steps, 4, 17)
        values = np.exp(-np.exp(-noise))
    assert stats.kstest(values, "uniform").pvalue > 1e-5
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4.5 / math.sqrt(len(steps))


@pytest.mark.parametrize(
    ("seed", "position", "tokens"),
    [
        (-1, 0, 4),
        (2**64, 0, 4),
        (1.5, 0, 4),
        (True, 0, 4),
        (0, -1, 4),
        (0, 2**32, 4),
        (0, 0, [-1]),
        ("a", 0, 4),
    ],
)
def test_values_out_of_range_are_refused(seed: object, position: object, tokens: object) -> None:
    with pytest.raises(InputError, match="must be a whole number from 0 to"):
        gumbel(seed, position, tokens)  # type: ignore[arg-type]


def test_a_stream_out_of_range_is_refused() -> None:
    for stream in (-1, 2**32):
        with pytest.raises(InputError, match="stream must be a whole number from 0 to"):
            uniform_at(0, 0, stream)
        with pytest.raises(InputError, match="stream must be a whole number from 0 to"):
            gumbel(0, 0, 3, stream)


def test_cache_gives_the_same_noise_and_stays_small() -> None:
    cache = NoiseCache(100, max_bytes=3 * 800)
    for seed in (1, 2, 3, 1, 4, 1, 2):
        assert np.array_equal(cache.row(seed, 0), gumbel(seed, 0, 100))
    assert len(cache._rows) == 3
    with pytest.raises(ValueError, match="read-only"):
        cache.row(1, 0)[0] = 0.0


def test_every_use_of_a_seed_has_a_stream_of_its_own_and_all_stand_in_one_place() -> None:
    streams = {name: value for name, value in vars(noise).items() if name.startswith("STREAM_")}
    assert len(streams) >= 9
    assert len(set(streams.values())) == len(streams)
    assert streams["STREAM_XTC"] == COIN_STREAM
    # Kept texts and captures hang on the numbers.
    assert (noise.STREAM_SAMPLING, noise.STREAM_ACCEPT, noise.STREAM_ORDER, noise.STREAM_ON_POLICY) == (
        0,
        16,
        64,
        68,
    )
    package = Path(noise.__file__).parent.parent
    elsewhere = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^\s*\w*STREAM\w*(, \w+)*(: \w+)? = \d", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(elsewhere) == ["sampling/noise.py", "transforms/truncation.py"]
