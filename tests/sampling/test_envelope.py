"""The envelope: three lines by hand, then every chain against brute force on a dense grid and beyond each end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort.chain import Chain
from retort.distribution import tempered
from retort.sampling.envelope import Stretch, rounded_inwards, split
from retort.sampling.noise import gumbel
from retort.sampling.path import _PathChain

CHAINS = [
    "",
    "top_k=3",
    "top_p=0.9",
    "top_p=0.5",
    "min_p=0.2",
    "top_p=0.8 | temperature=1",
    "top_k=4 | temperature=1 | top_p=0.7",
    "temperature=1 | top_k=5 | top_p=0.8 | min_p=0.1",
    "min_p=0.05 | temperature=1 | top_p=0.7 | top_k=4",
    "temperature=1 | min_p=0.1 | top_p=0.6",
    "temperature=1 | top_p=0.9 | min_p=0.3",
]


def drawn(chain: Chain, logits: np.ndarray, noise: np.ndarray, temperatures: list[float]) -> list[int]:
    """The token at each temperature, as `sample` defines it: the chain's stages in order, on one row a temperature."""
    rows = np.tile(logits, (len(temperatures), 1))
    for stage in chain.at_temperature(1.0):
        rows = tempered(rows, temperatures) if stage.name == "temperature" else stage.apply(rows)
    return np.argmax(rows + noise, axis=-1).tolist()


def pieces_of(
    chain: Chain, logits: np.ndarray, noise: np.ndarray, low: float, high: float, asked: tuple[float, ...]
) -> list[Stretch]:
    return _PathChain(chain).for_row(logits, ())(noise, low, high, asked)


def check_pieces(
    chain: Chain, logits: np.ndarray, noise: np.ndarray, low: float, high: float, asked: tuple[float, ...]
) -> list[Stretch]:
    """Each asked-for temperature once and right; each interval right inside, and another token beyond its ends."""
    pieces = pieces_of(chain, logits, noise, low, high, asked)
    assert [value for piece in pieces for value in piece.temperatures] == list(asked)
    for piece in pieces:
        begin, end = rounded_inwards(piece.low, piece.high, piece.temperatures)
        assert low <= piece.low <= piece.temperatures[0] <= piece.temperatures[-1] <= piece.high <= high
        inside = [*piece.temperatures, *np.linspace(begin, end, 15).tolist()]
        assert drawn(chain, logits, noise, inside) == [piece.token] * len(inside)
        beyond = [value for value in (begin - 1.01e-4, end + 1.01e-4) if low < value < high]
        assert piece.token not in drawn(chain, logits, noise, beyond)
    return pieces


def test_three_lines_by_hand() -> None:
    """Heights 2, 1 + τ and 3τ - 2: the first until τ = 1, the second until τ = 1.5, then the third."""
    logits, noise = np.array([2.0, 1.0, -2.0]), np.array([0.0, 1.0, 3.0])
    assert split(logits, noise, 0.0, 2.0, (0.0, 0.5, 1.2, 2.0)) == [
        Stretch(0, 0.0, 1.0, (0.0, 0.5)),
        Stretch(1, 1.0, 1.5, (1.2,)),
        Stretch(2, 1.5, 2.0, (2.0,)),
    ]


def test_a_token_without_an_asked_temperature_still_ends_its_neighbours() -> None:
    logits, noise = np.array([2.0, 1.0, -2.0]), np.array([0.0, 1.0, 3.0])
    assert split(logits, noise, 0.0, 2.0, (0.5, 1.8)) == [
        Stretch(0, 0.0, 1.0, (0.5,)),
        Stretch(2, 1.5, 2.0, (1.8,)),
    ]


