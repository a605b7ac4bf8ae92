"""The compiled path against the general one: the same token for the same noise, always; rows depend on nothing else.

Both paths draw each case; `draw_by` sets from which vocabulary on the kernels are used. Hypothesis draws small cases
of every kind; `fuzz` is a seeded stream of larger ones, of which the suite runs some and a person as many as wanted:
`python tests/sampling/test_kernels.py 20000`.
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort.chain import Chain
from retort.errors import InputError
from retort.sampling import (
    BadRowsError,
    SampleBatch,
    SamplingParams,
    gumbel,
    kernels,
    sample,
    set_num_threads,
)
from retort.sampling.kernels import threads
from retort.sampling.kernels.reading import SUM_ERROR

FIELDS = ("ids", "logprob_raw", "logprob_processed", "log_kept_mass", "entropy", "margin", "near_tie")
TOLERANCE = 1e-6
"""Nats by which the two paths' numbers may differ: the kernels sum a row's exponentials in float32."""

SHAPES = (
    "gaussian", "zipf", "flat", "nearly flat", "peaked", "coarse", "masked", "one left", "two levels", "huge", "tiny",
    "half edge", "whole range",
)  # fmt: skip
TEMPERATURES = (0.0, 2.0**-20, 1e-3, 0.1, 0.5, 0.8, 1.0, 1.3, 2.0, 50.0, 2.0**20)
MASSES = (0.0, 1e-9, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.999, 1 - 1e-12)
RATIOS = (1e-9, 1e-3, 0.05, 0.5, 1.0)
DTYPES = ("float32", "float16", "float64", "bfloat16")


def row_of(shape: str, num_tokens: int, rng: np.random.Generator) -> np.ndarray:
    """One row of logits, float64."""
    row = rng.standard_normal(num_tokens) * 2
    if shape == "zipf":
        row[rng.permutation(num_tokens)[: num_tokens // 10]] += np.linspace(14, 3, num_tokens // 10)
    elif shape == "flat":
        row[:] = rng.choice([0.0, -3.5, 17.25])
    elif shape == "nearly flat":
        row *= 1e-6
    elif shape == "peaked":
        row[rng.integers(num_tokens)] += 60
    elif shape == "coarse":
        row = np.round(row)
    elif shape == "masked":
        row[rng.random(num_tokens) < 0.9] = -np.inf
        row[rng.integers(num_tokens)] = 1.0
    elif shape == "one left":
        row[:] = -np.inf
        row[rng.integers(num_tokens)] = -7.0
    elif shape == "two levels":
        row = rng.integers(0, 2, num_tokens) * math.log(2.0)
    elif shape == "huge":
        row *= 1e4
    elif shape == "tiny":
        row *= 1e-20
    elif shape == "whole range":
        row = rng.choice([3.4e38, -3.4e38, 0.0, 1.0, 3e38], num_tokens)
    elif shape == "half edge":
        row = rng.choice([65504.0, -65504.0, 65472.0, 6e-8, -6e-8, 0.0, -0.0, 1.0, -np.inf], num_tokens)
        row[rng.integers(num_tokens)] = 65504.0
    return row


def logits_of(rows: list[np.ndarray], dtype: str) -> object:
    """`[n, vocab]`, a numpy array, or a tensor for bfloat16."""
    with np.errstate(over="ignore"):
        stacked = np.clip(np.stack(rows), -3.38e38, 3.38e38) if dtype != "float64" else np.stack(rows)
        stacked = np.where(np.isneginf(np.stack(rows)), -np.inf, stacked)
        if dtype == "float16":
            return np.where(np.isinf(stacked), stacked, np.clip(stacked, -65504, 65504)).astype(np.float16)
        if dtype != "bfloat16":
            return stacked.astype(dtype)
    torch = pytest.importorskip("torch")
    return torch.from_numpy(stacked.astype(np.float32)).to(torch.bfloat16)


def chain_of(rng: np.random.Generator, num_tokens: int) -> Chain:
    """Some of the four stages with some settings, in any order."""
    stages = {
        "temperature": rng.choice(TEMPERATURES),
        "top_k": rng.choice([1, 2, 5, 50, max(1, num_tokens - 1), num_tokens, num_tokens + 3]),
        "top_p": rng.choice(MASSES),
        "min_p": rng.choice(RATIOS),
    }
    names = rng.permutation(list(stages))[: rng.integers(0, 5)]
    return Chain(" | ".join(f"{name}={stages[name]:.17g}" for name in names))


def draw_by(
    way: str, logits: object, params: object, seeds: list[int], positions: object = None
) -> SampleBatch:
    """`sample` by the kernels or by the general path, whatever the vocabulary."""
    with mock.patch.object(kernels, "MIN_VOCABULARY", 1 if way == "kernels" else 2**62):
        return sample(logits, params, seeds, positions)  # type: ignore[arg-type]


def assert_same(ours: SampleBatch, law: SampleBatch, case: object) -> None:
    """Tokens equal; margins, which are differences of the same float64 scores, equal; sums within the tolerance."""
    assert np.array_equal(ours.ids, law.ids), (case, ours.ids, law.ids)
    assert np.array_equal(ours.margin, law.margin), (case, ours.margin, law.margin)
    for field in ("logprob_raw", "logprob_processed", "log_kept_mass", "entropy"):
        left, right = getattr(ours, field), getattr(law, field)
        assert np.allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE), (case, field, left, right)
    assert np.array_equal(ours.log_kept_mass == 0.0, law.log_kept_mass == 0.0) or np.allclose(
        ours.log_kept_mass, law.log_kept_mass, rtol=0, atol=TOLERANCE
    )


def fuzz(first: int, count: int, sizes: tuple[int, ...]) -> Iterator[tuple[int, str]]:
    """Draw `count` random batches by both ways and compare; yields each case's number and chain."""
    for case in range(first, first + count):
        rng = np.random.default_rng(case)
        num_tokens = int(rng.choice(sizes))
        shapes = rng.choice(SHAPES, 3).tolist()
        dtype = str(rng.choice(DTYPES))
        logits = logits_of([row_of(shape, num_tokens, rng) for shape in shapes], dtype)
        chain = chain_of(rng, num_tokens)
        seeds = [int(seed) for seed in rng.integers(0, 2**64, 3, dtype=np.uint64)]
        positions = [int(position) for position in rng.integers(0, 2**32, 3)]
        params = SamplingParams(chain=chain)
        drawn = [draw_by(way, logits, params, seeds, positions) for way in ("kernels", "general")]
        assert_same(*drawn, (case, num_tokens, shapes, dtype, str(chain)))
        yield case, str(chain)


