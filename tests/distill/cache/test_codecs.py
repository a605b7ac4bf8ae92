"""Codecs: four tokens by hand, the packed draws against a plain oracle, and which ones leave the gradient unbiased.

Statistical tests state their size: fixed seeds, and limits that a right codec misses in fewer than one of 10^5 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retort.distill.cache.codecs import CODECS, Layout, Packed, find_codec
from retort.distill.cache.rounding import (
    NUM_ORDERS,
    STREAM_FRACTION,
    STREAM_SHIFT,
    Places,
    random_orders,
    round_rows,
    temper,
    temper_and_round,
    unpack_rows,
)
from retort.errors import InputError
from retort.sampling.kernels.threads import num_threads, set_num_threads
from retort.sampling.noise import uniform_at

LAYOUT = Layout(vocab_size=40, temperature=3.0, seed=7)
SMALL = ("dense", "topk:8", "topk+tail:8+4", "sampled:20")


def places(rows: int) -> Places:
    return Places(np.arange(rows, dtype=np.uint64) // 9 + 11, np.arange(rows, dtype=np.int64) % 9)


def log_probs(rows: int, vocab: int = 40, *, scale: float = 2.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(rows, vocab, generator=generator)).log_softmax(-1)


def decoded(text: str, rows: torch.Tensor, layout: Layout = LAYOUT) -> tuple[np.ndarray, np.ndarray]:
    """Weights `[rows, vocab]` that a codec gives back, and the targets' own ids per row."""
    codec, where = find_codec(text), places(len(rows))
    packed = codec.encode(rows if text == "dense" else rows.exp(), layout, where)
    found = codec.decode(packed, layout, where, np.zeros(len(rows), np.float32))
    if found.log_probs is not None:
        return np.exp(found.log_probs), found.ids
    dense = np.zeros(rows.shape, np.float64)
    np.add.at(dense, (np.arange(len(rows))[:, None], found.ids), found.weights)
    return dense, found.ids


def test_four_tokens_by_hand() -> None:
    """n p = (5, 2.5, 1.5, 1): whole numbers are kept as they are, halves go up or down."""
    rows = torch.tensor([[0.5, 0.25, 0.15, 0.1]]).log().expand(200, 4)
    dense, _ = decoded("sampled:10", rows, Layout(4, 1.0, 0))
    counts = dense * 10
    assert np.allclose(counts, np.round(counts), atol=1e-5)
    assert set(counts[:, 0].round()) <= {5, 6} and set(counts[:, 1].round()) == {2, 3}
    assert set(counts[:, 2].round()) == {1, 2}
    top, _ = decoded("topk:2", rows, Layout(4, 1.0, 0))
    np.testing.assert_allclose(top[0], [2 / 3, 1 / 3, 0, 0], rtol=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 300),
    st.floats(0, 12),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63),
)
def test_packed_draws_are_the_plain_rounding(
    draws: int, vocab: int, scale: float, seed: int, capture_seed: int
) -> None:
    """The bit stream gives back floor(n p + u) token by token, u built here from the noise and the orders."""
    rows = log_probs(12, vocab, scale=scale, seed=seed).exp().numpy()
    where = places(12)
    data, ends = round_rows(rows, draws, capture_seed, where)
    starts = np.concatenate([[0], ends[:-1]])
    ids, counts = unpack_rows(data, starts, capture_seed, vocab, where)
    ranks, _ = random_orders(capture_seed, vocab)
    coins = uniform_at(where.seeds, where.offsets, STREAM_SHIFT) * NUM_ORDERS
    fractions = uniform_at(where.seeds, where.offsets, STREAM_FRACTION)
    for row in range(12):
        table = int(coins[row])
        shift = min(int((coins[row] - table) * vocab), vocab - 1)
        rank = ranks[table][(np.arange(vocab) + shift) % vocab]
        expected = draws * rows[row].astype(np.float64) * vocab
        plain = np.where(
            expected > rank + fractions[row], np.floor((expected - rank - fractions[row]) / vocab) + 1, 0
        )
        got = np.zeros(vocab, np.int64)
        np.add.at(got, ids[row], counts[row])
        assert np.array_equal(got, plain.astype(np.int64))


def test_the_orders_are_permutations_and_hang_on_the_seed() -> None:
    ranks, slots = random_orders(3, 50)
    assert ranks.shape == (NUM_ORDERS, 100) and np.array_equal(ranks[:, :50], ranks[:, 50:])
    assert all(np.array_equal(np.sort(row), np.arange(50)) for row in slots)
    assert np.array_equal(slots[2][ranks[2, :50]], np.arange(50))
    assert not np.array_equal(slots, random_orders(4, 50)[1])


