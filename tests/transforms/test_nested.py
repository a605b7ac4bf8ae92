"""What the table says of a transform without running it, put to the test: nested, monotone, temperature-free.

`path` draws exact intervals of temperature where these hold, so each claim is a property here; where a claim is not
made, a row shows that it would be false.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from retort.chain import Chain
from retort.transforms import TRANSFORMS

ROWS = arrays(np.float64, st.integers(2, 12), elements=st.floats(-10, 10))
EIGHTHS = arrays(np.float64, st.integers(2, 12), elements=st.integers(-80, 80).map(lambda n: n / 8))
"""Logits far enough apart to be told apart behind any temperature."""

TAUS = st.tuples(st.floats(0.1, 5), st.floats(0.1, 5))
SHARES = st.floats(0.01, 0.99)

PEAK_AND_PLATEAU = np.array([0.0, -6.0] + [-6.0] * 40)


def setting(name: str, share: float) -> float:
    """A value of the main parameter, from a share of the way."""
    return {"top_k": 1 + int(share * 10), "top_n_sigma": 4 * share}.get(name, share)


def kept(text: str, logits: np.ndarray) -> list[int]:
    """Ids that the chain keeps."""
    return np.flatnonzero(Chain(text).apply(logits) > -math.inf).tolist()


def hot(tau: float, text: str, logits: np.ndarray) -> list[int]:
    """Ids that are kept behind this temperature."""
    return kept(f"temperature={tau!r} | {text}", logits)


def claiming(flag: str) -> list[str]:
    """Truncations whose row in the table makes this claim."""
    return [
        name for name, row in TRANSFORMS.items() if row.truncates and not row.needs and getattr(row, flag)
    ]


def test_who_claims_what() -> None:
    assert {"top_k", "top_p", "min_p", "eta_cutoff", "top_n_sigma"} <= set(claiming("nested"))
    assert {"top_k", "top_p", "min_p"} == set(claiming("nested")) & set(claiming("monotone"))
    assert {"top_k", "top_n_sigma"} == set(claiming("temperature_free"))


@pytest.mark.parametrize("name", claiming("nested"))
@settings(max_examples=200)
@given(logits=ROWS, taus=TAUS, share=SHARES)
def test_nested(name: str, logits: np.ndarray, taus: tuple[float, float], share: float) -> None:
    text = f"{name}={setting(name, share)!r}"
    low, high = (hot(tau, text, logits) for tau in sorted(taus))
    order = reference.order(logits.tolist())
    # Logits that differ may become equal in tempering; then the order among them is by id, as stated.
    tempered = reference.order(reference.temperature(logits.tolist(), min(taus)))
    assert low in (sorted(order[: len(low)]), sorted(tempered[: len(low)]))
    assert len(low) <= len(high)


@pytest.mark.parametrize("name", [name for name in claiming("nested") if TRANSFORMS[name].monotone])
@given(logits=ROWS, share=SHARES, k=st.integers(1, 11))
def test_monotone(name: str, logits: np.ndarray, share: float, k: int) -> None:
    text = f"{name}={setting(name, share)!r}"
    assert len(kept(f"top_k={k} | {text}", logits)) <= len(kept(f"top_k={k + 1} | {text}", logits))


@pytest.mark.parametrize("name", claiming("temperature_free"))
@given(logits=EIGHTHS, tau=st.floats(0.1, 5), share=SHARES)
def test_temperature_free(name: str, logits: np.ndarray, tau: float, share: float) -> None:
    text = f"{name}={setting(name, share)!r}"
    assert hot(tau, text, logits) == kept(text, logits)
    assert hot(0.0, text, logits) == [int(np.argmax(logits))]
    assert kept(text, logits).count(int(np.argmax(logits))) == 1


@settings(max_examples=200)
@given(logits=EIGHTHS, taus=TAUS, data=st.data())
def test_a_nested_chain_is_nested_as_a_whole(
    logits: np.ndarray, taus: tuple[float, float], data: st.DataObject
) -> None:
    """Any stages in any order around the temperature, where `Chain.nested` says yes."""
    cuts = ["top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_n_sigma", "top_h"]
    names = data.draw(st.lists(st.sampled_from(cuts), min_size=1, max_size=4))
    stages = [f"{name}={setting(name, data.draw(SHARES))!r}" for name in names]
    stages.insert(data.draw(st.integers(0, len(stages))), "temperature=1")
    chain = Chain(" | ".join(stages))
    if not chain.nested:
        return
    low, high = (chain.at_temperature(tau).apply(logits) > -math.inf for tau in sorted(taus))
    before, _ = chain.around_temperature
    start = Chain(before).apply(logits)
    order = [token for token in reference.order(start.tolist()) if start[token] > -math.inf]
    tempered = reference.order(reference.temperature(start.tolist(), min(taus)))
    size = int(low.sum())
    assert np.flatnonzero(low).tolist() in (sorted(order[:size]), sorted(tempered[:size]))
    assert size <= int(high.sum())


def test_epsilon_is_not_nested_as_a_hotter_row_falls_below_the_floor() -> None:
    row = np.log([0.4, 0.3, 0.2, 0.1])
    assert len(hot(1.0, "epsilon_cutoff=0.28", row)) == 2
    assert len(hot(5.0, "epsilon_cutoff=0.28", row)) == 1


def test_top_h_is_not_nested_as_the_bound_saturates_before_the_entropy_of_the_first_does() -> None:
    sizes = [len(hot(tau, "top_h=0.5", PEAK_AND_PLATEAU)) for tau in (1.0, 2.0, 10.0)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]


def test_typical_is_not_nested_as_it_drops_the_most_likely() -> None:
    assert 0 not in hot(2.0, "typical_p=0.5", PEAK_AND_PLATEAU)
    assert hot(1.0, "typical_p=0.5", PEAK_AND_PLATEAU) == [0]


def test_eta_is_not_monotone_as_more_tokens_push_one_below_the_floor() -> None:
    row = np.log([0.9, 0.1, 0.01])
    assert kept("top_k=2 | eta_cutoff=0.1", row) == [0, 1]
    assert kept("top_k=3 | eta_cutoff=0.1", row) == [0]


def test_top_n_sigma_is_not_monotone_as_more_tokens_near_the_mean_lower_sigma() -> None:
    """So behind a top_p, which lets more tokens in as τ rises, a hotter row can keep fewer: four, then two."""
    row = np.array([10.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert len(hot(3.0, "top_p=0.9 | top_n_sigma=2.2", row)) == 4
    assert len(hot(6.0, "top_p=0.9 | top_n_sigma=2.2", row)) == 2
    assert Chain("temperature=1 | top_n_sigma=2.2 | top_p=0.9").nested
    assert not Chain("temperature=1 | top_p=0.9 | top_n_sigma=2.2").nested


def test_what_stands_before_the_temperature_may_be_anything() -> None:
    assert Chain("typical_p=0.9 | top_h=0.5 | temperature=0.7 | top_p=0.9").nested
    assert not Chain("temperature=0.7 | typical_p=0.9").nested
    assert Chain("temperature=0.7 | top_k=9 | eta_cutoff=0.01 | min_p=0.1").nested
    assert not Chain("temperature=0.7 | min_p=0.1 | eta_cutoff=0.01").nested
    assert not Chain("xtc(probability=0.5) | temperature=0.7").nested
    assert not Chain("dynatemp(range=0.5)").nested