def test_fuzz_small_and_middling_vocabularies() -> None:
    assert len(list(fuzz(0, 300, (1, 2, 63, 64, 65, 300, 1000)))) == 300
    assert len(list(fuzz(10_000, 60, (4095, 4097, 9000)))) == 60


def test_fuzz_large_vocabularies() -> None:
    assert len(list(fuzz(20_000, 12, (40_001, 70_000)))) == 12


@given(
    st.lists(
        st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 0.5000001, 3.0, 1e-30, 88.0]), min_size=1, max_size=130
    ).filter(lambda values: max(values) > -np.inf),
    st.permutations(["temperature", "top_k", "top_p", "min_p"]),
    st.integers(0, 4),
    st.sampled_from(TEMPERATURES),
    st.integers(1, 8),
    st.sampled_from(MASSES) | st.floats(0, 0.999),
    st.sampled_from(RATIOS),
    st.integers(0, 2**64 - 1),
    st.sampled_from(DTYPES),
)
@settings(max_examples=250, deadline=None)
def test_both_ways_choose_the_same_token(
    values: list[float],
    order: list[str],
    stages: int,
    temperature: float,
    k: int,
    p: float,
    ratio: float,
    seed: int,
    dtype: str,
) -> None:
    """Few distinct values, so that ties stand at every cut."""
    setting = {"temperature": temperature, "top_k": k, "top_p": p, "min_p": ratio}
    chain = Chain(" | ".join(f"{name}={setting[name]:.17g}" for name in order[:stages]))
    logits = logits_of([np.array(values)], dtype)
    params = SamplingParams(chain=chain)
    assert_same(*(draw_by(way, logits, params, [seed]) for way in ("kernels", "general")), str(chain))


