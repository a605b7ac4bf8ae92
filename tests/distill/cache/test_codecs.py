"""Codecs: four tokens by hand, the packed draws against a plain oracle, and which ones leave the gradient unbiased.

Statistical tests state their size: fixed seeds, and limits that a right codec misses in fewer than one of 10^5 seeds.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retort.distill.cache import rounding
from retort.distill.cache.codecs import CODECS, Layout, Targets, find_codec, most_probable
from retort.distill.cache.rounding import (
    NUM_ORDERS,
    STREAM_FRACTION,
    STREAM_SHIFT,
    Places,
    pack,
    random_orders,
    round_rows,
    unpack,
    unrounded,
)
from retort.errors import InputError, SourceError
from retort.sampling.noise import uniform_at

LAYOUT = Layout(vocab_size=40, temperature=3.0, seed=7)
SMALL = ("dense", "topk:8", "topk+tail:8+4", "sampled:20")


def places(rows: int) -> Places:
    return Places(np.arange(rows, dtype=np.uint64) // 9 + 11, np.arange(rows, dtype=np.int64) % 9)


def log_probs(rows: int, vocab: int = 40, *, scale: float = 2.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(rows, vocab, generator=generator)).log_softmax(-1)


def at_one(rows: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Logits whose log-probabilities at the layout's temperature are `rows`."""
    return rows * layout.temperature


def decoded(text: str, rows: torch.Tensor, layout: Layout = LAYOUT) -> tuple[np.ndarray, np.ndarray]:
    """Weights `[rows, vocab]` that a codec gives back, and the targets' own ids per row."""
    codec, where = find_codec(text), places(len(rows))
    packed, _ = codec.encode(at_one(rows, layout), layout, where)
    found = codec.decode(packed, layout, where, np.zeros(len(rows), np.float32))
    if found.log_probs is not None:  # at temperature 1
        return torch.from_numpy(found.log_probs).float().div(layout.temperature).softmax(
            -1
        ).numpy(), found.ids
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
    ids, counts = unrounded(data, ends, capture_seed, vocab, where)
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


def test_the_orders_are_permutations_and_depend_on_the_seed() -> None:
    ranks, slots = random_orders(3, 50)
    assert ranks.shape == (NUM_ORDERS, 100) and np.array_equal(ranks[:, :50], ranks[:, 50:])
    assert all(np.array_equal(np.sort(row), np.arange(50)) for row in slots)
    assert np.array_equal(slots[2][ranks[2, :50].astype(int)], np.arange(50))
    assert not np.array_equal(slots, random_orders(4, 50)[1])


@pytest.mark.parametrize("text", SMALL)
def test_a_record_does_not_depend_on_its_batch(text: str) -> None:
    rows, codec = log_probs(18), find_codec(text)
    whole, _ = codec.encode(rows, LAYOUT, places(18))
    for row in (0, 7, 17):
        one = Places(places(18).seeds[row : row + 1], places(18).offsets[row : row + 1])
        alone, _ = codec.encode(rows[row : row + 1], LAYOUT, one)
        assert alone[0] == whole[row]
    if (record := codec.record(40)) is not None:
        assert whole.type.byte_width == record.itemsize


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
    assert inside == find_codec(text).unbiased
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


def test_a_healthy_record_can_have_three_times_its_draws() -> None:
    """Found among 200,000: five draws of a hundred tokens of a thousand came to 15, and `--verify` said damage."""
    rows = torch.full((1, 1000), -math.inf)
    rows[0, :100] = -math.log(100)
    layout, codec = Layout(1000, 1.0, 5), find_codec("sampled:5")
    where = Places(np.array([3], np.uint64), np.array([1081]))
    packed, entropy = codec.encode(rows, layout, where)
    found = codec.decode(packed, layout, where, entropy.astype(np.float32))
    assert round(5 * found.weights.sum()) == 15
    codec.check(found, 1000)
    much = Targets(found.ids, 3 * found.weights, found.entropy)
    with pytest.raises(SourceError, match="sum to 1"):
        codec.check(much, 1000)


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
    widths = {text: find_codec(text).record(128_256).itemsize for text in ("topk:64", "dense")}
    assert widths == {"topk:64": 384, "dense": 256_512}