@pytest.mark.parametrize("text", SMALL)
def test_a_record_does_not_hang_on_its_batch(text: str) -> None:
    rows, codec = log_probs(18).exp(), find_codec(text)
    whole = codec.encode(rows, LAYOUT, places(18))
    starts = np.concatenate([[0], whole.ends])
    for row in (0, 7, 17):
        one = Places(places(18).seeds[row : row + 1], places(18).offsets[row : row + 1])
        alone = codec.encode(rows[row : row + 1], LAYOUT, one)
        assert np.array_equal(alone.data, whole.data[starts[row] : starts[row + 1]])
    if codec.width(40) is not None:
        assert np.array_equal(np.diff(starts), np.full(18, codec.width(40)))


def soft_gradient_errors(text: str, trials: int = 6000) -> tuple[np.ndarray, np.ndarray]:
    """How far the mean of the student's soft gradient is from the exact one, token by token, and its standard error.

    The gradient of τ² Σ w (-ln q_τ) by the student's logits is τ ((Σ w) q - w), so it is exact on average where w is.
    """
    teacher, student = log_probs(1, scale=2.5, seed=1), log_probs(1, seed=2)
    p, q = (
        teacher.exp().numpy()[0].astype(np.float64),
        (student / 3).softmax(-1).numpy()[0].astype(np.float64),
    )
    weights, _ = decoded(text, teacher.expand(trials, -1))
    gradients = 3.0 * (weights.sum(-1, keepdims=True) * q - weights)
    exact = 3.0 * (q - p)
    return gradients.mean(0) - exact, gradients.std(0) / math.sqrt(trials)


@pytest.mark.parametrize("text", SMALL)
def test_gradient_bias_is_zero_where_the_codec_says_so_and_not_for_plain_top_k(text: str) -> None:
    error, standard = soft_gradient_errors(text)
    # 40 tokens at 5.2 standard errors: a right codec fails in about 1 of 10^5; 2e-3 is dense's half-float rounding.
    inside = bool((np.abs(error) < 5.2 * standard + (2e-3 if text == "dense" else 1e-6)).all())
    assert inside == find_codec(text).kind.unbiased
    if text == "topk:8":
        assert np.abs(error).max() > 0.05


def test_draws_vary_no_more_than_independent_ones() -> None:
    draws, trials = 20, 6000
    teacher = log_probs(1, scale=2.5, seed=1)
    p = teacher.exp().numpy()[0].astype(np.float64)
    weights, _ = decoded(f"sampled:{draws}", teacher.expand(trials, -1))
    variance = weights.var(0)
    # A variance over 6,000 trials of bounded counts is good to about 5 %; four of those, and rare tokens' few hits.
    assert (variance <= 1.2 * p * (1 - p) / draws + 1e-5).all()
    assert variance.max() <= 1.05 / (4 * draws**2)
    assert variance.sum() < 0.6 * (p * (1 - p)).sum() / draws


def test_two_positions_draw_apart() -> None:
    """Neighbouring positions, and documents, have noise of their own: correlations over tokens stay small."""
    weights, _ = decoded("sampled:20", log_probs(1, scale=1.0).expand(500, -1))
    residual = weights - weights.mean(0)
    neighbours = [np.corrcoef(residual[:-lag].ravel(), residual[lag:].ravel())[0, 1] for lag in (1, 9)]
    assert np.abs(neighbours).max() < 0.04  # 20,000 pairs: 5.6 standard errors of 0.007


@pytest.mark.parametrize(
    ("scale", "most"), [(0.3, 14), (3.0, 50), (12.0, 20)], ids=["flat", "between", "sure"]
)
def test_bytes_a_record(scale: float, most: int) -> None:
    """A flat row of 8,192 tokens costs a quarter of the (50 · 13 - log2 50!) / 8 = 54 bytes of independent draws."""
    rows = log_probs(50, 8192, scale=scale).exp().numpy()
    data, _ = round_rows(rows, 50, 0, places(50))
    assert len(data) / 50 < most


def test_a_token_without_probability_is_never_drawn() -> None:
    rows = log_probs(300)
    rows[:, [3, 17]] = -math.inf
    rows = rows.log_softmax(-1)
    for text in ("topk+tail:8+4", "sampled:20"):
        dense, ids = decoded(text, rows)
        assert (dense[:, [3, 17]] == 0).all() and np.isfinite(dense).all()
        assert ids.min() >= 0


