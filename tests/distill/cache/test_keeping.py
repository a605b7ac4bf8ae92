"""The best tokens, draws from the others, and whole rows: against numpy's sorting and sums in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retort.distill.cache.codecs import Layout, find_codec
from retort.distill.cache.keeping import keep, whole_rows
from retort.distill.cache.rounding import Places, temper
from retort.errors import SourceError
from retort.sampling.kernels.threads import num_threads, set_num_threads

ROWS = 5


def rows_of(vocab: int, scale: float, seed: int, levels: int) -> np.ndarray:
    """Probabilities; `levels` above 0 make most of them equal to others."""
    logits = torch.randn((ROWS, vocab), generator=torch.Generator().manual_seed(seed)) * scale
    if levels:
        logits = torch.round(logits * levels) / levels
    return torch.softmax(logits, -1).numpy()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(1, 90),
    st.floats(0, 9),
    st.integers(0, 2**31),
    st.sampled_from([0, 0, 1, 3]),
)
def test_the_best_are_those_of_sorting_with_ties_by_id(
    vocab: int, kept: int, scale: float, seed: int, levels: int
) -> None:
    probs = rows_of(vocab, scale, seed, levels)
    kept = min(kept, vocab)
    found = keep(probs, None, kept)
    expected = np.lexsort((np.broadcast_to(np.arange(vocab), probs.shape), -probs), axis=-1)[:, :kept]
    assert np.array_equal(found.ids, expected)
    with np.errstate(divide="ignore"):
        assert np.array_equal(found.log_probs, np.log(np.take_along_axis(probs, expected, -1)))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**31))
def test_draws_are_those_of_the_cumulated_rest(vocab: int, kept: int, draws: int, seed: int) -> None:
    probs = rows_of(vocab, 3.0, seed, 0)
    kept = min(kept, vocab - 1)
    coins = np.random.default_rng(seed).random(ROWS)
    found = keep(probs, None, kept, coins, draws)
    for row in range(ROWS):
        rest = probs[row].astype(np.float64)
        rest[found.ids[row]] = 0
        cumulated = rest.cumsum()
        np.testing.assert_allclose(found.masses[row], cumulated[-1], rtol=1e-6)
        points = (np.arange(draws) + coins[row]) / draws * cumulated[-1]
        expected = np.searchsorted(cumulated, points, side="right")
        # A point within rounding of a step may fall on either side.
        near = np.abs(points[:, None] - cumulated[None, :]).min(-1) < 1e-6 * cumulated[-1]
        assert ((found.drawn[row] == expected) | near).all() and (rest[found.drawn[row]] > 0).all()


@pytest.mark.parametrize("text", ["topk:8", "topk+tail:8+4", "dense"])
@pytest.mark.parametrize("vocab", [40, 5000])
def test_one_pass_over_logits_gives_the_records_of_tempering_first(text: str, vocab: int) -> None:
    """For any number of threads and any batch; tokens without a logit are never named while others can come."""
    logits = torch.randn((150, vocab), generator=torch.Generator().manual_seed(3)) * 4
    logits[:, ::7] = -torch.inf
    where = Places(np.arange(150, dtype=np.uint64), np.arange(150))
    codec, layout = find_codec(text), Layout(vocab, 3.0, 1)
    probs, entropy = temper(logits.numpy(), 3.0)
    apart = codec.encode(
        logits.log_softmax(-1) if text == "dense" else torch.from_numpy(probs), layout, where
    )
    before = num_threads()
    try:
        for threads in (1, 3):
            set_num_threads(threads)
            packed, found = codec.encode_logits(logits, layout, where)
            np.testing.assert_allclose(found, entropy, rtol=1e-3)
            if text == "dense":
                ours, theirs = (one.data.view(np.float16).astype(np.float32) for one in (packed, apart))
                np.testing.assert_allclose(ours, theirs, rtol=1e-3)
            else:
                assert np.array_equal(packed.data, apart.data) and np.array_equal(packed.ends, apart.ends)
    finally:
        set_num_threads(before)
    last = Places(where.seeds[149:], where.offsets[149:])
    alone, _ = codec.encode_logits(logits[149:], layout, last)
    assert np.array_equal(alone.data, packed.data[packed.ends[148] :])


@pytest.mark.parametrize("vocab_size", [5, 16, 1000, 8200])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_whole_rows_are_log_softmax_and_the_entropy(vocab_size: int, temperature: float) -> None:
    logits = torch.randn((70, vocab_size), generator=torch.Generator().manual_seed(1)) * 8
    logits[::3, 1::2] = -torch.inf
    found, entropy = whole_rows(logits.numpy(), temperature)
    exact = torch.log_softmax(logits.double(), -1).numpy()
    # Half precision: 2^-11 of the value, which near 0 is coarser only in float32's own rounding.
    np.testing.assert_allclose(found.astype(np.float64), exact, rtol=2**-10.9, atol=2e-6)
    tempered = torch.softmax(logits.double() / temperature, -1)
    np.testing.assert_allclose(entropy, torch.special.entr(tempered).sum(-1).numpy(), rtol=1e-5, atol=1e-5)


def test_logits_that_are_no_numbers_are_refused() -> None:
    logits = np.zeros((3, 64), np.float32)
    logits[1] = np.nan
    where = Places(np.arange(3, dtype=np.uint64), np.arange(3))
    for text in ("topk:8", "topk+tail:8+4", "dense", "sampled:5"):
        with pytest.raises(SourceError, match="no token has a logit that is a number"):
            find_codec(text).encode_logits(torch.from_numpy(logits), Layout(64, 3.0, 0), where)