def test_written_forms() -> None:
    assert [find_codec(text).text for text in ("dense", "topk", "topk+tail:32", "topk+tail:8+4", " sampled:5 ")] == [
        "dense", "topk:64", "topk+tail:32+8", "topk+tail:8+4", "sampled:5",
    ]  # fmt: skip
    assert set(CODECS) == {"dense", "topk", "topk+tail", "sampled"}
    assert len(find_codec("sampled:50").encode(log_probs(2), LAYOUT, places(2))[0]) == 2


@pytest.mark.parametrize(
    "text", ["sample:50", "sampled:0", "dense:3", "topk:4+4", "topk+tail:4+0", "sampled:-1", ""]
)
def test_refuses(text: str) -> None:
    with pytest.raises(InputError, match="codec is"):
        find_codec(text)


@pytest.mark.parametrize("vocab_size", [5, 16, 1000, 8200])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tempering_is_softmax_and_its_entropy(vocab_size: int, temperature: float) -> None:
    """Against float64, rows with tokens that cannot come and rows of one token included, alone and in a batch."""
    logits = torch.randn((70, vocab_size), generator=torch.Generator().manual_seed(1)) * 8
    logits[::3, 1::2] = -torch.inf
    logits[1] = -torch.inf
    logits[1, 2] = 4.0
    layout, codec = Layout(vocab_size, temperature, 0), find_codec("dense")
    packed, entropy = codec.encode(logits, layout, places(70))
    exact = torch.log_softmax(logits.double(), -1).numpy()
    found = codec.decode(packed, layout, places(70), entropy.astype(np.float32)).log_probs
    assert found is not None
    np.testing.assert_allclose(found.astype(np.float64), exact, rtol=2**-10.9, atol=2e-6)
    tempered = torch.softmax(logits.double() / temperature, -1)
    np.testing.assert_allclose(entropy, torch.special.entr(tempered).sum(-1).numpy(), rtol=2e-3, atol=1e-4)
    assert entropy[1] == 0


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
    logits = torch.randn((5, vocab), generator=torch.Generator().manual_seed(seed)) * scale
    rows = (torch.round(logits * levels) / levels if levels else logits).log_softmax(-1).numpy()
    ids, values = most_probable(rows, kept)
    expected = np.lexsort((np.broadcast_to(np.arange(vocab), rows.shape), -rows), axis=-1)[:, :kept]
    assert np.array_equal(ids, expected)
    assert np.array_equal(values, np.take_along_axis(rows, expected, -1))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**31))
def test_the_tail_is_drawn_from_what_the_best_leave(vocab: int, kept: int, draws: int, seed: int) -> None:
    rows = (3 * torch.randn((5, vocab), generator=torch.Generator().manual_seed(seed))).log_softmax(-1)
    kept, layout = min(kept, vocab - 1), Layout(vocab, 1.0, 0)
    codec = find_codec(f"topk+tail:{kept}+{draws}")
    packed, entropy = codec.encode(rows, layout, places(5))
    found = codec.decode(packed, layout, places(5), entropy.astype(np.float32))
    probs = rows.exp().numpy().astype(np.float64)
    for row in range(5):
        rest = probs[row].copy()
        rest[found.ids[row, :kept]] = 0
        np.testing.assert_allclose(found.weights[row, kept:].sum(), rest.sum(), rtol=1e-4, atol=1e-9)
        assert (rest[found.ids[row, kept:]] > 0).all()
    codec.check(found, vocab)


def test_logits_that_are_no_distribution_are_refused() -> None:
    for bad in (np.nan, np.inf):
        logits = torch.zeros(3, 64)
        logits[1, 5] = bad
        for text in ("topk:8", "topk+tail:8+4", "dense", "sampled:5"):
            with pytest.raises(SourceError, match="not a distribution"):
                find_codec(text).encode(logits, Layout(64, 3.0, 0), places(3))
    with pytest.raises(SourceError, match="not a distribution"):
        find_codec("dense").encode(torch.full((1, 8), -math.inf), Layout(8, 1.0, 0), places(1))


