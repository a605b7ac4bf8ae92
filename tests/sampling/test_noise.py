"""The noise: published vectors of the generator, the stated layout, exact tails, and independence of neighbours.

Statistical tests state their size and bound; seeds are fixed, so each passes or fails for ever. Bounds are at least 4.5
standard deviations: a right generator would fail one in 100,000 choices of seed.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from retort.errors import InputError
from retort.sampling import NoiseCache, gumbel, gumbel_at
from retort.sampling.noise import (
    LANES,
    MAX_SEED,
    ONE_LESS_HALF_GRAIN,
    _negated_log,
    _to_unit_bits,
    philox4x32,
    uniforms,
    uniforms_at,
)

# Random123 1.14, tests/kat_vectors, lines "philox4x32 10": counter, key, output.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]

PINNED = ["-0x1.c28bae5c6b0ddp+0", "-0x1.6984927759c04p-3", "-0x1.d04a9774eb54cp-6", "-0x1.0584ea8612deap-1"]
PINNED_XOR = 0x40A056CAF6916B40


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


def unit_by_hand(seed: int, position: int, token: int) -> mpmath.mpf:
    """The documented uniform of one token, in exact arithmetic."""
    out = philox_by_hand([token // 2, position, 0, 0], [seed % 2**32, seed // 2**32])
    low, high = out[2 * (token % 2)], out[2 * (token % 2) + 1]
    with mpmath.workprec(120):
        return (mpmath.mpf((high * 2**32 + low) // 2**12) + mpmath.mpf(1) / 2) / 2**52


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_vectors(counter: str, key: str, answer: str) -> None:
    state = [np.array([word], dtype=np.uint64) for word in words(counter)]
    philox4x32(state, words(key))
    assert [int(word[0]) for word in state] == words(answer)
    assert philox_by_hand(words(counter), words(key)) == words(answer)


@pytest.mark.parametrize("seed", [0, 7, 2**32 + 5, MAX_SEED])
@pytest.mark.parametrize("position", [0, 3, 2**32 - 1])
def test_layout_of_counters_and_map_are_as_documented(seed: int, position: int) -> None:
    tokens = [0, 1, 2, 3, 500, 2 * LANES - 1, 2 * LANES, 2 * LANES + 1]
    row = uniforms(seed, position, 2 * LANES + 2)
    noise = gumbel(seed, position, 2 * LANES + 2)
    for token in tokens:
        exact = unit_by_hand(seed, position, token)
        assert mpmath.mpf(float(row[token])) == exact
        with mpmath.workprec(120):
            assert float(noise[token]) == pytest.approx(
                float(-mpmath.log(-mpmath.log(exact))), rel=1e-14, abs=1e-15
            )


@pytest.mark.parametrize("num_tokens", [1, 2, 5, 8191, 2 * LANES, 2 * LANES + 3])
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


def test_logarithm_is_accurate_where_it_matters() -> None:
    powers = 2.0 ** -np.arange(1, 54)
    values = np.concatenate(
        [powers, 1 - powers[1:], np.random.default_rng(1).random(2000), [36.7, 1.0, 2.0, 0.7]]
    )
    got = values.copy()
    _negated_log(got)
    for value, result in zip(values, got, strict=True):
        with mpmath.workprec(120):
            exact = -mpmath.log(mpmath.mpf(float(value)))
            assert abs(mpmath.mpf(float(result)) - exact) <= abs(exact) * mpmath.mpf(2) ** -50


def test_tails_are_exact_to_half_a_grain() -> None:
    """The smallest and largest uniform are 2^-53 from 0 and 1, and 1 - u is exact."""
    low = np.array([0, 2**12, 2**32 - 1], dtype=np.uint64)
    high = np.array([0, 0, 2**32 - 1], dtype=np.uint64)
    bits = np.empty(3, dtype=np.uint64)
    _to_unit_bits(low, high, bits)
    unit = bits.view(np.float64) - ONE_LESS_HALF_GRAIN
    assert unit.tolist() == [2.0**-53, 3 * 2.0**-53, 1 - 2.0**-53]


@pytest.mark.parametrize("exponent", [20, 30, 40])
def test_a_rare_token_wins_at_its_rate(exponent: int) -> None:
    """Two tokens of weights 1 and w = 2^-exponent: the rare one wins with probability w/(1 + w).

    The exponential race, half by count and half by integral: given the common token's noise g₀, whose exponential is
    e = exp(-g₀), the rare one wins with probability 1 - exp(-w·e). How many of its 2^52 values win is counted exactly
    by bisection through the code that makes the noise, and the mean over 80 g₀ at even quantiles is w/(1 + w).
    """
    weight = 2.0**-exponent
    quantiles = (np.arange(80) + 0.5) / 80
    races = -np.log1p(-quantiles)
    shares = []
    for race in races:
        needed = -math.log(race) + exponent * math.log(2)
        losing, winning = 0, 2**52
        while winning - losing > 1:
            middle = (losing + winning) // 2
            losing, winning = (losing, middle) if noise_of_count(middle) > needed else (middle, winning)
        share = (2**52 - winning) * 2.0**-52
        assert share == pytest.approx(-math.expm1(-weight * race), abs=2.0**-52)
        shares.append(share)
    assert np.mean(shares) == pytest.approx(weight * races.mean() / (1 + weight), rel=1e-3, abs=2.0**-52)
    assert races.mean() == pytest.approx(1.0, abs=1e-2)


def noise_of_count(count: int) -> float:
    """The Gumbel noise whose 52 random bits are `count`."""
    word = count << 12
    bits = np.empty(1, dtype=np.uint64)
    _to_unit_bits(
        np.array([word & 0xFFFFFFFF], dtype=np.uint64), np.array([word >> 32], dtype=np.uint64), bits
    )
    unit = bits.view(np.float64) - ONE_LESS_HALF_GRAIN
    _negated_log(unit)
    _negated_log(unit)
    return float(unit[0])


def test_generator_reaches_the_far_tail_at_its_rate() -> None:
    """Of 2^23 values, those above 1 - 2^-19 and below 2^-19 number 16 each on average; Poisson, 4.5 deviations."""
    upper = lower = 0
    for position in range(2**23 // 2**17):
        values = uniforms(5, position, 2**17)
        upper += int((values > 1 - 2.0**-19).sum())
        lower += int((values < 2.0**-19).sum())
    assert stats.poisson.ppf(1e-5, 16) <= upper <= stats.poisson.isf(1e-5, 16)
    assert stats.poisson.ppf(1e-5, 16) <= lower <= stats.poisson.isf(1e-5, 16)


def test_uniforms_are_uniform() -> None:
    """Chi-square over 256 cells of the upper 8 bits, and of 8 bits further down; 2^18 values, level 1e-5."""
    values = uniforms(3, 1, 2**18)
    for scaled in (values * 256, (values * 2**20) % 256):
        counts = np.bincount(scaled.astype(np.int64), minlength=256)
        assert stats.chisquare(counts).pvalue > 1e-5


@pytest.mark.parametrize("what", ["ids", "positions", "seeds", "high seeds", "pairs"])
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
    }
    assert abs(np.corrcoef(row[:count], others[what])[0, 1]) < 4.5 / math.sqrt(count)


@pytest.mark.parametrize("what", ["positions", "seeds"])
def test_noise_of_one_token_over_positions_and_seeds_is_uniform(what: str) -> None:
    """What one token sees from draw to draw: Kolmogorov-Smirnov on 50,000 values and their lag-1 correlation."""
    steps = np.arange(50_000)
    values = uniforms_at(4, steps, 17) if what == "positions" else uniforms_at(steps, 4, 17)
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


def test_cache_gives_the_same_noise_and_stays_small() -> None:
    cache = NoiseCache(100, max_bytes=3 * 800)
    for seed in (1, 2, 3, 1, 4, 1, 2):
        assert np.array_equal(cache.row(seed, 0), gumbel(seed, 0, 100))
    assert len(cache._rows) == 3
    with pytest.raises(ValueError, match="read-only"):
        cache.row(1, 0)[0] = 0.0
