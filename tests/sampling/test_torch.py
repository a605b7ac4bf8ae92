"""`draw` on tensors, on the CPU device: the same noise bits, tokens and margins as numpy's way.

No GPU is needed; that the same operations give the same bits on one has not been tested here.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import law_cases
from retort.chain import Chain
from retort.distribution import log_softmax
from retort.errors import InputError
from retort.sampling import SamplingParams, gumbel_at, sample
from retort.sampling import draw as drawing
from retort.sampling.draw import COLUMNS, draw
from retort.sampling.noise import MAX_SEED, block_noise, first_arrivals, negated_log
from retort.transforms.context import Context

torch = pytest.importorskip("torch")

TOLERANCE = 1e-12
COMPILED_TOLERANCE = 1e-6
"""Of the numbers that `sample` reports on large vocabularies, which its compiled kernels add in another order."""
CHAINS = [
    "",
    "temperature=0.7 | top_p=0.9",
    "temperature=2",
    "top_k=3",
    "temperature=0",
    "top_k=2 | temperature=0",
    "min_p=0.1 | temperature=1.5",
    "temperature=1e-3",
]


def hard_rows(vocab: int) -> tuple[np.ndarray, list[int], list[int]]:
    """16 rows: ordinary ones, all equal, many ties, most tokens removed, one left, far apart; seeds and positions."""
    rng = np.random.default_rng(vocab)
    logits = rng.normal(0, 3, (16, vocab)).astype(np.float32)
    logits[3] = 0.0
    logits[4] = np.round(logits[4])
    logits[5, rng.random(vocab) < 0.9] = -np.inf
    logits[5, 0] = 1.0
    logits[6], logits[6, vocab // 2] = -np.inf, 0.0
    logits[7] *= 1e6
    logits[8] = np.where(np.arange(vocab) < vocab - 1, -np.inf, logits[8])
    logits[8, 0] = logits[8, -1]
    seeds = [int(seed) for seed in rng.integers(0, 2**63, 16)]
    seeds[0], seeds[1] = MAX_SEED, 2**32
    return logits, seeds, [0, 2**32 - 1, *range(2, 16)]


@pytest.mark.parametrize("vocab", [1, 2, 63, 64, 65, 130, 5000])
@pytest.mark.parametrize("chain", CHAINS)
def test_tokens_and_margins_are_bitwise_those_of_numpy(vocab: int, chain: str) -> None:
    logits, seeds, positions = hard_rows(vocab)
    ours = sample(logits, SamplingParams(chain=Chain.parse(chain)), seeds, positions)
    theirs = draw(torch.from_numpy(logits), Chain.parse(chain), seeds, positions)
    assert theirs.ids.dtype == np.int64
    for name in ("ids", "margin"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    tolerance = COMPILED_TOLERANCE if vocab >= 4096 else TOLERANCE
    for name in COLUMNS:
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("name", law_cases.CHAINS)
def test_every_transform_keeps_the_tokens_of_numpy(name: str) -> None:
    """30 random rows, half of them rounded so that many logits tie; histories, coins and positions of their own."""
    rng = np.random.default_rng(7)
    chain = law_cases.CHAINS[name]
    logits = rng.normal(0, 2, (30, law_cases.VOCAB))
    logits[::2] = np.round(logits[::2])
    histories = [[*rng.integers(0, law_cases.VOCAB, 12).tolist(), 64, 1] for _ in range(30)]
    coins = rng.random(30)
    context = Context(history=histories, prompt_lengths=[2] * 30, uniforms=lambda stream: coins)
    processed = chain.apply(logits, context=context)
    expected = np.argmax(
        processed + gumbel_at(np.arange(30)[:, None], 5, np.arange(law_cases.VOCAB)), axis=-1
    )
    # A tensor made without saying where would be on "meta" here and could not meet the rows (on a GPU: in main memory).
    with torch.device("meta"):
        drawn = draw(torch.from_numpy(logits), chain, range(30), [5] * 30, context)
    assert np.array_equal(drawn.ids, expected)
    np.testing.assert_allclose(
        drawn.logprob_processed, log_softmax(processed)[np.arange(30), expected], atol=TOLERANCE
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", ["contiguous", "strided", "transposed"])
def test_any_float_type_and_layout(dtype: torch.dtype, layout: str) -> None:
    rows = torch.from_numpy(np.random.default_rng(1).normal(0, 3, (6, 200))).to(dtype)
    logits = {
        "contiguous": rows,
        "strided": torch.stack([rows, rows], dim=-1)[..., 0],
        "transposed": rows.T.contiguous().T,
    }[layout]
    chain = Chain.parse("temperature=0.8 | top_k=40")
    ours = sample(rows.to(torch.float64).numpy(), SamplingParams(chain=chain), range(6), range(6))
    theirs = draw(logits.requires_grad_(True), chain, range(6), range(6))
    assert np.array_equal(ours.ids, theirs.ids)
    assert np.array_equal(ours.margin, theirs.margin)


def test_noise_has_the_same_bits() -> None:
    """Every token of three blocks, for seeds and positions at both ends of their range."""
    for seed, position in ((0, 0), (MAX_SEED, 2**32 - 1), (2**32 + 5, 77)):
        seeds = torch.from_numpy(np.array([seed], dtype=np.uint64).view(np.int64))
        positions, blocks = torch.tensor([position]), torch.arange(3)
        first, winners = first_arrivals(seeds, positions, blocks)
        noise = block_noise(seeds, positions, blocks, first, winners).flatten().numpy()
        assert np.array_equal(noise.view(np.int64), gumbel_at(seed, position, np.arange(192)).view(np.int64))


def test_logarithm_has_the_same_bits() -> None:
    values = np.concatenate([2.0 ** -np.arange(60), np.random.default_rng(0).exponential(1, 20_000), [700.0]])
    got = negated_log(torch.from_numpy(values)).numpy()
    assert np.array_equal(got.view(np.int64), negated_log(values).view(np.int64))


def test_few_blocks_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """32 rows of 64,000 tokens: under one block in five is opened, for peaked and flat rows."""
    opened = []

    def counted(seeds: object, positions: object, blocks: torch.Tensor, *rest: object) -> object:
        opened.append(blocks.numel())
        return block_noise(seeds, positions, blocks, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing, "block_noise", counted)
    rng = np.random.default_rng(0)
    for spread in (0.0, 1.0, 3.0, 8.0):
        draw(torch.from_numpy(rng.normal(0, spread, (32, 64_000))), Chain.parse(""), range(32), [0] * 32)
        assert opened[-1] < 32 * 1000 / 5, spread


def test_which_tensors_are_drawn_where_they_are() -> None:
    assert not drawing._on_accelerator(np.zeros(3))
    assert not drawing._on_accelerator(torch.zeros(3))
    assert not drawing._on_accelerator(torch.zeros(3, device="meta"))


def test_what_the_chain_refuses_is_refused() -> None:
    with pytest.raises(InputError, match="NaN"):
        draw(torch.tensor([[1.0, math.nan]]), Chain.parse("temperature=2"), [0], [0])