def test_a_record_of_draws_by_hand() -> None:
    """Two draws, of rank 0 twice and of rank 3: 3, then gaps 0 and 2, one large count, at pair 0, of 2."""
    data, ends = pack(np.array([0, 0]), np.array([0, 3]), np.array([2, 1]), 1)
    # 3 = 011; gap 0 = 1; gap 2, k = 0: 3 = 011; one large count: 2 = 010; one pair on: 1; count - 1: 1.
    assert "".join(f"{byte:08b}" for byte in data) == "011" + "1" + "011" + "010" + "1" + "1" + "0000"
    ranks, counts = unpack(data, ends, 8)
    assert ranks.tolist() == [[0, 3]] and counts.tolist() == [[2, 1]]


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.integers(1, 3000))
def test_bytes_that_are_no_record_are_refused_or_are_one(data: bytes, vocab: int) -> None:
    """Nothing but a record or SourceError comes of any bytes, and what is a record is written the same way again."""
    packed, ends = np.frombuffer(data, np.uint8), np.array([len(data)])
    try:
        ranks, counts = unpack(packed, ends, vocab)
    except SourceError:
        return
    kept = counts[0] > 0
    assert (ranks[0][kept] < vocab).all() and (np.diff(ranks[0][kept]) > 0).all()
    again, _ = pack(np.zeros(kept.sum(), np.int64), ranks[0][kept], counts[0][kept], 1)
    assert again.tobytes() == data


@pytest.mark.parametrize("fill", [0, 255])
@pytest.mark.parametrize("text", SMALL)
def test_records_of_zeros_and_of_ones_are_refused(text: str, fill: int) -> None:
    codec, where = find_codec(text), places(2)
    width = codec.record(40).itemsize if codec.record(40) else None
    record = bytes([fill]) * (width or 9)
    packed = pa.array([record, record], pa.binary(width or -1))
    with pytest.raises(SourceError, match="damaged"):
        codec.check(codec.decode(packed, LAYOUT, where, np.zeros(2, np.float32)), 40)


def test_a_large_count_of_a_draw_that_is_not_there_is_refused() -> None:
    """The count of pair 2**40 (or of the third of two): nothing is written outside the arrays."""
    for place in (2**40, 3):
        bits = "011" + "1" + "011" + "010" + "0" * (place.bit_length() - 1) + f"{place:b}" + "1"
        data = np.packbits([int(bit) for bit in bits])
        with pytest.raises(SourceError, match=r"a count is of no draw|in the middle|too long"):
            unpack(data, np.array([len(data)]), 8)


def test_targets_that_mean_nothing_are_refused() -> None:
    codec, entropy = find_codec("topk:2"), np.zeros(1, np.float32)
    twice = Targets(np.array([[3, 3]]), np.array([[0.5, 0.5]], np.float32), entropy)
    with pytest.raises(SourceError, match="twice"):
        codec.check(twice, 40)
    much = Targets(np.array([[3, 4]]), np.array([[0.9, 0.9]], np.float32), entropy)
    with pytest.raises(SourceError, match="sum to 1"):
        codec.check(much, 40)
    flat = Targets(np.array([[3, 4]]), np.array([[0.5, 0.5]], np.float32), np.array([9.0], np.float32))
    with pytest.raises(SourceError, match="entropy"):
        codec.check(flat, 40)


PACKING = """
import numpy as np
from retort.distill.cache import rounding

none = np.empty(0, np.int64)
"""


def packed_elsewhere(code: str, **environment: str) -> str:
    """What a process of its own writes to stderr, in which nothing was imported or compiled before."""
    source = str(Path(rounding.__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", PACKING + code], env={**os.environ, "PYTHONPATH": source, **environment},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_first_packing_of_a_machine_says_that_it_compiles(tmp_path: Path) -> None:
    code = "rounding.pack(none, none, none, 1)"
    assert "compiling the packing of soft targets for this machine, once" in packed_elsewhere(
        code, NUMBA_CACHE_DIR=str(tmp_path)
    )
    assert "compil" not in packed_elsewhere(code, NUMBA_CACHE_DIR=str(tmp_path))