def test_dense_records_serve_every_temperature_and_top_k_keeps_the_best() -> None:
    rows = log_probs(5)
    dense, _ = decoded("dense", rows)
    np.testing.assert_allclose(dense, rows.exp().numpy(), rtol=8e-3)
    top, ids = decoded("topk:8", rows)
    assert (np.sort(ids, axis=1) == np.sort(np.argsort(-rows.numpy(), axis=1)[:, :8], axis=1)).all()
    np.testing.assert_allclose(top.sum(1), 1, rtol=1e-6)


def test_wide_vocabularies_take_wide_ids() -> None:
    wide = Layout(70_000, 1.0, 0)
    rows = torch.full((1, 70_000), -30.0)
    rows[0, [69_999, 65_536, 5]] = torch.tensor([3.0, 2.0, 1.0])
    for text in ("topk:3", "topk+tail:3+2", "sampled:50"):
        dense, ids = decoded(text, rows.log_softmax(-1), wide)
        assert dense.argmax() == 69_999 and {5, 65_536, 69_999} <= set(ids.ravel().tolist())
    assert find_codec("topk:64").width(128_256) == 384 and find_codec("dense").width(128_256) == 256_512


def test_written_forms() -> None:
    assert [find_codec(text).text for text in ("dense", "topk", "topk+tail:32", "topk+tail:8+4", " sampled:5 ")] == [
        "dense", "topk:64", "topk+tail:32+8", "topk+tail:8+4", "sampled:5",
    ]  # fmt: skip
    assert set(CODECS) == {"dense", "topk", "topk+tail", "sampled"}
    assert isinstance(find_codec("sampled:50").encode(log_probs(2).exp(), LAYOUT, places(2)), Packed)


@pytest.mark.parametrize(
    "text", ["sample:50", "sampled:0", "dense:3", "topk:4+4", "topk+tail:4+0", "sampled:-1", ""]
)
def test_refuses(text: str) -> None:
    with pytest.raises(InputError, match="codec is"):
        find_codec(text)


@pytest.mark.parametrize("vocab_size", [5, 16, 1000, 8200])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tempering_is_softmax_and_its_entropy(vocab_size: int, temperature: float) -> None:
    """Against float64, rows with tokens that cannot come and rows of one token included."""
    logits = torch.randn((70, vocab_size), generator=torch.Generator().manual_seed(1)) * 8
    logits[::3, 1::2] = -torch.inf
    logits[1] = -torch.inf
    logits[1, 2] = 4.0
    probs, entropy = temper(logits.numpy(), temperature)
    exact = torch.softmax(logits.double() / temperature, -1)
    np.testing.assert_allclose(probs, exact.numpy(), rtol=2e-5, atol=1e-30)
    np.testing.assert_allclose(entropy, torch.special.entr(exact).sum(-1).numpy(), rtol=1e-5, atol=1e-5)
    assert (probs[logits.numpy() == -np.inf] == 0).all() and entropy[1] == 0


@pytest.mark.parametrize("vocab_size", [100, 3000])
def test_one_pass_gives_the_bytes_of_tempering_and_rounding_apart(vocab_size: int) -> None:
    """For any number of threads and any batch; tokens without a logit are never drawn."""
    logits = torch.randn((150, vocab_size), generator=torch.Generator().manual_seed(2)).numpy() * 5
    logits[:, ::7] = -np.inf
    where = places(150)
    probs, apart_entropy = temper(logits, 3.0)
    apart, apart_ends = round_rows(probs, 50, 4, where)
    before = num_threads()
    try:
        for threads in (1, 3):
            set_num_threads(threads)
            data, ends, entropy = temper_and_round(logits, 3.0, 50, 4, where)
            assert np.array_equal(data, apart) and np.array_equal(ends, apart_ends)
            assert np.array_equal(entropy, apart_entropy)
    finally:
        set_num_threads(before)
    alone, _, _ = temper_and_round(logits[149:], 3.0, 50, 4, Places(where.seeds[149:], where.offsets[149:]))
    assert np.array_equal(alone, data[ends[148] :])
    ids, counts = unpack_rows(data, np.concatenate([[0], ends[:-1]]), 4, vocab_size, where)
    assert not ((ids % 7 == 0) & (counts > 0)).any() and (counts.sum(1) > 25).all()