def test_a_token_begins_where_the_chain_first_keeps_it() -> None:
    """Of logits 0 and -1, min_p = 0.5 keeps the second from e^(-1/τ) ≥ 1/2 on: τ = 1/ln 2, by hand."""
    chain = Chain.parse("min_p=0.5")
    logits, noise = np.array([0.0, -1.0]), np.array([0.0, 5.0])
    first, second = pieces_of(chain, logits, noise, 0.0, 3.0, (0.5, 2.0))
    assert rounded_inwards(first.low, first.high, first.temperatures) == (0.0, 1.4426)
    assert rounded_inwards(second.low, second.high, second.temperatures) == (1.4427, 3.0)
    assert 1.4426 < 1 / math.log(2) < 1.4427


def test_tied_logits_at_zero_go_to_the_lowest_id_and_above_it_to_the_noise() -> None:
    logits, noise = np.array([1.0, 1.0, 0.0]), np.array([0.1, 0.7, 0.0])
    first, second = split(logits, noise, 0.0, 1.0, (0.0, 1e-20, 0.5))
    assert (first.token, first.temperatures) == (0, (0.0,))
    assert rounded_inwards(first.low, first.high, first.temperatures) == (0.0, 0.0)
    assert (second.token, second.temperatures) == (1, (1e-20, 0.5))
    assert 0 < second.low <= 1e-20


@given(
    st.sampled_from(CHAINS),
    st.integers(0, 2**32),
    st.integers(2, 12),
    st.sampled_from([0.5, 2.0, 5.0]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_pieces_equal_brute_force(text: str, case: int, vocab: int, spread: float, ties: bool) -> None:
    rng = np.random.default_rng(case)
    logits = rng.normal(0, spread, vocab)
    if ties:
        logits = np.round(logits)
    if rng.random() < 0.3:
        logits[rng.integers(0, vocab)] = -np.inf
    if not np.isfinite(logits).any():
        logits[0] = 0.0
    noise = gumbel(case, 0, vocab)
    low, high = (0.0, 2.0) if rng.random() < 0.5 else sorted(rng.uniform(0, 3, 2).tolist())
    inner = rng.uniform(low, high, rng.integers(1, 6)).tolist()
    ends = [low, high] if rng.random() < 0.5 else []
    check_pieces(Chain.parse(text), logits, noise, low, high, tuple(sorted({*inner, *ends})))


@pytest.mark.parametrize("text", CHAINS)
def test_pieces_equal_a_dense_grid(text: str) -> None:
    """401 temperatures all asked for, 3 rows of 60 tokens: no temperature is given to a wrong token."""
    grid = tuple(np.round(np.linspace(0, 2, 401), 4).tolist())
    several = 0
    for case in range(3):
        logits = np.random.default_rng(case).normal(0, 2, 60)
        several += len(check_pieces(Chain.parse(text), logits, gumbel(case, 1, 60), 0.0, 2.0, grid))
    assert several > 3


@pytest.mark.parametrize("text", CHAINS)
def test_kept_sets_grow_with_temperature(text: str) -> None:
    """What the whole method rests on, for every chain of this file."""
    chain = _PathChain(Chain.parse(text))
    for case in range(5):
        start = chain.before.apply(np.random.default_rng(case).normal(0, 2, 40))
        before = np.zeros(40, dtype=bool)
        for temperature in np.linspace(0.0, 3.0, 100):
            kept = chain.after.apply(tempered(start, float(temperature))) > -np.inf
            assert not (before & ~kept).any()
            before = kept


@pytest.mark.parametrize(
    ("low", "high", "temperatures", "rounded"),
    [
        (0.12341, 0.98769, (0.5,), (0.1235, 0.9876)),
        (0.3, 0.3, (0.3,), (0.3, 0.3)),
        (0.10000001, 0.9, (0.10000001, 0.9), (0.10000001, 0.9)),
        (0.123412, 0.123418, (0.123415,), (0.123415, 0.123415)),
    ],
)
def test_rounding_is_inwards_and_keeps_the_asked_temperatures(
    low: float, high: float, temperatures: tuple[float, ...], rounded: tuple[float, float]
) -> None:
    assert rounded_inwards(low, high, temperatures) == rounded