def test_a_nucleus_of_exactly_p_is_found_in_any_order_of_summation() -> None:
    """4,096 equal tokens and p = 1/4, 1/2, 3/4: exactly that many are kept, the lowest ids."""
    logits = np.full((1, 4096), 2.5, dtype=np.float32)
    for p in (0.25, 0.5, 0.75):
        drawn = draw_by("kernels", logits, SamplingParams(top_p=p), [3])
        assert drawn.log_kept_mass[0] == pytest.approx(math.log(p), abs=TOLERANCE)
        assert drawn.ids[0] == np.argmax(gumbel(3, 0, int(4096 * p)))


def test_a_cut_that_float32_could_not_decide_is_decided_in_float64() -> None:
    """Two tokens share the mass 1/2 ± 1e-9 among many: a float32 sum errs by more, the cut must not."""
    for sign in (-1, 1):
        logits = np.concatenate(
            [[math.log(0.5 * (1 + sign * 1e-9))], np.full(20_000, math.log(0.5 / 20_000))]
        )
        row = np.random.default_rng(0).permutation(logits)[None]
        for seed in range(5):
            params = SamplingParams(top_p=0.5)
            assert_same(*(draw_by(way, row, params, [seed]) for way in ("kernels", "general")), sign)


def mixed_batch() -> tuple[np.ndarray, list[SamplingParams], list[int], list[int]]:
    rng = np.random.default_rng(5)
    shapes = [SHAPES[row % len(SHAPES)] for row in range(30)]
    logits = np.stack([row_of(shape, 17_001, rng) for shape in shapes]).astype(np.float32)
    params = [SamplingParams(chain=chain_of(rng, 17_001), seed=row) for row in range(29)]
    params.append(SamplingParams(chain=Chain("typical_p=0.9"), seed=29))
    return logits, params, list(range(100, 130)), [row % 4 for row in range(30)]


def assert_rows_equal(some: SampleBatch, rows: list[int], alone: SampleBatch) -> None:
    for field in FIELDS:
        left, right = np.asarray(getattr(some, field))[rows], np.asarray(getattr(alone, field))
        assert np.array_equal(left.view(np.uint8), right.view(np.uint8)), field


def test_a_row_is_bitwise_the_same_alone_permuted_and_on_any_number_of_threads() -> None:
    logits, params, seeds, positions = mixed_batch()
    assert kernels.refusal(logits, params[0].resolved_chain) is None
    assert kernels.refusal(logits, params[-1].resolved_chain) is not None
    batch = sample(logits, params, seeds, positions)
    for row in range(30):
        assert_rows_equal(batch, [row], sample(logits[row], params[row], [seeds[row]], [positions[row]]))
    order = np.random.default_rng(1).permutation(30).tolist()
    wide = np.zeros((30, 2 * 17_001), dtype=np.float32)
    wide[:, ::2] = logits[order]
    views = (
        logits[order],
        np.asfortranarray(logits[order]),
        wide[:, ::2],
        np.repeat(logits[order], 2, axis=0)[::2],
    )
    before = threads.num_threads()
    try:
        for count, view in zip((1, 2, 5, 3), views, strict=True):
            set_num_threads(count)
            others = [[whole[row] for row in order] for whole in (params, seeds, positions)]
            assert_rows_equal(batch, order, sample(view, *others))
    finally:
        set_num_threads(before)


def test_several_callers_at_once_get_what_one_gets() -> None:
    logits, params, seeds, positions = mixed_batch()
    batch = sample(logits, params, seeds, positions)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: sample(logits, params, seeds, positions), range(8)):
            assert_rows_equal(result, list(range(30)), batch)


