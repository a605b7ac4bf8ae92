"""The compiled arithmetic against `noise.py`: the same bits for the generator, the logarithm and the noise."""

from __future__ import annotations

import numpy as np
import pytest

from retort.sampling.kernels import arithmetic
from retort.sampling.noise import MAX_SEED, first_arrivals, gumbel_at, negated_log, philox4x32

SEEDS = (0, 1, 7, 2**32 + 5, 2**63, MAX_SEED)
POSITIONS = (0, 3, 2**32 - 1)


def as_int64(seed: int) -> np.int64:
    return np.uint64(seed).view(np.int64)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("position", POSITIONS)
def test_words_arrivals_and_noise(seed: int, position: int) -> None:
    seeds, positions = np.array([as_int64(seed)]), np.array([position])
    for number, kind in ((0, 0), (5, 1), (2**31, 1)):
        words = philox4x32((np.array([number]), positions, 0, kind), seeds)
        assert arithmetic.philox(number, position, kind, seeds[0]) == tuple(int(word[0]) for word in words)
    for token in (0, 1, 63, 64, 127, 1000, 262_143):
        first, winner = first_arrivals(seeds, positions, np.array([token // 64]))
        compiled = arithmetic.first_arrival(token // 64, position, seeds[0])
        assert compiled == (first[0], winner[0])
        for one in (token, int(winner[0])):
            assert arithmetic.gumbel_of(one, position, seeds[0]) == gumbel_at(seed, position, one)


def test_logarithm() -> None:
    values = np.concatenate([2.0 ** -np.arange(60), np.random.default_rng(0).exponential(1, 2000), [700.0]])
    compiled = np.array([arithmetic.negated_log(value) for value in values])
    assert np.array_equal(compiled.view(np.int64), negated_log(values).view(np.int64))


def test_exponential_is_as_exact_as_it_says() -> None:
    values = -np.concatenate([np.random.default_rng(1).exponential(5, 5000), [0.0, 1e-300, 700.0, 708.0]])
    compiled = np.array([arithmetic.exponential(value) for value in values])
    assert np.abs(compiled / np.exp(values) - 1).max() < 1e-15
    assert arithmetic.exponential(-np.inf) == arithmetic.exponential(-1e9) < 1e-300