def test_half_floats_and_tensors_are_read_where_they_lie() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.randn((4, 20_000), generator=torch.Generator().manual_seed(0)) * 3
    params = SamplingParams(temperature=0.8, top_k=40)
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        given = logits.to(dtype)
        assert kernels.refusal(given, params.resolved_chain) is None
        exact = sample(given.to(torch.float64).numpy(), params, seeds=range(4))
        drawn = sample(given, params, seeds=range(4))
        assert drawn.ids.tolist() == exact.ids.tolist()
        assert np.allclose(drawn.entropy, exact.entropy, rtol=0, atol=TOLERANCE)
        turned = given.T.contiguous().T
        assert_rows_equal(drawn, [0, 1, 2, 3], sample(turned, params, seeds=range(4)))


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "bfloat16"])
def test_bad_rows_are_found_wherever_they_hide_and_the_others_come_back(dtype: str) -> None:
    """NaN of either sign, in whole blocks and in the last one; far below the maximum too."""
    rows = [row_of("gaussian", 20_001, np.random.default_rng(row)) for row in range(8)]
    good = sample(logits_of(rows, dtype), SamplingParams(temperature=0.7), seeds=range(8))
    rows[1][20_000] = np.nan
    rows[2][5000] = np.copysign(np.nan, -1.0)
    rows[3][77], rows[3][19_000] = np.inf, np.nan
    rows[4][77] = np.inf
    rows[5][:] = -np.inf
    with np.errstate(invalid="ignore"):
        broken = logits_of([np.where(np.isposinf(row), 1e30, row) for row in rows], dtype)
    infinite = np.isposinf(np.stack(rows))
    for row, token in np.argwhere(infinite):
        broken[row, token] = np.inf  # type: ignore[index]
    with pytest.raises(BadRowsError) as caught:
        sample(broken, SamplingParams(temperature=0.7), seeds=range(8))
    faults = {row: fault.split(",")[0] for row, fault in caught.value.rows.items()}
    assert faults == {
        1: "NaN among the logits",
        2: "NaN among the logits",
        3: "NaN among the logits",
        4: "+inf among the logits",
        5: "every token is -inf",
    }
    results = caught.value.results
    assert results.ids[[1, 2, 3, 4, 5]].tolist() == [-1] * 5
    assert np.isnan(results.entropy[[1, 2, 3, 4, 5]]).all()
    assert_rows_equal(
        results, [0, 6, 7], SampleBatch(**{name: getattr(good, name)[[0, 6, 7]] for name in FIELDS})
    )


def test_what_the_kernels_cannot_draw_goes_the_general_way_and_they_say_why() -> None:
    logits = np.zeros((1, 20_000), dtype=np.float32)
    for text, why in (
        ("typical_p=0.9", "do not know the stage typical_p"),
        ("top_k(5, ties=all)", "do not know the stage top_k"),
        ("top_p(0.9, min_keep=2)", "do not know the stage top_p"),
        ("top_k=3 | temperature=0", "before a temperature of 0"),
    ):
        assert why in str(kernels.refusal(logits, Chain(text))), text
    for text in (
        "",
        "temperature=0",
        "top_p=0.9 | temperature=2",
        "min_p=0.1 | top_k=3 | top_k=2",
        "temperature=1e-9",
    ):
        assert kernels.refusal(logits, Chain(text)) is None, text
    swapped = logits.astype(">f4")
    assert "do not read" in str(kernels.refusal(swapped, Chain()))
    assert sample(swapped, SamplingParams(), seeds=[1]).ids[0] == np.argmax(gumbel(1, 0, 20_000))
    assert "fewer than" in str(kernels.refusal(logits[:, : kernels.MIN_VOCABULARY - 1], Chain()))


@pytest.mark.parametrize("k", [2**53 - 1, 2**63, 2**64, 10**30])
def test_a_top_k_beyond_every_vocabulary_keeps_all(k: int) -> None:
    """shared/cases/01: k of 2^63 and more. Small and large rows, alone and after another cut."""
    for vocab in (7, 9000):
        logits = np.random.default_rng(vocab).normal(0, 2, (3, vocab)).astype(np.float32)
        for rest in ("", " | top_p=0.9"):
            drawn = sample(logits, {"chain": f"temperature=0.8 | top_k={k}{rest}"}, seeds=range(3))
            law = sample(logits, {"chain": f"temperature=0.8{rest}"}, seeds=range(3))
            assert drawn.ids.tolist() == law.ids.tolist()
            np.testing.assert_allclose(drawn.log_kept_mass, law.log_kept_mass, atol=1e-12)


def test_read_only_rows_are_drawn() -> None:
    logits = np.random.default_rng(1).normal(0, 2, (3, 9000)).astype(np.float32)
    drawn = sample(logits, SamplingParams(), seeds=range(3))
    logits.flags.writeable = False
    assert sample(logits, SamplingParams(), seeds=range(3)).ids.tolist() == drawn.ids.tolist()


@pytest.mark.parametrize("kept", [311, 312, 313, 314, 5000])
def test_a_short_list_and_one_longer_than_the_number_of_blocks_agree(kept: int) -> None:
    logits = np.random.default_rng(kept).normal(0, 1, (6, 20_000)).astype(np.float32)
    params = SamplingParams(temperature=1.4, top_k=kept)
    assert_same(*(draw_by(way, logits, params, list(range(6))) for way in ("kernels", "general")), kept)


def test_sums_are_as_exact_as_they_say() -> None:
    """ln of the row's sum, for the shapes that stress it: float32 weights, 2e-7 each at most; mass far from the top."""
    rng = np.random.default_rng(3)
    far = np.full(100_000, -11.3) + rng.standard_normal(100_000) * 1e-3
    far[17] = 0.0
    for row in (far, rng.standard_normal(100_000), row_of("zipf", 100_000, rng), np.full(100_000, 0.3)):
        for temperature in (0.7, 1.0, 3.0):
            logits = row.astype(np.float32)[None]
            drawn = draw_by("kernels", logits, SamplingParams(temperature=temperature), [1])
            law = draw_by("general", logits, SamplingParams(temperature=temperature), [1])
            for field in ("logprob_raw", "logprob_processed"):
                assert abs(getattr(drawn, field) - getattr(law, field))[0] < 3e-7


def test_sums_of_equal_logits_keep_half_of_the_promise() -> None:
    """Every piece of such a row rounds the same way; pieces of 512 gave 9e-7 where `SUM_ERROR` is 1e-6."""
    row, rng = np.zeros((1, 100_000), np.float32), np.random.default_rng(3)
    for below in rng.uniform(1, 14, 20):
        row[:] = -below
        row[0, 17] = 0.0
        for temperature in (0.45, 0.7, 1.7):
            drawn, law = (
                draw_by(way, row, SamplingParams(temperature=temperature), [1])
                for way in ("kernels", "general")
            )
            assert abs(drawn.logprob_processed - law.logprob_processed)[0] < SUM_ERROR / 2


def test_the_number_of_threads_is_checked() -> None:
    for count in (0, -1, True, 1.5):
        with pytest.raises(InputError, match="number of threads"):
            set_num_threads(count)  # type: ignore[arg-type]


def test_what_fails_in_a_helping_thread_is_raised_where_it_was_asked_for() -> None:
    caller = threading.get_ident()

    def work(_: np.ndarray) -> None:
        if threading.get_ident() != caller:
            raise ZeroDivisionError("in the helper")

    before = threads.num_threads()
    set_num_threads(2)
    try:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError, match="in the helper"):
                threads.share(work, 4, 100_000, 10)
        drawn: list[int] = []
        threads.share(lambda scratch: drawn.append(len(scratch)), 4, 100_000, 10)
        assert len(drawn) == 2 and min(drawn) >= 10
    finally:
        set_num_threads(before)


def test_noise_of_the_kernels_has_the_bits_of_the_noise() -> None:
    """Through the whole kernel: with equal logits the winner, and its margin, are the noise's own."""
    for num_tokens, seed in itertools.product((16_384, 50_001), range(20)):
        noise = gumbel(2**40 * seed + 1, seed, num_tokens)
        drawn = sample(
            np.zeros((1, num_tokens), dtype=np.float32), SamplingParams(), [2**40 * seed + 1], seed
        )
        first, second = np.sort(noise)[::-1][:2]
        assert drawn.ids[0] == np.argmax(noise)
        assert drawn.margin[0] == first - second


if __name__ == "__main__":
    number = 0
    for number, _ in enumerate(fuzz(10**6, int(sys.argv[1]), (1, 3, 64, 200, 1000, 5000, 17_000, 40_001))):
        if number % 500 == 0:
            print(number, flush=True)
    print("the same token in", number + 1, "batches")
